"""UNIT's networks of 2017, whose domains share their high-level layers (Liu, Breuel, Kautz 2017, arXiv:1703.00848).

Convolutions are padded with zeros.  Leaky ReLUs have torch's default slope of 0.01.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .autoencoders import VariationalAutoencoder
from .convolution import WideConv2d
from .discriminators import PyramidDiscriminator


class ZeroPaddedBlock(nn.Module):
    """x + dropout(norm(conv(relu(norm(conv(x)))))), 3x3."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            WideConv2d(channels, channels),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            WideConv2d(channels, channels),
            nn.InstanceNorm2d(channels),
            nn.Dropout(dropout) if dropout else nn.Identity(),
        )

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.body(x)
        return x + change


class SharedLatentAutoencoder(nn.Module):
    """Two autoencoders with one space of codes (sec. 3); they share the layers next to the code.

    Args:
        channels: Channels of the images of A and of B, (B, channels, H, W) in [-1, 1].
        width: Channels of the first layer; a code is (B, 4 width, H/4, W/4).
        blocks: Number of residual blocks in each domain's encoder, and again in its decoder.
        shared: Number of shared residual blocks before the code, and again after it.
        norm: Instance norm and ReLU in the strided layers (``COCOResGen``), else only leaky ReLU (``COCOResGen2``).
        dropout: Probability with which a residual block drops features.
    """

    stride = 4
    smallest = 8  # an instance norm needs more than one pixel

    def __init__(
        self, channels: Sequence[int], width: int, blocks: int, shared: int, norm: bool, dropout: float
    ) -> None:
        super().__init__()
        coarse = 4 * width

        def residual(count: int) -> list[nn.Module]:
            return [ZeroPaddedBlock(coarse, dropout) for _ in range(count)]

        def unit(convolution: nn.Module, outputs: int) -> list[nn.Module]:
            if norm:
                return [convolution, nn.InstanceNorm2d(outputs), nn.ReLU()]
            return [convolution, nn.Identity(), nn.LeakyReLU()]

        def down(inputs: int) -> list[nn.Module]:
            return unit(nn.Conv2d(inputs, 2 * inputs, 3, stride=2, padding=1), 2 * inputs)

        def up(inputs: int) -> list[nn.Module]:
            convolution = nn.ConvTranspose2d(inputs, inputs // 2, 3, stride=2, padding=1, output_padding=1)
            return unit(convolution, inputs // 2)

        self.encoders = nn.ModuleDict()
        self.decoders = nn.ModuleDict()
        for domain, count in zip("ab", channels, strict=True):
            first = [nn.Conv2d(count, width, 7, padding=3), nn.LeakyReLU()]
            self.encoders[domain] = nn.Sequential(*first, *down(width), *down(2 * width), *residual(blocks))
            last = [nn.ConvTranspose2d(width, count, 1), nn.Tanh()]
            self.decoders[domain] = nn.Sequential(*residual(blocks), *up(coarse), *up(2 * width), *last)
        self.shared_encoder = nn.Sequential(*residual(shared))
        self.shared_decoder = nn.Sequential(*residual(shared))

    def encode(self, image: Tensor, domain: str) -> Tensor:
        """The mean of an image's code."""
        mean: Tensor = self.shared_encoder(self.encoders[domain](image))
        return mean

    def share(self, code: Tensor) -> Tensor:
        """The output of the shared layers after a code, with which both decoders begin."""
        features: Tensor = self.shared_decoder(code)
        return features

    def decode(self, shared: Tensor, domain: str) -> Tensor:
        """The image of a domain, from the output of `share`."""
        image: Tensor = self.decoders[domain](shared)
        return image


class SeparateAutoencoders(nn.Module):
    """The revision of 2018, with the interface of `SharedLatentAutoencoder`: no layers are shared, only the losses."""

    stride = VariationalAutoencoder.stride
    smallest = VariationalAutoencoder.smallest

    def __init__(self, channels: Sequence[int], width: int, blocks: int) -> None:
        super().__init__()
        self.a, self.b = (VariationalAutoencoder(count, width, blocks) for count in channels)

    def autoencoder(self, domain: str) -> VariationalAutoencoder:
        """The autoencoder of domain ``a`` or ``b``."""
        return {"a": self.a, "b": self.b}[domain]

    def encode(self, image: Tensor, domain: str) -> Tensor:
        return self.autoencoder(domain).encode(image)

    def share(self, code: Tensor) -> Tensor:
        return code

    def decode(self, shared: Tensor, domain: str) -> Tensor:
        return self.autoencoder(domain).decode(shared)


def smooth_and_halve(x: Tensor) -> Tensor:
    """Smooth an image (B, C, H, W) by [1 2 1] / 4 along both axes, then keep every other pixel.

    The authors' version cuts a wide image to a square by mistake.  For square images the two are equal.
    """
    row = x.new_tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(row, row).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, stride=2, groups=x.shape[1])


class DomainDiscriminators(nn.Module):
    """The discriminators of both domains: images (B, C, H, W) of one domain to its logits (B, 1, h, w) at each scale.

    Args:
        channels: Channels of the images of A and of B.
        width: Channels of the first layer; each further layer doubles them.
        kind: ``shared`` has two halvings for each domain and four shared ones (``COCOSharedDis``, faces).  ``separate``
            has six for each (``COCODis``, animals).  ``multiscale`` has four for each, at three scales (``COCOMsDis``,
            streets).
    """

    def __init__(self, channels: Sequence[int], width: int, kind: Literal["shared", "separate", "multiscale"]) -> None:
        super().__init__()

        def halvings(inputs: int, widths: Sequence[int], kernel: int = 3) -> list[nn.Module]:
            layers: list[nn.Module] = []
            for outputs in widths:
                layers.append(nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2))
                layers.append(nn.LeakyReLU())
                inputs, kernel = outputs, 3
            return layers

        own, total, scales = {"shared": (2, 6, 1), "separate": (6, 6, 1), "multiscale": (4, 4, 3)}[kind]
        widths = [width * 2**n for n in range(total)]

        def pyramid(count: int) -> nn.ModuleList:
            fronts = [halvings(count, widths[:own], 7 if kind == "shared" else 3) for _ in range(scales)]
            return nn.ModuleList(
                nn.Sequential(*front, *([] if own < total else [nn.Conv2d(widths[-1], 1, 1)])) for front in fronts
            )

        self.a, self.b = (pyramid(count) for count in channels)
        self.shared: nn.Module = nn.Identity()
        if own < total:
            self.shared = nn.Sequential(*halvings(widths[own - 1], widths[own:]), nn.Conv2d(widths[-1], 1, 1))

    def forward(self, image: Tensor, domain: str) -> list[Tensor]:
        results = []
        for n, scale in enumerate({"a": self.a, "b": self.b}[domain]):
            image = smooth_and_halve(image) if n else image
            results.append(self.shared(scale(image)))
        return results


class SeparateDiscriminators(nn.Module):
    """The discriminators of the revision of 2018, with the interface of `DomainDiscriminators`."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.a, self.b = (PyramidDiscriminator(count, width) for count in channels)
        #: The smallest height and width of pictures.
        self.smallest = self.a.smallest

    def forward(self, image: Tensor, domain: str) -> list[Tensor]:
        logits: list[Tensor] = {"a": self.a, "b": self.b}[domain](image)
        return logits
