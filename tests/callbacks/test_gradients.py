from __future__ import annotations

from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.plugins.precision import MixedPrecision

import tiny
from i2i_zoo.callbacks.gradients import ClipGradients


class Norms(L.Callback):
    def __init__(self):
        self.norms = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        gradients = [p.grad.flatten() for group in optimizer.param_groups for p in group["params"]]
        self.norms.append(torch.cat(gradients).norm().item())


@pytest.mark.parametrize("scaled", [False, True])
def test_both_players_are_clipped_at_the_true_norm(tmp_path: Path, scaled: bool) -> None:
    before, after = Norms(), Norms()
    options = {}
    if scaled:  # what a GPU does under 16-mixed; the trainer would take bfloat16 on a CPU
        scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
        options["plugins"] = [MixedPrecision("16-mixed", "cpu", scaler=scaler)]
    run = tiny.trainer(tmp_path, before, ClipGradients(0.05), after, limit_val_batches=0, **options)
    run.fit(tiny.model(), tiny.data())
    assert len(after.norms) == 8  # two players, four batches
    for raw, clipped in zip(before.norms, after.norms, strict=True):
        assert clipped == pytest.approx(min(raw, 0.05), rel=1e-3)
    assert max(before.norms) > 0.1
