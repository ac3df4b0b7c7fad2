from __future__ import annotations

from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

import tiny
from i2i_zoo.callbacks.ema import EMA


def weights(model):
    return {key: value.clone() for key, value in model.generator.state_dict().items()}


class Record(L.Callback):
    """The generator's weights after each training step, and at the beginning and the end of each validation."""

    def __init__(self):
        self.steps, self.validations = [], []

    def on_train_batch_end(self, trainer, pl_module, *args):
        self.steps.append(weights(pl_module))

    def on_validation_epoch_start(self, trainer, pl_module):
        if not trainer.sanity_checking:
            self.validations.append(weights(pl_module))


def test_average_follows_the_weights_and_is_what_is_validated_and_kept(tmp_path: Path) -> None:
    record, model = Record(), tiny.model(norm="instance")
    before = weights(model)
    tiny.trainer(tmp_path, EMA(decay=0.75, start=1), record, max_epochs=2).fit(model, tiny.data())

    average = record.steps[0]  # up to step `start`, a copy
    validated = []
    for step, weight in enumerate(record.steps[1:], 2):
        average = {key: torch.lerp(average[key], value, 0.25) for key, value in weight.items()}
        if step % 4 == 0:
            validated.append(average)
    assert len(record.steps) == 8
    for expected, found in zip([*validated, average], [*record.validations, weights(model)], strict=True):
        for key in expected:
            torch.testing.assert_close(found[key], expected[key])
    assert any((before[key] != average[key]).any() for key in before)


def test_training_is_the_same_with_and_without(tmp_path: Path) -> None:
    steps = []
    for callbacks in ((), (EMA(),)):
        record = Record()
        L.seed_everything(1)
        tiny.trainer(tmp_path, *callbacks, record, max_epochs=2).fit(tiny.model(), tiny.data())
        steps.append(record.steps[-1])
    for key, value in steps[0].items():
        assert torch.equal(value, steps[1][key]), key


def test_resumes_exactly_and_its_state_is_in_the_checkpoint(tmp_path: Path) -> None:
    states = {}
    for name, ends in {"straight": [2], "resumed": [1, 2]}.items():
        for end in ends:
            L.seed_everything(1)
            path = tmp_path / f"{name}.ckpt"
            saving = ModelCheckpoint(tmp_path / name, save_top_k=0, save_last=True)
            run = tiny.trainer(tmp_path, EMA(decay=0.5), saving, max_epochs=end, enable_checkpointing=True)
            run.fit(tiny.model(), tiny.data(), ckpt_path=path if path.exists() else None)
            (tmp_path / name / "last.ckpt").rename(path)
        states[name] = torch.load(path, weights_only=True)
    average = states["straight"]["ema"]["generator"]
    raw = states["straight"]["state_dict"]
    assert set(states["straight"]["ema"]) == {"generator"}
    assert any((raw[f"generator.{key}"] != value).any() for key, value in average.items())
    for key, value in average.items():
        assert torch.equal(value, states["resumed"]["ema"]["generator"][key]), key
        assert torch.equal(raw[f"generator.{key}"], states["resumed"]["state_dict"][f"generator.{key}"]), key

    # A test with the checkpoint tests the average.
    record = Record()
    record.on_test_epoch_start = record.on_validation_epoch_start
    tiny.trainer(tmp_path, EMA(), record).test(tiny.model(), tiny.data(), ckpt_path=path, verbose=False)
    for key, value in average.items():
        assert torch.equal(value, record.validations[0][key]), key


def test_weights_come_back_when_validation_fails(tmp_path: Path) -> None:
    class Fail(L.Callback):
        def on_validation_batch_end(self, trainer, pl_module, *args):
            raise RuntimeError("on purpose")

    record, model = Record(), tiny.model()
    run = tiny.trainer(tmp_path, EMA(decay=0.9), record, Fail(), num_sanity_val_steps=0)
    with pytest.raises(RuntimeError, match="on purpose"):
        run.fit(model, tiny.data())
    for key, value in record.steps[-1].items():
        assert torch.equal(value, model.generator.state_dict()[key]), key
