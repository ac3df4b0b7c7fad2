"""Body parts and how they move, against the numbers of the authors of deformable GANs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from golden.fill import Golden
from i2i_zoo.media.body_parts import (
    NOWHERE,
    PARTS,
    fit_affine,
    part_masks,
    part_transforms,
    torso_height,
    whole_transform,
)
from methods.posegan import poses, unpacked


@pytest.fixture(scope="module")
def case() -> tuple[torch.Tensor, torch.Tensor]:
    stored = Golden("posegan_geometry")
    return poses(stored["source_keypoints"]), poses(stored["target_keypoints"])


def test_transforms_are_the_authors(case: tuple[torch.Tensor, torch.Tensor]) -> None:
    stored, (source, target) = Golden("posegan_geometry"), case
    for name, known, found in (
        ("transforms", "determined", part_transforms(source, target)),
        ("uniform", "uniform_determined", whole_transform(source, target)),
    ):
        rows = torch.cat([found.flatten(2), torch.zeros(*found.shape[:2], 2)], -1)
        ok, ratio, difference = stored.check(name, rows * torch.from_numpy(stored[known])[..., None])
        assert ok, (name, ratio, difference)
    heights = torch.stack([torso_height(source), torso_height(target)], 1)
    assert stored.check("torso_height", heights)[0]


def test_transforms_of_degenerate_parts_are_finite(case: tuple[torch.Tensor, torch.Tensor]) -> None:
    stored, (source, target) = Golden("posegan_geometry"), case
    undetermined = torch.from_numpy(stored["determined"] == 0)
    found = part_transforms(source, target)
    assert undetermined.sum() == 5
    assert found.isfinite().all()
    nowhere = (found == torch.tensor(NOWHERE).view(2, 3)).all(-1).all(-1)
    # All but the torso of pair 21, whose points are on a line in the source only: there the fit exists.
    assert nowhere[undetermined].tolist() == [True, True, True, False, True]


def test_transforms_do_not_depend_on_the_batch(case: tuple[torch.Tensor, torch.Tensor]) -> None:
    source, target = case
    alone = torch.cat([part_transforms(source[i : i + 1], target[i : i + 1]) for i in range(len(source))])
    torch.testing.assert_close(part_transforms(source, target), alone)


def test_masks_are_the_authors(case: tuple[torch.Tensor, torch.Tensor]) -> None:
    stored, target = Golden("posegan_geometry"), case[1]
    begin, areas, differing = 0, [], 0
    for pose, (height, width) in zip(target, stored["image_size"].astype(int).tolist(), strict=True):
        count = PARTS * height * width // 8
        expected = unpacked(stored["masks_packed"][begin : begin + count], PARTS, height, width)
        begin += count
        found = part_masks(pose[None], height, width)[0]
        differing += int((found != expected).sum())
        areas.append(found.sum((1, 2)))
    assert stored.check("mask_area", torch.stack(areas))[0]
    assert differing <= 2  # pixels on the outline of limbs, of 4.7 million


def test_a_pose_without_a_torso_moves_nothing_and_is_drawn() -> None:
    pose = torch.zeros(1, 18, 3)
    pose[0, [2, 3]] = torch.tensor([[10.0, 20.0, 1.0], [30.0, 25.0, 1.0]])
    assert torso_height(pose) == 0
    assert part_transforms(pose, pose).flatten(2)[0].tolist() == [list(NOWHERE)] * PARTS
    assert part_masks(pose, 32, 32).isfinite().all()


def test_an_incomplete_torso_moves_with_all_points(case: tuple[torch.Tensor, torch.Tensor]) -> None:
    pose = case[0][:1].clone()
    pose[0, 8] = 0
    shift = torch.tensor([3.0, -2, 0])
    expected = torch.tensor([[1.0, 0, -3], [0, 1, 2]])
    found = part_transforms(pose, pose + shift * pose[..., 2:])[0, 0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    whole = whole_transform(pose, pose + shift * pose[..., 2:])[0, 0]
    torch.testing.assert_close(whole, expected, rtol=0, atol=1e-4)


def test_a_rotation_is_found() -> None:
    points = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 5, 2)))
    turn = torch.tensor([[math.cos(1), -math.sin(1)], [math.sin(1), math.cos(1)]], dtype=torch.float64)
    found = fit_affine(points, points @ turn.T + 7, torch.ones(3, 5, dtype=torch.float64))
    torch.testing.assert_close(found, torch.cat([turn, torch.full((2, 1), 7.0).double()], 1).expand(3, 2, 3))
