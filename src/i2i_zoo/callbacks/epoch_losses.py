"""The mean of each loss over each epoch: in the bar, in every logger and as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from i2i_zoo.annotations import CheckedArguments

from .loss_curves import draw_curves


def name_of_mean(loss: str) -> str:
    """The name under which the mean over an epoch is logged: ``epoch/generator/l1`` for ``train/generator/l1``."""
    return f"epoch/{loss.removeprefix('train/')}"


class EpochLosses(L.Callback, metaclass=CheckedArguments):
    """Logs the mean of each loss over each epoch, by `name_of_mean`.

    In the bar, it is the mean over the current epoch so far.

    Args:
        file: Where to draw the means of all epochs; by default nowhere.
    """

    def __init__(self, file: str | None = None) -> None:
        self.file = file
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.latest: Mapping[str, Tensor] = {}
        #: Finished training steps and the means until then, for each epoch.
        self.epochs: list[tuple[int, Mapping[str, float]]] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        for name, loss in pl_module.losses.items():
            if loss is not self.latest.get(name):  # else it is that of an earlier batch, as its player had no turn
                before = self.sums.get(name, torch.zeros(()))
                self.sums[name] = before.to(loss.device) + loss.float()
                self.counts[name] = self.counts.get(name, 0) + 1
        self.latest = pl_module.losses
        if (batch_idx + 1) % trainer.log_every_n_steps == 0:
            pl_module.log_dict(self.means(), prog_bar=True, logger=False)

    def means(self) -> dict[str, Tensor]:
        """The mean of each loss since the epoch began, in this process."""
        return {name_of_mean(name): self.sums[name] / self.counts[name] for name in self.sums}

    def on_train_epoch_end(self, trainer: Any, pl_module: L.LightningModule) -> None:
        means = {name: trainer.strategy.reduce(mean, reduce_op="mean") for name, mean in self.means().items()}
        pl_module.log_dict(means, prog_bar=True)
        self.sums, self.counts = {}, {}
        losses = {name.removeprefix("epoch/"): float(mean) for name, mean in means.items()}
        self.epochs.append((trainer.global_step, losses))
        if self.file and trainer.is_global_zero:
            draw_curves({"": [self.epochs]}, Path(self.file))

    def state_dict(self) -> dict[str, Any]:
        return {"sums": dict(self.sums), "counts": dict(self.counts), "epochs": list(self.epochs)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.sums, self.counts, self.epochs = state_dict["sums"], state_dict["counts"], state_dict["epochs"]
