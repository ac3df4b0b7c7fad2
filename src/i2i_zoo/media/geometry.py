"""Resizing, cropping and padding of picture tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .memory import need_picture_memory


def resize(image: Tensor, size: int | Sequence[int], nearest: bool = False) -> Tensor:
    """(C, H, W), uint8 or float, to (height, width): bicubic with antialiasing as in PIL, or nearest."""
    height, width = (size, size) if isinstance(size, int) else size
    if tuple(image.shape[-2:]) == (height, width):
        return image
    need_picture_memory((height, width, image.shape[0]), 4, "picture")
    if nearest:  # for colours of labels, which must not be mixed
        return F.interpolate(image[None], (height, width), mode="nearest-exact")[0]
    resized = F.interpolate(image[None], (height, width), mode="bicubic", antialias=True)[0]
    return resized if image.dtype == torch.uint8 else resized.clamp(-1, 1)


def resize_batch(images: Tensor, size: Sequence[int]) -> Tensor:
    """(B, C, H, W) to (height, width), as `resize`."""
    return resize(images.flatten(0, 1), size).view(*images.shape[:2], *size)


def resize_shorter(image: Tensor, length: int) -> Tensor:
    """(C, H, W) to a shorter side of this length, as `resize`."""
    shorter = min(image.shape[-2:])
    return resize(image, [round(side * length / shorter) for side in image.shape[-2:]])


def within(points: Tensor, size: Sequence[int]) -> Tensor:
    """Which points (..., 2), x and y, are in a picture of this height and width, or at most a pixel outside: (...)."""
    return ((points >= -1) & (points <= points.new_tensor([size[1], size[0]]))).all(-1)


def pad_to_stride(image: Tensor, stride: int, smallest: int = 1) -> tuple[Tensor, int, int]:
    """Mirror a batch (..., H, W) at its edges, evenly, to multiples of ``stride`` that are at least ``smallest``.

    Returns the padded batch and where the original begins in it: top, left.  Any size can be mirrored, 1x1 too.
    """
    offsets = []
    for dim in (-2, -1):
        length = image.shape[dim]
        extra = -max(length, smallest) % stride + max(smallest - length, 0)
        offsets.append(extra // 2)
        if extra:
            # A triangle wave of period 2 (length - 1) visits 0, 1, ..., length - 1, ..., 1, 0, 1, ...
            index = torch.arange(-(extra // 2), length + extra - extra // 2, device=image.device)
            period = max(2 * (length - 1), 1)
            index = index % period
            image = image.index_select(dim, torch.minimum(index, period - index).clamp_max(length - 1))
    return image, offsets[0], offsets[1]
