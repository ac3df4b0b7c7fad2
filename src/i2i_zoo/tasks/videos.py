"""Videos and animations through a model of pictures, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import open_clip, save_clip
from i2i_zoo.media.frames import Clip
from i2i_zoo.media.video_files import VIDEO_SUFFIXES

from .translator import Translator, about


def translate_clips(
    translator: Translator,
    jobs: Mapping[Path, Path],
    batch: int = 1,
    own: Callable[[Path], dict[str, Any]] = lambda source: {},
    shown: Callable[[Clip], Iterable[Image.Image]] = iter,
) -> Iterator[tuple[Path, str | None]]:
    """Translate videos and animations, which keep their rate and, as videos, their sound.

    Arguments and results are those of `Translator.translate_files`.  ``batch`` frames are in memory at a time.
    ``shown`` gives the frames of a clip, and may show how far it is.
    """
    for target, source in jobs.items():
        try:
            if translator.suffix != ".png":
                raise ZooError(f"{source}: the model makes a clip of one picture; give pictures.")
            clip = open_clip(source)
            sound = source if source.suffix.lower() in VIDEO_SUFFIXES else None
            save_clip(translated(translator, shown(clip), batch, own(source)), target, clip.rate, sound)
            yield target, None
        except ZooError as error:
            yield target, about(error, str(source))


def translated(
    translator: Translator, frames: Iterable[Image.Image], batch: int, own: Mapping[str, Any]
) -> Iterator[Image.Image]:
    """The translations of frames in order."""
    left = iter(frames)
    while part := list(islice(left, batch)):
        yield from translator.translate_read([translator.read(frame, **own) for frame in part])
