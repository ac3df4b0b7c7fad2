"""Checks of a ``preprocess`` record (see `i2i_zoo.tasks`)."""

from __future__ import annotations

from typing import Any

from i2i_zoo.errors import ZooError
from i2i_zoo.media.labels import PALETTES


def check_preprocess(preprocess: dict[str, Any], where: str) -> None:
    """Raise `ZooError` if the record of ``where`` has a value that its key cannot have."""
    size = preprocess.get("size")
    if size is not None and (isinstance(size, int) or not is_size(size)):
        raise ZooError(f"{where}: preprocess says size {size!r}; it is [height, width] in pixels.")
    for key in ("source_palette", "target_palette"):
        if preprocess.get(key) is not None and preprocess[key] not in list(PALETTES):
            raise ZooError(f"{where}: preprocess says {key} {preprocess[key]!r}; choose from {', '.join(PALETTES)}.")
    if preprocess.get("made_from") not in (None, "lab", "edges", "hole"):
        raise ZooError(f"{where}: preprocess says made_from {preprocess['made_from']!r}; choose lab, edges or hole.")
    if type(preprocess.get("dont_care", 0)) is not int:
        raise ZooError(f"{where}: preprocess says dont_care {preprocess['dont_care']!r}; it is an id of label maps.")


def is_size(value: Any) -> bool:
    """Whether it is a number of pixels, or a height and a width."""
    lengths = value if isinstance(value, (list, tuple)) and len(value) == 2 else [value]
    return all(type(length) is int and length > 0 for length in lengths)
