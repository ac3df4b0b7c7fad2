"""Digits, and their edges or negatives: the two domains of CoGAN's experiments on MNIST."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from i2i_zoo.annotations import Count, Positive, Seed
from i2i_zoo.data.splits import SplitData
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_float
from i2i_zoo.seeds import numbered_generator
from i2i_zoo.tasks.preprocess import UnpairedPreprocess

_SIZE = 28
_CANVAS = 112  # generated digits are drawn at this size and then reduced, which smooths them


def edges(digit: Tensor) -> Tensor:
    """The edges of a digit (1, H, W) in [-1, 1] by CoGAN's definition: dilated by 3x3 pixels, less the digit itself."""
    return F.max_pool2d(digit, 3, 1, 1) - digit - 1


#: How the pictures of B are made from digits (1, H, W) in [-1, 1].
DOMAINS: dict[str, Callable[[Tensor], Tensor]] = {"edges": edges, "negative": torch.neg}


@cache
def font() -> Any:
    return ImageFont.load_default(72)


def draw_digit(seed: int, index: int) -> np.ndarray:
    """A digit of a typeface, distorted to resemble handwriting: (28, 28) uint8, white on black.

    The same arguments draw the same digit.  As in MNIST, it is at most 20 pixels large, and its centre of mass is
    within a pixel of the picture's centre.
    """
    rng = np.random.default_rng([seed, index])
    canvas = Image.new("L", (_CANVAS, _CANVAS))
    ImageDraw.Draw(canvas).text(
        (_CANVAS / 2, _CANVAS / 2), str(rng.integers(10)), 255, font(), "mm", stroke_width=int(rng.integers(5))
    )
    digit = distort(canvas, rng)
    digit = digit.crop(digit.getbbox())
    scale = rng.uniform(17, 20) / max(digit.size)
    digit = digit.resize((max(1, round(scale * digit.width)), max(1, round(scale * digit.height))))
    ink = np.asarray(digit, np.float64)
    centre = (np.indices(ink.shape) * ink).sum((1, 2)) / ink.sum()
    top, left = np.round((_SIZE - 1) / 2 - centre + rng.uniform(-1, 1, 2)).astype(int)
    picture = Image.new("L", (_SIZE, _SIZE))
    picture.paste(digit, (int(left), int(top)))
    return np.array(picture)


def distort(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A square picture rotated, sheared, narrowed or widened, and bent: each point of a grid moves a little."""
    angle = rng.uniform(-0.25, 0.25)
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    affine = rotation @ np.array([[rng.uniform(0.75, 1.2), rng.uniform(-0.4, 0.15)], [0, 1]])
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 4)] * 2), -1)
    points = (1 + grid @ affine.T + rng.normal(0, 0.06, grid.shape)) * picture.width / 2
    ends = np.linspace(0, picture.width, 4).astype(int).tolist()
    mesh = [
        (
            (ends[x], ends[y], ends[x + 1], ends[y + 1]),
            (*points[y, x], *points[y + 1, x], *points[y + 1, x + 1], *points[y, x + 1]),
        )
        for y in range(3)
        for x in range(3)
    ]
    return picture.transform(picture.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


class GeneratedDigits:
    """``count`` digits of `draw_digit`, (28, 28) uint8 each, each drawn at its first use."""

    def __init__(self, seed: int, first: int, count: int) -> None:
        self.seed, self.first, self.count = seed, first, count
        self.drawn: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Tensor:
        if index not in self.drawn:
            self.drawn[index] = torch.from_numpy(draw_digit(self.seed, self.first + index))
        return self.drawn[index]


class Digits(Dataset[dict[str, Any]]):
    """Items ``a`` and ``b`` (1, 28, 28) in [-1, 1], ``name`` and ``name_b``; indexed by ``(epoch, index)``.

    ``digits`` are (N, 28, 28) uint8.  In training, A uses the digits at even positions and B those at odd positions.
    `DigitsData` explains the rest.
    """

    def __init__(self, data: DigitsData, digits: Tensor | GeneratedDigits, train: bool) -> None:
        self.data, self.digits, self.train = data, digits, train

    def __len__(self) -> int:
        return len(self.digits) // 2 if self.train else len(self.digits)

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        number = number_b = index
        if self.train:
            random = numbered_generator(self.data.seed, epoch, index)
            number, number_b = 2 * index, 2 * int(torch.randint(len(self), (), generator=random)) + 1
        a = to_float(self.digits[number][None])
        of_b = to_float(self.digits[number_b][None]) if number_b != number else a
        return {"a": a, "b": DOMAINS[self.data.domain_b](of_b), "name": str(number), "name_b": str(number_b)}


class DigitsData(SplitData):
    """Digits (A) and their edges or negatives (B), of 28x28 pixels and one channel (CoGAN: Liu and Tuzel 2016).

    In training, one half of the digits makes A and the other half B, so there are no pairs: A comes in turn, each digit
    with a random one of B.  In validation and test, B is made from the same digit as A.  Both use MNIST's test digits,
    or 1000 generated digits each.

    Args:
        root: Folder for MNIST, which is downloaded unless it is there.
        digits: ``mnist``; or ``generated``, distorted digits of a typeface, which need no download.
        domain_b: ``edges``, white where the digit would grow by a pixel; or ``negative``.
        count: Generated digits to train with, for A and B together.
        batch_size: Pictures of A, and of B, in a batch, of each process.
        num_workers: Processes that make pictures.
        seed: Seed of generated digits, order and partners.
    """

    batch_keys = ("a", "b")

    def __init__(
        self,
        root: str = "data",
        digits: Literal["mnist", "generated"] = "mnist",
        domain_b: Literal["edges", "negative"] = "edges",
        count: Positive = 20000,
        batch_size: Positive = 64,
        num_workers: Count = 2,
        seed: Seed = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        if count < 2:
            raise ZooError(f"count={count}: each domain needs a digit to train with; give 2 or more.")
        self.root, self.digits, self.domain_b, self.count = Path(root), digits, domain_b, count

    @property
    def preprocess(self) -> UnpairedPreprocess:
        """What a model must know to prepare pictures as in training."""
        return UnpairedPreprocess((_SIZE, _SIZE))

    def prepare_data(self) -> None:
        """Download MNIST in one process, before all of them read it; raises as `mnist`."""
        if self.digits == "mnist":
            self.mnist(train=True)

    def dataset(self, split: str) -> Digits:
        """The digits of a split; raises as `mnist`."""
        train = split == "train"
        if self.digits == "mnist":
            return Digits(self, self.mnist(train), train)
        first = {"train": 0, "val": 1_000_000, "test": 2_000_000}[split]
        return Digits(self, GeneratedDigits(self.seed, first, self.count if train else 1000), train)

    def mnist(self, train: bool) -> Tensor:
        """MNIST's digits, (N, 28, 28) uint8.  Raises `ZooError` if they can be neither found nor downloaded."""
        from torchvision.datasets import MNIST

        try:
            digits: Tensor = MNIST(self.root, train=train, download=True).data
        except Exception as error:  # torchvision documents none
            why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            raise ZooError(
                f"{self.root / 'MNIST'}: the digits cannot be downloaded or read ({why}); check the network, delete "
                "the folder if it is broken, or take digits=generated."
            ) from None
        return digits
