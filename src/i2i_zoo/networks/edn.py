"""What Everybody Dance Now adds to pix2pixHD: faces are cut out, corrected and judged by themselves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .convolution import NarrowConv2d


class FaceDiscriminator(nn.Sequential):
    """A PatchGAN of 70 pixels for the face in a figure and in a picture, (B, 6, H, W) to (B, 1, h, w) logits.

    Its norms take the statistics of the batch, also outside training.  The authors' has the width 64, whatever their
    options say.
    """

    def __init__(self, in_channels: int = 6, width: int = 64) -> None:
        layers: list[nn.Module] = [nn.Conv2d(in_channels, width, 4, stride=2, padding=2), nn.LeakyReLU(0.2)]
        for n, stride in enumerate((2, 2, 1)):
            inputs, outputs = width * 2**n, width * 2 ** (n + 1)
            layers += [
                nn.Conv2d(inputs, outputs, 4, stride=stride, padding=2),
                nn.BatchNorm2d(outputs, track_running_stats=False),
                nn.LeakyReLU(0.2),
            ]
        super().__init__(*layers, NarrowConv2d(8 * width, 1, 4, 2))


def cut(pictures: Tensor, corners: Tensor, side: int) -> Tensor:
    """Squares (B, C, side, side) of pictures (B, C, H, W) at these corners (B, 2)."""
    return pictures.movedim(1, -1)[_places(corners, side)].movedim(-1, 1)


def added(pictures: Tensor, squares: Tensor, corners: Tensor) -> Tensor:
    """The pictures (B, C, H, W) with squares (B, C, side, side) added at these corners (B, 2)."""
    places = _places(corners, squares.shape[-1])
    return pictures.movedim(1, -1).index_put(places, squares.movedim(1, -1), accumulate=True).movedim(-1, 1)


def _places(corners: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """The indices of the squares' pixels, (B, side, side) together."""
    along = torch.arange(side, device=corners.device)
    rows, columns = (corners[:, :, None] + along).unbind(1)
    return torch.arange(len(corners), device=corners.device)[:, None, None], rows[:, :, None], columns[:, None, :]
