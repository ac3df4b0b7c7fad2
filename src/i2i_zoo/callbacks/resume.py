"""What a run needs to be killed at any moment and to end, resumed, with the weights that it would have had."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from i2i_zoo import lightning_private
from i2i_zoo.atomic import atomic_write
from i2i_zoo.errors import ZooError


class ExactResume(L.Callback):
    """Makes a resumed run draw the dropout and the noise that the run before it would have drawn.

    Each training batch is seeded anew, from the seed, the process and the number of the batch.  The order and the
    augmentation of the data follow in the same manner from the datamodules of this package.

    Args:
        seed: Another seed is another run.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def on_train_start(self, trainer: Any, pl_module: L.LightningModule) -> None:
        lightning_private.begin_next_epoch(trainer)

    def on_train_batch_start(self, trainer: Any, pl_module: L.LightningModule, batch: Any, batch_idx: int) -> None:
        numbers = np.random.SeedSequence([self.seed, trainer.global_rank, lightning_private.batches_done(trainer)])
        seed = int(numbers.generate_state(1, np.uint64)[0])
        torch.default_generator.manual_seed(seed)  # a hundred times as fast as torch.manual_seed
        device = pl_module.device.type
        if device != "cpu":
            getattr(torch, device).manual_seed(seed)


class LastCheckpoint(lightning_private.SavesWithinEpochs):
    """Keeps ``checkpoints/last.ckpt`` in the run's folder: after every epoch, and every so often within long ones.

    Args:
        minutes: Time from one checkpoint to the next within an epoch.
    """

    # Lightning's save_last writes only where a best checkpoint is written too, and its train_time_interval does nothing
    # when a method steps its optimisers itself.
    def __init__(self, minutes: float = 15.0) -> None:
        super().__init__(filename="last", save_on_train_epoch_end=True, enable_version_counter=False)
        self.minutes = minutes

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Checkpoint directory .* not empty")  # as that of a resumed run must be
            super().setup(trainer, pl_module, stage)

    def on_train_batch_end(
        self, trainer: Any, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # The last batch is left to the end of the epoch, with what that does to learning rates.
        ending = lightning_private.is_last_batch(trainer)
        if ending or (batch_idx + 1) % trainer.log_every_n_steps or self.must_not_save(trainer):
            return
        due = self.seconds_since_last() >= 60 * self.minutes
        if trainer.strategy.broadcast(due):  # the processes' clocks may differ, and all take part in saving
            self.save_now(trainer, {})


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint whole or not at all: a kill or a full disk leaves the file that was there before."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        path = Path(path)
        try:
            with atomic_write(path) as partial, open(partial, "wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
        except (OSError, RuntimeError) as error:
            # torch hides the system's error behind one of its own.
            cause = error if isinstance(error, OSError) else error.__context__
            reason = cause.strerror if isinstance(cause, OSError) else error
            raise ZooError(
                f"{path}: the checkpoint cannot be written ({reason}); the one before it is kept, "
                "and --ckpt_path last continues from it."
            ) from error
