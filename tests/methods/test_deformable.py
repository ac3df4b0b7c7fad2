"""The Deformable GAN against its authors' numbers, and its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.methods.deformable import Deformable
from i2i_zoo.methods.pix2pix_pose import Pix2PixPose
from i2i_zoo.pretrained.pose_sources import poses_of
from methods.authors import Steps
from methods.base import PoseTester, fit
from methods.posegan import golden, our_name, our_state, poses, theirs

NARROW: dict[str, Any] = {"width": 4, "discriminator_width": 4}
#: Without a loss whose classifier would be fetched.
TINY = NARROW | {"downs": 3, "dropout": False, "lambda_nn": 0.0, "lambda_l1": 100.0}


class TestDeformable(PoseTester):
    method = Deformable
    narrow = NARROW
    tiny = TINY

    @classmethod
    def recipe_options(cls, hparams: Any, folder: Path) -> dict[str, Any]:
        return {"data.size": [2 ** hparams["downs"] * 2] * 2, "data.root": "null"}


class TestWholeWarp(PoseTester):
    method = Deformable
    tiny: ClassVar = TINY | {"warp": "whole"}


class TestBaseline(PoseTester):
    method = Deformable
    tiny: ClassVar = TINY | {"warp": "none"}


def test_losses_of_features(hed: Path) -> None:
    torch.manual_seed(0)
    options = {"lambda_perceptual": 0.5, "lambda_nn": 0.01, "lambda_l1": 0.0, "window": 5, "features": "vgg16_hed"}
    model = Deformable(**(TINY | options))
    losses = fit(model, TestDeformable().batch((64, 64))).losses[0]
    assert {name.rpartition("/")[2] for name in losses if "generator" in name} == {
        "adversarial",
        "perceptual",
        "nearest_neighbour",
    }
    assert all(value > 0 for value in losses.values())


def test_poses_are_found_in_pictures(keypoint_rcnn: Path) -> None:
    model = Deformable(**TINY).eval()
    batch = model.example_batch(2, 64, 64)
    source, other = (to_pil(picture) for picture in batch["source"])
    own, target = (poses_of(picture).points[0] for picture in (source, other))
    found = model.translate(source, other)
    np.testing.assert_array_equal(
        np.asarray(found), np.asarray(model.translate(source, target, source_pose=own.numpy()))
    )


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    model = Deformable(**(TINY | {"dropout": True}))
    batch = model.example_batch(1, 64, 64)
    inputs = [batch[key] for key in model.predict_keys]
    with torch.no_grad():
        assert not torch.equal(model(*inputs), model(*inputs))
        model.eval()
        assert torch.equal(model(*inputs), model(*inputs))


@pytest.mark.parametrize(
    ("method", "options"),
    [(Deformable, {"warp": "none", "lambda_nn": 0.0, "lambda_l1": 100.0}), (Pix2PixPose, {"generator": "baseline_5"})],
    ids=["deformable", "pix2pix_pose"],
)
def test_a_step_of_the_baseline_is_the_authors(method: Any, options: dict[str, Any]) -> None:
    stored = golden("train_none")
    with torch.device("meta"):
        model = method(**options, dropout=False, lr=0.0)
        model.configure_model()
    model.generator.load_state_dict(our_state(stored, "G"), assign=True)
    model.discriminator.load_state_dict(our_state(stored, "D"), assign=True)
    places = {which: poses(stored[f"{which}_keypoints"]) for which in ("source", "target")}
    batch = {f"{which}_pose": pose for which, pose in places.items()}
    batch |= {which: stored.input(which) for which in ("source", "target")} | {"mask": torch.ones(2, 1, 128, 64)}
    # The learning rate is 0, as the authors' numbers are of one discriminator that does not move.
    steps = Steps(("generator/adversarial", "generator/l1", "discriminator/fake"))
    fit(model, batch, callbacks=[steps])

    def rows(network: str, gradients: dict[str, Tensor]) -> list[Tensor]:
        letter = {"generator": "G", "discriminator": "D"}[network]
        names = stored.info["stored"][f"grad1/{letter}"]["rows"]
        return [theirs(gradients[f"{network}.{our_name(name)}"]) for name in names]

    ok, ratio, difference = stored.check_tensors("grad1/G", rows("generator", steps.gradients))
    assert ok, (ratio, difference)

    # Their real pairs are of another batch, whose poses they exchange.
    maps = {which: model.maps(pose, batch["source"]) for which, pose in places.items()}
    with torch.no_grad():
        fake = model.generator(batch["source"], maps["source"], maps["target"])
    real_pair = torch.cat([stored.input("d_source"), maps["target"], stored.input("d_target"), maps["source"]], 1)
    fake_pair = torch.cat([batch["source"], maps["source"], fake, maps["target"]], 1)
    real_verdict, fake_verdict = (model.discriminator(pair) for pair in (real_pair, fake_pair))
    losses = [adversarial_loss(real_verdict, True), adversarial_loss(fake_verdict, False)]
    parameters = dict(model.discriminator.named_parameters(prefix="discriminator"))
    gradients = torch.autograd.grad(losses[0] + losses[1], list(parameters.values()))
    ok, ratio, difference = stored.check_tensors(
        "grad1/D", rows("discriminator", dict(zip(parameters, gradients, strict=True)))
    )
    assert ok, (ratio, difference)
    assert stored.check("d_fake_out", fake_verdict.sigmoid().flatten(1))[0]
    assert stored.check("fake", fake[..., ::4, ::4])[0]

    adversarial, l1, fake_loss = steps.losses[0]
    real_loss = losses[0].item()
    found = [adversarial, l1, adversarial + l1, real_loss, fake_loss, real_loss + fake_loss]
    ok, ratio, difference = stored.check("losses", torch.tensor(found))
    assert ok, (ratio, difference)
