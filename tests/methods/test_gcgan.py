from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from golden.fill import Golden
from i2i_zoo.convert import gcgan as convert
from i2i_zoo.methods.gcgan import GcGAN
from methods.authors import Options, Places, Steps, authors_model, check_steps
from methods.base import InstanceNormTester, UnpairedTester, fit

NARROW: dict[str, Any] = {"width": 4, "discriminator_width": 4}
TINY = NARROW | {"generator": "resnet_6", "receptive_field": 34}

#: The authors' letters of networks to our names; the first three are those of one direction.
NETWORKS = {
    "G_AB": "generator_ab",
    "D_B": "discriminator_b",
    "D_gc_B": "discriminator_turned_b",
    "G_BA": "generator_ba",
    "D_A": "discriminator_a",
    "D_gc_A": "discriminator_turned_a",
}

#: The losses of the direction to B: four of discriminators, five of the generator.
LOSSES = (
    *(f"discriminator/{x}_{view}b" for view in ("", "turned_") for x in ("real", "fake")),
    *(f"generator/adversarial_{view}b" for view in ("", "turned_")),
    *("generator/geometry_b", "generator/identity_b", "generator/identity_turned_b"),
)


class TestGcGAN(InstanceNormTester, UnpairedTester):
    method = GcGAN
    narrow = NARROW
    tiny = TINY


class TestFlip(InstanceNormTester, UnpairedTester):
    method = GcGAN
    tiny: ClassVar = TINY | {"geometry": "flip"}


class TestWithCycle(InstanceNormTester, UnpairedTester):
    method = GcGAN
    tiny: ClassVar = TINY | {"lambda_cycle": 10.0}


def test_two_steps_are_the_authors() -> None:
    golden = Golden("gcgan_train_rot")
    networks = dict(list(NETWORKS.items())[:3])
    states = {name: golden.state(letter) for letter, name in networks.items()}
    model = authors_model(GcGAN, convert.read, states, pool_size=0)
    a, b = golden.input("A"), golden.input("B")
    with torch.no_grad():
        turned = model.turn(a)
        ok, ratio, _ = golden.check("gc_A", turned)
        assert ok, ratio
        for name, found in (("fake_B1", model(a)), ("fake_gc_B1", model(turned))):
            ok, ratio, _ = golden.check(name, found[..., ::2, ::2])
            assert ok, ratio
    steps = Steps(LOSSES)
    fit(model, {"a": a, "b": b}, steps=2, callbacks=[steps])
    # The authors log the discriminators' four losses as one.
    steps.losses = [[sum(x[:4]), *x[4:]] for x in steps.losses]
    check_steps(golden, Places(convert.read, states), steps, networks)


def test_two_steps_with_the_flip_are_the_authors() -> None:
    options, networks = Options("gcgan", "flip"), dict(list(NETWORKS.items())[:3])
    states = {name: options.state(letter) for letter, name in networks.items()}
    model = authors_model(GcGAN, convert.read, states, pool_size=0, geometry="flip", lambda_identity=3.0)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    steps = Steps(LOSSES)
    batch = {"a": options.input("A", "image", 3), "b": options.input("B", "image", 3)}
    fit(model, batch, steps=2, callbacks=[steps])
    steps.losses = [[sum(x[:4]), *x[4:]] for x in steps.losses]
    options.check(Places(convert.read, states), steps, before, networks)


def test_two_steps_with_the_cycle_are_the_authors() -> None:
    options = Options("gcgan", "cycle")
    states = {name: options.state(letter) for letter, name in NETWORKS.items()}
    model = authors_model(GcGAN, convert.read, states, pool_size=0)
    assert model.hparams.lambda_cycle == 10.0
    before = {k: v.clone() for k, v in model.state_dict().items()}
    steps = Steps((*LOSSES, *(name[:-1] + "a" for name in LOSSES)))
    batch = {"a": options.input("A", "image", 3), "b": options.input("B", "image", 3)}
    fit(model, batch, steps=2, callbacks=[steps])
    # The authors log the discriminators' losses of a domain as one, and the generators' of both directions.
    rows = [(x[:9], x[9:]) for x in steps.losses]
    steps.losses = [[sum(b[:4]), sum(a[:4]), *(x + y for x, y in zip(b[4:], a[4:], strict=True))] for b, a in rows]
    options.check(Places(convert.read, states), steps, before, NETWORKS)


def test_the_schedule_is_the_authors() -> None:
    with torch.device("meta"):
        model = GcGAN()
    rates = [2e-4 * model.lr_factor("generator", epoch) for epoch in range(200)]
    np.testing.assert_allclose(rates, Golden("gcgan_lr")["lr"][:, 0], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("geometry", ["rotation", "flip"])
def test_the_geometry_is_undone(geometry: Any) -> None:
    model = GcGAN(**TINY, geometry=geometry)
    image = torch.arange(24.0).view(1, 1, 4, 6)
    assert torch.equal(model.turn_back(model.turn(image)), image)
    corner = model.turn(image)[0, 0, 0, 0]
    assert corner == 18  # the bottom left pixel comes to the top left
