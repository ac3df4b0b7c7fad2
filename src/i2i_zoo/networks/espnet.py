"""ESPNet, the segmenter of street scenes."""

from __future__ import annotations

from collections import OrderedDict
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError

DILATIONS = (1, 2, 4, 8, 16)


def named(**layers: nn.Module) -> nn.Sequential:
    """A sequence of layers with the names of the authors' weight files."""
    return nn.Sequential(OrderedDict(layers))


def conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2 * dilation, dilation, bias=False)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class Pyramid(nn.Module):
    """Efficient spatial pyramid: a reduction, then parallel dilated convolutions, whose running sums are concatenated.

    Summing over growing dilations removes the grid pattern of a dilated convolution (paper, sec. 3.2).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        each = out_channels // len(DILATIONS)
        first = out_channels - each * (len(DILATIONS) - 1)
        self.c1 = named(conv=conv(in_channels, each, kernel, stride))
        for dilation in DILATIONS:
            out = first if dilation == 1 else each
            self.add_module(f"d{dilation}", named(conv=conv(each, out, 3, dilation=dilation)))

    def forward(self, x: Tensor) -> Tensor:
        x = self.c1(x)
        first, *others = (self.get_submodule(f"d{dilation}")(x) for dilation in DILATIONS)
        return torch.cat([first, *accumulate(others, torch.add)], 1)


class PyramidDown(Pyramid):
    """The pyramid at half the resolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel=3, stride=2)
        self.bn, self.act = batch_norm(out_channels), nn.PReLU(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        activated: Tensor = self.act(self.bn(super().forward(x)))
        return activated


class PyramidBlock(Pyramid):
    """The pyramid at the same resolution; the input is added if it has as many channels as the output."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel=1, stride=1)
        self.bn = named(bn=batch_norm(out_channels), act=nn.PReLU(out_channels))
        self.residual = in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        normalised: Tensor = self.bn(x + y if self.residual else y)
        return normalised


class Encoder(nn.Module):
    """ESPNet-C: features at a half, a quarter and an eighth of the resolution, the last as class scores."""

    def __init__(self, classes: int, p: int, q: int) -> None:
        super().__init__()
        self.level1 = named(conv=conv(3, 16, 3, 2), bn=batch_norm(16), act=nn.PReLU(16))
        self.b1 = named(bn=batch_norm(19), act=nn.PReLU(19))
        self.level2_0 = PyramidDown(19, 64)
        self.level2 = nn.Sequential(*(PyramidBlock(64, 64) for _ in range(p)))
        self.b2 = named(bn=batch_norm(131), act=nn.PReLU(131))
        self.level3_0 = PyramidDown(131, 128)
        self.level3 = nn.Sequential(*(PyramidBlock(128, 128) for _ in range(q)))
        self.b3 = named(bn=batch_norm(256), act=nn.PReLU(256))
        self.classifier = named(conv=conv(256, classes, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        half = F.avg_pool2d(x, 3, 2, 1)
        level1 = self.b1(torch.cat([self.level1(x), half], 1))
        down2 = self.level2_0(level1)
        level2 = self.b2(torch.cat([self.level2(down2), down2, F.avg_pool2d(half, 3, 2, 1)], 1))
        down3 = self.level3_0(level2)
        level3 = self.b3(torch.cat([down3, self.level3(down3)], 1))
        return level1, level2, self.classifier(level3)


class ESPNet(nn.Module):
    """ESPNet (Mehta et al. 2018): p pyramids at a quarter of the resolution, q at an eighth, and a light decoder.

    Takes normalised pictures (B, 3, H, W), H and W multiples of 8; returns class scores (B, classes, H, W).  Weights
    have the names of the authors' files.  This is the network that they train, also on CamVid; the decoder in their
    test code has 3 input channels less.

    Raises `ZooError` for another height or width.
    """

    def __init__(self, classes: int = 12, p: int = 2, q: int = 8) -> None:
        super().__init__()
        self.encoder = Encoder(classes, p, q)
        self.level3_C = named(conv=conv(131, classes, 1))
        self.br = batch_norm(classes)
        self.up_l3 = nn.Sequential(double(classes))
        self.combine_l2_l3 = nn.Sequential(
            named(bn=batch_norm(2 * classes), act=nn.PReLU(2 * classes)), PyramidBlock(2 * classes, classes)
        )
        self.up_l2 = nn.Sequential(double(classes), named(bn=batch_norm(classes), act=nn.PReLU(classes)))
        self.conv = named(conv=conv(19 + classes, classes, 3), bn=batch_norm(classes), act=nn.PReLU(classes))
        self.classifier = double(classes)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2] % 8 or x.shape[-1] % 8:
            raise ZooError(f"ESPNet takes pictures whose sides are multiples of 8, not {x.shape[-1]}x{x.shape[-2]}.")
        level1, level2, level3 = self.encoder(x)
        level3 = self.up_l3(self.br(level3))
        level2 = self.up_l2(self.combine_l2_l3(torch.cat([self.level3_C(level2), level3], 1)))
        scores: Tensor = self.classifier(self.conv(torch.cat([level2, level1], 1)))
        return scores


def double(channels: int) -> nn.ConvTranspose2d:
    """Twice the resolution."""
    return nn.ConvTranspose2d(channels, channels, 2, 2, bias=False)
