"""What the zoo holds: one `Method` for each method and one `Entry` for each checkpoint.

Data only; standard library only.  Each file in ``entries/`` declares a method as ``METHOD`` and its checkpoints as
``ENTRIES``.  The files are found by themselves: to add a method, add its file.
"""

from __future__ import annotations

import difflib
import os
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

from i2i_zoo.errors import ZooError, choices

from . import entries
from .entry import METHODS, Entry, Method

if TYPE_CHECKING:
    from i2i_zoo.methods.base import Method as MethodClass

__all__ = [
    "ENTRIES", "METHODS", "Entry", "Method", "check_exists", "info", "list_models", "method_class", "method_name",
    "refuse_weights", "suggest",
]  # fmt: skip


def collect(package: ModuleType) -> tuple[dict[str, Method], dict[str, Entry]]:
    """Methods and checkpoints by name, from the files of a package in alphabetical order.

    Raises `ZooError` if two checkpoints have the same name.
    """
    methods: dict[str, Method] = {}
    found: dict[str, Entry] = {}
    for name in sorted(file.name for file in iter_modules(package.__path__)):
        file = import_module(f"{package.__name__}.{name}")
        methods[file.METHOD.name] = file.METHOD
        for entry in file.ENTRIES:
            if entry.name in found:
                raise ZooError(f"{file.__file__}: a checkpoint called {entry.name!r} already exists; rename this one.")
            found[entry.name] = entry
    return methods, found


#: How files of weights end, and what tells that a folder is that of a model or of a run.
WEIGHTS, CONFIGS = (".ckpt", ".pth", ".pt", ".safetensors"), ("config.json", "config.yaml")

#: Checkpoints by name, method by method.
ENTRIES: dict[str, Entry]

_methods, ENTRIES = collect(entries)
METHODS.update(_methods)


def suggest(name: str) -> str:
    """The three entries closest to ``name``, for an error message."""
    return ", ".join(difflib.get_close_matches(name, ENTRIES, n=3, cutoff=0.0))


def info(name: str) -> Entry:
    """The entry called ``name``.  Raises `ZooError`, naming the three closest entries, if there is none."""
    if not isinstance(name, str):
        raise ZooError(f"{name!r} is not the name of a checkpoint: give one as text.")
    if name not in ENTRIES:
        refuse_weights(name)
        raise ZooError(f"No checkpoint is called {name!r}; the closest are {suggest(name)}.")
    return ENTRIES[name]


def refuse_weights(name: str) -> None:
    """Raise `ZooError`, with what to give instead, for a file of weights or the folder of a run's checkpoints."""
    found = [Path(name)] if os.path.isfile(name) else sorted(Path(name).glob("*.ckpt")) if os.path.isdir(name) else []
    if not found or found[-1].suffix not in WEIGHTS:
        return
    places = (folder for folder in found[-1].parents[:2] if any((folder / config).is_file() for config in CONFIGS))
    place = next((f", {folder}" for folder in places), "")
    raise ZooError(
        f"{name}: these are weights and no checkpoint of the zoo: name the folder of the model or of the run{place}, "
        f"or make a model of them with i2i-zoo convert METHOD {found[-1]} -o FOLDER."
    )


def check_exists(name: str) -> None:
    """Raise `ZooError` with the closest names if a name is neither of the registry, nor a folder, nor on the Hub."""
    if not name.startswith("hf:") and not Path(name).is_dir():
        info(name)


def list_models(
    pattern: str = "*",
    *,
    method: str | None = None,
    task: str | None = None,
    license: str | None = None,
    bundled: bool | None = None,
    **unknown: object,
) -> list[str]:
    """Names of the checkpoints, sorted, that match a shell ``pattern`` and all other arguments that are not None.

    Raises `ZooError` for an argument of another name or type.
    """
    wanted = {"method": method, "task": task, "license": license, "bundled": bundled}
    for name in unknown:
        raise ZooError(f"list_models has no argument {name!r}: {choices(name, wanted)}.")
    for key, text in {"pattern": pattern, "method": method, "task": task, "license": license}.items():
        if not isinstance(text, str) and (text is not None or key == "pattern"):
            raise ZooError(f"list_models cannot have {key}={text!r}: give text.")
    if bundled is not None and not isinstance(bundled, bool):
        raise ZooError(f"list_models cannot have bundled={bundled!r}: give True or False.")
    return sorted(
        name
        for name, entry in ENTRIES.items()
        if fnmatchcase(name, pattern)
        and all(getattr(entry, key) == value for key, value in wanted.items() if value is not None)
    )


def method_class(name: str) -> type[MethodClass]:
    """The class of the method called ``name``.  Raises `ZooError` if there is none.

    This is the only way from a name to a class.  A dotted path found in a file is never imported.
    """
    if name not in METHODS:
        raise ZooError(f"No method is called {name!r}: {choices(name, sorted(METHODS))}.")
    module, _, attribute = METHODS[name].implementation.partition(":")
    cls: type[MethodClass] = getattr(import_module(module), attribute)
    return cls


def method_name(cls: type) -> str:
    """The name of a method's class.  Raises `ZooError` if the class is not in `METHODS`."""
    home = f"{cls.__module__}:{cls.__qualname__}"
    for name, method in METHODS.items():
        if method.implementation == home:
            return name
    raise ZooError(f"{cls.__name__} has no name to save it under: declare it in a file of i2i_zoo/registry/entries.")
