"""Files of a dataset: finding them, matching them by name, and checking them before anything begins."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import find_files, height_width, in_order, is_whole, read_array
from i2i_zoo.media.labels import label_ids, map_array
from i2i_zoo.media.pictures import decode_picture

Thing = TypeVar("Thing")

#: How many files of a split are read before training begins.  It takes seconds.
FILES_READ = 1000

#: How many pictures of a split, if they are all so dark, are read to see whether they are label maps of ids.
IDS_CHECKED = 100

#: How many label maps of a split are read, to check their ids, before training begins.
LABELS_CHECKED = 1000


def match_names(folders: dict[str, Path]) -> dict[str, dict[str, Path]]:
    """The files of each name that is in all folders, `in_order`.  Raises `ZooError` for files without a partner."""
    found = {key: find_pictures(folder) for key, folder in folders.items()}
    unmatched = without_partner(found.values())
    for folder in folders.values() if unmatched else ():
        for files in same_names(folder).values():
            if len(files) > 1 and any(str(file) in unmatched for file in files):
                raise ZooError(
                    f"{files[0]} and {files[1]} have the same name, so it is unclear which of them is in the pair; "
                    "remove or rename one."
                )
    if unmatched:
        raise ZooError(
            f"{len(unmatched)} pictures have no partner of the same name in the other folder: "
            f"{', '.join(unmatched[:5])}{' ...' if len(unmatched) > 5 else ''}; add or remove them."
        )
    names = sorted(next(iter(found.values())), key=in_order)
    return {name: {key: files[name] for key, files in found.items()} for name in names}


def without_partner(found: Iterable[dict[str, Path]]) -> list[str]:
    """One file of each name that is missing from some of the places, sorted by name.  A place maps names to files."""
    places = list(found)
    names = sorted(set().union(*places))
    return [
        str(next(files[name] for files in places if name in files))
        for name in names
        if not all(name in files for files in places)
    ]


def find_pictures(folder: Path) -> dict[str, Path]:
    """The pictures below a folder by their `relative_name`, `in_order`; `ZooError` if there are none.

    Names of files that differ only in their suffix keep it, such as x.jpg and x.png.  Also raises `ZooError` for two
    files that still have the same name, such as two spellings of an accent.
    """
    found: dict[str, Path] = {}
    for name, files in same_names(folder).items():
        for file in files:
            own = name if len(files) == 1 else f"{name}{file.suffix}"
            if own in found:
                raise ZooError(f"{found[own]} and {file} have the same name; remove or rename one.")
            found[own] = file
    if not found:
        raise ZooError(f"{folder}: the folder holds no pictures; check the path.")
    return found


def same_names(folder: Path) -> dict[str, list[Path]]:
    """The pictures below a folder that share a `relative_name`, by this name."""
    groups: dict[str, list[Path]] = {}
    for file in find_files(folder):
        groups.setdefault(relative_name(file, folder), []).append(file)
    return groups


def relative_name(file: Path, folder: Path) -> str:
    """What identifies a file: its path below the folder, without suffix, with composed letters (Unicode's NFC).

    Some systems store the letter e and its accent, where others store one letter with an accent.
    """
    return unicodedata.normalize("NFC", str(file.relative_to(folder).with_suffix("")))


def by_folder(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of each folder, `in_order`: the frames of a clip, also if its folder has folders."""
    folders: dict[str, list[str]] = {}
    for name in sorted(names, key=in_order):
        folders.setdefault(name.rpartition("/")[0], []).append(name)
    return folders


def spellings(name: str) -> list[str]:
    """The forms in which a system may store a `relative_name`: composed, and decomposed."""
    return list(dict.fromkeys([name, unicodedata.normalize("NFD", name)]))


def check_files(pictures: Iterable[Path] | Mapping[Path, int], maps: Iterable[Path] = ()) -> None:
    """Raise `ZooError` naming the files that cannot be used, each with its reason.

    At most `FILES_READ` of them, evenly spaced, are read, and every other one that does not look whole (`is_whole`).

    Args:
        pictures: Pictures, and the channels that they are to have: 3 by default.  Grey and RGB become each other.
        maps: Label maps and instance maps, of which only the format is checked.
    """
    channels = pictures if isinstance(pictures, Mapping) else dict.fromkeys(pictures, 3)
    read: dict[Path, Callable[[Path], object]] = {
        file: partial(decode_picture, channels=number) for file, number in channels.items()
    }
    read |= dict.fromkeys(maps, map_array)
    surely = set(evenly_spaced(list(read), FILES_READ))

    def reason(file: Path) -> str:
        try:
            if file in surely or not is_whole(file):
                read[file](file)
        except ZooError as error:
            return str(error).rstrip(".")
        return ""

    with ThreadPoolExecutor(4) as readers:  # decoders let other threads run
        reasons = list(filter(None, readers.map(reason, read)))
    if reasons:
        number = "1 file is" if len(reasons) == 1 else f"{len(reasons)} files are"
        raise ZooError(f"{number} broken or cannot be used: {listed(reasons)}.")


def listed(sentences: Sequence[str]) -> str:
    """At most five of them, and how many there are more."""
    return "; ".join([*sentences[:5], *([f"and {len(sentences) - 5} more"] if len(sentences) > 5 else [])])


def check_sizes(pairs: list[tuple[Path | None, Path]]) -> None:
    """Raise `ZooError` naming the pairs of files whose pictures differ in size."""
    unequal = []
    for source, target in pairs:
        if source is not None and source != target:
            (a, b), (c, d) = height_width(source), height_width(target)
            if (a, b) != (c, d):
                unequal.append(f"{source} has {b}x{a} pixels and {target} {d}x{c}")
    if unequal:
        raise ZooError(f"{'; '.join(unequal[:5])}{' ...' if len(unequal) > 5 else ''}: a pair has one size.")


def check_label_files(files: Sequence[Path], read: Callable[[Path], object]) -> None:
    """Raise `ZooError` naming the label maps that ``read`` refuses.

    At most `LABELS_CHECKED` of them are read here, which takes seconds.  The others are checked when they are used.
    """
    wrong = []
    for file in evenly_spaced(files, LABELS_CHECKED):
        try:
            read(file)
        except ZooError as error:
            wrong.append(str(error).rstrip("."))
    if wrong:
        raise ZooError(f"{listed(wrong)}.")


def check_no_ids(files: Sequence[Path], remedy: str) -> None:
    """Raise `ZooError` if all files are single-channel pictures that are nearly black, so surely label maps of ids.

    Args:
        files: Files that should be pictures; the first that is no such map ends the check.
        remedy: What to do, for the message.
    """
    brightest = 0
    for file in evenly_spaced(files, IDS_CHECKED):
        array = read_array(file)
        grey = array.ndim == 2 or bool((array[..., :1] == array).all())
        if array.dtype.kind not in "iu" or array.max() >= 64 or not grey:
            return
        brightest = max(brightest, int(array.max()))
    if brightest:
        raise ZooError(
            f"{files[0]}: this looks like a label map of ids, as all files beside it, with values up to {brightest}, "
            f"which is nearly black as a picture: {remedy}."
        )


def evenly_spaced(things: Sequence[Thing], count: int) -> Sequence[Thing]:
    """At most ``count`` of the things, such as files, at equal distances."""
    return things[:: -(-len(things) // count)] if things else things


def read_label_map(file: Path, palette: str | None) -> Tensor:
    """The ids (H, W) of a label map, int64; raises `ZooError` for colours without a palette."""
    array = read_array(file)
    if array.ndim == 3:
        if palette is None:
            raise ZooError(f"{file}: a label map has one channel of ids, not {array.shape[2]}.")
        array = label_ids(array, palette)
    return torch.from_numpy(array.astype(np.int64))


def read_side_by_side(file: Path) -> tuple[Tensor, Tensor]:
    """The left and the right picture (3, H, W) of a file that holds two of one size, side by side."""
    joint = decode_picture(file, 3)
    width = joint.shape[2] // 2
    return joint[..., :width], joint[..., width : 2 * width]
