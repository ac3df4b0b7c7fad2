"""The one unpacker: tar and zip archives, which may be broken or hostile."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from io import BufferedIOBase
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from i2i_zoo.atomic import atomic_write, remove_leftovers
from i2i_zoo.errors import ZooError

from .downloads import CHUNK

#: How large the contents may be: a multiple of the archive's size, plus a number of bytes.
EXPANSION, EXTRA = 100, 10**9

#: How many files may be in an archive; a small one could hold very many that are empty.
FILES = 10**6

#: The longest read of a tar's headers, which are read into memory whole.
HEADER = 1 << 24

#: What the standard library raises for an archive that is broken, encrypted or packed in an unknown way, and for a full
#: disk.
_FAILURES = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
)

#: How compressed tars begin, and what reads them.
_COMPRESSIONS = {b"\x1f\x8b": gzip.GzipFile, b"BZh": bz2.BZ2File, b"\xfd7zXZ": lzma.LZMAFile}


class ArchiveError(ZooError):
    """An archive that cannot be unpacked; ``reason`` says why, for callers that can name a better remedy."""

    def __init__(self, archive: Path, reason: str) -> None:
        super().__init__(f"{archive}: the archive cannot be unpacked ({reason}); delete it if it is broken.")
        self.reason = reason


class _Member(NamedTuple):
    """One file of an archive, or something that should not be in one."""

    name: str
    #: Why it must not be unpacked; empty if it may.
    danger: str
    open: Callable[[], IO[bytes] | None]
    #: Its size as the archive states it.
    size: int

    @property
    def parts(self) -> tuple[str, ...]:
        return _path(self.name).parts


def extract(archive: str | Path, folder: str | Path) -> None:
    """Unpack a tar (also compressed) or zip archive into a new folder, which appears when it is complete.

    If everything in the archive lies in one folder, that folder's contents are unpacked.

    Raises:
        ArchiveError: If the archive is broken or empty, its contents are far larger than such archives are, or the disk
            is full.
        ZooError: If the archive holds a link, a device, or a path that leaves the folder; if the folder exists.
    """
    archive, folder = Path(archive), Path(folder)
    with new_folder(folder) as temporary, _one_sentence(archive):
        budget = _Budget(archive, temporary)
        for member in _members(archive):
            if member.danger:
                raise ZooError(f"{archive}: {member.name!r} {member.danger}; the archive is not safe, delete it.")
            target = temporary.joinpath(*member.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            budget.copy(member, target)
        entries = list(temporary.iterdir())
        if not entries:
            raise ArchiveError(archive, "it holds no file")
        if len(entries) == 1 and entries[0].is_dir():
            top = entries[0].rename(temporary / ".top")  # out of the way of an entry of its own name
            for entry in list(top.iterdir()):
                entry.rename(temporary / entry.name)
            top.rmdir()


def extract_member(archive: Path, wanted: str) -> Path:
    """Unpack one file of a tar or zip archive: the first whose path ends with ``wanted``.

    Links, devices and paths that leave the archive's folder are passed over.

    Returns:
        The file, which is written beside the archive.

    Raises:
        ArchiveError: If the archive is broken or has no such file, or the disk is full.
    """
    path, parts = archive.with_name(f"{archive.name}.unpacked"), PurePosixPath(wanted).parts
    with _one_sentence(archive):
        for member in _members(archive):
            if not member.danger and member.parts[-len(parts) :] == parts:
                with atomic_write(path) as partial:
                    _Budget(archive, archive.parent).copy(member, partial)
                return path
    raise ArchiveError(archive, f"the archive has no file {wanted}")


class _Budget:
    """Copies files, as long as together they are no larger than a usual archive's contents and the free disk.

    Without it, an archive of a few kilobytes could fill the disk.
    """

    def __init__(self, archive: Path, folder: Path) -> None:
        self.archive = archive
        self.limit = min(EXPANSION * archive.stat().st_size + EXTRA, shutil.disk_usage(folder).free)
        self.used = self.files = 0

    def copy(self, member: _Member, target: Path) -> None:
        self._check(self.used + member.size)  # before anything is written
        if os.path.lexists(target):
            raise ArchiveError(self.archive, f"{member.name!r} is in it twice")
        self.files += 1
        if self.files > FILES:
            raise ArchiveError(self.archive, f"it holds more than {FILES} files")
        source = member.open()
        assert source is not None  # it is a regular file
        with source, target.open("xb") as output:
            while chunk := source.read(CHUNK):
                self.used += len(chunk)
                self._check(self.used)
                output.write(chunk)

    def _check(self, size: int) -> None:
        if size > self.limit:
            raise ArchiveError(self.archive, f"its contents take more than {self.limit / 1e9:.2f} GB")


class _Stream(BufferedIOBase):
    """The bytes of a tar, decompressed, for `tarfile`, which would read a header of any size into memory."""

    def __init__(self, archive: Path) -> None:
        with archive.open("rb") as file:
            start = file.read(6)
        opened = next((opened for magic, opened in _COMPRESSIONS.items() if start.startswith(magic)), None)
        self.file = opened(archive) if opened else archive.open("rb")

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= HEADER:
            raise RuntimeError("one of its headers is too large")
        return self.file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def close(self) -> None:
        self.file.close()


def _members(archive: Path) -> Iterator[_Member]:
    """Everything in the archive but its folders."""
    # A tar may end with a zip, as PyTorch's files are, which would be taken for the whole: so tar is tried first.
    if _is_tar(archive):
        with closing(_Stream(archive)) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            for info in tar:
                if info.size < 0:
                    raise tarfile.ReadError(f"the size of {info.name!r} is negative")
                if not info.isdir():
                    danger = _danger(info.name, info.isreg())
                    yield _Member(info.name, danger, partial(tar.extractfile, info), info.size)
            while stream.read(CHUNK):
                pass  # to the end, where gzip keeps its checksum
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                if not entry.is_dir():
                    regular = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG)
                    if entry.flag_bits & 1:
                        raise zipfile.BadZipFile(f"{entry.filename!r} is encrypted")
                    danger = _danger(entry.filename, regular)
                    yield _Member(entry.filename, danger, partial(opened.open, entry), entry.file_size)
    else:
        raise tarfile.ReadError("what came is not an archive")


def _is_tar(archive: Path) -> bool:
    """Whether the file is a tar, compressed or not."""
    with closing(_Stream(archive)) as stream, suppress(tarfile.TarError):
        tarfile.open(fileobj=stream, mode="r:").close()
        return True
    return False


def _danger(name: str, regular: bool) -> str:
    """Why a file must not be unpacked: it is none, or its path leaves the folder on some system."""
    path = _path(name)
    if not path.parts:
        return "has no name"
    if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts) or "\0" in name:
        return "lies outside the archive's folder"
    return "" if regular else "is a link or device"


def _path(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


@contextmanager
def _one_sentence(archive: Path) -> Iterator[None]:
    """Whatever the standard library raises for an archive, as an `ArchiveError`."""
    try:
        yield
    except ZooError:
        raise
    except _FAILURES as error:
        reason = error.strerror if isinstance(error, OSError) else None
        if isinstance(error, ValueError):  # a number or a name in its headers that is none
            reason = "its headers are broken"
        raise ArchiveError(archive, reason or " ".join(str(error).split())) from None


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which becomes ``folder`` at the end of the block and vanishes if the block fails.

    Raises `ZooError` if ``folder`` exists or cannot be made.
    """
    if folder.exists():
        raise ZooError(f"{folder} exists already; remove it or choose another folder.")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        remove_leftovers(temporary)
        temporary.mkdir(parents=True)
    except OSError as error:
        raise ZooError(f"{folder}: the folder cannot be made ({error.strerror}); choose another.") from None
    try:
        yield temporary
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
