"""Pictures of two domains, A and B, without pairs."""

from __future__ import annotations

from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Channels, Count, Positive, Seed, Share, Size
from i2i_zoo.errors import ZooError
from i2i_zoo.media.labels import palette_colours
from i2i_zoo.media.palettes import PALETTES
from i2i_zoo.media.pictures import decode_picture, fit_channels, to_float
from i2i_zoo.seeds import numbered_generator
from i2i_zoo.tasks.preprocess import UnpairedPreprocess

from .augmentation import Augmentation
from .files import check_files, check_label_files, check_no_ids, read_label_map, read_side_by_side
from .pictures import PictureData
from .places import Place


class UnpairedImages(Dataset[dict[str, Any]]):
    """Items ``a`` (C, H, W) and ``b`` (D, H, W) in [-1, 1], ``name`` and ``name_b``; indexed by ``(epoch, index)``.

    In validation and test an item also has ``label_map``, (H, W) ids at the size of their file, if the items are pairs
    and one side consists of label maps in files of their own.

    ``a`` and ``b`` map names to the files of each side.  They are the same if the files hold a pair side by side.
    `UnpairedData` explains the other arguments.
    """

    def __init__(self, data: UnpairedData, a: dict[str, Path], b: dict[str, Path], train: bool) -> None:
        self.data, self.train, self.side_by_side = data, train, data.side_by_side
        self.a, self.b = sorted(a.items()), sorted(b.items())
        maps = [side for side, palette in enumerate(data.palettes) if palette is not None]
        paired = a.keys() == b.keys() and not self.side_by_side
        self.labels = maps[-1] if maps and paired and not train else None  # the side that has label maps

    def __len__(self) -> int:
        return max(len(self.a), len(self.b))

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        random = numbered_generator(self.data.seed, epoch, index)
        # As the authors draw them: A in turn, and any of B.
        index_b = int(torch.randint(len(self.b), (), generator=random)) if self.train else index % len(self.b)
        (name, a), (name_b, b) = self.a[index % len(self.a)], self.b[index_b]
        cropped = self.data.crop_epochs is None or epoch < self.data.crop_epochs
        pictures = {"a": self.read(a, 0, random, cropped), "b": self.read(b, 1, random, cropped)}
        read: dict[str, Any] = {**pictures, "name": name, "name_b": name_b}
        if self.labels is not None:
            read["label_map"] = read_label_map((a, b)[self.labels], self.data.palettes[self.labels])
        return read

    def read(self, file: Path, side: int, random: torch.Generator, cropped: bool) -> Tensor:
        """The picture of a side, A 0 and B 1, resized, and in training perhaps cropped, and flipped."""
        channels, palette = self.data.channels[side], self.data.palettes[side]
        if self.side_by_side:
            picture = fit_channels(read_side_by_side(file)[side], channels, str(file))
        else:
            picture = decode_picture(file, channels, palette)
        if cropped or not self.train:
            augmentation = self.data.augmentation(picture.shape[-2:], self.train, random, file)
        else:
            size, flip = self.data.crop_size, self.data.flip
            augmentation = Augmentation.draw(picture.shape[-2:], random, load_size=size, flip=flip, file=file)
        return to_float(augmentation.picture(picture, nearest=palette is not None))


class UnpairedData(PictureData):
    """Two sets of pictures, A and B, in one of four layouts.

    - ``root/trainA`` and ``root/trainB``, and so for val and test, as CycleGAN's datasets;
    - files in ``root/train`` that hold a pair side by side, A left and B right, as pix2pix's datasets;
    - ``root/train/<a>`` and ``root/train/<b>``, with ``a`` and ``b`` set;
    - ``root/<a>`` and ``root/<b>``, with ``a`` and ``b`` set, if ``root`` has no splits: any two folders.

    Without val, a part of the training pictures of each side is held out for validation (``val_fraction``).  Without
    test, the test is on val, or on all pictures if there are no splits.  All of this is said.

    An epoch of training has as many items as the larger set has pictures.  The pictures of A come in turn, repeated if
    A is the smaller set, each with a random picture of B.  A and B are cropped and flipped independently.  What is
    drawn depends on seed, epoch and index only.  In validation and test both sets come in the order of their names, so
    that files with the same names make pairs.

    Args:
        root: The dataset's folder.
        a: Folder of A, in each split if there are splits.
        b: The same for B.
        palette_a: A name in `media.palettes.PALETTES`: the pictures of A are label maps, ids or colours of this
            palette.  Items hold them in colours, or with one channel per label if ``channels_a`` is their number.
        palette_b: The same for B.
        channels_a: Channels of A.
        channels_b: Channels of B.
        load_size: Size that training pictures are resized to, one number or [height, width]; null keeps theirs.
        crop_size: Size of the random crop in training; null for none.
        crop_epochs: Epochs with random crops; after them whole pictures are resized to ``crop_size``, as CUT's authors
            do once the learning rate falls.  Null for crops in all epochs.
        test_size: Size that validation and test pictures are resized to; null keeps theirs.
        flip: Mirror half of the training pictures.
        val_fraction: The part of the training pictures that is held out for validation if there is no ``val``; 0 for no
            validation.  It is always the same part.
        batch_size: Pictures of A, and of B, in a batch, of each process.
        num_workers: Processes that read pictures.
        seed: Seed of order, partners and augmentation.
    """

    batch_keys = ("a", "b")

    def __init__(
        self,
        root: str,
        a: str | None = None,
        b: str | None = None,
        palette_a: str | None = None,
        palette_b: str | None = None,
        channels_a: Channels = 3,
        channels_b: Channels = 3,
        load_size: Size = 286,
        crop_size: Size = 256,
        crop_epochs: Count | None = None,
        test_size: Size = 256,
        flip: bool = True,
        val_fraction: Share = 0.1,
        batch_size: Positive = 1,
        num_workers: Count = 4,
        seed: Seed = 0,
    ) -> None:
        super().__init__(
            *(root, load_size, crop_size, test_size, flip, val_fraction),
            batch_size=batch_size,
            num_workers=num_workers,
            seed=seed,
        )
        if (a is None) != (b is None):
            raise ZooError(
                "Name both folders, a and b, or neither for trainA, trainB and so on, or for pairs in files."
            )
        if crop_epochs is not None and crop_size is None:
            raise ZooError("crop_epochs says how long pictures are cropped, and there is no crop_size: give that too.")
        self.crop_epochs = crop_epochs
        self.a, self.b, self.palettes, self.channels = a, b, (palette_a, palette_b), (channels_a, channels_b)
        for name in filter(None, self.palettes):
            palette_colours(name)

    @property
    def preprocess(self) -> UnpairedPreprocess:
        """What a model must know to prepare pictures as in training."""
        return UnpairedPreprocess(self.trained_size, *self.palettes)

    def has_splits(self, side: str = "") -> bool:
        """Whether the root has folders of splits, or those of one side, such as trainA."""
        return any((self.root / f"{split}{side}").is_dir() for split in ("train", "val", "test"))

    @property
    def side_by_side(self) -> bool:
        """Whether each file holds a pair."""
        return self.a is None and self.has_splits() and not self.has_splits("A")

    def dataset(self, split: str) -> UnpairedImages:
        """Find the pictures of both sides of a split, and check every file.

        Raises `ZooError` naming folders that are missing or empty, files that are broken, and label maps with ids out
        of range.
        """
        found = self.split_files(split)
        a, b = found[0], found[-1]
        palettes = (None, None) if self.side_by_side else self.palettes
        channels = (3, 3) if self.side_by_side else self.channels
        sides = [(palette, list(files.values())) for palette, files in zip(palettes, (a, b), strict=True)]
        pictures: dict[Path, int] = {}
        for number, (palette, files) in zip(channels, sides, strict=True):
            if palette is None:
                pictures |= dict.fromkeys(files, number)
        check_files(pictures, chain(*(files for palette, files in sides if palette is not None)))
        for side, (palette, files) in zip("ab", sides, strict=True):
            if palette is None and not self.side_by_side:
                check_no_ids(files, f"give --data.palette_{side} ({', '.join(PALETTES)}), or save it in colours")
            if palette is not None:
                check_label_files(files, partial(decode_picture, channels=None, palette=palette))
        return UnpairedImages(self, a, b, split == "train")

    def places(self) -> list[Place]:
        if self.a is not None and self.b is not None:
            if self.has_splits():
                return [Place.below(self.root, inner=folder) for folder in (self.a, self.b)]
            return [
                Place.below(self.root, inner=folder)._replace(train=self.root / folder, whole=True)
                for folder in (self.a, self.b)
            ]
        if self.side_by_side:
            return [Place.below(self.root)]
        return [Place.below(self.root, "A"), Place.below(self.root, "B")]
