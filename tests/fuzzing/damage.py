"""What the fuzzers share: a case, and how bytes and values are damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """Something to try, which must work or raise `ZooError`."""

    what: str
    run: Callable[[], object]


#: Makes cases without end, in a folder of its own; the generator of random numbers decides all of them.
Fuzzer = Callable[[Path, np.random.Generator], Iterator[Case]]

#: Bytes that formats give a meaning: signs of numbers, ends of lines, brackets.
TELLING = [b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"9" * 9]
TELLING += [b"{", b"}", b"[", b"]", b'"', b":", b"\n", b"- ", b"null", b"-1", b"1e999", b"../", b"\xc3\x28"]

#: Values that somebody may give for any option.
VALUES: list[Any] = [
    *(None, True, False, -1, 0, 1, 2, 3, 7, 2**31, 2**70, -0.5, 0.5, 1.0, 1e-300, 1e308, float("inf"), float("nan")),
    *("", "1", "x", "null", "../x", "a\nb", "\x1b[31m", "é" * 300, "hf:a/b", "os.system", "lsgan"),
    *([], [0], [1, 2], [0.5, 0.9], [-1, 64], [[1]], ["x"], [1] * 1000, {}, {"a": 1}, {"class_path": "os.system"}),
]


def damaged_bytes(data: bytes, random: np.random.Generator) -> bytes:
    """One to eight damages: bits flipped, bytes replaced, cut out, doubled or inserted; more often near the start."""
    damaged = bytearray(data)
    for _ in range(random.integers(1, 9)):
        end = len(damaged) if random.random() < 0.5 else min(len(damaged), 256)
        at = int(random.integers(0, end + 1))
        length = int(random.integers(1, 17))
        piece = TELLING[random.integers(len(TELLING))]
        match random.integers(6):
            case 0 if at < len(damaged):
                damaged[at] ^= 1 << random.integers(8)
            case 1:
                damaged[at : at + len(piece)] = piece
            case 2:
                del damaged[at : at + length]
            case 3:
                damaged[at:at] = damaged[at : at + length]
            case 4:
                damaged[at:at] = piece
            case 5 if random.random() < 0.2:
                del damaged[at:]
    return bytes(damaged)


def damaged_tree(tree: Any, random: np.random.Generator, values: list[Any] = VALUES) -> Any:
    """A copy of nested dicts and lists in which one place is replaced, deleted, renamed, added or wrapped."""
    if isinstance(tree, dict) and tree and random.random() < 0.8:
        copy = dict(tree)
        key = list(copy)[random.integers(len(copy))]
        match random.integers(8):
            case 0:
                del copy[key]
            case 1:
                name = str(key)
                at = int(random.integers(len(name) + 1))
                copy[name[:at] + "x" + name[at + 1 :]] = copy.pop(key)
            case 2:
                copy[str(values[random.integers(len(values))])] = values[random.integers(len(values))]
            case _:
                copy[key] = damaged_tree(copy[key], random, values)
        return copy
    if isinstance(tree, list) and tree and random.random() < 0.8:
        items = list(tree)
        at = int(random.integers(len(items)))
        items[at] = damaged_tree(items[at], random, values)
        return items if random.random() < 0.8 else items + items
    return values[random.integers(len(values))] if random.random() < 0.9 else [tree]


def read_all(folder: Path) -> dict[str, bytes]:
    """Name to content of every file in a folder."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def damaged_files(
    make: Callable[[Path], dict[str, bytes]], read: Callable[[Path], object], folder: Path, random: np.random.Generator
) -> Iterator[Case]:
    """Damaged copies of what ``make`` writes into a folder, one after the other, for ``read``."""
    samples = folder / "samples"
    samples.mkdir()
    originals = make(samples)
    (folder / "damaged").mkdir()
    while True:
        for name, data in originals.items():
            file = folder / "damaged" / name
            file.write_bytes(damaged_bytes(data, random))
            yield Case(name, lambda file=file: read(file))  # type: ignore[misc]
            file.unlink(missing_ok=True)
