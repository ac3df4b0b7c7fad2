"""Model cards: how `i2i-zoo test --card` writes into them, and the tables that are made from them.

``python -m i2i_zoo.cards`` updates these tables in README.md and the files of docs/, and the parts of the cards that
are written from the registry (`i2i_zoo.store.card`), from the top of a checkout.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCard

from .atomic import atomic_write
from .errors import ZooError
from .registry import ENTRIES, METHODS, Entry, Method
from .store.card import card_path, filled, gallery_picture, parts_of, shipped


def read_card(path: Path) -> Any:
    """The `huggingface_hub.ModelCard` in a file.  Raises `ZooError` if there is none, or if it cannot be parsed."""
    if not path.is_file():
        raise ZooError(f"{path}: there is no such card; write it, and its numbers can be filled in.")
    return read_text(path.read_text(encoding="utf-8"), str(path))


def read_text(text: str, source: str) -> Any:
    """The `huggingface_hub.ModelCard` in a text.  Raises `ZooError`, which names the source, if it cannot be parsed."""
    try:
        return ModelCard(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ZooError(f"{source}: the front matter cannot be read ({' '.join(str(error).split())}).") from None


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
    source = {"source_name": command, "source_url": f"https://huggingface.co/{entry.repo or 'i2i-zoo/' + entry.name}"}
    write_numbers(path, entry.dataset, results, titles=titles, split=split, model_name=entry.name, **source)


def write_numbers(
    path: Path,
    dataset: str,
    results: Mapping[str, float],
    *,
    titles: Mapping[str, str],
    split: str,
    model_name: str | None = None,
    **source: Any,
) -> None:
    """Write measured numbers into the ``model-index`` of any card; they replace older ones for the same split.

    Args:
        path: The card; everything else in it stays.
        dataset: What was measured on.
        results: Metric to value.
        titles: Metric to its full name.
        split: The split of the dataset.
        model_name: The model's name, if it should become another one.
        **source: ``source_name`` and ``source_url`` of who measured.
    """
    card = read_card(path)
    data = card.data
    others = [
        result for result in data.eval_results or [] if (result.dataset_name, result.dataset_split) != (dataset, split)
    ]
    data.model_name = model_name or data.model_name or path.resolve().parent.name
    data.eval_results = others + [
        EvalResult(
            task_type=data.pipeline_tag or "image-to-image",
            dataset_type=dataset.lower().replace(" ", "-"),
            dataset_name=dataset,
            dataset_split=split,
            metric_type=metric,
            metric_name=titles.get(metric, metric),
            metric_value=round(float(value), 4),
            **source,
        )
        for metric, value in results.items()
    ]
    with atomic_write(path) as partial:
        partial.write_text(str(card), encoding="utf-8")


def measured_lines(path: Path) -> list[str]:
    """The numbers in a card, a line for each dataset and split, such as "CamVid, test: ssim 0.4695"."""
    found: dict[str, list[str]] = {}
    for result in read_card(path).data.eval_results or []:
        where = ", ".join(filter(None, (result.dataset_name, result.dataset_split)))
        value = result.metric_value
        shown = f"{value:.4g}" if isinstance(value, (int, float)) else str(value)
        found.setdefault(where, []).append(f"{result.metric_type} {shown}")
    return [f"{where}: {', '.join(numbers)}" for where, numbers in found.items()]


def results_of(entry: Entry) -> dict[str, float]:
    """The numbers in a checkpoint's card; none if it has no card."""
    path = card_path(entry)
    found = read_card(path).data.eval_results if path.is_file() else None
    return {result.metric_type: result.metric_value for result in found or []}


def percent(share: float) -> str:
    """A share of 1 as all tables show it: "46.9 %" for 0.4695, which in binary is a little less."""
    return f"{100 * share:.1f} %"


def link(text: str, target: str, page: PurePosixPath) -> str:
    """A link from a page to another file; both are named by their paths from the top of the repository."""
    path, hash_, anchor = target.partition("#")
    return f"[{text}]({Path(os.path.relpath(path, page.parent)).as_posix()}{hash_}{anchor})"


def method_page(method: Method) -> str:
    """The page in docs/ that explains a method: that of the file with its class."""
    return f"docs/methods/{method.implementation.partition(':')[0].rpartition('.')[2]}.md"


def methods_table(page: PurePosixPath) -> str:
    """The methods in Markdown, from the registry; what they do is the description in front of their own pages.

    The working directory is the top of a checkout.
    """
    lines = ["| Method | Task | What it does | Checkpoints |", "| --- " * 4 + "|"]
    for method in METHODS.values():
        front = Path(method_page(method)).read_text(encoding="utf-8").split("---")[1]
        entries = [entry for entry in ENTRIES.values() if entry.method == method.name]
        counts = {kind: sum(entry.weights == kind for entry in entries) for kind in ("bundled", "hub", "official")}
        lines.append(
            f"| {link(method.title, method_page(method), page)} ([paper]({method.paper})) | {method.task} "
            f"| {yaml.safe_load(front)['description']} "
            f"| {', '.join(f'{count} {kind}' for kind, count in counts.items() if count)} |"
        )
    return "\n".join(lines)


def models_table(page: PurePosixPath) -> str:
    """The checkpoints in Markdown, from the registry and the cards."""
    lines = ["| Checkpoint | Translation | Dataset | Licence | Weights | Measured |", "| --- " * 6 + "|"]
    for name in sorted(ENTRIES):
        entry = ENTRIES[name]
        shown = link(f"`{name}`", f"model_cards/{name}.md", page) if card_path(entry).is_file() else f"`{name}`"
        measured = ", ".join(
            f"{metric} {value:.4g}"
            for metric, value in results_of(entry).items()
            if metric.removeprefix("ab_").removeprefix("ba_") in METHODS[entry.method].headlines
        )
        lines.append(
            f"| {shown} | {entry.description} | {entry.dataset} | {entry.license} | {entry.weights} | {measured} |"
        )
    return "\n".join(lines)


def gallery(page: PurePosixPath) -> str:
    """A section for each bundled checkpoint: its example with what it makes of it, its method, data and card."""
    sections = []
    for name, entry in sorted(ENTRIES.items()):
        if entry.bundled:
            method = METHODS[entry.method]
            facts = (
                f"{entry.description[0].upper()}{entry.description[1:]}, by "
                f"{link(method.title, method_page(method), page)}, trained on: {entry.dataset}. "
                f"Licence: {entry.license}. {link('Card', f'model_cards/{name}.md', page)}."
            )
            sections.append(f"### {name}\n\n{facts}\n\n!{link(*gallery_picture(entry), page)}\n")
    return "\n" + "\n".join(sections)


def camvid_table(page: PurePosixPath) -> str:
    """The table of methods on CamVid, arranged as in CycleGAN's paper (Zhu et al. 2017, tables 2 and 3)."""
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


#: The tables by their names in the markers, and the files that have them.
TABLES: dict[str, Callable[[PurePosixPath], str]] = {
    "methods": methods_table,
    "models": models_table,
    "gallery": gallery,
    "camvid": camvid_table,
}
FILES = ("README.md", "docs/gallery.md", "docs/measured.md", "docs/methods/index.md")


def with_tables(text: str, page: PurePosixPath) -> str:
    """A page's text with those of `TABLES` for which it has places.  Raises `ZooError` if it has none to fill."""
    wanted = {name: table for name, table in TABLES.items() if f"<!-- {name} -->" in text}
    if not wanted:
        raise ZooError(
            f"{page} has no place for a table: add a line <!-- NAME --> and a line <!-- /NAME --> after it, "
            f"where NAME is one of {', '.join(TABLES)}."
        )
    try:
        return filled(text, {name: table(page) for name, table in wanted.items()})
    except ZooError as error:
        raise ZooError(f"{page}: {error}") from None


def with_parts(text: str, entry: Entry) -> str:
    """A card with the parts that are written from the registry, and what the registry knows of its front matter."""
    card = read_text(text, entry.name)
    card.data.license, card.data.license_link = entry.license, entry.license_link
    return filled(str(card), parts_of(entry, entry.name))


if __name__ == "__main__":
    for name in sys.argv[1:] or FILES:
        file = Path(name)
        file.write_text(with_tables(file.read_text(encoding="utf-8"), PurePosixPath(name)), encoding="utf-8")
    for card in sorted(shipped("model_cards").glob("*.md")):
        card.write_text(with_parts(card.read_text(encoding="utf-8"), ENTRIES[card.stem]), encoding="utf-8")
