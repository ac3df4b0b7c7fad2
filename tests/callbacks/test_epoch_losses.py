"""The mean of each loss over each epoch."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from PIL import Image

import tiny
from i2i_zoo.callbacks.epoch_losses import EpochLosses
from i2i_zoo.callbacks.resume import ExactResume
from i2i_zoo.cli.main import main


class Recorder(L.Callback):
    """Keeps the losses of every batch."""

    def __init__(self) -> None:
        self.batches: list[Mapping[str, float]] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any) -> None:
        self.batches.append({name: float(loss) for name, loss in pl_module.losses.items()})


def test_every_logger_gets_the_means_also_of_short_epochs(tmp_path: Path) -> None:
    recorder, losses = Recorder(), EpochLosses(str(tmp_path / "losses.png"))
    logger = CSVLogger(tmp_path, "", "")
    tiny.trainer(tmp_path, losses, recorder, logger=logger, log_every_n_steps=50, max_epochs=3).fit(
        tiny.model(), tiny.data()
    )
    assert len(recorder.batches) == 12
    with open(tmp_path / "metrics.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["epoch/generator/l1"]]
    for name in ("generator/l1", "generator/adversarial", "discriminator/real", "discriminator/fake"):
        means = np.mean(np.reshape([batch[f"train/{name}"] for batch in recorder.batches], (3, 4)), 1)
        np.testing.assert_allclose([float(row[f"epoch/{name}"]) for row in rows], means, rtol=1e-5)
    with Image.open(tmp_path / "losses.png") as picture:
        assert picture.width > picture.height > 300  # four losses, three of them in the first row


def test_a_player_without_a_turn_is_not_counted_again(tmp_path: Path) -> None:
    losses, model = EpochLosses(), tiny.model()
    trainer: Any = tiny.trainer(tmp_path, log_every_n_steps=50)
    model.losses = {"train/generator/l1": (first := model.generator.parameters().__next__().detach().sum())}
    losses.on_train_batch_end(trainer, model, None, None, 1)
    model.losses = {**model.losses, "train/discriminator/real": first + 1}
    losses.on_train_batch_end(trainer, model, None, None, 1)
    assert losses.counts == {"train/generator/l1": 1, "train/discriminator/real": 1}


class StopAfter(L.Callback):
    """Saves and ends the run after this many batches, as if it were killed."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any) -> None:
        if trainer.global_step == self.batches:
            trainer.save_checkpoint(Path(trainer.default_root_dir) / "cut.ckpt")
            raise KeyboardInterrupt


def test_a_run_that_is_resumed_within_an_epoch_has_the_same_means(tmp_path: Path) -> None:
    def run(losses: EpochLosses, *callbacks: L.Callback, **options: Any) -> None:
        torch.manual_seed(0)
        tiny.trainer(tmp_path, losses, ExactResume(), *callbacks, max_epochs=2).fit(
            tiny.model(), tiny.data(), **options
        )

    whole, resumed = EpochLosses(), EpochLosses()
    run(whole)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run(EpochLosses(), StopAfter(6))
    run(resumed, ckpt_path=tmp_path / "cut.ckpt")
    assert [step for step, _ in resumed.epochs] == [4, 8]
    for (_, found), (_, wanted) in zip(resumed.epochs, whole.epochs, strict=True):
        assert found == pytest.approx(wanted, rel=1e-5)


def test_a_run_draws_them_and_says_them_without_noise(capfd: pytest.CaptureFixture[str]) -> None:
    args = [arg for arg in tiny.ARGS if "enable_model_summary" not in arg]
    assert main(["fit", *args, "--trainer.log_every_n_steps=50"]) == 0
    assert Path("runs/pix2pix-syntheticpairs/version_0/losses.png").is_file()
    out, err = capfd.readouterr()
    assert "Pix2Pix, parameters: discriminator 0.0118 million, generator 0.115 million." in out
    assert " generator/l1=" in out
    for noise in ("litlogger", "litmodels", "TPU", "FLOPs", "LeafSpec", "Total params"):
        assert noise not in out + err
