"""The authors' checkpoints of UNIT: of the paper's code, whose files hold both domains, and of the revision of 2018."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import i2i_zoo
from convert.layouts import FORMS, State, behind, check_refusals, layers, saved_as, tracked
from golden.fill import Golden
from i2i_zoo import convert
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.unit import UNIT
from methods.authors import Options

KINDS = {"faces": "shared", "animals": "separate", "streets": "multiscale"}


def paper(case: str) -> dict[str, State]:
    """Both domains' autoencoders, and their discriminators, of the paper's code."""
    options = Options("unit", case)
    return {"autoencoder": options.state("gen"), "discriminator": options.state("dis")}


def of_python_2(state: State, strided: bool) -> State:
    """With what instance norms tracked then, those of residual blocks, and of strided layers if they have some."""
    found = layers(state)
    blocks = [layer for layer in found if layer[:-1] + "3" in found]
    fronts = [layer for layer in found if re.fullmatch(r"encode_.\.[12]\.model\.0|decode_.\.[34]\.model\.0", layer)]
    norms = {layer: behind(layer) for layer in [*blocks, *(fronts if strided else [])]}
    assert len(norms) == 28 + 8 * strided
    return tracked(state, norms, counters=False)


def revision() -> dict[str, dict[str, State]]:
    """The files of the revision: a network of each domain."""
    golden = Golden("unit_train")
    return {
        "autoencoder": {domain: golden.state(f"gen_{domain}") for domain in "ab"},
        "discriminator": {domain: golden.state(f"dis_{domain}") for domain in "ab"},
    }


def of_torch_3(state: State) -> State:
    """With what instance norms tracked then: all but the decoder's doubling layers have them."""
    norms = {
        layer: layer.removesuffix("conv") + "norm"
        for layer in layers(state)
        if layer.startswith("enc.") or layer.startswith("dec.model.0.")
    }
    return tracked(state, norms, counters=False)


def placed(model: UNIT, tensors: Mapping[str, torch.Tensor], blocks: int) -> None:
    """Put the paper's tensors where they belong, by their indices alone."""
    coder = model.autoencoder
    for key, tensor in tensors.items():
        network, _, rest = key.partition(".")
        numbers, leaf = [int(n) for n in re.findall(r"\d+", rest)], key.rpartition(".")[2]
        part, _, domain = network.partition("_")
        if domain == "shared":
            sequence: Any = coder.shared_encoder if part == "enc" else coder.shared_decoder
            layer = sequence[numbers[0]].body[numbers[1]]
        elif part == "encode":
            sequence = coder.encoders[domain.lower()]
            layer = sequence[(0, 2, 5)[numbers[0]]] if numbers[0] < 3 else sequence[numbers[0] + 5].body[numbers[1]]
        else:
            sequence = coder.decoders[domain.lower()]
            if numbers[0] < blocks:
                layer = sequence[numbers[0]].body[numbers[1]]
            else:
                layer = sequence[blocks + 3 * (numbers[0] - blocks)]
        getattr(layer, leaf).data.copy_(tensor)


def picture() -> torch.Tensor:
    return torch.rand(3, 32, 40, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_the_paper_in_every_form(tmp_path: Path, form: str) -> None:
    state = paper("faces")["autoencoder"]
    path = saved_as(of_python_2(state, strided=False), tmp_path / "blondhair_gen_00500000.pkl", form)
    model = convert("unit", path)
    assert (model.hparams.version, model.hparams.norm, model.hparams.width) == (2017, "none", 8)
    expected = UNIT(width=8).eval()
    placed(expected, state, blocks=3)
    for way in ("ab", "ba"):
        assert torch.equal(model.translate(picture(), direction=way), expected.translate(picture(), direction=way))


def test_the_norm_is_told_by_the_caller(saved: Any) -> None:
    states = paper("animals")
    states["autoencoder"] = of_python_2(states["autoencoder"], strided=True)
    file = saved(autoencoder=states["autoencoder"])["autoencoder"]
    with_norm, without = convert("unit", file, norm="instance"), convert("unit", file)
    assert (with_norm.hparams.norm, without.hparams.norm) == ("instance", "none")
    assert not torch.allclose(with_norm.translate(picture()), without.translate(picture()), atol=1e-2)
    expected = UNIT(width=8, norm="instance").eval()
    placed(expected, paper("animals")["autoencoder"], blocks=3)
    assert torch.equal(with_norm.translate(picture()), expected.translate(picture()))


@pytest.mark.parametrize("case", KINDS)
def test_discriminators_of_every_kind(saved: Any, case: str) -> None:
    states = paper(case)
    model = convert("unit", saved(**states))
    assert (model.hparams.discriminator, model.hparams.discriminator_width) == (KINDS[case], 4)
    ours = model.discriminator.state_dict()
    assert sum(t.numel() for t in ours.values()) == sum(t.numel() for t in states["discriminator"].values())
    first = "model_1_A.0.model.0.weight" if case == "streets" else "model_A.0.model.0.weight"
    assert torch.equal(ours["a.0.0.weight"], states["discriminator"][first])


@pytest.mark.parametrize("old", [False, True])
def test_a_file_of_the_revision(saved: Any, old: bool) -> None:
    domains = revision()["autoencoder"]
    content = {domain: of_torch_3(state) if old else state for domain, state in domains.items()}
    model = convert("unit", saved(autoencoder=content)["autoencoder"])
    assert (model.hparams.version, model.hparams.blocks, model.hparams.adversarial) == (2018, 4, "lsgan")
    for domain, state in domains.items():
        coder = getattr(model.autoencoder, domain)
        for ours, theirs in (
            (coder.encoder[3].weight, "enc.model.1.conv.weight"),
            (coder.encoder[11].body[4].bias, "enc.model.3.model.2.model.1.conv.bias"),
            (coder.decoder[0].body[0].weight, "dec.model.0.model.0.model.0.conv.weight"),
            (coder.decoder[5].weight, "dec.model.2.conv.weight"),
            (coder.decoder[6].scale, "dec.model.2.norm.gamma"),
            (coder.decoder[10].shift, "dec.model.4.norm.beta"),
            (coder.decoder[12].bias, "dec.model.5.conv.bias"),
        ):
            assert torch.equal(ours, state[theirs]), theirs
        assert len(coder.state_dict()) == len(state) == 48
    assert model.translate(picture(), direction="ba").shape == (3, 32, 40)


def test_the_files_of_a_run_from_the_command_line(saved: Any, tmp_path: Path) -> None:
    files = saved(**revision())
    named = [f"{network}={file}" for network, file in files.items()]
    assert main(["convert", "unit", *named, "-o", str(tmp_path / "model")]) == 0
    model = i2i_zoo.load(tmp_path / "model", discriminators=True)
    first = revision()["discriminator"]["b"]["cnns.0.0.conv.weight"]
    assert torch.equal(model.discriminator.b.scales[0][0].weight, first)
    assert (model.hparams.discriminator_width, model.hparams.halve_every) == (16, 100_000)


def test_networks_that_are_not_of_one_model(saved: Any) -> None:
    old, new = paper("faces"), revision()
    narrow = {domain: {k: t[:8] for k, t in state.items()} for domain, state in new["autoencoder"].items()}
    other = {**new["autoencoder"], "b": narrow["b"]}
    for states, message in (
        ({"discriminator": old["discriminator"]}, "The file of the autoencoders, .* is needed"),
        ({"discriminator": new["discriminator"]}, "The file of the autoencoders, .* is needed"),
        ({"autoencoder": old["autoencoder"], "discriminator": new["discriminator"]}, "One file is of the paper's code"),
        ({"autoencoder": new["autoencoder"], "discriminator": old["discriminator"]}, "One file is of the paper's code"),
        ({"autoencoder": other}, "autoencoder_b has width=8 and another network 16: they are not of one model"),
        ({"autoencoder": {"a": new["autoencoder"]["a"]}}, r"entries of .*autoencoder\.pth \(a\) .* it has no decode_A"),
        ({"autoencoder": {"a": 1, "b": 2}}, "holds no state dict"),
        ({"autoencoder": new["autoencoder"]["a"]}, r"autoencoder is not in the authors' layout: it has no "),
    ):
        with pytest.raises(ZooError, match=message):
            convert("unit", saved(**states))


@pytest.mark.slow
def test_what_is_no_such_network_is_told_in_a_sentence() -> None:
    check_refusals("unit", paper("faces"), every=17)
    check_refusals("unit", paper("streets"), every=43)
    flat = {f"{network}_{d}": state for network, states in revision().items() for d, state in states.items()}
    check_refusals("unit", flat, every=23)
