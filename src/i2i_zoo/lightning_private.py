"""All uses of undocumented names and sentences of Lightning, which may change.

tests/test_lightning_private.py fails where a new version of Lightning changes one of them.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import DDPStrategy


def ignore() -> None:
    """Nothing."""


def count_no_more_steps(trainer: Trainer) -> None:
    """Count no further optimiser step of this batch as a training step.

    In manual optimisation, Lightning counts the steps of all optimisers, by two hooks that it sets for each batch.
    """
    for optimizer in trainer.strategy._lightning_optimizers:
        optimizer._on_before_step = optimizer._on_after_step = ignore


def batches_done(trainer: Trainer) -> int:
    """The number of training batches before the current one, over all epochs."""
    done: int = trainer.fit_loop.total_batch_idx
    return done


def is_last_batch(trainer: Trainer) -> bool:
    """Whether the current training batch is the last of its epoch."""
    last: bool = trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
    return last


def is_plain_ddp(trainer: Trainer) -> bool:
    """Whether the strategy is DDP that refuses parameters without gradient."""
    strategy = trainer.strategy
    return isinstance(strategy, DDPStrategy) and not strategy._ddp_kwargs.get("find_unused_parameters", False)


def begin_next_epoch(trainer: Trainer) -> None:
    """If a run is resumed from the end of an epoch, begin the next epoch.

    With max_steps, Lightning would continue the epoch that has ended, and count it twice.
    """
    loop = trainer.fit_loop
    epochs: Any = loop.epoch_progress  # Lightning declares a base class of its counters, without `processed`
    if loop.restarted_on_epoch_end and epochs.current.processed == epochs.current.ready:
        loop.reset_restart_stage()
        epochs.current.completed, epochs.total.completed = epochs.current.processed, epochs.total.processed
        loop.epoch_loop.restarting = False


def run_progress(trainer: Trainer) -> tuple[int, int]:
    """The current epoch of a run, and how many batches of it are done.

    Lightning restores these counters before it asks for the loaders, whose workers start to read at once.
    """
    loop: Any = trainer.fit_loop  # as in `begin_next_epoch`
    epochs, batches = loop.epoch_progress.current, loop.epoch_loop.batch_progress
    return (epochs.ready, 0) if batches.is_last_batch else (epochs.processed, batches.current.processed)


class SavesWithinEpochs(ModelCheckpoint):
    """A ModelCheckpoint that can be asked to save at once."""

    def seconds_since_last(self) -> float:
        """Seconds since the last checkpoint of `save_now`; a large number if there was none."""
        return time.monotonic() - (self._last_time_checked or 0.0)

    def must_not_save(self, trainer: Trainer) -> bool:
        """Whether no checkpoint may be written now, for example in a sanity check."""
        return self._should_skip_saving_checkpoint(trainer)

    def save_now(self, trainer: Trainer, metrics: dict[str, Any]) -> None:
        """Write a checkpoint; the metrics are part of its name."""
        self._save_checkpoint(trainer, self.format_checkpoint_name(metrics))
        self._last_time_checked = time.monotonic()


def attached_trainer(module: Any) -> Trainer | None:
    """The trainer of a module; None without one, where the public property raises."""
    trainer: Trainer | None = module._trainer
    return trainer


def can_validate(trainer: Trainer) -> bool:
    """Whether `Trainer.validate` was given data."""
    return bool(trainer.validate_loop._data_source.is_defined())


def worth_reading(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(("💡 Tip", "TPU available"))


@contextmanager
def quiet() -> Iterator[None]:
    """In the block, without what helps nobody: advertisements, a remark about PyTorch that Lightning provokes, and
    advice on logging, which is needless beside the means of the epochs."""
    logger = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    logger.addFilter(worth_reading)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.` is deprecated")
            warnings.filterwarnings("ignore", "The number of training batches .* is smaller than the logging interval")
            yield
    finally:
        logger.removeFilter(worth_reading)


@contextmanager
def silent() -> Iterator[None]:
    """As `quiet`, and without remarks about devices and loaders: for one of many runs of the same program."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with quiet():
            warnings.filterwarnings("ignore", "The '.*' does not have many workers")
            yield
    finally:
        logger.setLevel(level)
