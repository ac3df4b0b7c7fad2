"""How MoCoGAN is used: clips of the same content in other motions, and of other contents in the same motion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from i2i_zoo.networks.mocogan import Codes
from i2i_zoo.tasks.clips import ClipSampler

if TYPE_CHECKING:
    from .mocogan import MoCoGAN


class MotionContentSampler(ClipSampler):
    """Clips whose content, or whose motion, may be the same for all.  A longer clip begins as a shorter one.

    Args:
        task: The model.
        frames: How many frames a clip has.
        content_seed: All clips have the content of this seed's first clip; by default each has its own.
        motion_seed: All clips have the motion and the category of this seed's first clip; by default each has its own.
        category: The category of all clips.
        frame: The first frames (1 or B, channels, size, size), for a conditional model: one for all clips, or for each.
    """

    task: MoCoGAN

    def __init__(
        self,
        task: MoCoGAN,
        frames: int,
        content_seed: int | None = None,
        motion_seed: int | None = None,
        category: int | None = None,
        frame: Tensor | None = None,
    ) -> None:
        super().__init__(task)
        self.frames, self.category = frames, category
        self.content_seed, self.motion_seed, self.frame = content_seed, motion_seed, frame

    def noise(self, random: torch.Generator) -> Tensor:
        """`Codes` in a row: content, the number of the category, first state, and the motion of each frame."""
        hp = self.task.hparams
        content = torch.randn(hp.content, generator=random)
        category = torch.randint(max(hp.categories, 1), (1,), generator=random)
        # Frame after frame: torch fills a larger tensor in another order, which depends on its length.
        states = [torch.randn(hp.motion, generator=random) for _ in range(1 + self.frames)]
        return torch.cat([content, category, *states])

    def noises(self, indices: Sequence[int], seed: int) -> Tensor:
        rows, length = super().noises(indices, seed), self.task.hparams.content
        if self.content_seed is not None:
            rows[:, :length] = super().noises([0], self.content_seed)[:, :length]
        if self.motion_seed is not None:
            rows[:, length:] = super().noises([0], self.motion_seed)[:, length:]
        if self.category is not None:
            rows[:, length] = self.category
        return rows

    @property
    def layout(self) -> Mapping[str, Mapping[str, Any]]:
        hp = self.task.hparams
        lengths = {"content": hp.content, "category": 1, "start": hp.motion, "motion": self.frames * hp.motion}
        drawn = {"category": f"a whole number below {max(hp.categories, 1)}"}
        return {name: {"length": length, "distribution": drawn.get(name, "normal")} for name, length in lengths.items()}

    def forward(self, noise: Tensor, frame: Tensor | None = None) -> Tensor:
        """(B, length), and perhaps first frames, to clips (B, frames, channels, size, size) in [-1, 1]."""
        hp = self.task.hparams
        lengths = [hp.content, 1, hp.motion, self.frames * hp.motion]
        content, category, start, motion = noise.split_with_sizes(lengths, 1)
        codes = Codes(content, category[:, 0].long(), start, motion.view(noise.shape[0], self.frames, hp.motion))
        frame = self.frame if frame is None else frame
        if frame is not None:
            frame = frame.to(noise).expand(noise.shape[0], -1, -1, -1)
            codes = self.task.begun(codes, self.task.beginnings(frame))
        clips: Tensor = self.task(*codes)
        return clips
