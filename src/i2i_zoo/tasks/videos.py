"""Videos and animations through a model: of pictures, frame by frame; of clips, in order and with memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import is_clip, open_clip
from i2i_zoo.media.files import find_files
from i2i_zoo.media.frames import RATE
from i2i_zoo.media.video_files import VIDEO_SUFFIXES

from .conditions import for_each
from .kept_frames import KeptFrames
from .translator import Translator, about

#: How many frames `translate_sources` translates together.
BATCH = 4

#: Passes frames on, and may show how far a clip is: frames, the clip's name, and how many there are.
Shown = Callable[[Iterator[Image.Image], str, int], Iterator[Image.Image]]


class Stream(NamedTuple):
    """Frames that are made one after the other, and how many the whole clip has."""

    length: int
    frames: Iterator[Image.Image]


class ClipTranslator(Translator):
    """Makes a clip of each source, which need not be a clip itself.  Each frame may depend on those before it."""

    takes_clips = True
    suffix = ".webp"

    @abstractmethod
    def stream(self, source: Any, start: int = 0, before: Image.Image | None = None, **own: Any) -> Stream:
        """The frames of the result from the number ``start`` on, of which never all are in memory.

        Args:
            source: As for `read_values`.
            start: The first frame to make.
            before: The frame that was made before it.
            **own: This source's own conditions.

        Raises:
            ZooError: If the source cannot be read.
        """


def translate_sources(translator: Translator, sources: Any, own: Mapping[str, Any]) -> Any:
    """`Translator.translate`, which takes paths of videos and animations too: the result is a list of all frames."""
    many = isinstance(sources, (list, tuple))
    if translator.takes_clips or not any(map(names_clip, sources if many else [sources])):
        return translator.translate(sources, **own)
    if many:
        rows = for_each(own, len(sources))
        return [translate_sources(translator, source, row) for source, row in zip(sources, rows, strict=True)]
    frames_only(translator, sources)
    return list(translated(translator, iter(open_clip(sources)), BATCH, own))


def names_clip(source: Any) -> bool:
    """Whether this is the path of a video or of an animation."""
    return isinstance(source, (str, Path)) and is_clip(Path(source))


def frames_only(translator: Translator, source: Any) -> None:
    """Raise `ZooError` for a model that makes a clip of one picture."""
    if translator.suffix != ".png" and not translator.takes_clips:
        raise ZooError(f"{source}: the model makes a clip of one picture; give pictures.")


def translate_clips(
    translator: Translator,
    jobs: Mapping[Path, Path],
    batch: int = 1,
    own: Callable[[Path], dict[str, Any]] = lambda source: {},
    shown: Shown = lambda frames, name, count: frames,
    made_from: str = "",
) -> Iterator[tuple[Path, str | None]]:
    """Translate videos and animations, which keep their rate and, as videos, their sound.

    Arguments and results are those of `Translator.translate_files`.  ``batch`` frames are in memory at a time.  The
    same call goes on where an earlier one was interrupted, if ``made_from``, the model and its conditions in words, is
    the same.
    """
    for target, source in jobs.items():
        kept = None
        try:
            kept = kept_frames(target, source, made_from)
            make_frames(translator, source, kept, batch, own(source), shown)
            finish(kept, source)
            yield target, None
        except ZooError as error:
            if kept is not None:
                forget_nothing_made(kept)
            yield target, about(error, str(source))


def kept_frames(target: Path, source: Path, made_from: str) -> KeptFrames:
    """The place of a clip's frames until it is complete.  Raises `ZooError` if there can be none."""
    try:
        states = [file.stat() for file in ([source, *find_files(source, ("",))] if source.is_dir() else [source])]
    except OSError as error:
        raise ZooError(f"{source}: the file cannot be read ({error.strerror}); check the path.") from None
    seen = " ".join(f"{state.st_size} {state.st_mtime_ns}" for state in states)
    return KeptFrames(target, f"{source.absolute()} {seen} {made_from}")


def make_frames(
    translator: Translator,
    source: Path,
    kept: KeptFrames,
    batch: int,
    own: Mapping[str, Any],
    shown: Shown = lambda frames, name, count: frames,
    segment: tuple[int, int | None] = (0, None),
) -> None:
    """Make what is missing of a clip, or of a segment of it, from one frame to before another.

    Raises `ZooError` if that fails; what was made before stays.
    """
    start, stop = segment
    first = start if translator.in_order else kept.missing(start)  # the memory of what was made before is lost
    if isinstance(translator, ClipTranslator):
        before = kept.frame(first - 1) if first else None
        length, frames = translator.stream(source, first, before, **own)
        kept.keep(shown(frames, source.name, length - first), first)
        return
    frames_only(translator, source)
    clip = open_clip(source)
    stop = clip.count() if stop is None else stop
    if first < stop:
        frames = shown(clip.frames(first, stop), source.name, stop - first)
        kept.keep(translated(translator, frames, batch, own), first)


def finish(kept: KeptFrames, source: Path) -> None:
    """Write a clip whose frames are all made.  Raises `ZooError` if that fails."""
    sound = source if source.suffix.lower() in VIDEO_SUFFIXES else None
    kept.finish(open_clip(source).rate if is_clip(source) else RATE, sound)


def forget_nothing_made(kept: KeptFrames) -> None:
    """Remove the place of a clip of which no frame could be made."""
    if not kept.missing():
        kept.remove()


def segments(source: Path, parts: int) -> list[tuple[int, int | None]]:
    """A clip in segments of about equal length, each from one frame to before another; none of them is empty."""
    count = open_clip(source).count()
    bounds = [count * part // parts for part in range(parts + 1)]
    return [(start, stop) for start, stop in pairwise(bounds) if start < stop]


def translated(
    translator: Translator, frames: Iterable[Image.Image], batch: int, own: Mapping[str, Any]
) -> Iterator[Image.Image]:
    """The translations of the frames of one clip, in order."""
    translator.begin()
    left = iter(frames)
    while part := list(islice(left, batch)):
        yield from translator.translate_read([translator.read(frame, **own) for frame in part])
