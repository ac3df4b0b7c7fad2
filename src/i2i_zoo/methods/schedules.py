"""Schedules of learning rates, as factors of the first one."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


def linear_decay(epoch: int, epochs: int, decay_epochs: int) -> float:
    """The factor of the learning rate in an epoch (from 0): 1, then linearly lower from epoch ``epochs + 1`` on.

    This is the schedule of pix2pixHD and SPADE, whose authors lower the rate after an epoch.
    """
    return max(0.0, 1 - max(0, epoch - epochs) / decay_epochs) if decay_epochs else 1.0


def decay_to_zero(epoch: int, epochs: int, decay_epochs: int, ahead: int) -> float:
    """The factor of the learning rate in an epoch (from 0): 1, then lower by 1 / (decay_epochs + 1) in each epoch.

    This is the schedule of CycleGAN's code and its successors.  The rate first falls in epoch ``epochs + 1 - ahead``:
    some revisions of the code step the schedule once more before an epoch than others.
    """
    return max(0.0, 1 - max(0, epoch + ahead - epochs) / (decay_epochs + 1)) if decay_epochs else 1.0


def halved(batches: int, every: int) -> float:
    """The factor of the learning rate after some batches: halved every ``every`` batches, or never if that is 0.

    The authors of UNIT and MUNIT step their schedule before a batch, so the last batch of a period already has the
    lower rate.
    """
    return 0.5 ** ((batches + 1) // every) if every else 1.0


@dataclass
class Plateau:
    """A factor that falls to a tenth when the loss of more than ``patience`` epochs has been no lower than before.

    This is torch's ``ReduceLROnPlateau`` with its defaults, which needs an optimiser of its own.
    """

    patience: int
    factor: float = 1.0
    best: float = inf
    waited: int = 0

    def after(self, loss: float) -> None:
        """Note the loss of an epoch."""
        if loss < self.best * (1 - 1e-4):
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.factor, self.waited = self.factor / 10, 0
