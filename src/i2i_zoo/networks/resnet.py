"""The residual generator of Johnson et al. (2016), in the version of CycleGAN and pix2pix."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convolution import NarrowConv2d, WideConv2d
from .normalization import norm_layer


class ReLU(nn.ReLU):
    """ReLU, in place where no gradient is needed.

    In training it is not: torch's instance norm returns a view, whose gradient would be copied three times.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, inplace=not torch.is_grad_enabled())


class ResidualBlock(nn.Module):
    """x + norm(conv(dropout(relu(norm(conv(x)))))), 3x3 with reflection padding; the shape stays the same.

    ``bias`` says whether the convolutions have one; by default, if the norm does not replace it.
    """

    def __init__(self, channels: int, norm: str, dropout: bool, inference_norm: str, bias: bool | None = None) -> None:
        super().__init__()
        make_norm, needed = norm_layer(norm, inference_norm)
        bias = needed if bias is None else bias
        self.body = nn.Sequential(
            WideConv2d(channels, channels, "reflect", bias),
            make_norm(channels),
            ReLU(),
            nn.Dropout(0.5) if dropout else nn.Identity(),
            WideConv2d(channels, channels, "reflect", bias),
            make_norm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.body(x)
        return x + change if torch.is_grad_enabled() else change.add_(x)


class ResNetGenerator(nn.Module):
    """``downs`` halvings, ``blocks`` residual blocks, as many doublings (Zhu et al. 2017: c7s1-64, d128, ...).

    (B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]; H and W are multiples of ``stride`` = 2**downs.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        width: int = 64,
        blocks: int = 9,
        norm: str = "instance",
        dropout: bool = False,
        inference_norm: str = "image",
        downs: int = 2,
    ) -> None:
        super().__init__()
        make_norm, bias = norm_layer(norm, inference_norm)

        def unit(conv: nn.Module, channels: int) -> list[nn.Module]:
            return [conv, make_norm(channels), ReLU()]

        def up(inputs: int, outputs: int) -> nn.Module:
            return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=bias)

        channels = [width * 2**level for level in range(downs + 1)]
        steps = list(itertools.pairwise(channels))
        layers = unit(nn.Conv2d(in_channels, width, 7, padding=3, padding_mode="reflect", bias=bias), width)
        for fine, coarse in steps:
            layers += unit(nn.Conv2d(fine, coarse, 3, stride=2, padding=1, bias=bias), coarse)
        layers += [ResidualBlock(channels[-1], norm, dropout, inference_norm) for _ in range(blocks)]
        for fine, coarse in reversed(steps):
            layers += unit(up(coarse, fine), fine)
        layers += [NarrowConv2d(width, out_channels, 7, 3, "reflect"), nn.Tanh()]
        self.body = nn.Sequential(*layers)
        self.stride = 2**downs
        self.smallest = 2 * self.stride  # the residual blocks mirror one pixel and normalise, so they need two by two

    @property
    def reach(self) -> int:
        """How far to each side an output pixel depends on the source, in pixels; norms, which see all, do not count."""
        pixels, step = 0, 1  # the step between two pixels of a layer's map, in pixels of the source
        for layer in self.modules():  # in the order of `forward`
            if isinstance(layer, nn.Conv2d):
                pixels += layer.kernel_size[0] // 2 * step
                step *= layer.stride[0]
            elif isinstance(layer, nn.ConvTranspose2d):
                step //= layer.stride[0]
                pixels += layer.kernel_size[0] // 2 * step
        return pixels

    def forward(self, x: Tensor) -> Tensor:
        image: Tensor = self.body(x)
        return image
