"""The base of all datamodules: a dataset per split, and its loader."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from i2i_zoo import lightning_private
from i2i_zoo.annotations import CheckedArguments
from i2i_zoo.errors import ZooError, printable
from i2i_zoo.tasks import Task
from i2i_zoo.tasks.frames import frame_by_frame, frames_of
from i2i_zoo.tasks.preprocess import Preprocess

from .sampler import EpochSampler

Item = dict[str, Any]

#: Which of two pictures is the source: in the spelling of pix2pix's authors, or in that of ``translate``.
Direction: TypeAlias = Literal["AtoB", "BtoA", "ab", "ba"]


def is_reversed(direction: Direction) -> bool:
    """Whether B is the source."""
    return direction in ("BtoA", "ba")


def check_classes(option: str, chosen: Sequence[str], known: Iterable[str]) -> None:
    """Raise `ZooError` unless an option names one or more classes, and each of them once."""
    if not chosen or len(set(chosen)) < len(chosen):
        raise ZooError(f"{option}={list(chosen)}: name one or more of {', '.join(known)}, each once.")


class SplitData(L.LightningDataModule, metaclass=CheckedArguments):
    """A datamodule whose ``setup`` fills ``datasets``: train, val and test to a dataset indexed by (epoch, index).

    Args:
        batch_size: Items in a batch, of each process.
        num_workers: Processes that make them.
        seed: Seed of order and augmentation.
    """

    #: What its batches hold.
    batch_keys: ClassVar[tuple[str, ...]]
    #: The argument that names the dataset's folder; empty for data that are rendered.
    folder_option: ClassVar[str] = ""
    #: What to do if there is nothing to validate or to test on.
    if_empty: ClassVar[str] = "put pictures there, or raise the fraction"

    def __init__(self, batch_size: int, num_workers: int, seed: int) -> None:
        super().__init__()
        self.batch_size, self.num_workers, self.seed = batch_size, num_workers, seed
        self.datasets: dict[str, Dataset[Item]] = {}
        #: What there is to say about each split.
        self._said: dict[str, str] = {}

    def __getstate__(self) -> dict[str, Any]:
        # A worker that is not forked gets a copy of its dataset and of this, but not of the run.
        return {**self.__dict__, "trainer": None}

    @property
    @abstractmethod
    def preprocess(self) -> Preprocess:
        """What a model must know to prepare pictures as in training."""

    @abstractmethod
    def dataset(self, split: str) -> Dataset[Item]:
        """The dataset of a split.  Raises `ZooError` for whatever is wrong with it."""

    def said(self, split: str) -> str:
        """What there is to say about the `dataset` that was made of a split, such as what it lacks; often nothing."""
        return self._said.get(split, "")

    def setup(self, stage: str) -> None:
        """Make the datasets that the stage needs, once, and say what there is to say about them.

        If there is nothing to validate on, training goes without.  Raises `ZooError` as `dataset`, and for another
        stage that has no data.
        """
        splits = {"fit": ("train", "val"), "validate": ("val",)}.get(stage, ("test",))
        new = [split for split in splits if split not in self.datasets]
        self.datasets |= {split: self.dataset(split) for split in new}
        if not len(self.datasets[splits[-1]]):  # type: ignore[arg-type]  # torch's declares no length; all of ours have
            if stage != "fit":
                raise ZooError(f"{self.said(splits[-1]).rstrip('.')}: {self.if_empty}.")
            if self.trainer:
                self.trainer.limit_val_batches = 0
        for split in filter(self.said, new):
            rank_zero_only(print)(printable(self.said(split)), file=sys.stderr)

    def loader(self, split: str) -> EpochLoader:
        """The loader of a split.  The one for training begins where the run is, perhaps within an epoch."""
        trainer, dataset = self.trainer, self.datasets[split]
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        epoch, batches = lightning_private.run_progress(trainer) if trainer and split == "train" else (0, 0)
        return EpochLoader(
            dataset,
            batch_size=self.batch_size,
            sampler=EpochSampler(
                len(dataset),  # type: ignore[arg-type]  # torch's Dataset declares no length; all of ours have one
                shuffle=split == "train",
                seed=self.seed,
                rank=rank,
                world=world,
                epoch=epoch,
                skip=batches * self.batch_size,
            ),
            collate_fn=collate,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """A batch; the frames of clips become pictures for a model of pictures that translates label maps."""
        model = self.trainer.lightning_module if self.trainer else None
        if isinstance(model, Task) and not model.training and frame_by_frame(model, batch):
            return model.pictures_of(frames_of(batch))
        return batch

    def train_dataloader(self) -> EpochLoader:
        return self.loader("train")

    def val_dataloader(self) -> EpochLoader:
        return self.loader("val")

    def test_dataloader(self) -> EpochLoader:
        return self.loader("test")

    def predict_dataloader(self) -> EpochLoader:
        return self.loader("test")


class EpochLoader(DataLoader[Item]):
    """A loader that can begin within an epoch, which Lightning recognises by the two methods below.

    They keep nothing: `SplitData.loader` finds where to begin from the run's own counters, which are in its checkpoint.
    """

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        pass


def collate(items: list[Item]) -> dict[str, Any]:
    """A batch of items; ``label_map``, which may have any size, stays a list of (H, W).

    Raises `ZooError` for pictures of several sizes.
    """
    for key, value in items[0].items():
        shapes = {tuple(item[key].shape) for item in items if isinstance(value, Tensor) and key != "label_map"}
        if len(shapes) > 1:
            sizes = " and ".join(f"{shape[-1]}x{shape[-2]}" for shape in sorted(shapes)[:2])
            raise ZooError(
                f"A batch holds {key} of one size, not of {sizes} pixels: set --data.crop_size for training and "
                "--data.test_size for validation and test, or use --data.batch_size 1."
            )
    batch = default_collate([{key: value for key, value in item.items() if key != "label_map"} for item in items])
    return {**batch, "label_map": [item["label_map"] for item in items]} if "label_map" in items[0] else batch
