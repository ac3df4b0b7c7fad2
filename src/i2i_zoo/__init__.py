"""A PyTorch Lightning model zoo for image-to-image translation.

Importing it does not import torch: each name is loaded from its module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .convert import convert
    from .hub import load, push, save
    from .registry import info, list_models

__version__ = "0.1.0"
__all__ = ["__version__", "convert", "info", "list_models", "load", "push", "save"]

_HOMES = {
    "load": "hub",
    "save": "hub",
    "push": "hub",
    "convert": "convert",
    "list_models": "registry",
    "info": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
