"""A dataset of rendered people: pairs of pictures of one person in two poses, which need nothing on disk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Count, Ge, Le, Length, Positive, Seed, Side
from i2i_zoo.data.pose import PoseData, PosePairs
from i2i_zoo.data.splits import SplitData
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_float
from i2i_zoo.tasks.preprocess import Preprocess

from .people import Person, Rendering, View
from .people_mocap import SUFFIXES, read_motion
from .people_motion import any_pose
from .people_places import draw_place
from .people_skeleton import Pose, rotation

#: Seeds that each split has for itself.
_SEEDS = 1_000_000
#: How many people a split can show.
Persons: TypeAlias = Annotated[int, Ge(1), Le(_SEEDS)]


class RenderedPeople(Dataset[dict[str, Any]]):
    """Items of `PeopleData`; indexed by ``(epoch, index)``.

    Args:
        data: The datamodule.
        length: Pairs of an epoch.
        first_seed: The first of the split's seeds of persons and places.
        persons: How many persons there are, or None for a new one in every pair, which is the same in every epoch.
        clips: Poses of motion capture.
    """

    def __init__(
        self, data: PeopleData, length: int, first_seed: int, persons: int | None, clips: list[list[Pose]]
    ) -> None:
        self.data, self.length, self.first_seed, self.persons, self.clips = data, length, first_seed, persons, clips
        self.kept: dict[tuple[int, int], dict[str, Any]] = {}

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        if self.persons and self.data.repeat_after:
            item = epoch % self.data.repeat_after, index
            if item not in self.kept:
                self.kept[item] = self.pair(item)
            pair = self.kept[item]
        else:
            pair = self.pair(item)
        floats = {key: to_float(pair[key]) for key in ("source", "target")}
        return {**pair, **floats, "mask": pair["mask"].float()}

    def pair(self, item: tuple[int, int]) -> dict[str, Any]:
        """The pair ``(epoch, index)`` in few bytes: pictures (3, H, W) uint8, points, and the mask (1, H, W) bool."""
        (source, target), name = self.renderings(item)
        return {
            "source": pixels(source),
            "source_pose": found(source),
            "target": pixels(target),
            "target_pose": found(target),
            "mask": torch.from_numpy(target.mask[None].astype(bool)),
            "name": name,
        }

    def renderings(self, item: tuple[int, int], count: int = 2) -> tuple[list[Rendering], str]:
        """Source, and target if two are wanted, of the pair ``(epoch, index)``, and its name."""
        epoch, index = item
        # What is seen for validation and test is the same in every epoch.
        rng = np.random.default_rng([self.first_seed, epoch if self.persons else 0, index])
        seed = self.first_seed + (int(rng.integers(self.persons)) if self.persons else index)
        person, size = person_of(seed), self.data.size
        place = self.first_seed + int(rng.integers(_SEEDS))
        other = place if self.data.background == "shared" else self.first_seed + int(rng.integers(_SEEDS))
        base = View(
            elevation=float(np.clip(rng.normal(0.08, 0.06), -0.1, 0.35)),
            scale=rng.uniform(0.78, 0.86),
            centre=rng.normal(0.5, 0.02),
            floor=rng.uniform(0.93, 0.965),
            light=(rng.uniform(-0.7, 0.7), 0.6, 0.75),
        )
        shown = [
            person.render(self.pose(rng), moved(base, rng), draw_place(background, *size, self.data.studio))
            for background in (place, other)[:count]
        ]
        return shown, f"person{seed}_{index}"

    def pose(self, rng: np.random.Generator) -> Pose:
        """A random pose, seen from a random side; half of them are of clips where there are any."""
        yaw = rng.uniform(-np.pi, np.pi)
        if not self.clips or rng.random() < 0.5:
            return any_pose(rng, yaw)
        clip = self.clips[rng.integers(len(self.clips))]
        pose = clip[rng.integers(len(clip))]
        turned = {**pose.rotations, "root": rotation("y", yaw) @ pose.rotations["root"]}
        return Pose(turned, pose.lift)


def moved(view: View, rng: np.random.Generator) -> View:
    """Nearly the same view: people do not stand in the same place twice."""
    return View(
        elevation=view.elevation,
        scale=view.scale * rng.uniform(0.97, 1.03),
        centre=view.centre + rng.normal(0, 0.02),
        floor=view.floor,
        light=view.light,
    )


@lru_cache(maxsize=64)
def person_of(seed: int) -> Person:
    return Person(seed)


def pixels(rendering: Rendering) -> Tensor:
    """The picture as (3, H, W) uint8."""
    return torch.from_numpy(rendering.picture).permute(2, 0, 1)


def found(rendering: Rendering) -> Tensor:
    """The visible points as (18, 3); as if a detector had not found them, hidden ones are 0, 0, 0."""
    return torch.from_numpy(rendering.keypoints * rendering.keypoints[:, 2:])


class PeopleData(SplitData):
    """Rendered people: two pictures of one person in different poses.

    Batches hold ``source`` and ``target`` (B, 3, H, W) in [-1, 1], ``source_pose`` and ``target_pose`` (B, 18, 3) and
    ``mask`` (B, 1, H, W), 1 where the person is in the target.  A point that is hidden or outside is 0, 0, 0.

    Training draws pairs of ``persons`` people anew in every epoch, or in ``repeat_after`` of them.  Validation and test
    show a person of their own in each pair.

    Args:
        train: Number of training pairs in an epoch.
        val: Number of validation pairs.
        test: Number of test pairs.
        size: Height and width of the pictures.
        persons: Number of people to train with.
        repeat_after: Number of epochs whose pairs are kept in memory, in each process, and shown again and again after
            that; at 128x64, 66 KB a pair.  None: never.  Rendering takes 25 ms a pair, more than the step of a small
            network.
        background: ``shared`` gives both pictures of a pair the same background.  With ``own``, that of the target
            cannot be known, so that losses on the whole picture stall.
        studio: Whether people stand in front of a bare wall, as in fashion photographs, in place of rooms, streets and
            parks.
        motions: A clip of motion capture, BVH with the names of CMU's library or ``humanoid3d_*.txt``, or a folder of
            clips, for half of the poses.
        root: A folder of people to read instead of rendering them, as `PoseData` does.  Of the other arguments, only
            ``size`` and those below then count.
        batch_size: Pairs in a batch, of each process.
        num_workers: Processes that render or read.
        seed: Seed of people, poses, places and order.
    """

    batch_keys = ("source", "source_pose", "target", "target_pose", "mask")
    folder_option = "root"

    def __init__(
        self,
        train: Positive = 4000,
        val: Persons = 64,
        test: Persons = 200,
        size: Annotated[Sequence[Side], Length(2)] = (128, 64),
        persons: Persons = 4000,
        repeat_after: Positive | None = None,
        background: Literal["shared", "own"] = "shared",
        studio: bool = False,
        motions: str | None = None,
        root: str | None = None,
        batch_size: Positive = 8,
        num_workers: Count = 2,
        seed: Seed = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.lengths = {"train": train, "val": val, "test": test}
        self.size, self.persons, self.background = (size[0], size[1]), persons, background
        self.repeat_after, self.studio = repeat_after, studio
        self.motions = None if motions is None else Path(motions)
        options: dict[str, Any] = {"batch_size": batch_size, "num_workers": num_workers, "seed": seed}
        self.folder = None if root is None else PoseData(root, self.size, **options)

    @property
    def preprocess(self) -> Preprocess:
        """What a model must know to prepare pictures as in training."""
        return Preprocess(self.size)

    def setup(self, stage: str) -> None:
        """Make the datasets that the stage needs, once; raises as `dataset`."""
        if self.folder is None:
            super().setup(stage)
        else:
            self.folder.trainer = self.trainer
            self.folder.setup(stage)
            self.datasets = self.folder.datasets

    def dataset(self, split: str) -> RenderedPeople | PosePairs:
        """The people of a split.  Raises as `PoseData` and `read_motion`; `ZooError` for a folder without clips."""
        if self.folder is not None:
            return self.folder.dataset(split)
        first = (self.seed * 3 + list(self.lengths).index(split)) * _SEEDS
        persons = self.persons if split == "train" else None
        return RenderedPeople(self, self.lengths[split], first, persons, self.clips())

    def clips(self) -> list[list[Pose]]:
        if self.motions is None:
            return []
        files = [self.motions]
        if self.motions.is_dir():
            files = sorted(file for file in self.motions.iterdir() if file.suffix.lower() in SUFFIXES)
        if not files:
            raise ZooError(
                f"{self.motions}: the folder holds no motions; give one with clips (*.bvh, humanoid3d_*.txt)."
            )
        return [read_motion(file)[0] for file in files]
