"""Warping, composing and trusting a flow, and the loss that trusts it."""

from __future__ import annotations

import torch

from i2i_zoo.losses.flow import trusted_l1
from i2i_zoo.networks.flow import compose, confidence, warp


def pictures(count: int = 1, channels: int = 3, height: int = 5, width: int = 7) -> torch.Tensor:
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def flow(x: float, y: float, height: int = 5, width: int = 7) -> torch.Tensor:
    return torch.tensor([float(x), float(y)])[None, :, None, None].expand(1, 2, height, width).clone()


def test_a_flow_leads_to_where_a_pixel_was() -> None:
    earlier = pictures()
    torch.testing.assert_close(warp(earlier, flow(0, 0)), earlier)
    moved = warp(earlier, flow(2, -1))
    torch.testing.assert_close(moved[..., 1:, :5], earlier[..., :-1, 2:])
    # Beyond the border, it is read at the border.
    torch.testing.assert_close(moved[..., 1:, 5:], earlier[..., :-1, 6:].expand(-1, -1, -1, 2))
    torch.testing.assert_close(moved[..., 0, :5], earlier[..., 0, 2:])
    half = warp(earlier, flow(0.5, 0))
    torch.testing.assert_close(half[..., :6], (earlier[..., :6] + earlier[..., 1:]) / 2)


def test_a_picture_of_one_pixel_is_everywhere() -> None:
    earlier = pictures(1, 3, 1, 1)
    torch.testing.assert_close(warp(earlier, flow(3, 2, 1, 1)), earlier)


def test_composed_flows_lead_over_two_steps() -> None:
    first = pictures(1, 3, 9, 11)
    steps = flow(1, 2, 9, 11), flow(2, -1, 9, 11)
    second = warp(first, steps[0])
    third = warp(second, steps[1])
    over_both = compose(steps[1], steps[0])
    torch.testing.assert_close(over_both, flow(3, 1, 9, 11))
    inner = (..., slice(2, 6), slice(0, 7))
    torch.testing.assert_close(warp(first, over_both)[inner], third[inner])


def test_confidence_is_the_authors_threshold() -> None:
    later, earlier = torch.zeros(1, 3, 1, 3), torch.zeros(1, 3, 1, 3)
    earlier[0, :, 0] = torch.tensor([[0.0, 0.08, 0.1]])  # squared and summed over colours: 0, 0.0192, 0.03
    assert confidence(later, earlier, flow(0, 0, 1, 3)).tolist() == [[[[1.0, 1.0, 0.0]]]]


def test_the_loss_is_a_mean_over_pixels_without_confidence_too() -> None:
    found, wanted = torch.tensor([[[[1.0, 2.0, 5.0, 7.0]]]]), torch.tensor([[[[0.0, 4.0, 5.0, 0.0]]]])
    trusted = torch.tensor([[[[1.0, 1.0, 1.0, 0.0]]]])
    assert float(trusted_l1(found, wanted, trusted)) == 3 / 4
    assert float(trusted_l1(found, 0.0, trusted)) == 8 / 4
