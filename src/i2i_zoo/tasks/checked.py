"""When the data of a model are checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from i2i_zoo import lightning_private
from i2i_zoo.errors import ZooError

from .base import Task
from .check import check_batch, check_data, check_labels, check_sizes, is_at_hand


class CheckedTask(Task):
    """A task whose data are checked before the first batch of each stage.

    Sizes of training batches are checked before each of them, and labels too where it takes no time.
    """

    discriminator_networks: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self._checked_stages: set[str] = set()

    def setup(self, stage: str) -> None:
        """Check what the trainer's datamodule declares, and that there are data to validate on."""
        # Not by a `val_dataloader`, since training may do without.
        if stage == "validate" and not lightning_private.can_validate(self.trainer):
            raise self._no_data()
        data = getattr(self.trainer, "datamodule", None)
        if data is not None and stage != "predict":  # which needs fewer keys; the batch tells
            check_data(self, data, frames=stage != "fit")
        self._checked_stages.clear()

    def train_dataloader(self) -> Any:
        """Refuse to train without data; Lightning asks the model only if its trainer was given none."""
        raise self._no_data()

    def _no_data(self) -> ZooError:
        return ZooError(f"{type(self).__name__} needs data: give the Trainer a datamodule or dataloaders too.")

    test_dataloader = predict_dataloader = train_dataloader

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self._check_first("train", batch, self.batch_keys)
        check_sizes(self, batch, self.discriminator_networks)

    def on_validation_batch_start(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._check_first("validate", batch, self.batch_keys)

    def on_test_batch_start(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._check_first("test", batch, self.batch_keys)

    def on_predict_batch_start(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._check_first("predict", batch, self.predict_keys)

    def _check_first(self, stage: str, batch: Any, keys: Sequence[str]) -> None:
        if stage not in self._checked_stages:
            check_batch(self, batch, keys)
            self._checked_stages.add(stage)
        elif "label" in self.batch_keys and is_at_hand(batch["label"]):
            check_labels(self, batch["label"])
