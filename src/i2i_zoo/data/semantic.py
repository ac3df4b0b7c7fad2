"""Label maps and their photographs, with instances where the data has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo import images

from .paired import check_files, check_label_files, check_sizes, crop, match_names, split_folder
from .sampler import sample_generator
from .splits import SplitData

Files = dict[str, Path]


class SemanticImages(Dataset[dict[str, Any]]):
    """Items ``label`` (H, W) ids, ``target`` (3, H, W) in [-1, 1] and ``name``; indexed by ``(epoch, index)``.

    Also ``instance`` (H, W) where the data has instances; in validation and test ``label_map``, the ids at the size of
    their file, for metrics.  `SemanticData` explains the arguments.
    """

    def __init__(self, data: SemanticData, files: list[Files], train: bool) -> None:
        self.data, self.files, self.train = data, files, train

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        data, files = self.data, self.files[index]
        maps = {"label": data.read_label(files["label"])}
        if "instance" in files:
            maps["instance"] = images.read_instances(files["instance"])
        read: dict[str, Any] = {"name": files["target"].stem}
        if not self.train:
            read["label_map"] = maps["label"]
        parts = [*(m[None].double() for m in maps.values()), images.decode(files["target"])]
        *ids, target = self.augment(parts, sample_generator(data.seed, epoch, index), files["target"])
        return {**read, **{k: m[0].long() for k, m in zip(maps, ids, strict=True)}, "target": images.to_float(target)}

    def augment(self, parts: list[Tensor], random: torch.Generator, file: Path) -> list[Tensor]:
        """Resize, and in training crop and flip, all alike; the photograph, which is last, bicubically."""
        data = self.data
        size = data.load_size if self.train else data.test_size
        if size is not None:
            *ids, target = parts
            parts = [*(images.resize(m, size, nearest=True) for m in ids), images.resize(target, size)]
        if self.train and data.crop_size is not None:
            parts = crop(parts, data.crop_size, random, file)
        if self.train and data.flip and torch.rand((), generator=random) < 0.5:
            parts = [part.flip(-1) for part in parts]
        return parts


class SemanticData(SplitData):
    """Label maps and photographs below ``root/train``, ``root/val`` and ``root/test``, for SPADE and pix2pixHD.

    Each split has a folder of label maps and one of photographs, whose files are matched by name whatever their suffix,
    and a folder of instance maps if the data has those.  A missing ``val`` or ``test`` is replaced by the other.
    ``i2i-zoo data prepare`` makes this layout of ``cityscapes-semantic``, ``ade20k``, ``cocostuff`` and ``camvid``.

    Args:
        root: The dataset's folder.
        label: Folder of the label maps in each split: ids in one channel, or the colours of ``palette``.
        target: Folder of the photographs in each split.
        instance: Folder of the instance maps in each split, of 8, 16 or 32 bits; null for none.
        labels: How many labels there are.
        palette: Name in `i2i_zoo.images.PALETTES` of the labels' colours, for pictures of them, and maps in colours.
        dont_care: The id that stands for the last label; null for none.
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
        label: str = "labels",
        target: str = "images",
        instance: str | None = None,
        labels: int = 35,
        palette: str | None = None,
        dont_care: int | None = None,
        load_size: int | list[int] | None = 286,
        crop_size: int | list[int] | None = 256,
        test_size: int | list[int] | None = 256,
        flip: bool = True,
        batch_size: int = 1,
        num_workers: int = 4,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        if palette is not None:
            images.palette(palette)
        self.root, self.folders = Path(root), {"label": label, "target": target, "instance": instance}
        self.labels, self.palette, self.dont_care = labels, palette, dont_care
        self.load_size, self.crop_size, self.test_size, self.flip = load_size, crop_size, test_size, flip

    @property
    def preprocess(self) -> dict[str, Any]:
        """What a model must know to treat pictures as in training; see `i2i_zoo.tasks`."""
        size = [self.test_size] * 2 if isinstance(self.test_size, int) else self.test_size
        record = {"size": size, "source_palette": self.palette, "dont_care": self.dont_care}
        return {key: value for key, value in record.items() if value is not None}

    def read_label(self, file: Path) -> Tensor:
        """The ids (H, W) of a file; raises `ZooError` that names the file, the value and the remedy."""
        return images.read_labels(file, self.labels, self.palette, self.dont_care)

    def setup(self, stage: str) -> None:
        """Find the files of the splits that the stage needs, and check every one before anything begins.

        Raises `ZooError` naming what is missing, unmatched or broken, and label maps with ids out of range, of which up
        to 1000 are looked at, spread evenly; the others are when they are read.
        """
        for split in {"fit": ("train", "val"), "validate": ("val",)}.get(stage, ("test",)):
            if split not in self.datasets:
                files = self.files(split)
                check_files([file for item in files for file in item.values()])
                check_sizes(
                    [(item[key], item["target"]) for key in ("label", "instance") for item in files if key in item]
                )
                check_label_files([item["label"] for item in files], self.read_label)
                self.datasets[split] = SemanticImages(self, files, split == "train")

    def files(self, split: str) -> list[Files]:
        """The files of each item of a split, sorted by name."""
        folder = split_folder(self.root, split)
        return match_names({key: folder / name for key, name in self.folders.items() if name is not None})
