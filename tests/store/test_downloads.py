"""The downloader against a local server that cuts transfers, redirects and lies."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from i2i_zoo.errors import ZooError
from i2i_zoo.store import downloads
from i2i_zoo.store.downloads import DownloadError, download
from i2i_zoo.store.first_use import zoo_cache
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
        if mood == "encoded":
            return self.answer(200, gzip.compress(CONTENT), Content_Encoding="gzip")
        if mood == "elsewhere" and asked:
            return self.answer(206, CONTENT[5:], Content_Range=f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}")
        if mood == "other":
            return self.answer(200, CONTENT[::-1])
        if mood in ("nonsense", "negative", "long", "silent"):
            self.send_response(200)
            if mood != "silent":
                lengths = {"nonsense": "many", "negative": "-5", "long": str(len(CONTENT) - 9)}
                self.send_header("Content-Length", lengths[mood])
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
def server(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[MoodyServer]:
    """The server, and an empty cache."""
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
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


@pytest.mark.parametrize("mood", ["nonsense", "negative", "silent"])
def test_a_malformed_length_is_no_length(server: MoodyServer, tmp_path: Path, mood: str) -> None:
    download(f"{server.url}/{mood}", tmp_path / "file", sha256=SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_more_than_the_length_says_is_left(server: MoodyServer, tmp_path: Path) -> None:
    download(f"{server.url}/long", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT[:-9]


def test_an_encoding_that_nobody_asked_for(server: MoodyServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"\(the server encodes it as 'gzip'\)"):
        download(f"{server.url}/encoded.bin", tmp_path / "file")
    assert names(tmp_path) == []
    download(f"{server.url}/encoded.tar.gz", tmp_path / "file")  # that file is meant
    assert gzip.decompress((tmp_path / "file").read_bytes()) == CONTENT


def test_a_range_that_nobody_asked_for(server: MoodyServer, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:100])
    download(f"{server.url}/elsewhere", tmp_path / "file", sha256=SHA256)
    assert server.ranges == ["bytes=100-", None]


def test_the_first_file_is_trusted_and_later_ones_compared(
    server: MoodyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.redirects["it"] = f"{server.url}/plain"
    url, file = f"{server.url}/it", tmp_path / "file"
    download(url, file)
    (record,) = zoo_cache().glob("sha256/it-*")
    assert record.read_text() == f"{SHA256}  {url}\n"
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == (
        f"sha256 {SHA256} recorded in {record}; no published checksum is known for {url} and plain http protects "
        "nothing on the way."
    )
    download(url, file)
    download(url, tmp_path / "another place")
    assert "recorded" not in capsys.readouterr().err

    server.redirects["it"] = f"{server.url}/other"
    other = hashlib.sha256(CONTENT[::-1]).hexdigest()
    with pytest.raises(ZooError) as caught:
        download(url, tmp_path / "third")
    assert str(caught.value) == (
        f"{url} serves another file than at its first use (sha256 {other}, at first {SHA256}), so it was not kept: if "
        f"its authors have replaced it, delete {record} to accept the new one."
    )
    assert names(tmp_path) == ["another place", "file"]
    file.write_bytes(CONTENT[::-1])
    with pytest.raises(ZooError) as caught:
        download(url, file)
    assert str(caught.value) == (
        f"{file} is not what {url} served at its first use (sha256 {other}, at first {SHA256}): delete {file} to fetch "
        f"it again, or delete {record} to accept it."
    )
    record.unlink()
    download(url, tmp_path / "third")
    assert record.read_text().startswith(other)
    record.write_text("nonsense")
    with pytest.raises(ZooError, match=rf"{record} does not hold the sha256 of {url}; delete it"):
        download(url, tmp_path / "third")


def test_a_record_that_cannot_be_written_is_said(
    server: MoodyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").touch()
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "taken"))
    download(f"{server.url}/plain", tmp_path / "file")
    assert "could not be recorded in" in capsys.readouterr().err
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
