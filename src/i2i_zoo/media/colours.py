"""Colour spaces, and matching the colours of one picture to those of another."""

from __future__ import annotations

import torch
from torch import Tensor

# sRGB primaries to XYZ (IEC 61966-2-1) and the white point D65 for the 2 degree observer, as in scikit-image.
_XYZ = torch.tensor([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = torch.tensor([0.95047, 1.0, 1.08883])


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """(B, 3, H, W) sRGB in [-1, 1] to CIE Lab as pix2pix scales it: L / 50 - 1, a / 110, b / 110 (authors' code)."""
    rgb = (rgb + 1) / 2
    linear = torch.where(rgb > 0.04045, ((rgb.clamp_min(0) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = torch.einsum("ij,bjhw->bihw", _XYZ.to(rgb) / _WHITE.to(rgb)[:, None], linear)
    f = torch.where(xyz > 0.008856, xyz.clamp_min(1e-8) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.unbind(1)
    return torch.stack([(116 * y - 16) / 50 - 1, 500 * (x - y) / 110, 200 * (y - z) / 110], 1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """The inverse of `rgb_to_lab`; colours outside sRGB are clipped."""
    lightness, a, b = lab.unbind(1)
    y = ((lightness + 1) * 50 + 16) / 116
    f = torch.stack([y + a * 110 / 500, y, (y - b * 110 / 200).clamp_min(0)], 1)
    xyz = torch.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787)
    linear = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(_XYZ / _WHITE[:, None]).to(lab), xyz)
    rgb = torch.where(linear > 0.0031308, 1.055 * linear.clamp_min(1e-8) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return rgb.clamp(0, 1) * 2 - 1


def match_colours(picture: Tensor, target: Tensor) -> Tensor:
    """A picture (3, H, W) with the means, deviations and correlations of another's colours (CORAL; Sun et al. 2016).

    Sums of products, not their means, have the identity added to them, as in AdaIN's PyTorch port.
    """
    colours, _, _ = standardised(picture)
    wanted, wanted_mean, wanted_std = standardised(target)
    eye = torch.eye(3, dtype=colours.dtype, device=colours.device)
    whitened = torch.linalg.solve(square_root(colours @ colours.T + eye), colours)
    matched = square_root(wanted @ wanted.T + eye) @ whitened
    recoloured: Tensor = matched * wanted_std + wanted_mean
    return recoloured.to(picture).view_as(picture)


def standardised(picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Colours (C, H W) at mean 0 and deviation 1, and what these were, (C, 1) each; in double precision."""
    colours = picture.cpu().double().flatten(1)
    mean, std = colours.mean(1, keepdim=True), colours.std(1, keepdim=True)
    return (colours - mean) / std.clamp(min=1e-6), mean, std  # a channel may be of one value


def square_root(matrix: Tensor) -> Tensor:
    """The square root of a symmetric positive definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors * values.clamp(min=0).sqrt() @ vectors.T
    return root
