"""Whether a type annotation allows a JSON value."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin


def allows(annotation: Any, value: Any) -> bool:
    """Whether an argument with this annotation may have this JSON value.

    A list may be passed for any sequence and an integer for a float; True is not an integer.
    """
    origin = get_origin(annotation)
    if origin is Literal:
        return value in get_args(annotation)
    if origin in (Union, UnionType):
        return any(allows(choice, value) for choice in get_args(annotation))
    if origin is not None:  # a sequence: methods have no other containers
        return isinstance(value, (list, tuple)) and all(allows(get_args(annotation)[0], item) for item in value)
    if annotation is float:
        return type(value) in (int, float)
    return type(value) is annotation if annotation in (int, bool, str, NoneType) else True


def describe(annotation: Any) -> str:
    """The annotation in words for a message: ``int``, or ``Sequence[float]``."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation.__name__
    return str(annotation).rpartition(".")[2]
