"""CoGAN's coupled networks (Liu, Tuzel 2016, arXiv:1606.07536, sec. 3): one for each domain, which share layers.

Shared are the layers of what the domains have in common: the generators' first ones, which begin with a picture as a
whole and end with its details, and the discriminators' last ones, which go the other way.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import torch
from torch import Tensor, nn

from i2i_zoo.errors import ZooError

from .initialization import Network

#: The authors' networks for digits; or others, after their network for faces.
Kind = Literal["digits", "pictures"]

#: Height and width of the pictures that there are networks for.
SIZES: dict[Kind, tuple[int, ...]] = {"digits": (28,), "pictures": (32, 64, 128)}

#: How many layers a domain has to itself, of its generator and of its discriminator.
OWN: dict[Kind, int] = {"digits": 1, "pictures": 2}


class CoupledGenerator(nn.Module):
    """A latent code to a picture of each domain: 4x4 pixels of many channels, then doublings.

    Args:
        in_channels: Channels of A.
        out_channels: Channels of B.
        kind: Which networks.
        size: Height and width of the pictures, one of `SIZES`.
        width: An eighth of the channels at 4x4 pixels; each doubling halves them.
        latent: Length of the code.

    Raises:
        ZooError: For another size.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        kind: Kind = "digits",
        size: int = 28,
        width: int = 128,
        latent: int = 100,
    ) -> None:
        super().__init__()
        check_size(kind, size)
        digits, own = kind == "digits", OWN[kind]
        a, b = (
            digits_generator(channels, width, latent) if digits else pictures_generator(channels, size, width, latent)
            for channels in (in_channels, out_channels)
        )
        self.shared = nn.Sequential(*a[:-own])
        self.own = nn.ModuleDict({"a": nn.Sequential(*a[-own:]), "b": nn.Sequential(*b[-own:])})
        self.slope = 0.5 if digits else 1.0  # of the authors' sigmoids for digits, stretched from [0, 1] to [-1, 1]
        self.stride = self.smallest = 1  # pictures are not mirrored up to the one size that there is

    def forward(self, code: Tensor, domains: str = "ab") -> list[Tensor]:
        """Codes (B, latent) to a picture in each of the domains, (B, channels, size, size) in [-1, 1]."""
        features = self.shared(code[..., None, None])
        return [torch.tanh(self.slope * self.own[domain](features)) for domain in domains]


class CoupledDiscriminator(nn.Module):
    """Pictures of A and of B, (B, channels, size, size) each, to logits (2 B, 2): of fakes, and of real pictures.

    Args:
        in_channels: Channels of A.
        out_channels: Channels of B.
        kind: Which networks.
        size: Height and width of the pictures, one of `SIZES`.
        width: Channels of the first layer: the authors' 20 for digits, 32 for faces.

    Raises:
        ZooError: For another size.
    """

    def __init__(
        self, in_channels: int = 1, out_channels: int = 1, kind: Kind = "digits", size: int = 28, width: int = 20
    ) -> None:
        super().__init__()
        check_size(kind, size)
        self.digits, own = kind == "digits", OWN[kind]
        a, b = (
            digits_discriminator(channels, width) if self.digits else pictures_discriminator(channels, size, width)
            for channels in (in_channels, out_channels)
        )
        self.own = nn.ModuleDict({"a": nn.Sequential(*a[:own]), "b": nn.Sequential(*b[:own])})
        self.shared = nn.Sequential(*a[own:])

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The logits of A's pictures come first."""
        if self.digits:
            a, b = (a + 1) / 2, (b + 1) / 2  # the authors' are in [0, 1]
        return self.shared(torch.cat([self.own["a"](a), self.own["b"](b)]))


def check_size(kind: Kind, size: int) -> None:
    """Raise `ZooError` if there are no networks of this kind for pictures of this size."""
    if size not in SIZES[kind]:
        raise ZooError(f"size={size}: the networks for {kind} are of size {', '.join(map(str, SIZES[kind]))}.")


def up(inputs: int, outputs: int, kernel: int, stride: int = 2, padding: int = 1) -> nn.Module:
    """A layer of a generator."""
    convolution = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs, affine=False), nn.PReLU())


def digits_generator(outputs: int, width: int, latent: int) -> list[nn.Module]:
    """The layers of one generator of the authors' PyTorch code: 4, 7, 13, 25 and 28 pixels."""
    return [
        up(latent, 8 * width, 4, 1, 0),
        up(8 * width, 4 * width, 3),
        up(4 * width, 2 * width, 3),
        up(2 * width, width, 3),
        nn.ConvTranspose2d(width, outputs, 6, padding=1),
    ]


def digits_discriminator(inputs: int, width: int) -> list[nn.Module]:
    """The layers of one discriminator of the authors' PyTorch code: 12, 4 and 1 pixels."""
    middle, last = 5 * width // 2, 25 * width
    return [
        nn.Sequential(nn.Conv2d(inputs, width, 5), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(width, middle, 5), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(middle, last, 4), nn.PReLU()),
        nn.Sequential(nn.Conv2d(last, 2, 1), nn.Flatten()),
    ]


def pictures_generator(outputs: int, size: int, width: int, latent: int) -> list[nn.Module]:
    """The layers of one generator, for 128 pixels those of the authors' Caffe code for faces."""
    channels = [8 * width // 2**n for n in range(int(math.log2(size)) - 1)]
    return [
        up(latent, channels[0], 4, 1, 0),
        *(up(*pair, 4) for pair in itertools.pairwise(channels)),
        nn.Conv2d(channels[-1], outputs, 3, padding=1),
    ]


def pictures_discriminator(inputs: int, size: int, width: int) -> list[nn.Module]:
    """The layers of one discriminator: halvings down to 2x2 pixels.

    For 128 pixels those of the authors' Caffe code for faces, but for the batch norm of fakes and real ones together.
    """
    channels = [inputs, *(width * 2**n for n in range(int(math.log2(size)) - 1))]
    kernels = [5, 5, 5, 3, 3, 3]
    last = channels[-1]
    return [
        *(
            nn.Sequential(nn.Conv2d(*pair, kernel, 2, kernel // 2), nn.PReLU(), nn.Dropout(0.5 * (n > 1)))
            for n, (pair, kernel) in enumerate(zip(itertools.pairwise(channels), kernels, strict=False))
        ),
        nn.Sequential(nn.Flatten(), nn.Linear(4 * last, 2 * last), nn.PReLU(), nn.Dropout(0.5)),
        nn.Linear(2 * last, 2),
    ]


def init_coupled(network: Network) -> Network:
    """Draw weights by Glorot's uniform rule times the root of 2; set biases to 0.1. In place.

    The initialisation of the authors' PyTorch code.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight, math.sqrt(2))
            if layer.bias is not None:
                nn.init.constant_(layer.bias, 0.1)
    return network
