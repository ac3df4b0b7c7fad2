"""Convolutions made fast on a CPU: same weights and results as `torch.nn`'s layers, up to rounding.

Maps stay in the contiguous format.  With channels last, torch's batch norm on a CPU has several times the rounding
error (`docs/speed.md`).  What is only for training leaves the results of translation as they are, bit for bit.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .winograd import convolve_rows

Border = Literal["zeros", "reflect"]

#: From this number of channels on, Winograd's algorithm saves more than its additions cost.
WIDE = 192
#: From this number of pixels in a batch on, it saves more than the sums of a layer's weights cost.
MANY = 1024
#: More numbers than these at once do not stay in a processor's cache between its steps.
CACHED = 1 << 21
#: From this height and width on, a convolution of doubled maps is faster as four of the maps as they were.
LARGE = 4
#: Up to this number of channels, oneDNN mostly computes channels that are not there: it rounds up to 16.
NARROW = 4


def trains_on_cpu(layer: nn.Module, x: Tensor) -> bool:
    """Whether this is a pass of training in eager mode on a CPU, in 32 or 64 bit."""
    return layer.training and torch.is_grad_enabled() and computes_on_cpu(x)


def computes_on_cpu(x: Tensor) -> bool:
    """Whether maps are computed in eager mode on a CPU, in 32 or 64 bit."""
    return (
        x.device.type == "cpu"
        and x.itemsize >= 4
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def with_border(x: Tensor, pixels: int, mode: Border) -> Tensor:
    """Maps (B, C, H, W) with a border: (B, C, H + 2 pixels, W + 2 pixels)."""
    return F.pad(x, (pixels,) * 4, "constant" if mode == "zeros" else mode)


def is_small(x: Tensor, weight: Tensor, stride: int = 1) -> bool:
    """Whether one matrix product is faster than a convolution of ``x`` with this ``stride``.

    On a CPU, oneDNN rearranges a layer's weights at every call.  For a map of a few pixels, such as the innermost ones
    of a U-Net, that takes longer than applying them.  Converting them to autocast's type takes longer too.
    """
    eager_cpu = x.device.type == "cpu" and not torch.compiler.is_compiling()
    return eager_cpu and weight.itemsize >= 4 and x.shape[0] * x.shape[2] * x.shape[3] <= 256 * stride**2


class Halve(nn.Conv2d):
    """Convolution 4x4 of stride 2 and padding 1: (B, C, H, W) to (B, D, H / 2, W / 2)."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        if not is_small(input, self.weight, stride=2):
            return super().forward(input)
        height, width = input.shape[2] // 2, input.shape[3] // 2
        patches = F.unfold(input.to(self.weight.dtype), 4, padding=1, stride=2)  # (B, 16 C, H W / 4)
        with torch.autocast("cpu", enabled=False):
            product = self.weight.flatten(1) @ patches.movedim(1, 0).flatten(1)
        output = product.view(len(product), -1, height, width).movedim(1, 0).contiguous()
        return output if self.bias is None else output + self.bias[:, None, None]


class Double(nn.ConvTranspose2d):
    """Transposed convolution 4x4 of stride 2 and padding 1: (B, C, H, W) to (B, D, 2 H, 2 W)."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        batch, _, height, width = input.shape
        if is_small(input, self.weight):
            with torch.autocast("cpu", enabled=False):
                product = self.weight.flatten(1).T @ input.to(self.weight.dtype).movedim(1, 0).flatten(1)
            patches = product.view(len(product), batch, -1).movedim(1, 0)  # (B, 16 D, H W)
        elif self.out_channels <= NARROW and trains_on_cpu(self, input):
            patches = self.weight.flatten(1).T @ input.flatten(2)
        else:
            return super().forward(input, output_size)
        output = F.fold(patches, (2 * height, 2 * width), 4, padding=1, stride=2)
        return output if self.bias is None else output + self.bias[:, None, None]


class WideConv2d(nn.Conv2d):
    """Convolution 3x3 of padding 1, faster in training for many channels: (B, C, H, W) to (B, D, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, border: Border = "zeros", bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, padding_mode=border, bias=bias)
        self.border = border

    def forward(self, input: Tensor) -> Tensor:
        batch, channels, height, width = input.shape
        wide = min(self.in_channels, self.out_channels) >= WIDE and height % 2 == 0 and batch * height * width >= MANY
        if not (wide and trains_on_cpu(self, input)):
            return super().forward(input)
        together = max(1, CACHED // (channels * height * width))
        parts = torch.split(with_border(input, 1, self.border), together)
        outputs = [convolve_rows(part, self.weight) for part in parts]
        output = torch.cat(outputs) if len(outputs) > 1 else outputs[0]
        return output if self.bias is None else output + self.bias[:, None, None]


class EnlargingConv2d(nn.Conv2d):
    """Convolution 3x3 of padding 1 of maps whose pixels are doubled: (B, C, H, W) to (B, D, 2 H, 2 W).

    Of the nine pixels under a kernel, five repeat others.  So a quarter of the output, such as its even rows and odd
    columns, is a convolution 2x2 of the maps as they were, whose weights are sums of the kernel's.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)

    def forward(self, input: Tensor) -> Tensor:
        batch, _, height, width = input.shape
        if not (computes_on_cpu(input) and self.weight.itemsize >= 4 and min(height, width) >= LARGE):
            return super().forward(F.interpolate(input, scale_factor=2))
        bias = None if self.bias is None else self.bias.repeat(4)
        products = F.conv2d(input, quarters_of(self.weight), bias, padding=1)
        products = products.reshape(batch, 2, 2, self.out_channels, height + 1, width + 1)
        quarters = [
            products[:, row, column, :, row : row + height, column : column + width]
            for row in (0, 1)
            for column in (0, 1)
        ]
        return F.pixel_shuffle(torch.stack(quarters, 2).flatten(1, 2), 2)


def quarters_of(weight: Tensor) -> Tensor:
    """The kernels (4 D, C, 2, 2) of the four quarters of the output of `EnlargingConv2d`: rows, then columns."""
    above, here, below = weight.unbind(2)
    rows = torch.stack([torch.stack([above, here + below], 2), torch.stack([above + here, below], 2)])
    left, middle, right = rows.unbind(-1)
    columns = [torch.stack([left, middle + right], -1), torch.stack([left + middle, right], -1)]
    return torch.stack(columns, 1).flatten(0, 2)


class NarrowConv2d(nn.Conv2d):
    """Convolution of stride 1 to a picture or to logits, faster in training for few channels.

    Each row of the kernel makes channels of its own, so that a convolution of one row has enough of them.  Then the
    rows are added up.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, padding: int, border: Border = "zeros"
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=padding, padding_mode=border)
        self.kernel, self.pixels, self.border = kernel, padding, border

    def forward(self, input: Tensor) -> Tensor:
        if not (self.out_channels <= NARROW and trains_on_cpu(self, input)):
            return super().forward(input)
        rows, zeros = self.kernel, self.pixels if self.border == "zeros" else 0  # a border of zeros needs no copy
        x = input if zeros else with_border(input, self.pixels, self.border)
        kernels = self.weight.flip(2).transpose(1, 2).reshape(-1, self.in_channels, 1, rows)
        products = F.conv2d(x, kernels, padding=(0, zeros))  # (B, D rows, H, W)
        size = (x.shape[2] + 2 * zeros - rows + 1, products.shape[3])
        output: Tensor = F.fold(products.flatten(2), size, (rows, 1), padding=(rows - 1 - zeros, 0))
        return output if self.bias is None else output + self.bias[:, None, None]
