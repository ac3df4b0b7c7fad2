"""Clips that are rotated, resized and recoloured in training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from i2i_zoo.data.clips import ClipData
from i2i_zoo.data.distortion import Distortion
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.pictures import to_pil


def corners(side: int = 12) -> torch.Tensor:
    """Two alike frames (2, 3, side, side), with a white square in the top left corner of a red one."""
    frames = torch.zeros(2, 3, side, side, dtype=torch.uint8)
    frames[:, 0] = 200
    frames[:, :, : side // 3, : side // 3] = 255
    return frames


def test_rotation_is_counter_clockwise_and_fills_with_black() -> None:
    turned = Distortion(90.0, (12, 12), (0, 0), 0.0)(corners())
    assert torch.equal(turned, corners().rot90(1, (2, 3)))
    assert (Distortion(45.0, (12, 12), (0, 0), 0.0)(corners())[:, :, 0, 0] == 0).all()


def test_smaller_frames_repeat_their_edges_and_larger_ones_are_cropped() -> None:
    small = Distortion(0.0, (6, 6), (0, 0), 0.0)(corners())
    assert small.shape == (2, 3, 12, 12)
    assert (small[:, :, :5, :5] == 255).all()  # a square of two, and three pixels that repeat it
    assert (small[:, 1, 5:] == 0).all()
    large = Distortion(0.0, (24, 24), (0.999, 0), 0.0)(corners())
    assert (large[:, 1] == 0).all()
    left = Distortion(0.0, (24, 24), (0, 0), 0.0)(corners())
    assert (left[:, :, :8, :8] == 255).all()
    assert (left[:, 1, 8:] == 0).all()


def test_a_third_of_a_turn_makes_red_green() -> None:
    turned = Distortion(0.0, (12, 12), (0, 0), 1 / 3)(corners())
    assert (turned[0, :, -1, -1].float() - torch.tensor([0.0, 200, 0])).abs().max() <= 2
    assert (turned[:, :, 0, 0] == 255).all()


def test_what_is_drawn_stays_in_range() -> None:
    random = torch.Generator().manual_seed(0)
    drawn = [Distortion.draw((20, 40), random, 10.0, (0.9, 1.1), 0.5) for _ in range(300)]
    assert -10 <= min(d.angle for d in drawn) < -9
    assert 9 < max(d.angle for d in drawn) <= 10
    assert {d.resized[0] for d in drawn} == {18, 19, 20, 21}
    assert all(d.resized[0] == d.resized[1] // 2 for d in drawn)
    assert -0.5 <= min(d.hue for d in drawn) < -0.45
    assert 0.45 < max(d.hue for d in drawn) <= 0.5


def test_training_clips_are_distorted_and_others_are_not(tmp_path: Path) -> None:
    for name in ("a.webp", "b.webp"):
        save_clip([to_pil(frame / 127.5 - 1) for frame in corners(16).repeat(2, 1, 1, 1)], tmp_path / name)
    options = {"rotation": 10.0, "zoom": [0.9, 1.1], "hue": 0.5}
    plain, data = (
        ClipData(str(tmp_path), frames=3, size=16, val_fraction=0, **more)  # type: ignore[arg-type]  # a mapping
        for more in ({}, options)
    )
    train = data.dataset("train")
    assert torch.equal(train[0, 0]["video"], train[0, 0]["video"])
    assert not torch.equal(train[0, 0]["video"], train[1, 0]["video"])
    assert not torch.equal(train[0, 0]["video"], plain.dataset("train")[0, 0]["video"])
    assert torch.equal(data.dataset("test")[0, 0]["video"], plain.dataset("test")[0, 0]["video"])
    with pytest.raises(ZooError, match=r"the least factor comes first, so \[1, 2\] and not \[2, 1\]"):
        ClipData(str(tmp_path), zoom=[2, 1])
