"""pix2pix against its authors' numbers, and its options."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from golden.fill import Golden, dropout_mask, fill_network, make_input
from i2i_zoo.convert import pix2pix as convert
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.pix2pix import Pix2Pix
from i2i_zoo.networks.discriminators import PatchDiscriminator
from i2i_zoo.networks.normalization import BatchNorm2d
from methods.base import InstanceNormTester, PairedTester, fit

NARROW: dict[str, Any] = {"width": 4, "discriminator_width": 4}
TINY = NARROW | {"generator": "unet_64", "receptive_field": 34}


class TestPix2Pix(PairedTester):
    method = Pix2Pix
    narrow = NARROW
    tiny = TINY

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """The size that the generator halves down to a pixel, or that the widest discriminator needs."""
        smallest = {"unet_64": 64, "unet_128": 128, "resnet_6": 64, "resnet_9": 64}
        size = smallest.get(hparams["generator"], 256)
        return {"data.size": 256 if hparams["receptive_field"] > 70 else size}


class TestResidual(InstanceNormTester, PairedTester):
    method = Pix2Pix
    tiny: ClassVar = TINY | {"generator": "resnet_6", "norm": "instance", "receptive_field": 16}


def our_names(states: dict[str, dict[str, torch.Tensor]]) -> dict[str, dict[str, str]]:
    """For each network, the authors' names to ours: the converter renames tensors and leaves them what they are."""
    _, tensors = convert.read(states)
    ours = {id(tensor): name for name, tensor in tensors.items()}
    return {network: {k: ours[id(v)] for k, v in state.items()} for network, state in states.items()}


class Steps(L.Callback):
    """The authors' four losses of every step, the first gradients, and the state after each step."""

    def __init__(self) -> None:
        self.losses: list[list[float]] = []
        self.gradients: dict[str, torch.Tensor] = {}
        self.states: list[dict[str, torch.Tensor]] = []

    def on_before_optimizer_step(self, trainer: L.Trainer, module: Any, optimizer: torch.optim.Optimizer) -> None:
        owned = {id(p) for group in optimizer.param_groups for p in group["params"]}
        for name, parameter in module.named_parameters():
            if id(parameter) in owned and parameter.grad is not None:
                self.gradients.setdefault(name, parameter.grad.clone())

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        metrics = trainer.callback_metrics
        # The authors log the discriminator's losses before they halve their sum.
        fake, real = 2 * metrics["train/discriminator/fake"], 2 * metrics["train/discriminator/real"]
        generator = metrics["train/generator/adversarial"], metrics["train/generator/l1"]
        self.losses.append([float(loss) for loss in (fake, real, *generator)])
        self.states.append({k: v.clone() for k, v in module.state_dict().items()})


def authors_model(states: dict[str, dict[str, torch.Tensor]], **overrides: Any) -> Pix2Pix:
    hparams, tensors = convert.read(states)
    with torch.device("meta"):
        model = Pix2Pix(**{**hparams, "dropout": False, **overrides})
        model.configure_model()
    model.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()}, assign=True)
    return model.to("cpu")


@pytest.fixture(scope="module")
def unet_256() -> dict[str, torch.Tensor]:
    return Golden("pix2pix_unet256_testmode").state("G")


def test_unet_256_gives_the_authors_outputs(unet_256: dict[str, torch.Tensor]) -> None:
    golden = Golden("pix2pix_unet256_testmode")
    model = authors_model({"generator": unet_256}, lambda_adversarial=0).eval()
    assert sum(p.numel() for p in model.generator.parameters()) == golden.info["networks"]["G"]["parameters"]
    ok, ratio, difference = golden.check("out_bn", model.translate(golden.input("A"))[..., ::2, ::2])
    assert ok, (ratio, difference)


def test_train_mode_keeps_the_authors_running_statistics(unet_256: dict[str, torch.Tensor]) -> None:
    golden = Golden("pix2pix_unet256_testmode")
    states = {"generator": unet_256}
    model = authors_model(states, lambda_adversarial=0).train()
    with torch.no_grad():
        model(golden.input("A"))
    names, state = our_names(states)["generator"], model.state_dict()
    rows = [state[names[row]] for row in golden.info["stored"]["stats_after"]["rows"]]
    ok, ratio, difference = golden.check_tensors("stats_after", rows)
    assert ok, (ratio, difference)


def test_dropout_at_inference_is_the_authors(
    unet_256: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = Golden("pix2pix_unet256_testmode")
    model = authors_model({"generator": unet_256}, dropout=True, inference_dropout=True, lambda_adversarial=0).eval()
    calls = itertools.count()
    monkeypatch.setattr(nn.Dropout, "forward", lambda layer, x: x * dropout_mask(next(calls), x.shape))
    ok, ratio, difference = golden.check("out_dropout", model(golden.input("A"))[..., ::2, ::2])
    assert ok, (ratio, difference)
    assert next(calls) == 3


def test_dropout_at_inference_is_a_choice() -> None:
    torch.manual_seed(0)
    source = torch.rand(1, 3, 64, 64) * 2 - 1
    without = Pix2Pix(**TINY).eval()
    assert torch.equal(without(source), without(source))
    with_dropout = Pix2Pix(**TINY, inference_dropout=True).eval()
    assert not torch.equal(with_dropout(source), with_dropout(source))


@pytest.mark.parametrize("name", ["basic", "n1", "n5", "pixel", "basic_instance", "pixel_instance"])
def test_discriminators_give_the_authors_outputs(name: str) -> None:
    golden = Golden("pix2pix_patchgan")
    _, norm, found, tensors = convert.read_discriminator(golden.state(name), "discriminator")
    discriminator = PatchDiscriminator(6, found["discriminator_width"], found["receptive_field"], norm)
    discriminator.load_state_dict({k.removeprefix("discriminator."): v for k, v in tensors.items()})
    pair = torch.cat([golden.input("A"), golden.input("B")], 1)
    for layer in discriminator.modules():  # these were stored with running statistics
        if isinstance(layer, BatchNorm2d):
            layer.inference = "running"
    with torch.no_grad():
        logits = discriminator.eval()(pair)
        ok, ratio, _ = golden.check(f"out_{name}", logits[..., ::2, ::2] if "pixel" in name else logits)
        assert ok, ratio
        if name == "basic":
            ok, ratio, _ = golden.check("outt_basic", discriminator.train()(pair))
            assert ok, ratio


def test_three_steps_are_the_authors() -> None:
    golden = Golden("pix2pix_train")
    states = {"generator": golden.state("G"), "discriminator": golden.state("D")}
    names, model, steps = our_names(states), authors_model(states), Steps()
    fit(model, {"source": golden.input("A"), "target": golden.input("B")}, steps=3, callbacks=[steps])
    ok, ratio, _ = golden.check("losses", np.array(steps.losses))
    assert ok, ratio
    for letter, network in (("G", "generator"), ("D", "discriminator")):
        ours, stored = names[network], golden.info["stored"]
        rows = [steps.gradients[ours[row]] for row in stored[f"grad1/{letter}"]["rows"]]
        ok, ratio, difference = golden.check_tensors(f"grad1/{letter}", rows)
        assert ok, (ratio, difference)
        for step, state in enumerate(steps.states, start=1):
            rows = [state[ours[row]] for row in stored[f"after{step}/{letter}"]["rows"]]
            ok, ratio, difference = golden.check_tensors(f"after{step}/{letter}", rows)
            assert ok, (step, ratio, difference)


FOLDER = Path(__file__).parent.parent / "golden"
OPTIONS = json.loads((FOLDER / "pix2pix_options.json").read_text())


@pytest.mark.parametrize("case", OPTIONS["cases"])
def test_three_steps_are_the_authors_with_other_options(case: str) -> None:
    info = OPTIONS["cases"][case]
    with np.load(FOLDER / "pix2pix_options.npz") as arrays:
        stored = {k.removeprefix(f"{case}/"): arrays[k] for k in arrays if k.startswith(f"{case}/")}
    states = {}
    for letter, network in (("G", "generator"), ("D", "discriminator")):
        filled = info["networks"][letter]
        shapes = {key: tuple(shape) for key, shape, _ in OPTIONS["states"][filled["state"]]}
        states[network] = fill_network(shapes, filled["prefix"], None, filled["gain"])
    batch = {x: make_input(i["name"], i["shape"], i["kind"]) for x, i in info["inputs"].items()}
    model = authors_model(states, adversarial=info["options"]["gan_mode"], lambda_gp=0)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with torch.no_grad():
        fake = model.train().generator(batch["A"])
        model.load_state_dict(before)  # the pass moved the running statistics
    np.testing.assert_allclose(fake[..., ::4, ::4].numpy(), stored["fake1"], rtol=0, atol=1e-5)

    names, steps = our_names(states), Steps()
    fit(model, {"source": batch["A"], "target": batch["B"]}, steps=3, callbacks=[steps])
    np.testing.assert_allclose(steps.losses, stored["losses"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(steps.losses[0], stored["losses"][0], rtol=1e-5, atol=1e-7)
    for letter, network in (("G", "generator"), ("D", "discriminator")):
        for i, row in enumerate(info["stored"][f"grad1/{letter}"]["rows"]):
            ours, gradients = names[network][row], stored[f"grad1/{letter}"]
            # A bias in front of a normalisation has no gradient but rounding noise, of which Adam makes whole steps.
            if gradients[i] > 1e-5 * gradients.max():
                rms = steps.gradients[ours].double().square().mean().sqrt()
                assert float(rms) == pytest.approx(gradients[i], rel=2e-3), row
                moved = (steps.states[2][ours] - before[ours]).double().square().mean().sqrt()
                assert float(moved) == pytest.approx(stored[f"update3/{letter}"][i], rel=2e-2), row


def test_the_schedule_is_the_authors() -> None:
    with torch.device("meta"):
        model = Pix2Pix()
    rates = [2e-4 * model.lr_factor("generator", epoch) for epoch in range(200)]
    np.testing.assert_allclose(rates, Golden("gan_losses")["lr"][:, 3], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("objective", "players", "losses"),
    [
        ({"lambda_adversarial": 0}, {"generator"}, {"generator/l1"}),
        ({"lambda_l1": 0}, {"discriminator", "generator"}, {"generator/adversarial"}),
        ({"lambda_l1": 0, "conditional": False}, {"discriminator", "generator"}, {"generator/adversarial"}),
        ({"conditional": False}, {"discriminator", "generator"}, {"generator/adversarial", "generator/l1"}),
    ],
    ids=["L1", "cGAN", "GAN", "L1+GAN"],
)
def test_the_papers_objectives(objective: dict[str, Any], players: set[str], losses: set[str]) -> None:
    model = Pix2Pix(**TINY, **objective)
    model.configure_model()
    assert set(model.players) == players
    assert hasattr(model, "discriminator") == ("discriminator" in players)
    if "discriminator" in players:
        channels = model.discriminator.body[0].in_channels
        assert channels == (6 if objective.get("conditional", True) else 3)
    logged = fit(model, TestPix2Pix().batch((64, 64))).losses[0]
    assert {k.removeprefix("train/") for k in logged if "/generator/" in k} == losses


@pytest.mark.parametrize("adversarial", ["vanilla", "lsgan", "hinge", "wgangp"])
@pytest.mark.parametrize("pool_size", [0, 2])
def test_every_adversarial_loss_trains(adversarial: str, pool_size: int) -> None:
    torch.manual_seed(0)
    model = Pix2Pix(**TINY, adversarial=adversarial, pool_size=pool_size)  # type: ignore[arg-type]
    model.configure_model()
    losses = fit(model, TestPix2Pix().batch((64, 64)), steps=3).losses
    assert ("train/discriminator/penalty" in losses[0]) == (adversarial == "wgangp")
    assert losses[-1]["train/generator/l1"] < losses[0]["train/generator/l1"]
    assert len(model.pool.images) == pool_size


@pytest.mark.parametrize(
    ("generator", "channels"), [("encoder_decoder", (3, 3)), ("unet_128", (1, 2)), ("resnet_6", (12, 5))]
)
def test_generators_of_any_channels(generator: str, channels: tuple[int, int]) -> None:
    model = Pix2Pix(*channels, generator=generator, width=2, lambda_adversarial=0).eval()  # type: ignore[arg-type]
    assert model.translate(torch.rand(channels[0], 70, 90) * 2 - 1).shape == (channels[1], 70, 90)


def test_encoder_decoder_is_a_unet_without_skips() -> None:
    with torch.device("meta"):
        model = Pix2Pix(generator="encoder_decoder")
    # Layer table of the authors' Torch code, convolutions before a batch norm without their bias.
    assert sum(p.numel() for p in model.generator.parameters()) == 39_075_459
    assert [up.dropout.p for up in model.generator.up if isinstance(up.dropout, nn.Dropout)] == [0.5] * 3
    assert isinstance(model.generator.up[7].dropout, nn.Dropout)


def test_translate_takes_what_people_have(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Pix2Pix(**TINY).eval()
    array = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    picture = Image.fromarray(array)
    picture.save(tmp_path / "scene.png")
    from_path = model.translate(tmp_path / "scene.png")
    assert isinstance(from_path, Image.Image)
    assert from_path.size == (70, 50)
    tensor = torch.from_numpy(array).permute(2, 0, 1) / 127.5 - 1
    many = model.translate([str(tmp_path / "scene.png"), picture, array, tensor, array[:40]])
    assert [np.asarray(p).tobytes() for p in many[:3]] == [np.asarray(from_path).tobytes()] * 3
    assert isinstance(many[3], torch.Tensor)
    assert many[4].size == (70, 40)
    assert model.translate(picture, size=64).size == (64, 64)
    assert model.translate(picture, size=(64, 128)).size == (128, 64)
    with pytest.raises(ZooError, match="4 channels, but the model takes 3"):
        model.translate(np.zeros((8, 8, 4), np.uint8))


def test_colourisation_keeps_the_lightness() -> None:
    torch.manual_seed(0)
    model = Pix2Pix(1, 2, **TINY).eval()
    model.preprocess = model.preprocess_type.from_json({"made_from": "lab"}, "test")
    photo = np.full((64, 64, 3), 90, np.uint8)
    grey = np.asarray(model.translate(photo).convert("L"), np.int16)
    assert grey.shape == (64, 64)
    with torch.no_grad():
        for parameter in model.generator.up[0].parameters():
            parameter.zero_()
    # Without colours the photograph's lightness comes back.
    assert np.abs(np.asarray(model.translate(photo), np.int16) - 90).max() <= 1


def test_a_model_of_one_size_works_at_it_and_scales_back() -> None:
    torch.manual_seed(0)
    model = Pix2Pix(**TINY).eval()
    model.preprocess = model.preprocess_type.from_json({"size": [64, 64]}, "test")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 150, 3), np.uint8))
    result = model.translate(picture)
    assert result.size == (150, 90)
    inside = model.translate(picture, size=64)
    assert inside.size == (64, 64)
    scaled = np.asarray(inside.resize((150, 90), Image.Resampling.BICUBIC), np.int16)
    assert np.abs(np.asarray(result, np.int16) - scaled).mean() < 1
    # A tensor is taken as it is.
    tensor = torch.rand(3, 64, 128) * 2 - 1
    torch.testing.assert_close(model.translate(tensor), model(tensor[None])[0])
