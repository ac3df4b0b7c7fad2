"""Which values an argument may have: annotations with ranges, and constructors that check their arguments by them.

The ranges stand in the constructors' signatures and nowhere else.  They hold in Python, on the command line, in recipes
and for the hyper-parameters of a checkpoint.
"""

from __future__ import annotations

import inspect
import math
import os
from abc import ABCMeta
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import wraps
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, ParamSpec, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from i2i_zoo.errors import ZooError


@dataclass(frozen=True)
class Bound:
    """A limit of a number."""

    limit: float

    def holds(self, value: Any) -> bool:
        """Whether a value is within the limit."""
        raise NotImplementedError


class Ge(Bound):
    """Greater than the limit or equal to it."""

    def holds(self, value: Any) -> bool:
        return bool(value >= self.limit)

    def __repr__(self) -> str:
        return f"at least {self.limit}"


class Gt(Bound):
    """Greater than the limit."""

    def holds(self, value: Any) -> bool:
        return bool(value > self.limit)

    def __repr__(self) -> str:
        return f"above {self.limit}"


class Le(Bound):
    """Less than the limit or equal to it."""

    def holds(self, value: Any) -> bool:
        return bool(value <= self.limit)

    def __repr__(self) -> str:
        return f"at most {self.limit}"


class Lt(Bound):
    """Less than the limit."""

    def holds(self, value: Any) -> bool:
        return bool(value < self.limit)

    def __repr__(self) -> str:
        return f"below {self.limit}"


class Odd:
    """An odd number."""

    def holds(self, value: Any) -> bool:
        return bool(value % 2 == 1)

    def __repr__(self) -> str:
        return "an odd number"


@dataclass(frozen=True)
class Length:
    """How many items a sequence has."""

    count: int

    def holds(self, value: Sequence[Any]) -> bool:
        return len(value) == self.count

    def __repr__(self) -> str:
        return f"{self.count} in number"


# The upper limits are far beyond any network of a paper; they end what a downloaded config.json can ask for.

#: Channels of a layer.
Width: TypeAlias = Annotated[int, Ge(1), Le(16384)]
#: The same, where there may be none.
WidthOrNone: TypeAlias = Annotated[int, Ge(0), Le(16384)]
#: Channels of pictures, or numbers of labels.
Channels: TypeAlias = Annotated[int, Ge(1), Le(65536)]
#: How many blocks or layers a network repeats.
Blocks: TypeAlias = Annotated[int, Ge(1), Le(256)]
#: The same, where there may be none.
BlocksOrNone: TypeAlias = Annotated[int, Ge(0), Le(256)]
#: How many times maps are halved.
Halvings: TypeAlias = Annotated[int, Ge(1), Le(10)]
#: The same, where they may stay as they are.
HalvingsOrNone: TypeAlias = Annotated[int, Ge(0), Le(10)]
#: Pixels along one side.
Side: TypeAlias = Annotated[int, Ge(1)]
#: A size of pictures: one side, or [height, width]; None keeps that of the files.
Size: TypeAlias = Side | Annotated[list[Side], Length(2)] | None
#: How many there are, at least one.
Positive: TypeAlias = Annotated[int, Ge(1)]
#: How many there are, perhaps none.
Count: TypeAlias = Annotated[int, Ge(0)]
#: How many steps, or starts, a search has.
Tries: TypeAlias = Annotated[int, Ge(0), Le(100_000)]
#: How many earlier pictures or pairs are kept.
PoolSize: TypeAlias = Annotated[int, Ge(0), Le(1_000_000)]
#: The weight of a loss.
Weight: TypeAlias = Annotated[float, Ge(0)]
#: A part of a whole, which may be none of it but not all.
Share: TypeAlias = Annotated[float, Ge(0), Lt(1)]
#: A number above 0.
AboveZero: TypeAlias = Annotated[float, Gt(0)]
#: The learning rate of an optimiser.
LearningRate: TypeAlias = Annotated[float, Ge(0)]
#: The decay rates of Adam's two moments.
Betas: TypeAlias = Annotated[Sequence[Share], Length(2)]
#: A seed of random numbers.
Seed: TypeAlias = Annotated[int, Ge(0), Lt(2**32)]


class CheckedArguments(ABCMeta):
    """The class of classes whose constructors check their arguments: a value that is not allowed raises `ZooError`."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        known = inspect.signature(cls).parameters
        takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
        for name in kwargs:
            if name not in known and not takes_any:
                close = get_close_matches(name, known, 1)
                choices = f"did you mean {close[0]}?" if close else f"choose from {', '.join(known)}."
                raise ZooError(f"{cls.__name__} has no argument {name!r}: {choices}")
        try:
            bound = inspect.signature(cls.__init__).bind(None, *args, **kwargs)  # type: ignore[misc]  # of any subclass
        except TypeError as error:
            raise ZooError(f"{cls.__name__}: {error}; see help({cls.__name__}).") from error
        check_arguments(cls, bound.arguments)
        return super().__call__(*args, **kwargs)

    @property
    def __signature__(cls) -> inspect.Signature:
        """The constructor's, not that of `__call__` above."""
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]  # of any subclass
        return signature.replace(parameters=list(signature.parameters.values())[1:])


P = ParamSpec("P")
R = TypeVar("R")


def checked_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which raises `ZooError` for an argument whose annotation does not allow its value."""

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        check_arguments(function, inspect.signature(function).bind(*args, **kwargs).arguments)
        return function(*args, **kwargs)

    return checked


def check_arguments(function: Callable[..., Any], values: Mapping[str, Any], where: str = "") -> None:
    """Raise `ZooError` for an argument of a function or constructor whose annotation does not allow its value.

    ``where`` begins the sentence: the name of the file that the values come from, for example.
    """
    annotated = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]  # of any subclass
    hints = get_type_hints(annotated, include_extras=True)
    for name, value in values.items():
        if name in hints and not allows(hints[name], value):
            shown = repr(value)
            shown = shown if len(shown) <= 200 else f"<{type(value).__name__}>"
            raise ZooError(f"{where}{function.__name__} cannot have {name}={shown}: {remedy(hints[name])}.")


def allows(annotation: Any, value: Any) -> bool:
    """Whether an argument with this annotation may have this value.

    A list or a tuple may be passed for any sequence, an integer for a float and a path for a string; True is not an
    integer, and infinity and NaN are not numbers.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *limits = get_args(annotation)
        return allows(base, value) and all(limit.holds(value) for limit in limits)
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in get_args(annotation))
    if origin in (Union, UnionType):
        return any(allows(choice, value) for choice in get_args(annotation))
    if origin is dict:
        key, item = get_args(annotation)
        return isinstance(value, dict) and all(allows(key, k) and allows(item, v) for k, v in value.items())
    if origin in (list, Sequence):
        return isinstance(value, (list, tuple)) and all(allows(get_args(annotation)[0], item) for item in value)
    if annotation is float:
        # torch multiplies by no integer that needs more than 64 bits.
        return abs(value) < 2**63 if type(value) is int else type(value) is float and math.isfinite(value)
    if annotation is str:
        return isinstance(value, (str, os.PathLike))
    return type(value) is annotation if annotation in (int, bool, NoneType) else True


def remedy(annotation: Any) -> str:
    """What to do about a value that is not allowed: "give a whole number of at least 1", or "choose from a, b"."""
    words = describe(annotation)
    return f"choose from {words.removeprefix('one of ')}" if get_origin(annotation) is Literal else f"give {words}"


def describe(annotation: Any) -> str:
    """The allowed values in words for a message: "a whole number of at least 1"."""
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *limits = get_args(annotation)
        if get_origin(base) in (list, Sequence):
            return f"a list of {limits[0].count}, each {describe(get_args(base)[0])}"
        return f"{describe(base)} {_joined(limits)}"
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(annotation)))}"
    if origin in (Union, UnionType):
        return " or ".join(map(describe, get_args(annotation)))
    if origin is dict:
        return "a mapping of names to values"
    if origin in (list, Sequence):
        return f"a list, each item {describe(get_args(annotation)[0])}"
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false", NoneType: "null"}
    return words.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _joined(limits: Sequence[Any]) -> str:
    """Limits of a number in words: "of at least 0 and below 1"."""
    words = " and ".join(map(repr, limits))
    return words if words.startswith(("above", "below")) else f"of {words}"
