"""A dataset of rendered street scenes and their label maps, which needs nothing on disk."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Channels, Count, Length, Positive, Seed, Side
from i2i_zoo.data.splits import Direction, SplitData, is_reversed
from i2i_zoo.media.labels import colour_labels
from i2i_zoo.media.pictures import fit_channels, read_picture
from i2i_zoo.tasks.preprocess import PicturePreprocess

from .streets import render_scene


class SyntheticImages(Dataset[dict[str, Any]]):
    """Items ``source``, ``target`` (C, H, W) in [-1, 1], ``name``, and ``label`` (H, W), the scene's label ids.

    ``label_map`` is the same as ``label``, for metrics.  Methods without pairs use ``a``, the source, and ``b``, the
    target; in training the target is that of the next scene, ``name_b``.  Style transfer uses ``content``, the source,
    and ``style``, the target.  Indexed by ``(epoch, index)``.
    """

    def __init__(self, data: SyntheticPairs, length: int, first_seed: int, train: bool) -> None:
        self.data, self.length, self.first_seed, self.train = data, length, first_seed, train

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        _, index = item
        index_b = (index + 1) % self.length if self.train else index
        labels, source, target = self.scene(index)
        return {
            "source": source,
            "target": target,
            "a": source,
            "content": source,
            "style": target,
            "b": target if index_b == index else self.scene(index_b)[2],
            "name": self.name(index),
            "name_b": self.name(index_b),
            "label": torch.from_numpy(labels).long(),
            "label_map": torch.from_numpy(labels),
        }

    def name(self, index: int) -> str:
        return f"scene{self.first_seed + index}"

    def scene(self, index: int) -> tuple[np.ndarray, Tensor, Tensor]:
        """Labels, source and target of a scene."""
        data = self.data
        labels, photo = render_scene(self.first_seed + index, data.size)
        source, target = colour_labels(labels, "camvid"), photo
        if data.reversed:
            source, target = target, source
        return (
            labels,
            fill_channels(read_picture(source), data.in_channels),
            fill_channels(read_picture(target), data.out_channels),
        )


def fill_channels(picture: Tensor, channels: int) -> Tensor:
    """RGB (3, H, W) to any number of channels: luminance for one, red, green and blue in turn for others."""
    if channels == 1:
        return fit_channels(picture, 1, "scene")
    return picture[torch.arange(channels) % 3]


class SyntheticPairs(SplitData):
    """Label maps in CamVid's colours (A) and rendered street scenes (B), rendered at each use.

    Args:
        train: Number of training pairs.
        val: Number of validation pairs.
        test: Number of test pairs.
        size: Their size, one number or [height, width].
        direction: ``BtoA``, or ``ba``, makes the photograph the source.
        in_channels: Channels of the source: 1 is luminance, 3 RGB, others repeat red, green and blue.
        out_channels: The same for the target.
        batch_size: Pairs in a batch, of each process.
        num_workers: Processes that render.
        seed: Seed of scenes and order.
    """

    batch_keys = ("source", "target", "label", "a", "b", "content", "style")

    def __init__(
        self,
        train: Positive = 64,
        val: Positive = 8,
        test: Positive = 8,
        size: Side | Annotated[list[Side], Length(2)] = 256,
        direction: Direction = "AtoB",
        in_channels: Channels = 3,
        out_channels: Channels = 3,
        batch_size: Positive = 1,
        num_workers: Count = 0,
        seed: Seed = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.lengths = {"train": train, "val": val, "test": test}
        self.size = (size, size) if isinstance(size, int) else (size[0], size[1])
        self.reversed, self.in_channels, self.out_channels = is_reversed(direction), in_channels, out_channels

    @property
    def preprocess(self) -> PicturePreprocess:
        """What a model must know to prepare pictures as in training."""
        labels_in = not self.reversed
        palette = "camvid" if (self.in_channels if labels_in else self.out_channels) == 3 else None
        return PicturePreprocess(self.size, palette if labels_in else None, None if labels_in else palette)

    def dataset(self, split: str) -> SyntheticImages:
        first = self.seed * 3_000_000 + list(self.lengths).index(split) * 1_000_000
        return SyntheticImages(self, self.lengths[split], first, split == "train")
