"""The downloader against a local server that cuts transfers, redirects and lies."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from i2i_zoo.store import downloads
from i2i_zoo.store.downloads import DownloadError, download
from servers import Handler, Server, running

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Moody(Handler):
    """Serves `CONTENT` with byte ranges, in the mood that the address names."""

    def do_GET(self) -> None:
        mood, asked = self.path.strip("/").partition(".")[0], self.headers.get("Range")
        self.owner.ranges.append(asked)
        if mood in self.owner.redirects:
            return self.answer(302, Location=self.owner.redirects[mood])
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if start >= len(CONTENT):
            return self.answer(416)
        body = CONTENT[start:]
        if mood == "cut" and not asked:
            return self.answer(200, body[:1000], length=len(body))
        if mood in ("nonsense", "negative"):
            self.send_response(200)
            self.send_header("Content-Length", {"nonsense": "many", "negative": "-5"}[mood])
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(CONTENT)
            self.close_connection = True
            return None
        if mood == "slow":
            self.owner.gate.wait(10)
        return self.answer(206 if asked else 200, body)


class MoodyServer(Server):
    def __init__(self) -> None:
        #: Address to where it leads.
        self.redirects: dict[str, str] = {}
        #: The byte ranges that were asked for.
        self.ranges: list[str | None] = []
        self.gate = threading.Event()
        super().__init__(Moody)


@pytest.fixture
def server() -> Iterator[MoodyServer]:
    with running(MoodyServer()) as server:
        yield server


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_with_its_progress(server: MoodyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    download(f"{server.url}/plain.bin", tmp_path / "plain.bin", sha256=SHA256)
    assert (tmp_path / "plain.bin").read_bytes() == CONTENT
    assert names(tmp_path) == ["plain.bin"]
    assert "plain.bin: 100%" in capsys.readouterr().err
    download(f"{server.url}/plain.bin", tmp_path / "plain.bin")  # it is there
    assert server.ranges == [None]


def test_what_was_cut_is_continued(server: MoodyServer, tmp_path: Path) -> None:
    file = tmp_path / "cut.bin"
    with pytest.raises(DownloadError, match=rf"broke off after 1000 of {len(CONTENT)} bytes\).*try again"):
        download(f"{server.url}/cut.bin", file, sha256=SHA256)
    assert names(tmp_path) == ["cut.bin.part"]
    download(f"{server.url}/cut.bin", file, sha256=SHA256)
    assert file.read_bytes() == CONTENT
    assert names(tmp_path) == ["cut.bin"]
    assert server.ranges == [None, "bytes=1000-"]


def test_another_file_than_expected_leaves_nothing(server: MoodyServer, tmp_path: Path) -> None:
    url = f"{server.url}/plain.bin"
    with pytest.raises(DownloadError, match="what it serves is not the file whose SHA-256 begins 12345678"):
        download(url, tmp_path / "plain.bin", sha256="1234567890")
    (tmp_path / "plain.bin.part").write_bytes(b"the beginning of something else")
    with pytest.raises(DownloadError, match=f"SHA-256 begins {SHA256[:8]}"):
        download(url, tmp_path / "plain.bin", sha256=SHA256)
    assert names(tmp_path) == []
    download(url, tmp_path / "plain.bin", sha256=SHA256[:8])
    assert names(tmp_path) == ["plain.bin"]


@pytest.mark.parametrize("mood", ["nonsense", "negative"])
def test_a_malformed_length_is_no_length(server: MoodyServer, tmp_path: Path, mood: str) -> None:
    download(f"{server.url}/{mood}", tmp_path / "file", sha256=SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_redirects_lead_to_the_web_only(server: MoodyServer, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    server.redirects = {
        "moved": f"{server.url}/plain",
        "ftp": "ftp://127.0.0.1/secret",
        "file": (tmp_path / "secret").as_uri(),
        "round": f"{server.url}/round",
        "nonsense": "http://[127.0.0.1/",
    }
    for name in ("ftp", "file", "round", "nonsense"):
        with pytest.raises(DownloadError) as caught:
            download(f"{server.url}/{name}", tmp_path / "file")
        assert str(caught.value).startswith(f"{server.url}/{name}: the download failed (")
        assert "\n" not in str(caught.value)
    for url in ("ftp://127.0.0.1/secret", server.redirects["file"], "secret"):
        with pytest.raises(DownloadError):
            download(url, tmp_path / "file")
    assert names(tmp_path) == ["secret"]
    download(f"{server.url}/moved", tmp_path / "file", sha256=SHA256)


def test_errors_are_plain(server: MoodyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "TIMEOUT", 0.2)
    with pytest.raises(DownloadError, match=r"slow: the download failed \(timed out\); check the network and the disk"):
        download(f"{server.url}/slow", tmp_path / "file")
    server.gate.set()
    (tmp_path / "taken").touch()
    with pytest.raises(DownloadError, match=r"\(Not a directory\)"):
        download(f"{server.url}/plain", tmp_path / "taken" / "folder" / "file")
    server.stop()
    with pytest.raises(DownloadError, match=r"\(Connection refused\)"):
        download(f"{server.url}/plain", tmp_path / "file")


def test_too_little_room(server: MoodyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = downloads.shutil._ntuple_diskusage  # type: ignore[attr-defined]  # what `disk_usage` returns
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: usage(0, 0, 2 * len(CONTENT)))
    with pytest.raises(DownloadError, match=r"0\.00 GB are needed, but 0\.00 GB are free\); check .* the disk"):
        download(f"{server.url}/plain", tmp_path / "file", unpacked=1.1)
    assert names(tmp_path) == []
    download(f"{server.url}/plain", tmp_path / "file", unpacked=0.9)


def test_of_several_at_once_only_one_downloads(server: MoodyServer, tmp_path: Path) -> None:
    """As happens when all processes of a training run need the same frozen network."""
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(download, f"{server.url}/slow", tmp_path / "file", sha256=SHA256) for _ in range(3)]
        done, _ = wait(waiting, timeout=0.5)
        assert not done
        server.gate.set()
    for future in waiting:
        future.result()
    assert server.ranges == [None]
    assert names(tmp_path) == ["file"]
