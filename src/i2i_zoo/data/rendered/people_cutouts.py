"""A dataset of rendered people and their cut-outs, for the removal of backgrounds; it needs nothing on disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Count, Length, Positive, Seed, Side
from i2i_zoo.data.splits import SplitData
from i2i_zoo.media.pictures import to_float
from i2i_zoo.tasks.preprocess import PicturePreprocess

from .people import Rendering
from .people_data import PeopleData, Persons, RenderedPeople, pixels


class Cutouts(Dataset[dict[str, Any]]):
    """Items of `CutoutData`; indexed by ``(epoch, index)``."""

    def __init__(self, people: RenderedPeople) -> None:
        self.people = people

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        (shown,), name = self.people.renderings(item, 1)
        return {"source": to_float(pixels(shown)), "target": cutout(shown), "name": name}


def cutout(rendering: Rendering) -> Tensor:
    """The person on white, (3, H, W) in [-1, 1]; pixels at the edge are mixed as in the picture."""
    share = rendering.coverage[..., None]
    colours = share * rendering.picture + (1 - share) * 255
    return to_float(torch.from_numpy(colours.round().astype("uint8")).permute(2, 0, 1))


class CutoutData(SplitData):
    """Rendered people in front of a background, and the same people on white, rendered at each use.

    Batches hold ``source`` and ``target`` (B, 3, H, W) in [-1, 1].  The people are those of `PeopleData`.

    Args:
        train: Number of training pairs in an epoch.
        val: Number of validation pairs.
        test: Number of test pairs.
        size: Height and width of the pictures.
        persons: Number of people to train with.
        batch_size: Pairs in a batch, of each process.
        num_workers: Processes that render.
        seed: Seed of people, poses, places and order.
    """

    batch_keys = ("source", "target")

    def __init__(
        self,
        train: Positive = 4000,
        val: Persons = 64,
        test: Persons = 200,
        size: Annotated[Sequence[Side], Length(2)] = (128, 128),
        persons: Persons = 4000,
        batch_size: Positive = 4,
        num_workers: Count = 2,
        seed: Seed = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.people = PeopleData(train, val, test, size, persons, seed=seed)

    @property
    def preprocess(self) -> PicturePreprocess:
        """What a model must know to prepare pictures as in training."""
        return PicturePreprocess(self.people.size)

    def dataset(self, split: str) -> Cutouts:
        people = self.people.dataset(split)
        assert isinstance(people, RenderedPeople)  # it has no root
        return Cutouts(people)
