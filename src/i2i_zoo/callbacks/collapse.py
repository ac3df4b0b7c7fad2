"""Warnings of degenerate outputs, early enough to change the run."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_warn

from i2i_zoo.annotations import CheckedArguments, Count

from .clip_findings import NoiseComparison
from .findings import Comparison
from .translation_findings import TranslationComparison


class CollapseWatch(L.Callback, metaclass=CheckedArguments):
    """Warns of degenerate outputs: of translations between two domains, and of what is made from noise.

    After each validation it logs three numbers for each direction between domains, and warns of the failures named
    here:

    - ``val/<direction>_diversity``: how much outputs differ from each other, as a multiple of how much pictures of the
      target domain differ.  Near 0 is mode collapse: one output for all sources.
    - ``val/<direction>_luminance_correlation``: of outputs with their sources, unless one domain is label maps.  Near
      -1, colours are inverted.
    - ``val/<direction>_change``: the mean distance of outputs from their sources, of a range of 2.  Near 0, nothing is
      translated.

    For pictures and clips from noise, it logs

    - ``val/diversity``: how much they differ from each other, as a multiple of how much real ones differ.  Near 0 is
      mode collapse.
    - ``val/motion``: how much neighbouring frames differ, as a multiple of how much those of real clips do.  Near 0,
      clips stand still.
    - ``val/flicker``: how much neighbouring frames differ, as a multiple of how much frames half a clip apart do.  Near
      1, where it is less for real clips, clips flicker.

    A warning is one sentence with the number and the remedies.  It is not repeated while the failure lasts.  Models of
    other tasks are ignored.

    Args:
        early: What is made from noise is not warned of before so many batches of training, since at first it is always
            grey and alike.
    """

    def __init__(self, early: Count = 1000) -> None:
        self.early = early
        self.comparisons: dict[str, Comparison] = {}
        #: Log keys of the failures in the last validation.
        self.failures: set[str] = set()
        self.device = torch.device("cpu")

    @staticmethod
    def comparisons_of(model: Any) -> dict[str, type[Comparison]]:
        """Directions of a model to how each is watched; the single direction of a model from noise has no name."""
        if model.verb == "sample":
            return {"": NoiseComparison}
        # Models of other tasks have one direction, without a name.
        return dict.fromkeys(filter(None, model.directions), TranslationComparison)

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        # Apple's GPUs do not reduce pictures of any size.
        self.device = torch.device("cpu") if pl_module.device.type == "mps" else pl_module.device
        watched = {} if trainer.sanity_checking else self.comparisons_of(pl_module)
        self.comparisons = {direction: kind().to(self.device) for direction, kind in watched.items()}

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        for direction, comparison in self.comparisons.items():
            compared = comparison.compared(pl_module, outputs, direction)
            comparison.update(*(values.to(self.device) for values in compared))

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        values: dict[str, float] = {}
        failures: set[str] = set()
        for direction, comparison in self.comparisons.items():
            early = comparison.starts_alike and trainer.global_step < self.early
            for finding in comparison.findings(pl_module, direction):
                key = "val/" + "_".join(filter(None, (direction, finding.name)))
                values[key] = finding.value
                if finding.failed and not early:
                    failures.add(key)
                    if key not in self.failures:
                        what = pl_module.title(direction) or pl_module.makes.capitalize()
                        rank_zero_warn(f"{what}: {finding.sentence}.")
        self.failures = failures
        # All processes have the same numbers already; sync_dist only avoids a warning of Lightning.
        pl_module.log_dict(values, sync_dist=True)
