"""Model cards: where they are, how `i2i-zoo test --card` writes into them, and the README's tables made from them.

``python -m i2i_zoo.cards README.md`` updates these tables.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCard

from .atomic import atomic_write
from .errors import ZooError
from .registry import ENTRIES, METHODS, Entry


def shipped(folder: str) -> Path:
    """The folder ``recipes`` or ``model_cards``: inside an installed package, at the top of a checkout."""
    package = Path(__file__).parent
    return next((path for path in (package / folder, package.parents[1] / folder) if path.is_dir()), package / folder)


def card_path(entry: Entry) -> Path:
    return shipped("model_cards") / f"{entry.name}.md"


def read_card(path: Path) -> Any:
    """The `huggingface_hub.ModelCard` in a file.  Raises `ZooError` if there is none, or if it cannot be parsed."""
    if not path.is_file():
        raise ZooError(f"{path}: there is no such card; write it, and its numbers can be filled in.")
    try:
        return ModelCard(path.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError) as error:
        raise ZooError(f"{path}: the front matter cannot be read ({' '.join(str(error).split())}).") from None


def write_results(
    path: Path, entry: Entry, results: Mapping[str, float], *, titles: Mapping[str, str], split: str, command: str
) -> None:
    """Write measured numbers into the ``model-index`` of a card; they replace older ones for the same split.

    Args:
        path: The card; everything else in it stays.
        entry: The measured checkpoint.
        results: Metric to value.
        titles: Metric to its full name.
        split: The split of the entry's dataset that was measured.
        command: The command that measured.
    """
    card = read_card(path)
    data = card.data
    others = [
        result
        for result in data.eval_results or []
        if (result.dataset_name, result.dataset_split) != (entry.dataset, split)
    ]
    data.model_name = entry.name
    data.eval_results = others + [
        EvalResult(
            task_type="image-to-image",
            dataset_type=entry.dataset.lower().replace(" ", "-"),
            dataset_name=entry.dataset,
            dataset_split=split,
            metric_type=metric,
            metric_name=titles[metric],
            metric_value=round(float(value), 4),
            source_name=command,
            source_url=f"https://huggingface.co/{entry.repo or 'i2i-zoo/' + entry.name}",
        )
        for metric, value in results.items()
    ]
    with atomic_write(path) as partial:
        partial.write_text(str(card), encoding="utf-8")


def results_of(entry: Entry) -> dict[str, float]:
    """The numbers in a checkpoint's card; none if it has no card."""
    path = card_path(entry)
    found = read_card(path).data.eval_results if path.is_file() else None
    return {result.metric_type: result.metric_value for result in found or []}


def percent(share: float) -> str:
    """A share of 1 as all tables show it: "46.9 %" for 0.4695, which in binary is a little less."""
    return f"{100 * share:.1f} %"


def models_table() -> str:
    """The README's table of checkpoints in Markdown, from the registry and the cards."""
    lines = ["| Checkpoint | Translation | Dataset | Licence | Weights | Measured |", "| --- " * 6 + "|"]
    for name in sorted(ENTRIES):
        entry = ENTRIES[name]
        link = f"[`{name}`](model_cards/{name}.md)" if card_path(entry).is_file() else f"`{name}`"
        measured = ", ".join(
            f"{metric} {value:.4g}"
            for metric, value in results_of(entry).items()
            if metric.removeprefix("ab_").removeprefix("ba_") in METHODS[entry.method].headlines
        )
        lines.append(
            f"| {link} | {entry.description} | {entry.dataset} | {entry.license} | {entry.weights} | {measured} |"
        )
    return "\n".join(lines)


def camvid_table() -> str:
    """The README's table of methods on CamVid, arranged as in CycleGAN's paper (Zhu et al. 2017, tables 2 and 3)."""
    columns = ("per-pixel", "per-class", "IoU")
    lines = [
        "| Method | "
        + " | ".join(f"{way}, {c}" for way in ("labels to photo", "photo to labels") for c in columns)
        + " |",
        "| --- " * 7 + "|",
    ]
    methods: dict[str, dict[str, float]] = {}
    for entry in ENTRIES.values():
        if entry.dataset == "CamVid":
            found = {k.removeprefix("ab_").removeprefix("ba_"): v for k, v in results_of(entry).items()}
            methods.setdefault(entry.method, {}).update(found)
    for method, found in methods.items():
        scores = [
            found.get(f"{score}_{part}")
            for score in ("fcn_score", "label_score")
            for part in ("pixel_accuracy", "class_accuracy", "class_iou")
        ]
        cells = [METHODS[method].title, *("" if x is None else percent(x) for x in scores)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


#: The README's tables by their names in the markers.
TABLES = {"models": models_table, "camvid": camvid_table}


def with_tables(readme: str) -> str:
    """The text with each of `TABLES` between its markers.  Raises `ZooError` if markers are missing."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        head, found, rest = readme.partition(begin)
        _, closed, tail = rest.partition(end)
        if not found or not closed:
            raise ZooError(f"The text has no place for a table: add a line {begin} and a line {end} after it.")
        readme = f"{head}{begin}\n{table()}\n{end}{tail}"
    return readme


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(with_tables(file.read_text(encoding="utf-8")), encoding="utf-8")
