"""The files that the page makes: results, examples, scaled pictures."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.files import save_picture

#: How many files are kept, and their bytes; the oldest go first.  Gradio has its own copies, see `limits.DISK`.
KEPT, BYTES = 400, 2**30


class Shelf:
    """A folder of files that are numbered, of which only the newest are kept."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="i2i-zoo-demo-", ignore_cleanup_errors=True)
        self._numbers = itertools.count(1)
        self._lock, self._folders = threading.Lock(), deque[TemporaryDirectory[str]]()

    def place(self) -> Path:
        """A new folder for one file, which lasts as long as the shelf keeps it."""
        with self._lock:
            while len(self._folders) >= KEPT or (self._folders and size_of(Path(self._folder.name).rglob("*")) > BYTES):
                self._folders.popleft().cleanup()
            self._folders.append(TemporaryDirectory(dir=self._folder.name, ignore_cleanup_errors=True))
            return Path(self._folders[-1].name)

    def put(self, made: Image.Image | Sequence[Image.Image], name: str, stays: bool = False) -> str:
        """The path of a new file: a PNG of a picture, an endless animation (WebP) of a clip.

        Args:
            made: A picture, or the frames of a clip.
            name: How the name begins under which a browser saves it.
            stays: Whether it is kept for good.
        """
        stem = (Path(self._folder.name) if stays else self.place()) / f"{name}-{next(self._numbers)}"
        if isinstance(made, Image.Image):
            save_picture(made, file := stem.with_name(f"{stem.name}.png"))
        else:
            save_clip(made, file := stem.with_name(f"{stem.name}.webp"))
        return str(file)


def size_of(files: Iterable[Path]) -> int:
    """Bytes of these files, as far as they are still there."""
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.stat().st_size if file.is_file() else 0
    return total
