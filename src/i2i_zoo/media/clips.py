"""Clips: pictures that follow each other in time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from i2i_zoo.atomic import atomic_write
from i2i_zoo.errors import ZooError

#: Frames in a second, where nothing tells how many.
RATE = 25


def save_clip(frames: Sequence[Image.Image], path: Path) -> None:
    """Write frames, at least one, as an animated WebP that keeps every pixel, completely or not at all.

    Its folder is made.  Raises `ZooError` if that fails.
    """
    try:
        with atomic_write(path) as partial:
            first, *others = frames
            first.save(partial, "WEBP", save_all=True, append_images=others, duration=1000 // RATE, lossless=True)
    except OSError as error:
        raise ZooError(
            f"{path}: the clip cannot be written ({error.strerror or error}); choose another place."
        ) from None
