"""Pieces of sequences of frames that lie in files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import torch
from torch.utils.data import Dataset

from i2i_zoo.seeds import numbered_generator

Frame = TypeVar("Frame")


class Sequences(Dataset[dict[str, Any]], Generic[Frame]):
    """A piece of each sequence, indexed by ``(epoch, index)``.

    Args:
        data: A datamodule with ``span``, how many frames a piece reaches over, ``stride`` and ``seed``.
        clips: The name of each sequence and the files of its frames, at least ``span`` of them.
        train: Whether pieces begin anywhere, not with the first frame, and are augmented.
    """

    def __init__(self, data: Any, clips: Sequence[tuple[str, Sequence[Frame]]], train: bool) -> None:
        self.data, self.clips, self.train = data, clips, train

    def __len__(self) -> int:
        return len(self.clips)

    def take(self, item: tuple[int, int]) -> tuple[str, Sequence[Frame], torch.Generator]:
        """The name of an item's sequence, the frames of its piece, and the random numbers to augment it with."""
        epoch, index = item
        name, frames = self.clips[index]
        random = numbered_generator(self.data.seed, epoch, index)
        start = int(torch.randint(len(frames) - self.data.span + 1, (), generator=random)) if self.train else 0
        return name, frames[start : start + self.data.span : self.data.stride], random
