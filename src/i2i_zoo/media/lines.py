"""Thin lines: from soft edges, as pix2pix's authors drew them (``scripts/edges/PostprocessHED.m``), or of a picture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

#: An edge must be this much stronger than what is beside it.
STRONGER = 1.01

#: Pixels over which edges fade towards the border of the picture.
FADING = 5

#: How much brighter a picture in [0, 1] gets within a pixel at a strong edge.
STRONG = 0.02


def thin_lines(strength: Tensor, threshold: float, smallest: int) -> Tensor:
    """Where the lines are: the ridges of a map of edges, thinned, without small pieces.

    Args:
        strength: (H, W) in [0, 1].
        threshold: The least strength of a line.
        smallest: The least number of pixels of a piece, whose pixels touch at sides or corners.

    Returns:
        Booleans (H, W).
    """
    ridges = (suppressed(strength) >= max(threshold, torch.finfo(torch.float32).eps)).numpy()
    return torch.from_numpy(without_small(thinned(ridges), smallest))


def strong_edges(picture: Tensor) -> Tensor:
    """Where brightness changes most, across the edges of a picture (3, H, W) in [-1, 1]: booleans (H, W)."""
    grey = (picture * picture.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0) / 2
    bell = torch.exp(-torch.arange(-3, 4).square() / 2)
    kernel = torch.outer(bell, bell) / bell.sum().square()
    smooth = F.conv2d(F.pad(grey[None, None], (3, 3, 3, 3), mode="replicate"), kernel[None, None])[0, 0]
    down, across = torch.gradient(smooth)
    return suppressed(down.hypot(across)) >= STRONG


def suppressed(strength: Tensor) -> Tensor:
    """The strength (H, W) where neither neighbour across the edge is stronger, else 0; faded towards the border."""
    angle = across(strength)
    height, width = strength.shape
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    kept = strength.clone()
    for sign in (-1, 1):
        x, y = columns + sign * angle.cos(), rows + sign * angle.sin()
        grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
        beside = F.grid_sample(strength[None, None], grid[None], padding_mode="border", align_corners=False)[0, 0]
        kept[strength * STRONGER < beside] = 0
    for length, positions in ((height, rows), (width, columns)):
        kept *= (torch.minimum(positions, length - 1 - positions) / FADING).clamp_max(1)
    return kept


def across(strength: Tensor) -> Tensor:
    """The direction across an edge, in radians from x to y, from second derivatives of the smoothed map (H, W)."""
    triangle = 5 - torch.arange(-4, 5).abs().float()
    kernel = torch.outer(triangle, triangle) / triangle.sum().square()
    smooth = F.conv2d(F.pad(strength[None, None], (4, 4, 4, 4), mode="replicate"), kernel[None, None])[0, 0]
    dy, dx = torch.gradient(smooth)
    dxx = torch.gradient(dx, dim=1)[0]
    dyy, dyx = torch.gradient(dy)
    slant = torch.where(dyx > 0, -1.0, 1.0)  # never 0, which would turn lines that are exactly horizontal
    return (dyy * slant / (dxx + 1e-5)).atan().remainder(torch.pi)


def thinned(lines: np.ndarray) -> np.ndarray:
    """Lines (H, W) thinned until nothing changes; pieces stay connected (Guo, Hall 1989, algorithm A1)."""
    lines = lines.copy()
    before = -1
    while before != (before := int(lines.sum())):
        for half in (0, 4):  # from the one side, then from the other
            p = np.pad(lines, 1)
            # The neighbours, beginning in the east and turning north.
            n = [p[1:-1, 2:], p[:-2, 2:], p[:-2, 1:-1], p[:-2, :-2], p[1:-1, :-2], p[2:, :-2], p[2:, 1:-1], p[2:, 2:]]
            crossings = sum((~n[i] & (n[i + 1] | n[(i + 2) % 8])).astype(np.uint8) for i in (0, 2, 4, 6))
            pairs = [sum((n[i - k] | n[(i + 1 - k) % 8]).astype(np.uint8) for i in (0, 2, 4, 6)) for k in (0, -1)]
            few = np.minimum(*pairs)
            bound = (n[1 + half] | n[2 + half] | ~n[(7 + half) % 8]) & n[half]
            lines &= ~((crossings == 1) & (few >= 2) & (few <= 3) & ~bound)
    return lines


def without_small(lines: np.ndarray, smallest: int) -> np.ndarray:
    """Lines (H, W) without the pieces of fewer than ``smallest`` pixels."""
    kept = lines.copy()
    left = set(map(tuple, np.argwhere(lines).tolist()))
    while left:
        piece = [left.pop()]
        for row, column in piece:  # grows as its neighbours are found
            around = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= around
            piece += around
        if len(piece) < smallest:
            kept[tuple(zip(*piece, strict=True))] = False
    return kept
