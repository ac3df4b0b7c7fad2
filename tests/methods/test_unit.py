from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from golden.fill import Golden
from i2i_zoo.convert import unit as convert
from i2i_zoo.methods.unit import UNIT
from methods.authors import Options, Places, Seeds, Steps, authors_model, check_steps
from methods.base import InstanceNormTester, UnpairedTester, fit

NARROW: dict[str, Any] = {"width": 4, "discriminator_width": 4}
TINY = NARROW | {"blocks": 1}

NETWORKS = {
    "gen_a": "autoencoder_a",
    "gen_b": "autoencoder_b",
    "dis_a": "discriminator_a",
    "dis_b": "discriminator_b",
}


class TestUNIT(InstanceNormTester, UnpairedTester):
    method = UNIT
    narrow = NARROW
    tiny = TINY


class TestAnimals(InstanceNormTester, UnpairedTester):
    method = UNIT
    tiny = TINY | {"norm": "instance", "discriminator": "separate", "in_channels": 1}


class TestStreets(InstanceNormTester, UnpairedTester):
    method = UNIT
    tiny = TINY | {"dropout": 0.5, "discriminator": "multiscale"}


class TestRevision(InstanceNormTester, UnpairedTester):
    method = UNIT
    tiny = TINY | {"version": 2018, "adversarial": "lsgan"}


def test_the_revisions_networks_give_the_authors_outputs() -> None:
    golden = Golden("unit_forward")
    state, discriminator = golden.state("gen_a"), golden.state("dis_a")
    states = {f"{n}_{d}": s for n, s in (("autoencoder", state), ("discriminator", discriminator)) for d in "ab"}
    model = authors_model(UNIT, convert.read, states).eval()
    image, noise = golden.input("A"), golden.input("noise0")
    with torch.no_grad():
        hidden = model.autoencoder.encode(image, "a")
        found = {
            "hidden": hidden[..., ::2, ::2],
            "out": model.autoencoder.decode(hidden, "a"),
            "out_noise": model.autoencoder.decode(hidden + noise, "a")[..., ::2, ::2],
            **{f"dis{i}": logits for i, logits in enumerate(model.discriminator(image, "a"))},
        }
    for name, value in found.items():
        ok, ratio, difference = golden.check(name, value)
        assert ok, (name, ratio, difference)
    parameters = sum(p.numel() for p in model.autoencoder.a.parameters())
    assert parameters == golden.info["networks"]["gen_a"]["parameters"]


def test_two_steps_of_the_revision_are_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden("unit_train")
    states = {name: golden.state(letter) for letter, name in NETWORKS.items()}
    model = authors_model(UNIT, convert.read, states)
    draws = iter([golden.input(f"noise{i}") for i in range(12)])
    monkeypatch.setattr(UNIT, "draw", lambda self, mean: mean + next(draws))
    both = [f"discriminator/{x}_{d}" for d in "ab" for x in ("real", "fake")]
    kinds = ("adversarial", "cycle", "kl", "cycle_kl", "reconstruction")
    steps = Steps((*both, *(f"generator/{kind}_{d}" for kind in kinds for d in "ab")))
    fit(model, {"a": golden.input("A"), "b": golden.input("B")}, steps=2, callbacks=[steps])
    weights = (1, 1, 10, 10, 0.01, 0.01, 0.01, 0.01, 10, 10)
    rows = []
    for row in steps.losses:
        a, b, rest = row[0] + row[1], row[2] + row[3], row[4:]
        # They log what they then weigh, and the sums.
        rows.append([a, b, a + b, *(x / w for x, w in zip(rest, weights, strict=True)), sum(rest)])
    steps.losses = rows
    check_steps(golden, Places(convert.read, states), steps, NETWORKS, mixed=("dis_a", "dis_b"))


@pytest.mark.parametrize("case", ["faces", "animals", "streets"])
def test_two_steps_of_the_papers_code(case: str) -> None:
    options, networks = Options("unit", case), {"gen": "autoencoder", "dis": "discriminator"}
    states = {name: options.state(letter) for letter, name in networks.items()}
    norm = "instance" if case == "animals" else "none"
    model = authors_model(UNIT, convert.read, states, norm=norm)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    a, b = options.input("A", "image", 3), options.input("B", "image", 3)
    with torch.no_grad():
        for name, found in (("ab", model(a)), ("ba", model(b, "ba"))):
            np.testing.assert_allclose(found[..., ::2, ::2], options.stored[name], rtol=0, atol=1e-5)
        for domain, image in (("a", a), ("b", b)):
            logits = torch.cat([scale.flatten() for scale in model.discriminator(image, domain)])
            np.testing.assert_allclose(logits, options.stored[f"dis_{domain}"], rtol=0, atol=1e-5)
    kinds = ("adversarial", "reconstruction", "cycle", "kl", "cycle_kl")
    steps = Steps(
        (
            *(f"discriminator/{x}_{d}" for d in "ab" for x in ("real", "fake")),
            *(f"generator/{kind}_{d}" for kind in kinds for d in "ab"),
        )
    )
    fit(model, {"a": a, "b": b}, steps=2, callbacks=[steps, Seeds()])
    # They log the discriminators' losses as one, the others before these are weighed, and one mean of both codes.
    weights = (10, 10, 100, 100, 100, 100, 0.2, 0.2, 0.1, 0.1)
    rows = [(sum(x[:4]), [loss / w for loss, w in zip(x[4:], weights, strict=True)]) for x in steps.losses]
    steps.losses = [[d, *x[:6], x[6] + x[7], x[8], x[9]] for d, x in rows]
    options.check(Places(convert.read, states), steps, before, networks)


def test_the_papers_domains_share_their_codes() -> None:
    torch.manual_seed(0)
    model = UNIT(**TINY).eval()
    image = torch.rand(1, 3, 32, 32) * 2 - 1
    coder = model.autoencoder
    for n, p in coder.encoders["a"].named_parameters():
        coder.encoders["b"].get_parameter(n).data.copy_(p)
    assert torch.equal(coder.encode(image, "a"), coder.encode(image, "b"))
    own = {name.split(".")[0] for name, _ in coder.named_parameters()}
    assert own == {"encoders", "decoders", "shared_encoder", "shared_decoder"}


def test_parameters_are_the_papers() -> None:
    with torch.device("meta"):
        model = UNIT()
        model.configure_model()
        assert sum(p.numel() for p in model.autoencoder.parameters()) == 18_017_286
        for kind, count in (("shared", 25_240_065), ("separate", 50_298_114), ("multiscale", 9_308_934)):
            other = UNIT(discriminator=kind)  # type: ignore[arg-type]
            other.configure_model()
            assert sum(p.numel() for p in other.discriminator.parameters()) == count
        revision = UNIT(version=2018, blocks=4)
        revision.configure_model()
        assert sum(p.numel() for p in revision.autoencoder.a.parameters()) == 11_140_483
        assert sum(p.numel() for p in revision.discriminator.a.parameters()) == 8_271_171
