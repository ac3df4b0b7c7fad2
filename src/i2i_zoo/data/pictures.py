"""What the datamodules of picture files share: finding, checking, resizing, cropping and mirroring them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import find_files, height_width, is_whole, read_array
from i2i_zoo.media.geometry import resize
from i2i_zoo.media.labels import check_labels, label_ids
from i2i_zoo.media.pictures import decode_picture

from .splits import SplitData, spread

Size = int | Sequence[int] | None


class PictureData(SplitData):
    """A datamodule of files below ``root``, whose ``dataset`` checks every one before anything begins.

    Args:
        root: The dataset's folder.
        load_size: Size that training pictures are resized to, one number or [height, width]; None keeps theirs.
        crop_size: Size of the random crop in training; None for none.
        test_size: Size that validation and test pictures are resized to; None keeps theirs.
        flip: Mirror half of the training pictures.
        **options: As of `SplitData`.
    """

    def __init__(
        self, root: str, load_size: Size, crop_size: Size, test_size: Size, flip: bool, **options: int
    ) -> None:
        super().__init__(**options)
        self.root = Path(root)
        self.load_size, self.crop_size, self.test_size, self.flip = load_size, crop_size, test_size, flip

    def split_folder(self, split: str, side: str = "", root: Path | None = None) -> Path:
        """The folder of a split, such as val, or of one side of it, such as valA; val and test stand in for each other.

        Raises `ZooError` if there is none below ``root``, by default that of the dataset.
        """
        root = root or self.root
        for name in (split, {"val": "test", "test": "val"}.get(split, split)):
            if (folder := root / f"{name}{side}").is_dir():
                return folder
        missing = root / f"{split}{side}"
        raise ZooError(f"{missing}: there is no such folder; see {type(self).__name__} for the layouts.")

    def record(self, **facts: Any) -> dict[str, Any]:
        """``test_size`` and further facts, as far as there are any, for `i2i_zoo.tasks` to prepare pictures by."""
        size = [self.test_size] * 2 if isinstance(self.test_size, int) else self.test_size
        return {key: value for key, value in {"size": size, **facts}.items() if value is not None}

    def resize(self, part: Tensor, nearest: bool, train: bool) -> Tensor:
        """A picture (C, H, W) at ``load_size`` in training, and else at ``test_size``."""
        size = self.load_size if train else self.test_size
        return part if size is None else resize(part, size, nearest)

    def augment(
        self, parts: Sequence[Tensor], nearest: Sequence[bool], train: bool, random: torch.Generator, file: Path
    ) -> list[Tensor]:
        """Resize, and in training crop and flip, pictures (C, H, W) of one size, all alike.

        Those whose ``nearest`` is true are resized to the nearest pixel, the others bicubically.  Raises `ZooError`
        naming ``file`` if they are too small for the crop.
        """
        parts = [self.resize(part, near, train) for part, near in zip(parts, nearest, strict=True)]
        if train and self.crop_size is not None:
            parts = crop(parts, self.crop_size, random, file)
        if train and self.flip and torch.rand((), generator=random) < 0.5:
            parts = [part.flip(-1) for part in parts]
        return list(parts)


def crop(parts: Sequence[Tensor], size: int | Sequence[int], random: torch.Generator, file: Path) -> list[Tensor]:
    """The same random part (C, height, width) of pictures of one size.  Raises `ZooError` if they are smaller."""
    height, width = (size, size) if isinstance(size, int) else size
    spare_y, spare_x = parts[0].shape[1] - height, parts[0].shape[2] - width
    if spare_y < 0 or spare_x < 0:
        raise ZooError(
            f"{file}: {parts[0].shape[2]}x{parts[0].shape[1]} pixels are too few for crops of {width}x{height}; "
            "choose a smaller crop_size or a load_size."
        )
    y = int(torch.randint(spare_y + 1, (), generator=random))
    x = int(torch.randint(spare_x + 1, (), generator=random))
    return [part[:, y : y + height, x : x + width] for part in parts]


def match_names(folders: dict[str, Path]) -> list[dict[str, Path]]:
    """The files of one name in all of the folders, sorted by name.  Raises `ZooError` for those that lack a partner."""
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
    """A file of each name that is not in all of the places, each of which maps names to files; sorted by name."""
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
    """Raise `ZooError` naming the files that are cut off or no pictures, from their first and last bytes."""
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

    Those of `spread` are read, which takes seconds; the others are checked when they are needed.
    """
    wrong = []
    for file in spread(files):
        try:
            read(file)
        except ZooError as error:
            wrong.append(str(error).rstrip("."))
    if wrong:
        raise ZooError(f"{'; '.join(wrong[:5])}{f'; and {len(wrong) - 5} more' if len(wrong) > 5 else ''}.")


def check_ids(file: Path, palette: str) -> None:
    """Raise `ZooError` if a label map has ids that the palette has not."""
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


def halves(file: Path) -> tuple[Tensor, Tensor]:
    """The left and the right half (3, H, W) of a file that holds two pictures side by side."""
    joint = decode_picture(file, 3)
    half = joint.shape[2] // 2
    return joint[..., :half], joint[..., half : 2 * half]
