"""Maps and masks of poses, beside those of the authors of the Deformable GAN and of PG2."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from golden.fill import Golden
from i2i_zoo.media.pose_drawing import LIMBS, discs, gaussian_maps, limb_mask, metric_mask, rainbow, stick_figure
from i2i_zoo.media.poses import MIRRORED, mirrored

SIZE = (128, 64)


def from_rows_and_columns(keypoints: np.ndarray) -> Tensor:
    """Poses (..., 18, 3) of the authors' (..., 18, 2) of row and column, -1 where missing."""
    points = torch.from_numpy(keypoints.astype(np.float32)).flip(-1)
    seen = (points != -1).all(-1, keepdim=True)
    return torch.cat([points, seen], -1).where(seen, 0.0)


def unpacked(bits: np.ndarray, *shape: int) -> Tensor:
    return torch.from_numpy(np.unpackbits(bits.reshape(-1))[: int(np.prod(shape))].reshape(shape)).float()


def test_gaussian_maps_are_the_authors() -> None:
    golden = Golden("posegan_heatmaps")
    maps = gaussian_maps(from_rows_and_columns(golden["keypoints"]), SIZE)
    assert golden.check("maps", maps[..., ::4, ::4])[0]
    assert golden.check("sums", maps.sum((-2, -1)))[0]


def test_discs_are_the_authors() -> None:
    golden = Golden("pg2_masks")
    found = discs(from_rows_and_columns(golden["keypoints"]), SIZE)
    assert torch.equal(found.movedim(1, -1), unpacked(golden["disc_packed"], 8, *SIZE, 18))
    assert golden.check("disc_area", found.sum((-2, -1)))[0]


@pytest.mark.parametrize(("radius", "name"), [(4, "mask_r4"), (7, "mask_r6")])
def test_limb_masks_are_the_authors(radius: int, name: str) -> None:
    golden = Golden("pg2_masks")
    found = limb_mask(from_rows_and_columns(golden["keypoints"]), SIZE, radius)[:, 0]
    assert torch.equal(found, unpacked(golden[f"{name}_packed"], 8, *SIZE))


def test_masks_of_the_metric_are_the_authors() -> None:
    golden = Golden("posegan_geometry")
    points, begin = from_rows_and_columns(golden["target_keypoints"]), 0
    for pose, (height, width) in zip(points, golden["image_size"].tolist(), strict=True):
        bits = golden["ma_masks_packed"][begin : begin + height * width // 8]
        assert torch.equal(metric_mask(pose, (height, width))[0], unpacked(bits, height, width))
        begin += len(bits)
    assert begin == len(golden["ma_masks_packed"])


DRAWINGS = [gaussian_maps, discs, limb_mask, metric_mask, stick_figure]


@pytest.mark.parametrize("draw", DRAWINGS)
def test_a_batch_is_drawn_as_its_poses_are(draw) -> None:
    points = from_rows_and_columns(Golden("pg2_masks")["keypoints"]).view(2, 4, 18, 3)
    together = draw(points, (40, 48))
    assert together.dtype == points.dtype
    assert together.shape[:2] == (2, 4)
    assert together.shape[3:] == (40, 48)
    for i, j in np.ndindex(2, 4):
        assert torch.equal(together[i, j], draw(points[i, j], (40, 48)))
    nobody = draw(torch.zeros(18, 3), (16, 16))
    assert torch.equal(nobody, torch.full_like(nobody, -1.0 if draw is stick_figure else 0.0))


@pytest.mark.parametrize("draw", [gaussian_maps, discs, metric_mask])  # PG2 cuts centres off to the left
def test_a_mirrored_pose_has_the_mirrored_drawing(draw) -> None:
    points = from_rows_and_columns(Golden("posegan_heatmaps")["keypoints"])
    expected = draw(points, SIZE).flip(-1)
    if expected.shape[1] == 18:
        order = [{**dict(MIRRORED), **{b: a for a, b in MIRRORED}}.get(i, i) for i in range(18)]
        expected = expected[:, order]
    different = (draw(mirrored(points, 64), SIZE) - expected).abs() > 1e-5
    # A rectangle does not own the pixels on its right edge.
    assert different.sum() <= (60 if draw is metric_mask else 0)


def test_maps_have_a_gradient() -> None:
    points = from_rows_and_columns(Golden("posegan_heatmaps")["keypoints"]).requires_grad_()
    gaussian_maps(points, (32, 32), sigma=2).square().sum().backward()
    assert points.grad is not None
    assert points.grad[..., :2].abs().sum() > 0


@pytest.mark.parametrize("draw", [limb_mask, metric_mask])
def test_a_limb_that_leaves_the_picture_is_drawn_up_to_its_edge(draw) -> None:
    points = torch.zeros(18, 3)
    points[2], points[3] = torch.tensor([10.0, 10, 1]), torch.tensor([900.0, 10, 1])
    mask = draw(points, (20, 40))[0]
    assert mask[10, 10:].all()
    assert not mask[0].any()
    assert not mask[:, :5].any()


def test_a_stick_figure_has_a_colour_for_each_limb() -> None:
    colours = rainbow(len(LIMBS))
    assert len({tuple(colour.tolist()) for colour in colours}) == len(LIMBS)
    for colour, (start, end) in zip(colours, LIMBS, strict=True):
        points = torch.zeros(18, 3)
        points[start], points[end] = torch.tensor([4.0, 8, 1]), torch.tensor([12.0, 8, 1])
        picture = stick_figure(points, (17, 17), width=3)
        torch.testing.assert_close(picture[:, 8, 8], colour * 2 - 1)
        assert picture[:, 8, 4:13].eq(picture[:, 8, 8:9]).all()
        # Three pixels wide, with round ends of 1.5 pixels.
        assert (picture.amax(0) > 0).sum(0)[8] == 3
        assert (picture.amax(0) > 0)[8].nonzero().flatten().tolist() == [*range(3, 14)]
