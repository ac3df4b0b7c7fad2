"""Pictures for style transfer: contents and styles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Count, Positive, Seed, Share, Side
from i2i_zoo.media.pictures import decode_picture, to_float
from i2i_zoo.seeds import numbered_generator
from i2i_zoo.tasks.preprocess import Preprocess

from .augmentation import Augmentation
from .files import check_files, check_no_ids
from .pictures import PictureData
from .places import Place


class StylePictures(Dataset[dict[str, Any]]):
    """Items ``content`` and, if there are styles, ``style``, (3, H, W) in [-1, 1]; ``name`` and ``name_style``.

    Indexed by ``(epoch, index)``; `StyleData` explains the rest.
    """

    def __init__(self, data: StyleData, contents: dict[str, Path], styles: dict[str, Path], train: bool) -> None:
        self.data, self.train = data, train
        self.contents, self.styles = list(contents.items()), list(styles.items())

    def __len__(self) -> int:
        return len(self.contents)

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        random = numbered_generator(self.data.seed, epoch, index)
        name, content = self.contents[index]
        read = {"content": self.read(content, random), "name": name}
        if self.styles:
            chosen = int(torch.randint(len(self.styles), (), generator=random)) if self.train else index
            name_style, style = self.styles[chosen % len(self.styles)]
            read |= {"style": self.read(style, random), "name_style": name_style}
        return read

    def read(self, file: Path, random: torch.Generator) -> Tensor:
        """A picture of either side."""
        picture = decode_picture(file)
        return to_float(self.data.augmentation(picture.shape[-2:], self.train, random, file).picture(picture))


class StyleData(PictureData):
    """A folder of contents and a folder of styles: pictures of any size, without pairs.

    Each of the two folders holds pictures, or folders train, val and test with pictures.  Without val, a part of the
    training pictures is held out for validation (``val_fraction``).  Without test, the test is on val, or on all
    pictures if there are no such folders.  All of this is said.

    An epoch of training has each content once, with a random style.  Both are resized by their shorter side, and a
    random square is cropped (Huang, Belongie 2017, sec. 6.2); naoto0804's PyTorch port stretches them to squares
    instead.  What is drawn depends on seed, epoch and index only.  In validation and test contents and styles come in
    the order of their names, each cropped to the square at its centre.

    Args:
        content: Folder of the contents.
        style: Folder of the styles; none for a method that learns a style of its own.
        load_size: Shorter side of training pictures, in pixels.
        crop_size: Side of the random crop in training.
        test_size: Side of validation and test pictures.
        flip: Mirror half of the training pictures.
        val_fraction: The part of the training pictures that is held out for validation if there is no ``val``; 0 for no
            validation.  It is always the same part.
        batch_size: Pairs in a batch, of each process.
        num_workers: Processes that read pictures.
        seed: Seed of order, partners and crops.
    """

    batch_keys = ("content", "style")
    folder_option = "content"

    def __init__(
        self,
        content: str,
        style: str | None = None,
        load_size: Side = 512,
        crop_size: Side = 256,
        test_size: Side = 256,
        flip: bool = False,
        val_fraction: Share = 0.1,
        batch_size: Positive = 8,
        num_workers: Count = 4,
        seed: Seed = 0,
    ) -> None:
        super().__init__(
            *(content, load_size, crop_size, test_size, flip, val_fraction),
            batch_size=batch_size,
            num_workers=num_workers,
            seed=seed,
        )
        self.style = Path(style) if style is not None else None
        self.load_side, self.test_side = load_size, test_size

    @property
    def preprocess(self) -> Preprocess:
        """Nothing, since pictures of any size are styled."""
        return Preprocess()

    def dataset(self, split: str) -> StylePictures:
        """Find the pictures of a split, and check every file.

        Raises `ZooError` naming folders that are missing or empty, files that are broken, and label maps.
        """
        contents, styles = [*self.split_files(split), {}][:2]
        check_files([*contents.values(), *styles.values()])
        for option, files in (("content", contents), ("style", styles)):
            check_no_ids(list(files.values()), f"name a folder of pictures as --data.{option}")
        return StylePictures(self, contents, styles, split == "train")

    def augmentation(self, original: Sequence[int], train: bool, random: torch.Generator, file: Path) -> Augmentation:
        """A picture resized by its shorter side; in training a random square of it, else the one at its centre."""
        side, shorter = self.load_side if train else self.test_side, min(original)
        resized = [round(length * side / shorter) for length in original]
        if train:
            return Augmentation.draw(
                original, random, load_size=resized, crop_size=self.crop_size, flip=self.flip, file=file
            )
        height, width = resized
        return Augmentation(
            original=(original[0], original[1]),
            resized=(height, width),
            window=((height - side) // 2, (width - side) // 2, side, side),
        )

    def places(self) -> list[Place]:
        return [
            place._replace(train=folder, whole=True) if not any(path.is_dir() for path in place[:3]) else place
            for folder in (self.root, self.style)
            if folder is not None
            for place in [Place.below(folder)]
        ]
