"""What the page accepts, so that no visitor can take the machine's memory or the time of the others."""

from __future__ import annotations

import json
import math
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageOps
from torch import nn

from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import is_clip, open_clip
from i2i_zoo.media.video_files import VIDEO_SUFFIXES
from i2i_zoo.media.video_files import opened as opened_video

#: Pixels of a picture, or of one frame, that a model is given.
PIXELS = 1_048_576

#: Pixels of a picture that is opened at all, to be scaled down: decoded, they take 0.2 GB.
OPENED = 64_000_000

#: Frames of a clip, and pixels of each of them, that a model is given or makes of a picture.
FRAMES, FRAME_PIXELS = 64, PIXELS // 8

#: Pixels of a frame of a video that is opened at all, and of all frames of an animation.
FRAME_OPENED, ANIMATION_OPENED = 16_000_000, 400_000_000

#: Bytes of a file.
UPLOAD = 30 * 2**20

#: Bytes of all files that are kept for visitors.
DISK = 2 * 2**30

#: What is said once there are more.
FULL = "The page is full. Old files are deleted within the hour: come back later."

#: Seconds that one picture or clip may take.  The layer that is at work then is finished first: with `PIXELS`, the
#: longest layer of the zoo, which is in MUNIT's decoder, takes 5 seconds on one core.
SECONDS = 60.0

#: Requests that wait for their turn; more are refused.
WAITING = 40

#: The formats of pictures that are opened.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")


class TooLargeError(ZooError):
    """The picture can be used if it is scaled down to `size`, width and height, of at most so many pixels."""

    def __init__(self, name: str, width: int, height: int, most: int) -> None:
        scale = math.sqrt(most / (width * height))
        self.size = max(1, math.floor(width * scale)), max(1, math.floor(height * scale))
        super().__init__(
            f"{name} has {width}x{height} pixels, {millions(width * height)} million, and this page takes "
            f"{millions(most)} million: scale it down."
        )


def millions(pixels: int) -> str:
    return f"{pixels / 1e6:.3g}"


def check_picture(path: str, most: int = PIXELS) -> None:
    """Look at the header of a picture, which may have at most so many pixels.

    Raises:
        TooLargeError: If it has too many pixels, but could be scaled down.
        ZooError: If it is no picture, or one that cannot be scaled down either.
    """
    file = Path(path)
    width, height = header(file)
    if width * height > most:
        raise TooLargeError(file.name, width, height, most)


def header(file: Path) -> tuple[int, int]:
    """Width and height of a picture as it is shown.

    Its pixels are read only for a PNG file that is not too large, in which Pillow looks for a rotation after them.

    Raises `ZooError` if it is none, or one that is not opened at all.
    """
    try:
        with opened(file) as picture:
            size = picture.size
            if prod(size) > OPENED:
                raise Image.DecompressionBombError
            looked = picture.format != "PNG" or prod(size) <= PIXELS
            return size[::-1] if looked and picture.getexif().get(ExifTags.Base.Orientation, 1) >= 5 else size
    except Image.DecompressionBombError:
        raise ZooError(
            f"{file.name} has more than {millions(OPENED)} million pixels: scale it down before you upload it."
        ) from None
    except Exception:  # decoders raise all kinds of errors
        raise ZooError(
            f"{file.name} is not a picture that can be read: give a PNG, JPEG, WebP, BMP, TIFF or GIF file."
        ) from None


@contextmanager
def opened(file: Path) -> Iterator[Image.Image]:
    """A picture whose pixels are not read yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        picture = Image.open(file, formats=FORMATS)
    with picture:
        yield picture


def scale_down(path: str, folder: Path, smooth: bool = True, most: int = PIXELS) -> str:
    """Write a picture at the size that `check_picture` offers, and return its path; of a file that fits, its own.

    Args:
        path: The picture.
        folder: Where to write.
        smooth: Whether pixels may be mixed, which those of label maps may not.
        most: See `check_picture`.

    Raises:
        ZooError: As `check_picture`, and if it is damaged.
    """
    try:
        check_picture(path, most)
    except TooLargeError as found:
        wanted = found.size
    else:
        return path
    try:
        with opened(Path(path)) as picture:
            picture.draft(None, wanted)  # a JPEG is decoded at a smaller size
            upright = ImageOps.exif_transpose(picture)
            size = wanted if (upright.width < upright.height) == (wanted[0] < wanted[1]) else wanted[::-1]
            small = upright.resize(size, Image.Resampling.LANCZOS if smooth and upright.mode != "P" else 0)
            file = folder / f"{Path(path).stem[:40]}-{size[0]}x{size[1]}.png"
            small.save(file, "PNG", compress_level=1)
    except Exception as error:  # decoders raise all kinds of errors
        raise ZooError(f"{Path(path).name} cannot be read: {' '.join(str(error).split()).rstrip('.')}.") from None
    return str(file)


def first_frames(path: str) -> list[Image.Image]:
    """The first frames of a clip, each scaled down until all of them fit.

    Raises `ZooError` if it cannot be read, or its frames are too large or too many to be opened.
    """
    file, frames = Path(path), []
    check_clip(file)
    for frame in islice(open_clip(file), FRAMES):
        scale = math.sqrt(min(1.0, FRAME_PIXELS / (frame.width * frame.height)))
        size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
        frames.append(frame.convert("RGB") if scale == 1 else frame.convert("RGB").resize(size))
    return frames


def check_clip(file: Path) -> None:
    """Look at the header of a clip.  Raises `ZooError` if it is none, or one that is not opened."""
    if file.suffix.lower() in VIDEO_SUFFIXES:
        with opened_video(file) as (_, stream):
            width, height, frames, most = stream.width, stream.height, 1, FRAME_OPENED
    elif is_clip(file):
        width, height = header(file)
        with opened(file) as clip:
            frames, most = getattr(clip, "n_frames", 1), ANIMATION_OPENED
    else:
        raise ZooError(f"{file.name} is no clip: give a video, or an animated GIF or WebP file.")
    if frames * width * height > most:
        number = f"{frames} frames of" if frames > 1 else "frames of"
        raise ZooError(f"{file.name} has {number} {width}x{height} pixels: scale it down or shorten it.")


class TooSlowError(ZooError):
    """The time that one request may take is over."""

    def __init__(self) -> None:
        super().__init__(
            f"That took longer than the {SECONDS:g} seconds that one visitor gets at a time: "
            "try a smaller picture, fewer of them, or another model."
        )


_end = threading.local()


@contextmanager
def deadline(seconds: float | None = None) -> Iterator[None]:
    """Within it, `look_at_clock` and models that `keep_to_deadline` raise `TooSlowError` once the time is over.

    The time is that of the page, `SECONDS`, unless another one is given.
    """
    _end.time = time.monotonic() + (SECONDS if seconds is None else seconds)
    try:
        yield
    finally:
        _end.time = math.inf


def keep_to_deadline(model: nn.Module) -> None:
    """Look at the clock before each layer of a model."""
    for module in model.modules():
        module.register_forward_pre_hook(look_at_clock)


def look_at_clock(*_: Any) -> None:
    """Raise `TooSlowError` after the `deadline`."""
    if time.monotonic() > getattr(_end, "time", math.inf):
        raise TooSlowError


Message = MutableMapping[str, Any]


async def refuse(send: Callable[[Message], Awaitable[None]], status: int, sentence: str) -> None:
    """Answer a request with a sentence."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"detail": sentence}).encode()})


class Doorkeeper:
    """Middleware that refuses what is larger than a file may be, and all that needs new files while the page is full.

    Args:
        app: The application.
        limit: Bytes of the body of a request.
        kept: Counts the bytes of the files that are kept for visitors.
    """

    def __init__(
        self, app: Callable[..., Awaitable[None]], limit: int = UPLOAD + 2**20, kept: Callable[[], int] = lambda: 0
    ) -> None:
        self.app, self.limit, self.kept = app, limit, kept

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
        headers = dict(scope.get("headers") or ())
        announced = headers.get(b"content-length", b"0")
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif not (announced.isdigit() and int(announced) <= self.limit):
            await refuse(send, 413, f"At most {self.limit // 2**20} MB are taken at a time.")
        elif scope["method"] == "POST" and self.kept() > DISK:
            await refuse(send, 507, FULL)
        else:
            await self.app(scope, self.counted(receive), send)

    def counted(self, receive: Callable[[], Awaitable[Message]]) -> Callable[[], Awaitable[Message]]:
        """``receive``, which ends a body without an announced length where it becomes too long."""
        received = 0

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return {"type": "http.disconnect"} if received > self.limit else message

        return counting
