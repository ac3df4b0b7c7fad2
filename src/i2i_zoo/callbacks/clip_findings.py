"""Whether what is made from noise has degenerated: all of it alike, or clips that stand still or flicker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from .findings import COLLAPSED, GREY_LEVEL, SIDE, Comparison, Finding, remedies, small_luminance

#: Clips stand still if neighbouring frames differ by less than this share of how much those of real clips do.  Clips of
#: little contrast may move less.
STILL = 0.05


class NoiseComparison(Comparison):
    """Compares what is made with what is real: clips (B, T, 1 or 3, H, W), or pictures (B, 1 or 3, H, W), in [-1, 1].

    ``compute`` returns three numbers for what is made, and three for what is real, all of them root mean squares: how
    much clips differ from each other in their first, middle and last frames; how much neighbouring frames differ; and
    how much frames differ that are half a clip apart.
    """

    names = ("diversity", "motion", "flicker")
    starts_alike = True
    count: Tensor
    sums: Tensor
    squares: Tensor
    near: Tensor
    far: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("count", torch.tensor(0.0), "sum")
        self.add_state("sums", torch.zeros(2, 3 * SIDE**2), "sum")
        self.add_state("squares", torch.zeros(2, 3 * SIDE**2), "sum")
        self.add_state("near", torch.zeros(2), "sum")
        self.add_state("far", torch.zeros(2), "sum")

    def compared(self, model: Any, outputs: Mapping[str, Any], direction: str) -> tuple[Tensor, ...]:
        values = model.measured(outputs, direction)
        return values["output"], values["target"]

    def update(self, output: Tensor, target: Tensor) -> None:
        self.count += len(output)
        for place, made in enumerate((output, target)):
            clips = made if made.dim() == 5 else made[:, None]
            small = small_luminance(clips.flatten(0, 1)).view(*clips.shape[:2], -1)
            frames = small.shape[1]
            three = small[:, [0, frames // 2, -1]].flatten(1)
            self.sums[place] += three.sum(0)
            self.squares[place] += three.square().sum(0)
            if frames > 1:
                self.near[place] += squared_change(small, 1)
                self.far[place] += squared_change(small, frames // 2)

    def compute(self) -> tuple[Tensor, Tensor]:
        variances = self.squares / self.count - (self.sums / self.count).square()
        squares = torch.stack([variances.mean(1), self.near / self.count, self.far / self.count], 1)
        made, real = squares.clamp_min(0).sqrt()
        return made, real

    def findings(self, model: Any, direction: str) -> Iterator[Finding]:
        (contrast, near, far), (real_contrast, real_near, real_far) = (found.tolist() for found in self.compute())
        if real_contrast <= GREY_LEVEL:
            return
        diversity = contrast / real_contrast
        yield Finding(
            "diversity",
            diversity,
            diversity < COLLAPSED,
            f"mode collapse, they differ from each other {diversity:.3f} times as much as real ones do; "
            + remedies(model, "diversity", direction),
        )
        if min(real_near, real_far) <= GREY_LEVEL:
            return
        motion = near / real_near
        yield Finding(
            "motion",
            motion,
            motion < STILL * min(diversity, 1),
            f"they stand still, their neighbouring frames differ {motion:.3f} times as much as those of real clips do; "
            + remedies(model, "motion", direction),
        )
        flicker, expected = near / max(far, GREY_LEVEL), real_near / real_far
        yield Finding(
            "flicker",
            flicker,
            flicker > (1 + expected) / 2 and motion > 0.5,
            f"they flicker, neighbouring frames differ {flicker:.2f} times as much as frames half a clip apart, and "
            f"those of real clips {expected:.2f} times; " + remedies(model, "flicker", direction),
        )


def squared_change(clips: Tensor, apart: int) -> Tensor:
    """The sum over clips (B, T, N) of the mean squared difference of frames so many frames apart."""
    return (clips[:, apart:] - clips[:, :-apart]).square().mean((1, 2)).sum()
