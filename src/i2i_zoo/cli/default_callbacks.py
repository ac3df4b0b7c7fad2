"""The callbacks that every run has, unless its configuration states its own of the same class."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import LearningRateMonitor, ProgressBar

from i2i_zoo.callbacks.collapse import CollapseWatch
from i2i_zoo.callbacks.epoch_lines import EpochLines
from i2i_zoo.callbacks.epoch_losses import EpochLosses
from i2i_zoo.callbacks.evaluation import Evaluation
from i2i_zoo.callbacks.nan import StopOnNaN
from i2i_zoo.callbacks.network_sizes import NetworkSizes
from i2i_zoo.callbacks.predictions import Predictions
from i2i_zoo.callbacks.resume import ExactResume, LastCheckpoint
from i2i_zoo.callbacks.samples import Samples

from .monitors import Monitors


def with_defaults(verb: str, config: Any, folder: Path) -> dict[str, Any]:
    """The trainer's arguments for callbacks, bar and summary.

    Args:
        verb: ``fit``, ``validate``, ``test`` or ``predict``.
        config: The parsed configuration of the verb.
        folder: That of the run, for ``fit``; of all runs for other verbs.
    """
    trainer, arguments = config.trainer, dict[str, Any]()
    defaults: list[L.Callback] = []
    if verb == "predict":
        defaults.append(Predictions(str(folder / "predictions")))
    else:
        defaults.append(Evaluation())
    if verb == "fit":
        defaults.append(EpochLosses(None if trainer.fast_dev_run else str(folder / "losses.png")))
        defaults += [Samples(), CollapseWatch(), ExactResume(int(config.seed_everything)), StopOnNaN(), Monitors()]
        if trainer.enable_checkpointing is not False:
            defaults.append(LastCheckpoint())
        if trainer.logger is not False:
            defaults.append(LearningRateMonitor())
        if trainer.enable_model_summary is None:
            arguments["enable_model_summary"] = False
            defaults.append(NetworkSizes())
    stated = trainer.callbacks or []
    stated = stated if isinstance(stated, list) else [stated]
    has_bar = trainer.enable_progress_bar or any(isinstance(callback, ProgressBar) for callback in stated)
    if not has_bar and not sys.stdout.isatty():  # a bar would be redrawn into the log, line after line
        arguments["enable_progress_bar"] = False
        defaults.append(EpochLines())
    missing = [default for default in defaults if not any(isinstance(c, type(default)) for c in stated)]
    # The means come first, so that callbacks that monitor them find them.
    callbacks = sorted([*stated, *missing], key=lambda callback: not isinstance(callback, EpochLosses))
    return arguments | {"callbacks": callbacks}
