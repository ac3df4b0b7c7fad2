"""Archives: unpacked whole or one file of them, and refused when they are broken or hostile."""

from __future__ import annotations

import gzip
import io
import os
import re
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest

from i2i_zoo.errors import ZooError
from i2i_zoo.store import archives
from i2i_zoo.store.archives import ArchiveError, extract, extract_member, new_folder

Member = tuple[tarfile.TarInfo, io.BytesIO]


def member(
    name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, io.BytesIO]:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    return info, io.BytesIO(content)


def tar_of(path: Path, *members: Member) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, stream in members:
            tar.addfile(info, stream)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """An archive of two files in one folder."""
    return tar_of(tmp_path / "whole.tar.gz", member("top/1.jpg", b"one" * 1000), member("top/more/2.jpg", b"two"))


UNSAFE = [
    (member("a/../../evil", b"x"), "outside"),
    (member("/tmp/evil", b"x"), "outside"),
    (member("..\\evil", b"x"), "outside"),
    (member("C:/evil", b"x"), "outside"),
    (member("link", kind=tarfile.SYMTYPE, link="/etc"), "link or device"),
    (member("link", kind=tarfile.SYMTYPE, link="../.."), "link or device"),
    (member("link", kind=tarfile.LNKTYPE, link="/etc/passwd"), "link or device"),
    (member("pipe", kind=tarfile.FIFOTYPE), "link or device"),
    (member("device", kind=tarfile.CHRTYPE), "link or device"),
]


@pytest.mark.parametrize(("bad", "reason"), UNSAFE)
def test_unsafe_archives_are_refused(tmp_path: Path, bad: Member, reason: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    archive = tar_of(inside / "x.tar.gz", member("good", b"1"), bad, member("link/evil", b"x"))
    with pytest.raises(ZooError, match=reason):
        extract(archive, inside / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["inside"]
    assert [entry.name for entry in inside.iterdir()] == ["x.tar.gz"]


def test_an_unsafe_zip_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("../evil", b"x")
    with pytest.raises(ZooError, match="outside"):
        extract(archive, tmp_path / "out")
    with zipfile.ZipFile(archive, "w") as opened:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        opened.writestr(link, "/etc")
    with pytest.raises(ZooError, match="is a link or device"):
        extract(archive, tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.zip"]


def test_zip_and_tar_of_several_entries(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as opened:
        opened.writestr("folder/", b"")
        opened.writestr("folder/a.txt", b"a")
        opened.writestr("licence.txt", b"b")
    extract(tmp_path / "x.zip", tmp_path / "zip")
    assert contents(tmp_path / "zip") == {"folder/a.txt": b"a", "licence.txt": b"b"}
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        tar.addfile(*member("top", kind=tarfile.DIRTYPE))
        tar.addfile(*member("top/top/a.txt", b"a"))
    extract(tmp_path / "x.tar", tmp_path / "tar")
    assert contents(tmp_path / "tar") == {"top/a.txt": b"a"}


def test_broken_archives(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    checksum = data[:-8] + b"????" + data[-4:]
    short = gzip.compress(gzip.decompress(data)[:1000])
    for number, content in enumerate([data[:-20], checksum, short, b"no archive", b""]):
        archive = tmp_path / f"{number}.tar.gz"
        archive.write_bytes(content)
        with pytest.raises(ZooError, match=rf"{number}\.tar\.gz: the archive cannot be unpacked"):
            extract(archive, tmp_path / f"out{number}")
        assert not list(tmp_path.glob(f"out{number}*"))
    with pytest.raises(ZooError, match=r"none\.tar\.gz: .*No such file"):
        extract(tmp_path / "none.tar.gz", tmp_path / "out")


def test_an_existing_folder_is_left_alone(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_bytes(b"mine")
    with pytest.raises(ZooError, match="exists already"):
        extract(whole, out)
    assert contents(out) == {"mine": b"mine"}


def test_a_folder_around_everything_is_left_out(whole: Path, tmp_path: Path) -> None:
    extract(whole, tmp_path / "out")
    assert contents(tmp_path / "out") == {"1.jpg": b"one" * 1000, "more/2.jpg": b"two"}


def bomb(path: Path) -> Path:
    """A small archive of three megabytes of zeros in three files."""
    files = {f"{name}.bin": bytes(10**6) for name in "abc"}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, content in files.items():
                opened.writestr(name, content)
    else:
        tar_of(path, *(member(name, content) for name, content in files.items()))
    assert path.stat().st_size < 10**4
    return path


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.tar.gz"])
def test_contents_far_larger_than_the_archive_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = bomb(tmp_path / name)
    monkeypatch.setattr(archives, "EXTRA", 10**6)
    with pytest.raises(ZooError, match=r"cannot be unpacked \(its contents take more than 0\.00 GB\); delete it"):
        extract(archive, tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    monkeypatch.setattr(archives, "EXTRA", 3 * 10**6)
    extract(archive, tmp_path / "out")
    assert sum(map(len, contents(tmp_path / "out").values())) == 3 * 10**6


def test_a_sparse_file_is_counted_as_it_will_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GNU tar describes a file of zeros by its size; written out it would be as large as the archive claims."""
    header = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": "0,0",
        "GNU.sparse.size": str(8 * 10**9),
    }
    info = tarfile.TarInfo("zeros")
    info.pax_headers = header | {"GNU.sparse.numblocks": "1", "GNU.sparse.name": "zeros"}
    with tarfile.open(tmp_path / "sparse.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info)
    with tarfile.open(tmp_path / "sparse.tar") as tar:
        assert tar.next().size == 8 * 10**9
    monkeypatch.setattr(archives, "EXTRA", 10**6)
    for unpack in (lambda file: extract(file, tmp_path / "out"), lambda file: extract_member(file, "zeros")):
        with pytest.raises(ZooError, match="its contents take more than"):
            unpack(tmp_path / "sparse.tar")
    assert sum(entry.stat().st_size for entry in tmp_path.iterdir()) < 3 * 10**6


def test_contents_that_do_not_fit_on_the_disk(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda path: archives.shutil._ntuple_diskusage(2000, 0, 2000))
    with pytest.raises(ZooError, match="its contents take more than"):
        extract(whole, tmp_path / "out")
    with pytest.raises(ZooError, match="its contents take more than"):
        extract_member(whole, "1.jpg")
    assert extract_member(whole, "2.jpg").read_bytes() == b"two"


def test_an_archive_without_a_file(tmp_path: Path) -> None:
    tar_of(tmp_path / "nothing.tar.gz")
    tar_of(tmp_path / "folders.tar.gz", member("a", kind=tarfile.DIRTYPE), member("a/b", kind=tarfile.DIRTYPE))
    with zipfile.ZipFile(tmp_path / "folders.zip", "w") as opened:
        opened.writestr("a/", b"")
    for name in ("nothing.tar.gz", "folders.tar.gz", "folders.zip"):
        with pytest.raises(ZooError, match=r"cannot be unpacked \(it holds no file\)"):
            extract(tmp_path / name, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_one_file(whole: Path, tmp_path: Path) -> None:
    path = extract_member(whole, "more/2.jpg")
    assert path.read_bytes() == b"two"
    assert path.parent == tmp_path
    with pytest.raises(ZooError, match=r"the archive has no file ore/2\.jpg"):
        extract_member(whole, "ore/2.jpg")


@pytest.mark.parametrize(("bad", "reason"), UNSAFE)
def test_unsafe_files_are_not_the_one_that_is_wanted(tmp_path: Path, bad: Member, reason: str) -> None:
    wanted = Path(bad[0].name.replace("\\", "/")).name
    bad[1].seek(0)
    archive = tar_of(tmp_path / "x.tar.gz", bad)
    with pytest.raises(ZooError, match=f"the archive has no file {wanted}"):
        extract_member(archive, wanted)
    bad[1].seek(0)
    archive = tar_of(tmp_path / "x.tar.gz", bad, member(f"safe/{wanted}", b"good"))
    assert extract_member(archive, wanted).read_bytes() == b"good"


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path: Path) -> None:
    """PyTorch's files are zips, which the standard library would also find at the end of a tar."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as opened:
        opened.writestr("archive/data.pkl", b"x")
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        tar.addfile(*member("net.pth", inner.getvalue()))
    assert zipfile.is_zipfile(tmp_path / "x.tar")
    extract(tmp_path / "x.tar", tmp_path / "out")
    assert contents(tmp_path / "out") == {"net.pth": inner.getvalue()}


def test_a_folder_of_the_user_stays(tmp_path: Path) -> None:
    (tmp_path / "data.part").mkdir()
    (tmp_path / "data.part" / "mine").write_text("mine")
    with new_folder(tmp_path / "data") as temporary:
        (temporary / "picture").write_text("")
    assert (tmp_path / "data.part" / "mine").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.part"]


def _header(kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def _with_size(size: int) -> bytes:
    """A tar whose only file states this size, in base 256."""
    header = bytearray(_header(tarfile.REGTYPE, 0))
    header[124:136] = b"\xff" + size.to_bytes(11, "big", signed=True)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(10240)


def _zip(*names: str) -> bytes:
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w") as opened:
        warnings.simplefilter("ignore")  # of two files of one name
        for name in names:
            opened.writestr(name, b"hello")
    return packed.getvalue()


def _encrypted(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[changed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_header(tarfile.REGTYPE, 8 * 10**9) + bytes(1024), r"its contents take more than 1\.00 GB"),
        (gzip.compress(_header(tarfile.XHDTYPE, 10**9) + bytes(2**25)), "one of its headers is too large"),
        (gzip.compress(_header(tarfile.GNUTYPE_LONGNAME, 10**9) + bytes(2**25)), "one of its headers is too large"),
        (_with_size(-1), "the size of 'x' is negative"),
        (_with_size(-512), "the size of 'x' is negative"),
        (_zip("a/b", "a/b"), "'a/b' is in it twice"),
        (_zip("a", "a/b"), "File exists"),
        (_zip("a" * 300), "File name too long"),
        (_encrypted(_zip("a")), "'a' is encrypted"),
        (_zip("é").replace("é".encode(), b"\xff\xfe"), "its headers are broken"),
        (_zip("a").replace(b"hello", b"hellx", 1), "Bad CRC-32 for file 'a'"),
    ],
    ids=[
        *("bomb", "pax header", "long name header", "negative", "backwards", "twice", "file and folder", "long"),
        *("encrypted", "no text", "checksum"),
    ],
)
def test_hostile_headers(content: bytes, reason: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(content)
    with pytest.raises(ArchiveError) as caught:
        extract(archive, tmp_path / "out")
    assert re.fullmatch(
        rf"{archive}: the archive cannot be unpacked \({reason}\); delete it if it is broken\.", str(caught.value)
    )
    assert os.listdir(tmp_path) == ["archive"]


def test_a_file_without_a_name(tmp_path: Path) -> None:
    archive = tar_of(tmp_path / "x.tar.gz", member(".", b"x"))
    with pytest.raises(ZooError, match=r"'\.' has no name; the archive is not safe"):
        extract(archive, tmp_path / "out")


def test_very_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FILES", 2)
    archive = tar_of(tmp_path / "x.tar.gz", *(member(str(i)) for i in range(3)))
    with pytest.raises(ArchiveError, match="it holds more than 2 files"):
        extract(archive, tmp_path / "out")
