"""DCGAN: its networks, its training step, and the pictures that it makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

import i2i_zoo
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.methods.dcgan import DCGAN
from methods.authors import Seeds
from methods.base import NoiseTester, fit

NARROW: dict[str, Any] = {"width": 2, "discriminator_width": 2, "latent": 5}
TINY = NARROW | {"size": 32}


class TestDCGAN(NoiseTester):
    method = DCGAN
    narrow = NARROW
    tiny = TINY


class TestGreyPicturesFromNormalCodes(NoiseTester):
    method = DCGAN
    tiny: ClassVar = TINY | {"channels": 1, "prior": "normal"}


def test_parameters_are_those_of_the_authors() -> None:
    with torch.device("meta"):
        model = DCGAN()
        model.configure_model()
    counts = {name: sum(p.numel() for p in network.parameters()) for name, network in model.named_children()}
    assert counts == {"generator": 3_576_704, "discriminator": 2_765_568}


def test_codes_are_drawn_from_the_prior() -> None:
    torch.manual_seed(0)
    uniform, normal = (DCGAN(**NARROW, prior=prior).draw_codes(2000) for prior in ("uniform", "normal"))
    assert uniform.abs().max() <= 1
    assert uniform.std().item() == pytest.approx(3**-0.5, abs=0.02)
    assert normal.std().item() == pytest.approx(1, abs=0.02)


def test_the_generators_update_is_for_the_same_codes_against_the_updated_discriminator() -> None:
    model, before = TestDCGAN().build(), TestDCGAN().build()
    losses = fit(model, TestDCGAN().batch((32, 32)), callbacks=[Seeds()]).losses[0]
    torch.manual_seed(0)
    fake = before(before.draw_codes(2))
    assert losses["train/discriminator/fake"] == pytest.approx(
        adversarial_loss(before.discriminator(fake), False).item(), rel=1e-4
    )
    after = adversarial_loss(model.discriminator(fake), True).item()
    assert losses["train/generator/adversarial"] == pytest.approx(after, rel=1e-4)


def test_sampled_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = TestDCGAN().build().eval()
    i2i_zoo.save(model, "dcgan")
    assert main(["sample", "dcgan", "-n", "3", "--seed", "2", "--batch", "2", "-o", "out"]) == 0
    for number, expected in enumerate(model.sample(3, seed=2)):
        np.testing.assert_array_equal(np.asarray(Image.open(f"out/2-{number:04d}.png")), np.asarray(expected))


def test_a_size_without_networks_is_refused() -> None:
    with pytest.raises(ZooError, match="size=40: these networks make pictures of a multiple of 16 pixels"):
        DCGAN(size=40)


def test_statistics_of_a_single_pixel_are_refused() -> None:
    batch = {"video": torch.zeros(1, 1, 3, 16, 16)}
    with pytest.raises(ZooError, match="a batch of 1 at 16x16 has only one pixel in its smallest map"):
        fit(DCGAN(**NARROW, size=16), batch)
