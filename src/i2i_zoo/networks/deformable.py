"""The networks of deformable GANs (Siarohin, Sangineto, Lathuiliere and Sebe 2018, arXiv:1801.00055)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convolution import Double, Halve

#: Skips of the first levels are deformable; the maps of the others are too small for body parts.
DEFORMABLE_LEVELS = 4


class WholeNorm(nn.Module):
    """Normalise each sample over channels, rows and columns together, with one scale and one shift for the layer.

    This is the instance norm of keras-contrib with its default axis: (x - mean) / (deviation + 1e-3).  The deviation is
    that of the population.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(1)), nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x.float(), (1, 2, 3), correction=0, keepdim=True)
        # A map of equal values has no gradient of its deviation; the largest one keeps it finite.
        scale = self.weight / (variance.clamp(min=1e-12).sqrt() + 1e-3)
        return torch.addcmul((self.bias - mean * scale).to(x.dtype), x, scale.to(x.dtype))


class Encoder(nn.Module):
    """(B, in_channels, H, W) to the maps of each level before their activations: (B, width, H, W), then halved.

    Channels are width times 1, 2, 4, 8, 8, ...  The deepest level has no norm.
    """

    def __init__(self, in_channels: int, width: int, downs: int) -> None:
        super().__init__()
        channels = [width * min(2**level, 8) for level in range(downs + 1)]
        self.first = nn.Conv2d(in_channels, width, 3, padding=1)
        self.down = nn.ModuleList(Halve(before, after, bias=False) for before, after in pairwise(channels))
        self.norm = nn.ModuleList(WholeNorm() for _ in range(downs - 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = [self.first(x)]
        for level, down in enumerate(self.down):
            halved = down(F.leaky_relu(maps[-1], 0.2))
            maps.append(self.norm[level](halved) if level < len(self.norm) else halved)
        return maps


class DeformableGenerator(nn.Module):
    """The U-Net with two encoders and deformable skips (sec. 3.1 and 3.2).

    One encoder sees the source picture and its pose, the other the target pose.  Body parts of the first levels of the
    appearance are moved to where the target pose has them.

    Args:
        width: Channels of the first layer.
        downs: How often maps are halved: 5 for 128x64 pixels and 6 for 256x256 in the paper.
        warped: Whether there are two encoders, and the first moves its maps; otherwise one encoder sees everything,
            the paper's baseline.
        dropout: Whether to drop half of the features of the three innermost decoder blocks in train mode.
        points: Channels of a pose.
    """

    def __init__(
        self, width: int = 64, downs: int = 5, warped: bool = True, dropout: bool = True, points: int = 18
    ) -> None:
        super().__init__()
        self.warped = warped
        self.appearance = Encoder(3 + points if warped else 3 + 2 * points, width, downs)
        self.pose = Encoder(points, width, downs) if warped else None
        skip = [(2 if warped else 1) * width * min(2**level, 8) for level in range(downs + 1)]
        out = [width * min(2 ** (level + 1), 8) for level in range(downs)]
        self.up = nn.ModuleList(
            Double(skip[level + 1] + (out[level + 1] if level + 1 < downs else 0), out[level], bias=False)
            for level in reversed(range(downs))
        )
        self.norm = nn.ModuleList(WholeNorm() for _ in range(downs))
        self.dropout = nn.ModuleList(nn.Dropout(0.5 if dropout and block < 3 else 0.0) for block in range(downs))
        self.last = nn.Conv2d(out[0] + skip[0], 3, 3, padding=1)
        self.stride = self.smallest = 2**downs

    def forward(
        self,
        source: Tensor,
        source_maps: Tensor,
        target_maps: Tensor,
        transforms: Tensor | None = None,
        masks: Tensor | None = None,
    ) -> Tensor:
        """The person of the source in the target pose: (B, 3, H, W) in [-1, 1].

        Args:
            source: (B, 3, H, W) in [-1, 1]; H and W are multiples of ``stride``.
            source_maps: The pose of the source, (B, points, H, W).
            target_maps: The pose to take, (B, points, H, W).
            transforms: (B, P, 2, 3): how each part moves, as `moved_parts` takes them.  The baseline needs none.
            masks: (B, P, H, W) of 0 and 1: where each part goes; everywhere without masks.
        """
        *skips, x = self.skips(source, source_maps, target_maps, transforms, masks)
        for block, (up, norm, dropout) in enumerate(zip(self.up, self.norm, self.dropout, strict=True)):
            x = torch.cat([x, skips[-block]], 1) if block else x
            x = dropout(norm(up(F.relu(x))))
        picture: Tensor = torch.tanh(self.last(F.relu(torch.cat([x, skips[0]], 1))))
        return picture

    def skips(self, source: Tensor, source_maps: Tensor, target_maps: Tensor, *motion: Tensor | None) -> list[Tensor]:
        """The maps of each level that the decoder sees, the innermost last."""
        if self.pose is None:
            maps: list[Tensor] = self.appearance(torch.cat([source, source_maps, target_maps], 1))
            return maps
        appearance = self.appearance(torch.cat([source, source_maps], 1))
        return [
            torch.cat(pair, 1) for pair in zip(moved_levels(appearance, *motion), self.pose(target_maps), strict=True)
        ]


def moved_levels(maps: list[Tensor], transforms: Tensor | None = None, masks: Tensor | None = None) -> Iterator[Tensor]:
    """The maps of all levels; those of the first levels with their parts moved, if there are transforms."""
    for level, each in enumerate(maps):
        if transforms is None or level >= DEFORMABLE_LEVELS:
            yield each
        else:
            yield moved_parts(each, transforms, masks, 2**level)


def moved_parts(maps: Tensor, transforms: Tensor, masks: Tensor | None = None, scale: int = 1) -> Tensor:
    """Feature maps with their parts where the target pose has them: the maximum over the parts (eq. 3 and 4).

    A part is 0 outside its mask, and where its transform points outside the maps.  So negative features are kept
    only where all parts have some.  Sampling is nearest.

    Args:
        maps: (B, C, H / scale, W / scale).
        transforms: (B, P, 2, 3): affine maps from pixels (x, y, 1) of the target to those of the source.
        masks: (B, P, H, W) of 0 and 1.
        scale: How much smaller the maps are than the picture that transforms and masks are for.
    """
    batch, channels, height, width = maps.shape
    y, x = torch.meshgrid(
        torch.arange(height, device=maps.device), torch.arange(width, device=maps.device), indexing="ij"
    )
    along, across, offset = transforms[..., None, None].float().unbind(-3)  # (B, P, 2, 1, 1) each
    positions = along * x + across * y + offset / scale
    columns, rows = rounded(positions).unbind(2)  # (B, P, h, w) each
    found = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    if masks is not None:
        found &= masks[..., ::scale, ::scale] > 0
    # Each sample is a table with a row for each pixel, and one more of zeros for what is not found.
    nothing = height * width
    pixels = torch.where(found, rows * width + columns, nothing).long().flatten(2)  # (B, P, h w)
    starts = torch.arange(batch, device=maps.device)[:, None, None] * (nothing + 1)
    table = F.pad(maps.flatten(2).transpose(1, 2), (0, 0, 0, 1)).flatten(0, 1)
    if maps.device.type != "cpu" or torch.compiler.is_compiling():
        moved = table.index_select(0, (starts + pixels).flatten()).view(batch, -1, height, width, channels).amax(1)
    else:
        pixels = pixels.sort(1).values
        places = (starts + pixels).transpose(1, 2).flatten(0, 1)  # (B h w, P): zeros come last
        moved = largest_rows(table, places, (pixels < nothing).sum(1).flatten()).view(batch, height, width, channels)
    return moved.movedim(-1, 1)


def largest_rows(table: Tensor, places: Tensor, counts: Tensor) -> Tensor:
    """``table[places].amax(1)``, fast where few rows differ from zero: most pixels are in no body part but the torso.

    Args:
        table: (R, C).
        places: (N, P), whose first ``counts`` are rows of any numbers, and the others rows of zeros.
        counts: (N,).

    Returns:
        (N, C).
    """
    largest = table.index_select(0, places[:, 0]).clamp(min=0)
    several = ((counts > 1) | (counts == places.shape[1])).nonzero().flatten()
    if len(several):
        among = places[several, : int(counts.max()) + 1]
        rows = table.index_select(0, among.flatten()).view(*among.shape, -1)
        largest.index_copy_(0, several, rows.amax(1))
    return largest


def rounded(positions: Tensor) -> Tensor:
    """The nearest whole numbers; halves go away from zero, as in TensorFlow's transform."""
    return positions.sign() * (positions.abs() + 0.5).floor()


class PairDiscriminator(nn.Module):
    """The discriminator of two pictures with their poses (sec. 3.1): five 4x4 convolutions of stride 2.

    (B, in_channels, H, W) to logits (B, 1, h, w): 3x1 for 128x64 pixels, and 7x7 for 256x256.

    Args:
        in_channels: Channels of the pictures and poses together.
        width: Channels of the first layer.
    """

    #: The smallest height and width that leave a logit.
    smallest = 34

    def __init__(self, in_channels: int = 42, width: int = 64) -> None:
        super().__init__()
        channels = [width, 2 * width, 4 * width, 8 * width, 1]
        self.first = nn.Conv2d(in_channels, width, 4, stride=2)
        self.down = nn.ModuleList(Halve(before, after, bias=False) for before, after in pairwise(channels))
        self.norm = nn.ModuleList(WholeNorm() for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for level, down in enumerate(self.down):
            x = down(F.leaky_relu(x, 0.2))
            x = self.norm[level](x) if level < len(self.norm) else x
        return x
