"""Datasets of pix2pix, CycleGAN and CUT: downloaded, and unpacked without letting an archive leave its folder."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from tqdm import tqdm

from i2i_zoo.errors import ZooError

#: The authors' server.
ADDRESS = "http://efrosgans.eecs.berkeley.edu"

# Name to contents and origin.  pix2pix's files hold pairs, A left and B right; the others' are of A or of B.
_PIX2PIX = {
    "facades": "photographs (A) and label maps (B) of facades, from the CMP Facade Database",
    "maps": "aerial photographs (A) and maps (B), from Google Maps",
    "edges2shoes": "edges (A) and photographs (B) of shoes, from UT Zappos50K",
    "edges2handbags": "edges (A) and photographs (B) of handbags, from Amazon by way of the iGAN project",
    "night2day": "the same views at night (A) and by day (B), from the Transient Attributes dataset",
}
_CYCLEGAN = {
    "apple2orange": "photographs of apples (A) and navel oranges (B), from ImageNet",
    "horse2zebra": "photographs of wild horses (A) and zebras (B), from ImageNet",
    "summer2winter_yosemite": "photographs of Yosemite in summer (A) and in winter (B), from Flickr",
    "monet2photo": "paintings by Monet (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "cezanne2photo": "paintings by Cézanne (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "ukiyoe2photo": "ukiyo-e prints (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "vangogh2photo": "paintings by Van Gogh (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "ae_photos": "photographs by Alexei Efros, to translate into paintings",
    "iphone2dslr_flower": "flowers as telephones (A) and as reflex cameras (B) show them, from Flickr",
}
_CUT = {
    "grumpifycat": "faces of Russian Blue cats (A), from the Oxford-IIIT Pet Dataset, and of Grumpy Cat (B)",
}


class Archive(NamedTuple):
    """Where a dataset is below `ADDRESS`, what it holds and where that is from, and the method that it was made for."""

    path: str
    contents: str
    method: str


#: What `fetch` can get.
DATASETS = {
    **{name: Archive(f"pix2pix/datasets/{name}.tar.gz", contents, "pix2pix") for name, contents in _PIX2PIX.items()},
    **{name: Archive(f"cyclegan/datasets/{name}.zip", contents, "CycleGAN") for name, contents in _CYCLEGAN.items()},
    **{name: Archive(f"cyclegan/datasets/{name}.zip", contents, "CUT") for name, contents in _CUT.items()},
}

TERMS = "It comes without a licence of its own: the terms of where the pictures come from apply; cite that and {}."

_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 20


def fetch(name: str, root: str | Path, *, keep_archive: bool = False) -> Path:
    """Download a dataset to ``root/name``, unless it is there.

    The terms are printed first.  The next call continues a broken download; the folder appears when it is complete.

    Args:
        name: One of `DATASETS`.
        root: Folder to put the dataset's folder in.
        keep_archive: Leave the archive beside it.

    Returns:
        The dataset's folder.

    Raises:
        ZooError: For an unknown name, a full disk, a failed transfer or a broken or unsafe archive.
    """
    if name not in DATASETS:
        raise ZooError(f"Unknown dataset {name!r}: choose from {', '.join(DATASETS)}.")
    folder = Path(root) / name
    if folder.exists():
        print(f"{folder} is there already; nothing to do.", file=sys.stderr)
        return folder
    path, contents, method = DATASETS[name]
    url, archive = f"{ADDRESS}/{path}", folder.with_name(PurePosixPath(path).name)
    print(f"{name}: {contents}. {TERMS.format(method)}", file=sys.stderr)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZooError(f"{folder.parent}: the folder cannot be made ({error.strerror}); choose another.") from None
    if not archive.exists():
        download(url, archive)
    extract(archive, folder)
    if not keep_archive:
        archive.unlink()
    return folder


def download(url: str, file: Path) -> None:
    """Download an archive, with a progress bar; continue what an earlier call has left in ``<file>.part``.

    Raises `ZooError` if the server cannot be reached or refuses, the disk has no room for the archive and its contents,
    or the transfer ends early.
    """
    part = file.with_name(file.name + ".part")
    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
            if response.status != 206:  # the server sends the whole file
                start = 0
            remaining = int(response.headers.get("Content-Length", 0))
            # Pictures are compressed already: unpacked they need about as much as their archive.
            need_room(file.parent, remaining + int(1.1 * (start + remaining)))
            with (
                part.open("ab" if start else "wb") as output,
                tqdm(total=start + remaining or None, initial=start, unit="B", unit_scale=True, desc=file.name) as bar,
            ):
                while chunk := response.read(_CHUNK):
                    output.write(chunk)
                    bar.update(len(chunk))
    except urllib.error.HTTPError as error:
        if error.code == 416 and start:  # nothing is left to send: what is here is not the beginning of that file
            part.unlink()
            return download(url, file)
        raise ZooError(f"{url}: the server answers {error.code} {error.reason}; try again later.") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ZooError(f"{url}: the download failed ({reason}); run it again to continue where it stopped.") from None
    if part.stat().st_size < start + remaining:
        raise ZooError(
            f"{url}: the transfer ended after {part.stat().st_size} of {start + remaining} bytes; "
            "run it again to continue where it stopped."
        )
    os.replace(part, file)


def need_room(folder: Path, size: int) -> None:
    """Raise `ZooError` if the disk of an existing folder has fewer than ``size`` free bytes."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ZooError(f"{folder}: {size / 1e9:.2f} GB are needed, but {free / 1e9:.2f} GB are free; make room first.")


def extract(archive: str | Path, folder: str | Path) -> None:
    """Unpack a .tar, .tar.gz, .tgz or .zip archive into a new folder, which appears when it is complete.

    Where everything in the archive lies in one folder, that folder's contents are unpacked.  Only regular files and
    folders are taken, and only inside ``folder``: an archive with anything else is refused.

    Raises `ZooError` if the archive is broken or unsafe, the folder exists, or the disk is full.
    """
    archive, folder = Path(archive), Path(folder)
    try:
        with new_folder(folder) as temporary:
            for name, stream in _members(archive):
                target = temporary.joinpath(*_safe_parts(name, archive))
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as output:
                    shutil.copyfileobj(stream, output, _CHUNK)
            entries = list(temporary.iterdir())
            if len(entries) == 1 and entries[0].is_dir():
                top = entries[0].rename(temporary / ".top")  # out of the way of an entry of its own name
                for entry in list(top.iterdir()):
                    entry.rename(temporary / entry.name)
                top.rmdir()
    # RuntimeError: a zip with a password; NotImplementedError: its subclass, an unknown compression.
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        why = " ".join(str(error).split())
        raise ZooError(f"{archive}: the archive cannot be unpacked ({why}); delete it if it is broken.") from None


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and contents of each file; raises `ZooError` for links and devices."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                _safe_parts(info.filename, archive)
                if (info.external_attr >> 16) & 0o170000 == 0o120000:
                    raise ZooError(f"{archive}: {info.filename!r} is a link; the archive is not safe, delete it.")
                if not info.is_dir():
                    with opened.open(info) as stream:
                        yield info.filename, stream
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            _safe_parts(member.name, archive)
            if member.isreg():
                contents = tar.extractfile(member)
                assert contents is not None  # it is a regular file
                yield member.name, contents
            elif not member.isdir():
                raise ZooError(f"{archive}: {member.name!r} is a link or device; the archive is not safe, delete it.")
        while tar.fileobj.read(_CHUNK):  # type: ignore[union-attr]
            pass  # to the end, where gzip keeps its checksum


def _safe_parts(name: str, archive: Path) -> tuple[str, ...]:
    """The parts of a member's path, if it stays inside the folder on every system."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts):
        raise ZooError(f"{archive}: {name!r} lies outside the archive's folder; the archive is not safe, delete it.")
    return path.parts


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which becomes ``folder`` at the end of the block and vanishes if the block fails.

    Raises `ZooError` if ``folder`` exists or cannot be made.
    """
    if folder.exists():
        raise ZooError(f"{folder} exists already; remove it or choose another folder.")
    temporary = folder.with_name(folder.name + ".part")
    shutil.rmtree(temporary, ignore_errors=True)  # of an earlier run that was killed
    try:
        temporary.mkdir(parents=True)
    except OSError as error:
        raise ZooError(f"{folder}: the folder cannot be made ({error.strerror}); choose another.") from None
    try:
        yield temporary
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
