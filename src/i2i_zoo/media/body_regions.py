"""The seven body regions of disentangled person image generation: boxes around groups of points.

Poses are (B, 18, 3): x and y in pixels and visibility.  Ma, Sun, Georgoulis, Van Gool, Schiele and Fritz 2018
(arXiv:1712.02621), sec. 3.1; the constants are those of the authors' code for 128x64 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

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

#: How far a box reaches beyond its points, and beyond a single point, in pixels.
MARGIN, SINGLE_MARGIN = 6, 10


def region_boxes(poses: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The boxes around the visible points of the regions, cut off at the edges of the picture.

    Args:
        poses: (B, 18, 3).
        size: Height and width of the picture.

    Returns:
        Boxes (B, 7, 4) of top, left, bottom and right in pixels; (0, 0, 1, 1) for a region without visible points.
        And (B, 7): 1 for a region with visible points, else 0.
    """
    boxes, seen = [], []
    last = poses.new_tensor([size[1] - 1, size[0] - 1])
    for region in REGIONS:
        points, visible = poses[:, region, :2], poses[:, region, 2:] > 0
        count = visible.sum(1)
        margin = torch.where(count > 1, MARGIN, SINGLE_MARGIN)
        low = (points.where(visible, torch.inf).amin(1) - margin).clamp(min=0).minimum(last)
        high = (points.where(visible, -torch.inf).amax(1) + margin).clamp(min=0).minimum(last)
        box = torch.cat([low.flip(-1), high.flip(-1)], -1)
        boxes.append(box.where(count > 0, poses.new_tensor([0, 0, 1, 1])))
        seen.append(count[:, 0] > 0)
    return torch.stack(boxes, 1), torch.stack(seen, 1).to(poses)
