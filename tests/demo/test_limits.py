from __future__ import annotations

import asyncio
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import tiny
from i2i_zoo.demo import limits
from i2i_zoo.demo.limits import Doorkeeper, TooLargeError, TooSlowError, check_picture, deadline, keep_to_deadline
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import save_clip


def png(file: Path, width: int, height: int) -> str:
    """A PNG file whose header promises pixels that it does not hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + size + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b""))
    return str(file)


@pytest.mark.parametrize("size", [(60_000, 60_000), (9000, 8000)])
def test_no_pixel_of_a_huge_picture_is_read(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(ZooError, match=r"^huge.png has more than 64 million pixels: scale it down before") as raised:
        check_picture(png(tmp_path / "huge.png", *size))
    assert not isinstance(raised.value, TooLargeError)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
def test_a_large_picture_is_scaled_down(tmp_path: Path, suffix: str) -> None:
    file = str(tmp_path / f"large.{suffix}")
    left = Image.new("RGB", (1600, 1200), "red")
    left.paste("blue", (800, 0, 1600, 1200))
    left.save(file)
    with pytest.raises(TooLargeError, match=r"has 1600x1200 pixels, 1.92 million, and this page takes 1.05 million"):
        check_picture(file)
    small = limits.scale_down(file, tmp_path)
    check_picture(small)
    with Image.open(small) as found:
        assert found.size == (1182, 886)
        near = [
            np.abs(np.subtract(found.getpixel((x, 400)), colour)).max()
            for x, colour in ((9, (255, 0, 0)), (1100, (0, 0, 255)))
        ]
    assert max(near) < 8
    assert limits.scale_down(small, tmp_path) == small


def test_a_photograph_that_lies_on_its_side(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (1600, 1200)).save(tmp_path / "phone.jpg", exif=exif)
    assert limits.header(tmp_path / "phone.jpg") == (1200, 1600)
    with Image.open(limits.scale_down(str(tmp_path / "phone.jpg"), tmp_path)) as small:
        assert small.size == (886, 1182)


def test_labels_are_not_mixed_when_a_map_is_scaled_down(tmp_path: Path) -> None:
    ids = (np.indices((1200, 1600)).sum(0) % 2 * 7).astype(np.uint8)
    Image.fromarray(ids).save(tmp_path / "map.png")
    with Image.open(limits.scale_down(str(tmp_path / "map.png"), tmp_path, smooth=False)) as small:
        assert set(np.unique(small)) == {0, 7}


def test_a_damaged_large_picture_is_named(tmp_path: Path) -> None:
    Image.effect_noise((1600, 1200), 80).save(tmp_path / "cut.jpg")
    whole = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ZooError, match=r"^cut.jpg cannot be read: image file is truncated"):
        limits.scale_down(str(tmp_path / "cut.jpg"), tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"words", b"%PDF-1.7", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_what_is_no_picture(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(ZooError, match=r"^broken.png is not a picture that can be read: give a PNG, JPEG"):
        check_picture(str(tmp_path / "broken.png"))


def test_a_long_and_large_clip_is_cut_and_scaled_down(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (600, 400), (number, 0, 0)) for number in range(limits.FRAMES + 6)]
    save_clip(frames, tmp_path / "long.gif")
    found = limits.first_frames(str(tmp_path / "long.gif"))
    assert len(found) == limits.FRAMES
    assert sum(frame.width * frame.height for frame in found) <= limits.FRAMES * limits.FRAME_PIXELS * 1.01
    assert found[0].width / found[0].height == pytest.approx(1.5, rel=0.01)


def test_a_clip_that_is_not_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("av")
    monkeypatch.setattr(limits, "ANIMATION_OPENED", 3 * 64 * 48 - 1)
    monkeypatch.setattr(limits, "FRAME_OPENED", 64 * 48 - 1)
    frames = [Image.new("RGB", (64, 48), (90 * number, 0, 0)) for number in range(3)]
    for name, sentence in {"wide.gif": "3 frames of 64x48 pixels", "wide.mp4": "frames of 64x48 pixels"}.items():
        save_clip(frames, tmp_path / name)
        with pytest.raises(ZooError, match=rf"^{re.escape(name)} has {sentence}: scale it down or shorten it"):
            limits.first_frames(str(tmp_path / name))


def test_a_model_stops_at_the_deadline() -> None:
    model = tiny.model().eval()
    keep_to_deadline(model)
    photo = Image.new("RGB", (64, 64))
    with deadline(-1), pytest.raises(TooSlowError, match="that one visitor gets at a time"):
        model.translate(photo)
    with deadline(60):
        assert model.translate(photo).size == (64, 64)
    assert model.translate(photo).size == (64, 64)  # without a deadline, as before
    assert torch.is_grad_enabled()


def answered(
    headers: list[tuple[bytes, bytes]], bodies: list[bytes], kept: int = 0, method: str = "POST"
) -> tuple[list[Any], list[Any]]:
    """What an application behind the doorkeeper receives, and what is sent back."""
    received: list[Any] = []
    sent: list[Any] = []
    waiting = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in bodies:
            received.append(await receive())

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    keeper = Doorkeeper(app, limit=10 * 2**20, kept=lambda: kept)
    asyncio.run(keeper({"type": "http", "method": method, "headers": headers}, receive, send))
    return received, sent


def test_a_request_that_is_too_long() -> None:
    received, sent = answered([(b"content-length", b"10485761")], [b"x"])
    assert not received
    assert sent[0]["status"] == 413
    assert b"At most 10 MB" in sent[1]["body"]
    received, sent = answered([], [bytes(6_000_000)] * 2)  # which does not say how long it is
    assert [message["type"] for message in received] == ["http.request", "http.disconnect"]
    assert not sent
    received, _ = answered([(b"content-length", b"1")], [b"x"])
    assert received[0]["body"] == b"x"


def test_a_full_page_is_only_read() -> None:
    full = limits.DISK + 1
    received, sent = answered([], [b"x"], full)
    assert not received
    assert sent[0]["status"] == 507
    assert limits.FULL.encode() in sent[1]["body"]
    received, sent = answered([], [b"x"], full, "GET")
    assert received
    assert not sent
    received, _ = answered([], [b"x"], limits.DISK)
    assert received
