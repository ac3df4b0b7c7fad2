"""Optical flow: warping, composing and trusting it.

A flow (B, 2, H, W) belongs to a picture and leads to another one, here to an earlier one: x and y in pixels, to the
right and down, from each pixel to the place where its surface was.  So `warp` of the earlier picture looks like the
later one.  These are the conventions of vid2vid's code (``resample`` and ``flownet.py``).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

#: Below this squared distance, summed over red, green and blue in [-1, 1], a warped pixel counts as found again.
FOUND = 0.02


def warp(pictures: Tensor, flow: Tensor) -> Tensor:
    """What pictures (B, C, H, W) show at the places that a flow (B, 2, H, W) leads to.

    It is read bilinearly, and at its border beyond it, in float32.  A flow of 0 returns the picture.
    """
    height, width = flow.shape[-2:]
    y, x = torch.meshgrid(
        *(torch.arange(side, device=flow.device, dtype=torch.float32) for side in (height, width)), indexing="ij"
    )
    flow = flow.float()
    # Corners of the grid are centres of pixels: -1 and 1 are the first and the last.
    places = [
        (at + along) * (2 / max(length - 1, 1)) - 1
        for at, along, length in zip((x, y), flow.unbind(1), (width, height), strict=True)
    ]
    grid = torch.stack(places, -1)
    return F.grid_sample(pictures.float(), grid, mode="bilinear", padding_mode="border", align_corners=True)


def confidence(later: Tensor, earlier: Tensor, flow: Tensor) -> Tensor:
    """1.0 where the flow finds a pixel again, else 0.0, (B, 1, H, W); pictures are (B, 3, H, W) in [-1, 1].

    A pixel that was hidden, outside or lit otherwise is not found (vid2vid's ``compute_flow_and_conf``).
    """
    distance = (later.float() - warp(earlier, flow)).square().sum(1, keepdim=True)
    return (distance < FOUND).float()


def compose(flow: Tensor, before: Tensor) -> Tensor:
    """The flow over two steps (B, 2, H, W): ``flow`` leads one step back, ``before`` one more from there."""
    return flow.float() + warp(before, flow)
