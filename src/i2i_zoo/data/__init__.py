"""Datamodules: one per kind of dataset.  Importing this package imports neither torch nor Lightning."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .splits import SplitData


def datamodules() -> dict[str, type[SplitData]]:
    """Name to class, sorted by name, of every datamodule that a module of this package defines.

    Abstract classes, which others build on, are left out.  Defining a class is all it takes to be found: recipes and
    the command line name it without its module.
    """
    from .splits import SplitData

    found = {}
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        for name, member in vars(importlib.import_module(module.name)).items():
            if (
                inspect.isclass(member)
                and member.__module__ == module.name
                and issubclass(member, SplitData)
                and not inspect.isabstract(member)
            ):
                found[name] = member
    return dict(sorted(found.items()))
