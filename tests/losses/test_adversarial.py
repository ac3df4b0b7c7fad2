"""Adversarial losses and the image pool against the authors' numbers."""

from __future__ import annotations

import random

import pytest
import torch

from golden.fill import Golden
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import ImagePool, adversarial_loss, gradient_penalty
from i2i_zoo.networks.discriminators import PatchDiscriminator


@pytest.fixture(scope="module")
def golden() -> Golden:
    return Golden("gan_losses")


def test_losses_are_the_authors(golden: Golden) -> None:
    logits = golden.input("pred")
    losses = [
        [adversarial_loss(logits, real, kind) for real in (True, False)] for kind in ("vanilla", "lsgan", "wgangp")
    ]
    ok, ratio, _ = golden.check("gan", torch.tensor(losses))
    assert ok, ratio


def test_hinge() -> None:
    logits = torch.tensor([-2.0, 0.5, 3.0])
    assert adversarial_loss(logits, True, "hinge").item() == pytest.approx((3 + 0.5 + 0) / 3)
    assert adversarial_loss(logits, False, "hinge").item() == pytest.approx((0 + 1.5 + 4) / 3)
    assert adversarial_loss(logits, True, "hinge", generator=True).item() == pytest.approx(-0.5)


def test_gradient_penalty_is_the_authors(golden: Golden) -> None:
    keys = golden.keys("D")
    width = golden.state("D")[keys[0][0]].shape[0]
    discriminator = PatchDiscriminator(3, width, norm="instance")
    discriminator.load_state_dict({k.replace("model.", "body."): v for k, v in golden.state("D").items()})
    alpha = torch.tensor([0.25, 0.625])[:, None, None, None]
    penalty = 10 * gradient_penalty(discriminator, golden.input("real"), golden.input("fake"), alpha)
    ok, ratio, difference = golden.check("gradient_penalty", penalty.detach().reshape(1, 1))
    assert ok, (ratio, difference)


def test_pool_is_the_authors(golden: Golden) -> None:
    pool = ImagePool(3)
    pool.random = random.Random(0)
    chosen = [pool.query(torch.tensor([2.0 * i, 2.0 * i + 1])).tolist() for i in range(12)]
    ok, ratio, _ = golden.check("pool", torch.tensor(chosen))
    assert ok, ratio


def test_pool_continues_where_it_stopped() -> None:
    def drawn(pool: ImagePool, start: int) -> list[list[float]]:
        return [pool.query(torch.tensor([2.0 * i, 2.0 * i + 1])).tolist() for i in range(start, start + 10)]

    pool, resumed = ImagePool(4, seed=1), ImagePool(4, seed=2)
    drawn(pool, 0)
    resumed.load_state_dict(pool.state_dict())
    assert drawn(resumed, 10) == drawn(pool, 10)


def test_an_empty_pool_gives_back_what_it_gets() -> None:
    images = torch.rand(2, 3, 4, 4)
    assert ImagePool(0).query(images) is images


def test_unknown_loss() -> None:
    with pytest.raises(ZooError, match="Unknown adversarial loss 'gan'"):
        adversarial_loss(torch.zeros(1), True, "gan")
