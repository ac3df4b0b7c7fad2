"""The numbers that callbacks monitor, such as those of EarlyStopping: whether the run logs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
from lightning.fabric.utilities.exceptions import MisconfigurationException

from i2i_zoo.callbacks.collapse import CollapseWatch
from i2i_zoo.callbacks.epoch_losses import name_of_mean
from i2i_zoo.callbacks.evaluation import Evaluation
from i2i_zoo.errors import ZooError, choices, printable

from .runs import RunFolder


class Monitors(L.Callback):
    """Refuses a monitor that nobody will log: a metric before the first batch, a loss after it.

    Callbacks and methods of other packages may log anything, so a run with one of them is not checked.
    """

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        known = metrics(trainer, pl_module)
        for monitor in foreseeable(trainer, pl_module, "val/"):
            # Some metrics have several parts, such as kid_mean and kid_std.
            if not any(monitor == name or monitor.startswith(f"{name}_") for name in known):
                raise unlogged(monitor, known)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == 1:
            means = [name_of_mean(name) for name in pl_module.losses]
            for prefix, known in (("train/", list(pl_module.losses)), ("epoch/", means)):
                for monitor in foreseeable(trainer, pl_module, prefix):
                    if monitor not in known:
                        raise unlogged(monitor, known)


def foreseeable(trainer: Any, pl_module: Any, prefix: str) -> list[str]:
    """The monitors that begin with a prefix, if nothing in the run may log other numbers than this package does."""
    modules = [type(part).__module__ for part in (pl_module, *trainer.callbacks)]
    if not all(module.startswith(("i2i_zoo.", "lightning.")) for module in modules):
        return []
    return [name for name in monitors(trainer) if name.startswith(prefix)]


def monitors(trainer: Any) -> list[str]:
    """What the callbacks monitor; without those that do not mind a number that is missing."""
    found = [c.monitor for c in trainer.callbacks if getattr(c, "monitor", None) and getattr(c, "strict", True)]
    return [str(name) for name in found]


def metrics(trainer: Any, pl_module: Any) -> list[str]:
    """The names of what the callbacks will measure in each validation."""
    found = []
    for callback in trainer.callbacks:
        if isinstance(callback, Evaluation):
            found += [(direction, name) for direction, names in callback.measures.items() for name in names]
        elif isinstance(callback, CollapseWatch):
            watched = callback.comparisons_of(pl_module)
            found += [(direction, name) for direction, kind in watched.items() for name in kind.names]
    return [f"val/{'_'.join(filter(None, words))}" for words in found]


def unlogged(monitor: str, logged: list[str]) -> ZooError:
    """The error for a monitor that is not among the logged names."""
    return ZooError(f"monitor {monitor}: this run does not log it; {choices(monitor, logged)}.")


def refused(trainer: Any, error: Exception) -> ZooError | None:
    """The sentence for a callback's own error about its monitor; None for other errors."""
    logged = list(trainer.callback_metrics)
    found = next((name for name in monitors(trainer) if logged and name not in logged and name in str(error)), None)
    if found and found in trainer.lightning_module.losses:
        return ZooError(
            f"monitor {found}: no epoch has the {trainer.log_every_n_steps} steps after which losses are logged; "
            f"monitor {name_of_mean(found)}, the mean over an epoch."
        )
    return unlogged(found, logged) if found else None


@contextmanager
def monitoring(trainer: L.Trainer, folder: RunFolder | None) -> Iterator[None]:
    """Around ``trainer.fit``: if a callback fails over its monitor, what was trained until then is saved."""
    try:
        yield
    except (RuntimeError, MisconfigurationException) as error:
        refusal = refused(trainer, error)
        if refusal is None:
            raise
        if folder:
            path = folder.path / "checkpoints" / "last.ckpt"
            trainer.save_checkpoint(path)
            print(printable(f"Saved {path}. Continue from it with --ckpt_path last."))
        raise refusal from error
