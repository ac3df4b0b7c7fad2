"""vid2vid's generator: the next frame, made from its label map and the frames before (Wang et al. 2018,
arXiv:1808.06601, sec. 3.1 and 3.2; the authors' ``CompositeGenerator`` and ``CompositeLocalGenerator``).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .convolution import NarrowConv2d
from .flow import warp
from .hd import halve
from .normalization import BatchNorm2d
from .resnet import ReLU, ResidualBlock

#: The coarsest scale's flow is this many times its last layer's output, in pixels; each finer one's twice as many.
REACH = 20.0


def unit(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    """A convolution, which keeps its bias as in the authors' code, batch norm and ReLU."""
    return [convolution, BatchNorm2d(convolution.out_channels), ReLU()]


def down(in_channels: int, width: int, downs: int) -> list[nn.Module]:
    """Maps of ``width`` channels, halved ``downs`` times: (B, C, H, W) to (B, width 2**downs, H / 2**downs, ...)."""
    layers = unit(nn.Conv2d(in_channels, width, 7, padding=3, padding_mode="reflect"))
    for level in range(downs):
        layers += unit(nn.Conv2d(width * 2**level, width * 2 ** (level + 1), 3, stride=2, padding=1))
    return layers


def blocks(channels: int, count: int) -> list[nn.Module]:
    """Residual blocks."""
    return [ResidualBlock(channels, "batch", False, "image", bias=True) for _ in range(count)]


def up(width: int, downs: int) -> list[nn.Module]:
    """The way back of `down`."""
    layers: list[nn.Module] = []
    for coarse, fine in itertools.pairwise(width * 2**level for level in range(downs, -1, -1)):
        layers += unit(nn.ConvTranspose2d(coarse, fine, 3, stride=2, padding=1, output_padding=1))
    return layers


class Frame(NamedTuple):
    """What one scale makes of a frame: (B, ..., H, W)."""

    #: The picture, in [-1, 1]: the raw one where ``weight`` is 1, the frame before, warped, where it is 0.
    picture: Tensor
    #: The picture as if nothing came before it, in [-1, 1].
    raw: Tensor
    #: To the frame before: 2 channels, as in `i2i_zoo.networks.flow`.
    flow: Tensor
    #: 1 channel, in (0, 1).
    weight: Tensor
    #: The last maps of the picture, of the flow, and of the foreground if there is one, for the next finer scale.
    features: tuple[Tensor, Tensor, Tensor | None]


class Scale(nn.Module):
    """One scale of the generator.

    The coarsest is an encoder for labels and one for the frames before, whose maps are added, and two decoders.  A
    finer one halves its maps only once, and adds the last maps of the scale below.

    Args:
        in_channels: Channels of the label maps, of all frames that are seen.
        past: How many frames before are seen.
        width: Channels of the first layer.
        downs: How many times the coarsest scale halves maps.
        block_count: Residual blocks: of the coarsest scale, the larger half is in the encoders; of a finer one, all
            are in the decoders.
        number: 0 for the coarsest scale.
        foreground: Whether there is a network for the foreground, which sees labels only, with half the width if
            ``downs`` is above 2.
    """

    def __init__(
        self, in_channels: int, past: int, width: int, downs: int, block_count: int, number: int, foreground: bool
    ) -> None:
        super().__init__()
        halvings, encoded = (1, 0) if number else (downs, block_count - block_count // 2)
        decoded, channels = block_count - encoded, width * 2**halvings
        self.reach = REACH * 2**number
        self.labels = nn.Sequential(*down(in_channels, width, halvings), *blocks(channels, encoded))
        self.before = nn.Sequential(*down(3 * past, width, halvings), *blocks(channels, encoded))
        self.picture = nn.Sequential(*blocks(channels, decoded), *up(width, halvings))
        self.motion = nn.Sequential(*blocks(channels, decoded), *up(width, halvings))
        self.picture_head = NarrowConv2d(width, 3, 7, 3, "reflect")
        self.motion_head = NarrowConv2d(width, 3, 7, 3, "reflect")  # two channels of flow, one of weight
        self.has_foreground = foreground
        if foreground:
            narrow = width // 2 if downs > 2 else width
            self.foreground_down = nn.Sequential(*down(in_channels, narrow, halvings))
            self.foreground_up = nn.Sequential(*blocks(narrow * 2**halvings, block_count), *up(narrow, halvings))
            self.foreground_head = NarrowConv2d(narrow, 3, 7, 3, "reflect")

    def forward(
        self,
        labels: Tensor,
        before: Tensor,
        mask: Tensor | None = None,
        below: tuple[Tensor, Tensor, Tensor | None] | None = None,
        raw_only: bool = False,
    ) -> Frame:
        """The next frame.

        Args:
            labels: (B, in_channels, H, W), the current frame's last.
            before: The frames before, the latest last: (B, 3 past, H, W).
            mask: Where the foreground is, (B, 1, H, W) in [0, 1].
            below: The features of the scale below.
            raw_only: Whether the picture is the raw one, as at the beginning of a clip made from nothing.
        """
        seen = self.labels(labels) + self.before(before)
        looks, moves = (seen, seen) if below is None else (seen + below[0], seen + below[1])
        looks, moves = self.picture(looks), self.motion(moves)
        raw = torch.tanh(self.picture_head(looks))
        flow, weight = self.motion_head(moves).split([2, 1], 1)
        flow, weight = flow * self.reach, torch.sigmoid(weight)
        picture = raw if raw_only else raw * weight + warp(before[:, -3:], flow) * (1 - weight)
        front = None
        if self.has_foreground and mask is not None:
            front = self.foreground_down(labels)
            if below is not None and below[2] is not None:
                front = front + below[2]
            front = self.foreground_up(front)
            pasted = torch.tanh(self.foreground_head(front))
            picture, raw = pasted * mask + picture * (1 - mask), pasted * mask + raw * (1 - mask)
        return Frame(picture, raw, flow, weight, (looks, moves, front))


class FrameGenerator(nn.Module):
    """The generator of the next frame, at one to three scales (sec. 3.2).

    The scales make a frame one after the other, each at twice the resolution of the one below.  Each has pictures of
    its own, remembers them, and warps them; features are passed on, and pictures are not.

    Args:
        channels: Channels of a frame's label map: one-hot labels, then edges if there are any.
        past: How many frames before are seen.
        width: Channels of the coarsest scale's first layer; each finer one has half as many.
        downs, blocks: Of the coarsest scale.
        scales: Number of scales.
        fine_blocks: Residual blocks of each finer scale.
        foreground: Labels of the foreground; none for no such network.
    """

    def __init__(
        self,
        channels: int,
        past: int = 2,
        width: int = 128,
        downs: int = 3,
        blocks: int = 9,
        scales: int = 1,
        fine_blocks: int = 3,
        foreground: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.channels, self.past, self.foreground = channels, past, tuple(foreground)
        self.scales = nn.ModuleList(
            Scale((past + 1) * channels, past, width // 2**n, downs, fine_blocks if n else blocks, n, bool(foreground))
            for n in range(scales)
        )
        self.stride = 2 ** (downs + scales - 1)
        self.smallest = 2 * self.stride  # the residual blocks mirror one pixel and normalise, so they need two by two
        self.batch_stride = self.stride

    def start(self, pictures: Tensor) -> list[Tensor]:
        """What to remember of the frames before the first, (B, past, 3, H, W): (B, past, 3, h, w) at each scale."""
        return self.pyramid(pictures)

    def pyramid(self, frames: Tensor) -> list[Tensor]:
        """Frames (B, T, C, H, W) at the resolution of each scale, the coarsest first."""
        levels = [frames]
        for _ in self.scales[1:]:
            halved = halve(levels[-1].flatten(0, 1))
            levels.append(halved.view(*frames.shape[:2], *halved.shape[1:]))
        return levels[::-1]

    def forward(self, labels: Tensor, memory: Sequence[Tensor], raw_only: bool = False) -> list[Frame]:
        """The next frame at each scale, the coarsest first.

        Args:
            labels: The label maps of the frames before and of the current one, (B, past + 1, channels, H, W).
            memory: Of each scale, the frames before, (B, past, 3, h, w); see `start` and `remember`.
            raw_only: As of `Scale`.
        """
        frames: list[Frame] = []
        for scale, seen, before in zip(self.scales, self.pyramid(labels), memory, strict=True):
            mask = None
            if self.foreground:
                mask = seen[:, -1, list(self.foreground)].sum(1, keepdim=True).clamp(0, 1)
            below = frames[-1].features if frames else None
            frames.append(scale(seen.flatten(1, 2), before.flatten(1, 2), mask, below, raw_only))
        return frames

    @staticmethod
    def remember(memory: Sequence[Tensor], frames: Sequence[Frame]) -> list[Tensor]:
        """The memory with the new frame in place of the oldest, at each scale."""
        return [
            torch.cat([before[:, 1:], frame.picture[:, None].to(before)], 1)
            for before, frame in zip(memory, frames, strict=True)
        ]
