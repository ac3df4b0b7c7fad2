"""What a person may choose beside the source: a style, a direction, a seed.

A task or a method declares each `Condition` once.  The arguments of ``translate`` and ``sample``, the flags of the
command line, the inputs on the demo page and the checks with their messages all come from that declaration.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image
from torch import Tensor

from i2i_zoo.errors import ZooError

#: What can be given where a picture is expected: a path, a PIL image, an array or a tensor.
Picture = str | Path | Image.Image | np.ndarray | Tensor


class Kind(ABC):
    """The kind of value that a condition has."""

    #: What stands for a value in a help text.
    metavar: ClassVar[str] = "VALUE"
    #: How many words of a command line make one value: None for one or more.
    words: ClassVar[int | None] = 1
    #: Whether a flag may be given several times, for a list of values.
    several: bool = False

    @abstractmethod
    def parse(self, words: Sequence[str]) -> Any:
        """The value that some words of a command line stand for.  Raises `ValueError` if they stand for none."""

    @abstractmethod
    def is_valid(self, value: Any) -> bool:
        """Whether it is a value of this kind."""

    @property
    @abstractmethod
    def wanted(self) -> str:
        """What to give, for a message: "a whole number of at least 1"."""


@dataclass(frozen=True)
class Choice(Kind):
    """One of some words."""

    options: tuple[str, ...]

    def parse(self, words: Sequence[str]) -> str:
        return words[0]

    def is_valid(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.options

    @property
    def wanted(self) -> str:
        return " or ".join(repr(option) for option in self.options)


@dataclass(frozen=True)
class Number(Kind):
    """A number, by default any finite one."""

    low: float = -math.inf
    high: float = math.inf
    metavar: ClassVar[str] = "X"

    def parse(self, words: Sequence[str]) -> float:
        return float(words[0])

    def is_valid(self, value: Any) -> bool:
        return type(value) in (int, float) and math.isfinite(value) and self.low <= value <= self.high

    @property
    def wanted(self) -> str:
        if math.isinf(self.low) and math.isinf(self.high):
            return "a number"
        return f"a number from {self.low:g} to {self.high:g}" if math.isfinite(self.high) else f"at least {self.low:g}"


@dataclass(frozen=True)
class Numbers(Kind):
    """One or more numbers."""

    each: Number = Number()
    metavar: ClassVar[str] = "X"
    words: ClassVar[int | None] = None

    def parse(self, words: Sequence[str]) -> list[float]:
        return [self.each.parse([word]) for word in words]

    def is_valid(self, value: Any) -> bool:
        return isinstance(value, (list, tuple)) and len(value) > 0 and all(map(self.each.is_valid, value))

    @property
    def wanted(self) -> str:
        return f"a list, each {self.each.wanted}"


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number.

    Args:
        low: The smallest.
        high: The largest; None for no limit.
    """

    low: int = 1
    high: int | None = None
    metavar: ClassVar[str] = "N"

    def parse(self, words: Sequence[str]) -> int:
        if not words[0].isdecimal():
            raise ValueError(words[0])
        return int(words[0])

    def is_valid(self, value: Any) -> bool:
        return type(value) is int and self.low <= value and (self.high is None or value <= self.high)

    @property
    def wanted(self) -> str:
        if self.high is not None:
            return f"a whole number from {self.low} to {self.high}"
        return "a positive whole number" if self.low == 1 else f"a whole number of at least {self.low}"


@dataclass(frozen=True)
class Seed(Whole):
    """Where random numbers start."""

    low: int = 0
    high: int | None = 10**18 - 1  # the generators take 64 bits

    @property
    def wanted(self) -> str:
        return "a whole number of at most 18 digits"


@dataclass(frozen=True)
class Switch(Kind):
    """Yes or no."""

    words: ClassVar[int | None] = 0

    def parse(self, words: Sequence[str]) -> bool:
        return True

    def is_valid(self, value: Any) -> bool:
        return isinstance(value, bool)

    @property
    def wanted(self) -> str:
        return "True or False"


@dataclass(frozen=True)
class Size(Kind):
    """A number of pixels for both sides, or height and width."""

    metavar: ClassVar[str] = "N"
    words: ClassVar[int | None] = None

    def parse(self, words: Sequence[str]) -> int | tuple[int, ...]:
        lengths = tuple(Whole().parse([word]) for word in words)
        return lengths[0] if len(lengths) == 1 else lengths

    def is_valid(self, value: Any) -> bool:
        return is_size(value)

    @property
    def wanted(self) -> str:
        return "a positive whole number, or two of them, height and width"


@dataclass(frozen=True)
class PictureFile(Kind):
    """A picture: a file's path, a PIL image, an array or a tensor.

    Args:
        several: Whether a list of pictures is possible too.
        also: Further types that the Python argument may have.
    """

    several: bool = False
    also: tuple[type, ...] = ()
    metavar: ClassVar[str] = "FILE"

    def parse(self, words: Sequence[str]) -> str:
        return words[0]

    def is_valid(self, value: Any) -> bool:
        values = value if self.several and isinstance(value, (list, tuple)) else [value]
        types = (str, Path, Image.Image, np.ndarray, Tensor, *self.also)
        return len(values) > 0 and all(isinstance(one, types) for one in values)

    @property
    def wanted(self) -> str:
        return "a picture, or a list of pictures" if self.several else "a picture"


@dataclass(frozen=True)
class Condition:
    """One thing that a person may choose.

    Args:
        name: The argument's name.
        kind: The values that it can have.
        help: What it does, in one line without a full stop.
        label: A few words for the demo page; empty where it is no input there.
        default: What counts where nothing is chosen, to be shown.
        required: Whether something must be chosen.
        per_source: Whether each source has one of its own, as an instance map belongs to one label map.
        excludes: The condition that cannot be chosen together with this one.
        flag: The command line's name for it, where it differs from the argument's.
        none: Whether None is a choice too, and does not mean that nothing was chosen.
    """

    name: str
    kind: Kind
    help: str
    label: str = ""
    default: Any = None
    required: bool = False
    per_source: bool = False
    excludes: str = ""
    flag: str = ""
    none: bool = False

    @property
    def option(self) -> str:
        """The flag on the command line."""
        return f"--{self.flag or self.name.replace('_', '-')}"

    def check(self, value: Any) -> None:
        """Raise `ZooError` if it is no value of this condition."""
        values = value if self.per_source and isinstance(value, (list, tuple)) else [value]
        for one in values:
            if not self.kind.is_valid(one) and not (one is None and self.none):
                raise ZooError(f"{self.name}={shown(one)}: give {self.kind.wanted}.")

    def parse(self, words: Sequence[str]) -> Any:
        """The value that some words of a command line stand for.  Raises `ZooError` if they stand for none."""
        try:
            value = self.kind.parse(words)
        except ValueError:
            raise ZooError(f"{self.option} {' '.join(words)}: give {self.kind.wanted}.") from None
        self.check(value)
        return value


def shown(value: Any) -> str:
    """A value as a message shows it: in full if it is short, else its type."""
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else f"<{type(value).__name__}>"


def refusal(owner: str, name: str, conditions: Sequence[Condition]) -> str:
    """The sentence for a condition that a model does not have."""
    names = ", ".join(condition.name for condition in conditions)
    return f"This {owner} takes no {name}: leave it out" + (f"; it takes {names}." if names else ".")


def check_conditions(owner: str, conditions: Sequence[Condition], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are chosen, checked.

    Args:
        owner: What the model is called in messages.
        conditions: Those that it has.
        values: Names of conditions to what was given for them; None where nothing was.

    Raises:
        ZooError: For an unknown condition, a value that is none of its kind, one that is required and missing, and two
            that exclude each other.
    """
    known = {condition.name: condition for condition in conditions}
    chosen = {
        name: value for name, value in values.items() if value is not None or (name in known and known[name].none)
    }
    for name, value in chosen.items():
        if name not in known:
            raise ZooError(refusal(owner, name, conditions))
        known[name].check(value)
    for condition in conditions:
        if condition.required and condition.name not in chosen:
            raise ZooError(f"This {owner} needs {condition.name}, {condition.help}: give {condition.kind.wanted}.")
        if condition.name in chosen and condition.excludes in chosen:
            raise ZooError(f"Both {condition.name} and {condition.excludes} were given: give one of them.")
    return chosen


def is_size(value: Any) -> bool:
    """Whether it is a number of pixels, or a height and a width."""
    lengths = value if isinstance(value, (list, tuple)) and len(value) == 2 else [value]
    return all(type(length) is int and length > 0 for length in lengths)


SIZE = Condition("size", Size(), "work at N or H W pixels; by default at each picture's own")
TILE = Condition("tile", Whole(), "work in overlapping tiles of N pixels, for pictures too large to do at once")
