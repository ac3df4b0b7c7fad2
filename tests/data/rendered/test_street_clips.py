"""Drives along rendered streets: their flow is that of the geometry, and finds pictures, labels and things again."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from i2i_zoo.data.rendered.street_clips import StreetClips
from i2i_zoo.data.rendered.street_drawing import CAR, ROAD, SKY
from i2i_zoo.data.rendered.street_motion import Camera, MovingStreet, bilinear, flow_back, render_drive
from i2i_zoo.networks.flow import confidence, warp

LIGHT: dict[str, Any] = {"vanishing": (0.5, 0.45), "sun": 1, "overcast": 0.5}


@pytest.fixture(scope="module")
def item() -> dict[str, Any]:
    data = StreetClips(val=1, frames=4, size=[64, 128], seed=3)
    data.setup("fit")
    return data.datasets["val"][0, 0]


def frame(ahead: float, camera: Camera, label: bool = False) -> Any:
    """A road and a car, which is thing 2, that begins 12 metres ahead."""
    street = MovingStreet((60, 80), camera, LIGHT)
    street.thing = 1
    street.ground(4, 2)
    street.thing = 2
    street.upright((0, 2), (0, 1.5), 12 + ahead, CAR, (200, 0, 0))
    return street.finish_frame(np.array([0.0, 0.0, ahead]), np.random.default_rng(0).normal(size=(256, 256)))


def test_flow_is_that_of_the_geometry() -> None:
    before, after = Camera(0, 0, (0.5, 0.45)), Camera(0.5, 2, (0.52, 0.44))
    seen = frame(1.0, after)
    flow = flow_back(seen, np.array([0.0, 0.0, 1.0]), after, before)
    car, road, sky = (seen.labels == label for label in (CAR, ROAD, SKY))
    assert car.sum() > 20
    assert min(road.sum(), sky.sum()) > 500
    # The sky moves with the vanishing point alone.
    np.testing.assert_allclose(flow[:, sky], np.array([[-0.02 * 80], [0.01 * 60]]).repeat(sky.sum(), 1), atol=1e-4)
    # The car was 12 metres ahead and is 11: a pixel at x of it was seen at 0.9 (x - camera) / 12.
    row, column = np.argwhere(car).mean(0).astype(int)
    x = ((column + 0.5) / 80 - 0.52) / 0.9 * 11 + 0.5
    height = 1.4 - ((row + 0.5) / 60 - 0.44) / 1.2 * 11
    expected = (0.5 + 0.9 * x / 12) * 80 - column - 0.5, (0.45 + 1.2 * (1.4 - height) / 12) * 60 - row - 0.5
    np.testing.assert_allclose(flow[:, row, column], expected, atol=1e-4)
    # The road lies 1.4 metres below the camera.
    row, column = 50, 20
    assert road[row, column]
    z = 1.2 * 1.4 / ((row + 0.5) / 60 - 0.44)
    x = ((column + 0.5) / 80 - 0.52) / 0.9 * z + 0.5
    expected = (0.5 + 0.9 * x / (z + 2)) * 80 - column - 0.5, (0.45 + 1.2 * 1.4 / (z + 2)) * 60 - row - 0.5
    np.testing.assert_allclose(flow[:, row, column], expected, atol=1e-4)


def test_flow_finds_the_frame_before(item: dict[str, Any]) -> None:
    video, flow = item["video"], item["flow"]
    trusted, standing, reversed_ = (
        confidence(video[1:], video[:-1], f).mean() for f in (flow[1:], 0 * flow[1:], -flow[1:])
    )
    assert trusted > 0.85
    assert trusted > standing + 0.1
    assert standing > reversed_
    error = (warp(video[:-1], flow[1:]) - video[1:]).abs().mean()
    assert error < 0.6 * (video[:-1] - video[1:]).abs().mean()
    labels = item["label"].float()[:, None]
    assert (warp(labels[:-1], flow[1:]).round() == labels[1:]).float().mean() > 0.93


def test_instances_are_things_that_keep_their_numbers() -> None:
    drive = render_drive(3, (64, 128), 3)
    counted = {int(i) for i in np.unique(drive.instances) if i >= 1000}
    assert counted
    for number in counted:
        labels = np.unique(drive.labels[drive.instances == number])
        assert labels.tolist() == [number // 1000]
        assert number // 1000 in (CAR, 9, 10)
    stuff = drive.instances < 1000
    np.testing.assert_array_equal(drive.instances[stuff], drive.labels[stuff])
    shared = [set(np.unique(drive.instances[t]).tolist()) & counted for t in (0, 2)]
    assert shared[0] & shared[1]


def test_a_longer_drive_begins_as_a_shorter_one_looks() -> None:
    one, other = render_drive(1, (32, 64), 2), render_drive(2, (32, 64), 2)
    again = render_drive(1, (32, 64), 2)
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one.photos, other.photos)
    assert not one.flow[0].any()


def test_texture_has_unit_deviation_between_its_values() -> None:
    tile = np.random.default_rng(0).normal(size=(256, 256))
    at = np.random.default_rng(1).uniform(-1000, 1000, (200, 200, 2))
    assert float(bilinear(tile, at).std()) == pytest.approx(1, abs=0.05)
    assert float(bilinear(tile, np.full((1, 1, 2), 256.0))[0, 0]) == tile[0, 0]


def test_training_clips_begin_anywhere_and_are_mirrored() -> None:
    data = StreetClips(train=2, val=1, drives=1, frames=2, size=[32, 64])
    data.setup("fit")
    train: Any = data.datasets["train"]
    clips = [train[epoch, 0] for epoch in range(8)]
    whole = train.drive(train.first_seed)
    video = whole["video"].float() / 127.5 - 1

    def place(clip: dict[str, Tensor]) -> tuple[int, bool]:
        found = [
            (start, mirrored)
            for start in range(3)
            for mirrored in (False, True)
            if torch.allclose(clip["video"], (video.flip(-1) if mirrored else video)[start : start + 2], atol=1e-6)
        ]
        return found[0]

    places = [place(clip) for clip in clips]
    assert {mirrored for _, mirrored in places} == {False, True}
    assert len({start for start, _ in places}) > 1
    for clip, (start, mirrored) in zip(clips, places, strict=True):
        flow = whole["flow"][start : start + 2]
        expected = torch.stack([-flow[:, 0], flow[:, 1]], 1).flip(-1) if mirrored else flow
        assert torch.equal(clip["flow"], expected)
    copied = pickle.loads(pickle.dumps(train))
    assert torch.equal(copied[3, 1]["video"], train[3, 1]["video"])


def test_epochs_go_through_all_drives() -> None:
    data = StreetClips(train=2, val=2, drives=3, frames=2, size=[8, 16])
    data.setup("fit")
    train, val = (data.datasets[split] for split in ("train", "val"))
    names = [train[epoch, index]["name"].partition("_")[0] for epoch in range(3) for index in range(2)]
    assert names == ["drive0", "drive1", "drive2"] * 2
    assert [val[epoch, 1]["name"] for epoch in range(2)] == ["drive1000001_1"] * 2


def test_batches(item: dict[str, Any]) -> None:
    assert {key: tuple(value.shape) for key, value in item.items() if key != "name"} == {
        "label": (4, 64, 128), "instance": (4, 64, 128), "video": (4, 3, 64, 128), "flow": (4, 2, 64, 128),
        "seen": (4, 1, 64, 128),
    }  # fmt: skip
    assert item["label"].dtype == item["instance"].dtype == torch.int64
    assert item["video"].abs().max() <= 1
    assert StreetClips(size=[64, 128]).preprocess.to_json() == {"size": [64, 128], "source_palette": "camvid"}
