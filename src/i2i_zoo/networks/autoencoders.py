"""The autoencoders of one domain in MUNIT (Huang et al. 2018, arXiv:1804.04732) and in UNIT's revision of 2018."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convolution import NarrowConv2d, WideConv2d
from .normalization import adaptive_norm
from .resnet import ResidualBlock


class ImageLayerNorm(nn.Module):
    """Normalise (B, C, H, W) by the mean and deviation of each whole image, then scale and shift each channel.

    The authors' own version: it is the sample deviation (divided by N - 1), epsilon is added to the deviation, and the
    scales are initialised uniformly in [0, 1].
    """

    def __init__(self, channels: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.scale = nn.Parameter(torch.empty(channels).uniform_())
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        deviation, mean = torch.std_mean(x.float(), (1, 2, 3), keepdim=True)
        scale = self.scale[:, None, None] / (deviation + self.epsilon)
        return (x * scale + (self.shift[:, None, None] - mean * scale)).to(x.dtype)


class AdaptiveBlock(nn.Module):
    """A `ResidualBlock` with AdaIN in place of its two norms."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = WideConv2d(channels, channels, "reflect")
        self.second = WideConv2d(channels, channels, "reflect")

    def forward(self, x: Tensor, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
        """``first`` and ``second`` are the scale and shift of the two norms."""
        inner = F.relu(adaptive_norm(self.first(x), *first))
        return x + adaptive_norm(self.second(inner), *second)


def downs(channels: int, steps: Iterable[tuple[int, int]], norm: bool) -> list[nn.Module]:
    """A c7s1 and a c4s2 for each (inputs, outputs) of ``steps``, with reflected borders; instance norms if ``norm``."""
    layers: list[nn.Module] = []
    steps = list(steps)
    for inputs, outputs, kernel, stride in [
        (channels, steps[0][0], 7, 1),
        *((fine, coarse, 4, 2) for fine, coarse in steps),
    ]:
        layers.append(nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, padding_mode="reflect"))
        layers += [nn.InstanceNorm2d(outputs), nn.ReLU()] if norm else [nn.ReLU()]
    return layers


def ups(channels: int, steps: Iterable[tuple[int, int]]) -> list[nn.Module]:
    """A doubling, c5s1 and layer norm for each (inputs, outputs) of ``steps``, then c7s1 with tanh."""
    layers: list[nn.Module] = []
    steps = list(steps)
    for coarse, fine in steps:
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(coarse, fine, 5, padding=2, padding_mode="reflect")]
        layers += [ImageLayerNorm(fine), nn.ReLU()]
    return [*layers, NarrowConv2d(steps[-1][1], channels, 7, 3, "reflect"), nn.Tanh()]


class VariationalAutoencoder(nn.Module):
    """UNIT's autoencoder of 2018: (B, C, H, W) in [-1, 1] to the mean (B, 4 width, H/4, W/4) of a code, and back."""

    stride = 4
    smallest = 8  # the residual blocks mirror a pixel and normalise

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        steps = [(width, 2 * width), (2 * width, 4 * width)]
        coarse = [ResidualBlock(4 * width, "instance", False, "image") for _ in range(2 * blocks)]
        self.encoder = nn.Sequential(*downs(channels, steps, norm=True), *coarse[:blocks])
        self.decoder = nn.Sequential(*coarse[blocks:], *ups(channels, [(d, c) for c, d in reversed(steps)]))

    def encode(self, image: Tensor) -> Tensor:
        mean: Tensor = self.encoder(image)
        return mean

    def decode(self, code: Tensor) -> Tensor:
        image: Tensor = self.decoder(code)
        return image


class StyleAutoencoder(nn.Module):
    """MUNIT's autoencoder (sec. 5.1, appendix B).

    It splits an image into a content (B, 4 width, H/4, W/4) and a style (B, style), and joins them again.

    Args:
        channels: Channels of the image, (B, channels, H, W) in [-1, 1].
        width: Channels of the first layer.
        blocks: Number of residual blocks, in the encoder and again in the decoder.
        style: Length of the style.
        hidden: Width of the perceptron that turns a style into the scales and shifts of the decoder's AdaIN.
    """

    stride = 4
    smallest = 16  # the style encoder's innermost map mirrors a pixel

    def __init__(self, channels: int, width: int, blocks: int, style: int, hidden: int) -> None:
        super().__init__()
        coarse = 4 * width
        steps = [(width, 2 * width), (2 * width, coarse)]
        self.content_encoder = nn.Sequential(
            *downs(channels, steps, norm=True),
            *(ResidualBlock(coarse, "instance", False, "image") for _ in range(blocks)),
        )
        self.style_encoder = nn.Sequential(
            *downs(channels, [*steps, (coarse, coarse), (coarse, coarse)], norm=False),
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(coarse, style, 1),
            nn.Flatten(),
        )
        self.perceptron = nn.Sequential(
            nn.Linear(style, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, blocks * 4 * coarse),
        )
        self.blocks = nn.ModuleList(AdaptiveBlock(coarse) for _ in range(blocks))
        self.up = nn.Sequential(*ups(channels, [(d, c) for c, d in reversed(steps)]))

    def decode(self, content: Tensor, style: Tensor) -> Tensor:
        """The image (B, channels, H, W) of a content and a style."""
        shifts_and_scales = self.perceptron(style).chunk(4 * len(self.blocks), 1)
        norms = [(scale, shift) for shift, scale in zip(shifts_and_scales[::2], shifts_and_scales[1::2], strict=True)]
        for n, block in enumerate(self.blocks):
            content = cast(AdaptiveBlock, block)(content, norms[2 * n], norms[2 * n + 1])
        image: Tensor = self.up(content)
        return image
