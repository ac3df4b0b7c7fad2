"""Clips of a shape that moves, rendered at each use: its colour, form and path are classes, and all of it is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import torch
from torch.utils.data import Dataset

from i2i_zoo.annotations import Count, Ge, Positive, Seed
from i2i_zoo.data.splits import SplitData, check_classes
from i2i_zoo.tasks.preprocess import Preprocess

#: The forms; a class is the place in this list.
FORMS = ("circle", "square", "triangle")

#: The colours, RGB of 255; a class is the place in this list.
COLOURS = {
    "red": (228, 60, 52),
    "orange": (244, 150, 40),
    "yellow": (240, 226, 72),
    "green": (70, 196, 84),
    "cyan": (72, 208, 216),
    "blue": (70, 104, 236),
    "violet": (166, 84, 220),
    "white": (236, 236, 236),
}

Path: TypeAlias = Literal["up", "left", "down", "right"]

#: Paths to the direction in which they cross the picture: x to the right, y down.
PATHS: dict[Path, tuple[int, int]] = {"up": (0, -1), "left": (-1, 0), "down": (0, 1), "right": (1, 0)}

#: In sides of the picture: how far a path goes, and the smallest and largest width of a shape.
_TRAVEL, _WIDTHS = 50 / 64, (8 / 64, 14 / 64)


@dataclass(frozen=True)
class Moving:
    """A clip of a shape before black, and what is known of it.

    Args:
        video: (T, 3, H, W) float32 in [0, 255].
        coverage: (T, H, W) float32, the share of each pixel that the shape covers.
        position: (T, 2) float32, x and y of its centre in pixels, where whole numbers are the centres of pixels.
        colour: Its class in `COLOURS`.
        form: Its class in `FORMS`.
    """

    video: np.ndarray
    coverage: np.ndarray
    position: np.ndarray
    colour: int
    form: int


def render_shape(rng: np.random.Generator, path: Path, size: int, frames: int) -> Moving:
    """A random shape that crosses a picture once, at a changing speed, and sways across its path."""
    colour, form = int(rng.integers(len(COLOURS))), int(rng.integers(len(FORMS)))
    half = rng.uniform(*_WIDTHS) * size / 2
    position = _track(rng, path, frames) * size - 0.5
    coverage = _coverage(FORMS[form], half, position, size)
    rgb = np.array(list(COLOURS.values())[colour], np.float32)
    return Moving(coverage[:, None] * rgb[:, None, None], coverage, position.astype(np.float32), colour, form)


def _track(rng: np.random.Generator, path: Path, frames: int) -> np.ndarray:
    """The centre in every frame, (T, 2) from 0 to 1.  It never turns back, and no shape leaves the picture."""
    time = np.linspace(0, 1, frames)
    along = time + rng.uniform(-0.6, 0.6) * np.sin(2 * math.pi * time) / (2 * math.pi)
    sway = rng.uniform(0, 7.5 / 64)
    aside = sway * np.sin(2 * math.pi * (rng.uniform(0.5, 1) * time + rng.uniform()))
    margin = _WIDTHS[1] / 2 + sway
    across = rng.uniform(margin, 1 - margin) + aside
    forwards = 0.5 + _TRAVEL * (along - 0.5)
    x, y = PATHS[path]
    if y:
        return np.stack([across, forwards if y > 0 else 1 - forwards], 1)
    return np.stack([forwards if x > 0 else 1 - forwards, across], 1)


def _coverage(form: str, half: float, position: np.ndarray, size: int) -> np.ndarray:
    """The share of each pixel that a form covers, (T, H, W): 1 less its distance from the edge, where that is near.

    ``half`` is half its width in pixels.
    """
    grid = np.arange(size, dtype=np.float32)
    x = grid - position[:, 0, None, None].astype(np.float32)
    y = grid[:, None] - position[:, 1, None, None].astype(np.float32)
    if form == "circle":
        outside = np.hypot(x, y) - half
    elif form == "square":
        outside = np.maximum(abs(x), abs(y)) - half
    else:  # its tip is above; its two slopes fall twice as fast as they spread
        outside = np.maximum(y - half, (2 * abs(x) - y - half) / math.sqrt(5))
    return np.clip(0.5 - outside, 0, 1).astype(np.float32)


class Shapes(Dataset[dict[str, Any]]):
    """Items of `ShapesData`; indexed by ``(epoch, index)``."""

    def __init__(self, data: ShapesData, split: str) -> None:
        self.data, self.length, self.train = data, data.lengths[split], split == "train"
        self.number = list(data.lengths).index(split)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        moving, action = self.clip(item)
        path = self.data.paths[action]
        return {
            "video": torch.from_numpy(moving.video / np.float32(127.5) - 1),
            "action": action,
            "colour": moving.colour,
            "form": moving.form,
            "position": torch.from_numpy(moving.position),
            "name": f"{list(COLOURS)[moving.colour]}_{FORMS[moving.form]}_{path}_{item[1]}",
        }

    def clip(self, item: tuple[int, int]) -> tuple[Moving, int]:
        """The clip ``(epoch, index)`` with all that is known of it, and its path's class."""
        epoch, index = item
        data = self.data
        rng = np.random.default_rng([data.seed, self.number, epoch if self.train else 0, index])
        action = int(rng.integers(len(data.paths)))
        return render_shape(rng, data.paths[action], data.size, data.frames), action


class ShapesData(SplitData):
    """A shape that moves before black, rendered at each use, after MoCoGAN's synthetic clips (Tulyakov et al. 2018).

    A shape crosses 50/64 of the picture in a clip, whatever its number of frames, at a speed that changes smoothly, and
    sways a little across its path.  It is 8/64 to 14/64 of the picture wide.  Unlike those of MoCoGAN's authors, shapes
    have smooth edges, one of eight colours, and may be triangles.

    Batches hold ``video`` (B, T, 3, H, W) in [-1, 1] and what is known: the classes ``action`` (the place in
    ``paths``), ``colour`` and ``form`` (B,), and ``position`` (B, T, 2), x and y of the centre in pixels.

    Training draws new clips in every epoch.  Those of validation and test are the same in every epoch.

    Args:
        train: Number of training clips in an epoch.
        val: Number of validation clips.
        test: Number of test clips.
        size: Height and width of the pictures.
        frames: Frames of a clip.
        paths: The paths, in the order of their classes; those of MoCoGAN's clips are the default.
        batch_size: Clips in a batch, of each process.
        num_workers: Processes that render.
        seed: Seed of clips and order.
    """

    batch_keys = ("video", "action", "colour", "form", "position")

    def __init__(
        self,
        train: Positive = 4000,
        val: Positive = 64,
        test: Positive = 256,
        size: Annotated[int, Ge(16)] = 64,
        frames: Annotated[int, Ge(2)] = 16,
        paths: Sequence[Path] = ("up", "left"),
        batch_size: Positive = 32,
        num_workers: Count = 2,
        seed: Seed = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        check_classes("paths", paths, PATHS)
        self.lengths = {"train": train, "val": val, "test": test}
        self.size, self.frames, self.paths = size, frames, tuple(paths)

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of the classes ``action``."""
        return self.paths

    @property
    def preprocess(self) -> Preprocess:
        """What a model must know to prepare pictures as in training."""
        return Preprocess((self.size, self.size))

    def dataset(self, split: str) -> Shapes:
        """The clips of a split."""
        return Shapes(self, split)
