"""A file of losses and times that a run leaves, and that goes on when the run is resumed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import lightning as L

from i2i_zoo.annotations import CheckedArguments
from i2i_zoo.atomic import atomic_write


class Moment(TypedDict):
    """What a run's history says about one step."""

    #: Finished training steps, and how many the run will have; None if its length has no end in steps.
    step: int
    of: int | None
    #: Seconds of training until then, validation included, without what an interruption lost.
    seconds: float
    #: The step's losses by their names, such as ``generator/l1``.
    losses: Mapping[str, float]


class History(L.Callback, metaclass=CheckedArguments):
    """Writes a line of JSON, a `Moment`, for every ``log_every_n_steps``-th training step and for the last one.

    A resumed run continues the file from its checkpoint's step.

    Args:
        file: The file to write.
    """

    def __init__(self, file: str) -> None:
        self.file = Path(file)
        self.start, self.of = 0.0, 0.0
        self.last = -1

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.of = trainer.estimated_stepping_batches
        kept = [moment for moment in read_history(self.file) if moment["step"] <= trainer.global_step]
        self.start = time.monotonic() - (kept[-1]["seconds"] if kept else 0.0)
        self.last = kept[-1]["step"] if kept else -1
        if trainer.is_global_zero:
            with atomic_write(self.file) as partial:
                partial.write_text("".join(f"{json.dumps(moment)}\n" for moment in kept), encoding="utf-8")

    def on_train_batch_end(
        self, trainer: Any, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step % trainer.log_every_n_steps == 0:
            self.write(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.write(trainer, pl_module)

    def write(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Add a line for the current step, unless it has one."""
        if not trainer.is_global_zero or trainer.global_step <= self.last:
            return
        self.last = trainer.global_step
        moment = Moment(
            step=trainer.global_step,
            of=int(self.of) if 0 < self.of < math.inf else None,
            seconds=round(time.monotonic() - self.start, 3),
            losses={name.removeprefix("train/"): float(loss) for name, loss in pl_module.losses.items()},
        )
        with open(self.file, "a", encoding="utf-8") as file:
            file.write(f"{json.dumps(moment)}\n")


def read_history(file: Path) -> list[Moment]:
    """The moments in a file that `History` wrote; none if it does not exist.  A line that was cut off is left out."""
    if not file.is_file():
        return []
    whole = file.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
    return [json.loads(line) for line in whole]
