"""The progress of training where there is no terminal for a progress bar."""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only

from i2i_zoo.annotations import CheckedArguments


class EpochLines(L.Callback, metaclass=CheckedArguments):
    """Prints one line after each epoch of training: its number, the means of the losses, and the latest metrics."""

    @rank_zero_only
    def on_train_epoch_end(self, trainer: Any, pl_module: L.LightningModule) -> None:
        shown = {name: value for name, value in trainer.callback_metrics.items() if not name.startswith("train/")}
        numbers = " ".join(f"{name.removeprefix('epoch/')}={float(value):.4g}" for name, value in shown.items())
        print(f"epoch {trainer.current_epoch + 1}, step {trainer.global_step}: {numbers}", flush=True)
