"""Poses as pictures for networks and people: Gaussian maps, discs, limb masks and stick figures.

All take poses (..., 18, 3) as `i2i_zoo.media.poses` defines them and draw them in a picture of ``size`` = height and
width, on the poses' device.  A missing point, or a limb that lacks an end, is not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

#: The limbs of OpenPose's stick figure, each from point to point.
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip

#: The limbs that PG2's authors cover with their mask of a person, and pose-gan's with that of the metrics.
MASK_LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (1, 16), (1, 17), (8, 11), (11, 5), (8, 2), (16, 17),
)  # fmt: skip

#: Width of the square that closes gaps between the limbs of a mask.
CLOSING = 5


def gaussian_maps(points: Tensor, size: Sequence[int], sigma: float = 6.0) -> Tensor:
    """A map for each point: exp(-d^2 / (2 sigma^2)) of the distance d to it in pixels, and 0 for a missing point.

    The input of the Deformable GAN (Siarohin et al. 2018, section 3.1) and of PATN.  Differentiable in x and y.

    Returns:
        (..., 18, H, W) in [0, 1].
    """
    rows, columns = _axes(points, size)
    x, y, visibility = points[..., None].unbind(-2)
    down = torch.exp(-(rows - y).square() / (2 * sigma**2)) * visibility
    across = torch.exp(-(columns - x).square() / (2 * sigma**2))
    return down[..., :, None] * across[..., None, :]


def discs(points: Tensor, size: Sequence[int], radius: float = 4) -> Tensor:
    """A map for each point: 1 within ``radius`` pixels of it, else 0.  The point's fractions are cut off.

    The input of PG2 (Ma et al. 2017, section 3.1) and DPIG, whose networks take 2 m - 1.

    Returns:
        (..., 18, H, W), 0 or 1.
    """
    rows, columns = _axes(points, size)
    x, y, visibility = points[..., None].unbind(-2)
    down, across = (rows - y.trunc()).square(), (columns - x.trunc()).square()
    near = down[..., :, None] + across[..., None, :] <= radius**2
    return (near & (visibility[..., None] > 0)).to(points.dtype)


def limb_mask(points: Tensor, size: Sequence[int], radius: int = 4) -> Tensor:
    """The mask of a person that weights PG2's loss (Ma et al. 2017, section 3.2.1): discs along all limbs, then closed.

    Discs are at both ends of a limb and between them, about a radius apart, and their centres are cut off to whole
    pixels.  The authors' mask ``r4`` has the radius 4, and what they call ``r6`` has 7.

    Returns:
        (..., 1, H, W), 0 or 1.
    """
    height, width = size
    start, end, whole = _limbs(_flat(points))
    pieces = ((end - start).square().sum(-1, keepdim=True).sqrt() / radius).trunc().clamp_min(1)
    longest = 0 if pieces.is_meta or not pieces.numel() else int(pieces.max())
    step = torch.arange(longest + 1, device=points.device)
    centres = (start[..., None] + (end - start)[..., None] * step / pieces[..., None]).trunc().long() + radius
    x, y = centres.unbind(-2)
    # Centres up to a radius outside the picture reach into it.
    wide, high = width + 2 * radius, height + 2 * radius
    drawn = whole[..., None] & (step <= pieces) & (x >= 0) & (x < wide) & (y >= 0) & (y < high)
    place = torch.where(drawn, y * wide + x, wide * high).flatten(1)  # the last place is for those that are not drawn
    canvas = points.new_zeros(len(place), wide * high + 1).scatter_(1, place, 1.0)[:, :-1].view(-1, 1, high, wide)
    around = torch.arange(-radius, radius + 1, device=points.device)
    disc = (around.square() + around.square()[:, None] <= radius**2).to(points.dtype)
    return _closed((F.conv2d(canvas, disc[None, None]) > 0.5).to(points.dtype)).view(*points.shape[:-2], 1, *size)


def metric_mask(points: Tensor, size: Sequence[int], radius: float = 4) -> Tensor:
    """The mask of a person of mask-SSIM and mask-IS, as the Deformable GAN's authors draw it.

    Each limb is a rectangle of half the width ``radius``, each point a disc, and all together are closed.

    Returns:
        (..., 1, H, W), 0 or 1.
    """
    # Edges may go right through the centres of pixels, so that the last bit decides, and MPS has no such precision.
    exact = points.to("cpu" if points.device.type == "mps" else points.device, torch.float64)
    flat = _flat(exact)
    rows, columns = _axes(flat, size)
    x, y, visibility = flat[..., None].unbind(-2)
    near = (rows - y).square()[..., :, None] + (columns - x).square()[..., None, :] < radius**2
    mask = (near & (visibility[..., None] > 0)).any(1)
    for start, end, whole in zip(*(part.unbind(1) for part in _limbs(flat)), strict=True):
        along = end - start
        length = along.square().sum(-1, keepdim=True).sqrt()
        beside = torch.stack([-along[:, 1], along[:, 0]], -1) * radius / length
        corners = [start + beside, start - beside, end - beside, end + beside]
        mask |= _inside(corners, rows, columns) & (whole & (length[:, 0] > 0))[:, None, None]
    return _closed(mask[:, None].to(points)).view(*points.shape[:-2], 1, *size)


def stick_figure(points: Tensor, size: Sequence[int], width: float | None = None) -> Tensor:
    """A coloured stick figure on black: each limb has a colour of its own, so that left and right can be told apart.

    Args:
        points: (..., 18, 3).
        size: Height and width.
        width: Of the lines, in pixels; by default 1/40 of the longer side, at least 1.

    Returns:
        (..., 3, H, W) in [-1, 1].
    """
    rows, columns = _axes(points, size)
    half = max(max(size) / 40, 1) / 2 if width is None else width / 2
    flat = _flat(points)
    picture = flat.new_zeros(flat.shape[0], 3, *size)
    colours = rainbow(len(LIMBS)).to(flat)
    for colour, start, end, whole in zip(colours, *(part.unbind(1) for part in _limbs(flat, LIMBS)), strict=True):
        along = end - start
        across, down = columns - start[:, :1], rows - start[:, 1:]
        across, down = across[:, None, :], down[:, :, None]
        dx, dy = along[:, 0, None, None], along[:, 1, None, None]
        # How far along the limb a pixel's nearest point is, 0 at its start and 1 at its end.
        share = ((across * dx + down * dy) / (dx.square() + dy.square()).clamp_min(1e-12)).clamp(0, 1)
        distance = ((across - share * dx).square() + (down - share * dy).square()).sqrt()
        cover = (half + 0.5 - distance).clamp(0, 1) * whole[:, None, None]
        picture = picture.lerp(colour[:, None, None].expand_as(picture), cover[:, None].expand_as(picture))
    return (picture * 2 - 1).view(*points.shape[:-2], 3, *size)


def rainbow(count: int) -> Tensor:
    """Saturated colours (count, 3) in [0, 1], once around the colour wheel from red."""
    hue = torch.arange(count)[:, None] / count + torch.tensor([0, 2 / 3, 1 / 3])
    return (3 * (2 * hue.remainder(1) - 1).abs() - 1).clamp(0, 1)


def _axes(points: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The rows (H,) and columns (W,) of the pixels."""
    return (
        torch.arange(size[0], device=points.device, dtype=points.dtype),
        torch.arange(size[1], device=points.device, dtype=points.dtype),
    )


def _flat(points: Tensor) -> Tensor:
    """Poses (..., 18, 3) as (B, 18, 3)."""
    return points.reshape(-1, *points.shape[-2:])


def _limbs(points: Tensor, limbs: Sequence[tuple[int, int]] = MASK_LIMBS) -> tuple[Tensor, Tensor, Tensor]:
    """The ends of the limbs, (..., L, 2) each, and whether both are there, (..., L)."""
    start, end = (points[..., list(ends), :] for ends in zip(*limbs, strict=True))
    return start[..., :2], end[..., :2], (start[..., 2] > 0) & (end[..., 2] > 0)


def _inside(corners: Sequence[Tensor], rows: Tensor, columns: Tensor) -> Tensor:
    """Which pixels (B, H, W) are in a polygon with corners (B, 2).

    A ray from such a pixel to the right crosses the edges an odd number of times.
    """
    inside = torch.zeros(len(corners[0]), len(rows), len(columns), dtype=torch.bool, device=rows.device)
    for start, end in zip(corners, [corners[-1], *corners[:-1]], strict=True):
        x, y = start[:, :1], start[:, 1:]
        crossed = (y <= rows) != (end[:, 1:] <= rows)
        at = (end[:, :1] - x) * (rows - y) / (end[:, 1:] - y) + x
        inside ^= crossed[:, :, None] & (columns < at[:, :, None])
    return inside


def _closed(mask: Tensor) -> Tensor:
    """A mask (B, 1, H, W) dilated and then eroded by a square of `CLOSING` pixels."""
    grown = F.max_pool2d(mask, CLOSING, 1, CLOSING // 2)
    return -F.max_pool2d(-grown, CLOSING, 1, CLOSING // 2)
