from __future__ import annotations

import math
from pathlib import Path

import lightning as L
import pytest
import torch

import tiny
from i2i_zoo.callbacks.nan import StopOnNaN
from i2i_zoo.callbacks.resume import LastCheckpoint
from i2i_zoo.errors import ZooError


class Spoil(L.Callback):
    """Puts NaN or infinity into one batch."""

    def __init__(self, epoch: int, batch: int, key: str, value: float = math.nan) -> None:
        self.moment, self.key, self.value = (epoch, batch), key, value

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        if (trainer.current_epoch, batch_idx) == self.moment:
            batch[self.key].fill_(self.value)


def last(folder: Path) -> dict:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


@pytest.mark.parametrize(
    ("hparams", "value", "sentence"),
    [
        ({"lambda_adversarial": 0}, math.nan, "train/generator/l1 is nan in epoch 1, batch 1:"),
        ({"lambda_adversarial": 0}, math.inf, "train/generator/l1 is inf in epoch 1, batch 1:"),
        ({}, math.nan, "train/discriminator/real is nan in epoch 1, batch 1:"),
    ],
)
def test_the_first_bad_loss_is_named_and_the_checkpoint_before_it_kept(hparams, value, sentence, tmp_path) -> None:
    callbacks = [Spoil(1, 1, "target", value), StopOnNaN(), LastCheckpoint()]
    trainer = tiny.trainer(tmp_path, *callbacks, enable_checkpointing=True, max_epochs=3)
    with pytest.raises(ZooError, match=sentence):
        trainer.fit(tiny.model(**hparams), tiny.data())
    assert trainer.current_epoch == 1
    checkpoint = last(tmp_path)
    assert checkpoint["epoch"] == 0
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())


def test_a_look_every_so_often_ends_a_long_epoch(tmp_path) -> None:
    trainer = tiny.trainer(tmp_path, Spoil(0, 1, "source"), StopOnNaN(every_n_batches=3))
    with pytest.raises(ZooError, match=r"is nan in epoch 0, batch 1:"):
        trainer.fit(tiny.model(), tiny.data(train=6))
    assert trainer.global_step == 3


def test_no_checkpoint_of_weights_that_are_no_numbers(tmp_path) -> None:
    trainer = tiny.trainer(tmp_path, StopOnNaN(), LastCheckpoint(), enable_checkpointing=True)
    model = tiny.model()
    trainer.fit(model, tiny.data())
    next(model.generator.parameters()).data.fill_(math.nan)
    before = last(tmp_path)["state_dict"]
    with pytest.raises(ZooError, match=r"The weights generator\..* are not finite"):
        trainer.save_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    assert all(torch.equal(value, before[key]) for key, value in last(tmp_path)["state_dict"].items())
