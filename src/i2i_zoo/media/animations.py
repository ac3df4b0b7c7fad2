"""Animated GIF and WebP files, frame by frame.

Pillow's own writers merge equal frames, and hold all of them in memory or lose the rest of their durations.  So each
frame is encoded by Pillow as a file of its own, whose parts are put behind each other here.

Formats: CompuServe 1990, GIF89a; Google, WebP container specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from io import BytesIO
from math import ceil
from pathlib import Path

from PIL import Image, ImageSequence

from i2i_zoo.errors import ZooError

from .frames import StreamedClip

#: The suffixes of animations, and the parts of a second in which they count time.
TICKS = {".gif": 100, ".webp": 1000}

#: How long programs show a frame of a shorter duration than `SHORTEST`, which is a mistake, in milliseconds.
UNSAID = 100
SHORTEST = {".gif": 20, ".webp": 1}

#: More frames than so many for each frame of a file are a mistake of its durations.
MOST_REPEATS = 1000


def is_animation(path: Path) -> bool:
    """Whether this is a GIF or WebP file of several frames."""
    if path.suffix.lower() not in TICKS:
        return False
    try:
        with Image.open(path, formats=["GIF", "WEBP"]) as picture:
            return getattr(picture, "n_frames", 1) > 1
    except Exception:  # whoever reads it explains the error
        return False


class Animation(StreamedClip):
    """An animated GIF or WebP file.

    Its rate is that of its shortest frame.  Frames that last several times as long are repeated, since most programs
    write equal frames as one.  Raises `ZooError` if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        suffix = path.suffix.lower()
        ticks, durations = TICKS[suffix], []
        for frame in _decoded(path):
            said = frame.info.get("duration", 0)
            durations.append(max(1, round((said if said >= SHORTEST[suffix] else UNSAID) * ticks / 1000)))
        self.repeats = repeats(durations)
        if sum(self.repeats) > MOST_REPEATS * len(durations):
            raise ZooError(
                f"{path}: the shortest of its {len(durations)} frames lasts {min(durations) / ticks:g} s, and the "
                f"longest {max(durations) / ticks:g} s, which is {sum(self.repeats)} frames at one rate; make the "
                "pauses shorter."
            )
        super().__init__(path, rate_of(sum(self.repeats), durations, ticks))

    def stream(self) -> Iterator[Image.Image]:
        for frame, copies in zip(_decoded(self.path), self.repeats, strict=False):
            with_alpha = frame.convert("RGBA")
            if with_alpha.getchannel("A").getextrema() != (255, 255):
                raise ZooError(f"{self.path}: it has transparent pixels; lay it on a background of one colour.")
            yield from [with_alpha.convert("RGB")] * copies

    def count(self) -> int:
        return sum(self.repeats)


def _decoded(path: Path) -> Iterator[Image.Image]:
    """The frames as Pillow has them; raises `ZooError` where it cannot read them."""
    try:
        with Image.open(path, formats=["GIF", "WEBP"]) as clip:
            for frame in ImageSequence.Iterator(clip):
                frame.load()
                yield frame
    except ZooError:
        raise
    except Exception as error:  # decoders raise all kinds of errors
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        kind = "GIF" if path.suffix.lower() == ".gif" else "WebP"
        raise ZooError(f"{path}: the {kind} cannot be read ({why}); replace the file.") from None


def repeats(durations: list[int]) -> list[int]:
    """How often each frame is shown at the rate of the shortest one.

    Durations that differ by one tick are equal: a rate that the ticks do not hold is written so.
    """
    shortest, longest = min(durations), max(durations)
    if longest - shortest <= 1:
        return [1] * len(durations)
    return [max(1, round(duration / shortest)) for duration in durations]


def rate_of(count: int, durations: list[int], ticks: int) -> Fraction:
    """The rate of so many frames that last so long together: the simplest one that their rounded sum permits."""
    total = sum(durations)
    if len(set(durations)) == 1:
        return Fraction(ticks * count, total)
    return simplest(Fraction(2 * ticks * count, 2 * total + 1), Fraction(2 * ticks * count, 2 * total - 1))


def simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of the smallest denominator from ``low`` to ``high``, by continued fractions."""
    whole = ceil(low)
    if whole <= high:
        return Fraction(whole)
    return whole - 1 + 1 / simplest(1 / (high - whole + 1), 1 / (low - whole + 1))


def write_animation(frames: Iterable[Image.Image], path: Path, name: Path, rate: Fraction) -> None:
    """Write a GIF of at most 256 colours a frame, or a WebP that keeps every pixel.

    Args:
        frames: RGB pictures of one size, at least one.
        path: Where to write.
        name: The clip's own name, which says what to write and is named in messages.
        rate: Frames a second.

    Raises `ZooError` for a rate that players do not keep.
    """
    suffix = name.suffix.lower()
    ticks = TICKS[suffix]
    if rate > ticks // 2:
        raise ZooError(
            f"{name}: {float(rate):g} frames a second are more than the {ticks // 2} that such a file can show; write "
            "an .mp4 file, or choose a lower rate."
        )
    with open(path, "wb") as file:
        for number, frame in enumerate(frames):
            duration = round(ticks * (number + 1) / rate) - round(ticks * number / rate)
            if number == 0:
                file.write(gif_head(frame) if suffix == ".gif" else webp_head(frame))
            file.write(gif_frame(frame, duration) if suffix == ".gif" else webp_frame(frame, duration))
        if suffix == ".gif":
            file.write(b";")
        else:
            size = file.tell()
            file.seek(4)
            file.write((size - 8).to_bytes(4, "little"))


def gif_head(frame: Image.Image) -> bytes:
    """The beginning of a GIF without common colours that is shown again and again."""
    size = frame.width.to_bytes(2, "little") + frame.height.to_bytes(2, "little")
    return b"GIF89a" + size + b"\x70\0\0" + b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"


def gif_frame(frame: Image.Image, duration: int) -> bytes:
    """A frame of a GIF that replaces the one before; its colours are its own."""
    buffer = BytesIO()
    frame.quantize(256).save(buffer, "GIF")
    data = buffer.getvalue()
    bits = data[10] & 7
    start = after_colours = 13 + 3 * (2 << bits)
    while data[start] == 0x21:  # blocks of text and the like
        start += 2
        while data[start]:
            start += data[start] + 1
        start += 1
    picture, flags = data[start : start + 9], data[start + 9]
    control = b"\x21\xf9\x04\x04" + duration.to_bytes(2, "little") + b"\0\0"
    coloured = bytes([flags & 0x40 | 0x80 | bits]) + data[13:after_colours]
    return control + picture + coloured + data[start + 10 : -1]


def webp_head(frame: Image.Image) -> bytes:
    """The beginning of an animated WebP that is shown again and again; its size is written at the end."""
    canvas = (frame.width - 1).to_bytes(3, "little") + (frame.height - 1).to_bytes(3, "little")
    return b"RIFF\0\0\0\0WEBP" + chunk(b"VP8X", b"\2\0\0\0" + canvas) + chunk(b"ANIM", bytes(6))


def webp_frame(frame: Image.Image, duration: int) -> bytes:
    """A frame of a WebP that replaces the one before."""
    buffer = BytesIO()
    frame.save(buffer, "WEBP", lossless=True)
    size = (frame.width - 1).to_bytes(3, "little") + (frame.height - 1).to_bytes(3, "little")
    return chunk(b"ANMF", bytes(6) + size + duration.to_bytes(3, "little") + b"\2" + buffer.getvalue()[12:])


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a RIFF file, whose length is even."""
    return kind + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)
