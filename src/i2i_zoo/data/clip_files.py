"""Finding clips in folders, each with its class, and checking them before anything begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from i2i_zoo.errors import ZooError
from i2i_zoo.media.animations import is_animation
from i2i_zoo.media.clips import open_clip
from i2i_zoo.media.files import NPY_HEADER, PICTURE_SUFFIXES, find_files, height_width
from i2i_zoo.media.frames import Clip, FrameFolder, Strip
from i2i_zoo.media.video_files import VIDEO_SUFFIXES

from .files import check_files, listed, relative_name


class ArrayClip(Clip):
    """One of the clips in a ``.npy`` file of Moving MNIST's layout (T, N, H, W), uint8.

    Raises `ZooError` if it is no such file.
    """

    def __init__(self, path: Path, number: int) -> None:
        super().__init__(path)
        self.number = number
        self.length: int = clips_in(path).shape[0]

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Image.Image]:
        clips = clips_in(self.path)
        for time in range(self.length)[start:stop:step]:
            yield Image.fromarray(np.array(clips[time, self.number]))

    def count(self) -> int:
        return self.length


def clips_in(path: Path) -> np.ndarray:
    """The clips (T, N, H, W), uint8, of a ``.npy`` file; they stay in the file."""
    try:
        with NPY_HEADER:
            clips: np.ndarray = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise ZooError(f"{path}: the clips cannot be read ({error}); replace the file.") from None
    if clips.ndim != 4 or clips.dtype != np.uint8 or 0 in clips.shape:
        raise ZooError(
            f"{path}: clips have the shape (frames, clips, height, width) and uint8, as Moving MNIST's, not "
            f"{clips.shape} and {clips.dtype}."
        )
    return clips


class ClipFile(NamedTuple):
    """Where a clip is."""

    path: Path
    #: The class that its folder is named after; empty if it lies in no such folder.
    action: str = ""
    #: Its frames, if it is a folder of them.
    files: tuple[Path, ...] = ()
    #: Whether it is a picture of square frames.
    strip: bool = False
    #: Which of several clips of a file it is.
    number: int | None = None

    def open(self) -> Clip:
        """The clip; raises `ZooError` if it cannot be read."""
        if self.number is not None:
            return ArrayClip(self.path, self.number)
        if self.files:
            return FrameFolder(self.path, list(self.files))
        return Strip(self.path) if self.strip else open_clip(self.path)


def find_clips(folder: Path, strips: bool) -> dict[str, ClipFile]:
    """The clips below a folder by their names, sorted.

    Args:
        folder: It holds the clips, or a folder of them for each class.
        strips: Whether pictures are strips of frames, and not frames.

    Raises `ZooError` if there are none.
    """
    found: dict[str, ClipFile] = {}

    def add(name: str, clip: ClipFile) -> None:
        if name in found:
            raise ZooError(f"{found[name].path} and {clip.path} have the same name; remove or rename one.")
        found[name] = clip

    frames: dict[Path, list[Path]] = {}
    files = find_files(folder, (*PICTURE_SUFFIXES, *VIDEO_SUFFIXES))
    count = Counter(relative_name(file, folder) for file in files)
    for file in files:
        name, suffix, inner = relative_name(file, folder), file.suffix.lower(), file.relative_to(folder).parts[:-1]
        name = name if count[name] == 1 else f"{name}{file.suffix}"
        action = inner[0] if inner else ""
        if suffix == ".npy":
            for number in range(clips_in(file).shape[1]):
                add(f"{name}/{number:06}", ClipFile(file, action, number=number))
        elif suffix in (*VIDEO_SUFFIXES, ".gif") or is_animation(file):
            add(name, ClipFile(file, action))
        elif strips:
            add(name, ClipFile(file, action, strip=True))
        else:
            frames.setdefault(file.parent, []).append(file)
    if folder in frames:
        raise ZooError(
            f"{folder}: it holds pictures and not clips: give the frames of each clip a folder of their own, or set "
            "--data.strips true, with ClipData, if each picture is a strip of frames."
        )
    for parent, pictures in frames.items():
        inner = parent.relative_to(folder).parts
        add(relative_name(parent, folder), ClipFile(parent, inner[0] if len(inner) > 1 else "", tuple(pictures)))
    if not found:
        raise ZooError(f"{folder}: the folder holds no clips; check the path.")
    return dict(sorted(found.items()))


def check_clips(clips: Sequence[ClipFile]) -> list[int]:
    """How many frames each clip has.  Raises `ZooError` naming those that cannot be used, each with its reason."""
    check_files([file for clip in clips for file in (clip.files or ([clip.path] if clip.strip else []))])
    with ThreadPoolExecutor(4) as readers:  # decoders let other threads run
        checked = list(readers.map(length, clips))
    reasons = [found for found in checked if isinstance(found, str)]
    if reasons:
        number = "1 clip" if len(reasons) == 1 else f"{len(reasons)} clips"
        raise ZooError(f"{number} cannot be used: {listed(reasons)}.")
    return [found for found in checked if isinstance(found, int)]


def length(file: ClipFile) -> int | str:
    """How many frames a clip has, or why it cannot be used."""
    try:
        sizes = sorted({height_width(frame) for frame in file.files})
        if len(sizes) > 1:
            (height, width), (other_height, other_width) = sizes[0], sizes[-1]
            return (
                f"{file.path}: its frames have {width}x{height} and {other_width}x{other_height} pixels; scale them to "
                "one size, or set --data.strips true, with ClipData, if they are strips"
            )
        clip = file.open()
        for _ in clip.frames(0, 1):
            return clip.count()
        return f"{file.path}: it has no frames"
    except ZooError as error:
        return str(error).rstrip(".")
