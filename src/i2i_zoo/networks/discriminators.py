"""Discriminators."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError

from .convolution import NarrowConv2d
from .hd import halve
from .normalization import norm_layer
from .spectral import SpectralConv2d

#: The receptive fields that a PatchGAN may have, in pixels.
ReceptiveField = Literal[1, 16, 34, 70, 142, 286]

#: Receptive field of a logit in pixels, to the number of convolutions between the first and the last.
#: None stands for 1x1 convolutions.
RECEPTIVE_FIELDS: dict[int, int | None] = {1: None, 16: 1, 34: 2, 70: 3, 142: 4, 286: 5}


class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al. 2017, sec. 3.2.2 and 6.1.2): one logit for each patch of ``receptive_field`` pixels.

    (B, in_channels, H, W) to (B, 1, h, w) logits, without a sigmoid; 30x30 for a 256x256 image at the paper's 70.  A
    conditional discriminator takes source and candidate concatenated, source first.

    Raises `ZooError` for a receptive field other than 1, 16, 34, 70, 142 and 286.
    """

    def __init__(self, in_channels: int = 6, width: int = 64, receptive_field: int = 70, norm: str = "batch") -> None:
        super().__init__()
        if receptive_field not in RECEPTIVE_FIELDS:
            raise ZooError(f"No PatchGAN sees {receptive_field} pixels: choose from {sorted(RECEPTIVE_FIELDS)}.")
        make_norm, bias = norm_layer(norm)
        strided = RECEPTIVE_FIELDS[receptive_field]
        #: The smallest height and width of pictures: 3 by 3 maps before the two last convolutions.
        self.smallest = 3 * 2**strided if strided else 1
        if strided is None:
            layers = [
                nn.Conv2d(in_channels, width, 1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(width, 2 * width, 1, bias=bias),
                make_norm(2 * width),
                nn.LeakyReLU(0.2),
                nn.Conv2d(2 * width, 1, 1, bias=bias),
            ]
        else:
            layers = [nn.Conv2d(in_channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
            channels = width
            for n in range(1, strided + 1):
                out = width * min(2**n, 8)
                stride = 2 if n < strided else 1
                layers += [nn.Conv2d(channels, out, 4, stride=stride, padding=1, bias=bias), make_norm(out)]
                # Not in place after torch's instance norm, which returns a view: its gradient would be copied.
                layers += [nn.LeakyReLU(0.2, inplace=norm != "instance")]
                channels = out
            layers += [NarrowConv2d(channels, 1, 4, 1)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.body(x)
        return logits


class PatchFeatures(nn.Module):
    """A PatchGAN of 70 pixels that returns the output of each of its five convolutions, the logits last.

    The middle layers have a norm.  Padding is 2, so the maps of a picture of height H are H / 2 + 1, H / 4 + 1, ...
    pixels high.

    Args:
        in_channels: Channels of segmentation and picture together.
        width: Channels of the first layer.
        spectral: Spectral norm in the middle layers (SPADE).
        bias: Biases in the middle layers (pix2pixHD, vid2vid); the norm removes them again.
        norm: ``instance``, which has no weights, or ``batch``, which has them (vid2vid).
    """

    def __init__(self, in_channels: int, width: int, spectral: bool, bias: bool, norm: str = "instance") -> None:
        super().__init__()
        middle = partial(SpectralConv2d if spectral else nn.Conv2d, kernel_size=4, padding=2, bias=bias)
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(in_channels, width, 4, stride=2, padding=2),
                middle(width, 2 * width, stride=2),
                middle(2 * width, 4 * width, stride=2),
                middle(4 * width, 8 * width),
                nn.Conv2d(8 * width, 1, 4, padding=2),
            ]
        )
        make_norm, _ = norm_layer(norm)
        self.norms = nn.ModuleList(make_norm(factor * width) for factor in (2, 4, 8))

    def forward(self, x: Tensor) -> list[Tensor]:
        first, *middle, last = self.convolutions
        maps = [F.leaky_relu(first(x), 0.2)]
        for convolution, norm in zip(middle, self.norms, strict=True):
            maps.append(F.leaky_relu(norm(convolution(maps[-1])), 0.2))
        return [*maps, last(maps[-1])]


class MultiscaleDiscriminator(nn.Module):
    """Patch discriminators on an image pyramid (Wang et al. 2018, sec. 3.2), for pix2pixHD, SPADE and vid2vid.

    (B, in_channels, H, W) to the maps that `PatchFeatures` returns at each scale, full resolution first.

    Args:
        in_channels, width, spectral, bias, norm: As of `PatchFeatures`.
        scales: Number of discriminators; each works at half the resolution of the one before it.
    """

    def __init__(
        self,
        in_channels: int,
        width: int = 64,
        scales: int = 2,
        spectral: bool = False,
        bias: bool = True,
        norm: str = "instance",
    ) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchFeatures(in_channels, width, spectral, bias, norm) for _ in range(scales))

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        results = []
        for i, scale in enumerate(self.scales):
            x = halve(x) if i else x
            results.append(scale(x))
        return results


class PyramidDiscriminator(nn.Module):
    """The discriminator of MUNIT, and of UNIT's revision of 2018 (``MsImageDis``): four halvings per scale, no norm.

    (B, in_channels, H, W) to the logits (B, 1, h, w) of each scale, full resolution first.
    """

    def __init__(self, in_channels: int, width: int = 64, scales: int = 3, halvings: int = 4) -> None:
        super().__init__()
        #: The smallest height and width of pictures: the last halving of the last scale mirrors a pixel.
        self.smallest = 2 ** (halvings + scales - 1)
        widths = [in_channels, *(width * 2**n for n in range(halvings))]

        def patches() -> nn.Sequential:
            layers: list[nn.Module] = []
            for inputs, outputs in itertools.pairwise(widths):
                layers.append(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, padding_mode="reflect"))
                layers.append(nn.LeakyReLU(0.2))
            return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1))

        self.scales = nn.ModuleList(patches() for _ in range(scales))

    def forward(self, x: Tensor) -> list[Tensor]:
        results = []
        for i, scale in enumerate(self.scales):
            x = halve(x) if i else x
            results.append(scale(x))
        return results
