"""The generator and the discriminator of Monkey-Net (Siarohin et al. 2019).

Pictures are in [0, 1], as in the authors' code: its layers pad with black.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .keypoints import Block, Decoder, Encoder, Hourglass, KeyPoints, Scale, coordinates, heat_maps, reduced

#: The logit of standing still before training (``bg_init`` of the authors' code).
STILL = 2.0

Interpolation = Literal["nearest", "bilinear"]


def sample(maps: Tensor, grid: Tensor, align_corners: bool) -> Tensor:
    """Maps (B, C, H, W) at the places (B, h, w, 2) from -1 to 1: (B, C, h, w); black outside."""
    sampled = F.grid_sample(maps.float(), grid, padding_mode="zeros", align_corners=align_corners)
    return sampled.to(maps.dtype)


def scaled(maps: Tensor, size: Sequence[int], interpolation: Interpolation) -> Tensor:
    """Maps (B, C, h, w) at another size."""
    if maps.shape[-2:] == tuple(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode=interpolation)


def difference(source: KeyPoints, driving: KeyPoints, size: Sequence[int], scale: Scale) -> Tensor:
    """Where each key point goes, less where it came from: (B, K, H, W) (sec. 3.3)."""
    return heat_maps(driving, size, scale) - heat_maps(source, size, scale)


class DenseMotion(nn.Module):
    """From key points to where each pixel comes from (sec. 3.3).

    Each key point, and the background before them, offers its own displacement.  A network sees what the source looks
    like under each of them, gives each a mask, and adds a correction of its own.

    Args:
        keypoints: How many.
        width: Channels of the hourglass at full size.
        max_width: The most channels.
        blocks: How often its maps are halved.
        groups: Blocks of 1x1 convolutions before it, in which each displacement is by itself.
        scale: What maps of key points are divided by.
        reduction: The network sees every so many-th pixel.
        shows_displacement: Whether the network sees the displacements as numbers too.
        align_corners: See `torch.nn.functional.grid_sample`.
    """

    def __init__(
        self,
        keypoints: int,
        width: int,
        max_width: int,
        blocks: int,
        groups: int,
        scale: Scale,
        reduction: int,
        shows_displacement: bool,
        align_corners: bool,
    ) -> None:
        super().__init__()
        slots = keypoints + 1
        channels = slots * (1 + 3 + 2 * shows_displacement)
        self.groups = nn.Sequential(*(Block(nn.Conv2d(channels, channels, 1, groups=slots)) for _ in range(groups)))
        self.hourglass = Hourglass(channels, slots + 2, width, max_width, blocks)
        self.scale, self.reduction = scale, reduction
        self.shows_displacement, self.align_corners = shows_displacement, align_corners
        nn.init.zeros_(self.hourglass.last.weight)
        assert self.hourglass.last.bias is not None
        nn.init.zeros_(self.hourglass.last.bias)
        with torch.no_grad():
            self.hourglass.last.bias[0] = STILL

    def forward(self, source: Tensor, source_points: KeyPoints, driving_points: KeyPoints) -> Tensor:
        """Where the pixels of sources (B, 3, H, W) come from: (B, h, w, 2), from -1 to 1."""
        source = reduced(source, self.reduction)
        grid = coordinates(source.shape[-2:], source_points.mean)
        displacements = F.pad(source_points.mean - driving_points.mean, (0, 0, 1, 0))  # (B, K + 1, 2)
        seen = self.embedded(source, source_points, driving_points, displacements, grid)
        prediction = self.hourglass(self.groups(seen)).float()
        masks = prediction[:, :-2].softmax(1)
        flow = (masks[:, :, None] * displacements[..., None, None]).sum(1) + prediction[:, -2:]
        places: Tensor = grid + flow.permute(0, 2, 3, 1)
        return places

    def embedded(
        self, source: Tensor, source_points: KeyPoints, driving_points: KeyPoints, displacements: Tensor, grid: Tensor
    ) -> Tensor:
        """For each displacement: the map of its key point, and the source displaced; (B, (K + 1) C, h, w)."""
        size, slots = source.shape[-2:], displacements.shape[1]
        maps = F.pad(difference(source_points, driving_points, size, self.scale), (0, 0, 0, 0, 1, 0))
        # All displaced pictures are one tall picture, so that the source is not copied for each.
        tall = (grid + displacements[:, :, None, None]).flatten(1, 2)
        displaced = sample(source, tall, self.align_corners).view(tall.shape[0], 3, slots, *size).transpose(1, 2)
        parts = [maps[:, :, None], displaced]
        if self.shows_displacement:
            parts.insert(1, displacements[..., None, None].expand(-1, -1, -1, *size))
        return torch.cat(parts, 2).flatten(1, 2).to(source.dtype)


class Residual(nn.Module):
    """A residual block with norms before its convolutions: (B, C, H, W) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(F.relu(self.norm1(x), inplace=True))
        out: Tensor = x + self.conv2(F.relu(self.norm2(inner), inplace=True))
        return out


class MotionTransferGenerator(nn.Module):
    """A source picture as its key points move (sec. 3.4).

    The maps of an encoder, and the picture itself, are warped as `DenseMotion` says.  A decoder and residual blocks
    make a picture of them, and see where the key points go.

    Args:
        keypoints: How many.
        width: Channels of encoder, decoder and the hourglass of `DenseMotion` at full size.
        max_width: The most channels.
        blocks: How often the encoder's maps are halved.
        motion_blocks: How often those of `DenseMotion` are halved.
        refinements: Residual blocks.
        groups: See `DenseMotion`.
        scale: See `DenseMotion`.
        motion_reduction: The reduction of `DenseMotion`.
        map_reduction: Maps of key points are drawn at this part of the picture's size.
        shows_displacement: See `DenseMotion`.
        interpolation: How places and maps of key points get the sizes of the encoder's maps.
        align_corners: See `torch.nn.functional.grid_sample`.
    """

    def __init__(
        self,
        keypoints: int,
        width: int,
        max_width: int,
        blocks: int = 5,
        motion_blocks: int = 5,
        refinements: int = 4,
        groups: int = 2,
        scale: Scale = 100.0,
        motion_reduction: int = 1,
        map_reduction: int = 1,
        shows_displacement: bool = False,
        interpolation: Interpolation = "nearest",
        align_corners: bool = True,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(3, width, max_width, blocks)
        self.motion = DenseMotion(
            *(keypoints, width, max_width, motion_blocks, groups, scale, motion_reduction),
            *(shows_displacement, align_corners),
        )
        self.decoder = Decoder(width, max_width, blocks, extra=keypoints)
        channels = min(width, max_width) + 3 + keypoints
        self.refinement = nn.Sequential(*(Residual(channels) for _ in range(refinements)))
        self.last = nn.Conv2d(channels, 3, 1)
        self.scale, self.map_reduction = scale, map_reduction
        self.interpolation, self.align_corners = interpolation, align_corners
        #: Heights and widths are multiples of this.
        self.stride = self.smallest = max(2**blocks, motion_reduction * 2**motion_blocks, map_reduction)

    def encode(self, source: Tensor) -> list[Tensor]:
        """What `animate` needs of sources (B, 3, H, W): the same for all frames."""
        found: list[Tensor] = self.encoder(source)
        return found

    def animate(
        self, maps: Sequence[Tensor], source_points: KeyPoints, driving_points: KeyPoints
    ) -> tuple[Tensor, Tensor]:
        """The pictures (B, 3, H, W) in [0, 1], and the sources as they are only warped.

        Args:
            maps: What `encode` found; of one source, or of B.
            source_points: Key points of the sources.
            driving_points: Those that the pictures should have.
        """
        count = driving_points.mean.shape[0]
        maps = [each.expand(count, -1, -1, -1) for each in maps]
        places = self.motion(maps[0], source_points, driving_points).permute(0, 3, 1, 2)
        size = reduced(maps[0], self.map_reduction).shape[-2:]
        moved = difference(source_points, driving_points, size, self.scale)
        warped, seen = [], []
        for each in maps:
            grid = scaled(places, each.shape[-2:], self.interpolation).permute(0, 2, 3, 1)
            warped.append(sample(each, grid, self.align_corners))
            seen.append(torch.cat([warped[-1], scaled(moved, each.shape[-2:], self.interpolation).to(each.dtype)], 1))
        pictures = torch.sigmoid(self.last(self.refinement(self.decoder(seen))).float())
        return pictures, warped[0]

    def forward(self, source: Tensor, source_points: KeyPoints, driving_points: KeyPoints) -> tuple[Tensor, Tensor]:
        """`animate` of sources (B, 3, H, W) in [0, 1]."""
        return self.animate(self.encode(source), source_points, driving_points)


class KeyPointDiscriminator(nn.Module):
    """Tells real pictures from made ones, given where their key points are (sec. 3.5).

    Nothing is padded.  Pictures are judged one by one: its norms are of each picture alone.

    Args:
        keypoints: How many.
        width: Half the channels of the first block; each has twice as many as the one before.
        max_width: The most channels.
        blocks: How many blocks.
    """

    def __init__(self, keypoints: int, width: int = 32, max_width: int = 256, blocks: int = 4) -> None:
        super().__init__()
        channels = [3 + keypoints, *(min(max_width, width * 2 ** (block + 1)) for block in range(blocks))]
        self.convs = nn.ModuleList(nn.Conv2d(before, after, 4) for before, after in pairwise(channels))
        self.norms = nn.ModuleList(
            nn.Identity() if block == 0 else nn.InstanceNorm2d(after, affine=True)
            for block, after in enumerate(channels[1:])
        )
        self.last = nn.Conv2d(channels[-1], 1, 1)
        #: The smallest height and width.
        self.smallest = 1
        for _ in range(blocks):
            self.smallest = 2 * self.smallest + 3

    def forward(self, pictures: Tensor, maps: Tensor) -> list[Tensor]:
        """The pictures (B, 3, H, W) in [0, 1] themselves, the maps of each block, and the scores.

        ``maps`` (B, K, H, W) show the key points.
        """
        found, x = [pictures], torch.cat([pictures, maps], 1)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.avg_pool2d(F.leaky_relu(norm(conv(x)), 0.2), 2)
            found.append(x)
        return [*found, self.last(x)]
