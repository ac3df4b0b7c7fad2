"""Losses of optical flow."""

from __future__ import annotations

from torch import Tensor


def trusted_l1(found: Tensor, wanted: Tensor | float, confidence: Tensor) -> Tensor:
    """Mean over all elements of the absolute difference times the confidence.

    It is a mean over pixels without confidence too (vid2vid's ``MaskedL1Loss``), so a clip that moves much counts less.

    Args:
        found: (B, C, H, W).
        wanted: The same shape, or a number.
        confidence: (B, 1, H, W), from 0 to 1.
    """
    return ((found.float() - wanted).abs() * confidence).mean()
