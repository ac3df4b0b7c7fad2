"""How pictures became the tensors that a model was trained on: a record that its checkpoint keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from i2i_zoo.errors import ZooError
from i2i_zoo.media.palettes import PALETTES

from .kinds import is_size

if TYPE_CHECKING:
    from typing_extensions import Self


def entry(valid: Callable[[Any], bool], wanted: str) -> Any:
    """An optional key of a record.

    Args:
        valid: Whether the key may have a JSON value.
        wanted: The valid values in words, for messages.
    """
    return field(default=None, metadata={"valid": valid, "wanted": wanted})


def size_entry() -> Any:
    return entry(lambda value: not isinstance(value, int) and is_size(value), "it is [height, width] in pixels")


def number_entry() -> Any:
    return entry(is_number, "it is a number")


def numbers_entry() -> Any:
    return entry(lambda value: isinstance(value, list) and all(map(is_number, value)), "it is a list of numbers")


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def palette_entry() -> Any:
    return entry(lambda value: isinstance(value, str) and value in PALETTES, f"choose from {', '.join(PALETTES)}")


@dataclass(frozen=True)
class Preprocess:
    """What every task can record.

    Args:
        size: Height and width that the model was trained and tested at; None if pictures differed in size.
    """

    size: tuple[int, int] | None = size_entry()

    @property
    def source_palette(self) -> str | None:
        """The name in `PALETTES` of the sources' colours if they are label maps, else None."""
        return None

    @property
    def target_palette(self) -> str | None:
        """The same for targets."""
        return None

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str) -> Self:
        """Read a record from a JSON object.

        Raises `ZooError` naming ``where`` for an unknown key and for an invalid value.
        """
        keys = {key.name: key for key in fields(cls)}
        read = {}
        for name, value in values.items():
            if name not in keys:
                known = ", ".join(keys)
                raise ZooError(f"{where}: preprocess has {name!r}, which this task does not know; it knows {known}.")
            if value is None:
                continue
            if not keys[name].metadata["valid"](value):
                raise ZooError(f"{where}: preprocess says {name} {value!r}; {keys[name].metadata['wanted']}.")
            read[name] = tuple(value) if isinstance(value, list) else value
        return cls(**read)

    def to_json(self) -> dict[str, Any]:
        """The keys that are not None, as JSON values for `from_json`."""
        values = {key.name: getattr(self, key.name) for key in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }


@dataclass(frozen=True)
class SemanticPreprocess(Preprocess):
    """The record for label maps to photographs.

    Args:
        source_palette: The colours of the labels.
        dont_care: The id in files that means the last label.
    """

    source_palette: str | None = palette_entry()
    dont_care: int | None = entry(lambda value: type(value) is int, "it is an id of label maps")


@dataclass(frozen=True)
class PicturePreprocess(Preprocess):
    """The record for pictures to pictures; sources and targets may be label maps.

    Args:
        source_palette: The colours of the sources, if they are label maps.
        target_palette: The colours of the targets, if they are label maps.
    """

    source_palette: str | None = palette_entry()
    target_palette: str | None = palette_entry()


@dataclass(frozen=True)
class PairedPreprocess(PicturePreprocess):
    """The record for pairs.

    Args:
        made_from: How sources were made from photographs: ``lab`` (their lightness), ``edges``, ``hed`` or ``hole``.
    """

    made_from: Literal["lab", "edges", "hed", "hole"] | None = entry(
        lambda value: value in ("lab", "edges", "hed", "hole"), "choose lab, edges, hed or hole"
    )


@dataclass(frozen=True)
class UnpairedPreprocess(PicturePreprocess):
    """The record for two domains: A is the source and B is the target."""

    def reversed(self) -> Self:
        """The record of the direction from B to A."""
        return replace(self, source_palette=self.target_palette, target_palette=self.source_palette)


@dataclass(frozen=True)
class DancerPreprocess(Preprocess):
    """The record for poses to clips of one person: where the person stands (`i2i_zoo.media.pose_normalisation`).

    Args:
        far: The row of the ankles where the person is far from the camera.
        close: The row where they are close to it.
        rows: The rows in which the ankles were.
        heights: How tall the person is in each of these rows.
    """

    far: float | None = number_entry()
    close: float | None = number_entry()
    rows: tuple[int, ...] | None = numbers_entry()
    heights: tuple[float, ...] | None = numbers_entry()


@dataclass(frozen=True)
class FacePreprocess(Preprocess):
    """The record for landmarks to clips of faces.

    Args:
        background: Whether the edges around the face are drawn too, so that pictures are needed beside the landmarks.
    """

    background: bool | None = entry(lambda value: isinstance(value, bool), "it is true or false")
