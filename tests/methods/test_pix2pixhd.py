"""pix2pixHD against its authors' numbers, and its options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import pytest
import torch

import i2i_zoo
import tiny
from golden.fill import Golden
from i2i_zoo.convert import pix2pixhd as convert
from i2i_zoo.data.splits import EpochLoader
from i2i_zoo.errors import ZooError
from i2i_zoo.hub import init_from
from i2i_zoo.methods.pix2pixhd import Pix2PixHD, Pix2PixHDPaired
from i2i_zoo.networks.discriminators import MultiscaleDiscriminator
from i2i_zoo.networks.hd import instance_mean, k_means
from methods.authors import Options, Places, Steps, authors_model, check_steps
from methods.base import PairedTester, SemanticTester, fit

NARROW: dict[str, Any] = {"width": 8, "discriminator_width": 4}
TINY = NARROW | {"labels": 5, "downs": 2, "blocks": 1, "lambda_perceptual": 0.0}


class HDTester(SemanticTester):
    method = Pix2PixHD


class TestGlobal(HDTester):
    tiny = TINY
    narrow = NARROW

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        options = super().recipe_options(hparams, folder)
        if not hparams["enhancers"]:
            return options
        # A finer stage begins with what the one before it made.
        coarser = Pix2PixHD(**{**hparams, "enhancers": hparams["enhancers"] - 1, "scales": hparams["scales"] - 1})
        coarser.configure_model()
        i2i_zoo.save(coarser, folder / "start")
        return options | {"init_from": folder / "start"}


class TestEnhanced(HDTester):
    tiny: ClassVar = TINY | {"enhancers": 2, "enhancer_blocks": 1, "edges": False, "scales": 3}


class TestFeatures(HDTester):
    tiny: ClassVar = TINY | {"features": 2, "encoder_width": 2, "clusters": 3}


class TestPictures(PairedTester):
    method = Pix2PixHDPaired
    narrow = NARROW
    tiny: ClassVar = {k: v for k, v in TINY.items() if k != "labels"} | {"in_channels": 1}
    test_every_trained_parameter_moves = SemanticTester.test_every_trained_parameter_moves


def inputs(golden: Golden) -> dict[str, torch.Tensor]:
    return {k: golden.input(k)[:, 0].long() for k in ("label", "instance")}


def segmentation(golden: Golden) -> torch.Tensor:
    return Pix2PixHD(**TINY | {"labels": 35}).segmentation(*inputs(golden).values())


@pytest.mark.parametrize(("network", "out", "step"), [("G", "out", 1), ("G2", "out2", 2)])
def test_the_authors_pictures(network: str, out: str, step: int) -> None:
    golden = Golden("pix2pixhd_local")
    model = authors_model(Pix2PixHD, convert.read, {"generator": golden.state(network)}).eval()
    assert sum(p.numel() for p in model.generator.parameters()) == golden.info["networks"][network]["parameters"]
    with torch.no_grad():
        ok, ratio, _ = golden.check(out, model(segmentation(golden))[..., ::step, ::step])
    assert ok, ratio


def test_the_authors_discriminators() -> None:
    golden = Golden("pix2pixhd_discriminator")
    x = torch.cat([segmentation(golden), golden.input("image")], 1)
    for name, width, scales in (("D", 64, 2), ("D_plain", 16, 3)):
        tensors = convert.discriminator(golden.state(name), {})
        discriminator = MultiscaleDiscriminator(39, width, scales)
        discriminator.load_state_dict({k.removeprefix("discriminator."): v for k, v in tensors.items()})
        with torch.no_grad():
            maps = discriminator(x)
        if name == "D":
            ok, ratio, _ = golden.check_tensors("features", [m for scale in maps for m in scale])
            assert ok, ratio
        else:
            for i, scale in enumerate(maps):
                ok, ratio, _ = golden.check(f"plain{i}", scale[-1])
                assert ok, ratio


def test_the_authors_features() -> None:
    golden = Golden("pix2pixhd_encoder")
    states = {"generator": Golden("pix2pixhd_train").state("G"), "encoder": golden.state("E")}
    model = authors_model(Pix2PixHD, convert.read, states)
    assert model.hparams["features"] == 3
    with torch.no_grad():
        raw = model.encoder.body(golden.input("image"))
        pooled = model.encoder(golden.input("image"), golden.input("instance")[:, 0].long())
    ok, ratio, _ = golden.check("raw", raw[..., ::2, ::2])
    assert ok, ratio
    ok, ratio, _ = golden.check("out", pooled)
    assert ok, ratio


def test_two_steps_are_the_authors() -> None:
    golden = Golden("pix2pixhd_train")
    states = {"generator": golden.state("G"), "discriminator": golden.state("D")}
    model = authors_model(Pix2PixHD, convert.read, states, lambda_perceptual=0.0)
    steps = Steps(("generator/adversarial", "generator/feature_matching", "discriminator/real", "discriminator/fake"))
    fit(model, inputs(golden) | {"target": golden.input("image")}, steps=2, callbacks=[steps])
    # Theirs are logged before they are halved.
    steps.losses = [[a, b, 2 * real, 2 * fake] for a, b, real, fake in steps.losses]
    check_steps(golden, Places(convert.read, states), steps, {"G": "generator", "D": "discriminator"})


def test_the_schedule_is_the_authors() -> None:
    with torch.device("meta"):
        model = Pix2PixHD(**TINY)
    rates = [[2e-4 * model.lr_factor("generator", epoch)] for epoch in range(200)]
    np.testing.assert_allclose(rates, Golden("pix2pixhd_lr")["lr"], rtol=1e-6)


@pytest.mark.parametrize(
    ("hparams", "parameters"),
    [({}, 182_546_755), ({"features": 3}, 182_556_163), ({"enhancers": 1}, 182_857_059)],
)
def test_sizes_of_the_authors_networks(hparams: dict[str, Any], parameters: int) -> None:
    with torch.device("meta"):
        model = Pix2PixHD(**hparams)
    assert sum(p.numel() for p in model.generator.parameters()) == parameters


def test_coarse_to_fine(tmp_path: Path) -> None:
    torch.manual_seed(0)
    coarse = Pix2PixHD(**TINY)
    coarse.configure_model()
    i2i_zoo.save(coarse, tmp_path / "coarse")
    fine = Pix2PixHD(**TINY | {"enhancers": 1, "enhancer_blocks": 1, "scales": 3, "frozen_epochs": 1})
    fine.configure_model()
    init_from(fine, tmp_path / "coarse")
    for ours, theirs in (
        (fine.generator.trunk, coarse.generator.trunk),
        (fine.discriminator.scales[2], coarse.discriminator.scales[1]),
    ):
        assert all(
            torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
        )
    before = {k: v.clone() for k, v in fine.state_dict().items()}
    batch = HDTester.batch_of(5, (64, 128))
    fit(fine, batch)
    after = fine.state_dict()
    assert all(torch.equal(after[k], before[k]) for k in before if k.startswith("generator.trunk."))
    assert not torch.equal(after["generator.head.weight"], before["generator.head.weight"])
    fine.hparams["frozen_epochs"] = 0
    fit(fine, batch)
    assert not torch.equal(fine.state_dict()["generator.trunk.0.weight"], before["generator.trunk.0.weight"])


def test_only_the_last_of_several_enhancers_is_trained_at_first() -> None:
    torch.manual_seed(0)
    model = Pix2PixHD(**TINY | {"enhancers": 2, "enhancer_blocks": 1, "frozen_epochs": 1})
    before = {name: tensor.clone() for name, tensor in model.generator.state_dict().items()}
    fit(model, HDTester.batch_of(5, (64, 128)))
    moved = {name for name, tensor in model.generator.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {".".join(name.split(".")[:2]) for name in moved} == {"enhancers.1", "head.weight", "head.bias"}


def test_instance_mean() -> None:
    features = torch.arange(16.0).view(2, 1, 2, 4)
    instance = torch.tensor([[[7, 7, 33001, 33001], [7, 7, 7, 7]], [[7, 7, 7, 7], [0, 0, 0, 0]]])
    third = [23 / 6] * 4
    expected = torch.tensor([[[*third[:2], 2.5, 2.5], third], [[9.5] * 4, [13.5] * 4]])
    torch.testing.assert_close(instance_mean(features, instance)[:, 0], expected)


def test_styles_of_objects() -> None:
    torch.manual_seed(0)
    model = Pix2PixHD(**TestFeatures.tiny).eval()
    batch = HDTester.batch_of(5, (64, 64), 4)
    model.find_styles([batch])
    assert int(model.encoder.clusters.max()) == 3
    label = torch.zeros(1, 64, 64, dtype=torch.long)
    label[:, :32] = 1
    chosen = [model.translate(label, style={1: cluster}) for cluster in (0, 1)]
    assert not torch.equal(*chosen)
    assert torch.equal(model.translate(label, seed=3), model.translate(label, seed=3))
    photo = torch.rand(3, 64, 64) * 2 - 1
    assert torch.isfinite(model.translate(label, style=photo)).all()
    with pytest.raises(ZooError, match="instance 4, which is not in the map"):
        model.translate(label, style={4: 0})
    with pytest.raises(ZooError, match="cluster 9 of 1; its label has 3"):
        model.translate(label, style={1: 9})
    with pytest.raises(ZooError, match="This Pix2PixHD takes no style"):
        Pix2PixHD(**TINY).eval().translate(label, style=photo)


def test_k_means_finds_what_is_apart() -> None:
    centres = torch.tensor([[0.0, 0.0], [5.0, 5.0], [0.0, 9.0]])
    points = torch.cat(
        [centre + 0.1 * torch.randn(20, 2, generator=torch.Generator().manual_seed(0)) for centre in centres]
    )
    found = k_means(points, 3)
    assert torch.cdist(centres, found).amin(1).max() < 0.1
    assert len(k_means(points[:2], 10)) == 2


def pictures(states: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """As the converter of label maps reads them, for the method of pictures."""
    hparams, tensors = convert.read(states, labels=3, edges=False)
    del hparams["labels"], hparams["edges"]
    return hparams, tensors


@pytest.mark.parametrize(
    ("case", "hparams"), [("features", {}), ("features_local", {}), ("pictures", {}), ("frozen", {"frozen_epochs": 1})]
)
def test_two_steps_are_the_authors_with_other_options(case: str, hparams: dict[str, Any]) -> None:
    options = Options("pix2pixhd", case)
    networks = {"G": "generator", "D": "discriminator", "E": "encoder"}
    networks = {letter: name for letter, name in networks.items() if letter in options.info["networks"]}
    states = {name: options.state(letter) for letter, name in networks.items()}
    method, read = (Pix2PixHDPaired, pictures) if case == "pictures" else (Pix2PixHD, convert.read)
    model = authors_model(method, read, states, lambda_perceptual=0.0, **hparams)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    steps = Steps(("generator/adversarial", "generator/feature_matching", "discriminator/fake", "discriminator/real"))
    batch = {"target": options.input("image", "image", 3)}
    if case == "pictures":
        batch["source"] = options.input("source", "image", 3)
    else:
        batch["label"] = options.input("label", "labels", 1, 5)[:, 0].long()
        batch["instance"] = options.input("instance", "instances", 1)[:, 0].long()
    fit(model, batch, steps=2, callbacks=[steps])
    # Theirs are logged before they are halved.
    steps.losses = [[a, b, 2 * fake, 2 * real] for a, b, fake, real in steps.losses]
    if case == "frozen":  # the authors' generator keeps the gradients of what rests
        options.info["rows"]["G"], (rows, *_) = [], (options.info["rows"]["G"],)
        for key in ("grad1/G", "update2/G"):
            stored = dict(zip(rows, options.stored[key], strict=True))
            options.stored[key] = np.array([v for k, v in stored.items() if not k.startswith("model.")])
        options.info["rows"]["G"] = [k for k in rows if not k.startswith("model.")]
    options.check(Places(read, states), steps, before, networks)


class SaveWithin(L.Callback):
    """A checkpoint after the first batch."""

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            trainer.save_checkpoint(Path(trainer.default_root_dir) / "within.ckpt")


def test_what_rests_rests_in_a_run_that_is_resumed_within_an_epoch(tmp_path: Path) -> None:
    hparams = TINY | {"enhancers": 1, "enhancer_blocks": 1, "frozen_epochs": 1}
    loader = EpochLoader([0] * 3, collate_fn=lambda _: HDTester.batch_of(5, (64, 128)))  # type: ignore[arg-type]
    torch.manual_seed(0)
    model = Pix2PixHD(**hparams)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    tiny.trainer(tmp_path, SaveWithin()).fit(model, loader)
    resumed = Pix2PixHD(**hparams)
    tiny.trainer(tmp_path).fit(resumed, loader, ckpt_path=tmp_path / "within.ckpt")
    after = resumed.state_dict()
    assert all(torch.equal(after[k], before[k]) for k in before if k.startswith("generator.trunk."))
    assert not torch.equal(after["generator.head.weight"], before["generator.head.weight"])
