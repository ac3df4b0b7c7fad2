"""Warnings of degenerate translations between two domains, early enough to change the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric

from i2i_zoo.media.colours import rgb_to_lab
from i2i_zoo.tasks.paired import in_colours, visible

#: Pictures are compared at this height and width, where noise and texture are gone.
SIDE = 32

#: Outputs have collapsed if they differ from each other by less than this share of how much their sources differ, and
#: of how much pictures of the target domain differ.  Outputs that keep the content differ about as much as these.
COLLAPSED = 0.1

#: A mean correlation below this means inverted colours: no value is below -1, so more than half of them are negative.
#: One domain may be bright where the other is dark: a negative correlation with real targets lowers this limit.
NEGATIVE = -0.5

#: A change below this is invisible: of a range of 2, it is 2.5 of 255 grey levels.
UNCHANGED = 0.02

#: One grey level of a range of 2: sources or targets that differ by less are all the same picture.
GREY_LEVEL = 1 / 127.5


class Comparison(Metric):
    """Compares sources, outputs and targets of one direction, (B, 1 or 3, H, W) in [-1, 1] each.

    ``compute`` returns how much sources, outputs and targets differ among themselves (3 numbers); the mean correlation
    of a source's luminance with that of its output and of the target beside it (2); and the mean change from source to
    output (1).
    """

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


def small_luminance(pictures: Tensor) -> Tensor:
    """The L of CIE Lab in [-1, 1], at ``SIDE`` pixels: pictures (B, 1 or 3, H, W) to (B, SIDE**2)."""
    small = F.adaptive_avg_pool2d(pictures.float(), SIDE)
    return rgb_to_lab(small.expand(-1, 3, -1, -1))[:, 0].flatten(1)


class Finding(NamedTuple):
    """A number about one direction, whether it shows a failure, and the sentence to warn with."""

    name: str
    value: float
    failed: bool
    sentence: str


#: The names of all findings.
FINDINGS = ("change", "diversity", "luminance_correlation")


def findings(direction: str, comparison: Comparison, model: Any) -> Iterator[Finding]:
    """The findings about a direction of the model."""
    deviations, correlations, changes = comparison.compute()
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
            f"inverted colours, the luminance of outputs correlates with that of their sources by {correlation:.2f}; "
            + remedies(model, "luminance_correlation", direction),
        )


def remedies(model: Any, failure: str, direction: str) -> str:
    """What helps against a failure: the method's advice, and another seed."""
    return " or ".join([*model.remedies(failure, direction), "start again with another --seed_everything"])


class CollapseWatch(L.Callback):
    """Warns of degenerate translations between two domains, as happen to CycleGAN and its relatives.

    After each validation it logs three numbers for each direction, and warns of the failures named here:

    - ``val/<direction>_diversity``: how much outputs differ from each other, as a multiple of how much pictures of the
      target domain differ.  Near 0 is mode collapse: one output for all sources.
    - ``val/<direction>_luminance_correlation``: of outputs with their sources, unless one domain is label maps.  Near
      -1, colours are inverted.
    - ``val/<direction>_change``: the mean distance of outputs from their sources, of a range of 2.  Near 0, nothing is
      translated.

    A warning is one sentence with the number and the remedies.  It is not repeated while the failure lasts.  Models of
    other tasks are ignored.
    """

    def __init__(self) -> None:
        self.comparisons: dict[str, Comparison] = {}
        #: Log keys of the failures in the last validation.
        self.failures: set[str] = set()
        self.device = torch.device("cpu")

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        # Apple's GPUs do not reduce pictures of any size.
        self.device = torch.device("cpu") if pl_module.device.type == "mps" else pl_module.device
        # Models of other tasks have one direction, without a name.
        directions = () if trainer.sanity_checking else filter(None, pl_module.directions)
        self.comparisons = {direction: Comparison().to(self.device) for direction in directions}

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        for direction, comparison in self.comparisons.items():
            values = pl_module.measured(outputs, direction)
            source = in_colours(values["source"], pl_module.preprocess_for(direction).source_palette)
            shown = (source, values["output"], values["target"])
            comparison.update(*(visible(pictures).to(self.device) for pictures in shown))

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        values: dict[str, float] = {}
        failures: set[str] = set()
        for direction, comparison in self.comparisons.items():
            for finding in findings(direction, comparison, pl_module):
                key = f"val/{direction}_{finding.name}"
                values[key] = finding.value
                if finding.failed:
                    failures.add(key)
                    if key not in self.failures:
                        rank_zero_warn(f"{pl_module.title(direction)}: {finding.sentence}.")
        self.failures = failures
        # All processes have the same numbers already; sync_dist only avoids a warning of Lightning.
        pl_module.log_dict(values, sync_dist=True)
