"""The frames of a clip that is being made, kept until it is complete: an interrupted translation goes on from them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from fractions import Fraction
from hashlib import blake2s
from pathlib import Path

from PIL import Image

from i2i_zoo.atomic import atomic_write
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.frames import FrameFolder


class KeptFrames:
    """PNG files in a hidden folder beside the clip that they will be.

    Several processes may fill it, each with frames of its own.

    Args:
        target: The clip to write.
        made_from: Whatever the frames depend on, as text.  Frames that were made from something else are removed.

    Raises:
        ZooError: If the folder cannot be made.
    """

    def __init__(self, target: Path, made_from: str) -> None:
        self.target = target
        name = blake2s(os.fsencode(target.name), digest_size=8).hexdigest()  # a name may be as long as is allowed
        self.folder = target.with_name(f".{name}.frames")
        record, content = self.folder / "made_from", os.fsencode(made_from)
        try:
            if self.folder.is_dir() and not (record.is_file() and record.read_bytes() == content):
                shutil.rmtree(self.folder)
            if not self.folder.is_dir():
                with atomic_write(record) as partial:
                    partial.write_bytes(content)
        except OSError as error:
            raise ZooError(
                f"{target}: its frames cannot be kept in {self.folder.name} beside it ({error.strerror or error}); "
                "choose another place."
            ) from None

    def file(self, number: int) -> Path:
        return self.folder / f"{number:06}.png"

    def missing(self, start: int = 0) -> int:
        """The number of the first frame from ``start`` on that has not been made."""
        while self.file(start).exists():
            start += 1
        return start

    def frame(self, number: int) -> Image.Image:
        """A frame that has been made."""
        return next(FrameFolder(self.folder, [self.file(number)]).frames())

    def keep(self, frames: Iterable[Image.Image], start: int) -> None:
        """Write frames as they come, each completely or not at all, with the numbers from ``start`` on.

        Raises `ZooError` if one cannot be written.
        """
        for number, frame in enumerate(frames, start):
            try:
                with atomic_write(self.file(number)) as partial:
                    frame.convert("RGB").save(partial, "PNG", compress_level=1)  # fast: they are removed soon
            except OSError as error:
                raise ZooError(
                    f"{self.target}: its frames cannot be written ({error.strerror or error}); choose another place."
                ) from None

    def finish(self, rate: Fraction, sound: Path | None) -> None:
        """Write the clip, and remove the frames.  Arguments and errors are those of `save_clip`."""
        files = [self.file(number) for number in range(self.missing())]
        frames = FrameFolder(self.folder, files).frames() if files else iter(())
        save_clip(frames, self.target, rate, sound)
        self.remove()

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
