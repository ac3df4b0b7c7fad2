"""Emoji and sketches of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.rendered.emoji import draw_pair, emoji, place, sketch, write_pairs
from i2i_zoo.errors import ZooError
from i2i_zoo.seeds import numbered_generator

#: Where Debian's package fonts-noto-color-emoji puts it.
FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
needs_font = pytest.mark.skipif(not FONT.exists(), reason="the font Noto Color Emoji is not installed")


@pytest.fixture
def button() -> Image.Image:
    """A red disc of 100 pixels with a blue one in it, on nothing."""
    picture = Image.new("RGBA", (100, 100))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((0, 0, 99, 99), (220, 30, 30, 255))
    draw.ellipse((30, 30, 70, 70), (30, 30, 220, 255))
    return picture


def test_the_same_seed_draws_the_same_pair(button: Image.Image) -> None:
    one, again, other = (np.asarray(draw_pair(button, 64, numbered_generator(0, n))) for n in (3, 3, 4))
    assert one.shape == (64, 128, 3)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_an_emoji_fills_most_of_its_square_and_stays_inside(button: Image.Image) -> None:
    for number in range(10):
        coloured = np.asarray(place(button, 128, numbered_generator(0, number))).min(-1) < 250
        rows, columns = np.nonzero(coloured)
        for extent in (np.ptp(rows) + 1, np.ptp(columns) + 1):
            assert 0.7 * 128 < extent <= 0.96 * 128
        assert 0.6 < coloured.sum() / extent**2 < 0.9  # a disc fills 0.785 of its square


def test_a_sketch_has_lines_where_colours_change_and_nowhere_else(button: Image.Image) -> None:
    square = Image.new("RGB", (256, 256), "white")
    square.paste(button.resize((200, 200)), (28, 28), button.resize((200, 200)))
    picture = torch.from_numpy(np.array(square)).movedim(-1, 0) / 255
    y, x = torch.meshgrid(torch.arange(128) - 63.5, torch.arange(128) - 63.5, indexing="ij")
    radius = torch.hypot(y, x)
    drawn = []
    for number in range(8):
        lines = sketch(picture, numbered_generator(0, number))
        assert lines.shape == (1, 128, 128)
        assert lines.min() >= 0
        ink = 1 - lines[0]
        near = ((radius - 50).abs() < 8) | ((radius - 20).abs() < 8)
        assert ink[~near].max() < 0.01
        drawn.append(ink[near].sum())
        assert all(ink[(radius - ring).abs() < 8].max() > 0.9 for ring in (20, 50))
    assert max(drawn) > 1.2 * min(drawn)  # thick and thin lines


def test_a_file_that_is_no_font_is_named(tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"no font")
    with pytest.raises(ZooError, match=r"font\.ttf: no emoji can be read here"):
        emoji(tmp_path / "font.ttf")


def test_one_emoji_of_ten_is_for_the_test(button: Image.Image, tmp_path: Path) -> None:
    write_pairs({f"button{n}": button for n in range(20)}, tmp_path / "emoji", size=32, sketches=2, hed=0)
    names = {split: sorted(file.stem for file in (tmp_path / "emoji" / split).iterdir()) for split in ("train", "test")}
    assert names["test"] == ["button0-0", "button10-0"]
    assert len(names["train"]) == 36
    data = PairedData(str(tmp_path / "emoji"), load_size=32, crop_size=None, test_size=32, num_workers=0)
    item = data.dataset("train")[0, 0]
    assert item["source"].shape == item["target"].shape == (3, 32, 32)
    with pytest.raises(ZooError, match="exists already"):
        write_pairs({"button": button}, tmp_path / "emoji", hed=0)


@pytest.mark.usefixtures("hed")
def test_the_last_sketches_are_heds(button: Image.Image, tmp_path: Path) -> None:
    write_pairs({"test": button, "train": button}, tmp_path / "emoji", size=32, sketches=2, hed=1)
    for number in range(2):
        drawn = np.asarray(Image.open(tmp_path / f"emoji/train/train-{number}.png"))
        expected = draw_pair(button, 32, numbered_generator(0, number, 1), hed=number == 1)
        assert np.array_equal(drawn, np.asarray(expected))
        other = draw_pair(button, 32, numbered_generator(0, number, 1), hed=number == 0)
        assert not np.array_equal(drawn[:, :32], np.asarray(other)[:, :32])
        assert np.array_equal(drawn[:, 32:], np.asarray(other)[:, 32:])


@needs_font
def test_the_font_has_a_thousand_emoji() -> None:
    found = emoji(FONT)
    assert len(found) > 1000
    assert {picture.mode for picture in found.values()} == {"RGBA"}
    face = np.asarray(found["1f600"])  # a grinning face, which is mostly yellow
    assert face[..., 3].mean() > 180
    red, green, blue = np.median(face[face[..., 3] == 255][:, :3], 0)
    assert red > 200
    assert green > 150
    assert blue < 120
