"""Measured numbers of `fit` and `test`, written into the cards of checkpoints, where ``i2i-zoo info`` finds them."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint

from i2i_zoo import cards
from i2i_zoo.callbacks.evaluation import Evaluation
from i2i_zoo.errors import ZooError
from i2i_zoo.registry import ENTRIES
from i2i_zoo.store.card import card_path
from i2i_zoo.store.format import CARD
from i2i_zoo.store.runs import result_of

from .names import Named


def card_of(named: Named | None) -> Path:
    """The card of a checkpoint: that in the zoo, or the README.md in its folder.

    Raises `ZooError` if it has none that can be read.
    """
    if named is None or named.name.startswith("hf:") or named.unfinished:
        raise ZooError(
            "--card writes into the card of a checkpoint of the zoo, or in the folder of one: i2i-zoo test NAME --card."
        )
    in_zoo = named.name in ENTRIES
    path = card_path(ENTRIES[named.name]) if in_zoo else result_of(Path(named.name)) / CARD
    cards.read_card(path)
    return path


def dataset_of(data: Any) -> str:
    """What the data are called in a card: the name of their folder, or the datamodule if they are rendered."""
    folder = getattr(data, getattr(data, "folder_option", "") or "root", None)
    return type(data).__name__ if folder is None else Path(folder).resolve().name


def record_test(card: Path, name: str, trainer: Any, command: str) -> None:
    """Write the numbers of a test into a card, with the command that measured them if the zoo lists the checkpoint."""
    results, titles = numbers(trainer, "test/")
    if name in ENTRIES:
        cards.write_results(card, ENTRIES[name], results, titles=titles, split="test", command=command)
    else:
        cards.write_numbers(card, dataset_of(trainer.datamodule), results, titles=titles, split="test")


def record_validation(card: Path, trainer: Any, best: ModelCheckpoint | None) -> None:
    """Write the numbers of a run's last validation into its model's card; of the ``best`` model only what chose it."""
    results, titles = numbers(trainer, "val/")
    if best is not None:
        chosen = str(best.monitor).removeprefix("val/")
        results = {chosen: float(best.best_model_score or math.nan)} if chosen in results else {}
    finite = {name: value for name, value in results.items() if math.isfinite(value)}
    if not finite:
        return
    with suppress(ZooError):  # a card of the user's own, without front matter that can be read, stays as it is
        cards.write_numbers(card, dataset_of(trainer.datamodule), finite, titles=titles, split="val")


def numbers(trainer: Any, stage: str) -> tuple[dict[str, float], dict[str, str]]:
    """What a trainer has measured in a stage, by metric, and the metrics' full names."""
    metrics = trainer.callback_metrics
    results = {key.removeprefix(stage): float(value) for key, value in metrics.items() if key.startswith(stage)}
    titles = next((callback.titles for callback in trainer.callbacks if isinstance(callback, Evaluation)), {})
    return results, titles
