"""Each function of `lightning_private` in a real run: it fails where Lightning changes what the function uses."""

from __future__ import annotations

import logging
import time
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, nn
from torch.utils.data import DataLoader

from i2i_zoo import lightning_private as private
from i2i_zoo.data.splits import EpochLoader


class Small(L.LightningModule):
    """Two parameters and two optimisers, which are stepped by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.weights = nn.ParameterList([nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))])

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return [torch.optim.SGD([weight], lr=0.1) for weight in self.weights]

    def update(self, which: int) -> None:
        optimizer: Any = self.optimizers()
        optimizer[which].zero_grad()
        self.manual_backward(self.weights[which].square().sum())
        optimizer[which].step()

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        self.update(0)
        self.update(1)

    def train_dataloader(self) -> DataLoader[Any]:
        return EpochLoader(range(3))  # type: ignore[arg-type]  # a range has items and a length


def trainer(*callbacks: L.Callback, **options: Any) -> L.Trainer:
    defaults = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "max_epochs": 2}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False}
    return L.Trainer(**{**defaults, **quiet, **options}, callbacks=list(callbacks))


def test_no_more_steps_of_a_batch_are_counted_and_each_batch_begins_anew() -> None:
    class CountsOne(Small):
        def training_step(self, batch: Tensor, batch_idx: int) -> None:
            self.update(0)
            private.count_no_more_steps(self.trainer)
            self.update(0)
            self.update(1)

    plain, counted = Small(), CountsOne()
    for model, steps in ((plain, 12), (counted, 6)):
        run = trainer()
        run.fit(model)
        assert run.global_step == steps, "Lightning counts every step of an optimiser but those"
    # What is not counted is done all the same.
    assert counted.weights[0].item() == pytest.approx(0.8**12)
    assert counted.weights[1].item() == pytest.approx(0.8**6)


def test_batches_done_and_the_last_one_of_an_epoch() -> None:
    seen = []

    class Watch(L.Callback):
        def on_train_batch_start(self, trainer: L.Trainer, module: Any, batch: Any, batch_idx: int) -> None:
            seen.append((private.batches_done(trainer), private.is_last_batch(trainer)))

        def on_train_batch_end(self, trainer: L.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            assert private.batches_done(trainer) == seen[-1][0]

    trainer(Watch()).fit(Small())
    assert seen == [(0, False), (1, False), (2, True), (3, False), (4, False), (5, True)]


@pytest.mark.parametrize(
    ("strategy", "plain"),
    [
        ("ddp", True),
        ("ddp_find_unused_parameters_true", False),
        ("ddp_find_unused_parameters_false", True),
        (DDPStrategy(find_unused_parameters=True), False),
        (DDPStrategy(), True),
        ("auto", False),
    ],
)
def test_plain_ddp_is_recognised(strategy: Any, plain: bool) -> None:
    assert private.is_plain_ddp(trainer(strategy=strategy, devices=1)) is plain


def checkpoint(folder: Path, batch: int) -> Path:
    """A checkpoint that is saved when so many batches of an epoch of three are done, as `LastCheckpoint` does."""
    path = folder / f"{batch}.ckpt"

    class Save(L.Callback):
        def on_train_batch_end(self, trainer: L.Trainer, module: Any, outputs: Any, batch_: Any, index: int) -> None:
            if index + 1 == batch < 3:
                trainer.save_checkpoint(path)

        def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
            if batch == 3:
                trainer.save_checkpoint(path)

    trainer(Save(), max_epochs=1).fit(Small())
    return path


class Progress(L.Callback):
    """Where the run is when it asks for its training data, and each (epoch, batch) that it trains on."""

    def __init__(self, begin_next: bool = False) -> None:
        self.begin_next = begin_next
        self.at_loader: list[tuple[int, int]] = []
        self.trained: list[tuple[int, int]] = []

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if self.begin_next:
            private.begin_next_epoch(trainer)

    def on_train_batch_start(self, trainer: L.Trainer, module: Any, batch: Any, batch_idx: int) -> None:
        self.trained.append((trainer.current_epoch, batch_idx))


class Resumed(Small):
    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress

    def train_dataloader(self) -> DataLoader[Any]:
        self.progress.at_loader.append(private.run_progress(self.trainer))
        return super().train_dataloader()


@pytest.mark.parametrize(("batch", "place"), [(1, (0, 1)), (2, (0, 2)), (3, (1, 0))])
def test_progress_is_known_when_the_loader_is_asked_for(batch: int, place: tuple[int, int], tmp_path: Path) -> None:
    path, progress = checkpoint(tmp_path, batch), Progress()
    trainer(progress).fit(Resumed(progress), ckpt_path=path)
    assert progress.at_loader == [place]
    fresh = Progress()
    trainer(fresh).fit(Resumed(fresh))
    assert fresh.at_loader == [(0, 0)]


def test_a_run_resumed_at_the_end_of_an_epoch_begins_the_next_one(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, 3)
    runs = {}
    for begin_next in (False, True):
        progress = Progress(begin_next)
        run = trainer(progress, max_epochs=-1, max_steps=18)  # two steps a batch
        run.fit(Resumed(progress), ckpt_path=path)
        runs[begin_next] = [epoch for epoch, _ in progress.trained], run.current_epoch
    assert runs[True] == ([1, 1, 1, 2, 2, 2], 3)
    assert runs[False] != runs[True], "Lightning does so by itself now: begin_next_epoch can go"


def test_a_checkpoint_can_be_saved_at_once(tmp_path: Path) -> None:
    moments = []

    class Now(private.SavesWithinEpochs):
        def on_sanity_check_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            moments.append(self.must_not_save(trainer))

        def on_train_batch_end(
            self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
        ) -> None:
            moments.append(self.must_not_save(trainer))
            if batch_idx == 1:
                begun = time.monotonic()
                self.save_now(trainer, {"step": trainer.global_step})
                moments.append(self.seconds_since_last() <= time.monotonic() - begun)
                assert (tmp_path / "now-step=4.ckpt").exists()

    class Validated(Small):
        def validation_step(self, batch: Tensor, batch_idx: int) -> None:
            pass

        def val_dataloader(self) -> DataLoader[Any]:
            return self.train_dataloader()

    callback = Now(dirpath=tmp_path, filename="now-{step}", every_n_epochs=9)
    trainer(callback, enable_checkpointing=True, max_epochs=1).fit(Validated())
    assert moments == [True, False, False, True, False]
    assert torch.load(tmp_path / "now-step=4.ckpt", weights_only=False)["global_step"] == 4


def test_the_trainer_of_a_module_that_has_none() -> None:
    module = L.LightningModule()
    assert private.attached_trainer(module) is None
    module.trainer = trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    assert private.attached_trainer(module) is trainer


def test_whether_there_are_data_to_validate_on() -> None:
    class Asks(Small):
        def setup(self, stage: str) -> None:
            self.can = private.can_validate(self.trainer)

        def validation_step(self, batch: Tensor, batch_idx: int) -> None:
            pass

    model = Asks()
    trainer().validate(model, DataLoader([0]), verbose=False)  # type: ignore[arg-type]  # a list is enough
    assert model.can
    with pytest.raises(MisconfigurationException, match="val_dataloader"):
        trainer().validate(model, verbose=False)
    assert not model.can


def test_what_helps_nobody_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    with caplog.at_level(logging.INFO, "lightning.pytorch"):
        for block in (private.quiet(), private.silent(), nullcontext()):
            with block:
                logger.info("💡 Tip: buy something")
                logger.warning("a warning")
    assert [record.getMessage() for record in caplog.records] == ["a warning", "💡 Tip: buy something", "a warning"]
    assert private.worth_reading(caplog.records[0])
    with private.quiet():  # errors, if they were not left out
        warnings.warn("`isinstance(treespec, LeafSpec)` is deprecated, use another", FutureWarning, stacklevel=1)
        warnings.warn("The number of training batches (6) is smaller than the logging interval", stacklevel=1)


def test_every_public_name_is_tested_here() -> None:
    source = Path(__file__).read_text()
    names = [
        name
        for name, value in vars(private).items()
        if getattr(value, "__module__", "") == private.__name__ and name != "ignore"
    ]
    assert len(names) >= 7
    assert [name for name in names if f"private.{name}" not in source] == []
