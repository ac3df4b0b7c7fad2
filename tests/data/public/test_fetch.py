import functools
import hashlib
import http.server
import io
import shutil
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from i2i_zoo.cli.main import main
from i2i_zoo.data.public import fetch as module
from i2i_zoo.data.public.fetch import DATASETS, fetch
from i2i_zoo.errors import ZooError
from i2i_zoo.store import downloads

HORSE2ZEBRA = {"trainA/n02381460_2.jpg": b"horse", "trainB/n02391049_2.jpg": b"zebra", "testA/n02381460_20.jpg": b"h"}
FILES = {"facades/train/1.jpg": b"one" * 1000, "facades/val/1.jpg": b"two", "facades/test/1.jpg": b""}


def member(name, content=b"", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    return info, io.BytesIO(content)


def tar_of(path, *members):
    with tarfile.open(path, "w:gz") as tar:
        for info, stream in members:
            tar.addfile(info, stream)
    return path


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files with byte ranges; ``cut`` ends transfers after so many bytes."""

    cut = None
    ranges = True

    def do_GET(self):
        self.server.requests.append(self.headers.get("Range"))
        try:
            content = Path(self.translate_path(self.path)).read_bytes()
        except OSError:
            return self.send_error(404)
        asked, start = self.headers.get("Range"), 0
        if asked and self.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                return self.send_error(416)
            self.send_response(206)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][: Handler.cut])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server of ``tmp_path/www`` in the authors' layout; `fetch` is pointed at it."""
    www = tmp_path / "www"
    for method in ("pix2pix", "cyclegan"):
        (www / method / "datasets").mkdir(parents=True)
    facades = www / "pix2pix" / "datasets" / "facades.tar.gz"
    tar_of(facades, *(member(name, content) for name, content in FILES.items()))
    with zipfile.ZipFile(www / "cyclegan" / "datasets" / "horse2zebra.zip", "w") as opened:
        opened.writestr("horse2zebra/", b"")
        for name, content in HORSE2ZEBRA.items():
            opened.writestr(f"horse2zebra/{name}", content)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(www))) as server:
        server.requests, server.facades = [], facades
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(module, "ADDRESS", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "zoo_cache"))
        yield server
        server.shutdown()


def contents(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_fetch(server, tmp_path, capsys):
    folder = fetch("facades", tmp_path / "data")
    assert folder == tmp_path / "data" / "facades"
    assert contents(folder) == {name.removeprefix("facades/"): content for name, content in FILES.items()}
    assert [entry.name for entry in folder.parent.iterdir()] == ["facades"]  # no archive, nothing half-written
    shown = capsys.readouterr().err
    assert shown.index("CMP Facade Database") < shown.index("facades.tar.gz:")  # the terms, then the progress bar

    fetch("facades", tmp_path / "data")
    assert "already" in capsys.readouterr().err
    assert len(server.requests) == 1


def test_fetch_sets_without_pairs(server, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "fetch", "horse2zebra"]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{Path('data') / 'horse2zebra'}\n"
    assert shown.err.startswith("horse2zebra: photographs of wild horses (A) and zebras (B), from ImageNet. It comes")
    assert "cite that and CycleGAN." in shown.err
    assert contents(Path("data")) == {f"horse2zebra/{name}": content for name, content in HORSE2ZEBRA.items()}

    assert main(["data", "fetch", "horse2zebra"]) == 0
    assert "data/horse2zebra is there already; nothing to do." in capsys.readouterr().err
    assert main(["data", "fetch", "apple2orange"]) == 1
    assert (
        f"{module.ADDRESS}/cyclegan/datasets/apple2orange.zip: the download failed (Not Found)"
        in capsys.readouterr().err
    )
    assert [folder.name for folder in Path("data").iterdir()] == ["horse2zebra"]


def test_every_dataset_names_its_origin():
    """One sentence each, which goes on with the terms; an address of its own, and an archive named after it."""
    assert len({archive.path for archive in DATASETS.values()}) == len(DATASETS)
    for name, archive in DATASETS.items():
        assert archive.path.rpartition("/")[2].partition(".")[0] == name
        assert not archive.contents.endswith(".")
        assert "(A)" in archive.contents or name == "ae_photos"
    addresses = {f"{module.ADDRESS}/{archive.path}" for archive in DATASETS.values()}
    assert set(module.SHA256) < addresses
    assert all(address.startswith("https://") for address in addresses)
    assert DATASETS["maps"].path == "pix2pix/datasets/maps.tar.gz"  # CycleGAN's of that name hold the same pictures
    assert DATASETS["grumpifycat"].method == "CUT"


def test_keep_archive(server, tmp_path):
    fetch("facades", tmp_path, keep_archive=True)
    assert (tmp_path / "facades.tar.gz").read_bytes() == server.facades.read_bytes()
    shutil.rmtree(tmp_path / "facades")
    fetch("facades", tmp_path)  # from the archive
    assert len(server.requests) == 1
    assert not (tmp_path / "facades.tar.gz").exists()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_transfer_is_noticed_and_continued(server, tmp_path, monkeypatch, ranges):
    monkeypatch.setattr(Handler, "ranges", ranges)
    monkeypatch.setattr(Handler, "cut", 50)
    size = server.facades.stat().st_size
    with pytest.raises(ZooError, match=rf"broke off after 50 of {size} bytes"):
        fetch("facades", tmp_path)
    assert not (tmp_path / "facades").exists()
    assert not (tmp_path / "facades.tar.gz").exists()
    monkeypatch.setattr(Handler, "cut", None)
    assert len(contents(fetch("facades", tmp_path))) == 3
    assert server.requests == [None, "bytes=50-"]


def test_a_leftover_that_is_no_beginning_starts_afresh(server, tmp_path):
    (tmp_path / "facades.tar.gz.part").write_bytes(bytes(10**6))
    assert len(contents(fetch("facades", tmp_path))) == 3
    assert server.requests == ["bytes=1000000-", None]


def test_interrupted(server, tmp_path, monkeypatch):
    def interrupt(self, count=1):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(downloads.tqdm, "update", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch("facades", tmp_path)
    assert not (tmp_path / "facades").exists()
    assert len(contents(fetch("facades", tmp_path))) == 3


def test_missing_on_the_server(server, tmp_path):
    with pytest.raises(ZooError, match=r"maps\.tar\.gz: the download failed \(Not Found\)"):
        fetch("maps", tmp_path)


def test_no_server(tmp_path, monkeypatch):
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as closed:
        address = f"http://127.0.0.1:{closed.server_port}"
    monkeypatch.setattr(module, "ADDRESS", address)
    with pytest.raises(ZooError, match=r"download failed .*refused"):
        fetch("facades", tmp_path)


def test_a_silent_server_times_out(tmp_path, monkeypatch):
    class Silent(Handler):
        def do_GET(self):
            stop.wait(5)

    stop = threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(module, "ADDRESS", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(downloads, "TIMEOUT", 0.2)
        with pytest.raises(ZooError, match=r"download failed \(.*timed out"):
            fetch("facades", tmp_path)
        stop.set()
        server.shutdown()


def test_no_space(server, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 0, 100))
    with pytest.raises(ZooError, match=r"GB are needed, but 0\.00 GB are free"):
        fetch("facades", tmp_path)
    assert not list(tmp_path.glob("facades*"))


def test_unknown_name_and_unusable_root(tmp_path):
    with pytest.raises(ZooError, match=f"'facade': choose from {', '.join(DATASETS)}"):
        fetch("facade", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ZooError, match="cannot be made"):
        fetch("facades", tmp_path / "file")


def test_an_archive_that_was_replaced_is_refused(server, tmp_path, capsys):
    fetch("facades", tmp_path / "data")
    first = hashlib.sha256(server.facades.read_bytes()).hexdigest()
    url = f"{module.ADDRESS}/pix2pix/datasets/facades.tar.gz"
    (record,) = (tmp_path / "zoo_cache" / "sha256").iterdir()
    assert (
        f"sha256 {first} recorded in {record}; no published checksum is known for {url} and plain http protects "
        "nothing on the way.\n"
    ) in capsys.readouterr().err
    fetch("facades", tmp_path / "again")
    assert "recorded" not in capsys.readouterr().err

    tar_of(server.facades, member("facades/train/1.jpg", b"other"))
    second = hashlib.sha256(server.facades.read_bytes()).hexdigest()
    with pytest.raises(ZooError) as caught:
        fetch("facades", tmp_path / "elsewhere")
    assert str(caught.value) == (
        f"{url} serves another file than at its first use (sha256 {second}, at first {first}), so it was not kept: if "
        f"its authors have replaced it, delete {record} to accept the new one."
    )
    assert not list((tmp_path / "elsewhere").iterdir())
    record.unlink()
    assert contents(fetch("facades", tmp_path / "elsewhere")) == {"train/1.jpg": b"other"}


def test_what_is_no_archive_is_not_trusted(server, tmp_path):
    whole = server.facades.read_bytes()
    server.facades.write_bytes(b"<html>try later</html>")
    with pytest.raises(ZooError, match="not an archive"):
        fetch("facades", tmp_path)
    (tmp_path / "facades.tar.gz").unlink()
    server.facades.write_bytes(whole)
    assert len(contents(fetch("facades", tmp_path))) == 3


def test_archives_with_a_published_checksum_are_pinned(server, tmp_path, monkeypatch):
    monkeypatch.setitem(module.SHA256, f"{module.ADDRESS}/cyclegan/datasets/horse2zebra.zip", "a" * 64)
    with pytest.raises(ZooError, match="what it serves is not the file whose SHA-256 begins aaaaaaaa"):
        fetch("horse2zebra", tmp_path)
