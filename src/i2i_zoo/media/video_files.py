"""Video files, frame by frame, by PyAV (the extra ``video``)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from i2i_zoo.errors import ZooError, install

from .frames import RATE, StreamedClip
from .sound import Sound

Thing = TypeVar("Thing")
Turn = Image.Transpose

#: The suffixes of videos that can be read.
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv")

#: Those that can be written: the encoder and its options, which look like the original.
ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    ".mp4": ("libx264", {"crf": "18", "preset": "veryfast"}),
    ".webm": ("libvpx-vp9", {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "5"}),
}

#: ITU-R BT.709, in the numbers of FFmpeg: the colours that players expect of videos of any size but the smallest.
BT709 = 1

#: Turns of a picture, in FFmpeg's degrees against the clock.
TURNS: dict[int, Turn | None] = {
    0: None,
    90: Turn.ROTATE_90,
    180: Turn.ROTATE_180,
    -180: Turn.ROTATE_180,
    -90: Turn.ROTATE_270,
}


def import_av(path: Path) -> Any:
    """The package ``av``; raises `ZooError` if it is not installed."""
    try:
        import av
    except ImportError:
        raise ZooError(
            f"{path}: video files need PyAV, which is not installed ({install('av')}); or use a GIF or a folder of "
            "pictures."
        ) from None
    return av


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its first video stream; raises `ZooError` for whatever cannot be read in the block."""
    av = import_av(path)
    try:
        # Only this file: a list of other files, or an address, is not followed.
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
            if not container.streams.video:
                raise ZooError(f"{path}: the file holds no pictures; give another video.")
            yield container, container.streams.video[0]
    except av.FFmpegError as error:
        if isinstance(error, FileNotFoundError):
            raise ZooError(f"{path}: there is no such file; check the path.") from None
        raise ZooError(f"{path}: the video cannot be read ({error.strerror}); replace the file.") from None


class Video(StreamedClip):
    """A video file: its first stream of pictures, turned as its rotation flag says, in 8 bits a channel.

    Frames come at the file's mean rate.  Where the time from one to the next varies by a frame or more, frames are
    repeated or left out, so that the clip stays in time with its sound; otherwise each comes exactly once.

    Raises `ZooError` if it cannot be read or PyAV is not installed.
    """

    def __init__(self, path: Path) -> None:
        with opened(path) as (_, stream):
            if {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode") == "1":
                raise ZooError(f"{path}: the video has transparent pixels; lay it on a background of one colour.")
            super().__init__(path, Fraction(stream.average_rate or stream.guessed_rate or RATE))

    def stream(self) -> Iterator[Image.Image]:
        with opened(self.path) as (container, stream):
            turn: Turn | None = None
            for number, frame in enumerate(evened(moments(container.decode(stream), self.rate), self.rate)):
                # Once for all frames, also because PyAV's side data form circles that keep frames in memory.
                turn = self.turn(frame) if number == 0 else turn
                picture = self.picture(frame)
                yield picture if turn is None else picture.transpose(turn)

    def count(self) -> int:
        """Counted without decoding, since the headers of many files do not say it."""
        with opened(self.path) as (container, stream):
            packets = (packet for packet in container.demux(stream) if packet.size and not packet.is_discard)
            times = sorted(time for time, _ in moments(packets, self.rate))
        return sum(1 for _ in evened(((time, None) for time in times), self.rate))

    def picture(self, frame: Any) -> Image.Image:
        """A decoded frame as an RGB picture."""
        has_alpha = any(part.is_alpha for part in frame.format.components)
        if has_alpha and frame.to_ndarray(format="rgba")[..., 3].min() < 255:
            raise ZooError(f"{self.path}: the video has transparent pixels; lay it on a background of one colour.")
        picture: Image.Image = frame.to_image()
        return picture

    def turn(self, frame: Any) -> Turn | None:
        """How its matrix turns a frame to be shown; `ZooError` for other matrices."""
        if frame.rotation not in TURNS or mirrored(frame):
            raise ZooError(
                f"{self.path}: its frames are to be shown mirrored, or turned by a part of 90 degrees, which the zoo "
                "does not do; write them as they are to be seen."
            )
        return TURNS[frame.rotation]


def mirrored(frame: Any) -> bool:
    """Whether the matrix by which a frame is to be shown has a negative determinant."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False
    a, b, _, c, d = struct.unpack("=5i", bytes(memoryview(matrix))[:20])
    return bool(a * d < b * c)


def moments(parts: Iterable[Any], rate: Fraction) -> Iterator[tuple[Fraction, Any]]:
    """Frames or packets, each with the second when it is shown: one after the other if the file does not say."""
    for number, part in enumerate(parts):
        yield number / rate if part.pts is None else part.pts * part.time_base, part


def evened(timed: Iterable[tuple[Fraction, Thing]], rate: Fraction) -> Iterator[Thing]:
    """Things that belong to moments, at a constant rate.

    A thing that comes less than one frame too early or too late is taken for the next.
    """
    start: Fraction | None = None
    count, latest = 0, list[Thing]()
    for time, thing in timed:
        start = time if start is None else start
        position = (time - start) * rate
        while position - count >= 1:
            yield from latest
            count += 1
        if position - count > -1:
            yield thing
            count += 1
        latest = [thing]


def write_video(
    frames: Iterable[Image.Image], path: Path, name: Path, rate: Fraction, sound: Path | None = None
) -> None:
    """Write a video: H.264 in ``.mp4``, VP9 in ``.webm``.

    Args:
        frames: RGB pictures of one size, at least one.  H.264 of an odd height or width keeps full colour (4:4:4),
            which some players cannot show.
        path: Where to write.
        name: The clip's own name, which says what to write and is named in messages.
        rate: Frames a second.
        sound: A file whose sound goes with the frames, if it has any.

    Raises `ZooError` if PyAV is not installed, or cannot write it.
    """
    av = import_av(name)
    from av.codec.codec import UnknownCodecError

    suffix = name.suffix.lower()
    encoder, options = ENCODERS[suffix]
    try:
        with av.open(f"file:{path}", "w", format=suffix[1:]) as container:
            stream = container.add_stream(encoder, rate=rate, options=options)
            with Sound.of(sound, container, suffix) as track:
                for number, frame in enumerate(frames):
                    if number == 0:
                        stream.width, stream.height = frame.size
                        odd = encoder == "libx264" and (frame.width % 2 or frame.height % 2)
                        stream.pix_fmt = "yuv444p" if odd else "yuv420p"
                        context = stream.codec_context
                        context.colorspace = context.color_primaries = context.color_trc = BT709
                    track.until(number / rate)
                    picture = av.VideoFrame.from_image(frame).reformat(format=stream.pix_fmt, dst_colorspace=BT709)
                    picture.pts, picture.time_base = number, 1 / rate
                    container.mux(stream.encode(picture))
                container.mux(stream.encode())
                track.until(None)
    except av.FFmpegError as error:
        raise ZooError(f"{name}: the video cannot be written ({error.strerror}); write a GIF or a folder.") from None
    except UnknownCodecError as error:  # a PyAV that is not the one of pip may lack them
        raise ZooError(f"{name}: this PyAV has no encoder {error}; write another kind of file.") from None
