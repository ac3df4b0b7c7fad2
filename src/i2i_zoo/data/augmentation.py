"""Augmentation: drawn once per item, then applied alike to its pictures, label ids, keypoints and frames.

Coordinates: x goes to the right and y down, in pixels, and whole numbers are the centres of pixels.  The top left pixel
is (0, 0), and a picture of W pixels across covers x from -0.5 to W - 0.5.  Points move as pixels do:

- Resizing from W to V pixels across: x' = (x + 0.5) V / W - 0.5, which is ``align_corners=False`` in PyTorch.
- Cropping: x' = x - left.
- Mirroring a picture of W pixels across: x' = W - 1 - x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.geometry import resize
from i2i_zoo.media.poses import cropped, mirrored, resized

Size = int | Sequence[int] | None


@dataclass(frozen=True)
class Augmentation:
    """Resizing, then cropping, then mirroring, the same for all parts of an item.

    Args:
        original: Height and width of the item's pictures, before anything is done.
        resized: Height and width that they are resized to.
        window: Top, left, height and width of the crop, in the resized picture.
        mirrored: Whether the crop is mirrored, left to right.
    """

    original: tuple[int, int]
    resized: tuple[int, int]
    window: tuple[int, int, int, int]
    mirrored: bool = False

    @classmethod
    def draw(
        cls,
        original: Sequence[int],
        random: torch.Generator,
        *,
        load_size: Size,
        zoom: Sequence[float] | None = None,
        crop_size: Size = None,
        flip: bool = False,
        file: Path,
    ) -> Augmentation:
        """The augmentation of one item.

        Numbers are drawn in this order: the factor if there is a ``zoom``, top and left of the crop if there is one,
        then whether to mirror if ``flip``.

        Args:
            original: Height and width of the item's pictures.
            random: The item's random generator.
            load_size: Size to resize to, one number or [height, width]; None keeps the original.
            zoom: The least and the largest factor to multiply that size by; None for no such factor.
            crop_size: Size of the random crop, one number or [height, width]; None for no crop.
            flip: Mirror half of the items.
            file: The item's file, for messages.

        Raises:
            ZooError: If the resized picture is smaller than the crop.
        """
        height, width = extent(load_size, original)
        if zoom is not None:
            factor = zoom[0] + (zoom[1] - zoom[0]) * float(torch.rand((), generator=random))
            height, width = round(height * factor), round(width * factor)
        resized = height, width
        top, left = 0, 0
        crop_height, crop_width = extent(crop_size, resized)
        if crop_size is not None:
            if crop_height > height or crop_width > width:
                raise ZooError(
                    f"{file}: {width}x{height} pixels are too few for crops of {crop_width}x{crop_height}; "
                    "choose a smaller crop_size or a load_size."
                )
            top = int(torch.randint(height - crop_height + 1, (), generator=random))
            left = int(torch.randint(width - crop_width + 1, (), generator=random))
        mirrored = flip and bool(torch.rand((), generator=random) < 0.5)
        return cls((original[0], original[1]), resized, (top, left, crop_height, crop_width), mirrored)

    @classmethod
    def centred(cls, original: Sequence[int], size: tuple[int, int], mirrored: bool = False) -> Augmentation:
        """The largest part at the centre that has the shape of ``size``, height and width, resized to it."""
        height, width = size
        scale = max(height / original[0], width / original[1])
        resized = max(height, round(original[0] * scale)), max(width, round(original[1] * scale))
        window = ((resized[0] - height) // 2, (resized[1] - width) // 2, *size)
        return cls((original[0], original[1]), resized, window, mirrored)

    def picture(self, picture: Tensor, nearest: bool = False) -> Tensor:
        """Pictures (..., C, H, W), uint8 or floats in [-1, 1], such as the frames of a clip (T, C, H, W).

        They are resized bicubically with antialiasing, or, if ``nearest``, to the nearest pixel: for colours that stand
        for labels and must not mix.
        """
        if picture.dim() > 3:
            return torch.stack([self.picture(part, nearest) for part in picture])
        return self._crop(resize(picture, self.resized, nearest))

    def labels(self, ids: Tensor) -> Tensor:
        """Ids (..., H, W) of any type, which is kept; resized to the nearest pixel."""
        if self.resized != self.original:
            # PyTorch resizes no integers, and floats do not hold all of them: resize the pixels' numbers instead.
            pixels = torch.arange(prod(self.original), dtype=torch.float64).view(1, *self.original)
            ids = ids.flatten(-2)[..., resize(pixels, self.resized, nearest=True)[0].long()]
        return self._crop(ids)

    def flow(self, flow: Tensor) -> Tensor:
        """A flow (2, H, W) in pixels; resized to the nearest pixel, so that motions do not mix."""
        (height, width), (new_height, new_width) = self.original, self.resized
        lengths = flow.new_tensor([new_width / width, new_height / height])
        moved = self._crop(resize(flow, self.resized, nearest=True) * lengths[:, None, None])
        return moved * flow.new_tensor([-1.0, 1.0])[:, None, None] if self.mirrored else moved

    def keypoints(self, points: Tensor, pairs: Sequence[tuple[int, int]] = ()) -> Tensor:
        """Points (..., N, 3): x and y in pixels, as this module defines them, and visibility, 0 for a missing point.

        A point that leaves the picture becomes a missing one; missing ones are 0, 0, 0.

        Args:
            points: The points, floats.
            pairs: Indices of each left joint and its right counterpart, which change places in a mirror image: a
                mirrored left hand looks like a right hand.
        """
        points = cropped(resized(points, self.original, self.resized), *self.window)
        return mirrored(points, self.window[3], pairs) if self.mirrored else points

    def _crop(self, picture: Tensor) -> Tensor:
        top, left, height, width = self.window
        crop = picture[..., top : top + height, left : left + width]
        return crop.flip(-1) if self.mirrored else crop


def extent(size: Size, otherwise: Sequence[int]) -> tuple[int, int]:
    """Height and width of a size, one number or [height, width]; None stands for the other size."""
    height, width = (size, size) if isinstance(size, int) else otherwise if size is None else size
    return height, width
