"""Clips in files of all kinds: what is written is what is read."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from i2i_zoo.errors import ZooError
from i2i_zoo.media import video_files
from i2i_zoo.media.clips import open_clip, save_clip
from i2i_zoo.media.frames import Clip


def frame(number: int, width: int = 64, height: int = 48) -> Image.Image:
    """A grey picture with a light square that moves down."""
    picture = Image.new("RGB", (width, height), (90, 90, 90))
    picture.paste((240, 230, 220), (8, number % (height - 8), 24, number % (height - 8) + 8))
    return picture


def still(count: int) -> list[Image.Image]:
    """Equal frames, which many programs write as one."""
    return [frame(0)] * count


def distance(a: Image.Image, b: Image.Image) -> float:
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).mean())


VIDEOS = ("a.mp4", "a.webm")


@pytest.mark.parametrize("name", [*VIDEOS, "a.gif", "a.webp"])
@pytest.mark.parametrize("rate", [Fraction(8), Fraction(25), Fraction(30), Fraction(30000, 1001)])
def test_counts_rates_and_frames_are_those_written(tmp_path: Path, name: str, rate: Fraction) -> None:
    if name in VIDEOS:
        pytest.importorskip("av")
    written = [*still(6), *map(frame, range(31))]
    save_clip(iter(written), tmp_path / name, rate)
    clip = open_clip(tmp_path / name)
    assert clip.count() == 37
    if rate.denominator == 1 or name in VIDEOS:
        assert clip.rate == rate
    else:
        assert float(clip.rate) == pytest.approx(float(rate), rel=2e-3)
    read = list(clip)
    assert len(read) == 37
    for mine, its in zip(written, read, strict=True):
        assert distance(mine, its) < (3 if name in VIDEOS else 1e-9)
    assert [distance(its, written[i]) < 3 for its, i in zip(clip.frames(3, 30, 9), (3, 12, 21), strict=True)] == [
        True
    ] * 3


def test_a_folder_and_a_strip(tmp_path: Path) -> None:
    written = [frame(number, 40, 40) for number in range(5)]
    save_clip(written, tmp_path / "folder")
    save_clip(written, tmp_path / "strip.png")
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.size == (200, 40)
        strip.transpose(Image.Transpose.TRANSPOSE).save(tmp_path / "upright.png")
    assert sorted(file.name for file in (tmp_path / "folder").iterdir())[-1] == "000004.png"
    for name in ("folder", "strip.png"):
        clip = open_clip(tmp_path / name)
        assert (clip.count(), clip.rate) == (5, 25)
        np.testing.assert_array_equal(np.stack([*map(np.asarray, clip)]), np.stack([*map(np.asarray, written)]))
        assert [distance(*pair) for pair in zip(clip.frames(1, 5, 2), written[1::2], strict=True)] == [0, 0]
    assert open_clip(tmp_path / "upright.png").count() == 5
    with pytest.raises(ZooError, match=r"folder: it is there already; choose a new folder for the frames\.$"):
        save_clip(written, tmp_path / "folder")
    assert not list(tmp_path.glob(".*"))


def test_pillows_own_animations_have_their_merged_frames_again(tmp_path: Path) -> None:
    pictures = [frame(0), frame(0), frame(0), frame(5), frame(9), frame(9)]
    for name in ("a.gif", "a.webp"):
        pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=40, lossless=True)
        with Image.open(tmp_path / name) as file:
            assert file.n_frames == 3
        clip = open_clip(tmp_path / name)
        assert (clip.count(), clip.rate) == (6, 25)
        assert all(distance(*pair) < 1 for pair in zip(pictures, clip, strict=True))


@pytest.mark.parametrize("name", VIDEOS)
@pytest.mark.parametrize("size", [(63, 47), (64, 47), (63, 48)])
def test_odd_sides_stay(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    pytest.importorskip("av")
    save_clip([frame(number, *size) for number in range(5)], tmp_path / name)
    read = list(open_clip(tmp_path / name))
    assert [picture.size for picture in read] == [size] * 5
    assert distance(read[4], frame(4, *size)) < 3


@pytest.mark.parametrize("name", VIDEOS)
def test_colours_stay(tmp_path: Path, name: str) -> None:
    pytest.importorskip("av")
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 100, 50)]
    save_clip([Image.new("RGB", (64, 48), colour) for colour in colours], tmp_path / name)
    for colour, picture in zip(colours, open_clip(tmp_path / name), strict=True):
        assert distance(picture, Image.new("RGB", (64, 48), colour)) < 3


def with_matrix(file: Path, *matrix: int) -> None:
    """Write the matrix by which an MP4's frames are to be shown, as a phone does."""
    data = bytearray(file.read_bytes())
    begin = data.find(b"tkhd") + 44
    data[begin : begin + 36] = struct.pack(">9i", *matrix)
    file.write_bytes(data)


def test_rotation_flags_are_obeyed(tmp_path: Path) -> None:
    pytest.importorskip("av")
    one, end, file = 1 << 16, 1 << 30, tmp_path / "phone.mp4"
    clockwise = (0, one, 0, -one, 0, 0, 48 * one, 0, end)
    around = (-one, 0, 0, 0, -one, 0, 64 * one, 48 * one, end)
    against = (0, -one, 0, one, 0, 0, 0, 64 * one, end)
    turned = Image.Transpose
    for matrix, turn in ((clockwise, turned.ROTATE_270), (around, turned.ROTATE_180), (against, turned.ROTATE_90)):
        save_clip(map(frame, range(4)), file)
        with_matrix(file, *matrix)
        for number, picture in enumerate(open_clip(file)):
            assert distance(picture, frame(number).transpose(turn)) < 3
    save_clip(map(frame, range(4)), file)
    with_matrix(file, -one, 0, 0, 0, one, 0, 64 * one, 0, end)
    with pytest.raises(ZooError, match=r"phone\.mp4: its frames are to be shown mirrored"):
        list(open_clip(file))


def film(file: Path, times: list[int], pixels: str = "yuv420p", codec: str = "libx264", **metadata: str) -> None:
    """A video whose frames come at these hundredths of a second."""
    import av

    with av.open(str(file), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        stream.codec_context.time_base = Fraction(1, 100)
        stream.metadata.update(metadata)
        for number, time in enumerate(times):
            picture = av.VideoFrame.from_image(frame(number)).reformat(format=pixels)
            picture.pts, picture.time_base = time, Fraction(1, 100)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def numbers(clip: Clip) -> list[int]:
    """Which of the numbered frames each one is."""
    known = [np.asarray(frame(number), float) for number in range(40)]
    return [int(np.argmin([np.abs(np.asarray(its, float) - mine).mean() for mine in known])) for its in clip]


def test_a_varying_rate_becomes_an_even_one(tmp_path: Path) -> None:
    pytest.importorskip("av")
    unsteady = [4 * number + number % 2 for number in range(30)]  # as a phone's clock: each frame once
    film(tmp_path / "phone.mkv", unsteady)
    clip = open_clip(tmp_path / "phone.mkv")
    assert (clip.rate, clip.count(), numbers(clip)) == (25, 30, list(range(30)))
    film(tmp_path / "still.mkv", [0, 4, 8, 24, 28, 32])  # a frame that is shown for four
    clip = open_clip(tmp_path / "still.mkv")
    assert (clip.rate, numbers(clip)) == (25, [0, 1, 2, 2, 2, 2, 3, 4, 5])
    assert clip.count() == 9


def test_durations_that_are_a_mistake(tmp_path: Path) -> None:
    """Browsers show a GIF's frame of 10 ms for 100 ms; a pause of an hour is not a hundred thousand frames."""
    first, *others = [frame(number, 16, 16) for number in range(4)]
    first.save(tmp_path / "fast.gif", save_all=True, append_images=others, duration=10)
    fast = open_clip(tmp_path / "fast.gif")
    assert (fast.count(), fast.rate) == (4, 10)
    save_clip(fast, tmp_path / "again.gif", fast.rate)
    assert open_clip(tmp_path / "again.gif").rate == 10
    first.save(tmp_path / "pause.webp", save_all=True, append_images=others, duration=[20, 20, 20, 3_600_000])
    with pytest.raises(
        ZooError, match=r"pause\.webp: the shortest of its 4 frames lasts 0\.02 s, and the longest 3600 s"
    ):
        open_clip(tmp_path / "pause.webp")


def test_transparent_frames_are_refused(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    for name in ("a.gif", "a.webp"):
        clear.save(tmp_path / name, save_all=True, append_images=[frame(0, 16, 16).convert("RGBA"), clear], duration=40)
        with pytest.raises(ZooError, match=rf"{name}: it has transparent pixels; lay it on a background of one colour"):
            list(open_clip(tmp_path / name))
    pytest.importorskip("av")
    film(tmp_path / "a.webm", [0, 4], codec="libvpx-vp9", alpha_mode="1")
    with pytest.raises(ZooError, match=r"a\.webm: the video has transparent pixels"):
        open_clip(tmp_path / "a.webm")
    film(tmp_path / "a.mkv", [0, 4], pixels="yuva444p", codec="ffv1")
    assert len(list(open_clip(tmp_path / "a.mkv"))) == 2  # the channel is there, and opaque


def with_sound(file: Path, codec: str) -> None:
    """A second of pictures, and of a tone."""
    import av

    with av.open(str(file), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        heard: Any = container.add_stream(codec, rate=48_000, layout="mono")
        wave = np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000).astype(np.float32)[None]
        tone = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
        tone.sample_rate, tone.pts = 48_000, 0
        for number in range(25):
            container.mux(stream.encode(av.VideoFrame.from_image(frame(number))))
        container.mux(stream.encode())
        container.mux(heard.encode(tone))
        container.mux(heard.encode())


@pytest.mark.parametrize(
    ("codec", "name", "kept"),
    [("aac", "b.mp4", "aac"), ("aac", "b.webm", "opus"), ("pcm_s16le", "b.mp4", "aac"), ("libopus", "b.webm", "opus")],
)
def test_sound_goes_with_the_frames(tmp_path: Path, codec: str, name: str, kept: str) -> None:
    av = pytest.importorskip("av")
    with_sound(tmp_path / "a.mkv", codec)
    clip = open_clip(tmp_path / "a.mkv")
    save_clip(clip, tmp_path / name, clip.rate, sound=clip.path)
    assert open_clip(tmp_path / name).count() == 25
    with av.open(str(tmp_path / name)) as container:
        (heard,) = container.streams.audio
        assert heard.codec_context.name in (kept, f"lib{kept}")
        wave = np.concatenate([part.to_ndarray()[0] for part in container.decode(heard)])
    assert len(wave) / 48_000 == pytest.approx(1, abs=0.1)
    crossings = int((np.diff(np.sign(wave[4800:43_200])) != 0).sum())
    assert crossings == pytest.approx(2 * 440 * 0.8, rel=0.02)


def test_a_video_without_sound_stays_silent(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    save_clip(still(3), tmp_path / "a.mp4")
    save_clip(still(3), tmp_path / "b.webm", sound=tmp_path / "a.mp4")
    with av.open(str(tmp_path / "b.webm")) as container:
        assert not container.streams.audio


PEAK = """
import resource, sys
from pathlib import Path
from PIL import Image
from i2i_zoo.media import video_files
from i2i_zoo.media.clips import open_clip, save_clip

def frames(count):
    for number in range(count):
        yield Image.new("RGB", (640, 480), (number % 256, 0, 99))

path, count = Path(sys.argv[1]), int(sys.argv[2])
save_clip(frames(3), path)
list(open_clip(path))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
save_clip(frames(count), path)
assert sum(1 for _ in open_clip(path)) == open_clip(path).count() == count
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", [*VIDEOS, "a.gif", "a.webp", "folder"])
def test_a_long_clip_never_lies_in_memory(tmp_path: Path, name: str) -> None:
    if name in VIDEOS:
        pytest.importorskip("av")
    script = PEAK if name != "folder" else PEAK.replace("save_clip(frames(3), path)\nlist(open_clip(path))\n", "")
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / name), "200"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) < 100_000  # kB, of 180 MB that the frames would take


def broken() -> Iterator[Image.Image]:
    yield frame(0, 48)
    raise RuntimeError("no more")


@pytest.mark.parametrize("name", [*VIDEOS, "a.gif", "a.webp", "folder", "a.png"])
def test_a_write_that_fails_leaves_nothing(tmp_path: Path, name: str) -> None:
    if name in VIDEOS:
        pytest.importorskip("av")
    with pytest.raises(RuntimeError, match="no more"):
        save_clip(broken(), tmp_path / name)
    for frames, sentence in (
        ([], f"{name}: a clip needs at least one frame."),
        ([frame(0, 48), frame(0, 32, 32)], f"{name}: a clip has frames of one size, not of 48x48 and 32x32 pixels"),
    ):
        with pytest.raises(ZooError, match=re.escape(sentence)):
            save_clip(frames, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name, rate, sentence in (
        ("a.avi", 25, "a.avi: a clip cannot be written as .avi; choose .mp4, .webm, .gif, .webp, .png or a folder."),
        ("a.gif", 60, "a.gif: 60 frames a second are more than the 50 that such a file can show; write an .mp4 file"),
        ("a.webp", 0, "a.webp: 0 frames a second cannot be written; choose from 0.01 to 1000."),
        ("a.png", 25, "a.png: a strip holds square frames, not 64x48 pixels; write a video, a GIF or a folder."),
        ("file/a.webp", 25, "a.webp: the clip cannot be written (File exists); choose another place."),
    ):
        with pytest.raises(ZooError, match=re.escape(sentence)):
            save_clip(still(2), tmp_path / name, rate)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_clip(map(frame, range(5)), tmp_path / "cut.gif")
    (tmp_path / "cut.gif").write_bytes((tmp_path / "cut.gif").read_bytes()[:-700])
    (tmp_path / "empty").mkdir()
    frame(0, 100, 48).save(tmp_path / "uneven.png")
    for name, sentence in (
        ("gone.mp4", "gone.mp4: there is no such file; check the path."),
        ("empty", "empty: the folder holds no pictures; check the path."),
        ("cut.gif", "cut.gif: the GIF cannot be read ("),
        ("uneven.png", "uneven.png: a strip holds square frames, and 100x48 pixels are no whole number of them"),
    ):
        with pytest.raises(ZooError, match=re.escape(sentence)):
            list(open_clip(tmp_path / name))
    (tmp_path / "film.mp4").write_bytes(b"film")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "av", None)
        sentence = (
            r"film\.mp4: video files need PyAV, which is not installed \(pip install av\); or use a GIF or a folder"
        )
        with pytest.raises(ZooError, match=sentence):
            open_clip(tmp_path / "film.mp4")
        with pytest.raises(ZooError, match=r"b\.mp4: video files need PyAV"):
            save_clip(still(2), tmp_path / "b.mp4")
    pytest.importorskip("av")
    with pytest.raises(
        ZooError, match=r"film\.mp4: the video cannot be read \(Invalid data found .*; replace the file"
    ):
        open_clip(tmp_path / "film.mp4")


def test_an_encoder_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.setitem(video_files.ENCODERS, ".mp4", ("libnone", {}))
    with pytest.raises(ZooError, match=r"a\.mp4: this PyAV has no encoder libnone; write another kind of file\.$"):
        save_clip(still(2), tmp_path / "a.mp4")


def test_any_name_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.chdir(tmp_path)
    save_clip(still(2), Path("http:%03d/a:b.mp4"))
    assert open_clip("http:%03d/a:b.mp4").count() == len(list(open_clip("http:%03d/a:b.mp4"))) == 2
