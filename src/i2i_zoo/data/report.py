"""What a dataset holds and what is wrong with it, for ``i2i-zoo data check``."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import PICTURE_SUFFIXES, height_width, read_array
from i2i_zoo.media.labels import FAR_PIXELS, colours_near
from i2i_zoo.media.palettes import LABEL_NAMES

from .files import evenly_spaced
from .places import NothingToTest
from .splits import Item, SplitData, collate

SPLITS = ("train", "val", "test")
#: How many items of a split are made, how many if each has to be rendered, and how many files of a folder are decoded.
ITEMS, RENDERED, DECODED = 64, 6, 200
#: How many folders are described by themselves; those beyond it are put together by the first part of their path.
FOLDERS = 8
#: How many kinds of sizes, labels and names are listed.
LISTED = 6
#: The share of pixels far from all labels' colours that is worth a word, though `check_colours` lets it pass.
SOFT = 0.01


@dataclass
class Report:
    """What was found.

    Args:
        facts: Label and text of each fact.
        warnings: What may be meant so.
        errors: What training refuses, or fails over.
        samples: Some items as training gets them.
    """

    facts: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    samples: list[Item] = field(default_factory=list)


def report(data: SplitData, samples: int = 6) -> Report:
    """Look through all splits of a datamodule.

    Args:
        data: The datamodule.
        samples: How many items of training to keep, evenly spaced.
    """
    found, files = Report(), dict[str, list[Path]]()
    for split in SPLITS:
        try:
            dataset: Any = data.dataset(split)
        except NothingToTest as missing:  # training does without
            found.warnings.append(f"{split}: {missing}")
            continue
        except ZooError as error:
            found.errors.append(f"{split}: {error}")
            continue
        number = len(dataset)
        found.facts.append((split, f"{number} item{'s' * (number != 1)}"))
        found.warnings += filter(None, [data.said(split)])
        if split == "train" and not number:
            found.errors.append("train: there is nothing to train on; add some.")
        wanted = set(evenly_spaced(range(number), samples)) if split == "train" else set()
        look_through(data, split, dataset, wanted, found)
        files[split] = list(dict.fromkeys(paths_in(list(vars(dataset).values()))))
        found.facts += [("", text) for text in described(files[split])]
    found.warnings += soft_colours(list(dict.fromkeys(chain(*files.values()))), data) + duplicates(files)
    return found


def look_through(data: SplitData, split: str, dataset: Any, wanted: set[int], found: Report) -> None:
    """Make some items of a split, evenly spaced: note what fails, count their labels, and keep the ``wanted`` ones."""
    problems, labels, first = list[str](), torch.zeros(0, dtype=torch.int64), None
    some = evenly_spaced(range(len(dataset)), ITEMS if data.folder_option else RENDERED)
    for index in sorted({*some, *wanted}):
        try:
            item = dataset[0, index]
            first = first or item
            if data.batch_size > 1:
                collate([first, item])
        except ZooError as error:
            problems.append(str(error))
            continue
        labels = added(labels, item.get("label", item.get("label_map")))
        if index in wanted:
            found.samples.append(item)
    found.errors += [f"{split}: {problem}" for problem in list(dict.fromkeys(problems))[:LISTED]]
    found.facts += [("", text) for text in label_shares(labels, data)]


def added(counts: Tensor, ids: Any) -> Tensor:
    """The pixels of each label, with those of a label map (..., H, W), if it is one."""
    if not isinstance(ids, Tensor):
        return counts
    more = torch.bincount(ids.flatten().clamp_min(0), minlength=len(counts))
    more[: len(counts)] += counts
    return more


def paths_in(thing: Any) -> Iterator[Path]:
    """The files that a dataset names, however it keeps them."""
    if isinstance(thing, Path):  # a clip may be a folder of frames, which are named beside it
        yield from [thing] if thing.is_file() else []
    elif isinstance(thing, Mapping):
        # The arrays of a flow are no pictures, and may well be equal.
        yield from paths_in([part for key, part in thing.items() if key != "flow"])
    elif isinstance(thing, (list, tuple)):
        for part in thing:
            yield from paths_in(part)


def described(files: Sequence[Path]) -> list[str]:
    """Number, sizes and channels of the pictures in each folder."""
    pictures = [file for file in files if is_picture(file)]
    folders: dict[Path, list[Path]] = {}
    for file in pictures:
        folders.setdefault(file.parent, []).append(file)
    if len(folders) > FOLDERS:
        above: dict[Path, list[Path]] = {}
        for folder, inside in folders.items():
            above.setdefault(folder.parent, []).extend(inside)
        folders = above
    texts = []
    for folder, inside in folders.items():
        sizes = Counter("{1}x{0}".format(*height_width(file)) for file in evenly_spaced(inside, 10 * DECODED))
        kinds = Counter(kind(read_array(file)) for file in evenly_spaced(inside, DECODED))
        texts.append(
            f"{folder}: {len(inside)} picture{'s' * (len(inside) != 1)} of {listed(sizes)} pixels; {listed(kinds)}"
        )
    if others := len(files) - len(pictures):
        texts.append(f"{others} other files, such as {next(file for file in files if not is_picture(file))}")
    return texts


def kind(array: np.ndarray) -> str:
    """Channels and depth of a picture in words."""
    channels = 1 if array.ndim == 2 else array.shape[2]
    return f"{channels} channel{'s' * (channels != 1)} of {8 * array.dtype.itemsize} bits"


def listed(counts: Counter[str]) -> str:
    """The most frequent of several kinds, with their numbers if there is more than one."""
    if len(counts) == 1:
        return next(iter(counts))
    return joined([f"{name} ({number})" for name, number in counts.most_common()], LISTED)


def label_shares(counts: Tensor, data: SplitData) -> list[str]:
    """How many of the pixels have each label, the most frequent first; and which labels never occur."""
    if not len(counts):
        return []
    preprocess, declared = data.preprocess, getattr(data, "labels", None)
    names = LABEL_NAMES.get(preprocess.source_palette or preprocess.target_palette or "", ())
    number = max(len(counts), len(names), declared if isinstance(declared, int) else 0)
    called = [f"{label} {names[label]}" if label < len(names) else str(label) for label in range(number)]
    present = [label for label in counts.argsort(descending=True).tolist() if counts[label]]
    shares = [f"{called[label]} {percent(counts[label] / counts.sum())}" for label in present]
    absent = [called[label] for label in range(number) if label not in present]
    return [
        f"labels: {joined(shares, 2 * LISTED)}",
        *([f"labels that do not occur: {joined(absent, LISTED)}"] if absent else []),
    ]


def percent(share: Any) -> str:
    return f"{100 * float(share):.1f} %"


def joined(names: Sequence[str], most: int) -> str:
    """At most so many of the names, and how many there are more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def soft_colours(files: Sequence[Path], data: SplitData) -> list[str]:
    """A warning for each folder of label maps in colours that have pixels of none, as after scaling or from JPEG.

    In photographs, so many pixels have no label's colour that they are no such maps (`FAR_PIXELS`).
    """
    palettes = [name for name in (data.preprocess.source_palette, data.preprocess.target_palette) if name]
    folders: dict[Path, list[float]] = {}
    for file in evenly_spaced([file for file in files if is_picture(file)], DECODED) if palettes else ():
        array = read_array(file)
        if array.ndim == 3 and array.dtype == np.uint8:
            red, green, blue = array[..., :3].reshape(-1, 3).T.astype(np.int32)
            near = colours_near(palettes[0])[(red >> 2 << 12) | (green >> 2 << 6) | blue >> 2]
            folders.setdefault(file.parent, []).append(1 - float(near.mean()))
    return [
        f"{folder}: up to {percent(max(shares))} of the pixels of a label map have no colour of the palette "
        f"{palettes[0]!r} and become the nearest label; save the maps as PNG files, and scale them without smoothing."
        for folder, shares in folders.items()
        if SOFT < max(shares) <= FAR_PIXELS
    ]


def is_picture(file: Path) -> bool:
    return file.suffix.lower() in PICTURE_SUFFIXES


def duplicates(files: Mapping[str, Sequence[Path]]) -> list[str]:
    """Warnings about files with the same bytes: within a split, and in training and another one."""
    sizes = Counter(file.stat().st_size for file in {file for split in files.values() for file in split})
    seen: dict[str, dict[str, Path]] = {}
    warnings = []
    for split, found in files.items():
        again: dict[str, list[tuple[Path, Path]]] = {}
        own: dict[str, Path] = {}
        for file in found:
            if sizes[file.stat().st_size] > 1:
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                for other, earlier in (seen | {split: own}).items():
                    if content in earlier and earlier[content] != file:
                        again.setdefault(other, []).append((earlier[content], file))
                own.setdefault(content, file)
        seen[split] = own
        for other, pairs in again.items():
            first, second = pairs[0]
            what = f"{len(pairs)} file{'s' * (len(pairs) != 1)} of {split}"
            verb = "is" if len(pairs) == 1 else "are"
            also = f"{verb} there more than once" if other == split else f"{verb} also in {other}"
            hint = "; measure on others" if other == "train" != split else ""
            warnings.append(f"{what} {also}, such as {first} and {second}{hint}.")
    return warnings
