"""SPADE against its authors' numbers, and its options."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from golden.fill import Golden
from i2i_zoo.convert import spade as convert
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.spade import SPADE
from methods.authors import Options, Places, Seeds, Steps, authors_model, check_steps
from methods.base import SemanticTester, fit

NARROW: dict[str, Any] = {"width": 2, "hidden": 4, "discriminator_width": 4}
TINY = NARROW | {"labels": 5, "upsampling": "normal", "lambda_perceptual": 0.0}


class TestSPADE(SemanticTester):
    method = SPADE
    narrow = NARROW
    tiny = TINY


class TestStyles(SemanticTester):
    method = SPADE
    tiny: ClassVar = TINY | {"latent": 4, "latent_size": [64, 128], "encoder_width": 2, "edges": False}
    sizes: ClassVar = [(64, 128), (50, 70), (1, 1)]
    size_option: ClassVar = (64, 128)


def segmentation(golden: Golden) -> torch.Tensor:
    model = SPADE(**TINY | {"labels": 35})
    return model.segmentation(golden.input("label")[:, 0].long(), golden.input("instance")[:, 0].long())


def test_the_authors_pictures() -> None:
    golden = Golden("spade_more")
    model = authors_model(SPADE, convert.read, {"generator": golden.state("G")}).eval()
    assert sum(p.numel() for p in model.generator.parameters()) == golden.info["networks"]["G"]["parameters"]
    assert model.hparams["upsampling"] == "more"
    blocks: list[torch.Tensor] = []
    for module in (model.generator.first, *model.generator.blocks, model.generator.last):
        module.register_forward_hook(lambda *call: blocks.append(call[-1]))
    with torch.no_grad():
        out = model(segmentation(golden))
    ok, ratio, _ = golden.check_tensors("blocks", blocks)
    assert ok, ratio
    ok, ratio, _ = golden.check("out", out)
    assert ok, ratio


def test_the_authors_discriminator() -> None:
    golden = Golden("spade_discriminator")
    generator = Golden("spade_train").state("G")
    states = {"generator": generator, "discriminator": golden.state("D")}
    model = authors_model(SPADE, convert.read, states).eval()
    assert sum(p.numel() for p in model.discriminator.parameters()) == golden.info["networks"]["D"]["parameters"]
    with torch.no_grad():
        maps = model.discriminator(torch.cat([segmentation(golden), golden.input("image")], 1))
    ok, ratio, _ = golden.check_tensors("features", [m for scale in maps for m in scale])
    assert ok, ratio


def test_two_steps_are_the_authors() -> None:
    golden = Golden("spade_train")
    states = {"generator": golden.state("G"), "discriminator": golden.state("D")}
    model = authors_model(SPADE, convert.read, states, lambda_perceptual=0.0)
    steps = Steps(("generator/adversarial", "generator/feature_matching", "discriminator/fake", "discriminator/real"))
    batch = {k: golden.input(k)[:, 0].long() for k in ("label", "instance")} | {"target": golden.input("image")}
    fit(model, batch, steps=2, callbacks=[steps])
    check_steps(golden, Places(convert.read, states), steps, {"G": "generator", "D": "discriminator"})


def test_the_schedule_is_the_authors() -> None:
    with torch.device("meta"):
        model = SPADE(**TINY | {"epochs": 50, "decay_epochs": 50})
    rates = [[factor * 2e-4 * model.lr_factor("generator", epoch) for factor in (0.5, 2.0)] for epoch in range(100)]
    np.testing.assert_allclose(rates, Golden("spade_lr")["lr"], rtol=1e-6)


@pytest.mark.parametrize(
    ("hparams", "parameters"),
    [
        ({"labels": 183, "upsampling": "normal"}, 97_480_899),
        ({"labels": 151, "edges": False, "upsampling": "normal"}, 96_492_483),
        ({"labels": 35}, 93_048_003),
        ({"labels": 35, "latent": 256, "latent_size": [256, 512]}, 101_136_579),
    ],
)
def test_sizes_of_the_authors_networks(hparams: dict[str, Any], parameters: int) -> None:
    with torch.device("meta"):
        model = SPADE(**hparams)
    assert sum(p.numel() for p in model.generator.parameters()) == parameters


def test_maps_of_a_label_map_that_comes_again_are_reused() -> None:
    torch.manual_seed(0)
    model = SPADE(**TINY).eval()
    label = torch.randint(5, (1, 64, 64))
    calls: list[int] = []
    model.generator.blocks[0].norm_0.shared.register_forward_hook(lambda *_: calls.append(1))
    pictures = [model.translate(label) for _ in range(4)]
    assert len(calls) == 2  # the first, and the second, which sees that it is the same
    assert all(torch.equal(picture, pictures[0]) for picture in pictures)
    assert not torch.equal(model.translate((label + 1) % 5), pictures[0])
    assert len(calls) == 3
    model.translate(label), model.translate(label)
    with torch.no_grad():
        model.generator.blocks[0].norm_0.modulation.bias.add_(1.0)
    assert not torch.equal(model.translate(label), pictures[0])


def test_styles() -> None:
    torch.manual_seed(0)
    model = SPADE(**TestStyles.tiny).eval()
    label = torch.randint(5, (1, 64, 128))
    one, again, other = (model.translate(label, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    photo = torch.rand(3, 40, 50) * 2 - 1
    assert not torch.equal(model.translate(label, style=photo), model.translate(label))
    with pytest.raises(ZooError, match="128x64 pixels, not 64x64"):
        model.translate(label[..., :64])
    with pytest.raises(ZooError, match="This SPADE takes no seed: leave it out; it takes instance, size"):
        SPADE(**TINY).eval().translate(label, seed=1)


@pytest.mark.parametrize(("edges", "kernel_size"), [(True, 3), (False, 3), (True, 5), (False, 1)])
def test_looking_weights_up_is_the_convolution(edges: bool, kernel_size: int) -> None:
    torch.manual_seed(0)
    model = SPADE(**TINY | {"labels": 70, "edges": edges, "kernel_size": kernel_size}).train()
    label = torch.randint(70, (2, 64, 64))
    segmentation = model.segmentation(label)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    assert torch.equal(model.generator.one_hot_ids(segmentation), label)
    pictures, gradients = [], []
    for labels in (70, 0):
        model.generator.labels = labels
        model.load_state_dict(state)
        model.zero_grad()
        pictures.append(model.generator(segmentation))
        pictures[-1].square().mean().backward()
        gradients.append([p.grad.clone() for p in model.generator.parameters()])
    torch.testing.assert_close(*pictures, rtol=1e-4, atol=1e-5)
    model.generator.labels = 70
    assert model.generator.one_hot_ids(segmentation * 0.5) is None
    assert model.generator.one_hot_ids(segmentation + segmentation.flip(1)) is None
    for looked_up, convolved in zip(*gradients, strict=True):
        torch.testing.assert_close(looked_up, convolved, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "hparams"),
    [
        ("most", {}),
        ("styles", {"latent_size": [256, 256]}),
        ("instance_lsgan", {"edges": False, "labels": 5, "adversarial": "lsgan", "ttur": False, "betas": [0.5, 0.999]}),
        ("three_scales_vanilla", {"upsampling": "more", "adversarial": "vanilla"}),
        ("five_without_spectral", {"latent_size": [256, 256]}),
    ],
)
def test_two_steps_are_the_authors_with_other_options(case: str, hparams: dict[str, Any]) -> None:
    options = Options("spade", case)
    networks = {"G": "generator", "D": "discriminator", "E": "encoder"}
    networks = {letter: name for letter, name in networks.items() if letter in options.info["networks"]}
    states = {name: options.state(letter) for letter, name in networks.items()}
    given = {"labels": 5, "edges": True, "lambda_perceptual": 0.0, **hparams}
    model = authors_model(SPADE, convert.read, states, **given)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    names = ["generator/adversarial", "generator/feature_matching", "generator/kl"]
    steps = Steps((*names, "discriminator/fake", "discriminator/real"))
    batch = {
        "label": options.input("label", "labels", 1, 5)[:, 0].long(),
        "instance": options.input("instance", "instances", 1)[:, 0].long(),
        "target": options.input("image", "image", 3),
    }
    fit(model, batch, steps=2, callbacks=[Seeds(), steps])
    options.check(Places(convert.read, states), steps, before, networks)


def test_memory_of_a_large_map_is_told_before_it_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    model = SPADE(**TINY).eval()
    label = torch.zeros(1024, 1088, dtype=torch.long)
    monkeypatch.setattr("i2i_zoo.media.memory.free_bytes", lambda device: 1000)
    with pytest.raises(ZooError, match="the network at 1088x1024 pixels would take"):
        model.translate(label)
