"""Tables: the files that configure comparisons, and the rows that names on the command line make."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from i2i_zoo.compare.rows import Comparison, Metrics, Row
from i2i_zoo.data import datamodules
from i2i_zoo.errors import ZooError
from i2i_zoo.registry import ENTRIES, refuse_weights, suggest
from i2i_zoo.store.card import shipped

from .names import find, is_folder_or_hub
from .recipes import check_recipe, recipe

#: The keys of a table and of its rows, and what each holds.
TABLE_KEYS = {
    "title": str,
    "source": str,
    "data": str,
    "metrics": (list, dict),
    "seeds": list,
    "overrides": dict,
    "rows": list,
}
ROW_KEYS = {
    "name": str,
    "recipe": str,
    "checkpoint": str,
    "seeds": list,
    "overrides": dict,
    "paper": dict,
}


def table(name: str) -> Path | None:
    """The file of a table: one that exists, or the packaged table of this name; None if it is no table."""
    short = name.removeprefix("tables/").removesuffix(".yaml")
    for path in (Path(name), shipped("tables") / f"{short}.yaml"):
        if path.is_file() and path.suffix in (".yaml", ".yml"):
            content = read_yaml(path)
            return path if isinstance(content, dict) and "rows" in content else None
    return None


def read_yaml(path: Path) -> Any:
    """The content of a file.  Raises `ZooError` if it cannot be read as YAML."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ZooError(f"{path} cannot be read as YAML ({' '.join(str(error).split())}); correct the file.") from error


def read_table(path: Path, data: str | None, overrides: Mapping[str, Any], **options: Any) -> Comparison:
    """The comparison in a file.

    Args:
        path: The file.
        data: A folder of data that replaces that of the table, or a datamodule for `on_the_same`.
        overrides: Options of recipes that replace those of all rows.
        **options: ``seeds`` and ``metrics``, which replace those of the table if they are not None; ``limit``,
            ``pictures`` and ``most_changed``.

    Raises:
        ZooError: Naming the file for what is wrong in it.
    """
    content = read_yaml(path)
    check_keys(content, TABLE_KEYS, str(path))
    metrics = options.pop("metrics") or content.get("metrics")
    seeds = options.pop("seeds") or content.get("seeds")
    rows = []
    for number, section in enumerate(content["rows"], 1):
        where = f"{path}, row {section.get('name', number) if isinstance(section, dict) else number}"
        check_keys(section, ROW_KEYS, where)
        if ("recipe" in section) == ("checkpoint" in section):
            raise ZooError(f"{where}: name either a recipe to train or a checkpoint.")
        if "checkpoint" in section and (useless := {"seeds", "overrides"} & set(section)):
            raise ZooError(f"{where}: {min(useless)} change a training, and a checkpoint is finished; leave them out.")
        changes = {**content.get("overrides", {}), **section.get("overrides", {}), **overrides}
        try:
            row = (
                trained(section["recipe"], changes, data or content.get("data"), section.get("seeds") or seeds)
                if "recipe" in section
                else finished(section["checkpoint"], data or content.get("data"), None)
            )
        except ZooError as error:
            raise ZooError(f"{where}: {error}") from error
        rows.append(
            Row(
                section.get("name", row.name),
                row.recipe,
                row.checkpoint,
                row.seeds,
                row.unfinished,
                section.get("paper", {}),
                chosen(metrics),
            )
        )
    rows = on_the_same(rows, data or content.get("data"))
    return Comparison(content.get("title", path.stem), tuple(rows), content.get("source", ""), **options)


def check_keys(section: Any, keys: Mapping[str, Any], where: str) -> None:
    """Raise `ZooError` if a section of a table is no mapping, or has an unknown key or a value of a wrong kind."""
    if not isinstance(section, dict):
        raise ZooError(f"{where}: this is a mapping with the keys {', '.join(keys)}.")
    for key, value in section.items():
        if key not in keys:
            raise ZooError(f"{where}: there is no key {key!r}; choose from {', '.join(keys)}.")
        if not isinstance(value, keys[key]) or not value:
            kinds = {str: "text", list: "a list", dict: "a mapping", (list, dict): "a list or a mapping"}
            raise ZooError(f"{where}: {key} cannot be {value!r}; give {kinds[keys[key]]}.")


def named(names: Sequence[str], data: str | None, overrides: Mapping[str, Any], **options: Any) -> Comparison:
    """The comparison of checkpoints, runs and recipes by their names.

    Args:
        names: As for `finished` and `trained`.
        data: A folder of data that replaces those of the recipes, or a datamodule for `on_the_same`.
        overrides: Options of recipes that replace those of all rows that are trained.
        **options: ``seeds`` and ``metrics``, None for those of the recipes; ``limit``, ``pictures`` and
            ``most_changed``; ``fallback``, the recipe whose data measure checkpoints that say none.

    Raises:
        ZooError: For a name that is nothing of the kind.
    """
    metrics, seeds = chosen(options.pop("metrics")), options.pop("seeds")
    fallback = options.pop("fallback")
    rows = []
    for name in names:
        if name in ENTRIES or is_folder_or_hub(name):
            row = finished(name, data, fallback)
        else:
            row = trained(name, overrides, data, seeds)
        rows.append(Row(row.name, row.recipe, row.checkpoint, row.seeds, row.unfinished, {}, metrics))
    rows = on_the_same(rows, data)
    return Comparison(" and ".join(names) if len(names) < 4 else "Comparison", tuple(rows), **options)


def chosen(metrics: Any) -> Metrics:
    """Metrics with their options, from a list or a mapping."""
    return dict.fromkeys(metrics) if isinstance(metrics, list) else metrics


def trained(name: str, overrides: Mapping[str, Any], data: str | None, seeds: Sequence[Any] | None) -> Row:
    """A row for a recipe, a file or one of the package.  Raises `ZooError` if it is none."""
    refuse_weights(name)
    try:
        path = recipe(name)
    except ZooError:
        raise ZooError(
            f"{name} is no table, checkpoint, folder or recipe; the closest checkpoints are {suggest(name)}."
        ) from None
    check_recipe(path)
    content = read_yaml(path)
    if not all(isinstance(content.get(key), dict) and "class_path" in content[key] for key in ("model", "data")):
        raise ZooError(f"{path} is not a recipe: its sections model and data each need a class_path; see recipes/.")
    content = with_overrides(content, overrides, name)
    seeds = [content.get("seed_everything", 0)] if seeds is None else seeds
    seeds = [0 if seed is True else seed for seed in seeds]
    if wrong := [seed for seed in seeds if type(seed) is not int or not 0 <= seed < 2**32]:
        raise ZooError(f"{wrong[0]!r} is not a seed: give whole numbers from 0 to {2**32 - 1}.")
    if len(set(seeds)) < len(seeds):
        raise ZooError(f"the seeds {', '.join(map(str, seeds))} are not all different: leave out the repeated one.")
    return Row(name, with_data(content, data), seeds=tuple(seeds))


def finished(name: str, data: str | None, fallback: str | None) -> Row:
    """A row for a checkpoint: a name of the list, ``hf:org/repo``, or a folder of `save` or of a run.

    Raises `ZooError` if there is no such checkpoint, or if nothing says what data it is measured on.
    """
    named = find(name)
    if named.recipe is None and fallback is not None:
        content = read_yaml(recipe(fallback))
    elif named.recipe is None and data is None:
        raise ZooError(
            f"{name} does not say what data to measure it on: name a recipe for them with --recipe, or their folder "
            "with --data."
        )
    else:
        content = named.content()
    if "data" not in content and data not in datamodules():
        raise ZooError(f"{name} does not say what data to measure it on: name a recipe for them with --recipe.")
    if named.unfinished is not None:
        run = named.unfinished.parents[1]
        return Row(name, with_data(content, data), str(run / "model"), unfinished=named.unfinished)
    return Row(name, with_data(content, data), name)


def with_overrides(content: dict[str, Any], overrides: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A recipe with options replaced, which are named as on the command line of `fit`: ``model.width``.

    Raises `ZooError` for a name that is none.
    """
    content = copy.deepcopy(content)
    for name, value in overrides.items():
        section, *path = str(name).split(".")
        if section not in ("model", "data", "trainer") or not path:
            raise ZooError(f"{where} has no option {name!r}: use names such as model.width or trainer.max_epochs.")
        if section != "trainer" and path[0] not in ("class_path", "init_args"):
            path = ["init_args", *path]
        place = content.setdefault(section, {})
        for key in path[:-1]:
            place[key] = dict(place.get(key) or {})
            place = place[key]
        place[path[-1]] = value
    return content


def with_data(content: dict[str, Any], root: str | None) -> dict[str, Any]:
    """A recipe that reads its data from another folder; None, or the name of a datamodule, leaves it as it is."""
    if root is None or root in datamodules():
        return content
    section = content["data"]
    kind = datamodules().get(section["class_path"].rpartition(".")[2])
    if kind is None or not kind.folder_option:
        return content  # rendered, without files
    options = {**(section.get("init_args") or {}), kind.folder_option: str(Path(root).resolve())}
    return {**content, "data": {**section, "init_args": options}}


def on_the_same(rows: Sequence[Row], data: str | None) -> list[Row]:
    """The rows, all on one datamodule if ``data`` is the name of one.

    Its options are those of the first row whose recipe has it; of a datamodule that no recipe has, the defaults.
    """
    if data not in datamodules():
        return list(rows)
    sections = [row.recipe.get("data") or {} for row in rows]
    found = [section for section in sections if section.get("class_path", "").rpartition(".")[2] == data]
    section = found[0] if found else {"class_path": data}
    return [replace(row, recipe={**row.recipe, "data": section}) for row in rows]
