"""The U-Net of pix2pix, and the encoder-decoder that the paper compares it with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convolution import Double, Halve
from .normalization import MakeNorm, norm_layer


class Down(nn.Module):
    """Halve the resolution: a 4x4 convolution of stride 2, then the normalisation if there is one."""

    def __init__(self, in_channels: int, out_channels: int, norm: MakeNorm | None, bias: bool) -> None:
        super().__init__()
        self.conv = Halve(in_channels, out_channels, bias)
        self.norm = norm(out_channels) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        normalised: Tensor = self.norm(self.conv(x))
        return normalised


class Up(nn.Module):
    """Double the resolution: ReLU, a 4x4 transposed convolution of stride 2, normalisation, dropout."""

    def __init__(self, in_channels: int, out_channels: int, norm: MakeNorm | None, bias: bool, dropout: bool) -> None:
        super().__init__()
        self.conv = Double(in_channels, out_channels, bias)
        self.norm = norm(out_channels) if norm else nn.Identity()
        self.dropout = nn.Dropout(0.5) if dropout else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        doubled: Tensor = self.dropout(self.norm(self.conv(F.relu(x, inplace=True))))
        return doubled


class UNet(nn.Module):
    """U-Net generator (Isola et al. 2017, sec. 3.2.1 and 6.1.1): ``downs`` halvings and a skip at every resolution.

    (B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]; H and W are multiples of ``stride`` = 2**downs.
    ``downs=8`` is the authors' ``unet_256``, ``downs=7`` their ``unet_128``.  Channels: width times 1, 2, 4, 8, 8, ...
    The innermost and the outermost encoder layer have no normalisation.

    ``dropout`` drops half of the features in train mode.  With skips it is where the authors' PyTorch code has it: in
    all blocks of 8*width channels except the innermost one.  ``skips=False`` makes the paper's encoder-decoder, which
    only the authors' Torch code has, with dropout in the three innermost blocks.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        width: int = 64,
        downs: int = 8,
        norm: str = "batch",
        dropout: bool = True,
        skips: bool = True,
        inference_norm: str = "image",
    ) -> None:
        super().__init__()
        make_norm, bias = norm_layer(norm, inference_norm)
        channels = [width * min(2**level, 8) for level in range(downs)]
        innermost = downs - 1
        dropped = range(4, innermost) if skips else range(downs - 3, downs)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, out in enumerate(channels):
            inner = level in (0, innermost)
            self.down.append(
                Down(channels[level - 1] if level else in_channels, out, None if inner else make_norm, bias)
            )
            self.up.append(
                Up(
                    out if level == innermost or not skips else 2 * out,
                    channels[level - 1] if level else out_channels,
                    make_norm if level else None,
                    bias or level == 0,
                    dropout and level in dropped,
                )
            )
        self.skips = skips
        self.stride = self.smallest = 2**downs

    def forward(self, x: Tensor) -> Tensor:
        features = []
        for level, down in enumerate(self.down):
            x = down(F.leaky_relu(x, 0.2, inplace=True) if level else x)
            features.append(x)
        for level in reversed(range(len(self.up))):
            # The skip comes first.  The leaky ReLU has changed it in place; after the ReLU in `Up` that has no effect.
            if self.skips and level < len(self.up) - 1:
                x = torch.cat([features[level], x], 1)
            x = self.up[level](x)
        return torch.tanh(x)
