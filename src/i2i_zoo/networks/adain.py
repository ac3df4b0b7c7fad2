"""AdaIN's encoder and decoder (Huang, Belongie 2017, sec. 6.1 and fig. 2)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

#: Indices of the encoder's layers whose outputs are relu1_1, relu2_1, relu3_1 and relu4_1.
TAPS = (3, 10, 17, 30)


class StyleEncoder(nn.Module):
    """VGG-19 up to relu4_1 in the authors' version: any width, reflected borders.

    A 1x1 convolution comes first and scales the colours.  Poolings round sizes up.  Layers have the authors' indices.

    Shapes: (B, 3, H, W) in [-1, 1] to (B, 8 width, H/8, W/8), sizes rounded up.  H and W are at least 9, because a map
    of one pixel cannot be reflected.  `maps` also returns the maps at full, half and a quarter of the size.

    Args:
        width: Channels of the first stage; 64 in VGG.
    """

    stride = 8
    smallest = 16

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
        for first, channels in ((3, [width] * 2), (width, [2 * width] * 2), (2 * width, [4 * width] * 4)):
            for inputs, outputs in pairwise([first, *channels]):
                layers += convolution(inputs, outputs)
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        self.layers = nn.Sequential(*layers, *convolution(4 * width, 8 * width))

    def forward(self, pictures: Tensor) -> Tensor:
        features: Tensor = self.layers(self.unit(pictures))
        return features

    @staticmethod
    def unit(pictures: Tensor) -> Tensor:
        """The pictures in [0, 1], with channels last: fastest for large maps, and kept up to the decoder's output."""
        return ((pictures + 1) / 2).contiguous(memory_format=torch.channels_last)

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """relu1_1, relu2_1, relu3_1 and relu4_1 of pictures."""
        x, maps = self.unit(pictures), []
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index in TAPS:
                maps.append(x)
        return maps


class StyleDecoder(nn.Module):
    """The encoder's mirror image: it doubles sizes by nearest neighbours and has no norms and no last activation.

    Shapes: (B, 8 width, h, w) to (B, 3, 8 h, 8 w), around [-1, 1] but not bounded; h and w are at least 2.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        layers = [*convolution(8 * width, 4 * width), nn.Upsample(scale_factor=2)]
        for channels in ([4 * width] * 4 + [2 * width], [2 * width] * 2 + [width]):
            for inputs, outputs in pairwise(channels):
                layers += convolution(inputs, outputs)
            layers.append(nn.Upsample(scale_factor=2))
        self.layers = nn.Sequential(*layers, *convolution(width, width), *convolution(width, 3)[:-1])

    def forward(self, features: Tensor) -> Tensor:
        unit: Tensor = self.layers(features)
        return unit * 2 - 1


def convolution(inputs: int, outputs: int) -> list[nn.Module]:
    """The layers of a 3x3 convolution with a reflected border and ReLU."""
    return [nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3), nn.ReLU(inplace=True)]


def masked_statistics(features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """`channel_statistics` of the part of features (B, C, h, w) that a mask (1, 1, h, w) in [0, 1] covers."""
    area = mask.sum()
    mean = (features * mask).sum((2, 3), keepdim=True) / area.clamp(min=1e-5)
    variance = ((features - mean).square() * mask).sum((2, 3), keepdim=True) / (area - 1).clamp(min=1)
    return mean, torch.sqrt(variance + 1e-5)
