"""The order of the training data as a pure function of seed and epoch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler

from i2i_zoo.seeds import numbered_generator


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields ``(epoch, index)``, so that a dataset can derive its augmentation from the two and nothing else.

    The order is a permutation drawn from ``seed`` and the epoch; process ``rank`` of ``world`` takes every world-th
    entry of it, so that the processes' batches together are the batch of one process.  When shuffling, the last
    entries are filled up from the beginning, since processes that train must take the same number of steps.

    A resumed run begins with ``epoch`` and leaves out the ``skip`` samples of this process that it has behind it.
    """

    def __init__(
        self,
        length: int,
        *,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        epoch: int = 0,
        skip: int = 0,
    ) -> None:
        self.length, self.shuffle, self.seed, self.rank, self.world = length, shuffle, seed, rank, world
        self.epoch = self.first_epoch = epoch
        self.skip = skip

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = list(range(self.length))
        if self.shuffle:
            order = torch.randperm(self.length, generator=numbered_generator(self.seed, self.epoch)).tolist()
            order = (order * self.world)[: len(self) * self.world]
        skip = self.skip if self.epoch == self.first_epoch else 0
        return iter([(self.epoch, index) for index in order[self.rank :: self.world][skip:]])

    def __len__(self) -> int:
        if self.shuffle:
            return -(-self.length // self.world)
        return len(range(self.rank, self.length, self.world))
