"""Random colours: variety for a training whose photographs are few, or all from one camera."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

#: What is adjusted, and the value that changes nothing.
_ADJUSTMENTS = (
    (F.adjust_brightness, 1.0),
    (F.adjust_contrast, 1.0),
    (F.adjust_saturation, 1.0),
    (F.adjust_hue, 0.0),
)


def jittered(photo: Tensor, strengths: Sequence[float], random: torch.Generator) -> Tensor:
    """A photograph (3, H, W), uint8, with other brightness, contrast, saturation and hue, adjusted in this order.

    Args:
        photo: The photograph.
        strengths: How far each of the four may go from its value, as in torchvision's ``ColorJitter``: factors are
            drawn from ``1 - strength`` to ``1 + strength``, and hues are turned by up to ``strength`` of the circle.
        random: Each adjustment draws one number from it, if its strength is not 0.
    """
    for (adjust, unchanged), strength in zip(_ADJUSTMENTS, strengths, strict=True):
        if strength:
            photo = adjust(photo, unchanged + strength * (2 * float(torch.rand((), generator=random)) - 1))
    return photo
