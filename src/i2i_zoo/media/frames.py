"""Clips whose frames are pictures in a folder, or lie side by side in one picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

from PIL import Image

from i2i_zoo.errors import ZooError

from .files import find_files, height_width
from .memory import need_picture_memory
from .pictures import decode_picture, to_float, to_pil

#: Frames a second, where nothing says how many.
RATE = Fraction(25)


class Clip(ABC):
    """RGB pictures of one size that follow each other in time.

    They are read one after the other, each time that they are asked for, so that a long clip never lies in memory.
    All methods raise `ZooError` for a file that cannot be read.
    """

    def __init__(self, path: Path, rate: Fraction = RATE) -> None:
        #: Where it is, for messages.
        self.path = path
        #: Frames a second.
        self.rate = rate

    @abstractmethod
    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Image.Image]:
        """The frames of this slice; all of them by default."""

    @abstractmethod
    def count(self) -> int:
        """How many frames there are, exactly."""

    def __iter__(self) -> Iterator[Image.Image]:
        return self.frames()


class StreamedClip(Clip):
    """A clip that can only be read from its beginning."""

    @abstractmethod
    def stream(self) -> Iterator[Image.Image]:
        """All frames."""

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Image.Image]:
        return islice(self.stream(), start, stop, step)


class FrameFolder(Clip):
    """The pictures in a folder, in the order of their names.  Raises `ZooError` if there are none."""

    def __init__(self, path: Path, files: list[Path] | None = None, rate: Fraction = RATE) -> None:
        super().__init__(path, rate)
        self.files = find_files(path) if files is None else files
        if not self.files:
            raise ZooError(f"{path}: the folder holds no pictures; check the path.")

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Image.Image]:
        for file in self.files[start:stop:step]:
            yield to_pil(to_float(decode_picture(file)))

    def count(self) -> int:
        return len(self.files)


class Strip(Clip):
    """A picture of square frames, from left to right or from top to bottom: the layout of MoCoGAN's data.

    Raises `ZooError` if its longer side is no multiple of its shorter one.
    """

    def __init__(self, path: Path, rate: Fraction = RATE) -> None:
        super().__init__(path, rate)
        self.height, self.width = height_width(path)
        self.side = min(self.height, self.width)
        if max(self.height, self.width) % self.side:
            raise ZooError(
                f"{path}: a strip holds square frames, and {self.width}x{self.height} pixels are no whole number of "
                "them; cut off the rest."
            )

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Image.Image]:
        picture = to_pil(to_float(decode_picture(self.path)))
        for number in range(self.count())[start:stop:step]:
            first = number * self.side
            left, top = (first, 0) if self.width > self.height else (0, first)
            yield picture.crop((left, top, left + self.side, top + self.side))

    def count(self) -> int:
        return max(self.height, self.width) // self.side


def write_folder(frames: Iterable[Image.Image], folder: Path) -> None:
    """Write PNG files 000000.png and so on into a folder, which exists."""
    for number, frame in enumerate(frames):
        frame.save(folder / f"{number:06}.png", "PNG")


def write_strip(frames: Iterable[Image.Image], path: Path, name: Path) -> None:
    """Write a PNG file of all frames from left to right.

    Raises `ZooError`, which names the clip ``name``, if they are not square, or do not fit into memory together.
    """
    parts = []
    for frame in frames:
        if frame.width != frame.height:
            raise ZooError(
                f"{name}: a strip holds square frames, not {frame.width}x{frame.height} pixels; write a video, a GIF "
                "or a folder."
            )
        parts.append(frame)
    side = parts[0].width
    need_picture_memory((side, len(parts) * side, 3), 1, str(name))
    strip = Image.new("RGB", (len(parts) * side, side))
    for number, frame in enumerate(parts):
        strip.paste(frame, (number * side, 0))
    strip.save(path, "PNG")
