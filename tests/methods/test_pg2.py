"""PG2 against its authors' numbers, and its options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

import i2i_zoo
from golden.fill import update_stats
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pose_drawing import limb_mask
from i2i_zoo.methods.pg2 import PG2
from methods.base import PoseTester, fit
from methods.pg2 import Layout, golden, inputs

NARROW: dict[str, Any] = {"width": 4, "code": 8, "discriminator_width": 4}
TINY = NARROW | {"size": [64, 64], "blocks": 3}


class PG2Tester(PoseTester):
    method = PG2

    @classmethod
    def recipe_options(cls, hparams: Any, folder: Path) -> dict[str, Any]:
        return {"data.size": list(hparams["size"])}

    def test_wrong_poses_are_refused(self, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        batch = self.batch(self.size)
        source, pose = batch["source"][0], batch["target_pose"][0]
        with pytest.raises(ZooError, match="needs pose"):
            model.translate(source)
        with pytest.raises(ZooError, match=r"shape \(16, 3\)"):
            model.translate(source, pose[2:])
        monkeypatch.setenv("I2I_ZOO_POSE", "nowhere.pth")  # so that nobody can be found in pictures, and nobody has to
        result = model.eval().translate(source, pose)
        assert torch.equal(result, model.translate(source, pose, source_pose=batch["source_pose"][0]))


class TestPG2(PG2Tester):
    """Both stages, one batch each."""

    narrow = NARROW
    tiny = TINY | {"stage1_steps": 1}

    def test_gradients_reach_the_player_and_no_other(self, model: Any) -> None:
        recorder = fit(model, self.batch(self.size), steps=2)
        owned = [
            {f"{name}.{key}" for key, _ in getattr(model, name).named_parameters()}
            for name in ("generator", "refiner", "discriminator")
        ]
        stage1, refiner, discriminator = recorder.gradients
        assert [stage1, refiner, discriminator] == owned  # so the first generator is frozen in stage 2
        assert recorder.losses[0].keys() == {"train/generator/l1", "train/generator/mask"}
        assert recorder.losses[1].keys() > {"train/refiner/mask", "train/discriminator/source"}
        assert all(p.requires_grad for p in model.parameters())

    def test_every_trained_parameter_moves(self, model: Any) -> None:
        # The second generator's last layer begins at zero, so the others have no gradient in their first step.
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        fit(model, self.batch(self.size), steps=3)
        assert [name for name, p in model.named_parameters() if torch.equal(p, before[name])] == []

    def test_stage_2_begins_with_the_coarse_picture_and_leaves_it_alone(self, model: Any) -> None:
        batch = self.batch(self.size)
        fit(model, batch)
        with torch.inference_mode():
            outputs = model.eval().validation_step(batch, 0)
            assert torch.equal(outputs["output"], outputs["coarse"])
            assert torch.equal(model.panels(outputs)[2], outputs["coarse"])
        model.hparams.stage1_steps = 0
        fit(model, batch, 2)
        with torch.inference_mode():
            later = model.eval().validation_step(batch, 0)
        assert torch.equal(later["coarse"], outputs["coarse"])
        assert not torch.equal(later["output"], outputs["output"])

    def test_other_sizes_are_refused_in_training(self, model: Any) -> None:
        with pytest.raises(ZooError, match=r"not 32x64: use --data\.size \[64, 64\], or --model\.size \[64,32\]"):
            fit(model, self.batch((64, 32)))
        with pytest.raises(ZooError, match=r"size=\[64, 36\] with blocks=4: .* multiples of 8"):
            PG2(size=[64, 36], blocks=4)

    def test_a_run_continues_where_it_was(self, tmp_path: Path) -> None:
        """From a checkpoint of either stage, every number is that of the run without a break."""
        batch = self.batch(self.size)

        def run(steps: int, ckpt_path: Path | None = None) -> dict[str, Tensor]:
            model = self.build()
            trainer = L.Trainer(
                max_steps=steps, accelerator="cpu", logger=False, enable_checkpointing=False,
                enable_progress_bar=False, enable_model_summary=False,
            )  # fmt: skip
            trainer.fit(model, DataLoader([0], collate_fn=lambda _: batch), ckpt_path=ckpt_path)
            trainer.save_checkpoint(tmp_path / f"{steps}.ckpt")
            return {name: tensor.clone() for name, tensor in model.state_dict().items()}

        whole = run(4)
        for steps in (1, 3):
            run(steps)
            continued = run(4, tmp_path / f"{steps}.ckpt")
            assert all(torch.equal(tensor, whole[name]) for name, tensor in continued.items())


class TestOneStage(PG2Tester):
    tiny: ClassVar = TINY | {"stages": "one", "lambda_mask": 0.0}

    def test_save_and_load(self, model: Any, tmp_path: Path) -> None:
        i2i_zoo.save(model, tmp_path / "saved")
        loaded = i2i_zoo.load(tmp_path / "saved")
        assert [
            name for name, tensor in model.state_dict().items() if not torch.equal(loaded.state_dict()[name], tensor)
        ] == []


class TestOneStageWithDiscriminator(PG2Tester):
    tiny: ClassVar = TINY | {"stages": "one_adversarial"}


class TestCoordinateEmbedding(TestOneStage):
    """The ablation G1-CE-L1."""

    tiny: ClassVar = TINY | {"stages": "one", "lambda_mask": 0.0, "pose_embedding": "coordinates"}


class TestHeatmapEmbedding(TestOneStage):
    """The ablation G1-HME-L1."""

    tiny: ClassVar = TINY | {"stages": "one", "lambda_mask": 0.0, "pose_embedding": "heatmaps"}


@pytest.mark.parametrize("embedding", ["coordinates", "heatmaps"])
def test_an_embedded_pose_is_no_channel_but_joins_the_code(embedding: str) -> None:
    torch.manual_seed(0)
    model, plain = PG2(**TINY, stages="one", pose_embedding=embedding), PG2(**TINY, stages="one")
    assert (plain.generator.first.in_channels, model.generator.first.in_channels) == (3 + 18, 3)
    assert (plain.generator.expand.in_features, model.generator.expand.in_features) == (8, 16)
    batch = TestPG2().batch((64, 64))
    poses = [model.seen(batch[f"{which}_pose"]) for which in ("source", "target")]
    with torch.no_grad():
        for weight, same in ((0, True), (1, False)):
            model.generator.expand.weight[:, 8:] = weight  # of what comes from the pose
            assert torch.equal(*(model.generator(batch["source"], pose) for pose in poses)) == same


def test_stage_2_after_an_embedding_and_without_the_mask_loss() -> None:
    """G1+G2+D of the other rows: the losses and the frozen first generator are as in the whole model."""
    model = PG2(**TINY, stage1_steps=0, pose_embedding="heatmaps", lambda_mask=0.0)
    recorder = fit(model, TestPG2().batch((64, 64)))
    assert recorder.losses[0]["train/refiner/mask"] == 0
    assert recorder.losses[0]["train/refiner/l1"] > 0
    assert not any(name.startswith("generator.") for names in recorder.gradients for name in names)


@pytest.mark.parametrize("options", [{"pairs": True}, {"coarse_in_batch": False, "first_skip": True}])
def test_what_the_discriminator_judges(options: dict[str, Any]) -> None:
    model = PG2(**TINY, **options, stage1_steps=0)
    judged: list[int] = []
    model.configure_model()
    model.discriminator.register_forward_hook(lambda _, args, logits: judged.append(len(args[0])))
    losses = fit(model, TestPG2().batch((64, 64))).losses[0]
    assert judged == [6, 6]  # three pictures for each of two samples: no coarse one, or no source alone
    assert ("train/discriminator/source" in losses) == ("pairs" not in options)


def test_the_mask_counts_the_person_twice() -> None:
    torch.manual_seed(0)
    batch = TestPG2().batch((64, 64))
    model = PG2(**TINY, stages="one", lr=0.0)
    losses = fit(model, batch).losses[0]
    with torch.no_grad():
        off = (model.generator(batch["source"], model.seen(batch["target_pose"])) - batch["target"]).abs()
    person = limb_mask(batch["target_pose"], (64, 64))
    assert losses["train/generator/l1"] == pytest.approx(off.mean().item(), rel=1e-5)
    assert losses["train/generator/mask"] == pytest.approx((off * person).mean().item(), rel=1e-5)


class Gradients(L.Callback):
    """The gradients of each optimiser's first step."""

    def __init__(self) -> None:
        self.found: dict[str, Tensor] = {}

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Any) -> None:
        for name, parameter in pl_module.named_parameters():
            if parameter.requires_grad and parameter.grad is not None:
                self.found.setdefault(name, parameter.grad.clone())


class TensorFlowAdam(L.Callback):
    """TensorFlow adds epsilon to the root of the moment before its correction, so 1e-8 is more for a first step."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                group["eps"] = 1e-8 / (1 - 0.999) ** 0.5


@pytest.mark.slow
def test_steps_are_the_authors() -> None:
    stored = golden("train")
    batch, layout = inputs(stored), Layout({letter: stored.state(letter) for letter in ("G1", "G2", "D")})
    with torch.device("meta"):
        model = PG2(**layout.hparams, stage1_steps=0)
        model.configure_model()
    model.load_state_dict({name: tensor.clone() for name, tensor in layout.tensors.items()}, assign=True)

    def start_again(*networks: str, tensors: Mapping[str, Tensor] = layout.tensors) -> None:
        model.load_state_dict({k: v for k, v in tensors.items() if k.partition(".")[0] in networks}, strict=False)

    def step(row: int) -> dict[str, Tensor]:
        """A batch of training, whose losses are those of a row; returns the gradients."""
        steps = Gradients()
        losses = fit(model, batch, callbacks=[steps, TensorFlowAdam()]).losses[0]
        loss = {name.removeprefix("train/"): value for name, value in losses.items()}
        if "generator/l1" in loss:
            found = {0: loss["generator/mask"], 1: loss["generator/mask"] + loss["generator/l1"]}
        else:
            distance = loss["refiner/mask"] + loss["refiner/l1"]
            found = {2: loss["refiner/mask"] / 10, 3: distance / 10, 4: loss["refiner/adversarial"] + distance}
            found[5] = sum(value for name, value in loss.items() if name.startswith("discriminator/"))
        for column, value in found.items():
            tolerance = float(stored["tol:losses"][row, column])
            assert value == pytest.approx(stored["losses"][row, column], abs=tolerance, rel=0), (row, column)
        return steps.found

    def check_gradients(letter: str, gradients: dict[str, Tensor]) -> None:
        theirs = layout.theirs(letter, gradients)
        rows = stored.info["stored"][f"grad1/{letter}"]["rows"]
        ok, ratio, difference = stored.check_tensors(f"grad1/{letter}", [theirs[row] for row in rows])
        assert ok, (letter, ratio, difference)

    def check_weights(letter: str) -> None:
        before, after = (layout.theirs(letter, tensors) for tensors in (layout.tensors, model.state_dict()))
        info = stored.info["stored"][f"after/{letter}"]
        ok, ratio, difference = stored.check_tensors(f"after/{letter}", [after[row] for row in info["rows"]])
        assert ok, (letter, ratio, difference)
        changes = np.array([update_stats(before[row], after[row]) for row in info["rows"]])
        noise = np.isin(info["rows"], info.get("noise_driven", []))  # biases in front of a norm
        changes[noise] = stored[f"update/{letter}"][noise]
        ok, ratio, difference = stored.check(f"update/{letter}", changes)
        assert ok, (letter, ratio, difference)

    gradients = step(row=0)
    check_gradients("G2", gradients)
    check_gradients("D", gradients)

    # The authors' steps are each of one network, which sees the others as the step before has left them.
    start_again("refiner", "discriminator")
    model.hparams.stage1_steps = 1
    check_gradients("G1", step(row=0))
    check_weights("G1")

    model.hparams.stage1_steps = 0
    step(row=1)
    check_weights("G2")
    refiner = {name: tensor.clone() for name, tensor in model.state_dict().items() if name.startswith("refiner.")}

    start_again("discriminator")
    step(row=2)
    check_weights("D")

    start_again("refiner", tensors=refiner)
    step(row=3)
