"""Metrics of validation and test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from i2i_zoo.annotations import CheckedArguments
from i2i_zoo.errors import ZooError
from i2i_zoo.metrics.suites import PARTS, Measure, suite
from i2i_zoo.tasks.frames import frame_by_frame


class Evaluation(L.Callback, metaclass=CheckedArguments):
    """Measures the outputs of validation and test; logs ``val/<metric>`` and ``test/<metric>``.

    Other callbacks can monitor these numbers, for early stopping or the best checkpoint.  All processes get the same
    numbers.  A metric whose weights or labels are not available is left out with a warning.

    Args:
        metrics: Names of metrics (`i2i_zoo.metrics.suites.METRICS`), or names to their options, such as
            ``{"fid": {"antialias": True}}``; by default the metrics of the task.
        test_metrics: Further metrics only for the test, such as slow ones.
    """

    def __init__(
        self,
        metrics: list[str] | dict[str, dict[str, Any] | None] | None = None,
        test_metrics: list[str] | dict[str, dict[str, Any] | None] | None = None,
    ) -> None:
        self.metrics, self.test_metrics = metrics, test_metrics
        # Not in the model: its checkpoints would hold the networks of the metrics.
        #: Measures by direction and metric.
        self.measures: dict[str, dict[str, Measure]] = {}
        #: Full names of the numbers.
        self.titles: dict[str, str] = {}
        self.device = torch.device("cpu")

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        task: Any = pl_module
        self.measures = {}
        for direction in task.directions:
            defaults = dict.fromkeys((*task.metrics_for(direction), *of_frames(task, trainer)))
            chosen = defaults if self.metrics is None else with_options(self.metrics)
            if stage == "test":
                chosen = {**chosen, **with_options(self.test_metrics or {})}
            self.measures[direction], missing = suite(task, direction, chosen)
            for sentence in missing:
                rank_zero_warn(sentence)

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        # Sums are kept in double precision, which Apple's GPUs do not have.
        self.device = torch.device("cpu") if pl_module.device.type == "mps" else pl_module.device
        for measure in [m for measures in self.measures.values() for m in measures.values()]:
            measure.metric.to(self.device).reset()

    on_test_epoch_start = on_validation_epoch_start

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        for direction, measures in self.measures.items():
            values = pl_module.measured(outputs, direction)
            for name, measure in list(measures.items()):
                if lacking := [key for key in measure.needs if key not in values]:
                    rank_zero_warn(f"{name} is not measured: the data has no {lacking[0]} for its pictures.")
                    del measures[name]
                else:
                    measure.metric.update(*(moved(values[key], self.device) for key in measure.needs))

    on_test_batch_end = on_validation_batch_end

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        stage = "test" if trainer.testing else "val"
        task: Any = pl_module
        values = {}
        for direction, measures in self.measures.items():
            for name, measure in measures.items():
                try:
                    result = measure.metric.compute()
                except ZooError as error:
                    rank_zero_warn(f"{name} is not measured: {error}")
                    continue
                parts = result if isinstance(result, Mapping) else {None: result}
                for part, value in parts.items():
                    key = "_".join(filter(None, (direction, name, part)))
                    values[f"{stage}/{key}"] = value
                    title = f"{measure.title}, {PARTS[part]}" if part else measure.title
                    self.titles[key] = ": ".join(filter(None, (task.title(direction), title)))
        # All processes have the same number already; sync_dist only avoids a warning of Lightning.
        pl_module.log_dict(values, sync_dist=True)

    on_test_epoch_end = on_validation_epoch_end


def of_frames(task: Any, trainer: Any) -> tuple[str, ...]:
    """What else is measured if the frames of clips are translated one by one and the data know their flow."""
    keys = getattr(getattr(trainer, "datamodule", None), "batch_keys", ())
    return ("warping_error",) if frame_by_frame(task, keys) and {"flow", "seen"} <= set(keys) else ()


def with_options(metrics: list[str] | dict[str, dict[str, Any] | None]) -> dict[str, dict[str, Any] | None]:
    """Names of metrics to their options; a plain list has none."""
    return metrics if isinstance(metrics, dict) else dict.fromkeys(metrics)


def moved(value: Any, device: torch.device) -> Any:
    """A tensor on a device; lists, such as label maps of different sizes, stay where they are."""
    return value.to(device) if isinstance(value, Tensor) else value
