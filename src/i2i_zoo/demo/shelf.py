"""The files that the page makes: results, examples, scaled pictures."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.files import save_picture

#: How many files are kept; the oldest go first.  Gradio has its own copy of what a visitor still sees.
KEPT = 400


class Shelf:
    """A folder of files that are numbered, of which only the newest are kept."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="i2i-zoo-demo-", ignore_cleanup_errors=True)
        self._numbers = itertools.count(1)
        self._lock, self._folders = threading.Lock(), deque[TemporaryDirectory[str]]()

    def place(self) -> Path:
        """A new folder for one file, which lasts as long as the shelf keeps it."""
        with self._lock:
            self._folders.append(TemporaryDirectory(dir=self._folder.name, ignore_cleanup_errors=True))
            if len(self._folders) > KEPT:
                self._folders.popleft().cleanup()
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
