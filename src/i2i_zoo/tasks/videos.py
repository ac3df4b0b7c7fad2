"""Videos and animations through a model of pictures, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import is_clip, open_clip, save_clip
from i2i_zoo.media.frames import Clip
from i2i_zoo.media.video_files import VIDEO_SUFFIXES

from .conditions import for_each
from .translator import Translator, about

#: How many frames `translate_sources` translates together.
BATCH = 4


def translate_sources(translator: Translator, sources: Any, own: Mapping[str, Any]) -> Any:
    """`Translator.translate`, which takes paths of videos and animations too: the result is a list of all frames."""
    many = isinstance(sources, (list, tuple))
    if not any(map(names_clip, sources if many else [sources])):
        return translator.translate(sources, **own)
    if many:
        rows = for_each(own, len(sources))
        return [translate_sources(translator, source, row) for source, row in zip(sources, rows, strict=True)]
    frames_only(translator, sources)
    return list(translated(translator, open_clip(sources), BATCH, own))


def names_clip(source: Any) -> bool:
    """Whether this is the path of a video or of an animation."""
    return isinstance(source, (str, Path)) and is_clip(Path(source))


def frames_only(translator: Translator, source: Any) -> None:
    """Raise `ZooError` for a model that makes a clip of one picture."""
    if translator.suffix != ".png":
        raise ZooError(f"{source}: the model makes a clip of one picture; give pictures.")


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
            frames_only(translator, source)
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
