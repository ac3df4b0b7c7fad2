"""The authors' checkpoints of pix2pixHD, by their keys and their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from golden.fill import Golden
from i2i_zoo import convert, load
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.pix2pixhd import Pix2PixHD
from i2i_zoo.registry import ENTRIES

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def train() -> Golden:
    """Generator and discriminator of width 16, for 35 labels and edges."""
    return Golden("pix2pixhd_train")


def norm(channels: int, tracked: bool) -> nn.Module:
    return nn.InstanceNorm2d(channels, track_running_stats=tracked)


def unit(conv: nn.Module, tracked: bool) -> list[nn.Module]:
    return [conv, norm(conv.out_channels, tracked), nn.ReLU()]  # type: ignore[arg-type]


class Block(nn.Module):
    def __init__(self, channels: int, tracked: bool) -> None:
        super().__init__()

        def half() -> list[nn.Module]:
            return [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), norm(channels, tracked)]

        self.conv_block = nn.Sequential(*half(), nn.ReLU(), *half())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


def trunk(channels: int, width: int, downs: int, blocks: int, tracked: bool) -> list[nn.Module]:
    """The layers of the authors' residual generator but its last."""
    layers = [nn.ReflectionPad2d(3), *unit(nn.Conv2d(channels, width, 7), tracked)]
    for n in range(downs):
        layers += unit(nn.Conv2d(width * 2**n, width * 2 ** (n + 1), 3, 2, 1), tracked)
    layers += [Block(width * 2**downs, tracked) for _ in range(blocks)]
    for n in reversed(range(downs)):
        layers += unit(nn.ConvTranspose2d(width * 2 ** (n + 1), width * 2**n, 3, 2, 1, 1), tracked)
    return layers


def head(width: int, outputs: int = 3, padded: bool = True) -> list[nn.Module]:
    return [*([nn.ReflectionPad2d(3)] if padded else []), nn.Conv2d(width, outputs, 7), nn.Tanh()]


def authors_generator(
    channels: int, downs: int = 2, blocks: int = 2, enhancers: int = 0, local: int = 1, tracked: bool = False
) -> nn.Module:
    """A generator whose global part has width 4, with the authors' layers in the authors' order."""
    module = nn.Module()
    module.model = nn.Sequential(*trunk(channels, 4, downs, blocks, tracked), *([] if enhancers else head(4)))
    for n in range(1, enhancers + 1):
        width = 4 // 2**n
        down = unit(nn.Conv2d(channels, width, 7), tracked) + unit(nn.Conv2d(width, 2 * width, 3, 2, 1), tracked)
        up = [Block(2 * width, tracked) for _ in range(local)]
        up += unit(nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1), tracked)
        setattr(module, f"model{n}_1", nn.Sequential(nn.ReflectionPad2d(3), *down))
        setattr(module, f"model{n}_2", nn.Sequential(*up, *(head(width) if n == enhancers else [])))
    return module


def authors_encoder(features: int = 3, padded: bool = True, tracked: bool = False) -> nn.Module:
    """A feature encoder of width 2; the padding before its last layer came later."""
    module = nn.Module()
    module.model = nn.Sequential(*trunk(3, 2, 4, 0, tracked), *head(2, features, padded))
    return module


def authors_discriminator(channels: int, scales: int = 2, featured: bool = True) -> State:
    """The state dict of discriminators of width 2: with the layers' maps to be matched, or without."""
    widths, state = [channels, 2, 4, 8, 16, 1], dict[str, Tensor]()
    for scale in range(scales):
        for layer, plain in enumerate((0, 2, 5, 8, 11)):
            name = f"scale{scale}_layer{layer}.0" if featured else f"layer{scale}.{plain}"
            state[f"{name}.weight"] = torch.randn(widths[layer + 1], widths[layer], 4, 4)
            state[f"{name}.bias"] = torch.randn(widths[layer + 1])
    return state


def picture(model: Pix2PixHD) -> Tensor:
    """What the model makes of a fixed label map."""
    label = torch.arange(64 * 64).view(1, 64, 64) // 97 % model.hparams.labels
    with torch.inference_mode():
        return model(model.segmentation(label))


@pytest.mark.parametrize(("network", "out", "step"), [("G", "out", 1), ("G2", "out2", 2)])
def test_the_authors_pictures(saved: Any, network: str, out: str, step: int) -> None:
    golden = Golden("pix2pixhd_local")
    model = convert("pix2pixhd", saved(generator=golden.state(network))["generator"])
    assert not model.training
    assert not hasattr(model, "discriminator")
    label, instance = (golden.input(name)[:, 0].long() for name in ("label", "instance"))
    with torch.inference_mode():
        output = model(model.segmentation(label, instance))
    ok, ratio, _ = golden.check(out, output[..., ::step, ::step])
    assert ok, ratio
    hparams = model.hparams
    assert (hparams.labels, hparams.edges, hparams.width, hparams.features) == (35, True, 32, 0)
    assert hparams.enhancers == int(network == "G2") + 1


def test_three_networks_of_one_run(saved: Any) -> None:
    encoder = authors_encoder()
    states = {
        "generator": authors_generator(6 + 1 + 3).state_dict(),
        "encoder": encoder.state_dict(),
        "discriminator": authors_discriminator(6 + 1 + 3),
    }
    model = convert("pix2pixhd", saved(**states))
    hparams = model.hparams
    assert (hparams.labels, hparams.features, hparams.encoder_width) == (6, 3, 2)
    assert (hparams.width, hparams.downs, hparams.blocks, hparams.enhancers) == (4, 2, 2, 0)
    assert (hparams.discriminator_width, hparams.scales) == (2, 2)
    # Theirs counts the scales from the coarsest.
    finest = model.discriminator.scales[0].convolutions
    assert torch.equal(finest[2].weight, states["discriminator"]["scale1_layer2.0.weight"])
    photo = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(model.encoder.body(photo), encoder.model(photo))
    label = torch.zeros(1, 64, 64, dtype=torch.long)
    plain, styled = model.translate(label), model.translate(label, style=torch.rand(3, 64, 64))
    assert not torch.equal(plain, styled)
    assert torch.equal(model.translate(label, seed=1), plain)  # there are no clusters yet to choose among


def test_the_authors_features(saved: Any) -> None:
    golden = Golden("pix2pixhd_encoder")
    states = {"generator": authors_generator(36 + 3).state_dict(), "encoder": golden.state("E")}
    model = convert("pix2pixhd", saved(**states))
    with torch.inference_mode():
        pooled = model.encoder(golden.input("image"), golden.input("instance")[:, 0].long())
    ok, ratio, _ = golden.check("out", pooled)
    assert ok, ratio


@pytest.mark.parametrize(
    "options",
    [
        {"downs": 4, "blocks": 9},
        {"downs": 1, "blocks": 1},
        {"enhancers": 1, "local": 3},
        {"enhancers": 2, "local": 2, "downs": 3},
    ],
)
def test_every_generator(saved: Any, options: dict[str, int]) -> None:
    theirs = authors_generator(6, **options)
    state = theirs.state_dict()
    model = convert("pix2pixhd", saved(generator=state))
    hparams, ours = model.hparams, model.generator.state_dict()
    expected = {"downs": 2, "blocks": 2, "enhancers": 0, "local": hparams.enhancer_blocks, **options}
    found = (hparams.downs, hparams.blocks, hparams.enhancers, hparams.enhancer_blocks)
    assert found == tuple(expected[name] for name in ("downs", "blocks", "enhancers", "local"))
    assert len(ours) == len(state)
    assert all(any(torch.equal(a, b) for b in ours.values()) for a in state.values())
    if not hparams.enhancers:
        x = torch.rand(1, 6, 64, 64)
        with torch.inference_mode():
            torch.testing.assert_close(model.generator(x), theirs.model(x))


@pytest.mark.parametrize("featured", [True, False])
@pytest.mark.parametrize("scales", [1, 3])
def test_every_discriminator(saved: Any, scales: int, featured: bool) -> None:
    discriminator = authors_discriminator(6 + 3, scales, featured)
    model = convert("pix2pixhd", saved(generator=authors_generator(6).state_dict(), discriminator=discriminator))
    assert (model.hparams.scales, model.hparams.discriminator_width) == (scales, 2)
    finest = f"scale{scales - 1}_layer4.0" if featured else f"layer{scales - 1}.11"
    assert torch.equal(model.discriminator.scales[0].convolutions[4].weight, discriminator[f"{finest}.weight"])


@pytest.mark.parametrize("variant", ["data parallel", "statistics of 2017", "nested"])
def test_other_forms_of_the_same_weights(saved: Any, variant: str) -> None:
    torch.manual_seed(0)
    tracked = variant == "statistics of 2017"
    generator = authors_generator(7 + 3, enhancers=1, tracked=tracked).state_dict()
    encoder = authors_encoder(tracked=tracked).state_dict()
    weights = [{k: v for k, v in s.items() if k.endswith(("weight", "bias"))} for s in (generator, encoder)]
    expected = convert("pix2pixhd", saved(generator=weights[0], encoder=weights[1]))
    states: dict[str, Any] = {"generator": generator, "encoder": encoder}
    assert (len(weights[0]) < len(generator)) == tracked
    if variant == "data parallel":
        states = {n: {f"module.{key}": tensor for key, tensor in s.items()} for n, s in states.items()}
    elif variant == "nested":
        states = {name: {"state_dict": state, "epoch": 3} for name, state in states.items()}
    model = convert("pix2pixhd", saved(**states))
    assert model.hparams == expected.hparams
    assert torch.equal(picture(model), picture(expected))
    photo, instance = torch.rand(1, 3, 32, 32), torch.arange(1024).view(1, 32, 32) // 200
    with torch.inference_mode():
        assert torch.equal(model.encoder(photo, instance), expected.encoder(photo, instance))


def test_the_older_encoder(saved: Any) -> None:
    generator, newer = authors_generator(6 + 1 + 3).state_dict(), authors_encoder().state_dict()
    older = {key.replace("model.29.", "model.28."): tensor for key, tensor in newer.items()}
    assert older.keys() == authors_encoder(padded=False).state_dict().keys()
    models = [convert("pix2pixhd", saved(generator=generator, encoder=state)) for state in (older, newer)]
    for a, b in zip(models[0].encoder.parameters(), models[1].encoder.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_authors_checkpoint_tells_what_its_entry_says(saved: Any) -> None:
    state = authors_generator(36, enhancers=1).state_dict()
    hparams = convert("pix2pixhd", saved(generator=state)).hparams
    expected = ENTRIES["pix2pixhd-cityscapes"].hparams
    assert {name: hparams[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "labels", "edges"),
    [({}, 5, True), ({"labels": 6}, 6, False), ({"edges": False}, 6, False), ({"labels": 6, "edges": False}, 6, False)],
)
def test_labels_and_edges_follow_from_each_other(saved: Any, given: dict[str, Any], labels: int, edges: bool) -> None:
    states = {"generator": authors_generator(6 + 3).state_dict(), "encoder": authors_encoder().state_dict()}
    model = convert("pix2pixhd", saved(**states), **given)
    assert (model.hparams.labels, model.hparams.edges, model.hparams.features) == (labels, edges, 3)
    label = torch.arange(64 * 64).view(1, 64, 64) // 97 % labels
    assert model.translate(label, style=torch.rand(3, 64, 64)).isfinite().all()


def test_labels_that_do_not_fit(saved: Any) -> None:
    files = saved(generator=authors_generator(6).state_dict())
    for given in ({"labels": 3}, {"labels": 6, "edges": True}):
        with pytest.raises(ZooError, match=r"do not add up to the 6 channels .* labels=6 with edges=False"):
            convert("pix2pixhd", files, **given)


def test_the_number_of_clusters_can_be_chosen(saved: Any) -> None:
    states = {"generator": authors_generator(6 + 3).state_dict(), "encoder": authors_encoder().state_dict()}
    model = convert("pix2pixhd", saved(**states), clusters=4)
    assert model.encoder.centres.shape == (5, 4, 3)


def without(state: State, *keys: str) -> State:
    return {key: tensor for key, tensor in state.items() if key not in keys}


def test_generators_that_do_not_fit(saved: Any, train: Golden) -> None:
    state = authors_generator(6, enhancers=1).state_dict()
    for changed, message in (
        (train.state("D"), r"generator is not in the authors' layout: it has no convolution model\.1\.weight\."),
        (authors_encoder().state_dict(), "it has no residual blocks"),
        (
            {**state, "extra.weight": torch.zeros(1)},
            r"generator is not in the authors' layout: it has extra\.weight\.",
        ),
        ({**state, "model.3.weight": torch.zeros(1)}, "generator is not in the authors' layout: it has "),
        ({**state, "model.4.gain": torch.zeros(1)}, r"unknown generator\.trunk\.3\.gain"),
        ({**state, "model.1.weight": torch.zeros(())}, r"it has no convolution model\.1\.weight"),
        ({**state, "model.1.weight": state["model.1.weight"][:, :1]}, "1 channels are too few"),
        (without(state, "model.4.bias"), r"missing generator\.trunk\.3\.bias"),
        (without(state, "model.4.weight"), "generator is not in the authors' layout: it has "),
        (without(state, "model1_2.5.weight"), r"missing generator\.head\.weight"),
        ({**state, "model.4.bias": torch.zeros(3)}, r"misshapen generator\.trunk\.3\.bias \(3 in place of 8\)"),
    ):
        with pytest.raises(ZooError, match=message):
            convert("pix2pixhd", saved(generator=changed))


def test_networks_that_are_not_of_one_model(saved: Any) -> None:
    generator, encoder = authors_generator(10).state_dict(), authors_encoder().state_dict()
    discriminator = authors_discriminator(12)
    layers = authors_discriminator(12, featured=False)
    for states, message in (
        ({"encoder": encoder}, "The generator's file is needed"),
        ({"encoder": generator}, r"encoder is not in the authors' layout: it has no convolution model\.28\.weight"),
        ({"encoder": {**encoder, "model.28.weight": torch.zeros(1)}}, r"not in .*: it has model\.28\.weight\."),
        ({"encoder": without(encoder, "model.29.weight")}, "encoder is not in the authors' layout"),
        ({"encoder": without(encoder, "model.25.bias")}, r"missing encoder\.body\.24\.bias"),
        ({"encoder": {**encoder, "bias": torch.zeros(1)}}, r"encoder is not in the authors' layout: it has bias\."),
        ({"encoder": authors_encoder(9).state_dict()}, "10 channels are too few for labels, edges and 9 features"),
        ({"discriminator": generator}, r"discriminator is not in the authors' layout: it has model\.1\.weight, "),
        ({"discriminator": {**discriminator, "scale0_layer5.0.bias": torch.zeros(1)}}, r"scale0_layer5\.0\.bias"),
        ({"discriminator": {**layers, "layer0.3.weight": torch.zeros(1)}}, r"it has layer0\.3\.weight"),
        ({"discriminator": without(discriminator, "scale1_layer0.0.weight")}, "it has no convolution scale1_layer0"),
        ({"discriminator": without(discriminator, "scale0_layer3.0.bias")}, r"missing discriminator\.scales\.1\.conv"),
        ({"discriminator": discriminator}, r"misshapen discriminator\.scales\.1\.convolutions\.0\.weight"),
    ):
        files = saved(**({} if "generator's file" in message else {"generator": generator}), **states)
        with pytest.raises(ZooError, match=message):
            convert("pix2pixhd", files)


def test_what_the_tensors_do_not_show_is_said_or_asked_for(
    saved: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(saved(generator=authors_generator(35).state_dict())["generator"])
    command = ["convert", "pix2pixhd", file, "-o", str(tmp_path / "model")]
    assert main(command) == 0
    assert "the tensors do not show labels=34, edges=True; this is assumed" in capsys.readouterr().err
    assert load(tmp_path / "model").hparams.labels == 34
    assert main([*command, "--hparam", "labels=35", "--hparam=edges=false"]) == 0
    assert capsys.readouterr().err == ""
    assert load(tmp_path / "model").hparams.labels == 35
    for hparam, message in (
        ("labels", "--hparam labels: give it as NAME=VALUE"),
        ("labels=many", "Pix2PixHD cannot have labels='many'"),
        ("label=3", "Pix2PixHD has no hyper-parameter 'label'"),
        ("labels=9", "labels"),
    ):
        assert main([*command, "--hparam", hparam]) == 1
        assert message in capsys.readouterr().err
    colours = saved(generator=authors_generator(3).state_dict())["generator"]
    with pytest.raises(ZooError, match=r"reads three channels: pictures .* give their number \(--hparam labels=2\)"):
        convert("pix2pixhd", colours)
    assert convert("pix2pixhd", colours, labels=2).hparams.edges
