"""The networks of PG2 (Ma, Jia, Sun, Schiele, Tuytelaars and Van Gool 2017, arXiv:1705.09368), as the authors' code
has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convolution import WideConv2d

#: Channels of the first layer up to which channels last is faster on a CPU: 1.2 to 1.6 times with 20.  With 128 it is
#: slower, since wide layers rearrange their weights in each call.
NARROW = 32


class HalveSame(nn.Conv2d):
    """Convolution of stride 2 with TensorFlow's padding SAME: (B, C, H, W) to (B, D, H / 2, W / 2), H and W even.

    The larger part of the padding is below and to the right.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride=2)
        before = (kernel_size - 2) // 2
        self.sides = 2 * (before, kernel_size - 2 - before)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, self.sides))


class ConvPair(nn.Module):
    """Two 3x3 convolutions, each with a ReLU: (B, in_channels, H, W) to (B, out_channels, H, W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = WideConv2d(in_channels, out_channels)
        self.second = WideConv2d(out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(x), inplace=True)), inplace=True)


def joined(network: ResidualEncoder | DifferenceGenerator, *maps: Tensor) -> Tensor:
    """Maps (B, C, H, W) one behind the other, in the memory format in which the network's convolutions are fastest."""
    return in_fast_format(torch.cat(maps, 1), network.first.out_channels)


def in_fast_format(maps: Tensor, width: int) -> Tensor:
    """Maps (B, C, H, W) in the memory format in which a network of this width is fastest."""
    return maps.contiguous(memory_format=torch.channels_last if width <= NARROW else torch.contiguous_format)


class ResidualEncoder(nn.Module):
    """Residual blocks, each at half the size of the one before, and a fully connected layer (sec. 3.1).

    Args:
        in_channels: Channels of its input.
        size: Height and width, multiples of ``stride``.
        width: Channels of the first block; block i has i times as many.
        blocks: Residual blocks: 5 for 128x64 pixels and 6 for 256x256 in the paper.
        code: Numbers that the innermost maps become.
    """

    def __init__(self, in_channels: int, size: Sequence[int], width: int, blocks: int, code: int) -> None:
        super().__init__()
        self.stride = 2 ** (blocks - 1)
        self.channels = [width * (block + 1) for block in range(blocks)]
        #: Channels, height and width of the innermost maps where the decoder begins.
        self.middle = (width, size[0] // self.stride, size[1] // self.stride)
        self.first = nn.Conv2d(in_channels, width, 3, padding=1)
        self.encode = nn.ModuleList(ConvPair(count, count) for count in self.channels)
        self.down = nn.ModuleList(HalveSame(before, after, 3) for before, after in pairwise(self.channels))
        self.squeeze = nn.Linear(self.channels[-1] * self.middle[1] * self.middle[2], code)

    def encoded(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """All but the first convolution: (B, width, H, W) to the code (B, code) and the maps of each block."""
        x = F.relu(x, inplace=True)
        skips = []
        for block, encode in enumerate(self.encode):
            x = x + encode(x)
            skips.append(x)
            if block < len(self.down):
                x = F.relu(self.down[block](x), inplace=True)
        return self.squeeze(x.flatten(1)), skips


class HeatmapEmbedding(ResidualEncoder):
    """Maps of a pose (B, 18, H, W) to a code (B, code), by an encoder of its own: the ablation "G1-HME"."""

    def forward(self, maps: Tensor) -> Tensor:
        return self.encoded(self.first(joined(self, maps)))[0]


class CoordinateEmbedding(nn.Module):
    """Poses (B, 18, 3) in pixels to codes (B, code), by two fully connected layers: the ablation "G1-CE".

    The paper gives neither their widths nor the form of the coordinates: here it is that of DPIG (`scaled`).
    """

    def __init__(self, size: Sequence[int], code: int) -> None:
        super().__init__()
        self.size = tuple(size)
        self.first, self.second = nn.Linear(3 * 18, code), nn.Linear(code, code)

    def forward(self, poses: Tensor) -> Tensor:
        code: Tensor = self.second(F.relu(self.first(scaled(poses, self.size).flatten(1))))
        return code


def scaled(poses: Tensor, size: Sequence[int]) -> Tensor:
    """Poses (B, 18, 3) of x, y and visibility as rows and columns, scaled to [-1, 1], and visibility."""
    return torch.cat([poses[..., [1, 0]] / poses.new_tensor(size) * 2 - 1, poses[..., 2:]], -1)


class CoarseGenerator(ResidualEncoder):
    """Stage 1: a U-Net of residual blocks whose middle is fully connected (sec. 3.1 and 3.3).

    So every part of the picture can depend on every other, and all pictures have one size.

    Args:
        in_channels: Channels of the picture and of the pose if that is given as maps.
        size: Height and width, multiples of ``stride``.
        width: Channels of the first block; block i has i times as many.
        blocks: Residual blocks on each side: 5 for 128x64 pixels and 6 for 256x256 in the paper.
        code: Numbers that the innermost maps become.
        embedding: What makes ``code`` numbers of the pose, which are joined to those; None if the pose is given as maps
            beside the picture.
    """

    def __init__(
        self,
        in_channels: int = 21,
        size: Sequence[int] = (128, 64),
        width: int = 128,
        blocks: int = 5,
        code: int = 64,
        embedding: nn.Module | None = None,
    ) -> None:
        super().__init__(in_channels, size, width, blocks, code)
        # The decoder's blocks, from the innermost: what comes from below, and as many channels as the skip has.
        below = [width, *self.channels[-2::-1]]
        both = [one + skip for one, skip in zip(below, reversed(self.channels), strict=True)]
        self.expand = nn.Linear(code if embedding is None else 2 * code, math.prod(self.middle))
        self.decode = nn.ModuleList(ConvPair(count, count) for count in both)
        self.up = nn.ModuleList(nn.Conv2d(count, after, 1) for count, after in zip(both, below[1:], strict=False))
        self.last = nn.Conv2d(both[-1], 3, 3, padding=1)
        self.embedding = embedding

    def forward(self, source: Tensor, pose: Tensor) -> Tensor:
        """The person in another pose, coarsely: (B, 3, H, W), about in [-1, 1], since the last layer is linear.

        Args:
            source: (B, 3, H, W) in [-1, 1].
            pose: The pose to take, (B, points, H, W) in [-1, 1], or what the embedding takes.
        """
        if self.embedding is None:
            return self.after_first(self.first(joined(self, source, pose)))
        return self.after_first(self.first(joined(self, source)), self.embedding(pose))

    def after_first(self, x: Tensor, *embedded: Tensor) -> Tensor:
        """All but the first convolution: (B, width, H, W), and perhaps the pose as (B, code), to the picture."""
        code, skips = self.encoded(x)
        x = self.expand(torch.cat([code, *embedded], 1)).unflatten(1, self.middle)
        for block, decode in enumerate(self.decode):
            x = joined(self, x, skips.pop())
            x = x + decode(x)
            if block < len(self.up):
                # The authors enlarge before this 1x1 convolution, which gives the same for four times the work.
                x = F.interpolate(F.relu(self.up[block](x), inplace=True), scale_factor=2, mode="nearest")
        picture: Tensor = self.last(x)
        return picture


class DifferenceGenerator(nn.Module):
    """Stage 2: a U-Net for the difference between the coarse picture and the refined one (sec. 3.2 and 3.3).

    Args:
        width: Channels of the first block; block i has i times as many.  All blocks of the decoder have as many as the
            first.
        blocks: Blocks on each side: two fewer than in stage 1.
        first_skip: Whether there is a skip at full resolution: not in the authors' network for 128x64 pixels, but in
            that for 256x256.
    """

    def __init__(self, width: int = 128, blocks: int = 3, first_skip: bool = False) -> None:
        super().__init__()
        self.first_skip = first_skip
        self.stride = 2 ** (blocks - 1)
        channels = [width * (block + 1) for block in range(blocks)]
        # The innermost maps are their own skip.
        skips = [*reversed(channels[1:]), width if first_skip else 0]
        below = [channels[-1], *[width] * (blocks - 1)]
        self.first = nn.Conv2d(6, width, 3, padding=1)
        self.encode = nn.ModuleList(ConvPair(before, after) for before, after in pairwise([width, *channels]))
        self.down = nn.ModuleList(HalveSame(count, count, 3) for count in channels[:-1])
        self.decode = nn.ModuleList(ConvPair(one + skip, width) for one, skip in zip(below, skips, strict=True))
        self.last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, coarse: Tensor, source: Tensor) -> Tensor:
        """What to add to the coarse picture (B, 3, H, W), from it and the source (B, 3, H, W): (B, 3, H, W)."""
        x = F.relu(self.first(joined(self, coarse, source)), inplace=True)
        skips = []
        for block, encode in enumerate(self.encode):
            x = encode(x)
            skips.append(x)
            if block < len(self.down):
                x = F.relu(self.down[block](x), inplace=True)
        for decode in self.decode:
            skip = skips.pop()
            x = decode(torch.cat([x, skip], 1) if skips or self.first_skip else x)
            if skips:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
        difference: Tensor = self.last(x)
        return difference


class BatchDiscriminator(nn.Module):
    """DCGAN's discriminator: (B, in_channels, H, W) to one logit each, (B, 1).

    Its batch norms always use the statistics of the batch, so the verdict on a picture depends on the other pictures:
    the authors judge real and generated ones in one batch.

    Args:
        in_channels: Channels of a picture.
        size: Height and width, multiples of 2 ** downs.
        width: Channels of the first layer, which double from layer to layer up to eight times as many.
        downs: Convolutions of stride 2: 4 for 128x64 pixels, 5 for 256x256.
    """

    def __init__(self, in_channels: int = 3, size: Sequence[int] = (128, 64), width: int = 64, downs: int = 4) -> None:
        super().__init__()
        channels = [in_channels, *[width * min(2**level, 8) for level in range(downs)]]
        self.down = nn.ModuleList(HalveSame(before, after, 5) for before, after in pairwise(channels))
        self.norm = nn.ModuleList(nn.BatchNorm2d(count, track_running_stats=False) for count in channels[2:])
        self.last = nn.Linear(channels[-1] * (size[0] >> downs) * (size[1] >> downs), 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x.contiguous()  # with channels last, torch's batch norm on a CPU rounds more (docs/speed.md)
        for level, down in enumerate(self.down):
            x = down(x)
            x = F.leaky_relu(self.norm[level - 1](x) if level else x, 0.2, inplace=True)
        logits: Tensor = self.last(x.flatten(1))
        return logits
