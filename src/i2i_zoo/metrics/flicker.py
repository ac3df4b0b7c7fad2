"""How much a clip flickers: what changes from frame to frame beside what moves.

A flow (..., 2, H, W) leads from each pixel of a frame to the place of its surface in the next one, in pixels, x to the
right and y down.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.flow import warp

#: Two frames (B, 3, H, W) in [-1, 1] to the flow (B, 2, H, W) from the first to the second.
Flow = Callable[[Tensor, Tensor], Tensor]


def visible(forward: Tensor, backward: Tensor) -> Tensor:
    """1 where a surface is seen in both of two frames and is no edge of a motion, else 0: (B, 1, H, W).

    There, the flow from the first frame to the second and the one back cancel, and the first changes little to the
    next pixel (Ruder et al. 2016, equations 5 and 6, with the numbers of Lai et al.'s ``detect_occlusion``).

    Args:
        forward: The flow from the first frame to the second.
        backward: The flow from the second to the first.
    """
    back = warp(backward, forward)
    here = forward.square().sum(1)
    returned = (forward + back).square().sum(1) <= 0.01 * (here + back.square().sum(1)) + 0.5
    across = F.pad(forward.diff(dim=-1), (0, 1)).square()
    down = F.pad(forward.diff(dim=-2), (0, 0, 0, 1)).square()
    smooth = (across + down).sum(1) <= 0.01 * here + 0.002
    return (returned & smooth)[:, None].to(forward)


def warping_error(clips: Tensor, flow: Tensor, seen: Tensor) -> Tensor:
    """The warping error of each clip (B,): the mean over pairs of frames of the squared difference of what is visible.

    Each frame is compared with the next one, looked up along the flow, in values from 0 to 1 (Lai et al. 2018, section
    4.2, ``evaluate_WarpError``).  A pair without a visible pixel counts as 0, as in their code.

    Args:
        clips: (B, T, C, H, W) in [-1, 1].
        flow: (B, T - 1, 2, H, W), from each frame to the next.
        seen: (B, T - 1, 1, H, W), 1 for visible pixels, else 0.
    """
    batch, frames, channels = clips.shape[:3]
    first, second = ((part.flatten(0, 1).clamp(-1, 1) + 1) / 2 for part in (clips[:, :-1], clips[:, 1:]))
    mask = seen.flatten(0, 1).to(flow)
    difference = (warp(second, flow.flatten(0, 1)) - first.to(flow)).square() * mask
    errors = difference.sum((1, 2, 3)) / (channels * mask.sum((1, 2, 3))).clamp_min(1)
    return errors.view(batch, frames - 1).mean(1)


class WarpingError(Metric):
    """The mean over clips of `warping_error`; lower is better.

    It cannot stand alone: a clip that stands still and is compared along its own flow has 0.  So the flow is that of
    the real clips, or of the sources, which the made clips should follow.

    Args:
        flow: Finds the flow where `update` is given none.
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, flow: Flow | None = None) -> None:
        super().__init__()
        self.flow = flow
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(
        self, clips: Tensor, real: Tensor | None = None, flow: Tensor | None = None, seen: Tensor | None = None
    ) -> None:
        """Count clips (B, T, C, H, W) in [-1, 1].

        Args:
            clips: The clips to measure.
            real: The clips whose flow they should follow; by default they themselves.
            flow: (B, T - 1, 2, H, W), if it is known.
            seen: (B, T - 1, 1, H, W), which pixels are visible in the next frame too; needed with a ``flow``.

        Raises:
            ZooError: For clips of one frame, and if there is no way to the flow or to what is visible.
        """
        if clips.shape[1] < 2:
            raise ZooError("The warping error needs clips of at least 2 frames.")
        if (flow is None) != (seen is None):
            raise ZooError("The warping error needs a flow and what is visible along it: give both, or neither.")
        if flow is None or seen is None:
            flow, seen = self.found(clips if real is None else real)
        self.total += warping_error(clips, flow, seen).sum()
        self.count += len(clips)

    def found(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """The flow of clips, and what is visible along it."""
        if self.flow is None:
            raise ZooError("The warping error needs a flow: give it, or a function that finds it.")
        colour = clips.expand(-1, -1, 3, -1, -1)
        first, second = (part.flatten(0, 1) for part in (colour[:, :-1], colour[:, 1:]))
        forward, backward = self.flow(first, second), self.flow(second, first)
        seen, pairs = visible(forward, backward), (clips.shape[0], clips.shape[1] - 1)
        return forward.reshape(*pairs, *forward.shape[1:]), seen.reshape(*pairs, *seen.shape[1:])

    def compute(self) -> Tensor:
        """Not a number if there were no clips."""
        return (self.total / self.count).float()


class KnownWarpingError(WarpingError):
    """The warping error along a flow that leads back, as data have it: each frame is compared with the one before it.

    It is that of the clip that runs backwards.
    """

    def update(self, clips: Tensor, flow: Tensor, seen: Tensor) -> None:  # type: ignore[override]  # it is known
        """Count clips (B, T, C, H, W) in [-1, 1].

        Args:
            clips: The clips to measure.
            flow: (B, T, 2, H, W), from each frame to the one before it; the first one does not count.
            seen: (B, T, 1, H, W), which pixels are visible in the frame before too.

        Raises:
            ZooError: For clips of one frame.
        """
        super().update(clips.flip(1), flow=flow[:, 1:].flip(1), seen=seen[:, 1:].flip(1))
