"""Damaged archives, and whole ones that hold what no archive of pictures should."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from fuzzing.damage import Case, Fuzzer, damaged_files, read_all
from i2i_zoo.store.archives import extract

CONTENTS = {"facades/train/1.jpg": b"one" * 99, "facades/val/2.jpg": b"two" * 99}
NAMES = [
    "a",
    "a/b",
    "a/../b",
    "../a",
    "/a",
    "\\a",
    "c:\\a",
    "a\0b",
    ".",
    "..",
    "",
    "a" * 300,
    "é",
    "\x1b[31m",
    "a/",
    "~",
]
TYPES = [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"S"]


def archive_samples(folder: Path) -> dict[str, bytes]:
    for name, mode in (("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tar.xz", "w:xz")):
        with tarfile.open(folder / name, mode) as tar:  # type: ignore[call-overload]  # knows only literal modes
            for path, content in CONTENTS.items():
                info = tarfile.TarInfo(path)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in CONTENTS.items():
            archive.writestr(path, content)
    return read_all(folder)


def unpack(file: Path) -> None:
    """Unpack; what is outside the new folder must stay as it was, and nothing may be left after a refusal."""
    outer = file.parent / "outer"
    outer.mkdir()
    (outer / "mine").write_bytes(b"mine")
    try:
        extract(file, outer / "unpacked")
        assert not any(path.is_symlink() for path in outer.rglob("*")), "a link was unpacked"
    finally:
        left = {path.name for path in file.parent.iterdir()} - {file.name, "outer"}
        inside = {path.name for path in outer.iterdir()}
        mine = (outer / "mine").read_bytes()
        shutil.rmtree(outer)
        assert not left, f"written outside the folder: {left}"
        assert inside <= {"mine", "unpacked"}, f"left behind: {inside}"
        assert mine == b"mine", "a file of others was changed"


def hostile(folder: Path, random: np.random.Generator) -> Iterator[Case]:
    """Archives of a few members with hostile names, types, links and sizes."""
    (folder / "hostile").mkdir()
    while True:
        members = [
            (NAMES[random.integers(len(NAMES))], TYPES[random.integers(len(TYPES))], NAMES[random.integers(len(NAMES))])
            for _ in range(random.integers(0, 5))
        ]
        with tarfile.open(folder / "hostile" / "a.tar", "w") as tar:
            for name, kind, link in members:
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, link
                content = b"x" * int(random.integers(9)) if kind == tarfile.REGTYPE else b""
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        yield Case(f"tar of {members}", lambda: unpack(folder / "hostile" / "a.tar"))
        (folder / "hostile" / "a.tar").unlink()
        with zipfile.ZipFile(folder / "hostile" / "a.zip", "w") as archive:
            for name, kind, _ in members:
                entry = zipfile.ZipInfo(name or "empty")
                entry.external_attr = int(random.choice([0, 0o100644, 0o120777, 0o010644, 0o040755])) << 16
                archive.writestr(entry, b"../a" if kind != tarfile.REGTYPE else b"content")
        yield Case(f"zip of {members}", lambda: unpack(folder / "hostile" / "a.zip"))
        (folder / "hostile" / "a.zip").unlink()


FUZZERS: dict[str, Fuzzer] = {
    "archives": partial(damaged_files, archive_samples, unpack),
    "hostile archives": hostile,
}
