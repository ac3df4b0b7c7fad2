"""What is compared: rows, and the jobs that they are made of."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Names of metrics to their options; None for those of a row's recipe.
Metrics = Mapping[str, Mapping[str, Any] | None] | None


@dataclass(frozen=True, eq=False)
class Row:
    """A method in the table: a finished checkpoint, or what to train.

    Args:
        name: Its name in the table.
        recipe: Its whole recipe, with all overrides.  Its data section says what is measured.
        checkpoint: A name for `load`; None for a row that is trained.
        seeds: The seeds to train with; a checkpoint has none.
        unfinished: The ``last.ckpt`` of a run that was cut off, which is continued until it leaves ``checkpoint``.
        paper: The paper's numbers by metric.
        metrics: What to measure.
    """

    name: str
    recipe: Mapping[str, Any]
    checkpoint: str | None = None
    seeds: tuple[int, ...] = ()
    unfinished: Path | None = None
    paper: Mapping[str, float] = field(default_factory=dict)
    metrics: Metrics = None

    @property
    def jobs(self) -> list[int | None]:
        """A seed for each training; None for a checkpoint."""
        return list(self.seeds) or [None]

    @property
    def trainer(self) -> Mapping[str, Any]:
        """The recipe's section of the trainer, empty if there is none."""
        return self.recipe.get("trainer") or {}

    @property
    def callbacks(self) -> list[dict[str, Any]]:
        """The sections of the recipe's callbacks, of which there may be none, one or a list."""
        callbacks = self.trainer.get("callbacks") or []
        return callbacks if isinstance(callbacks, list) else [callbacks]

    @property
    def all_devices(self) -> bool:
        """Whether its recipe asks for several devices, so that nothing else may run beside it."""
        return (self.trainer.get("devices") or 1) not in (1, "1", [0], "auto")


@dataclass(frozen=True)
class Comparison:
    """Rows to compare, and what they have in common.

    Args:
        title: Heading of the table.
        rows: The rows, with different names.
        source: Where the paper's numbers come from.
        limit: How many test pictures to measure; None for all.
        pictures: How many of them the sheets show.
        most_changed: Whether these are those that change most, the most changed first, and not evenly spaced ones.
    """

    title: str
    rows: tuple[Row, ...]
    source: str = ""
    limit: int | None = None
    pictures: int = 6
    most_changed: bool = False


@dataclass(frozen=True, eq=False)
class Job:
    """One training of a row, or its checkpoint, and the folder where everything about it is kept.

    The folder is named by the row's settings: with other settings the row has another folder, and with the old ones
    again it finds what was done.  A new name or other metrics are no other settings.

    Args:
        row: The row.
        seed: The seed of the training; None for a checkpoint.
        folder: Where its files are.
    """

    row: Row
    seed: int | None
    folder: Path

    @property
    def title(self) -> str:
        return self.row.name if self.seed is None else f"{self.row.name}, seed {self.seed}"

    @property
    def history(self) -> Path:
        return self.folder / "history.jsonl"

    @property
    def checkpoint(self) -> str | None:
        """What to measure: a name for `load`; None as long as it is not trained."""
        if self.row.checkpoint is not None:
            finished = self.row.unfinished is None or Path(self.row.checkpoint, "config.json").is_file()
            return self.row.checkpoint if finished else None
        return next((str(path.parent) for path in sorted(self.folder.glob("*/*/model/config.json"))), None)

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe that this job trains: with its seed, with a history, and with its run in this folder."""
        recipe = copy.deepcopy(dict(self.row.recipe))
        recipe["seed_everything"] = self.seed
        data = recipe["data"]["init_args"] = dict(recipe["data"].get("init_args") or {})
        data["seed"] = self.seed
        trainer = recipe["trainer"] = dict(self.row.trainer)
        trainer["default_root_dir"] = str(self.folder)
        trainer.setdefault("devices", 1)
        history = {"class_path": "i2i_zoo.callbacks.history.History", "init_args": {"file": str(self.history)}}
        trainer["callbacks"] = [*self.row.callbacks, history]
        return recipe

    @property
    def command(self) -> list[str]:
        """The command that trains, and continues what was cut off; it reads the recipe at `config`."""
        fit = [sys.executable, "-m", "i2i_zoo", "fit", "--config"]
        if self.row.unfinished is not None:
            run = self.row.unfinished.parents[1]  # runs/NAME/version_N
            root = f"--trainer.default_root_dir={run.parents[1]}"
            return [*fit, str(run / "config.yaml"), f"--ckpt_path={self.row.unfinished}", root]
        return [*fit, str(self.config), "--ckpt_path=last"]

    @property
    def config(self) -> Path:
        return self.folder / "run.yaml"


def jobs_of(comparison: Comparison, folder: Path) -> list[Job]:
    """All jobs, seed by seed: if the time ends early, every row has its first seed."""
    found = []
    for row in comparison.rows:
        settings = row.recipe if row.checkpoint is None else {"checkpoint": row.checkpoint, "data": row.recipe["data"]}
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]
        name = re.sub(r"[^\w.]+", "-", row.name).strip("-")[:60]
        rows = folder / "rows"
        own = next(rows.glob(f"*-{digest}"), rows / f"{name}-{digest}")
        for number, seed in enumerate(row.jobs):
            found.append((number, Job(row, seed, (own / ("" if seed is None else f"seed-{seed}")).resolve())))
    return [job for _, job in sorted(found, key=lambda pair: pair[0])]
