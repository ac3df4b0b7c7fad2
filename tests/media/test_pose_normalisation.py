"""Global pose normalisation against the geometry of two cameras, and the smoothing of poses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.pose_normalisation import Stance, ankles_and_heights, normalised, smoothed
from i2i_zoo.tasks.pose import STANDING

FIGURE = torch.tensor(STANDING)


def filmed(distances: Tensor, tall: float, focal: float, horizon: float, size: tuple[int, int], eye: float) -> Tensor:
    """The poses (T, 18, 3) of somebody who stands at distances from a pinhole camera at the height ``eye``."""
    scale = focal / distances[:, None]
    ankle = FIGURE[10, 1]
    x = (size[1] - 1) / 2 + scale * tall * (FIGURE[:, 0] - 0.5)
    y = horizon + scale * (eye + tall * (FIGURE[:, 1] - ankle))
    return torch.stack([x, y, torch.ones_like(x)], -1)


def test_a_dancer_stands_where_the_other_person_would() -> None:
    distances = torch.linspace(3, 6, 61)
    source = filmed(distances, 1.8, 300, 100, (400, 300), 1.5)
    target = filmed(torch.linspace(2, 5, 61), 1.5, 300, 90, (400, 200), 1.2)
    stance = Stance.of(target)
    moved = normalised(source, (400, 300), stance, (400, 200))
    ankle, height, seen = ankles_and_heights(moved)
    assert bool(seen.all())
    from_ankle, _, _ = ankles_and_heights(source)
    own = Stance.of(source)
    share = (from_ankle - own.far) / (own.close - own.far)
    # The source moves through fewer rows than the target, so it takes the middle ones of the target.
    assert own.close - own.far < stance.close - stance.far
    middle = (stance.far + stance.close) / 2
    torch.testing.assert_close(ankle, middle + (share - 0.5) * (own.close - own.far), rtol=0, atol=0.01)
    # Where the row is, they are as tall as the target would be there.
    expected = 1.5 * (ankle - 90) / 1.2
    _, tall, _ = ankles_and_heights(target)
    whole = tall[0] * 2 / 300 / 1.5  # the share of the body between head and ankles
    inside = (share >= 0) & (share <= 1)
    torch.testing.assert_close(height[inside], (expected * whole)[inside], rtol=0.06, atol=0)
    torch.testing.assert_close(moved[:, 0, 0], torch.full((61,), 99.5), rtol=0, atol=1e-3)


def test_a_person_who_stays_like_themselves_stays_where_they_are() -> None:
    poses = filmed(torch.linspace(3, 6, 61), 1.8, 300, 100, (400, 300), 1.5)
    poses[:, 4] = 0
    same = normalised(poses, (400, 300), Stance.of(poses), (400, 300))
    ankle, _, _ = ankles_and_heights(poses)
    torch.testing.assert_close(ankles_and_heights(same)[0], ankle, rtol=0, atol=1e-3)
    torch.testing.assert_close(same, poses, rtol=0.02, atol=0.02)  # heights are those of the tallest nearby
    assert not same[:, 4].any()


def test_pictures_of_another_resolution() -> None:
    poses = filmed(torch.linspace(3, 6, 61), 1.8, 300, 100, (400, 300), 1.5)
    target = Stance.of(filmed(torch.linspace(2, 5, 61), 1.5, 200, 90, (400, 200), 1.2))
    large = torch.cat([(poses[..., :2] + 0.5) * 3 - 0.5, poses[..., 2:]], -1)
    expected = normalised(poses, (400, 300), target, (400, 200))
    torch.testing.assert_close(normalised(large, (1200, 900), target, (400, 200)), expected, rtol=1e-4, atol=0.01)


def test_the_authors_far_and_close() -> None:
    poses = torch.zeros(5, 18, 3)
    poses[..., 2] = 1
    # Median 100, close 120: far is the smallest row less than half of 20 above 100.
    poses[:, 10, 1] = poses[:, 13, 1] = torch.tensor([60.0, 95, 100, 110, 120])
    poses[:, 0, 1] = poses[:, 10, 1] - torch.tensor([30.0, 40, 50, 60, 50])
    stance = Stance.of(poses)
    assert (stance.far, stance.close) == (95, 120)
    assert stance.rows == (60, 95, 100, 110, 120)
    # At 120 the person is stooped by more than a tenth, so the largest height counts.
    assert (stance.height_at(95), stance.height_at(120), stance.close_height) == (40, 50, 60)


def test_frames_without_ankles_take_the_place_of_the_frame_before() -> None:
    poses = filmed(torch.linspace(3, 6, 5), 1.8, 300, 100, (400, 300), 1.5)
    hidden = poses.clone()
    hidden[3, 10] = hidden[0, 13] = 0
    stance = Stance.of(hidden)
    moved = normalised(hidden, (400, 300), stance, (400, 300))
    assert moved[3, 10].tolist() == [0, 0, 0]
    # Scaled about the ankles of the frame before, whose own do not move, the head keeps its distance to them.
    ankle, _, _ = ankles_and_heights(hidden)
    scale = (moved[3, 0, 1] - moved[3, 13, 1]) / (hidden[3, 0, 1] - hidden[3, 13, 1])
    own = (moved[2, 0, 1] - moved[2, 13, 1]) / (hidden[2, 0, 1] - hidden[2, 13, 1])
    torch.testing.assert_close(scale, own)
    torch.testing.assert_close(moved[3, 0, 1], ankle[2] + scale * (hidden[3, 0, 1] - ankle[2]), rtol=0, atol=0.01)
    with pytest.raises(ZooError, match="no pose shows the head and both ankles"):
        Stance.of(hidden[3:4], "dance.json")


def test_smoothing_takes_the_median_of_what_was_seen() -> None:
    poses = torch.zeros(9, 18, 3)
    poses[:, 0] = torch.stack([torch.arange(9.0), torch.arange(9.0), torch.ones(9)], 1)
    poses[4, 0] = torch.tensor([50, 0, 1])  # an outlier
    poses[2, 0] = 0  # a gap
    poses[:3, 1] = torch.tensor([7, 7, 1])  # seen in the first frames only
    found = smoothed(poses)
    assert found[4, 0].tolist() == [5.5, 4, 1]  # of 1, 3, 50, 5, 6 and 7, and of 1, 3, 0, 5, 6 and 7
    assert found[2, 0].tolist() == [3, 1, 1]  # of 0, 1, 3, 50 and 5, and of 0, 1, 3, 0 and 5
    assert found[:, 1, 2].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert not found[:, 2].any()
    still = poses[:1].expand(5, -1, -1)
    assert torch.equal(smoothed(still), still)
