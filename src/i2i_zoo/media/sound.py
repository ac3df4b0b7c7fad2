"""The sound of a video, taken over into another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

#: Which kinds of sound a file can hold as they are.
HELD = {".mp4": ("aac", "mp3", "ac3", "eac3", "alac", "opus"), ".webm": ("opus", "vorbis")}

#: What other kinds are encoded in.
ENCODERS = {".mp4": "aac", ".webm": "libopus"}


#: Samples a second of what is encoded; Opus knows no other rate of music.
RATE = 48_000


class Sound:
    """Packets of sound, each with its moment in seconds after the first frame, for a container of PyAV."""

    def __init__(self, packets: Iterator[tuple[Fraction, Any]], container: Any) -> None:
        self.packets, self.container = packets, container
        self.next = next(packets, None)

    @classmethod
    @contextmanager
    def of(cls, source: Path | None, container: Any, suffix: str) -> Iterator[Sound]:
        """The sound of a file, for a container that will be a file of this suffix; perhaps none."""
        import av

        if source is None:
            yield cls(iter(()), container)
            return
        with av.open(f"file:{source}", options={"protocol_whitelist": "file"}) as original:
            if not original.streams.audio:
                yield cls(iter(()), container)
                return
            video, heard = original.streams.video[0], original.streams.audio[0]
            start = (video.start_time or 0) * Fraction(video.time_base or 0)
            if heard.codec_context.name in HELD[suffix]:
                track = container.add_stream_from_template(heard)
                yield cls(copied(original, heard, track, start), container)
            else:
                layout = "mono" if heard.codec_context.layout.nb_channels == 1 else "stereo"
                track = container.add_stream(ENCODERS[suffix], rate=RATE, layout=layout)
                yield cls(encoded(original, heard, track, start), container)

    def until(self, time: Fraction | None) -> None:
        """Write what is heard until a moment, or, if it is None, the rest."""
        while self.next is not None and (time is None or self.next[0] <= time):
            self.container.mux(self.next[1])
            self.next = next(self.packets, None)


def copied(original: Any, heard: Any, track: Any, start: Fraction) -> Iterator[tuple[Fraction, Any]]:
    """The packets of a stream, for another one."""
    for packet in original.demux(heard):
        if packet.dts is not None:
            shift = round(start / packet.time_base)
            packet.pts, packet.dts = (packet.dts if packet.pts is None else packet.pts) - shift, packet.dts - shift
            moment = packet.pts * packet.time_base
            packet.stream = track
            yield moment, packet


def encoded(original: Any, heard: Any, track: Any, start: Fraction) -> Iterator[tuple[Fraction, Any]]:
    """The sound of a stream, encoded for another one."""
    for frame in original.decode(heard):
        frame.pts -= round(start / frame.time_base)
        for packet in track.encode(frame):
            yield packet.pts * packet.time_base, packet
    for packet in track.encode(None):
        yield packet.pts * packet.time_base, packet
