"""The networks of DCGAN (Radford et al. 2016, arXiv:1511.06434), from which those of MoCoGAN are made."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from i2i_zoo.errors import ZooError

#: How many times smaller the smallest map is than a picture: four layers halve it or double it.
SHRINKAGE = 16


class DCGANGenerator(nn.Module):
    """Codes (B, latent) to pictures (B, channels, size, size) in [-1, 1].

    Args:
        latent: Length of a code.
        channels: Channels of the pictures.
        width: Channels of the last hidden layer; the first has eight times as many.
        size: Height and width of the pictures, a multiple of 16; the authors have 64.

    Raises:
        ZooError: For another size.
    """

    stride = smallest = 1  # there is one size only, so pictures are never padded
    batch_stride = SHRINKAGE

    def __init__(self, latent: int = 100, channels: int = 3, width: int = 64, size: int = 64) -> None:
        super().__init__()
        maps = [8 * width, 4 * width, 2 * width, width]
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent, maps[0], smallest_map(size), bias=False)]
        for inputs, outputs in zip(maps, [*maps[1:], channels], strict=True):
            layers += [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)]
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)]
        self.body = nn.Sequential(*layers, nn.Tanh())

    def forward(self, code: Tensor) -> Tensor:
        pictures: Tensor = self.body(code[..., None, None])
        return pictures


class DCGANDiscriminator(nn.Module):
    """Pictures (B, channels, size, size) to logits: (B, 1, 1, 1), or (B, 1, size / 16, size / 16) of patches.

    Args:
        channels: Channels of the pictures.
        width: Channels of the first layer.
        size: Height and width of the pictures, a multiple of 16.
        patches: Judge patches, with a layer less; MoCoGAN's ``PatchImageDiscriminator``.
        noise: Standard deviation of the noise that MoCoGAN adds in front of the layers.

    Raises:
        ZooError: For another size.
    """

    def __init__(
        self, channels: int = 3, width: int = 64, size: int = 64, patches: bool = False, noise: float = 0.0
    ) -> None:
        super().__init__()
        last = smallest_map(size)
        maps = [channels, width, 2 * width, 4 * width, *([] if patches else [8 * width])]
        layers: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(pairwise(maps)):
            layers += [GaussianNoise(noise), nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(outputs)] if number else []
            layers += [nn.LeakyReLU(0.2, inplace=True)]
        if patches:
            layers += [GaussianNoise(noise), nn.Conv2d(maps[-1], 1, 4, stride=2, padding=1, bias=False)]
        else:
            layers += [nn.Conv2d(maps[-1], 1, last, bias=False)]
        self.body = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.body(pictures)
        return logits


class GaussianNoise(nn.Module):
    """Adds noise of a standard deviation to its input, also in eval mode."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, x: Tensor) -> Tensor:
        if not self.deviation:
            return x
        # Drawing in the strides of a clip with its channels moved would take eight times as long on a CPU.
        noise = torch.randn_like(x, memory_format=torch.contiguous_format)
        return torch.add(x, noise, alpha=self.deviation)


def smallest_map(size: int) -> int:
    """Height and width of the smallest map for pictures of a size.  Raises `ZooError` if it is not a whole number."""
    if size % SHRINKAGE:
        raise ZooError(f"size={size}: these networks make pictures of a multiple of 16 pixels; choose one, such as 64.")
    return size // SHRINKAGE
