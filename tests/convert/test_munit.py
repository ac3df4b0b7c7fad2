"""The authors' checkpoints of MUNIT: a network of each domain in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import i2i_zoo
from convert.layouts import State, check_refusals, layers, patchgan, saved_as, tracked
from golden.fill import Golden
from i2i_zoo import convert
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError


def domains(letter: str = "gen") -> dict[str, State]:
    golden = Golden("munit_train")
    return {domain: golden.state(f"{letter}_{domain}") for domain in "ab"}


def of_torch_3(state: State) -> State:
    """With what the content encoder's instance norms tracked then; the decoder's AdaIN have buffers anyway."""
    content = [layer for layer in layers(state) if layer.startswith("enc_content.")]
    return tracked(state, {layer: layer.removesuffix("conv") + "norm" for layer in content}, counters=False)


def picture() -> torch.Tensor:
    return torch.rand(3, 32, 40, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("old", [False, True])
def test_one_file_from_the_command_line(tmp_path: Path, old: bool) -> None:
    states = domains()
    content = {domain: of_torch_3(state) if old else state for domain, state in states.items()}
    assert sum("running" in key for key in content["a"]) == 16 + 22 * old
    torch.save(content, tmp_path / "gen_01000000.pt")
    assert main(["convert", "munit", str(tmp_path / "gen_01000000.pt"), "-o", str(tmp_path / "model")]) == 0
    model = i2i_zoo.load(tmp_path / "model")
    hparams = model.hparams
    assert (hparams.width, hparams.blocks, hparams.style, hparams.hidden) == (16, 4, 8, 64)
    for domain, state in states.items():
        coder = getattr(model, f"autoencoder_{domain}")
        for ours, theirs in (
            (coder.style_encoder[0].weight, "enc_style.model.0.conv.weight"),
            (coder.style_encoder[11].bias, "enc_style.model.6.bias"),
            (coder.content_encoder[6].weight, "enc_content.model.2.conv.weight"),
            (coder.content_encoder[12].body[4].weight, "enc_content.model.3.model.3.model.1.conv.weight"),
            (coder.blocks[2].second.weight, "dec.model.0.model.2.model.1.conv.weight"),
            (coder.perceptron[4].weight, "mlp.model.2.fc.weight"),
            (coder.up[1].weight, "dec.model.2.conv.weight"),
            (coder.up[6].scale, "dec.model.4.norm.gamma"),
            (coder.up[6].shift, "dec.model.4.norm.beta"),
            (coder.up[8].bias, "dec.model.5.conv.bias"),
        ):
            assert torch.equal(ours, state[theirs]), theirs
        kept = [key for key in state if "running" not in key]
        assert len(coder.state_dict()) == len(kept) == 66
    assert not torch.equal(model.translate(picture(), seed=1), model.translate(picture(), seed=2))


@pytest.mark.parametrize("form", ["legacy", "python 2"])
def test_old_forms(tmp_path: Path, form: str) -> None:
    model = convert("munit", saved_as(domains(), tmp_path / "gen.pt", form))
    same = convert("munit", saved_as(domains(), tmp_path / "gen.pt", "zip"))
    assert torch.equal(model.translate(picture(), direction="ba"), same.translate(picture(), direction="ba"))


def test_with_discriminators(saved: Any) -> None:
    model = convert("munit", saved(autoencoder_a=domains(), discriminator_a=domains("dis")), lambda_cycle=10.0)
    assert (model.hparams.discriminator_width, model.hparams.lambda_cycle) == (16, 10.0)
    theirs = domains("dis")["b"]
    assert torch.equal(model.discriminator_b.scales[2][8].weight, theirs["cnns.2.4.weight"])


def test_networks_that_are_not_of_one_model(saved: Any) -> None:
    states, judges = domains(), domains("dis")
    narrow = {key: tensor[:8] for key, tensor in states["b"].items()}
    for given, message in (
        ({"discriminator_a": judges}, "The file of the autoencoders, gen_"),
        ({"autoencoder_a": {**states, "b": narrow}}, "autoencoder_b has width=8 and another network 16"),
        (
            {"autoencoder_a": states, "discriminator_a": {**judges, "b": patchgan()}},
            "discriminator_b is not in the authors'",
        ),
        (
            {"autoencoder_a": {**states, "b": judges["b"]}},
            "autoencoder_b is not in the authors' layout: it has no dec",
        ),
        ({"autoencoder_a": states["a"]}, r"missing autoencoder_b\."),
    ):
        with pytest.raises(ZooError, match=message):
            convert("munit", saved(**given))


@pytest.mark.slow
def test_what_is_no_such_network_is_told_in_a_sentence() -> None:
    flat = {f"autoencoder_{domain}": state for domain, state in domains().items()}
    check_refusals("munit", {**flat, **{f"discriminator_{d}": s for d, s in domains("dis").items()}}, every=29)
