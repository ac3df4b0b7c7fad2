"""How poses move with their pictures, and how they come from other numbers of points."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from i2i_zoo.data.augmentation import Augmentation
from i2i_zoo.errors import ZooError
from i2i_zoo.media.poses import (
    BODY_25,
    COCO_POINTS,
    MIRRORED,
    POINTS,
    as_pose,
    cropped,
    displacement,
    mirrored,
    resized,
)


def random_pose(height: int, width: int, seed: int = 0) -> Tensor:
    """A pose within a picture, with points 3 and 16 missing."""
    random = torch.Generator().manual_seed(seed)
    points = torch.rand(18, 3, generator=random) * torch.tensor([width - 1, height - 1, 0.0])
    points[:, 2] = 1
    points[[3, 16]] = 0
    return points


def test_points_have_their_names() -> None:
    assert POINTS[14] == "right eye"
    assert POINTS[16] == "right ear"
    assert all(POINTS[a].replace("right", "left") == POINTS[b] for a, b in MIRRORED)
    assert sorted(sum(MIRRORED, ())) == [*range(2, 18)]


def test_25_points_are_reduced_to_the_18_of_the_same_names() -> None:
    body_25 = torch.arange(75.0).view(25, 3) + 1
    found = as_pose(body_25)
    assert found[:, 2].eq(1).all()
    # Between the wrists and the hips, BODY_25 has the middle of the hips.
    assert torch.equal(found[:8, :2], body_25[:8, :2])
    assert torch.equal(found[8:, :2], body_25[9:19, :2])
    assert len(BODY_25) == 18


def test_coco_gets_a_neck_between_the_shoulders() -> None:
    coco = torch.rand(4, 17, 3) * 90 + 1
    coco[1, COCO_POINTS.index("left shoulder"), 2] = 0
    found = as_pose(coco)
    for name in COCO_POINTS:
        seen = coco[:, COCO_POINTS.index(name), 2] > 0
        assert torch.equal(found[seen, POINTS.index(name), :2], coco[seen, COCO_POINTS.index(name), :2])
    shoulders = coco[[0, 2, 3]][:, [5, 6], :2]
    torch.testing.assert_close(found[[0, 2, 3], 1, :2], shoulders.mean(1))
    assert found[1, [1, 5]].eq(0).all()
    assert found[1, :, 2].sum() == 16


def test_a_confidence_becomes_visibility_and_a_missing_point_zeros() -> None:
    points = torch.tensor([[7.0, 9.0, 0.3]]).repeat(18, 1)
    points[4] = torch.tensor([7.0, 9.0, 0.0])
    points[5] = torch.tensor([-1.0, -1.0, -1.0])
    found = as_pose(points)
    assert found.dtype == torch.float32
    assert found[[4, 5]].eq(0).all()
    assert found[0].tolist() == [7, 9, 1]


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (torch.zeros(18, 2), r"The pose has the shape \(18, 2\); give \(18, 3\) or \(frames, 18, 3\)"),
        (torch.zeros(19, 3), r"shape \(19, 3\)"),
        (torch.zeros(3), r"shape \(3,\)"),
        (torch.full((18, 3), torch.nan), r"x nan, y nan and visibility nan at point 0, which is no place"),
        (torch.tensor([[1e9, 0, 1]]).repeat(18, 1), r"x 1e\+09, .* give pixels, and 0, 0, 0"),
    ],
)
def test_what_is_no_pose(points: Tensor, sentence: str) -> None:
    with pytest.raises(ZooError, match=sentence):
        as_pose(points)


def test_points_stay_on_what_they_show() -> None:
    """A picture that holds a bright pixel for each point is resized, cropped and mirrored as the points are."""
    for number in range(18):
        points = torch.zeros(18, 3)
        points[number] = torch.tensor([5.0, 3.0, 1.0])
        picture = torch.zeros(1, 8, 12)
        picture[0, 3, 5] = 1
        twice = picture.repeat_interleave(3, 1).repeat_interleave(3, 2)
        moved = mirrored(cropped(resized(points, (8, 12), (24, 36)), 4, 7, 12, 20), 20)
        window = twice[0, 4:16, 7:27].flip(-1)
        rows, columns = window.nonzero().unbind(1)
        mirror = dict(MIRRORED) | {b: a for a, b in MIRRORED}
        found = moved[mirror.get(number, number)]
        assert found.tolist() == [columns.float().mean(), rows.float().mean(), 1]
        assert moved[:, 2].sum() == 1


def test_displacement_is_the_mean_of_the_points_seen_in_both() -> None:
    first, second = torch.zeros(2, 18, 3), torch.zeros(2, 18, 3)
    first[0, :3] = torch.tensor([[1.0, 1.0, 1.0], [5.0, 5.0, 1.0], [9.0, 9.0, 1.0]])
    second[0, :4] = torch.tensor([[4.0, 5.0, 1.0], [5.0, 6.0, 1.0], [0.0, 0.0, 0.0], [7.0, 7.0, 1.0]])
    assert displacement(first, second).tolist() == [3.0, 0.0]  # of 5 and 1; nobody in the second


def test_moves_are_undone_by_their_opposites() -> None:
    points = torch.stack([random_pose(40, 30, seed) for seed in range(3)])
    torch.testing.assert_close(mirrored(mirrored(points, 30), 30), points)
    torch.testing.assert_close(resized(resized(points, (40, 30), (128, 64)), (128, 64), (40, 30)), points)
    torch.testing.assert_close(cropped(cropped(points, -5, -9, 50, 50), 5, 9, 40, 30), points)
    assert mirrored(points, 30)[0, [6, 17]].eq(0).all()  # the left counterparts of the missing points


def test_augmentation_moves_poses() -> None:
    augmentation = Augmentation((40, 30), (80, 60), (10, 5, 64, 48), mirrored=True)
    points = random_pose(40, 30)
    found = augmentation.keypoints(points, MIRRORED)
    assert torch.equal(found, mirrored(cropped(resized(points, (40, 30), (80, 60)), 10, 5, 64, 48), 48))
    left = found[:, 2] == 0
    assert 2 < left.sum() < 16
    assert found[left].eq(0).all()
