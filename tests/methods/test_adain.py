from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

import i2i_zoo
from golden.fill import Golden
from i2i_zoo import hub
from i2i_zoo.convert import adain as convert
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.perceptual import PerceptualLoss
from i2i_zoo.losses.style import statistics_loss
from i2i_zoo.media.colours import match_colours
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.methods.adain import AdaIN
from i2i_zoo.methods.base import Method
from i2i_zoo.networks.adain import StyleDecoder, StyleEncoder, masked_statistics
from i2i_zoo.networks.initialization import init_kaiming
from i2i_zoo.networks.normalization import adain, channel_statistics
from i2i_zoo.tasks.style import StyleTranslator
from methods.authors import Places, Steps, authors_model, check_steps
from methods.base import MethodTester, fit

#: The authors' names of networks to ours.
NETWORKS = {"vgg": "encoder", "decoder": "decoder"}


class TestAdaIN(MethodTester):
    method = AdaIN
    narrow: ClassVar = {"width": 4}
    tiny = narrow

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """With an encoder that looks trained, which the recipes and their comments begin with."""
        i2i_zoo.save(init_kaiming(AdaIN(**hparams)), folder / "start")
        return {"data.size": 64, "init_from": folder / "start"}

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        random = torch.Generator().manual_seed(1)
        content, style = (torch.rand(batch_size, 3, *size, generator=random) * 2 - 1 for _ in range(2))
        return {"content": content, "style": style, "name": ["a", "b", "c", "d"][:batch_size]}

    def build(self) -> AdaIN:
        model = super().build()
        assert isinstance(model, AdaIN)
        init_kaiming(model)  # in place of a checkpoint
        return model

    def test_every_trained_parameter_moves(self, model: Method) -> None:
        """The decoder's, and none of the encoder's."""
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        fit(model, self.batch(self.size), steps=2)
        moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
        assert moved == {name for name in before if name.startswith("decoder.")}

    @pytest.mark.parametrize("size", [(64, 64), (64, 128), (50, 70), (9, 17), (1, 1)])
    def test_translate_keeps_the_size(self, model: Any, size: tuple[int, int]) -> None:
        model.eval()
        contents = self.batch(size)["content"]
        output = model.translate(contents, self.batch((20, 31))["style"][0])
        assert output.shape == contents.shape
        assert output.abs().max() <= 1
        assert torch.isfinite(output).all()
        picture = model.translate(to_pil(contents[0]), to_pil(contents[1]))
        assert picture.size == size[::-1]

    def test_neighbours_in_the_batch_do_not_matter(self, model: Any) -> None:
        model.eval()
        batch = self.batch(self.size)
        together = model.translate(batch["content"], batch["style"][1])
        alone = model.translate(batch["content"][0], batch["style"][1])
        torch.testing.assert_close(together[0], alone, rtol=0, atol=1e-5)

    def test_a_validation_step_gives_the_losses(self, model: Any) -> None:
        model.eval()
        batch = self.batch((30, 44))
        with torch.inference_mode():
            outputs = model.validation_step(batch, 0)
            expected = model.translate(batch["content"][0], batch["style"][0])
            torch.testing.assert_close(outputs["output"][0], expected, rtol=0, atol=1e-5)
            found = model.style_distances(*(outputs[key] for key in ("content", "style", "output")))
        assert {key: float(outputs[key]) for key in found} == {key: float(value) for key, value in found.items()}
        assert len(model.panels(outputs)) == 3


@pytest.fixture(scope="module")
def authors() -> AdaIN:
    golden = Golden("adain_forward")
    return authors_model(AdaIN, convert.read, {ours: golden.state(theirs) for theirs, ours in NETWORKS.items()}).eval()


def signed(picture: Tensor) -> Tensor:
    """The authors' pictures, in [0, 1], as ours."""
    return picture * 2 - 1


def unit(picture: Tensor) -> Tensor:
    return (picture + 1) / 2


@torch.inference_mode()
def test_the_networks_are_the_authors(authors: AdaIN) -> None:
    golden = Golden("adain_forward")
    content, style = signed(golden.input("content")), signed(golden.input("style"))
    maps = authors.encoder.maps(content)
    assert golden.check_tensors("features", maps)[0]
    assert golden.check("content_relu4_1", maps[-1][..., ::2, ::2])[0]
    mean, std = channel_statistics(authors.encoder(style))
    assert golden.check("style_mean", mean)[0]
    assert golden.check("style_std", std)[0]
    assert golden.check("t", adain(maps[-1], mean, std)[..., ::2, ::2])[0]
    assert golden.check("out_alpha100", unit(authors(content, style)))[0]


@torch.inference_mode()
def test_alpha_mixtures_and_colours_are_the_authors(authors: AdaIN) -> None:
    golden = Golden("adain_forward")
    content, style = signed(golden.input("content")), signed(golden.input("style"))
    # Not `translate`, which clips what the filled weights make.
    assert golden.check("out_alpha100", unit(authors.translator(style=style[0])(content)))[0]
    assert golden.check("out_alpha50", unit(authors.translator(style=style[0], alpha=0.5)(content)))[0]
    mixed = authors.translator(style=list(signed(golden.input("styles4"))), weights=[4, 3, 2, 1])(content)
    assert golden.check("out_mix", unit(mixed)[..., ::2, ::2])[0]
    matched = match_colours(signed(golden.input("coral_source")), signed(golden.input("coral_target")))
    assert golden.check("coral", unit(matched))[0]


def test_two_steps_are_the_authors() -> None:
    golden = Golden("adain_train")
    states = {ours: golden.state(theirs) for theirs, ours in NETWORKS.items()}
    model = authors_model(AdaIN, convert.read, states)
    batch = {key: signed(golden.input(key)) for key in ("content", "style")}
    content, style = batch.values()
    with torch.inference_mode():
        features = model.encoder(content)
        target = torch.lerp(features, adain(features, *channel_statistics(model.encoder(style))), 0.5)
        found, wanted = model.encoder.maps(model.decoder(target)), model.encoder.maps(style)
    steps = Steps(("decoder/content", "decoder/style"))
    fit(model, batch, steps=2, callbacks=[steps])
    weighted = [[c, s / 10] for c, s in steps.losses]
    before = [float(F.mse_loss(found[-1], target)), float(statistics_loss(found, wanted))]
    steps.losses = [before, *weighted]
    check_steps(golden, Places(convert.read, states), steps, {"decoder": "decoder"})
    rates = [[1e-4 * model.lr_factor("decoder", iteration)] for iteration in (0, 1, 1000, 10000, 159999)]
    assert golden.check("lr", np.array(rates))[0]


@pytest.fixture
def model() -> AdaIN:
    return TestAdaIN().build().eval()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_weights_and_masks_choose_styles(model: AdaIN) -> None:
    content, one, other = noise(3, 64, 64), noise(3, 40, 40, seed=1), noise(3, 40, 40, seed=2) * 0.1
    alone = model.translate(content, one)
    torch.testing.assert_close(model.translate(content, [one, other], weights=[3, 0]), alone)
    assert (model.translate(content, [one, other]) - alone).abs().mean() > 1e-3
    whole, none = np.ones((64, 64), np.uint8) * 255, np.zeros((64, 64), np.uint8)
    torch.testing.assert_close(model.translate(content, [one, other], masks=[whole, none]), alone, atol=1e-4, rtol=0)
    torch.testing.assert_close(
        model.translate(content, one, masks=[none]), model.translate(content, one, alpha=0.0), atol=1e-4, rtol=0
    )
    content, left = noise(3, 64, 192), np.zeros((64, 192), bool)
    left[:, :96] = True
    halves = model.translate(content, [one, other], masks=[left, ~left])
    third = noise(3, 40, 40, seed=3)
    changed = model.translate(content, [one, third], masks=[torch.from_numpy(left), Image.fromarray(~left)])
    # Left of where the decoder's pixels still see the other half.
    torch.testing.assert_close(halves[..., :40], changed[..., :40], atol=1e-5, rtol=0)
    assert (halves - changed)[..., 96:].abs().mean() > 1e-3


def test_masked_statistics_are_those_of_the_pixels() -> None:
    features = noise(2, 5, 8, 8)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :3, 2:] = 1
    for found, expected in zip(
        masked_statistics(features, mask), channel_statistics(features[..., :3, 2:]), strict=True
    ):
        torch.testing.assert_close(found, expected)
    for found in masked_statistics(features, mask * 0):
        assert torch.isfinite(found).all()


def test_preserved_colours_are_the_contents(model: AdaIN) -> None:
    content = noise(3, 48, 48)
    content[0] = content[0] * 0.2 + 0.7
    style = noise(3, 30, 40, seed=1)
    recoloured = match_colours(style, content)[None]  # which goes a little beyond [-1, 1]
    expected = StyleTranslator(model, [recoloured], 1.0, [1.0]).translate(content)
    torch.testing.assert_close(model.translate(content, style, preserve_colour=True), expected, atol=1e-5, rtol=0)
    both = torch.stack([content, noise(3, 48, 48, seed=4)])
    torch.testing.assert_close(model.translate(both, style, preserve_colour=True)[0], expected, atol=5e-5, rtol=0)
    grey = torch.zeros(3, 48, 48)  # has no deviation to match
    assert torch.isfinite(model.translate(grey, style, preserve_colour=True)).all()


def test_styles_are_encoded_once_and_scaled(model: AdaIN) -> None:
    calls: list[torch.Size] = []
    model.encoder.register_forward_hook(lambda layer, inputs, output: calls.append(inputs[0].shape))
    contents = [noise(3, 40, 40), noise(3, 32, 56), noise(3, 40, 40, seed=2)]
    model.translate(contents, [noise(3, 600, 900), noise(3, 80, 20)])
    assert sorted(calls[:2]) == [(1, 3, 80, 20), (1, 3, 512, 768)]
    assert sorted(calls[2:]) == [(1, 3, 32, 56), (2, 3, 40, 40)]
    calls.clear()
    model.translate(contents[0], noise(3, 600, 900), style_size=None)
    assert calls[0] == (1, 3, 600, 900)


def test_frames_have_a_steady_style(model: AdaIN) -> None:
    content, style = noise(3, 40, 40), noise(3, 40, 40, seed=1)
    frames = [content, content * 0.5, content * 0.5]
    loose = list(model.translate_frames(iter(frames), style, inertia=0.0))
    torch.testing.assert_close(loose, [model.translate(frame, style) for frame in frames])
    steady = list(model.translate_frames(frames, style, inertia=0.9))
    torch.testing.assert_close(steady[0], loose[0])
    # The second frame is normalised by statistics nine tenths of which are the first one's.
    features = model.encoder(torch.stack(frames[:2]))
    (mean, std), (style_mean, style_std) = channel_statistics(features), channel_statistics(model.encoder(style[None]))
    mean, std = (0.9 * part[0] + 0.1 * part[1] for part in (mean, std))
    expected = model.decoder((features[1:] - mean) / std * style_std + style_mean).clamp(-1, 1)
    torch.testing.assert_close(steady[1], expected[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 1.5}, "alpha=1.5: give a number from 0"),
        ({"alpha": float("nan")}, "alpha=nan"),
        ({"style": []}, "style=.*: give a picture, or a list of pictures"),
        ({"weights": [0.5, 0.5]}, "1 styles and 2 weights were given"),
        ({"weights": [-1.0]}, "weights=.*: give a list, each at least 0"),
        ({"weights": [float("nan")]}, "weights=.*: give a list, each at least 0"),
        ({"masks": []}, "masks=.*: give a picture, or a list"),
        ({"masks": [np.zeros((4, 4))], "weights": [1.0]}, "Both weights and masks were given"),
        ({"style": "nowhere.png"}, "nowhere.png"),
        ({"masks": ["nowhere.png"]}, "nowhere.png"),
        ({"size": 0}, "size=0"),
    ],
)
def test_bad_options_are_told(model: AdaIN, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        model.translate(noise(3, 32, 32), **{"style": noise(3, 32, 32), **options})


def test_only_the_style_may_come_without_its_name(model: AdaIN) -> None:
    content, style = noise(3, 32, 32), noise(3, 32, 32, seed=1)
    assert torch.equal(model.translate(content, style), model.translate(content, style=style))
    with pytest.raises(ZooError, match="2 conditions were passed without their names: name them, all but style"):
        model.translate(content, style, 0.5)


def test_frames_with_bad_inertia_are_told(model: AdaIN) -> None:
    with pytest.raises(ZooError, match="inertia=1"):
        model.translate_frames([], noise(3, 32, 32), inertia=1)


def test_training_needs_a_trained_encoder(tmp_path: Path) -> None:
    untrained = AdaIN(width=4)
    with pytest.raises(ZooError, match="start with --init_from adain"):
        fit(untrained, TestAdaIN().batch((32, 32)))
    trained = TestAdaIN().build()
    i2i_zoo.save(trained, tmp_path / "trained")
    hub.init_from(untrained, tmp_path / "trained")
    assert all(torch.equal(a, b) for a, b in zip(untrained.parameters(), trained.parameters(), strict=True))


def test_a_new_decoder_for_a_checkpoints_encoder(tmp_path: Path) -> None:
    trained = TestAdaIN().build()
    i2i_zoo.save(trained, tmp_path / "trained")
    model = AdaIN(width=4, new_decoder=True)
    decoder = {name: tensor.clone() for name, tensor in model.decoder.state_dict().items()}
    hub.init_from(model, tmp_path / "trained")
    assert all(torch.equal(decoder[name], tensor) for name, tensor in model.decoder.state_dict().items())
    assert torch.equal(model.encoder.layers[29].weight, trained.encoder.layers[29].weight)


def test_small_networks_have_the_form_of_large_ones() -> None:
    with torch.device("meta"):
        parts = StyleEncoder(64), StyleDecoder(64), StyleEncoder(32), StyleDecoder(32)
    counts = [sum(p.numel() for p in part.parameters()) for part in parts]
    assert counts[:2] == [3_505_740, 3_505_219]  # VGG-19 to relu4_1, and what mirrors it
    assert [p.shape[2:] for p in parts[0].parameters()] == [p.shape[2:] for p in parts[2].parameters()]


@pytest.mark.usefixtures("hed")
def test_the_losses_of_a_perceptual_network() -> None:
    """The decoder learns, validation measures with the same network, and training goes on after it."""
    model = init_kaiming(AdaIN(width=4, perceptual="vgg16_hed"))
    random = torch.Generator().manual_seed(1)
    content, style, output = (torch.rand(1, 3, 32, 32, generator=random) * 2 - 1 for _ in range(3))
    with torch.inference_mode():
        before = model.style_distances(content, style, output)
    network = PerceptualLoss("vgg16_hed")
    wanted, found = network.maps(style), network.maps(output)
    assert len(wanted) == 4
    target = adain(network.maps(content)[-1], *channel_statistics(wanted[-1]))
    torch.testing.assert_close(before["content_loss"], F.mse_loss(found[-1], target))
    torch.testing.assert_close(before["style_loss"], statistics_loss(found, wanted))
    weights = model.decoder.layers[1].weight.detach().clone()
    fit(model, {"content": content, "style": style, "name": ["a"]}, steps=1)
    assert not torch.equal(weights, model.decoder.layers[1].weight)
    assert not any("features" in name for name in model.state_dict())


def test_the_identity_loss_makes_a_content_decode_to_itself() -> None:
    random = torch.Generator().manual_seed(0)
    batch = {"content": torch.rand(1, 3, 16, 16, generator=random) * 2 - 1, "name": ["a"]}
    batch["style"] = batch["content"].flip(1)
    errors = []
    for weight in (0.0, 1000.0):
        torch.manual_seed(0)
        model = init_kaiming(AdaIN(width=4, lambda_style=0.0, lambda_identity=weight, lr=3e-3))
        before = F.mse_loss(model.decoder(model.encoder(batch["content"])), batch["content"])
        fit(model, batch, steps=30)
        after = F.mse_loss(model.decoder(model.encoder(batch["content"])), batch["content"])
        errors.append(after / before)
    assert errors[1] < 0.7 * errors[0]
