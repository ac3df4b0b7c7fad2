"""One rendered person who dances, for models of one person."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Count, Ge, Le, Length, Positive, Seed, Side
from i2i_zoo.data.splits import SplitData
from i2i_zoo.media.pictures import to_float
from i2i_zoo.media.pose_normalisation import Stance
from i2i_zoo.tasks.preprocess import DancerPreprocess

from .people import Rendering, View, flow_back
from .people_data import person_of
from .people_motion import dance
from .people_places import draw_place
from .people_skeleton import Pose
from .remembering import Remembered

#: The grey of a plain background.
GREY = 168

#: In about how many frames of training is looked where the person stands.
LOOKED_AT = 100

#: Where the eye is above the floor, as the row of the horizon in picture heights.
HORIZON = 0.4


class Dance:
    """A dance of a person, who also comes closer and goes away, before a camera that stands still.

    Args:
        person: The person's seed.
        steps: The dance's seed.
        size: Height and width of the frames.
        rate: Frames a second.
        background: ``plain`` is grey; ``places`` draws the person's place.
        scale: Height of the standing person in picture heights, where they are closest.
    """

    def __init__(
        self, person: int, steps: int, size: tuple[int, int], rate: float, background: str, scale: float = 0.8
    ) -> None:
        self.person, self.steps, self.size, self.rate, self.scale = person_of(person), steps, size, rate, scale
        plain = np.full((*size, 3), GREY, np.uint8)
        self.place = draw_place(person, *size) if background == "places" else plain
        rng = np.random.default_rng([steps, 1808])
        self.waves = rng.uniform(0.5, 1.1, 2), rng.uniform(0, 2 * math.pi, 2)

    def moment(self, number: int) -> tuple[Pose, View]:
        """The person's pose and the view of them in a frame."""
        time = number / self.rate
        pace, phase = self.waves
        away, aside = np.sin(pace * time + phase)
        nearness = 1 - 0.15 * (1 + away) / 2
        floor = HORIZON + (0.95 - HORIZON) * nearness
        return dance(time, self.steps), View(scale=self.scale * nearness, centre=0.5 + 0.04 * aside, floor=floor)

    def poses(self, numbers: range) -> Tensor:
        """The poses (N, 18, 3) in these frames, with hidden points."""
        return torch.stack([torch.from_numpy(self.person.points(*self.moment(n), self.size)) for n in numbers])

    def render(self, number: int) -> Rendering:
        """A frame."""
        return self.person.render(*self.moment(number), self.place)

    def frame(self, number: int) -> Tensor:
        """A frame (3, H, W) uint8."""
        return torch.from_numpy(self.render(number).picture).permute(2, 0, 1)

    def flow(self, number: int) -> dict[str, Tensor]:
        """``flow`` (2, H, W) of a frame back to the one before, and ``seen`` (1, H, W), as of `flow_back`."""
        shift, seen = flow_back(self.render(number), self.render(number - 1))
        return {"flow": torch.from_numpy(shift), "seen": torch.from_numpy(seen)[None]}


class DancingPerson(Dataset[dict[str, Any]]):
    """Items of `RenderedDancer`; indexed by ``(epoch, index)``, of which only the index counts.

    Args:
        shown: The dance.
        length: Number of items.
        frames: Frames of an item.
        step: Frames from the beginning of one item to that of the next.
        flow: Whether items have the flow.
    """

    def __init__(self, shown: Dance, length: int, frames: int, step: int, flow: bool) -> None:
        self.shown, self.length, self.frames, self.step = shown, length, frames, step
        self.poses = shown.poses(range((length - 1) * step + frames))
        self.frame, self.flow = Remembered(shown.frame), Remembered(shown.flow) if flow else None

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        start = item[1] * self.step
        numbers = range(start, start + self.frames)
        video = torch.stack([self.frame(number) for number in numbers])
        chosen = self.poses[start : start + self.frames]
        clip: dict[str, Any] = {"video": to_float(video), "pose": chosen, "name": f"frame{start:06}"}
        if self.flow is not None:
            flows = [self.flow(number) for number in numbers]
            clip |= {key: torch.stack([flow[key] for flow in flows]) for key in ("flow", "seen")}
        return clip


class RenderedDancer(SplitData):
    """One rendered person who dances, and comes closer and goes away; validation and test are other dances.

    Batches hold ``video`` (B, T, 3, H, W) in [-1, 1] and ``pose`` (B, T, 18, 3) with all points, also hidden ones.
    With ``flow`` they also hold that, (B, T, 2, H, W), from each frame back to the one before it, and ``seen``
    (B, T, 1, H, W), where that one shows the same surface; the first flow of a clip leads out of it.

    Frames are rendered at their first use and stay in memory, in each process.

    Args:
        train: Number of pairs of consecutive frames in an epoch: all pairs of a dance of so many frames and one.
        val: Number of validation clips.
        test: Number of test clips.
        size: Height and width of the frames.
        frames: Frames of an item of training.
        shown: Frames of an item of validation and test.
        rate: Frames in a second.
        person: Seed of the person and of their place.
        background: ``plain`` is grey; ``places`` draws a place.
        flow: Whether batches hold the flow, for `Vid2VidPose` and `WarpingError`.
        batch_size: Items in a batch, of each process.
        num_workers: Processes that render.
        seed: Seed of dances and order.
    """

    batch_keys = ("video", "pose")

    def __init__(
        self,
        train: Positive = 1000,
        val: Positive = 4,
        test: Positive = 8,
        size: Annotated[Sequence[Side], Length(2)] = (256, 128),
        frames: Annotated[int, Ge(2)] = 2,
        shown: Annotated[int, Ge(2)] = 16,
        rate: Annotated[float, Ge(1), Le(120)] = 25,
        person: Count = 1,
        background: Literal["plain", "places"] = "places",
        flow: bool = False,
        batch_size: Positive = 1,
        num_workers: Count = 1,
        seed: Seed = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.lengths = {"train": train, "val": val, "test": test}
        self.size, self.frames, self.shown, self.rate = (size[0], size[1]), frames, shown, rate
        self.person, self.background, self.flow = person, background, flow

    def dance(self, split: str) -> Dance:
        """The dance of a split."""
        steps = 3 * self.seed + list(self.lengths).index(split)
        return Dance(self.person, steps, self.size, self.rate, self.background)

    @property
    def preprocess(self) -> DancerPreprocess:
        """What a model must know: the size, and where the person stands."""
        count = self.lengths["train"] + self.frames - 1
        stance = Stance.of(self.dance("train").poses(range(0, count, max(1, count // LOOKED_AT))))
        return DancerPreprocess(self.size, stance.far, stance.close, stance.rows, stance.heights)

    def dataset(self, split: str) -> DancingPerson:
        """The frames of a split."""
        if split == "train":
            return DancingPerson(self.dance(split), self.lengths[split], self.frames, 1, self.flow)
        return DancingPerson(self.dance(split), self.lengths[split], self.shown, self.shown, self.flow)
