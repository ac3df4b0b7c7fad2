"""The base of the datamodules that read picture files: folders of splits, sizes and augmentation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch

from i2i_zoo.errors import ZooError

from .augmentation import Augmentation, Size, extent
from .places import Found, Place, Splits
from .splits import SplitData


class PictureData(SplitData):
    """A datamodule of files below ``root``, whose ``dataset`` checks every file before anything begins.

    Args:
        root: The dataset's folder.
        load_size: Size that training pictures are resized to, one number or [height, width]; None keeps theirs.
        crop_size: Size of the random crop in training; None for none.
        test_size: Size that validation and test pictures are resized to; None keeps theirs.
        flip: Mirror half of the training pictures.
        val_fraction: The part of the training pictures that is held out for validation if it has no folder; 0 for none.
        zoom: The least and the largest factor of ``load_size``, drawn for each training picture; None for none.
        **options: Those of `SplitData`.
    """

    folder_option = "root"
    #: What one and several of the things that `places` find are called in messages.
    things: ClassVar[tuple[str, str]] = ("picture", "pictures")

    def __init__(
        self,
        root: str,
        load_size: Size,
        crop_size: Size,
        test_size: Size,
        flip: bool,
        val_fraction: float,
        zoom: Sequence[float] | None = None,
        **options: int,
    ) -> None:
        super().__init__(**options)
        if zoom is not None and zoom[0] > zoom[1]:
            raise ZooError(f"zoom: the least factor comes first, so [{zoom[1]}, {zoom[0]}] and not {list(zoom)}.")
        self.root = Path(root)
        self.load_size, self.crop_size, self.test_size, self.flip = load_size, crop_size, test_size, flip
        self.val_fraction, self.zoom = val_fraction, zoom

    @abstractmethod
    def places(self) -> list[Place]:
        """Where the pictures are: one place, or one for each of several sides without pairs."""

    def split_files(self, split: str) -> list[Found]:
        """The files of a split, at each of the `places`.

        Raises `ZooError` if a folder is missing or holds no pictures.
        """
        splits = Splits(self.places(), self.val_fraction, type(self).__name__, self.things)
        found = splits.files(split)
        self._said[split] = splits.said
        return found

    @property
    def trained_size(self) -> tuple[int, int] | None:
        """Height and width that models are tested at; None where pictures keep theirs."""
        return None if self.test_size is None else extent(self.test_size, ())

    def augmentation(self, original: Sequence[int], train: bool, random: torch.Generator, file: Path) -> Augmentation:
        """What an item goes through; outside training it is only resized, to ``test_size``.

        Args:
            original: Height and width of the item's pictures.
            train: Whether the item is for training.
            random: The item's random generator.
            file: The item's file, for messages.

        Raises:
            ZooError: If the picture is too small for the crop.
        """
        if not train:
            return Augmentation.draw(original, random, load_size=self.test_size, file=file)
        return Augmentation.draw(
            *(original, random),
            load_size=self.load_size,
            zoom=self.zoom,
            crop_size=self.crop_size,
            flip=self.flip,
            file=file,
        )
