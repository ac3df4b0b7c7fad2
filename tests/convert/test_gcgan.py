"""The authors' checkpoints of GcGAN, whose networks are CycleGAN's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from convert.layouts import FORMS, behind, check_refusals, layers, patchgan, resnet, saved_as, tracked
from i2i_zoo import convert
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.gcgan import GcGAN

#: The authors' names of networks to ours.
LETTERS = {"G_AB": "generator_ab", "D_B": "discriminator_b", "D_gc_B": "discriminator_turned_b"}
CYCLE = {"G_BA": "generator_ba", "D_A": "discriminator_a", "D_gc_A": "discriminator_turned_a"}


def states(letters: dict[str, str]) -> dict[str, Any]:
    return {ours: resnet(6) if letter.startswith("G") else patchgan() for letter, ours in letters.items()}


def picture() -> torch.Tensor:
    return torch.rand(3, 32, 40, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("statistics", [False, True])
def test_the_generators_file(tmp_path: Path, form: str, statistics: bool) -> None:
    state = resnet(6)
    norms = {layer: behind(layer) for layer in layers(state)[:-1]}
    content = tracked(state, norms, counters=True) if statistics else state
    model = convert("gcgan", saved_as(content, tmp_path / "latest_net_G_AB.pth", form))
    assert (model.hparams.lambda_cycle, model.hparams.generator, model.directions) == (0.0, "resnet_6", ("ab",))
    expected = GcGAN(generator="resnet_6", width=2).eval()
    own = expected.generator_ab
    own.load_state_dict(dict(zip(own.state_dict(), state.values(), strict=True)))
    assert torch.equal(model.translate(picture()), expected.translate(picture()))


@pytest.mark.parametrize("letters", [LETTERS, LETTERS | CYCLE], ids=["one direction", "cycle"])
def test_the_networks_of_a_run(saved: Any, letters: dict[str, str]) -> None:
    given = states(letters)
    model = convert("gcgan", saved(**given), geometry="flip")
    cycle = "generator_ba" in given
    assert (model.hparams.lambda_cycle, model.hparams.geometry) == (10.0 if cycle else 0.0, "flip")
    assert model.directions == (("ab", "ba") if cycle else ("ab",))
    assert {name.partition(".")[0] for name in model.state_dict()} == set(given)
    for network, state in given.items():
        ours = getattr(model, network).state_dict().values()
        assert all(torch.equal(a, b) for a, b in zip(ours, state.values(), strict=True))


def test_networks_that_are_not_of_one_model(saved: Any) -> None:
    given = states(LETTERS)
    for changed, message in (
        ({"discriminator_b": patchgan()}, "The file of generator_ab is needed"),
        ({**given, "discriminator_turned_b": patchgan(width=3)}, "turned_b has discriminator_width=3 and another net"),
        ({**given, "discriminator_turned_b": patchgan(1)}, "discriminator_turned_b judges pictures of 1 channels"),
        ({"generator_ab": resnet(6), "discriminator_b": patchgan()}, r"missing discriminator_turned_b\.body"),
        ({**given, "generator_ba": resnet(6)}, r"missing discriminator_a\.body"),
    ):
        with pytest.raises(ZooError, match=message):
            convert("gcgan", saved(**changed))
    with pytest.raises(
        ZooError, match="GcGAN has no network 'generator_gc_ab': choose from generator_ab, generator_ba"
    ):
        convert("gcgan", saved(**given, generator_gc_ab=resnet(6)))


def test_what_is_no_such_network_is_told_in_a_sentence() -> None:
    check_refusals("gcgan", states(LETTERS), every=13)
