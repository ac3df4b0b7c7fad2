"""The networks of MoCoGAN (Tulyakov et al. 2018, arXiv:1707.04993)."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .dcgan import SHRINKAGE, DCGANGenerator, GaussianNoise, smallest_map

#: What gets the category: the generator of frames, or the recurrent network of the motion.
CategoryInput = Literal["frames", "motion"]

#: The first layers of the video discriminator shorten a clip by this many frames.
SHORTENED = 12


class Codes(NamedTuple):
    """What clips are made from."""

    #: (B, content), from N(0, 1).
    content: Tensor
    #: (B,) int64; all 0 if there are no categories.
    category: Tensor
    #: The first state of the recurrent network (B, motion), from N(0, 1).
    start: Tensor
    #: Its input for each frame (B, T, motion), from N(0, 1).
    motion: Tensor


class ClipGenerator(nn.Module):
    """`Codes` to clips (B, T, channels, size, size) in [-1, 1]: each frame from the content and a state of a GRU.

    Args:
        channels: Channels of a frame.
        content: Length of the content code.
        categories: How many categories there are; perhaps 0.
        motion: Length of the motion code.
        width: Channels of the last hidden layer.
        size: Height and width of a frame, a multiple of 16.
        category_input: What gets the category.
        conditional: Whether a `FrameEncoder` gives the content and the first state of the GRU, which then belongs to
            the first frame.

    Raises:
        ZooError: For another size.
    """

    stride = smallest = 1  # there is one size only, so frames are never padded
    batch_stride = SHRINKAGE

    def __init__(
        self,
        channels: int = 3,
        content: int = 50,
        categories: int = 6,
        motion: int = 10,
        width: int = 64,
        size: int = 64,
        category_input: CategoryInput = "frames",
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = FrameEncoder(channels, content, motion, width, size) if conditional else None
        self.categories, self.category_input = categories, category_input
        to_motion, to_frames = (categories, 0) if category_input == "motion" else (0, categories)
        self.recurrent = nn.GRU(motion + to_motion, motion, batch_first=True)
        self.frames = DCGANGenerator(content + to_frames + motion, channels, width, size)

    def latents(self, codes: Codes) -> Tensor:
        """The code of each frame (B, T, latent): content, category, unless the GRU gets it, and state of the GRU."""
        frames = codes.motion.shape[1]
        category = F.one_hot(codes.category, max(self.categories, 1))[:, : self.categories]
        repeated = category.to(codes.content)[:, None].expand(-1, frames, -1)
        content = codes.content[:, None].expand(-1, frames, -1)
        to_motion, to_frames = ([repeated], []) if self.category_input == "motion" else ([], [repeated])
        states, _ = self.recurrent(torch.cat([codes.motion, *to_motion], 2), codes.start[None])
        if self.encoder is not None:
            states = torch.cat([codes.start[:, None], states[:, :-1]], 1)
        return torch.cat([content, *to_frames, states], 2)

    def forward(self, codes: Codes) -> Tensor:
        latents = self.latents(codes)
        frames: Tensor = self.frames(latents.flatten(0, 1))
        return frames.view(*latents.shape[:2], *frames.shape[1:])


class FrameEncoder(nn.Module):
    """First frames (B, channels, size, size) to the beginnings of clips: content and first state (B, content + motion).

    The convolutions are those of a discriminator, with batch norm and ReLU.  States are in (-1, 1), as a GRU's are.
    """

    def __init__(self, channels: int, content: int, motion: int, width: int, size: int) -> None:
        super().__init__()
        self.lengths = [content, motion]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([channels, width, 2 * width, 4 * width, 8 * width]):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs)]
            layers += [nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers, nn.Conv2d(8 * width, content + motion, smallest_map(size)))

    def forward(self, frame: Tensor) -> Tensor:
        content, state = self.body(frame).flatten(1).split_with_sizes(self.lengths, 1)
        return torch.cat([content, torch.tanh(state)], 1)


class VideoDiscriminator(nn.Module):
    """Clips (B, T, channels, size, size) to logits (B, 1 + categories, 1, 1, 1): real or made, then the categories.

    With ``patches``, to (B, 1, T - 12, size / 16, size / 16).

    Args:
        channels: Channels of a frame.
        categories: How many categories it tells apart; it cannot with ``patches``.
        width: Channels of the first layer.
        size: Height and width of a frame, a multiple of 16.
        frames: Length of a clip, at least 13; the authors have 16.
        patches: Judge patches, with a layer less.
        noise: Standard deviation of the noise in front of all layers but the last.

    Raises:
        ZooError: For another size.
    """

    def __init__(
        self,
        channels: int = 3,
        categories: int = 6,
        width: int = 64,
        size: int = 64,
        frames: int = 16,
        patches: bool = False,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        last = smallest_map(size)
        maps = [channels, width, 2 * width, 4 * width, *([] if patches else [8 * width])]
        layers: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(pairwise(maps)):
            layers += [GaussianNoise(noise), halving(inputs, outputs)]
            layers += [nn.BatchNorm3d(outputs)] if number else []
            layers += [nn.LeakyReLU(0.2, inplace=True)]
        if patches:
            layers += [halving(maps[-1], 1)]
        else:
            layers += [nn.Conv3d(maps[-1], 1 + categories, (frames - SHORTENED, last, last), bias=False)]
        self.body = nn.Sequential(*layers)

    def forward(self, video: Tensor) -> Tensor:
        logits: Tensor = self.body(video.transpose(1, 2))
        return logits


def halving(inputs: int, outputs: int) -> nn.Conv3d:
    """A layer that halves height and width, and shortens the clip by three frames."""
    return nn.Conv3d(inputs, outputs, 4, stride=(1, 2, 2), padding=(0, 1, 1), bias=False)
