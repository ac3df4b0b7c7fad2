"""Convolutions that are fast on a CPU; the same layers otherwise, with the same weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def channels_last(x: Tensor) -> Tensor:
    """A map (B, C, H, W) in the memory format that its device's convolutions are fastest in.

    On a CPU that is channels last, which the layers behind it then keep; elsewhere it stays as it is.
    """
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x


def is_small(x: Tensor, positions: int) -> bool:
    """Whether a convolution that its kernel visits at so many positions is better one matrix product.

    oneDNN rearranges a convolution's weights at every call, which on a CPU takes longer than to apply them to a map of
    a few pixels, as those inside a U-Net are.
    """
    return x.device.type == "cpu" and not torch.compiler.is_compiling() and len(x) * positions <= 256


class Conv2d(nn.Conv2d):
    """`torch.nn.Conv2d` with zero padding and one group."""

    def forward(self, input: Tensor) -> Tensor:
        height, width = (
            (length + 2 * int(p) - k) // s + 1
            for length, k, s, p in zip(input.shape[2:], self.kernel_size, self.stride, self.padding, strict=True)
        )
        if not is_small(input, height * width):
            return super().forward(input)
        patches = F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)  # (B, C k k, positions)
        product = self.weight.flatten(1) @ patches.movedim(1, 0).flatten(1)
        output = channels_last(product.unflatten(1, (-1, height, width)).movedim(1, 0))
        return output if self.bias is None else output + self.bias[:, None, None]


class ConvTranspose2d(nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d` with one group and no output padding."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        if not is_small(input, input.shape[2] * input.shape[3]):
            return super().forward(input, output_size)
        height, width = (
            (length - 1) * s + k - 2 * int(p)
            for length, k, s, p in zip(input.shape[2:], self.kernel_size, self.stride, self.padding, strict=True)
        )
        patches = self.weight.flatten(1).T @ input.movedim(1, 0).flatten(1)
        patches = patches.unflatten(1, (len(input), -1)).movedim(1, 0)
        output = F.fold(patches, (height, width), self.kernel_size, self.dilation, self.padding, self.stride)
        output = channels_last(output)
        return output if self.bias is None else output + self.bias[:, None, None]
