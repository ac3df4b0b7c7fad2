"""The networks of VGAN (Vondrick, Pirsiavash and Torralba 2016, arXiv:1609.02612)."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .clips import smallest_clip
from .convolution import Double, Halve

Network = TypeVar("Network", bound=nn.Module)

#: With a background that stands still; without one; and the former from a first frame instead of noise.
Variant: TypeAlias = Literal["two_stream", "one_stream", "conditional"]


class Streams(NamedTuple):
    """What a generator makes; the parts are missing if it has one stream."""

    #: (B, frames, channels, size, size) in [-1, 1]: mask * foreground + (1 - mask) * background.
    clip: Tensor
    #: Of the same shape.
    foreground: Tensor | None = None
    #: (B, 1, channels, size, size) in [-1, 1].
    background: Tensor | None = None
    #: (B, frames, 1, size, size) in [0, 1].
    mask: Tensor | None = None


class VGANGenerator(nn.Module):
    """A code (B, latent), or a first frame (B, channels, size, size) in [-1, 1], to a clip.

    Layers are those of the authors' main.lua and main_conditional.lua.

    Args:
        channels: Channels of the clip.
        frames: Frames of the clip, a multiple of 16; the authors have 32.
        size: Height and width of the clip, a multiple of 16; the authors have 64.
        latent: Length of the code.
        width: Channels of the last hidden layer.
        variant: Which streams there are, and whether they begin with a frame.
    """

    stride = smallest = 1  # there is one size only, so pictures are never padded

    def __init__(
        self,
        channels: int = 3,
        frames: int = 32,
        size: int = 64,
        latent: int = 100,
        width: int = 64,
        variant: Variant = "two_stream",
    ) -> None:
        super().__init__()
        start = smallest_clip(frames, size)
        widths = [8 * width, 4 * width, 2 * width, width]
        self.encoder: nn.Module | None = None
        if variant == "conditional":
            inwards = widths[::-1]
            layers = [hidden(Halve(before, after), 1e-3) for before, after in pairwise(inwards)]
            self.encoder = nn.Sequential(Halve(channels, width), nn.ReLU(inplace=True), *layers)
            first = [hidden(nn.ConvTranspose3d(widths[0], widths[0], (start[0], 1, 1)))]
            first_still: list[nn.Module] = []
        else:
            first = [hidden(nn.ConvTranspose3d(latent, widths[0], start))]
            first_still = [hidden(nn.ConvTranspose2d(latent, widths[0], start[1:]))]
        self.trunk = nn.Sequential(*first, *(hidden(double(before, after)) for before, after in pairwise(widths)))
        self.foreground = double(width, channels)
        self.mask = self.background = None
        if variant != "one_stream":
            self.mask = double(width, 1)
            layers = [hidden(Double(before, after)) for before, after in pairwise(widths)]
            self.background = nn.Sequential(*first_still, *layers, Double(width, channels))

    def forward(self, source: Tensor) -> Streams:
        start = source[:, :, None, None] if self.encoder is None else self.encoder(source)
        moving = self.trunk(start[:, :, None])
        foreground = torch.tanh(self.foreground(moving)).transpose(1, 2)
        if self.mask is None or self.background is None:
            return Streams(foreground)
        mask = torch.sigmoid(self.mask(moving)).transpose(1, 2)
        background = torch.tanh(self.background(start))[:, None]
        return Streams(mask * foreground + (1 - mask) * background, foreground, background, mask)


def double(in_channels: int, out_channels: int) -> nn.ConvTranspose3d:
    """A transposed convolution that doubles length, height and width of a clip."""
    return nn.ConvTranspose3d(in_channels, out_channels, 4, stride=2, padding=1)


def hidden(layer: nn.Conv2d | nn.ConvTranspose2d | nn.ConvTranspose3d, eps: float = 1e-5) -> nn.Sequential:
    """A hidden layer of a generator: the convolution, batch norm and ReLU."""
    norm = nn.BatchNorm3d if isinstance(layer, nn.ConvTranspose3d) else nn.BatchNorm2d
    return nn.Sequential(layer, norm(layer.out_channels, eps), nn.ReLU(inplace=True))


class VGANDiscriminator(nn.Module):
    """Clips (B, frames, channels, size, size) to the logits (B, 2) of generated and real.

    Args:
        channels: Channels of the clips.
        frames: Frames of the clips, a multiple of 16.
        size: Height and width of the clips, a multiple of 16.
        width: Channels of the first layer.
    """

    def __init__(self, channels: int = 3, frames: int = 32, size: int = 64, width: int = 64) -> None:
        super().__init__()
        widths = [channels, width, 2 * width, 4 * width, 8 * width]
        self.down = nn.ModuleList(
            nn.Conv3d(before, after, 4, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.norm = nn.ModuleList(nn.BatchNorm3d(count, 1e-3) for count in widths[2:])
        self.last = nn.Conv3d(8 * width, 2, smallest_clip(frames, size))

    def forward(self, clip: Tensor) -> Tensor:
        x = clip.transpose(1, 2)
        for level, down in enumerate(self.down):
            x = down(x)
            x = F.leaky_relu(self.norm[level - 1](x) if level else x, 0.2)
        logits: Tensor = self.last(x).flatten(1)
        return logits


def init_vgan(network: Network) -> Network:
    """Draw weights of convolutions from N(0, 0.01) and of norms from N(1, 0.02), and zero the biases, in place."""
    for layer in network.modules():
        if isinstance(layer, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.normal_(layer.weight, 1.0, 0.02)
        elif isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
            nn.init.normal_(layer.weight, 0.0, 0.01)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
