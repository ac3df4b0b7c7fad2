"""What vid2vid's players see of clips: frames that are made together, and triples of frames at several strides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.losses.adversarial import adversarial_losses
from i2i_zoo.networks.flow import compose
from i2i_zoo.networks.vid2vid import REACH

#: How many frames a temporal discriminator sees; the next one sees frames so many times as far apart.
JUDGED = 3

#: Channels of what it sees: frames, and the flows between them.
TRIPLE = 3 * JUDGED + 2 * (JUDGED - 1)

#: The width in pixels up to which the perceptual loss sees frames as they are (the authors' ``VGGLoss``).
WIDEST = 1024

#: What a discriminator finds: of each of its scales, the maps of all layers.
Maps = list[list[Tensor]]


class Chunk(NamedTuple):
    """Frames that are made and judged together: (B, n, ..., H, W) each, pictures in [-1, 1]."""

    guide: Tensor
    real: Tensor
    #: The real frames one before.
    real_before: Tensor
    #: The flow of the real frames to those, and where it can be trusted.
    real_flow: Tensor
    trusted: Tensor
    picture: Tensor
    raw: Tensor
    #: The made frames one before, without gradient.
    picture_before: Tensor
    #: The generator's flow and weight.
    flow: Tensor
    weight: Tensor

    def frames(self) -> Chunk:
        """The same as single frames, (B n, ..., H, W)."""
        return Chunk(*(clip.flatten(0, 1) for clip in self))


def narrowed(frames: Tensor) -> Tensor:
    """Frames (B, C, H, W) as the perceptual loss sees them: means over 2x2 pixels until they are `WIDEST` or less."""
    while frames.shape[-1] > WIDEST:
        frames = F.avg_pool2d(frames, 2)
    return frames


class Judged(NamedTuple):
    """What temporal discriminators still need of earlier chunks, (B, n, ..., H, W) each, without gradient."""

    real: Tensor
    picture: Tensor
    real_flow: Tensor


def split_triples(chunk: Chunk, before: Judged | None, scales: int) -> tuple[list[tuple[Tensor, Tensor]], Judged]:
    """What each temporal discriminator sees of a chunk, and what is needed for the next chunk.

    A triple ends with the last frame of the chunk, the next with the third last, and so on (``get_skipped_frames``).

    Args:
        chunk: The frames.
        before: What was returned for the chunk before; None for the first.
        scales: Number of temporal discriminators.

    Returns:
        For each scale, from the finest, for which there are enough frames: real and made triples (B groups, 13, H, W),
        three frames and then the two flows of the real ones, divided by `REACH`.
    """
    seen = Judged(chunk.real, chunk.picture, chunk.real_flow)
    if before is not None:
        seen = Judged(*(torch.cat(parts, 1) for parts in zip(before, seen, strict=True)))
    count, new, found = seen.real.shape[1], chunk.real.shape[1], []
    for scale in range(scales):
        stride = JUDGED**scale
        span = stride * (JUDGED - 1)
        ends = range(count - 1, count - 1 - min(count - span, new), -JUDGED)
        triples = [[end - span + stride * k for k in range(JUDGED)] for end in ends]
        if triples:
            flows = torch.stack([strided_flow(seen.real_flow, triple[1:], stride) for triple in triples], 1) / REACH
            parts = [[clip[:, triples].flatten(2, 3), flows.flatten(2, 3)] for clip in (seen.real, seen.picture)]
            real, made = (torch.cat(part, 2).flatten(0, 1) for part in parts)
            found.append((real, made))
    kept = JUDGED ** max(scales - 1, 0) * (JUDGED - 1)
    return found, Judged(*(clip[:, -kept:].detach() for clip in seen))


def strided_flow(flow: Tensor, places: Sequence[int], stride: int) -> Tensor:
    """The flow (B, n, 2, H, W) of the frames at some places to those a stride before, composed of those to the next."""
    flows = []
    for place in places:
        found = flow[:, place]
        for step in range(1, stride):
            found = compose(found, flow[:, place - step])
        flows.append(found)
    return torch.stack(flows, 1)


def each(function: Callable[..., Tensor], *clips: Tensor) -> Tensor:
    """A function of pictures (B, C, H, W), of each frame of clips (B, n, C, H, W)."""
    frames = function(*(clip.flatten(0, 1) for clip in clips))
    return frames.view(*clips[0].shape[:2], *frames.shape[1:])


def least_squares(maps: Maps, real: bool) -> Tensor:
    """The sum over a discriminator's scales of the mean squared distance from a verdict (LSGAN)."""
    return adversarial_losses([scale[-1] for scale in maps], real, "lsgan")
