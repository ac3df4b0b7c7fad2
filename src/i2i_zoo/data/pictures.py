"""The base of the datamodules that read picture files: folders of splits, sizes and augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from i2i_zoo.errors import ZooError

from .augmentation import Augmentation, Size, extent
from .splits import SplitData


class PictureData(SplitData):
    """A datamodule of files below ``root``, whose ``dataset`` checks every file before anything begins.

    Args:
        root: The dataset's folder.
        load_size: Size that training pictures are resized to, one number or [height, width]; None keeps theirs.
        crop_size: Size of the random crop in training; None for none.
        test_size: Size that validation and test pictures are resized to; None keeps theirs.
        flip: Mirror half of the training pictures.
        **options: Those of `SplitData`.
    """

    folder_option = "root"

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
            original, random, load_size=self.load_size, crop_size=self.crop_size, flip=self.flip, file=file
        )
