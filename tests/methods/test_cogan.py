"""CoGAN against its authors' numbers, and the inversion by which it translates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

import i2i_zoo
from golden.fill import make_input
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.methods.cogan import CoGAN
from methods.authors import Options, Places, Seeds, State, Steps, authors_model
from methods.base import UnpairedTester, fit

NARROW: dict[str, Any] = {"width": 2, "discriminator_width": 2, "latent": 5}
TINY = NARROW | {"in_channels": 1, "out_channels": 1, "inversion_starts": 4, "inversion_steps": 3}


class OneSize(UnpairedTester):
    """A tester for models that make pictures of one size alone."""

    @pytest.mark.parametrize("size", [(28, 28), (50, 70), (1, 1)])
    def test_translate_keeps_the_size(self, model: Any, size: tuple[int, int]) -> None:
        model.eval()
        for direction, source in self.sources(model, size).items():
            pictures = [to_pil(picture) for picture in source]
            translations = model.translate(pictures, direction=direction)
            assert [t.size for t in translations] == [size[::-1]] * 2
            assert {len(t.getbands()) for t in translations} == {model.channels(direction)[1]}
            output = model.translate(self.sources(model, self.size)[direction], direction=direction)
            assert output.shape == (2, model.channels(direction)[1], *self.size)
            assert output.abs().max() <= 1

    def test_another_size_is_told(self, model: Any) -> None:
        height, width = self.size
        with pytest.raises(ZooError, match=f"only makes pictures of {width}x{height} pixels, not 20x10: use that"):
            model.translate(torch.zeros(model.hparams.in_channels, 10, 20))
        with pytest.raises(ZooError, match=f"{width}x{height} pixels, not 64x64"):
            model.translate(Image.new("L", (30, 40)), size=64)
        with pytest.raises(ZooError, match=f"{width}x{height} pixels, not 64x48"):
            fit(model, self.batch((48, 64)))


class TestCoGAN(OneSize):
    method = CoGAN
    narrow = NARROW
    tiny = TINY
    size = (28, 28)

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        return {"data.size": hparams["size"]}  # the only size that its networks make


class TestPictures(OneSize):
    method = CoGAN
    tiny: ClassVar = TINY | {"networks": "pictures", "size": 32, "in_channels": 3, "out_channels": 1}
    size = (32, 32)


#: The authors' layers to ours.
LAYERS = {
    "generator": {
        **{f"{kind}{n}": f"shared.{n}.{i}" for n in range(4) for i, kind in enumerate(("dconv", "bn", "prelu"))},
        **{"dconv4_a": "own.a.0", "dconv4_b": "own.b.0"},
    },
    "discriminator": {
        **{"conv0_a": "own.a.0.0", "conv0_b": "own.b.0.0", "conv1": "shared.0.0"},
        **{"conv2": "shared.1.0", "prelu2": "shared.1.1", "conv3": "shared.2.0"},
    },
}

#: The authors' letters of networks to our names.
NETWORKS = {"G": "generator", "D": "discriminator"}


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """No hyper-parameters, and the tensors of the authors' networks for digits."""
    split = [
        (network, *key.rpartition("."), tensor) for network, state in states.items() for key, tensor in state.items()
    ]
    return {}, {f"{network}.{LAYERS[network][layer]}.{leaf}": tensor for network, layer, _, leaf, tensor in split}


@pytest.fixture
def authors() -> tuple[Options, dict[str, State], Any]:
    options = Options("cogan", "digits")
    states = {name: options.state(letter) for letter, name in NETWORKS.items()}
    return options, states, authors_model(CoGAN, read, states)


def test_the_authors_pairs_and_verdicts(authors: Any) -> None:
    options, _, model = authors
    code = make_input("digits/z", [4, 100, 1, 1], "noise").flatten(1)
    with torch.no_grad():
        logits = model.discriminator(options.input("a", "image", 1), options.input("b", "image", 1))
        for mode in ("eval", "train"):
            for domain, picture in zip("ab", model.train(mode == "train").generator(code), strict=True):
                np.testing.assert_allclose((picture + 1) / 2, options.stored[f"{mode}/{domain}"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(logits, options.stored["logits"], rtol=0, atol=1e-5)


def test_two_steps_are_the_authors(authors: Any) -> None:
    options, states, model = authors
    before = {k: v.clone() for k, v in model.state_dict().items()}
    steps = Steps(("discriminator/real", "discriminator/fake", "generator/adversarial"))
    batch = {domain: options.input(domain, "image", 1) for domain in "ab"}
    fit(model, batch, steps=2, callbacks=[Seeds(), steps])
    places = Places(read, states)
    options.check(places, steps, before, NETWORKS)
    for row, stored in zip(options.info["rows"]["running"], options.stored["running2"], strict=True):
        found = places.tensor("generator", row, steps.states[1]).double().square().mean().sqrt()
        assert float(found) == pytest.approx(stored, rel=1e-4), row


def test_sizes_of_the_authors_networks() -> None:
    with torch.device("meta"):
        model = CoGAN()
        model.configure_model()
    assert sum(p.numel() for p in model.generator.parameters()) == 7_842_694
    assert sum(p.numel() for p in model.discriminator.parameters()) == 427_593


@pytest.mark.parametrize(("networks", "size"), [("digits", 32), ("pictures", 28), ("pictures", 48), ("pictures", 256)])
def test_sizes_without_networks_are_told(networks: Any, size: int) -> None:
    with pytest.raises(ZooError, match=f"size={size}: the networks for {networks} are of size"):
        CoGAN(networks=networks, size=size)


@pytest.fixture
def model() -> CoGAN:
    torch.manual_seed(0)
    return CoGAN(**TINY | {"width": 8, "inversion_starts": 64, "inversion_steps": 200}).eval()


@pytest.mark.parametrize("way", ["ab", "ba"])
def test_a_generated_picture_is_translated_to_its_partner(model: Any, way: Any) -> None:
    pair = dict(zip("ab", model.sample(4, seed=1), strict=True))
    source, target = (pair[domain] for domain in way)
    code = model.invert(source, way[0])
    with torch.no_grad():
        (again,) = model.generator(code, way[0])
    assert (again - source).square().mean() < 1e-3 * source.var()
    assert (model.translate(source, direction=way) - target).square().mean() < 1e-2 * target.var()


def test_a_seed_decides_the_search(model: Any) -> None:
    model.hparams.inversion_steps = 3
    source = torch.rand(2, 1, 28, 28) * 2 - 1
    one, again, other = (model.translate(source, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(model.sample(3, seed=4)[1], model.sample(3, seed=4)[1])
    assert not torch.equal(model.sample(3, seed=4)[1], model.sample(3, seed=5)[1])


def test_the_search_leaves_the_weights_alone(model: Any) -> None:
    model.hparams.inversion_steps = 3
    state = {k: v.clone() for k, v in model.state_dict().items()}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    model.translate(torch.zeros(1, 28, 28))
    assert all(p.requires_grad and (p.grad == 1).all() for p in model.parameters())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[name]), name


def test_the_search_works_in_inference_mode(model: Any, tmp_path: Any) -> None:
    model.hparams.inversion_steps = 3
    batch = TestCoGAN().batch((28, 28))
    expected = {way: model.translate(batch[way[0]], direction=way) for way in model.directions}
    options = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = L.Trainer(accelerator="cpu", default_root_dir=tmp_path, **options)
    loader = DataLoader([0], collate_fn=lambda _: batch)
    (predicted,) = trainer.predict(model, loader)
    trainer.test(model, loader, verbose=False)
    i2i_zoo.save(model, tmp_path / "saved")
    with torch.inference_mode():  # so that the weights cannot take part in gradients
        loaded = i2i_zoo.load(tmp_path / "saved")
    for way, translation in expected.items():
        torch.testing.assert_close(predicted[way], translation)
        torch.testing.assert_close(loaded.translate(batch[way[0]], direction=way), translation)


def test_pairs_are_sampled_on_the_command_line(tmp_path: Any, capsys: Any) -> None:
    torch.manual_seed(0)
    i2i_zoo.save(CoGAN(**TINY), tmp_path / "cogan")
    assert main(["sample", str(tmp_path / "cogan"), "-n", "2", "-o", str(tmp_path / "out")]) == 0
    pair = Image.open(tmp_path / "out" / "0-0001.png")
    assert pair.size == (56, 28)
    pictures = i2i_zoo.load(tmp_path / "cogan").sampler().make([1], 0)
    assert np.array_equal(np.asarray(pair), np.asarray(to_pil(pictures[0])))
    assert main(["sample", str(tmp_path / "cogan"), "--direction", "ba", "-o", str(tmp_path / "other")]) == 1
    assert "This CoGAN takes no direction" in capsys.readouterr().err


def test_memory_of_many_pictures_is_told_before_it_is_spent(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model.hparams.inversion_steps = 3
    monkeypatch.setattr("i2i_zoo.media.memory.free_bytes", lambda device: 1000)
    with pytest.raises(ZooError, match="1400 pictures: the network at 28x28 pixels would take"):
        model.translate(torch.zeros(1400, 1, 28, 28))


def test_more_pairs_than_memory_holds_are_refused() -> None:
    with pytest.raises(ZooError, match="Making 1000000000000 pairs at once takes more memory than is free; make fewer"):
        CoGAN(**TINY).sample(10**12)
