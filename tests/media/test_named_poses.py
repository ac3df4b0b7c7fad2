"""Poses that have a name."""

from __future__ import annotations

import pytest
import torch

from i2i_zoo.errors import ZooError
from i2i_zoo.media.named_poses import NAMED_POSES, named_pose
from i2i_zoo.media.poses import POINTS

FEET = [POINTS.index(f"{side} ankle") for side in ("right", "left")]
HIPS = [POINTS.index(f"{side} hip") for side in ("right", "left")]


def someone(name: str, height: float, x: float, floor: float) -> torch.Tensor:
    """A person of this height in pixels in a named pose, whose hips are at x."""
    rows = [(0, 0, 0) if point is None else (*point, 1000) for point in NAMED_POSES[name]]
    body = torch.tensor(rows) / 1000
    return torch.cat([body[:, :2] * height + torch.tensor([x, floor]), torch.ones(18, 1)], 1) * body[:, 2:]


@pytest.mark.parametrize("name", NAMED_POSES)
def test_a_body_of_human_proportions(name: str) -> None:
    pose = someone(name, 100, 0, 0)
    assert pose.shape == (18, 3)
    seen = pose[pose[:, 2] > 0]
    assert len(seen) >= 15
    assert pose[0, 1] > -95 or not pose[0, 2]
    for limb, longest in (((8, 9), 25), ((9, 10), 25), ((2, 3), 18), ((3, 4), 16), ((2, 5), 22)):
        for ends in (limb, {8: (11, 12), 9: (12, 13), 2: (5, 6), 3: (6, 7)}[limb[0]]):
            assert (pose[ends[0], :2] - pose[ends[1], :2]).norm() < longest
    assert -8 < pose[FEET, 1].max() <= -4


@pytest.mark.parametrize("was", ["standing", "standing-back", "arms-up", "waving"])
@pytest.mark.parametrize("name", NAMED_POSES)
def test_it_is_as_tall_as_the_person_and_in_its_place(was: str, name: str) -> None:
    person = someone(was, 110, 30.5, 120)
    torch.testing.assert_close(named_pose(name, person), someone(name, 110, 30.5, 120), rtol=0, atol=1e-3)


def test_missing_points_do_not_matter() -> None:
    person = someone("standing", 200, 40, 210)
    person[[0, 3, 4, 9, 10, 12, 13, 14, 15]] = 0  # neither face nor legs
    torch.testing.assert_close(named_pose("walking", person), someone("walking", 200, 40, 210), rtol=0, atol=1e-2)
    # A walker's hips are lower, and the height is about the same.
    again = named_pose("standing", someone("walking", 200, 40, 210))
    assert (again[FEET, 1] - someone("standing", 200, 40, 210)[FEET, 1]).abs().max() < 8
    assert (again[HIPS, 0].mean() - 40).abs() < 8


def test_a_person_of_no_known_height() -> None:
    upside_down = someone("standing", 100, 30, 120) * torch.tensor([1, -1, 1])
    for person in (upside_down, torch.zeros(18, 3)):
        with pytest.raises(ZooError, match=r"^waving: the pose in the source does not show how tall .*\.$"):
            named_pose("waving", person)
