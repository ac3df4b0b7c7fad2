"""The U-Net's convolutions, made fast on a CPU: same weights and results as `torch.nn`'s layers.

Maps stay in the contiguous format.  With channels last, torch's batch norm on a CPU has several times the rounding
error (`docs/speed.md`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
        if not is_small(input, self.weight):
            return super().forward(input, output_size)
        batch, _, height, width = input.shape
        with torch.autocast("cpu", enabled=False):
            product = self.weight.flatten(1).T @ input.to(self.weight.dtype).movedim(1, 0).flatten(1)
        patches = product.view(len(product), batch, -1).movedim(1, 0)  # (B, 16 D, H W)
        output = F.fold(patches, (2 * height, 2 * width), 4, padding=1, stride=2)
        return output if self.bias is None else output + self.bias[:, None, None]
