from __future__ import annotations

from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image

from golden.fill import Golden
from i2i_zoo.convert import munit as convert
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.munit import MUNIT
from methods.authors import Places, Steps, authors_model, check_steps
from methods.base import InstanceNormTester, UnpairedTester, fit

NARROW: dict[str, Any] = {"width": 4, "hidden": 8, "discriminator_width": 4}
TINY = NARROW | {"blocks": 1, "style": 3}

NETWORKS = {
    "gen_a": "autoencoder_a",
    "gen_b": "autoencoder_b",
    "dis_a": "discriminator_a",
    "dis_b": "discriminator_b",
}


class TestMUNIT(InstanceNormTester, UnpairedTester):
    method = MUNIT
    narrow = NARROW
    tiny = TINY


class TestWithCycle(InstanceNormTester, UnpairedTester):
    method = MUNIT
    tiny = TINY | {"lambda_cycle": 10.0, "in_channels": 1, "adversarial": "vanilla"}


def test_the_networks_give_the_authors_outputs() -> None:
    golden = Golden("munit_forward")
    state, discriminator = golden.state("gen_a"), golden.state("dis_a")
    states = {f"{n}_{d}": s for n, s in (("autoencoder", state), ("discriminator", discriminator)) for d in "ab"}
    model = authors_model(MUNIT, convert.read, states).eval()
    image, style = golden.input("A"), golden.input("style").flatten(1)
    coder = model.autoencoder_a
    with torch.no_grad():
        content, own = coder.content_encoder(image), coder.style_encoder(image)
        found = {
            "content": content[..., ::2, ::2],
            "style_code": own[..., None, None],
            "adain_params": coder.perceptron(style),
            "recon": coder.decode(content, own)[..., ::2, ::2],
            "out": coder.decode(content, style),
            "out_single": coder.decode(content[:1], style[:1])[..., ::2, ::2],
            **{f"dis{i}": logits for i, logits in enumerate(model.discriminator_a(image))},
        }
        for name, kind in (("lsgan", "lsgan"), ("nsgan", "vanilla")):
            model.hparams.adversarial = kind
            judged = model.verdict("a", image.flip(3), False) + model.verdict("a", image, True)
            found[name] = torch.stack([judged, model.verdict("a", image, True, generator=True)])[None]
    for name, value in found.items():
        ok, ratio, difference = golden.check(name, value)
        assert ok, (name, ratio, difference)
    assert sum(p.numel() for p in coder.parameters()) == golden.info["networks"]["gen_a"]["parameters"]


def test_two_steps_are_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden("munit_train")
    states = {name: golden.state(letter) for letter, name in NETWORKS.items()}
    model = authors_model(MUNIT, convert.read, states)
    draws = iter([golden.input(f"noise{i}").flatten(1) for i in range(8)])
    monkeypatch.setattr(MUNIT, "random_style", lambda self, like: next(draws))
    both = [f"discriminator/{x}_{d}" for d in "ab" for x in ("real", "fake")]
    kinds = ("adversarial", "content", "style", "reconstruction")
    steps = Steps((*both, *(f"generator/{kind}_{d}" for kind in kinds for d in "ab")))
    fit(model, {"a": golden.input("A"), "b": golden.input("B")}, steps=2, callbacks=[steps])
    rows = []
    for row in steps.losses:
        a, b, rest = row[0] + row[1], row[2] + row[3], row[4:]
        # They log what they then weigh, 10 for the images, and the sums.
        rows.append([a, b, a + b, *rest[:6], *(x / 10 for x in rest[6:]), sum(rest)])
    steps.losses = rows
    check_steps(golden, Places(convert.read, states), steps, NETWORKS, mixed=("dis_a", "dis_b"))


def test_a_seed_is_a_translation() -> None:
    torch.manual_seed(0)
    model = MUNIT(**TINY).eval()
    # As after some training: the perceptron's last layer does not give all styles nearly the same.
    image = torch.rand(3, 32, 32) * 2 - 1
    results = [model.translate(image, seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(results[0], results[1])
    assert (results[0] - results[2]).abs().mean() > 1e-3
    assert torch.equal(model.translate(image), model.translate(image, style=torch.zeros(3)))
    batch = model.translate(torch.stack([image, image.flip(2)]), seed=1)
    torch.testing.assert_close(batch[0], results[0], atol=1e-5, rtol=0)


def test_a_style_is_that_of_a_picture() -> None:
    torch.manual_seed(0)
    model = MUNIT(**TINY).eval()
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 52, 3), np.uint8))
    example = Image.fromarray(np.random.default_rng(1).integers(0, 256, (32, 48, 3), np.uint8))
    for way in ("ab", "ba"):
        code = model.read_style(example, way)
        assert code.shape == (1, 3)
        expected = np.asarray(model.translate(picture, style=code[0], direction=way))
        assert np.array_equal(np.asarray(model.translate(picture, style=example, direction=way)), expected)
    assert not torch.equal(model.read_style(example, "ab"), model.read_style(example, "ba"))
    with pytest.raises(ZooError, match="A style of this model has 3 numbers, not 5"):
        model.translate(picture, style=torch.zeros(5))
    with pytest.raises(ZooError, match="Both seed and style were given"):
        model.translate(picture, style=example, seed=1)


def test_the_rate_is_halved_by_batches() -> None:
    model = MUNIT(**TINY, halve_every=2)
    model.configure_model()
    rates = []

    class Record(L.Callback):
        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"] / 1e-4)

    fit(model, TestMUNIT().batch((64, 64)), steps=5, callbacks=[Record()])
    # The authors step the schedule before a batch: the second is the first of the halved ones.
    assert rates == [1.0, 0.5, 0.5, 0.25, 0.25]
