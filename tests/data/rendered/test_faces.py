"""The rendered face: its landmarks, its movements and its flow."""

from __future__ import annotations

import numpy as np
import torch

from i2i_zoo.data.rendered.face_clips import RenderedFace, Talk
from i2i_zoo.data.rendered.faces import Moment, Person, Speech, flow_back, landmarks, seen_surface
from i2i_zoo.networks.flow import warp

STILL = Moment(turn=0, tilt=0, centre=(100.0, 100.0), width=50.0, eyes=1, mouth=0, brows=0)


def test_landmarks_have_dlibs_order() -> None:
    points = landmarks(STILL)
    assert points.shape == (68, 2)
    x, y = points.T
    assert x[0] < x[8] < x[16]
    assert y[8] == y.max()
    assert x[17:27].tolist() == sorted(x[17:27])
    assert (y[17:27] < y[36:48].min()).all()
    assert y[27:31].tolist() == sorted(y[27:31])
    assert y[30] < y[33] < y[51] < y[62] <= y[66] < y[57] < y[8]
    for first in (36, 42):  # each eye begins at its left corner, and goes over its top
        assert x[first] == x[first : first + 6].min()
        assert x[first + 3] == x[first : first + 6].max()
        assert y[first + 1] < y[first] < y[first + 5]
    opposite = landmarks(STILL._replace(turn=0))[[*range(16, -1, -1)]]
    np.testing.assert_allclose(200 - opposite[:, 0], x[:17], atol=1e-9)


def test_it_turns_blinks_and_speaks() -> None:
    still = landmarks(STILL)
    turned = landmarks(STILL._replace(turn=0.5))
    assert turned[33, 0] > still[33, 0] + 10
    closed, opened = landmarks(STILL._replace(eyes=0)), landmarks(STILL._replace(mouth=1))
    assert closed[41, 1] - closed[37, 1] < 0.4 * (still[41, 1] - still[37, 1])
    assert opened[66, 1] - opened[62, 1] > 5 + still[66, 1] - still[62, 1]
    assert opened[8, 1] > still[8, 1] + 5
    moments = [Speech(3, (0, 0), 10).at(number / 12) for number in range(200)]
    for name, range_ in (("turn", 0.6), ("eyes", 0.9), ("mouth", 0.7)):
        values = [getattr(moment, name) for moment in moments]
        assert max(values) - min(values) > range_, name


def test_landmarks_are_on_what_they_name() -> None:
    person = Person(2)
    for moment in (STILL, STILL._replace(turn=0.4, tilt=0.2, mouth=1)):
        points = landmarks(moment)
        x, y = np.meshgrid(np.arange(200.0), np.arange(200.0))
        picture = person.frame(x, y, moment, Speech(0, (100, 100), 50))
        assert ((picture >= 0) & (picture <= 1)).all()

        def at(place: np.ndarray, picture: np.ndarray = picture) -> np.ndarray:
            column, row = place.round().astype(int)
            return picture[row, column]

        mouth = at((points[51] + points[62]) / 2), at((points[57] + points[66]) / 2)
        cheek = at((points[33] + points[3]) / 2)
        for lip in mouth:
            assert lip[1] / lip[0] < cheek[1] / cheek[0] - 0.1
        for brow in (19, 24):
            assert at(points[brow]).sum() < 0.7 * cheek.sum()
        for eye in (36, 42):
            assert at(points[eye : eye + 6].mean(0)).sum() < 0.7 * cheek.sum()  # iris or pupil
        if moment.mouth:
            assert at(points[62] * 0.3 + points[66] * 0.7).sum() < 0.5 * cheek.sum()


def test_flow_leads_to_the_same_surface() -> None:
    before = STILL._replace(turn=-0.3, tilt=0.1, centre=(103.0, 98.0), mouth=0.5)
    x, y = np.meshgrid(np.arange(200.0), np.arange(200.0))
    flow, seen = flow_back(x, y, STILL, before)
    now, then = seen_surface(x, y, STILL), seen_surface(x + flow[0], y + flow[1], before)
    head = ~np.isnan(now[0])
    for one, other in zip(now, then, strict=True):
        np.testing.assert_allclose(one[head & seen], other[head & seen], atol=1e-6)
    assert 0.5 < seen[head].mean() < 0.95
    assert (flow[:, ~head] == 0).all()
    hidden = ~np.isnan(seen_surface(x, y, before)[0])
    assert not seen[~head & hidden].any()


def test_clips_of_the_face() -> None:
    data = RenderedFace(train=3, val=1, test=1, size=64, frames=4, rate=4, num_workers=0)
    data.setup("fit")
    item, following = (data.datasets["train"][(0, index)] for index in (0, 1))
    assert {key: tuple(value.shape) for key, value in item.items() if key != "name"} == {
        "face": (4, 15, 64, 64), "video": (4, 3, 64, 64), "flow": (4, 2, 64, 64), "seen": (4, 1, 64, 64),
    }  # fmt: skip
    assert torch.equal(item["video"][2:], following["video"][:2])
    assert not torch.equal(data.datasets["val"][(0, 0)]["video"], item["video"])
    assert item["face"].min() >= 0
    assert item["face"].max() <= 1
    assert item["video"].abs().max() <= 1
    warped = warp(item["video"][:-1], item["flow"][1:])
    seen = item["seen"][1:]
    moved = ((item["video"][1:] - item["video"][:-1]) ** 2 * seen).mean()
    assert ((item["video"][1:] - warped) ** 2 * seen).mean() < 0.5 * moved
    assert data.preprocess.size == (64, 64)
    assert not data.preprocess.background


def test_the_box_is_nearly_the_whole_picture() -> None:
    talk = Talk(person=4, speech=9, size=64, rate=12)
    assert 100 < talk.box.side < 150
    x, y = talk.pixels(1)
    assert x.shape == (64, 64)
    np.testing.assert_allclose([x[0, 0] - talk.box.left, y[0, 0] - talk.box.top], talk.box.side / 128 - 0.5)
