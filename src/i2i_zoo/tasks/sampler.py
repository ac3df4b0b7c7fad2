"""A model with its conditions chosen: the engine that makes pictures from noise."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import save_picture
from i2i_zoo.media.memory import explained_shortage
from i2i_zoo.media.pictures import read_picture, to_pil, to_uint8
from i2i_zoo.seeds import numbered_generator

from .conditions import shown
from .kinds import Seed, Whole
from .model import Model

#: How many `Sampler.sample` makes together.
BATCH = 16


class Sampler(nn.Module, ABC):
    """Makes pictures, each from its own noise: a seed gives the same pictures for any batch size.

    Args:
        task: The model.
    """

    #: What it makes, for messages.
    what: ClassVar[str] = "pictures"
    #: How the names of the files end.
    suffix: ClassVar[str] = ".png"
    #: How many files a row of a contact sheet shows.
    per_row: ClassVar[int] = 8

    def __init__(self, task: Model) -> None:
        super().__init__()
        self.task = task

    @abstractmethod
    def noise(self, random: torch.Generator) -> Tensor:
        """The noise of one picture, drawn on the CPU."""

    @abstractmethod
    def forward(self, noise: Tensor) -> Tensor:
        """A batch of noise (B, ...) to pictures (B, 1 or 3, H, W) in [-1, 1]."""

    @property
    def layout(self) -> Mapping[str, Mapping[str, Any]]:
        """What the noise of one picture holds, part by part: length and distribution, for programs that draw it."""
        return {}

    def noises(self, indices: Sequence[int], seed: int) -> Tensor:
        """The noise (B, ...) of the pictures at these places in a seed's sequence."""
        return torch.stack([self.noise(numbered_generator(seed, index)) for index in indices])

    @torch.inference_mode()
    def make(self, indices: Sequence[int], seed: int) -> Tensor:
        """The pictures at these places in a seed's sequence: (B, 1 or 3, H, W) in [-1, 1].

        Raises `ZooError` if memory is short.
        """
        noise = self.noises(indices, seed)
        with explained_shortage(f"Making {len(indices)} {self.what} at once", "make fewer at a time"):
            pictures: Tensor = self(noise.to(self.task.device, self.task.dtype))
        return pictures

    def finished(self, made: Tensor) -> Any:
        """The PIL image of one picture (1 or 3, H, W) in [-1, 1]."""
        return to_pil(made)

    def save(self, result: Any, path: Path) -> None:
        """Write what `finished` returned.  Raises `ZooError` if that fails."""
        save_picture(result, path)

    def shown(self, path: Path) -> list[Tensor]:
        """What a contact sheet shows of a file: pictures (3, H, W) of uint8, side by side."""
        return [to_uint8(read_picture(path))]

    def sample(self, count: int, seed: int | None = None) -> list[Any]:
        """The first ``count`` PIL images of a seed's sequence; by default of a new seed.

        Raises `ZooError` for a count below 1 and a seed out of range.
        """
        seed = checked_seed(count, seed)
        return [result for _, result in self.results(range(count), seed)]

    def results(self, indices: Sequence[int], seed: int, batch: int = BATCH) -> Iterator[tuple[int, Any]]:
        """PIL images with their places in the sequence, made batch by batch."""
        for start in range(0, len(indices), batch):
            chunk = indices[start : start + batch]
            yield from zip(chunk, map(self.finished, self.make(chunk, seed)), strict=True)

    def sample_files(self, jobs: Mapping[Path, int], seed: int, batch: int = BATCH) -> Iterator[Path]:
        """Write a file for each place in a seed's sequence, and yield the path of each.

        Args:
            jobs: File to write to its place in the sequence.
            seed: The seed.
            batch: How many are made together.
        """
        targets = {index: target for target, index in jobs.items()}
        for index, result in self.results(list(targets), seed, batch):
            self.save(result, targets[index])
            yield targets[index]


def checked_seed(count: int, seed: int | None) -> int:
    """The seed, or a new one for None.  Raises `ZooError` for a count below 1 and a seed out of range."""
    for name, value, kind in (("count", count, Whole()), ("seed", new_seed() if seed is None else seed, Seed())):
        if not kind.is_valid(value):
            raise ZooError(f"{name}={shown(value)}: give {kind.wanted}.")
    return value  # the seed


def new_seed() -> int:
    """A random seed."""
    return secrets.randbelow(10**9)
