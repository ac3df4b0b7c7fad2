"""What Monkey-Net's authors do to clips in training, beside mirroring (``augmentation.py`` of their code)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as V

from i2i_zoo.media.geometry import resize


@dataclass(frozen=True)
class Distortion:
    """Rotation, then resizing and a crop of the old size, then a turn of the hues; the same for all frames.

    Args:
        angle: Degrees, counter-clockwise about the centre; corners become black.
        resized: Height and width that frames are resized to, to the nearest pixel; smaller ones repeat their edges.
        place: Where the crop is, from 0 (top, left) to 1 (bottom, right).
        hue: By how much of a full turn the hues are turned.
    """

    angle: float
    resized: tuple[int, int]
    place: tuple[float, float]
    hue: float

    @classmethod
    def draw(
        cls, size: Sequence[int], random: torch.Generator, rotation: float, zoom: Sequence[float], hue: float
    ) -> Distortion:
        """A distortion of frames of this height and width.

        Args:
            size: Height and width of the frames.
            random: The item's random generator.
            rotation: The largest angle, either way.
            zoom: The smallest and the largest factor of height and width.
            hue: The largest turn of the hues, either way.
        """
        turn, factor, top, left, hues = torch.rand(5, generator=random, dtype=torch.float64).tolist()
        factor = zoom[0] + factor * (zoom[1] - zoom[0])
        height, width = (max(1, int(side * factor)) for side in size)
        return cls(rotation * (2 * turn - 1), (height, width), (top, left), hue * (2 * hues - 1))

    def __call__(self, frames: Tensor) -> Tensor:
        """Frames (T, C, H, W) of uint8, distorted."""
        height, width = frames.shape[-2:]
        if self.angle:
            frames = V.rotate(frames, self.angle, InterpolationMode.BILINEAR)
        if self.resized != (height, width):
            frames = torch.stack([resize(frame, self.resized, nearest=True) for frame in frames])
            down, right = max(0, height - self.resized[0]), max(0, width - self.resized[1])
            frames = V.pad(frames, [right // 2, down // 2, -(-right // 2), -(-down // 2)], padding_mode="edge")
            rows, columns = frames.shape[-2] - height + 1, frames.shape[-1] - width + 1
            frames = V.crop(frames, int(self.place[0] * rows), int(self.place[1] * columns), height, width)
        return V.adjust_hue(frames, self.hue) if self.hue else frames
