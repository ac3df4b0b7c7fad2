"""Clips of rendered people who walk or dance: the motion is a class, and the person and the place are the content."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Count, Ge, Le, Length, Positive, Seed, Side
from i2i_zoo.data.splits import SplitData, check_classes
from i2i_zoo.media.pictures import to_float
from i2i_zoo.tasks.preprocess import Preprocess

from .people import Rendering, View, flow_back
from .people_data import Persons, found, person_of
from .people_motion import dance, walk
from .people_places import draw_place
from .remembering import Remembered

Motion: TypeAlias = Literal["walk", "dance"]

#: All motions.
MOTIONS: tuple[Motion, ...] = ("walk", "dance")

#: Seeds that each split has for itself.
_SEEDS = 1_000_000

#: The grey of a plain background.
_GREY = 168


def render_take(data: PeopleClips, seed: int, motion: Motion, frames: int) -> dict[str, Tensor]:
    """A take of the person of a seed in a motion; the same arguments render the same take.

    Returns:
        ``video`` (T, 3, H, W) uint8, ``pose`` (T, 18, 3), where a hidden point is 0, 0, 0, and for data with flow what
        `flows_back` finds.
    """
    rng = np.random.default_rng([seed, MOTIONS.index(motion), 1704])
    yaw = rng.uniform(-math.pi / 2, math.pi / 2)
    start, pace, stride = rng.uniform(), rng.uniform(0.8, 1.1), rng.uniform(0.7, 1.1)
    view = View(scale=0.82, centre=rng.normal(0.5, 0.01), floor=0.945, light=(rng.uniform(-0.7, 0.7), 0.6, 0.75))
    place = np.full((*data.size, 3), _GREY, np.uint8)
    if data.background == "places":
        place = draw_place(seed, *data.size)
    shown = []
    for time in np.arange(frames) / data.rate:
        pose = walk(start + pace * time, stride, yaw) if motion == "walk" else dance(time, seed, yaw / 2)
        shown.append(person_of(seed).render(pose, view, place))
    video = torch.stack([torch.from_numpy(rendering.picture).permute(2, 0, 1) for rendering in shown])
    poses = torch.stack([found(rendering) for rendering in shown])
    return {"video": video, "pose": poses, **(flows_back(shown) if data.flow else {})}


def flows_back(shown: Sequence[Rendering]) -> dict[str, Tensor]:
    """``flow`` (T, 2, H, W) of each frame to the one before, and ``seen`` (T, 1, H, W), as of `flow_back`.

    The first frame has none before: its flow is 0, and nothing is seen.
    """
    first = np.zeros((2, *shown[0].mask.shape), np.float32), np.zeros_like(shown[0].mask)
    pairs = [first, *(flow_back(frame, earlier) for earlier, frame in pairwise(shown))]
    flow, seen = (torch.from_numpy(np.stack(parts)) for parts in zip(*pairs, strict=True))
    return {"flow": flow, "seen": seen[:, None]}


class MovingPeople(Dataset[dict[str, Any]]):
    """Items of `PeopleClips`; indexed by ``(epoch, index)``.

    Args:
        data: The datamodule.
        length: Clips of an epoch.
        first_seed: The first of the split's seeds of persons.
        persons: How many persons there are, each with twice the frames of a clip in each motion, or None for one
            person in each clip.
    """

    def __init__(self, data: PeopleClips, length: int, first_seed: int, persons: int | None) -> None:
        self.data, self.length, self.first_seed, self.persons = data, length, first_seed, persons
        self.take = Remembered(self._take)

    def _take(self, seed: int, action: int) -> dict[str, Tensor]:
        frames = self.data.frames * (2 if self.persons else 1)
        return render_take(self.data, seed, self.data.motions[action], frames)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        # What is seen for validation and test is the same in every epoch.
        rng = np.random.default_rng([self.first_seed, epoch if self.persons else 0, index])
        action = int(rng.integers(len(self.data.motions)))
        seed = self.first_seed + (int(rng.integers(self.persons)) if self.persons else index)
        take = self.take(seed, action)
        start = int(rng.integers(len(take["video"]) - self.data.frames + 1))
        clip = {key: value[start : start + self.data.frames] for key, value in take.items()}
        name = f"person{seed}_{self.data.motions[action]}_{index}"
        return {**clip, "video": to_float(clip["video"]), "action": action, "name": name}


class PeopleClips(SplitData):
    """Rendered people who walk or dance on the spot, seen from the front or from a side.

    Batches hold ``video`` (B, T, 3, H, W) in [-1, 1] and what is known: the class ``action`` (B,), the place in
    ``motions``, and ``pose`` (B, T, 18, 3), where a point that is hidden or outside is 0, 0, 0.  With ``flow`` they
    also hold that, (B, T, 2, H, W), from each frame back to the one before it, and ``seen`` (B, T, 1, H, W), where
    that one shows the same surface; the first flow of a clip leads out of it.

    Training shows ``persons`` people, each in a take of twice the frames in each motion, and begins anywhere in it.
    Takes are rendered at their first use and stay in memory, in each process.  Validation and test show a person of
    their own in each clip, and are the same in every epoch.

    Args:
        train: Number of training clips in an epoch.
        val: Number of validation clips.
        test: Number of test clips.
        size: Height and width of the pictures.
        frames: Frames of a clip.
        rate: Frames in a second.
        motions: The motions, in the order of their classes.
        persons: Number of people to train with.
        background: ``plain`` is grey; ``places`` gives every person a place.
        flow: Whether batches hold the flow, for `WarpingError`.
        batch_size: Clips in a batch, of each process.
        num_workers: Processes that render.
        seed: Seed of people, motions, places and order.
    """

    batch_keys = ("video", "action", "pose")

    def __init__(
        self,
        train: Positive = 2000,
        val: Persons = 64,
        test: Persons = 256,
        size: Annotated[Sequence[Side], Length(2)] = (64, 64),
        frames: Annotated[int, Ge(2)] = 16,
        rate: Annotated[float, Ge(1), Le(120)] = 12,
        motions: Sequence[Motion] = MOTIONS,
        persons: Persons = 200,
        background: Literal["plain", "places"] = "plain",
        flow: bool = False,
        batch_size: Positive = 16,
        num_workers: Count = 2,
        seed: Seed = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        check_classes("motions", motions, MOTIONS)
        self.lengths = {"train": train, "val": val, "test": test}
        self.size, self.frames, self.rate, self.motions = (size[0], size[1]), frames, rate, tuple(motions)
        self.persons, self.background, self.flow = persons, background, flow

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of the classes ``action``."""
        return self.motions

    @property
    def preprocess(self) -> Preprocess:
        """What a model must know to prepare pictures as in training."""
        return Preprocess(self.size)

    def dataset(self, split: str) -> MovingPeople:
        """The clips of a split."""
        first = (self.seed * 3 + list(self.lengths).index(split)) * _SEEDS
        return MovingPeople(self, self.lengths[split], first, self.persons if split == "train" else None)
