"""Label maps and their photographs, with instances where the data has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Channels, Count, Positive, Seed, Share, Size
from i2i_zoo.media.labels import palette_colours, read_instances, read_labels
from i2i_zoo.media.pictures import decode_picture, to_float
from i2i_zoo.seeds import numbered_generator
from i2i_zoo.tasks.preprocess import SemanticPreprocess

from .files import check_files, check_label_files, check_no_ids, check_sizes, match_names
from .pictures import PictureData
from .places import Place

Files = dict[str, Path]


class SemanticImages(Dataset[dict[str, Any]]):
    """Items ``label`` (H, W) ids, ``target`` (3, H, W) in [-1, 1] and ``name``; indexed by ``(epoch, index)``.

    If the data has instances, an item also has ``instance`` (H, W).  In validation and test it has ``label_map``, the
    ids at the size of their file, for metrics.  `SemanticData` explains the arguments.
    """

    def __init__(self, data: SemanticData, files: dict[str, Files], train: bool) -> None:
        self.data, self.names, self.files, self.train = data, list(files), list(files.values()), train

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        data, files = self.data, self.files[index]
        label, target = data.read_label(files["label"]), decode_picture(files["target"])
        random = numbered_generator(data.seed, epoch, index)
        augmentation = data.augmentation(target.shape[-2:], self.train, random, files["target"])
        read: dict[str, Any] = {"name": self.names[index], "target": to_float(augmentation.picture(target))}
        read["label"] = augmentation.labels(label)
        if "instance" in files:
            read["instance"] = augmentation.labels(read_instances(files["instance"]))
        if not self.train:
            read["label_map"] = label
        return read


class SemanticData(PictureData):
    """Label maps and photographs below ``root/train``, ``root/val`` and ``root/test``, for SPADE and pix2pixHD.

    Each split has a folder of label maps, one of photographs, and perhaps one of instance maps.  Files are matched by
    name, whatever their suffix.  Without ``val``, a part of the training pairs is held out for validation
    (``val_fraction``), and without ``test``, the test is on ``val``; both are said.
    ``i2i-zoo data prepare`` makes this layout for ``cityscapes-semantic``, ``ade20k``, ``cocostuff`` and ``camvid``.

    Args:
        root: The dataset's folder.
        label: Folder of the label maps in each split: ids in one channel, or the colours of ``palette``.
        target: Folder of the photographs in each split.
        instance: Folder of the instance maps in each split, of 8, 16 or 32 bits; null for none.
        labels: How many labels there are.
        palette: Name in `media.palettes.PALETTES` of the labels' colours: to read maps in colours, and to show labels.
        dont_care: The id that is read as the last label; null for none.
        load_size: Size that training pictures are resized to, one number or [height, width]; null keeps theirs.
        crop_size: Size of the random crop in training; null for none.
        test_size: Size that validation and test pictures are resized to; null keeps theirs.
        flip: Mirror half of the training pairs.
        val_fraction: The part of the training pairs that is held out for validation if there is no ``val``; 0 for no
            validation.  It is always the same part.
        batch_size: Pairs in a batch, of each process.
        num_workers: Processes that read pictures.
        seed: Seed of order and augmentation.
    """

    batch_keys = ("label", "target")

    def __init__(
        self,
        root: str,
        label: str = "labels",
        target: str = "images",
        instance: str | None = None,
        labels: Channels = 35,
        palette: str | None = None,
        dont_care: Count | None = None,
        load_size: Size = 286,
        crop_size: Size = 256,
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
        if palette is not None:
            palette_colours(palette)
        self.folders = {"label": label, "target": target, "instance": instance}
        self.labels, self.palette, self.dont_care = labels, palette, dont_care

    @property
    def preprocess(self) -> SemanticPreprocess:
        """What a model must know to prepare pictures as in training."""
        return SemanticPreprocess(self.trained_size, self.palette, self.dont_care)

    def read_label(self, file: Path) -> Tensor:
        """The ids (H, W) of a file; raises `ZooError` that names the file, the value and the remedy."""
        return read_labels(file, self.labels, self.palette, self.dont_care)

    def dataset(self, split: str) -> SemanticImages:
        """Find the files of a split, and check every one.

        Raises `ZooError` naming what is missing, unmatched or broken, and label maps with ids out of range.  At most
        `LABELS_CHECKED` label maps, evenly spaced, are checked here; the others are checked when they are used.
        """
        (files,) = self.split_files(split)
        maps = [item[key] for item in files.values() for key in ("label", "instance") if key in item]
        check_files([item["target"] for item in files.values()], maps)
        check_sizes(
            [(item[key], item["target"]) for key in ("label", "instance") for item in files.values() if key in item]
        )
        check_no_ids([item["target"] for item in files.values()], "name the folder of photographs as --data.target")
        check_label_files([item["label"] for item in files.values()], self.read_label)
        return SemanticImages(self, files, split == "train")

    def places(self) -> list[Place]:
        return [Place.below(self.root, find=self.find_items)]

    def find_items(self, folder: Path) -> dict[str, Files]:
        """The files of each item in the folder of a split, sorted by name."""
        return match_names({key: folder / name for key, name in self.folders.items() if name is not None})
