"""CUT's networks: CycleGAN's networks that blur before they subsample (Zhang 2019, arXiv:1904.11486).

Channels and depth are those of `ResNetGenerator` and `PatchDiscriminator`.  The normalisation is instance norm.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError

from .discriminators import RECEPTIVE_FIELDS
from .resnet import ResidualBlock


class BlurDown(nn.Module):
    """Blur each channel by the binomial filter 1 2 1 in both directions, then keep every other pixel.

    Borders are mirrored.  (B, C, H, W) of at least 2x2 pixels to (B, C, H/2, W/2), rounded up.
    """

    filter: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("filter", taps.outer(taps)[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        filters = self.filter.expand(channels, -1, -1, -1)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), filters, stride=2, groups=channels)


def blur_up() -> nn.Module:
    """Double height and width bilinearly.  This equals the authors' filter 1 3 3 1 with repeated borders."""
    return nn.Upsample(scale_factor=2, mode="bilinear")


class FeatureEncoder(nn.Sequential):
    """A sequence of stages: an image (B, C, H, W) to the list of each stage's output (B, c, h, w)."""

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for stage in self:
            x = stage(x)
            maps.append(x)
        return maps


class AntialiasedResNet(nn.Module):
    """The residual generator: an encoder, whose features CUT compares, and a decoder.

    (B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]; H and W are multiples of ``stride``.  There are at
    least five ``blocks``.  The encoder's features (appendix) are the mirrored image itself, the outputs of the
    convolutions before the two halvings, and the outputs of the first and the fifth block.  The decoder starts there.
    """

    def __init__(self, in_channels: int = 3, out_channels: int = 3, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        inner = 4 * width

        def unit(channels: int) -> list[nn.Module]:
            return [nn.InstanceNorm2d(channels), nn.ReLU()]

        def residual(count: int) -> list[nn.Module]:
            return [ResidualBlock(inner, "instance", False, "image") for _ in range(count)]

        self.encoder = FeatureEncoder(
            nn.ReflectionPad2d(3),
            nn.Sequential(nn.Conv2d(in_channels, width, 7), *unit(width), nn.Conv2d(width, 2 * width, 3, padding=1)),
            nn.Sequential(*unit(2 * width), BlurDown(), nn.Conv2d(2 * width, inner, 3, padding=1)),
            nn.Sequential(*unit(inner), BlurDown(), *residual(1)),
            nn.Sequential(*residual(4)),
        )
        self.decoder = nn.Sequential(
            *residual(blocks - 5),
            *(blur_up(), nn.Conv2d(inner, 2 * width, 3, padding=1), *unit(2 * width)),
            *(blur_up(), nn.Conv2d(2 * width, width, 3, padding=1), *unit(width)),
            nn.Conv2d(width, out_channels, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )
        self.feature_channels = (in_channels, 2 * width, inner, inner, inner)
        self.stride = 4
        self.smallest = 8  # the residual blocks mirror one pixel and normalise, so they need two by two

    def forward(self, x: Tensor) -> Tensor:
        image: Tensor = self.decoder(self.encoder(x)[-1])
        return image

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile encoder and decoder separately, because training calls them separately."""
        self.encoder.compile(*args, **kwargs)
        self.decoder.compile(*args, **kwargs)


class AntialiasedPatchDiscriminator(nn.Module):
    """The PatchGAN that blurs: (B, in_channels, H, W) to (B, 1, h, w) logits, 30x30 for a 256x256 image at 70.

    ``receptive_field`` is that of the PatchGAN without blurs.  With them, a logit of "70" sees 84 pixels.

    Raises `ZooError` for a receptive field other than 16, 34, 70, 142 and 286.
    """

    def __init__(self, in_channels: int = 3, width: int = 64, receptive_field: int = 70) -> None:
        super().__init__()
        halvings = RECEPTIVE_FIELDS.get(receptive_field)
        if halvings is None:
            choices = [field for field, strided in RECEPTIVE_FIELDS.items() if strided is not None]
            raise ZooError(f"No PatchGAN that blurs sees {receptive_field} pixels: choose from {choices}.")
        #: The smallest height and width of pictures: 2 by 2 maps before the last convolution.
        self.smallest = 3 * 2**halvings
        layers: list[nn.Module] = [nn.Conv2d(in_channels, width, 4, padding=1), nn.LeakyReLU(0.2)]
        widths = [width * min(2**n, 8) for n in range(halvings + 1)]
        for inputs, outputs in itertools.pairwise(widths):
            layers += [BlurDown(), nn.Conv2d(inputs, outputs, 4, padding=1)]
            layers += [nn.InstanceNorm2d(outputs), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.body(x)
        return logits
