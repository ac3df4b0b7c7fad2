"""Pairs of pictures: side by side in one file, in two folders, or the source made from the target."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from i2i_zoo import images
from i2i_zoo.errors import ZooError

from .sampler import sample_generator
from .splits import SplitData, spread

Size = int | Sequence[int] | None


def edges(photo: Tensor) -> Tensor:
    """A line drawing (1, H, W) of a photograph (3, H, W), in [-1, 1]: Sobel's gradient of luminance, dark on white."""
    grey = images.fit_channels(photo, 1, "photograph")
    kernel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    padded = F.pad(grey[None], (1, 1, 1, 1), mode="replicate")
    gradient = F.conv2d(padded, torch.stack([kernel, kernel.T])[:, None])[0]
    return 1 - gradient.norm(dim=0, keepdim=True).clamp_max(2)


def with_hole(photo: Tensor) -> Tensor:
    """The photograph with its central square of half the size filled white (inpainting in the authors' Torch code)."""
    height, width = photo.shape[-2:]
    photo = photo.clone()
    photo[..., height // 4 : height - height // 4, width // 4 : width - width // 4] = 1
    return photo


class PairedImages(Dataset[dict[str, Any]]):
    """Items ``source``, ``target`` (C, H, W) in [-1, 1] and ``name``; indexed by ``(epoch, index)``.

    In validation and test also ``label_map``, (H, W) ids at the size of their file, where the data has label maps.

    ``files`` are (source file, target file) pairs; the same file twice means side by side, no source file that the
    source is made from the target.  `PairedData` explains the other arguments.
    """

    def __init__(self, data: PairedData, files: list[tuple[Path | None, Path]], train: bool) -> None:
        self.data, self.files, self.train = data, files, train

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        data, (source_file, target_file) = self.data, self.files[index]
        if data.side_by_side:
            joint = images.decode(target_file, 3)
            half = joint.shape[2] // 2
            a, b = joint[..., :half], joint[..., half : 2 * half]
            source, target = (a, b) if data.direction == "AtoB" else (b, a)
            source = images.fit_channels(source, data.in_channels, str(target_file))
            target = images.fit_channels(target, data.out_channels, str(target_file))
        elif source_file is not None:
            source = images.decode(source_file, data.in_channels, data.source_palette)
            target = images.decode(target_file, data.out_channels, data.target_palette)
        else:
            source = target = images.decode(target_file, 3)
        source, target = self.augment(source, target, sample_generator(data.seed, epoch, index), target_file)
        if data.made_from == "lab":
            lab = images.rgb_to_lab(target[None])[0]
            source, target = lab[:1], lab[1:]
        elif data.made_from == "edges":
            source = images.fit_channels(edges(target), data.in_channels, str(target_file))
        elif data.made_from == "hole":
            source = with_hole(target)
        pair: dict[str, Any] = {"source": source, "target": target, "name": target_file.stem}
        if not self.train and (label := self.label(source_file, target_file)) is not None:
            pair["label_map"] = label
        return pair

    def label(self, source_file: Path | None, target_file: Path) -> Tensor | None:
        """The label map of a pair at the size of its file, (H, W) ids, where the data has one: metrics compare with it.

        Raises `ZooError` if there is none where ``labels`` says it is.
        """
        data = self.data
        if data.labels is not None:
            pattern = data.labels.format(name=glob.escape(target_file.stem))
            found = next(data.root.glob(pattern), None)
            if found is None:
                raise ZooError(f"{data.root / pattern}: there is no such file, the label map of {target_file}.")
            file, palette = found, None
        elif data.side_by_side:
            return None
        elif data.target_palette is not None:
            file, palette = target_file, data.target_palette
        elif data.source_palette is not None and source_file is not None:
            file, palette = source_file, data.source_palette
        else:
            return None
        array = images.read_array(file)
        if array.ndim == 3:
            if palette is None:
                raise ZooError(f"{file}: a label map has one channel of ids, not {array.shape[2]}.")
            array = images.label_ids(array, palette)
        return torch.from_numpy(array.astype(np.int64))

    def augment(self, source: Tensor, target: Tensor, random: torch.Generator, file: Path) -> tuple[Tensor, Tensor]:
        """Resize, and in training crop and flip, both alike; floats in [-1, 1]."""
        data = self.data
        size = data.load_size if self.train else data.test_size
        if size is not None:
            source = images.resize(source, size, nearest=data.source_palette is not None)
            target = images.resize(target, size, nearest=data.target_palette is not None)
        if self.train and data.crop_size is not None:
            source, target = crop([source, target], data.crop_size, random, file)
        if self.train and data.flip and torch.rand((), generator=random) < 0.5:
            source, target = source.flip(2), target.flip(2)
        return images.to_float(source), images.to_float(target)


def crop(parts: list[Tensor], size: int | Sequence[int], random: torch.Generator, file: Path) -> list[Tensor]:
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


class PairedData(SplitData):
    """Pairs below ``root/train``, ``root/val`` and ``root/test``.

    Without ``source`` and ``target`` each file holds a pair side by side, A left and B right, as pix2pix's datasets do.
    With both, they are the names of two folders in each split whose files are matched by name, whatever their suffix.
    With ``made_from`` plain photographs are enough, in the split's folder itself or in its folder ``target``.
    A missing ``val`` or ``test`` is replaced by the other.

    Resize, crop and flip are the authors' (``resize_and_crop`` of their PyTorch code), drawn from (seed, epoch, index)
    alone, and pixels are scaled to [-1, 1].

    Args:
        root: The dataset's folder.
        source: Folder of the sources in each split.
        target: Folder of the targets in each split.
        direction: ``BtoA`` swaps source and target.
        made_from: How to make the source from the photograph: ``lab`` gives lightness, for the colours a and b as the
            target; ``edges`` a line drawing; ``hole`` the photograph without its centre.
        source_palette: The sources are label maps, of ids or in the colours of this `i2i_zoo.images.PALETTES` name.
            They come in colours, or as a channel for each label where ``in_channels`` is their number.
        target_palette: The same for targets.
        labels: Where below ``root`` the label map of a validation or test picture is, as single-channel ids, for
            metrics alone: such as ``gtFine/val/*/{name}_gtFine_labelIds.png``.
        in_channels: Channels of the source.
        out_channels: Channels of the target.
        load_size: Size that training pictures are resized to, one number or [height, width]; null keeps theirs.
        crop_size: Size of the random crop in training; null for none.
        test_size: Size that validation and test pictures are resized to; null keeps theirs.
        flip: Mirror half of the training pairs.
        batch_size: Pairs in a batch, of each process.
        num_workers: Processes that read pictures.
        seed: Seed of order and augmentation.
    """

    def __init__(
        self,
        root: str,
        source: str | None = None,
        target: str | None = None,
        direction: Literal["AtoB", "BtoA"] = "AtoB",
        made_from: Literal["lab", "edges", "hole"] | None = None,
        source_palette: str | None = None,
        target_palette: str | None = None,
        labels: str | None = None,
        in_channels: int = 3,
        out_channels: int = 3,
        load_size: int | list[int] | None = 286,
        crop_size: int | list[int] | None = 256,
        test_size: int | list[int] | None = 256,
        flip: bool = True,
        batch_size: int = 1,
        num_workers: int = 4,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        if made_from is None and (source is None) != (target is None):
            raise ZooError("Name both folders, source and target, or neither for files that hold a pair side by side.")
        self.root, self.direction, self.made_from, self.labels = Path(root), direction, made_from, labels
        self.source, self.target, self.source_palette, self.target_palette = (
            (source, target, source_palette, target_palette)
            if direction == "AtoB" or source is None
            else (target, source, target_palette, source_palette)
        )
        self.in_channels, self.out_channels = (1, 2) if made_from == "lab" else (in_channels, out_channels)
        self.load_size, self.crop_size, self.test_size, self.flip = load_size, crop_size, test_size, flip
        self.side_by_side = source is None and made_from is None

    @property
    def preprocess(self) -> dict[str, Any]:
        """What a model must know to treat pictures as in training; see `i2i_zoo.tasks`."""
        size = [self.test_size] * 2 if isinstance(self.test_size, int) else self.test_size
        record = {
            "size": size,
            "source_palette": self.source_palette,
            "target_palette": self.target_palette,
            "made_from": self.made_from,
        }
        return {key: value for key, value in record.items() if value is not None}

    def setup(self, stage: str) -> None:
        """Find the pairs of the splits that the stage needs, and check every file before anything begins.

        Raises `ZooError` naming what is missing, unmatched or broken, and label maps with ids out of range.
        """
        for split in {"fit": ("train", "val"), "validate": ("val",)}.get(stage, ("test",)):
            if split not in self.datasets:
                files = self.pairs(split)
                check_files([file for pair in files for file in dict.fromkeys(pair) if file is not None])
                check_sizes(files)
                for side, name in enumerate((self.source_palette, self.target_palette)):
                    if name is not None and not self.side_by_side:
                        maps = [file for pair in files if (file := pair[side]) is not None]
                        check_label_files(maps, partial(check_ids, palette=name))
                self.datasets[split] = PairedImages(self, files, split == "train")

    def pairs(self, split: str) -> list[tuple[Path | None, Path]]:
        """The (source file, target file) pairs of a split, sorted by name."""
        folder = split_folder(self.root, split)
        if self.made_from is not None:
            return [(None, file) for file in find_pictures(folder / (self.target or "")).values()]
        if self.source is None or self.target is None:
            return [(file, file) for file in find_pictures(folder).values()]
        files = match_names({"source": folder / self.source, "target": folder / self.target})
        return [(item["source"], item["target"]) for item in files]


def split_folder(root: Path, split: str) -> Path:
    """The folder of a split; val and test stand in for each other.  Raises `ZooError` if there is none."""
    folder = root / split
    if not folder.is_dir() and split != "train":
        folder = root / {"val": "test", "test": "val"}[split]
    if not folder.is_dir():
        raise ZooError(f"{root / split}: there is no such folder; see PairedData for the layouts.")
    return folder


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
    for file in images.find(folder):
        name = str(file.relative_to(folder).with_suffix(""))
        if name in found:
            raise ZooError(f"{found[name]} and {file} have the same name; remove one.")
        found[name] = file
    if not found:
        raise ZooError(f"{folder}: the folder holds no pictures; see PairedData for the layouts.")
    return found


def check_files(files: list[Path]) -> None:
    """Raise `ZooError` naming the files that are cut off or no pictures, from their first and last bytes."""
    broken = [str(file) for file in files if not images.is_whole(file)]
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
            (a, b), (c, d) = images.height_width(source), images.height_width(target)
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
    ids = images.read_array(str(file))
    if ids.ndim == 2:
        images.check_labels(ids, palette, str(file))
