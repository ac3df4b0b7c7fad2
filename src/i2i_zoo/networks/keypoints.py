"""Key points that a network finds by itself, as the moments of its maps (Siarohin et al. 2019).

Coordinates are x, then y, from -1 to 1: the centres of a picture's first and last pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convolution import EnlargingConv2d, WideConv2d

#: What a map of a key point is divided by: a number, or its sum over the picture.
Scale: TypeAlias = float | Literal["sum"]

#: Added to each pixel's share of a key point, so that no covariance is zero (``gaussian2kp`` of the authors' code).
LEAST = 1e-7


class KeyPoints(NamedTuple):
    """The key points of pictures; those of clips have an axis of frames after the first."""

    #: (B, K, 2): x and y.
    mean: Tensor
    #: (B, K, 2, 2): how far each spreads.
    covariance: Tensor

    def detach(self) -> KeyPoints:
        """The same without gradient."""
        return KeyPoints(self.mean.detach(), self.covariance.detach())

    def part(self, chosen: slice) -> KeyPoints:
        """Those of some of the pictures."""
        return KeyPoints(self.mean[chosen], self.covariance[chosen])


def transferred(driving: KeyPoints, first: KeyPoints, source: KeyPoints) -> KeyPoints:
    """The source's key points, moved as far as those of a clip have moved since its first frame (sec. 3.5, eq. 8).

    They spread as those of the clip, as in the authors' configurations (``normalize_kp``).
    """
    return KeyPoints(source.mean + driving.mean - first.mean, driving.covariance)


def axes(size: Sequence[int], like: Tensor) -> tuple[Tensor, Tensor]:
    """The coordinates of the columns (W,) and of the rows (H,) of a picture."""
    # Not linspace, which would make an exported graph one of this size only.
    height, width = (
        2 * torch.arange(side, device=like.device, dtype=like.dtype) / max(side - 1, 1) - 1 for side in size
    )
    return width, height


def coordinates(size: Sequence[int], like: Tensor) -> Tensor:
    """The coordinates of all pixels: (H, W, 2)."""
    x, y = axes(size, like)
    # Not len, which would make an exported graph one of this size only.
    return torch.stack([x.expand(y.shape[0], -1), y[:, None].expand(-1, x.shape[0])], -1)


def moments(shares: Tensor, least: float = 0.0) -> KeyPoints:
    """Mean and covariance of maps (B, K, H, W), which say how much of a key point each pixel holds (eq. 1).

    Args:
        shares: The maps, float32.
        least: A smaller covariance is enlarged until its smallest singular value is this.
    """
    x, y = axes(shares.shape[-2:], shares)
    columns, rows = shares.sum(2), shares.sum(3)
    mean_x, mean_y = (columns * x).sum(2), (rows * y).sum(2)
    x, y = x - mean_x[..., None], y - mean_y[..., None]
    xx, yy = (columns * x.square()).sum(2), (rows * y.square()).sum(2)
    xy = ((shares * x[:, :, None]).sum(3) * y).sum(2)
    covariance = torch.stack([xx, xy, xy, yy], -1).view(*xx.shape, 2, 2)
    if least:
        # The largest one from trace and difference, the smallest from the determinant: no digits cancel.
        largest = (xx + yy) / 2 + ((xx - yy).square() / 4 + xy.square()).clamp_min(1e-20).sqrt()
        smallest = ((xx * yy - xy.square()) / largest).clamp_min(1e-12)
        covariance = covariance * (smallest.clamp_min(least) / smallest)[..., None, None]
    return KeyPoints(torch.stack([mean_x, mean_y], -1), covariance)


def gaussians(points: KeyPoints, size: Sequence[int]) -> Tensor:
    """A map of each key point, 1 at its place and lower around it: (B, K, H, W)."""
    x, y = axes(size, points.mean)
    x = x - points.mean[..., 0, None]
    y = y - points.mean[..., 1, None]
    (xx, xy), (yx, yy) = (row.unbind(-1) for row in points.covariance.unbind(-2))
    determinant = xx * yy - xy * yx
    # The inverse of the covariance; the terms of one coordinate alone are constant along the other.
    across = (yy / determinant)[..., None] * x.square()
    down = (xx / determinant)[..., None] * y.square()
    both = -((xy + yx) / determinant)[..., None] * x
    distance = across[:, :, None] + y[..., None] * both[:, :, None] + down[..., None]
    return torch.exp(-0.5 * distance)


def heat_maps(points: KeyPoints, size: Sequence[int], scale: Scale) -> Tensor:
    """`gaussians`, scaled."""
    maps = gaussians(points, size)
    return maps / (maps.sum((2, 3), keepdim=True) if scale == "sum" else scale)


def reduced(pictures: Tensor, reduction: int) -> Tensor:
    """Every so many-th row and column of pictures (B, C, H, W)."""
    return pictures[..., ::reduction, ::reduction]


class Block(nn.Module):
    """A convolution, batch norm and ReLU of maps (B, C, H, W)."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv, self.norm = conv, nn.BatchNorm2d(conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)


def widths(width: int, most: int, blocks: int) -> list[int]:
    """Channels at each halving, from the full size on; that of the full size is only the decoder's."""
    return [min(most, width * 2**halving) for halving in range(blocks + 1)]


class Encoder(nn.Module):
    """Pictures (B, C, H, W), and their maps after each of ``blocks`` halvings."""

    def __init__(self, in_channels: int, width: int, max_width: int, blocks: int) -> None:
        super().__init__()
        inner = widths(width, max_width, blocks)
        channels = zip([in_channels, *inner[1:-1]], inner[1:], strict=True)
        self.blocks = nn.ModuleList(Block(WideConv2d(before, after)) for before, after in channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        found = [x]
        for block in self.blocks:
            found.append(F.avg_pool2d(block(found[-1]), 2))
        return found


class Decoder(nn.Module):
    """Maps of all sizes, as `Encoder` finds them, to maps of full size.

    Args:
        width: Channels as those of the encoder.
        max_width: As the encoder's.
        blocks: How often maps are doubled.
        extra: How many channels the maps have beside those of the encoder.
    """

    def __init__(self, width: int, max_width: int, blocks: int, extra: int = 0) -> None:
        super().__init__()
        inner = widths(width, max_width, blocks)
        self.blocks = nn.ModuleList(
            Block(EnlargingConv2d((1 if halving == blocks else 2) * inner[halving] + extra, inner[halving - 1]))
            for halving in range(blocks, 0, -1)
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """The decoder's channels, then those of the first of the maps."""
        *skips, out = maps
        for block, skip in zip(self.blocks, reversed(skips), strict=True):
            out = torch.cat([block(out), skip], 1)
        return out


class Hourglass(nn.Module):
    """An encoder and a decoder with a skip at every size: (B, C, H, W) to (B, D, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, width: int, max_width: int, blocks: int) -> None:
        super().__init__()
        self.encoder = Encoder(in_channels, width, max_width, blocks)
        self.decoder = Decoder(width, max_width, blocks)
        self.last = nn.Conv2d(min(width, max_width) + in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.decoder(self.encoder(x)))
        return out


class KeyPointDetector(nn.Module):
    """Finds K key points in pictures (B, 3, H, W) in [0, 1] (sec. 3.2).

    Args:
        keypoints: How many.
        width: Channels of the hourglass at full size.
        max_width: The most channels.
        blocks: How often its maps are halved.
        temperature: A lower one makes points of fewer pixels.
        least: The smallest singular value of a covariance; 0 for no limit.
        reduction: The hourglass sees every so many-th pixel.
    """

    def __init__(
        self,
        keypoints: int,
        width: int,
        max_width: int,
        blocks: int = 5,
        temperature: float = 0.1,
        least: float = 0.0,
        reduction: int = 1,
    ) -> None:
        super().__init__()
        self.hourglass = Hourglass(3, keypoints, width, max_width, blocks)
        self.temperature, self.least, self.reduction = temperature, least, reduction
        #: Heights and widths are multiples of this.
        self.stride = reduction * 2**blocks

    def forward(self, pictures: Tensor) -> KeyPoints:
        logits = self.hourglass(reduced(pictures, self.reduction)).float() / self.temperature
        shares = logits.flatten(2).softmax(2).view(logits.shape) + LEAST
        return moments(shares, self.least)
