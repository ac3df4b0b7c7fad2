from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import i2i_zoo
from golden.fill import Golden
from i2i_zoo.convert import cyclegan as convert
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.cyclegan import CycleGAN
from methods.authors import Options, Places, Steps, authors_model, check_steps
from methods.base import InstanceNormTester, UnpairedTester, fit

NARROW: dict[str, Any] = {"width": 4, "discriminator_width": 4}
TINY = NARROW | {"generator": "resnet_6", "receptive_field": 34}

#: The authors' letters of networks to our names.
NETWORKS = {"G_A": "generator_ab", "G_B": "generator_ba", "D_A": "discriminator_b", "D_B": "discriminator_a"}


class TestCycleGAN(InstanceNormTester, UnpairedTester):
    method = CycleGAN
    narrow = NARROW
    tiny = TINY


class TestOtherChannels(InstanceNormTester, UnpairedTester):
    method = CycleGAN
    tiny: ClassVar = TINY | {"in_channels": 1, "out_channels": 4, "lambda_identity": 0}


class TestBatchNorm(InstanceNormTester, UnpairedTester):
    method = CycleGAN
    tiny: ClassVar = TINY | {"norm": "batch", "generator": "unet_64"}


def test_the_resnet_gives_the_authors_outputs() -> None:
    golden = Golden("cyclegan_resnet9")
    model = authors_model(CycleGAN, convert.read, {"generator_ab": golden.state("G")}).eval()
    assert sum(p.numel() for p in model.parameters()) == 11_378_179
    ok, ratio, difference = golden.check("out", model.translate(golden.input("A"))[..., ::4, ::4])
    assert ok, (ratio, difference)


#: The authors' losses, whose discriminators' are sums of two.
LOSSES = (
    *("discriminator/real_b", "discriminator/fake_b", "generator/adversarial_b", "generator/cycle_a"),
    *("generator/identity_b", "discriminator/real_a", "discriminator/fake_a", "generator/adversarial_a"),
    *("generator/cycle_b", "generator/identity_a"),
)


def test_two_steps_are_the_authors() -> None:
    golden = Golden("cyclegan_train")
    states = {name: golden.state(letter) for letter, name in NETWORKS.items()}
    model = authors_model(CycleGAN, convert.read, states, pool_size=0)
    a, b = golden.input("A"), golden.input("B")
    with torch.no_grad():
        fake_b = model(a, "ab")
        for name, found in (("fake_B1", fake_b), ("rec_A1", model(fake_b, "ba"))):
            ok, ratio, _ = golden.check(name, found[..., ::4, ::4])
            assert ok, ratio
    steps = Steps(LOSSES)
    fit(model, {"a": a, "b": b}, steps=2, callbacks=[steps])
    steps.losses = [[x[0] + x[1], *x[2:5], x[5] + x[6], *x[7:]] for x in steps.losses]
    check_steps(golden, Places(convert.read, states), steps, NETWORKS)


@pytest.mark.parametrize(
    ("case", "hparams"),
    [
        ("vanilla", {"adversarial": "vanilla", "lambda_cycle_a": 5.0, "lambda_identity": 0.0}),
        ("batchnorm", {}),
        ("nonorm", {"lambda_cycle_b": 3.0}),
    ],
)
def test_two_steps_are_the_authors_with_other_options(case: str, hparams: dict[str, Any]) -> None:
    options = Options("cyclegan", case)
    states = {name: options.state(letter) for letter, name in NETWORKS.items()}
    model = authors_model(CycleGAN, convert.read, states, pool_size=0, **hparams)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    a, b = options.input("A", "image", 3), options.input("B", "image", 3)
    if "fake_B" in options.stored:
        with torch.no_grad():
            fake = model(a)
            for name, found in (("fake_B", fake), ("rec_A", model(fake, "ba"))):
                np.testing.assert_allclose(found[..., ::4, ::4], options.stored[name], rtol=0, atol=1e-5)
    steps = Steps(LOSSES)
    fit(model, {"a": a, "b": b}, steps=2, callbacks=[steps])
    steps.losses = [[x[0] + x[1], *x[2:5], x[5] + x[6], *x[7:]] for x in steps.losses]
    options.check(Places(convert.read, states), steps, before, NETWORKS)


def test_the_schedule_is_the_authors() -> None:
    with torch.device("meta"):
        model = CycleGAN()
    rates = [2e-4 * model.lr_factor("generator", epoch) for epoch in range(200)]
    np.testing.assert_allclose(rates, Golden("gan_losses")["lr"][:, 3], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "losses"),
    [
        ({"lambda_adversarial": 0}, {"cycle_a", "cycle_b", "identity_a", "identity_b"}),
        ({"lambda_cycle_a": 0, "lambda_cycle_b": 0}, {"adversarial_a", "adversarial_b", "identity_a", "identity_b"}),
        ({"lambda_cycle_b": 0, "lambda_identity": 0}, {"adversarial_a", "adversarial_b", "cycle_a"}),
        ({"lambda_cycle_a": 0, "lambda_identity": 0}, {"adversarial_a", "adversarial_b", "cycle_b"}),
    ],
    ids=["cycle", "GAN", "forward", "backward"],
)
def test_the_papers_ablations(options: dict[str, float], losses: set[str]) -> None:
    model = CycleGAN(**TINY, **options)
    model.configure_model()
    logged = fit(model, TestCycleGAN().batch((64, 64))).losses[0]
    assert {k.removeprefix("train/generator/") for k in logged if "/generator/" in k} == losses
    assert any("/discriminator/" in k for k in logged) == ("lambda_adversarial" not in options)


def test_the_discriminators_see_old_translations() -> None:
    torch.manual_seed(0)
    model = CycleGAN(**TINY, pool_size=3)
    model.configure_model()
    fit(model, TestCycleGAN().batch((64, 64)), steps=3)
    assert {name: len(pool.images) for name, pool in model.pools.items()} == {"a": 3, "b": 3}
    checkpoint: dict[str, Any] = {"state_dict": model.state_dict()}
    model.on_save_checkpoint(checkpoint)
    other = CycleGAN(**TINY, pool_size=3)
    other.configure_model()
    other.on_load_checkpoint(checkpoint)
    for name, pool in other.pools.items():
        for ours, theirs in zip(pool.images, model.pools[name].images, strict=True):
            torch.testing.assert_close(ours, theirs)


def test_a_model_of_one_direction(tmp_path: Any) -> None:
    torch.manual_seed(0)
    model = CycleGAN(**TINY, directions="ab").eval()
    assert {name.split(".")[0] for name in model.state_dict()} == {"generator_ab"}
    with pytest.raises(ZooError, match="direction='ba': give 'ab'"):
        model.translate(torch.zeros(3, 8, 8), direction="ba")
    with pytest.raises(ZooError, match="of one direction cannot be trained"):
        fit(model, TestCycleGAN().batch((64, 64)))
    i2i_zoo.save(model, tmp_path / "ab")
    both = CycleGAN(**TINY)
    both.configure_model()
    fresh = {name: p.clone() for name, p in both.state_dict().items()}
    i2i_zoo.hub.init_from(both, tmp_path / "ab")
    for name, tensor in both.state_dict().items():
        expected = model.state_dict()[name] if name.startswith("generator_ab.") else fresh[name]
        assert torch.equal(tensor, expected), name


def test_identity_needs_equal_channels() -> None:
    with pytest.raises(ZooError, match=r"lambda_identity=0\.5 compares domains of 1 and 3 channels"):
        CycleGAN(1, 3)
