"""The authors' checkpoints of CycleGAN: of any of their years, of one generator or of all networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import i2i_zoo
from convert.layouts import FORMS, State, behind, check_refusals, layers, patchgan, resnet, saved_as, tracked
from i2i_zoo import convert
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.cyclegan import CycleGAN

#: The files of a run to our names.
LETTERS = {"G_A": "generator_ab", "G_B": "generator_ba", "D_A": "discriminator_b", "D_B": "discriminator_a"}


def of_year(state: State, keys: int) -> State:
    """As files have been saved: 48 keys (36 with six blocks), 94 with statistics, 117 with counters."""
    norms = {layer: behind(layer) for layer in layers(state)[:-1]}
    added = tracked(state, norms, counters=keys == 117) if keys > 48 else state
    if len(state) == 48:
        assert len(added) == keys
    return added


def placed(model: CycleGAN, states: dict[str, State]) -> CycleGAN:
    """The model with the weights of states whose layers are in the order of ours."""
    for network, state in states.items():
        own = getattr(model, network)
        own.load_state_dict(dict(zip(own.state_dict(), state.values(), strict=True)))
    return model.eval()


def picture(height: int = 32, width: int = 40, channels: int = 3) -> torch.Tensor:
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("keys", [48, 94, 117])
@pytest.mark.parametrize("blocks", [6, 9])
def test_one_file_is_a_model_of_one_direction(tmp_path: Path, blocks: int, keys: int) -> None:
    state = resnet(blocks)
    model = convert("cyclegan", saved_as(of_year(state, keys), tmp_path / "latest_net_G.pth", "zip"))
    hparams = model.hparams
    assert (hparams.directions, hparams.generator, hparams.width) == ("ab", f"resnet_{blocks}", 2)
    assert (hparams.norm, hparams.dropout, model.directions) == ("instance", False, ("ab",))
    expected = placed(CycleGAN(directions="ab", generator=f"resnet_{blocks}", width=2), {"generator_ab": state})
    assert torch.equal(model.translate(picture()), expected.translate(picture()))
    assert model.state_dict().keys() == expected.state_dict().keys()
    with pytest.raises(ZooError, match="direction='ba': give 'ab', which is the only one"):
        model.translate(picture(), direction="ba")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_file(tmp_path: Path, form: str) -> None:
    state = resnet(6)
    model = convert("cyclegan", saved_as(of_year(state, 117), tmp_path / "latest_net_G.pth", form))
    ours = model.generator_ab.state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(ours, state.values(), strict=True))


def test_the_networks_of_a_run_from_the_command_line(tmp_path: Path) -> None:
    states = {"G_A": resnet(6), "G_B": resnet(6), "D_A": patchgan(), "D_B": patchgan()}
    files = []
    for letter, state in states.items():
        path = saved_as(of_year(state, 94) if letter[0] == "G" else state, tmp_path / f"net_{letter}.pth", "zip")
        files.append(f"{LETTERS[letter]}={path}")
    assert main(["convert", "cyclegan", *files, "-o", str(tmp_path / "model")]) == 0
    model = i2i_zoo.load(tmp_path / "model", discriminators=True)
    assert (model.hparams.directions, model.directions) == ("both", ("ab", "ba"))
    expected = CycleGAN(generator="resnet_6", width=2, discriminator_width=2)
    expected.configure_model()
    placed(expected, {LETTERS[letter]: state for letter, state in states.items()})
    for way in ("ab", "ba"):
        assert torch.equal(model.translate(picture(), direction=way), expected.translate(picture(), direction=way))
    for name, tensor in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_domains_of_different_channels(saved: Any) -> None:
    states = {"generator_ab": resnet(6, (1, 3)), "generator_ba": resnet(6, (3, 1))}
    states |= {"discriminator_a": patchgan(1), "discriminator_b": patchgan(3)}
    model = convert("cyclegan", saved(**states))
    hparams = model.hparams
    # There is no identity loss between them.
    assert (hparams.in_channels, hparams.out_channels, hparams.lambda_identity) == (1, 3, 0.0)
    assert model.translate(picture(channels=3), direction="ba").shape == (1, 32, 40)
    wrong = {**states, "discriminator_a": patchgan(3), "discriminator_b": patchgan(1)}
    with pytest.raises(
        ZooError, match="discriminator_a judges pictures of 3 channels and those of its domain have 1: its file is"
    ):
        convert("cyclegan", saved(**wrong))


def test_hyperparameters_can_be_given(saved: Any) -> None:
    model = convert("cyclegan", saved(generator_ab=resnet(6), generator_ba=resnet(6)), lambda_identity=0.0, lr=1e-4)
    assert (model.hparams.lambda_identity, model.hparams.lr) == (0.0, 1e-4)


def test_networks_that_are_not_of_one_model(saved: Any) -> None:
    for states, message in (
        ({"generator_ba": resnet(6)}, "generator_ab is needed: where only B is translated to A, call B the source"),
        ({"discriminator_b": patchgan()}, "The file of generator_ab is needed"),
        (
            {"generator_ab": resnet(6), "generator_ba": resnet(9)},
            "generator_ba has generator=resnet_9 and another .*_6",
        ),
        ({"generator_ab": resnet(6), "generator_ba": resnet(6, width=4)}, "generator_ba has width=4 and another net"),
        (
            {"generator_ab": resnet(6, (1, 3)), "generator_ba": resnet(6, (1, 3))},
            "generator_ba has in_channels=3 and another network 1",
        ),
        (
            {"generator_ab": resnet(6), "discriminator_a": patchgan(), "discriminator_b": patchgan(halvings=2)},
            "discriminator_b has receptive_field=34 and another network 70",
        ),
        ({"generator_ab": resnet(6), "discriminator_b": patchgan()}, r"missing discriminator_a\.body\.0\.weight"),
        (
            {"generator_ab": patchgan()},
            r"generator_ab is not in the authors' layout: it has no convolution model\.1\.w",
        ),
        (
            {"generator_ab": resnet(6), "generator_ba": patchgan()},
            r"generator_ba is not in the authors' layout: it has no convolution",
        ),
        (
            {"generator_ab": resnet(6), "discriminator_b": resnet(6)},
            "discriminator_b is not in the authors' layout: it has model",
        ),
    ):
        with pytest.raises(ZooError, match=message):
            convert("cyclegan", saved(**states))
    with pytest.raises(ZooError, match="CycleGAN has no network 'generator': choose from generator_ab, generator_ba"):
        convert("cyclegan", saved(generator=resnet(6)))


@pytest.mark.slow
def test_what_is_no_such_network_is_told_in_a_sentence() -> None:
    states = {"generator_ab": resnet(6), "generator_ba": resnet(6)}
    check_refusals("cyclegan", {**states, "discriminator_a": patchgan(), "discriminator_b": patchgan()}, every=7)
