"""Clips of drives along rendered streets, with labels, instances and exact flow."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Count, Ge, Le, Length, Positive, Seed, Side
from i2i_zoo.data.splits import SplitData
from i2i_zoo.media.pictures import to_float
from i2i_zoo.tasks.preprocess import SemanticPreprocess

from .remembering import Remembered
from .street_motion import render_drive

#: Seeds that each split has for itself.
_SEEDS = 1_000_000


class Drives(Dataset[dict[str, Any]]):
    """Items of `StreetClips`; indexed by ``(epoch, index)``.

    Args:
        data: The datamodule.
        length: Clips of an epoch.
        first_seed: The first of the split's seeds of streets.
        train: Whether clips begin anywhere in drives of twice their length, and are mirrored.
    """

    def __init__(self, data: StreetClips, length: int, first_seed: int, train: bool) -> None:
        self.data, self.length, self.first_seed, self.train = data, length, first_seed, train
        self.drive = Remembered(self._drive)

    def _drive(self, seed: int) -> dict[str, Tensor]:
        data = self.data
        drive = render_drive(seed, data.size, data.frames * (2 if self.train else 1), data.rate)
        return {
            "video": torch.from_numpy(drive.photos).permute(0, 3, 1, 2),
            "label": torch.from_numpy(drive.labels),
            "instance": torch.from_numpy(drive.instances.astype(np.int32)),
            "flow": torch.from_numpy(drive.flow),
            "seen": torch.from_numpy(drive.seen)[:, None],
        }

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        rng = np.random.default_rng([self.first_seed, epoch, index])
        seed = self.first_seed + ((epoch * self.length + index) % self.data.drives if self.train else index)
        drive = self.drive(seed)
        start = int(rng.integers(len(drive["video"]) - self.data.frames + 1)) if self.train else 0
        clip = {key: value[start : start + self.data.frames] for key, value in drive.items()}
        if self.train and self.data.flip and rng.random() < 0.5:
            clip = {key: value.flip(-1) for key, value in clip.items()}
            clip["flow"] = clip["flow"] * torch.tensor([-1.0, 1.0])[:, None, None]
        ids = {key: clip[key].long() for key in ("label", "instance")}
        return {**clip, **ids, "video": to_float(clip["video"]), "name": f"drive{seed}_{index}"}


class StreetClips(SplitData):
    """Drives along rendered streets.

    Batches hold ``label`` and ``instance`` (B, T, H, W) ids, CamVid's, ``video`` (B, T, 3, H, W) in [-1, 1], and
    ``flow`` (B, T, 2, H, W), from each frame back to the one before it as in `i2i_zoo.networks.flow`; ``seen``
    (B, T, 1, H, W) says where that one shows the same surface.  The first flow of a clip leads out of it.

    Training shows ``drives`` of twice the frames, and begins anywhere in them.  They are rendered at their first use
    and stay in memory, in each process.  Validation and test are the same in every epoch.

    Args:
        train: Number of training clips in an epoch.
        val: Number of validation clips.
        test: Number of test clips.
        size: Height and width of the pictures.
        frames: Frames of a clip.
        rate: Frames in a second.
        drives: Number of drives to train with.
        flip: Mirror half of the training clips.
        batch_size: Clips in a batch, of each process.
        num_workers: Processes that render.
        seed: Seed of streets and order.
    """

    batch_keys = ("label", "video", "instance", "flow", "seen")
    #: CamVid's.
    labels = 12

    def __init__(
        self,
        train: Positive = 64,
        val: Positive = 4,
        test: Positive = 8,
        size: Annotated[list[Side], Length(2)] = [64, 128],  # noqa: B006
        frames: Annotated[int, Ge(2)] = 8,
        rate: Annotated[float, Ge(1), Le(120)] = 12,
        drives: Positive = 64,
        flip: bool = True,
        batch_size: Positive = 1,
        num_workers: Count = 1,
        seed: Seed = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.lengths = {"train": train, "val": val, "test": test}
        self.size, self.frames, self.rate, self.drives, self.flip = (size[0], size[1]), frames, rate, drives, flip

    @property
    def preprocess(self) -> SemanticPreprocess:
        """What a model must know to prepare label maps as in training."""
        return SemanticPreprocess(self.size, "camvid")

    def dataset(self, split: str) -> Drives:
        """The clips of a split."""
        first = (self.seed * 3 + list(self.lengths).index(split)) * _SEEDS
        return Drives(self, self.lengths[split], first, split == "train")
