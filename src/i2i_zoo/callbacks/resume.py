"""Runs that may be killed at any moment: resumed, they end with the same weights as without the interruption."""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import lightning as L
import numpy as np
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from i2i_zoo import lightning_private
from i2i_zoo.annotations import CheckedArguments, Seed, Weight
from i2i_zoo.atomic import atomic_write
from i2i_zoo.errors import ZooError


class ExactResume(L.Callback, metaclass=CheckedArguments):
    """Makes a resumed run draw the same dropout and noise as the interrupted run would have drawn.

    Each training batch is seeded from the seed, the process and the number of the batch.  The datamodules of this
    package do the same for the order and the augmentation of the data.

    Args:
        seed: Seed of the run.
    """

    def __init__(self, seed: Seed = 0) -> None:
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


class LastCheckpoint(lightning_private.SavesWithinEpochs, metaclass=CheckedArguments):
    """Writes ``checkpoints/last.ckpt`` in the run's folder after every epoch, and also within long epochs.

    Args:
        minutes: Time between two checkpoints within an epoch.
    """

    # Lightning's save_last writes only where a best checkpoint is written too, and its train_time_interval does nothing
    # when a method steps its optimisers itself.
    def __init__(self, minutes: Weight = 15.0) -> None:
        super().__init__(filename="last", save_on_train_epoch_end=True, enable_version_counter=False)
        self.minutes = minutes

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Checkpoint directory .* not empty")  # that of a resumed run never is
            super().setup(trainer, pl_module, stage)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "The dirpath has changed"
            )  # where a run continues another one's checkpoint
            super().load_state_dict(state_dict)

    def on_train_batch_end(
        self, trainer: Any, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # After the last batch, the checkpoint waits for the end of the epoch, which changes learning rates.
        ending = lightning_private.is_last_batch(trainer)
        if ending or (batch_idx + 1) % trainer.log_every_n_steps or self.must_not_save(trainer):
            return
        due = self.seconds_since_last() >= 60 * self.minutes
        if trainer.strategy.broadcast(due):  # the processes' clocks may differ, and all take part in saving
            self.save_now(trainer, {})


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint completely or not at all: a kill or a full disk leaves the previous file.

    Each file carries a checksum, by which `load_checkpoint` sees damage.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        path = Path(path)
        try:
            with atomic_write(path) as partial, open(partial, "w+b") as file:
                torch.save(checkpoint, file)
                add_checksum(file)
                file.flush()
                os.fsync(file.fileno())
        except (OSError, RuntimeError) as error:
            # torch hides the system's error behind one of its own.
            cause = error if isinstance(error, OSError) else error.__context__
            reason = cause.strerror if isinstance(cause, OSError) else error
            raise ZooError(
                f"{path}: the checkpoint cannot be written ({reason}); the previous one is kept, "
                "and --ckpt_path last continues from it."
            ) from error

    def load_checkpoint(self, path: Any, *args: Any, **options: Any) -> dict[str, Any]:
        check_checksum(path)
        checkpoint: dict[str, Any] = super().load_checkpoint(path, *args, **options)
        return checkpoint


# torch.save writes a zip archive, which may end in a comment.  The checksum is that comment: one file stays one file,
# and every reader of archives still reads it.

#: What the comment begins with; the SHA-256 of everything before the comment follows in hexadecimal digits.
MARK = b"sha256:"
COMMENT = len(MARK) + 64
#: The bytes of the archive's last entry, before the comment: a signature, and in the end the length of the comment.
END, SIGNATURE = 22, b"PK\5\6"


def add_checksum(file: BinaryIO) -> None:
    """Add the checksum to an archive that `torch.save` has just written, and that can be read too."""
    file.seek(-2, os.SEEK_END)
    file.write(COMMENT.to_bytes(2, "little"))
    comment = MARK + digest(file, file.tell())
    file.seek(0, os.SEEK_END)
    file.write(comment)


def check_checksum(path: str | os.PathLike[str]) -> None:
    """Raise `ZooError` if a file is not what `add_checksum` left; one without checksum passes."""
    if not os.path.isfile(path):
        return  # whoever opens it says so
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - COMMENT - END))
        tail = file.read()
        comment = tail[-COMMENT:]
        marked = comment.startswith(MARK) or tail.startswith(SIGNATURE)  # one of them may be the damage
        if marked and comment != MARK + digest(file, size - COMMENT):
            raise ZooError(
                f"{path} is damaged: its content is not what its checksum says; give another checkpoint or a copy of "
                "this one to --ckpt_path, or start the run again."
            )


def digest(file: BinaryIO, size: int) -> bytes:
    """The SHA-256 of the first ``size`` bytes, in hexadecimal digits."""
    file.seek(0)
    found = hashlib.sha256()
    for start in range(0, size, 1 << 20):
        found.update(file.read(min(1 << 20, size - start)))
    return found.hexdigest().encode()
