"""CoGAN's coupled networks (Liu, Tuzel 2016, arXiv:1606.07536, sec. 3): one for each domain, with shared layers.

The domains share the layers that work on a picture as a whole: the first ones of the generators, which go from the
whole to the details, and the last ones of the discriminators, which go the other way.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import torch
from torch import Tensor, nn

from i2i_zoo.errors import ZooError

from .initialization import Network

#: ``digits``: the authors' networks for digits.  ``pictures``: networks modelled on theirs for faces.
Kind = Literal["digits", "pictures"]

#: Heights, equal to widths, of the pictures that each kind can work on.
SIZES: dict[Kind, tuple[int, ...]] = {"digits": (28,), "pictures": (32, 64, 128)}

#: Number of layers that a domain does not share, in its generator and again in its discriminator.
OWN: dict[Kind, int] = {"digits": 1, "pictures": 2}


class CoupledGenerator(nn.Module):
    """From a latent code to a picture of each domain: a map of 4x4 pixels that is doubled several times.

    Args:
        in_channels: Channels of A.
        out_channels: Channels of B.
        kind: Kind of networks.
        size: Height and width of the pictures, one of `SIZES`.
        width: The map of 4x4 pixels has eight times as many channels; each doubling halves their number.
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
        # For digits the authors have a sigmoid; stretched from [0, 1] to [-1, 1], it is a tanh of half the slope.
        self.slope = 0.5 if digits else 1.0
        self.stride = self.smallest = 1  # there is one size only, so pictures are never padded

    def forward(self, code: Tensor, domains: str = "ab") -> list[Tensor]:
        """Codes (B, latent) to one batch of pictures for each domain, (B, channels, size, size) in [-1, 1]."""
        features = self.shared(code[..., None, None])
        return [torch.tanh(self.slope * self.own[domain](features)) for domain in domains]


class CoupledDiscriminator(nn.Module):
    """Pictures of A and of B, (B, channels, size, size) each, to two logits per picture (2 B, 2): fake and real.

    Args:
        in_channels: Channels of A.
        out_channels: Channels of B.
        kind: Kind of networks.
        size: Height and width of the pictures, one of `SIZES`.
        width: Channels of the first layer; the authors have 20 for digits and 32 for faces.

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
            a, b = (a + 1) / 2, (b + 1) / 2  # the authors' pictures are in [0, 1]
        logits: Tensor = self.shared(torch.cat([self.own["a"](a), self.own["b"](b)]))
        return logits


def check_size(kind: Kind, size: int) -> None:
    """Raise `ZooError` if there are no networks of this kind for pictures of this size."""
    if size not in SIZES[kind]:
        raise ZooError(f"size={size}: the networks for {kind} are of size {', '.join(map(str, SIZES[kind]))}.")


def up(inputs: int, outputs: int, kernel: int, stride: int = 2, padding: int = 1) -> nn.Module:
    """A layer of a generator: transposed convolution, batch norm without scale and shift, PReLU."""
    convolution = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs, affine=False), nn.PReLU())


def digits_generator(outputs: int, width: int, latent: int) -> list[nn.Module]:
    """The layers of one generator in the authors' PyTorch code; its maps have 4, 7, 13, 25 and 28 pixels a side."""
    return [
        up(latent, 8 * width, 4, 1, 0),
        up(8 * width, 4 * width, 3),
        up(4 * width, 2 * width, 3),
        up(2 * width, width, 3),
        nn.ConvTranspose2d(width, outputs, 6, padding=1),
    ]


def digits_discriminator(inputs: int, width: int) -> list[nn.Module]:
    """The layers of one discriminator in the authors' PyTorch code; its maps have 12, 4 and 1 pixels a side."""
    middle, last = 5 * width // 2, 25 * width
    return [
        nn.Sequential(nn.Conv2d(inputs, width, 5), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(width, middle, 5), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(middle, last, 4), nn.PReLU()),
        nn.Sequential(nn.Conv2d(last, 2, 1), nn.Flatten()),
    ]


def pictures_generator(outputs: int, size: int, width: int, latent: int) -> list[nn.Module]:
    """The layers of one generator; at 128 pixels it is the authors' Caffe network for faces."""
    channels = [8 * width // 2**n for n in range(int(math.log2(size)) - 1)]
    return [
        up(latent, channels[0], 4, 1, 0),
        *(up(*pair, 4) for pair in itertools.pairwise(channels)),
        nn.Conv2d(channels[-1], outputs, 3, padding=1),
    ]


def pictures_discriminator(inputs: int, size: int, width: int) -> list[nn.Module]:
    """The layers of one discriminator, with halvings down to 2x2 pixels.

    At 128 pixels it is the authors' Caffe network for faces, without its batch norm over fake and real pictures.
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
    """Draw weights by Glorot's uniform rule times sqrt(2) and set biases to 0.1, in place.

    This is the initialisation in the authors' PyTorch code.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight, math.sqrt(2))
            if layer.bias is not None:
                nn.init.constant_(layer.bias, 0.1)
    return network
