"""Recipes: the files that configure runs."""

from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import yaml

from i2i_zoo import callbacks
from i2i_zoo.data import datamodules
from i2i_zoo.errors import ZooError, closest
from i2i_zoo.registry import METHODS, method_class
from i2i_zoo.store.card import shipped


def import_recipe_classes() -> None:
    """Import the classes that recipes may name: the parser finds imported classes without their modules."""
    for name in METHODS:
        method_class(name)
    datamodules()
    for module in iter_modules(callbacks.__path__):
        import_module(f"{callbacks.__name__}.{module.name}")


def build_classes(parser: Any, config: Any) -> Any:
    """The objects of the classes in a configuration that a parser of jsonargparse has read."""
    with warnings.catch_warnings():
        # jsonargparse renames it to instantiate, which the versions before 4.49 do not know.
        warnings.filterwarnings("ignore", r"\s*(By default only one Jsonargparse|``instantiate_classes`` was)")
        return parser.instantiate_classes(config)


def find_recipes(args: list[str]) -> list[Path]:
    """The configuration files among the arguments.  In the arguments, paths replace the names of packaged recipes."""
    found = []
    for i, arg in enumerate(args):
        option, equals, value = arg.partition("=")
        if option in ("-c", "--config") and (equals or i + 1 < len(args)):
            path = recipe(value if equals else args[i + 1])
            check_recipe(path)
            args[i : i + 1 if equals else i + 2] = [f"--config={path}"] if equals else [option, str(path)]
            found.append(path)
    return found


def recipe(name: str) -> Path:
    """A file, or the packaged recipe of this name: ``recipes/pix2pix/camvid.yaml``, or ``pix2pix/camvid`` for short."""
    short = name.removeprefix("recipes/").removesuffix(".yaml")
    for path in (Path(name), shipped("recipes") / f"{short}.yaml"):
        if path.is_file():
            return path
    folder = shipped("recipes")
    close = closest(short, (str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml")))
    hint = f"the closest is {close}." if close else "check the path."
    raise ZooError(f"{name}: there is no such file, and no recipe of that name in {folder}; {hint}")


def is_recipe(name: str) -> bool:
    """Whether `recipe` finds one."""
    try:
        return bool(recipe(name))
    except ZooError:
        return False


def check_recipe(path: Path) -> None:
    """Raise `ZooError` naming the file if it is not YAML with sections; the parser checks their contents."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ZooError(f"{path}{line}: this cannot be read as YAML ({error.problem}); correct the file.") from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ZooError(f"{path} cannot be read as YAML ({' '.join(str(error).split())}); correct the file.") from error
    if not isinstance(config, dict) or not isinstance(config.get("trainer", {}), dict):
        raise ZooError(f"{path} is not a recipe: it needs the sections model, data and trainer; see recipes/.")


def run_name(config: Path) -> str:
    """The name of a run: ``pix2pix-ablation-l1`` for ``recipes/pix2pix/ablation/l1.yaml``, else that of the file.

    The configuration that a run has saved, ``<name>/version_<N>/config.yaml``, has the name of that run.
    """
    if config.name == "config.yaml" and config.resolve().parent.name.startswith("version_"):
        return config.resolve().parents[1].name
    parts = config.with_suffix("").parts
    return "-".join(parts[parts.index("recipes") + 1 :] if "recipes" in parts else parts[-1:])
