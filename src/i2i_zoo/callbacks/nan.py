"""Stop training when a loss becomes NaN or infinite."""

from __future__ import annotations

import math
from typing import Any

import lightning as L
import torch
from torch import Tensor

from i2i_zoo.annotations import CheckedArguments, Positive
from i2i_zoo.errors import ZooError

REMEDY = (
    ": the run has stopped, and its last checkpoint is older. Start again with a lower --model.lr, or continue "
    "with --ckpt_path last and the callback ClipGradients or another --trainer.precision."
)


class StopOnNaN(L.Callback, metaclass=CheckedArguments):
    """Stops the run when a loss is NaN or infinite, says which, and writes no checkpoint after that.

    The losses of several batches are checked together, because each check waits for the device.

    Args:
        every_n_batches: Number of batches between two checks.
    """

    def __init__(self, every_n_batches: Positive = 50) -> None:
        self.every_n_batches = every_n_batches
        self.unchecked: list[tuple[int, int, dict[str, Tensor]]] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.unchecked.append((trainer.current_epoch, batch_idx, pl_module.losses))
        if len(self.unchecked) >= self.every_n_batches:
            self.check()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.check()

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        self.check()
        for name, value in checkpoint["state_dict"].items():
            if not value.isfinite().all():
                raise ZooError(f"The weights {name} are not finite any more{REMEDY}")

    def check(self) -> None:
        """Raise `ZooError` naming the first unchecked loss that is NaN or infinite."""
        unchecked, self.unchecked = self.unchecked, []
        names = [(name, epoch, batch) for epoch, batch, losses in unchecked for name in losses]
        values = torch.stack([loss for *_, losses in unchecked for loss in losses.values()]).tolist() if names else []
        for (name, epoch, batch), value in zip(names, values, strict=True):
            if not math.isfinite(value):
                raise ZooError(f"{name} is {value} in epoch {epoch}, batch {batch}{REMEDY}")
