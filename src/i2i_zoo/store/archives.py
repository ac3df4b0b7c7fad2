"""The one unpacker: tar and zip archives, which may be broken or hostile."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from i2i_zoo.atomic import atomic_write, remove_leftovers
from i2i_zoo.errors import ZooError

from .downloads import CHUNK

#: How large the contents may be: a multiple of the archive's size, plus a number of bytes.
EXPANSION, EXTRA = 100, 10**9

#: What the standard library raises for an archive that is broken, encrypted or packed in an unknown way, and for a full
#: disk.
_FAILURES = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


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
        self.used = 0

    def copy(self, member: _Member, target: Path) -> None:
        source = member.open()
        assert source is not None  # it is a regular file
        with source, target.open("xb") as output:
            while chunk := source.read(CHUNK):
                self.used += len(chunk)
                if self.used > self.limit:
                    raise ArchiveError(self.archive, f"its contents take more than {self.limit / 1e9:.2f} GB")
                output.write(chunk)


def _members(archive: Path) -> Iterator[_Member]:
    """Everything in the archive but its folders."""
    # A tar may end with a zip, as PyTorch's files are, which would be taken for the whole: so tar is tried first.
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            for info in tar:
                if not info.isdir():
                    yield _Member(info.name, _danger(info.name, info.isreg()), partial(tar.extractfile, info))
            while tar.fileobj and tar.fileobj.read(CHUNK):
                pass  # to the end, where gzip keeps its checksum
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                if not entry.is_dir():
                    regular = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG)
                    yield _Member(entry.filename, _danger(entry.filename, regular), partial(opened.open, entry))
    else:
        raise tarfile.ReadError("what came is not an archive")


def _danger(name: str, regular: bool) -> str:
    """Why a file must not be unpacked: it is none, or its path leaves the folder on some system."""
    path = _path(name)
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
    except _FAILURES as error:
        raise ArchiveError(archive, " ".join(str(error).split())) from None


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
