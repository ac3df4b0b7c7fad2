"""Whether translations between two domains have degenerated, as happens to CycleGAN and its relatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.tasks.paired import in_colours, visible

from .findings import COLLAPSED, GREY_LEVEL, SIDE, Comparison, Finding, remedies, small_luminance

#: A mean correlation below this means inverted colours: no value is below -1, so more than half of them are negative.
#: One domain may be bright where the other is dark: a negative correlation with real targets lowers this limit.
NEGATIVE = -0.5

#: A change below this is invisible: of a range of 2, it is 2.5 of 255 grey levels.
UNCHANGED = 0.02


class TranslationComparison(Comparison):
    """Compares sources, outputs and targets of one direction, (B, 1 or 3, H, W) in [-1, 1] each.

    ``compute`` returns how much sources, outputs and targets differ among themselves (3 numbers); the mean correlation
    of a source's luminance with that of its output and of the target beside it (2); and the mean change from source to
    output (1).
    """

    names = ("change", "diversity", "luminance_correlation")
    count: Tensor
    sums: Tensor
    squares: Tensor
    correlations: Tensor
    changes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("count", torch.tensor(0.0), "sum")
        self.add_state("sums", torch.zeros(3, SIDE**2), "sum")
        self.add_state("squares", torch.zeros(3, SIDE**2), "sum")
        self.add_state("correlations", torch.zeros(2), "sum")
        self.add_state("changes", torch.tensor(0.0), "sum")

    def compared(self, model: Any, outputs: Mapping[str, Any], direction: str) -> tuple[Tensor, ...]:
        values = model.measured(outputs, direction)
        source = in_colours(values["source"], model.preprocess_for(direction).source_palette)
        return tuple(visible(pictures) for pictures in (source, values["output"], values["target"]))

    def update(self, source: Tensor, output: Tensor, target: Tensor) -> None:
        small = torch.stack([small_luminance(pictures) for pictures in (source, output, target)])
        centred = small - small.mean(2, keepdim=True)
        self.count += len(source)
        self.sums += small.sum(1)
        self.squares += small.square().sum(1)
        self.correlations += F.cosine_similarity(centred[:1], centred[1:], dim=2).sum(1)  # 0 if a picture is one grey
        self.changes += (output.float() - source.float()).abs().mean((1, 2, 3)).sum()

    def compute(self) -> tuple[Tensor, Tensor, Tensor]:
        variances = self.squares / self.count - (self.sums / self.count).square()
        return variances.mean(1).clamp_min(0).sqrt(), self.correlations / self.count, self.changes / self.count

    def findings(self, model: Any, direction: str) -> Iterator[Finding]:
        deviations, correlations, changes = self.compute()
        source, output, target = deviations.tolist()
        correlation, expected = correlations.tolist()
        change = float(changes)
        yield Finding(
            "change",
            change,
            change < UNCHANGED,
            f"nothing is translated, outputs differ from their sources by {change:.3f} of a range of 2; "
            + remedies(model, "change", direction),
        )
        # Outputs that keep the content differ about as much as their sources.
        if min(source, target) > GREY_LEVEL:
            yield Finding(
                "diversity",
                output / target,
                output < COLLAPSED * min(source, target),
                f"mode collapse, outputs differ from each other {output / target:.3f} times as much as pictures of "
                f"{direction[1].upper()} do; " + remedies(model, "diversity", direction),
            )
        if not (model.preprocess.source_palette or model.preprocess.target_palette):
            yield Finding(
                "luminance_correlation",
                correlation,
                correlation < NEGATIVE + min(expected, 0),
                "inverted colours, the luminance of outputs correlates with that of their sources by "
                f"{correlation:.2f}; " + remedies(model, "luminance_correlation", direction),
            )
