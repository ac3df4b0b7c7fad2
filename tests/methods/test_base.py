"""The base class: updates, step counting, schedules, strategies."""

from __future__ import annotations

from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader

from i2i_zoo.errors import ZooError
from i2i_zoo.methods.pix2pix import Pix2Pix
from methods.base import fit

TINY: dict[str, Any] = {"generator": "unet_32", "width": 2, "discriminator_width": 2, "receptive_field": 16}


@pytest.fixture
def model() -> Pix2Pix:
    torch.manual_seed(0)
    model = Pix2Pix(**TINY | {"generator": "unet_64"})
    model.configure_model()
    return model


def batch() -> dict[str, Any]:
    random = torch.Generator().manual_seed(1)
    source, target = (torch.rand(1, 3, 64, 64, generator=random) * 2 - 1 for _ in range(2))
    return {"source": source, "target": target, "name": ["a"]}


def trainer(**options: Any) -> L.Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return L.Trainer(**{**quiet, "enable_checkpointing": False, **options})


def loader(length: int) -> DataLoader:
    return DataLoader([0] * length, collate_fn=lambda _: batch())


def test_max_steps_counts_batches(model: Pix2Pix) -> None:
    assert len(fit(model, batch(), steps=5).losses) == 5


class OnlyTheFirst(Pix2Pix):
    """Trains its discriminator, and nothing else."""

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        with self.update("discriminator") as losses:
            logits = self.discriminator(torch.cat([batch["source"], batch["target"]], 1))
            losses["real"] = logits.square().mean()


class Several(Pix2Pix):
    """Trains its generator twice a batch, its discriminator once."""

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        for player in ("generator", "discriminator", "generator"):
            with self.update(player) as losses:
                pictures = torch.cat([batch["source"], self(batch["source"])], 1)
                losses["real"] = self.discriminator(pictures).square().mean()


@pytest.mark.parametrize(("method", "updates"), [(OnlyTheFirst, 1), (Several, 3)])
def test_a_batch_is_one_step_however_many_updates_it_has(method: type[Pix2Pix], updates: int) -> None:
    model = method(**TINY | {"generator": "unet_64"})
    steps = []

    class Steps(L.Callback):
        def on_train_batch_end(self, trainer: L.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            steps.append(trainer.global_step)

    recorder = fit(model, batch(), steps=4, callbacks=[Steps()])
    assert steps == [1, 2, 3, 4]
    assert len(recorder.gradients) == 4 * updates


def test_a_model_in_eval_mode_is_trained_in_train_mode() -> None:
    """Running statistics move, and dropout drops."""
    model = Pix2Pix(**TINY | {"generator": "unet_64", "norm": "batch", "dropout": True})
    model.configure_model()
    dropped = []
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.register_forward_hook(lambda _, inputs, output: dropped.append(not torch.equal(inputs[0], output)))
    before = {name: value.clone() for name, value in model.state_dict().items() if name.endswith("running_mean")}
    assert before
    fit(model.eval(), batch())
    assert dropped
    assert all(dropped)
    assert [name for name, value in before.items() if torch.equal(model.state_dict()[name], value)] == []


def test_checkpoints_count_batches(model: Pix2Pix, tmp_path: Any) -> None:
    every_two = ModelCheckpoint(dirpath=tmp_path, every_n_train_steps=2, save_top_k=-1)
    trainer(max_epochs=1, enable_checkpointing=True, callbacks=[every_two]).fit(model, loader(6))
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["epoch=0-step=2", "epoch=0-step=4", "epoch=0-step=6"]


def test_nothing_stays_frozen_after_an_error(model: Pix2Pix) -> None:
    model.hparams.adversarial = "none"  # which the update of the discriminator meets
    with pytest.raises(ZooError, match="Unknown adversarial loss"):
        fit(model, batch())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_frozen_layers_stay_frozen(model: Pix2Pix) -> None:
    model.generator.down[0].conv.weight.requires_grad_(False)
    before = model.generator.down[0].conv.weight.clone()
    fit(model, batch(), steps=2)
    assert torch.equal(model.generator.down[0].conv.weight, before)
    assert not model.generator.down[0].conv.weight.requires_grad


def test_the_schedule_is_stepped_at_the_end_of_an_epoch() -> None:
    model = Pix2Pix(**TINY | {"generator": "unet_64"}, epochs=2, decay_epochs=3)
    rates = []

    class Rates(L.Callback):
        def on_train_batch_start(self, trainer: L.Trainer, module: Any, batch: Any, batch_idx: int) -> None:
            rates.append([optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers])

    trainer(max_epochs=5, callbacks=[Rates()]).fit(model, loader(2))
    assert rates[::2] == rates[1::2]
    assert [rate / 2e-4 for rate, _ in rates[::2]] == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert all(generator == discriminator for generator, discriminator in rates)


def test_plain_ddp_is_refused(model: Pix2Pix) -> None:
    with pytest.raises(ZooError, match="ddp_find_unused_parameters_true"):
        trainer(max_steps=1, strategy="ddp", devices=1).fit(model, loader(1))
    torch.distributed.destroy_process_group()  # which the trainer leaves to the end of the process


def test_losses_are_logged_as_often_as_asked(model: Pix2Pix) -> None:
    seen = []

    class Seen(L.Callback):
        def on_train_batch_end(self, trainer: L.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            seen.append("train/generator/l1" in trainer.logged_metrics)

    trainer(max_steps=4, callbacks=[Seen()], log_every_n_steps=2).fit(model, loader(4))
    assert seen[:2] == [False, True]
