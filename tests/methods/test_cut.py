from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from i2i_zoo.convert import cut as convert
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.cut import CUT
from i2i_zoo.networks.antialiased import AntialiasedPatchDiscriminator, AntialiasedResNet, BlurDown, blur_up
from i2i_zoo.networks.discriminators import PatchDiscriminator
from methods.authors import Options, Places, Seeds, Steps, authors_model
from methods.base import InstanceNormTester, UnpairedTester, fit

NARROW: dict[str, Any] = {"width": 4, "discriminator_width": 4, "projector_width": 8}
TINY = NARROW | {"generator": "resnet_6", "receptive_field": 34, "patches": 16}
FAST: dict[str, Any] = {"lambda_nce": 10.0, "nce_identity": False, "flip_equivariance": True}

#: The authors' letters of networks to our names.
NETWORKS = {"G": "generator_ab", "D": "discriminator_b", "F": "projector"}


class TestCUT(InstanceNormTester, UnpairedTester):
    method = CUT
    narrow = NARROW
    tiny = TINY


class TestFastCUT(InstanceNormTester, UnpairedTester):
    method = CUT
    tiny: ClassVar = TINY | FAST


class TestOtherChannels(InstanceNormTester, UnpairedTester):
    method = CUT
    tiny: ClassVar = TINY | {"in_channels": 1, "out_channels": 1}


@pytest.mark.parametrize(
    ("case", "hparams"),
    [("cut", {"patches": 16}), ("cut_batch", {"adversarial": "vanilla"}), ("fastcut", {"patches": 16, **FAST})],
)
def test_two_steps_are_the_authors(case: str, hparams: dict[str, Any]) -> None:
    options = Options("cut", case)
    states = {name: options.state(letter) for letter, name in NETWORKS.items()}
    model = authors_model(CUT, convert.read, states, **hparams)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    a, b = options.input("A", "image", 3), options.input("B", "image", 3)
    # FastCUT's first step mirrors and its second does not: so fall the seeds.
    shown = a.flip(3) if case == "fastcut" else torch.cat([a, b])
    with torch.no_grad():
        np.testing.assert_allclose(model(shown)[..., ::2, ::2], options.stored["fake1"], rtol=0, atol=1e-5)
    names = ("discriminator/real", "discriminator/fake", "generator/adversarial", "generator/nce")
    steps = Steps((*names, "generator/nce_identity"))
    fit(model, {"a": a, "b": b}, steps=2, callbacks=[Seeds(), steps])
    # Theirs are logged before they are halved.
    halved = 1 if case == "fastcut" else 2
    steps.losses = [
        [2 * real, 2 * fake, adversarial, *(halved * x for x in nce)] for real, fake, adversarial, *nce in steps.losses
    ]
    options.check(Places(convert.read, states), steps, before, NETWORKS)


def test_the_schedule_is_the_authors() -> None:
    with torch.device("meta"):
        model = CUT()
    with np.load(Options.folder / "cut_options.npz") as stored:
        rates = [2e-4 * model.lr_factor("generator", epoch) for epoch in range(400)]
        np.testing.assert_allclose(rates, stored["lr"], rtol=1e-6)


def test_sizes_of_the_authors_networks() -> None:
    with torch.device("meta"):
        model = CUT()
        model.configure_model()
    sizes = {name: sum(p.numel() for p in getattr(model, name).parameters()) for name in NETWORKS.values()}
    assert sizes == {"generator_ab": 11_378_179, "discriminator_b": 2_764_737, "projector": 560_384}
    assert AntialiasedPatchDiscriminator(3, 2)(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 30, 30)


@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_blurs_are_the_authors_filters(size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size)
    for layer, taps, mode in ((BlurDown(), [1.0, 2.0, 1.0], "reflect"), (blur_up(), [1.0, 3.0, 3.0, 1.0], "replicate")):
        filters = (torch.tensor(taps).outer(torch.tensor(taps)) / 16).expand(3, 1, -1, -1)
        padded = F.pad(x, (1, 1, 1, 1), mode)
        if mode == "reflect":
            expected = F.conv2d(padded, filters, stride=2, groups=3)
        else:
            expected = F.conv_transpose2d(padded, filters, stride=2, groups=3)[..., 3:-3, 3:-3]
        torch.testing.assert_close(layer(x), expected)


def test_gradients_do_not_depend_on_the_batch() -> None:
    # They did, by torch's instance norm, where the layout of a batch of one was another.
    torch.manual_seed(0)
    model = CUT(**TINY)
    model.configure_model()
    source, translation = (torch.rand(1, 3, 32, 32) * 2 - 1 for _ in range(2))
    gradients = []
    for batch in (1, 2):
        torch.manual_seed(0)
        image = translation.clone().requires_grad_()
        features = [model.generator_ab.encoder(x.expand(batch, -1, -1, -1)) for x in (image, source)]
        gradients += torch.autograd.grad(model.contrast(*features), image)
    torch.testing.assert_close(*gradients)


def test_features_lead_to_the_translation() -> None:
    torch.manual_seed(0)
    generator = AntialiasedResNet(width=2, blocks=6)
    image = torch.rand(2, 3, 12, 16) * 2 - 1
    features = generator.encoder(image)
    assert tuple(m.shape[1] for m in features) == generator.feature_channels
    assert [tuple(m.shape[2:]) for m in features] == [(18, 22), (12, 16), (6, 8), (3, 4), (3, 4)]
    assert torch.equal(generator.decoder(features[-1]), generator(image))


def test_training_runs_compiled_parts() -> None:
    model = CUT(**TINY)
    model.configure_model()
    model.compile_networks()
    generator = model.generator_ab
    assert all(part._compiled_call_impl is not None for part in (generator.encoder, generator.decoder))


@pytest.mark.parametrize("field", [16, 34, 70, 142, 286])
def test_a_blurred_logit_is_one_of_the_patchgan(field: int) -> None:
    blurred, plain = AntialiasedPatchDiscriminator(3, 2, field), PatchDiscriminator(3, 2, field, "instance")
    assert [p.shape for p in blurred.parameters()] == [p.shape for p in plain.parameters()]
    image = torch.zeros(1, 3, 320, 320)
    assert blurred(image).shape == plain(image).shape


def test_what_cannot_be() -> None:
    with pytest.raises(ZooError, match="in_channels=1 and out_channels=3 must be equal"):
        CUT(1, 3)
    with pytest.raises(ZooError, match=r"No PatchGAN that blurs sees 1 pixels: choose from \[16, 34, 70, 142, 286\]"):
        AntialiasedPatchDiscriminator(3, 2, 1)
    model = CUT(**TINY)
    a, b = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 32)
    with pytest.raises(ZooError, match=r"not \(1, 3, 64, 64\) and \(1, 3, 64, 32\): set crop_size"):
        fit(model, {"a": a, "b": b})


def test_fastcut_takes_pictures_of_two_sizes() -> None:
    logged = fit(CUT(**TINY | FAST), {"a": torch.rand(1, 3, 64, 64), "b": torch.rand(1, 3, 64, 32)}).losses[0]
    assert logged["train/generator/nce"] > 0
