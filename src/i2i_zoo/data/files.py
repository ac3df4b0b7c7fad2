"""Files of a dataset: finding them, matching them by name, and checking them before anything begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import find_files, height_width, is_whole, read_array
from i2i_zoo.media.labels import check_labels, label_ids
from i2i_zoo.media.pictures import decode_picture

#: How many label maps of a split are read, to check their ids, before training begins.
LABELS_CHECKED = 1000


def match_names(folders: dict[str, Path]) -> list[dict[str, Path]]:
    """The files whose names are in all folders, sorted by name.  Raises `ZooError` for files that lack a partner."""
    found = {key: find_pictures(folder) for key, folder in folders.items()}
    unmatched = without_partner(found.values())
    if unmatched:
        raise ZooError(
            f"{len(unmatched)} pictures have no partner of the same name in the other folder: "
            f"{', '.join(unmatched[:5])}{' ...' if len(unmatched) > 5 else ''}; add or remove them."
        )
    names = sorted(next(iter(found.values())))
    return [{key: files[name] for key, files in found.items()} for name in names]


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
    """Relative name without suffix to file, sorted, of all pictures below a folder; `ZooError` if there are none."""
    found: dict[str, Path] = {}
    for file in find_files(folder):
        name = str(file.relative_to(folder).with_suffix(""))
        if name in found:
            raise ZooError(f"{found[name]} and {file} have the same name; remove one.")
        found[name] = file
    if not found:
        raise ZooError(f"{folder}: the folder holds no pictures; check the path.")
    return found


def check_files(files: list[Path]) -> None:
    """Raise `ZooError` naming the files that are cut off or are not pictures, from their first and last bytes."""
    broken = [str(file) for file in files if not is_whole(file)]
    if broken:
        raise ZooError(
            f"{len(broken)} files are broken or no pictures: {', '.join(broken[:5])}"
            f"{' ...' if len(broken) > 5 else ''}; replace or remove them."
        )


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
        raise ZooError(f"{'; '.join(wrong[:5])}{f'; and {len(wrong) - 5} more' if len(wrong) > 5 else ''}.")


def evenly_spaced(files: Sequence[Path], count: int) -> Sequence[Path]:
    """At most ``count`` of the files, at equal distances."""
    return files[:: -(-len(files) // count)] if files else files


def check_ids(file: Path, palette: str) -> None:
    """Raise `ZooError` if a label map has ids without a colour in the palette."""
    ids = read_array(str(file))
    if ids.ndim == 2:
        check_labels(ids, palette, str(file))


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
