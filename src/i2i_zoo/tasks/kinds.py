"""The kinds of values that conditions have: how each is parsed from the command line, checked and described."""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.media.files import PICTURE_SUFFIXES

#: The forms in which a picture may be passed: a path, a PIL image, an array or a tensor.
Picture = str | Path | Image.Image | np.ndarray | Tensor

#: The types of numbers that a tensor of a picture or of labels may hold.
TENSOR_TYPES = (
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.bool, torch.complex64, torch.complex128),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64),
)


class Kind(ABC):
    """A kind of values."""

    #: How many words of the command line make one value; None for one or more.
    words: ClassVar[int | None] = 1
    #: Whether the flag may be repeated, for a list of values.
    several: bool = False
    #: How the names of its files end, for values that are files.
    endings: ClassVar[tuple[str, ...]] = PICTURE_SUFFIXES

    @property
    def metavar(self) -> str:
        """The placeholder for a value in help texts."""
        return "VALUE"

    @abstractmethod
    def parse(self, words: Sequence[str]) -> Any:
        """The value that words of the command line stand for.  Raises `ValueError` if they cannot be parsed."""

    @abstractmethod
    def is_valid(self, value: Any) -> bool:
        """Whether this is a value of this kind."""

    def by_name(self, file: Path, names: Sequence[str]) -> list[Any] | None:
        """The values of sources of these file names, if the file is of a kind that holds those of many, else None.

        Raises `ZooError` if it lacks one, or cannot be read.
        """
        return None

    @property
    @abstractmethod
    def wanted(self) -> str:
        """The valid values in words, for messages: "a whole number of at least 1"."""


@dataclass(frozen=True)
class Choice(Kind):
    """One word of a list."""

    options: tuple[str, ...]

    @property
    def metavar(self) -> str:
        return "{" + ",".join(self.options) + "}"

    def parse(self, words: Sequence[str]) -> str:
        return words[0]

    def is_valid(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.options

    @property
    def wanted(self) -> str:
        return " or ".join(map(repr, self.options)) + (", which is the only one" if len(self.options) == 1 else "")


@dataclass(frozen=True)
class Choices(Kind):
    """One or more different words of a list."""

    options: tuple[str, ...]
    words: ClassVar[int | None] = None

    @property
    def metavar(self) -> str:
        return "{" + ",".join(self.options) + "}"

    def parse(self, words: Sequence[str]) -> list[str]:
        return list(words)

    def is_valid(self, value: Any) -> bool:
        chosen = value if isinstance(value, (list, tuple)) else [value]
        known = all(isinstance(word, str) and word in self.options for word in chosen)
        return known and 0 < len(chosen) == len(set(chosen))

    @property
    def wanted(self) -> str:
        return f"one or more of {', '.join(map(repr, self.options))}"


@dataclass(frozen=True)
class Number(Kind):
    """A finite number within a range."""

    low: float = -math.inf
    high: float = math.inf
    metavar: ClassVar[str] = "X"

    def parse(self, words: Sequence[str]) -> float:
        return float(words[0])

    def is_valid(self, value: Any) -> bool:
        largest = sys.float_info.max  # math.isfinite takes no larger integers
        return type(value) in (int, float) and abs(value) <= largest and self.low <= value <= self.high

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
    """A seed of random numbers."""

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
        return "a positive whole number, or two of them, height and width, of at most 7 digits"


@dataclass(frozen=True)
class PictureFile(Kind):
    """A picture: a file's path, a PIL image, an array or a tensor.

    Args:
        several: Whether a list of pictures is valid too.
        also: Other types that are valid in Python.
    """

    several: bool = False
    also: tuple[type, ...] = ()
    metavar: ClassVar[str] = "FILE"

    def parse(self, words: Sequence[str]) -> str:
        return words[0]

    def is_valid(self, value: Any) -> bool:
        values = value if self.several and isinstance(value, (list, tuple)) else [value]
        types = (str, Path, Image.Image, np.ndarray, Tensor, *self.also)
        return len(values) > 0 and all(isinstance(item, types) and not unreadable(item) for item in values)

    @property
    def wanted(self) -> str:
        return "a picture, or a list of pictures" if self.several else "a picture"


class ClipFile(Kind):
    """A clip: a file's or a folder's path, a list of pictures, or a tensor (T, 3, H, W)."""

    metavar: ClassVar[str] = "CLIP"

    def parse(self, words: Sequence[str]) -> str:
        return words[0]

    def is_valid(self, value: Any) -> bool:
        if isinstance(value, (str, Path)):
            return True
        frames = value if isinstance(value, (list, tuple)) else [value]
        types = (str, Path, Image.Image, np.ndarray, Tensor) if frames is value else (Tensor,)
        return all(isinstance(frame, types) and not unreadable(frame) for frame in frames)

    @property
    def wanted(self) -> str:
        return "a video, an animation, a folder or a strip of frames, or a list of pictures"


def unreadable(value: Any) -> str:
    """Why the numbers of a tensor cannot be read, in words; empty for other tensors and for all other values."""
    if not isinstance(value, Tensor):
        return ""
    if value.is_meta:
        return "it is on the meta device, which holds no numbers"
    if value.layout is not torch.strided or value.is_quantized:
        return "it is sparse or quantized"
    return "" if value.dtype in TENSOR_TYPES else f"it holds {str(value.dtype).removeprefix('torch.')}"


def is_size(value: Any) -> bool:
    """Whether this is a number of pixels, or a height and a width, of at most 7 digits each."""
    lengths = value if isinstance(value, (list, tuple)) and len(value) == 2 else [value]
    return all(type(length) is int and 0 < length < 10**7 for length in lengths)
