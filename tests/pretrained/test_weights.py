"""Weights of frozen networks: verified, and kept where torch keeps its own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from i2i_zoo.errors import ZooError
from i2i_zoo.pretrained.weights import MissingWeights, fetch
from servers import FileServer, running


def test_files_are_verified_and_kept() -> None:
    content = b"weights"
    digest = hashlib.sha256(content).hexdigest()
    cache = Path(torch.hub.get_dir(), "checkpoints")
    with running(FileServer()) as server:
        server.files = {"net.pth": content, "other.pth": content}
        with pytest.raises(MissingWeights, match=r"other\.pth cannot be fetched \(what it serves is not .* 12345678\)"):
            fetch(f"{server.url}/other.pth", "1234567890")
        with pytest.raises(MissingWeights, match=r"gone\.pth cannot be fetched .*Not Found.*option weights"):
            fetch(f"{server.url}/gone.pth", digest)
        path = fetch(f"{server.url}/net.pth", digest)
    assert path.read_bytes() == content
    assert fetch(f"{server.url}/net.pth", digest) == path  # without the server
    with pytest.raises(MissingWeights, match=r"new\.pth cannot be fetched .*refused"):
        fetch(f"{server.url}/new.pth", digest)
    assert path.parent == cache
    assert [path.name for name in ("net", "other", "gone", "new") for path in cache.glob(f"{name}*")] == ["net.pth"]


def test_the_digits_at_the_end_of_the_name_are_the_hash() -> None:
    content = b"weights"
    digest = hashlib.sha256(content).hexdigest()[:8]
    with running(FileServer()) as server:
        server.files = {f"vgg-{digest}.pth": content, "vgg-00000000.pth": content}
        assert fetch(f"{server.url}/vgg-{digest}.pth").read_bytes() == content
        with pytest.raises(MissingWeights, match=r"begins 00000000\): put that file at \S+, or do without\.$"):
            fetch(f"{server.url}/vgg-00000000.pth", otherwise="do without")


def test_without_a_hash_the_first_file_is_trusted(capsys: pytest.CaptureFixture[str]) -> None:
    with running(FileServer()) as server:
        url = f"{server.url}/unnamed.pth"
        server.files["unnamed.pth"] = b"first"
        path = fetch(url)
        first = hashlib.sha256(b"first").hexdigest()
        assert f"sha256 {first} recorded in " in capsys.readouterr().err
        assert fetch(url) == path
        assert capsys.readouterr().err == ""
        path.write_bytes(b"changed")
        with pytest.raises(
            ZooError, match=rf"unnamed\.pth is not what {url} served at its first use .*at first {first}"
        ):
            fetch(url)
        path.unlink()
        server.files["unnamed.pth"] = b"second"
        with pytest.raises(
            ZooError, match=rf"serves another file than .*at first {first}\).*: .* delete \S+ to accept"
        ):
            fetch(url)
        assert not path.exists()
