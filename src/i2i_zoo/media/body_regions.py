"""The seven body regions of disentangled person image generation: boxes around groups of points.

Poses are (B, 18, 3): x and y in pixels and visibility.  Ma, Sun, Georgoulis, Van Gool, Schiele and Fritz 2018
(arXiv:1712.02621), sec. 3.1; the constants are those of the authors' code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

#: The points of each region: head and shoulders, upper body, lower body, left arm, right arm, left leg, right leg.
REGIONS = (
    (0, 1, 2, 5, 14, 15, 16, 17),
    (2, 3, 4, 5, 6, 7, 8, 11),
    (8, 9, 10, 11, 12, 13),
    (5, 6, 7),
    (2, 3, 4),
    (11, 12, 13),
    (8, 9, 10),
)

#: Whose constants: those for 128x64 pixels, or those for 256x256.
Dataset = Literal["market1501", "deepfashion"]

#: Knee and ankle of each leg: a person of whom one of each is seen is seen as a whole.
SHINS = ((12, 13), (9, 10))


class Margins(NamedTuple):
    """How far a box reaches beyond its points, beyond a single point, and beyond the nose, in pixels."""

    many: int
    single: int
    nose: int


MARKET = Margins(6, 10, 0)
WHOLE, CLOSE_UP = Margins(10, 20, 10), Margins(20, 40, 25)


def margins_for(poses: Tensor, dataset: Dataset) -> tuple[Tensor, ...]:
    """Each of the `Margins` for poses (B, 18, 3), as (B, 1); DeepFashion's are larger where a person is not whole."""
    if dataset == "market1501":
        return tuple(poses.new_full((len(poses), 1), margin) for margin in MARKET)
    whole = torch.stack([(poses[:, shin, 2] > 0).any(1) for shin in SHINS]).all(0)[:, None]
    return tuple(
        torch.where(whole, poses.new_tensor(far), poses.new_tensor(near))
        for far, near in zip(WHOLE, CLOSE_UP, strict=True)
    )


def region_boxes(poses: Tensor, size: Sequence[int], dataset: Dataset = "market1501") -> tuple[Tensor, Tensor]:
    """The boxes around the visible points of the regions, cut off at the edges of the picture.

    Args:
        poses: (B, 18, 3).
        size: Height and width of the picture.
        dataset: Whose margins.

    Returns:
        Boxes (B, 7, 4) of top, left, bottom and right in pixels; (0, 0, 1, 1) for a region without visible points.
        And (B, 7): 1 for a region with visible points, else 0.
    """
    many, single, above = margins_for(poses, dataset)
    lifted = poses.clone()
    lifted[:, 0, 1] = (poses[:, 0, 1] - above[:, 0]).clamp(min=0)  # the nose
    boxes, seen = [], []
    last = poses.new_tensor([size[1] - 1, size[0] - 1])
    for region in REGIONS:
        points, visible = lifted[:, region, :2], poses[:, region, 2:] > 0
        count = visible.sum(1)
        margin = torch.where(count > 1, many, single)
        low = (points.where(visible, torch.inf).amin(1) - margin).clamp(min=0).minimum(last)
        high = (points.where(visible, -torch.inf).amax(1) + margin).clamp(min=0).minimum(last)
        box = torch.cat([low.flip(-1), high.flip(-1)], -1)
        boxes.append(box.where(count > 0, poses.new_tensor([0, 0, 1, 1])))
        seen.append(count[:, 0] > 0)
    return torch.stack(boxes, 1), torch.stack(seen, 1).to(poses)
