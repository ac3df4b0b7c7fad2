"""Clips: pictures that follow each other in time, in files of all kinds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from PIL import Image

from i2i_zoo.atomic import atomic_write
from i2i_zoo.errors import ZooError

from .animations import TICKS, Animation, is_animation, write_animation
from .files import refuse_pipe
from .frames import RATE, Clip, FrameFolder, Strip, write_folder, write_strip
from .video_files import ENCODERS, VIDEO_SUFFIXES, Video, write_video

#: How the names of files end in which clips can be written.
CLIP_SUFFIXES = (*ENCODERS, *TICKS)

#: The fewest and the most frames a second that can be written.
RATES = (Fraction(1, 100), Fraction(1000))


def is_clip(path: Path) -> bool:
    """Whether a file is a video, or a GIF or WebP of several frames."""
    return path.suffix.lower() in VIDEO_SUFFIXES or is_animation(path)


def suffix_of_result(path: Path) -> str:
    """How the name of a file ends that is made from a clip and can be written."""
    suffix = path.suffix.lower()
    return suffix if suffix in CLIP_SUFFIXES else ".mp4"


def open_clip(path: str | Path) -> Clip:
    """The clip in a video, an animated GIF or WebP, a folder of frames, or a picture that is a strip of frames.

    Folders and strips do not say how many frames a second they have; `RATE` is assumed.

    Raises `ZooError` if it cannot be read; of a video, also if PyAV is not installed.
    """
    path = Path(path)
    refuse_pipe(path)
    if path.is_dir():
        return FrameFolder(path)
    if not path.exists():
        raise ZooError(f"{path}: there is no such file; check the path.")
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return Video(path)
    return Animation(path) if path.suffix.lower() == ".gif" or is_animation(path) else Strip(path)


def save_clip(
    frames: Iterable[Image.Image], path: Path, rate: Fraction | float = RATE, sound: Path | None = None
) -> None:
    """Write frames as they come, completely or not at all.  The folder above is made.

    The suffix of ``path`` says what is written: a video (``.mp4``, ``.webm``), an animation (``.gif`` of 256 colours a
    frame, ``.webp`` that keeps every pixel), a strip of square frames (``.png``), or, without a suffix, a folder of PNG
    files.

    Args:
        frames: RGB pictures of one size, at least one.
        path: The file, or a new folder.
        rate: Frames a second.
        sound: A video whose sound goes with the frames, into a video.

    Raises:
        ZooError: If it cannot be written, or PyAV is missing for a video.
    """
    suffix, exact = path.suffix.lower(), Fraction(rate).limit_denominator(1001)
    if suffix not in (*CLIP_SUFFIXES, ".png", ""):
        raise ZooError(
            f"{path}: a clip cannot be written as {suffix}; choose .mp4, .webm, .gif, .webp, .png or a folder."
        )
    if not RATES[0] <= exact <= RATES[1]:
        raise ZooError(f"{path}: {float(rate):g} frames a second cannot be written; choose from 0.01 to 1000.")
    checked = uniform(frames, path)
    try:
        with new_folder(path) if suffix == "" else atomic_write(path) as partial:
            if suffix == "":
                write_folder(checked, partial)
            elif suffix == ".png":
                write_strip(checked, partial, path)
            elif suffix in TICKS:
                write_animation(checked, partial, path, exact)
            else:
                write_video(checked, partial, path, exact, sound)
    except OSError as error:
        raise ZooError(
            f"{path}: the clip cannot be written ({error.strerror or error}); choose another place."
        ) from None


def uniform(frames: Iterable[Image.Image], path: Path) -> Iterator[Image.Image]:
    """The frames in RGB; raises `ZooError` if there are none, or if they have several sizes."""
    size = None
    for frame in frames:
        size = size or frame.size
        if frame.size != size:
            raise ZooError(
                f"{path}: a clip has frames of one size, not of {size[0]}x{size[1]} and {frame.width}x{frame.height} "
                "pixels; scale them to one."
            )
        yield frame.convert("RGB")
    if size is None:
        raise ZooError(f"{path}: a clip needs at least one frame.")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path``.  At the end of the block it becomes that folder; if it fails, it is removed.

    Raises `ZooError` if there is something already.
    """
    if os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir())):
        raise ZooError(f"{path}: it is there already; choose a new folder for the frames.")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.mkdir()
    try:
        yield partial
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
