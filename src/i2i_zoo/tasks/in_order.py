"""Clips that are made frame by frame, with a memory of the frames before."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .base import Task


class InOrderTask(Task):
    """Makes ``video`` (B, T, 3, H, W) frame by frame, each from guides of it and of the ``past`` frames before.

    Guides are what says what a frame shows, as channels (B, C, H, W): labels, or a drawing of a pose.  A subclass has
    the hyper-parameter ``past``, how many frames before are seen.
    """

    size_option = "size"

    @property
    def past(self) -> int:
        past: int = self.hparams.past
        return past

    @property
    @abstractmethod
    def needs_first(self) -> bool:
        """Whether the model cannot make the first frame."""

    @abstractmethod
    def guides(self, batch: Mapping[str, Any]) -> Iterator[Tensor]:
        """The guide (B, C, H, W) of each frame of a batch."""

    @abstractmethod
    def begin(self, first: Tensor | None, guide: Tensor) -> Any:
        """What the model remembers before a clip.

        Args:
            first: Pictures with which it begins, (B, N, 3, H, W).
            guide: That of its first frame, (B, C, H, W).
        """

    @abstractmethod
    def make(self, guides: Tensor, memory: Any, nothing_before: bool) -> tuple[Tensor, Any]:
        """The next frame (B, 3, H, W) and what is remembered after it.

        Args:
            guides: Those of the frames before and of this one, (B, past + 1, C, H, W).
            memory: What `begin` or this has returned.
            nothing_before: Whether it is the first frame.
        """

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        name, frames = type(self).__name__, batch["video"].shape[1]
        if frames <= self.past:
            raise ZooError(
                f"{name} sees past={self.past} frames before a new one, and the clips have {frames}: use --data.frames "
                f"{self.past + 1} or more."
            )

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """The clips (B, T, 3, H, W); a model that cannot make the first frame gets ``past`` of them."""
        making = ClipInMaking(self, batch["video"][:, : self.past].to(self.dtype) if self.needs_first else None)
        return torch.stack([making.next(guide) for guide in self.guides(batch)], 1)


class ClipInMaking:
    """A clip in the making: what is seen of the past, and how many frames there were.

    Args:
        task: The model.
        first: Pictures with which the clip begins, (B, N, 3, H, W), or None to make the first frame too.
    """

    def __init__(self, task: InOrderTask, first: Tensor | None = None) -> None:
        self.task, self.first = task, first
        self.count = 0
        self.guides: list[Tensor] = []
        self.memory: Any = None

    def next(self, guide: Tensor) -> Tensor:
        """The next frame (B, 3, H, W) of a guide (B, C, H, W); those of `first` are returned as they are."""
        task, guide = self.task, guide.to(self.task.dtype)
        if not self.count:  # what comes before the clip looks like its beginning
            self.guides = [guide] * task.past
            self.memory = task.begin(self.first, guide)
        self.guides.append(guide)
        given = 0 if self.first is None else self.first.shape[1]
        if self.count < given:
            assert self.first is not None
            frame = self.first[:, self.count]
        else:
            nothing_before = self.count == 0
            frame, self.memory = task.make(torch.stack(self.guides, 1), self.memory, nothing_before)
        del self.guides[0]
        self.count += 1
        return frame
