"""DVD-GAN: its losses and updates written out, and what may be chosen: class, truncation and length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import i2i_zoo
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import open_clip
from i2i_zoo.methods.dvdgan import DVDGAN, truncated
from i2i_zoo.networks.spectral import Spectral
from methods.base import Method, NoiseTester, fit

NARROW: dict[str, Any] = {"width": 1, "discriminator_width": 2, "latent": 6, "embedding": 3}
TINY = NARROW | {"size": 32, "frames": 4, "classes": 3, "judged_frames": 2}


class TestDVDGAN(NoiseTester):
    method = DVDGAN
    narrow = NARROW
    tiny = TINY
    updates = ("discriminator", "discriminator", "generator")

    def test_every_trained_parameter_moves(self, model: Method) -> None:
        # Biases may stay as they are: those of the last group are removed by the norm behind them, and in a hinge loss
        # the gradients of the last one for real and made clips cancel.
        before = {name: p.detach().clone() for name, p in model.named_parameters() if not name.endswith("bias")}
        fit(model, self.batch(self.size), steps=2)
        moved = dict(model.named_parameters())
        assert [name for name in before if torch.equal(moved[name], before[name])] == []

    def test_bf16(self, model: Method) -> None:
        # Scores are sums over pixels and frames of both signs, so they round more coarsely than a mean.
        full = fit(model, self.batch(self.size)).losses[0]
        mixed = fit(self.build(), self.batch(self.size), precision="bf16-mixed").losses[0]
        assert mixed.keys() == full.keys()
        assert mixed == pytest.approx(full, rel=0.05, abs=0.1)


class TestOneClass(TestDVDGAN):
    tiny: ClassVar = TINY | {"classes": 1, "channels": 1, "frames": 5, "judged_frames": 9, "discriminator_steps": 1}
    updates = ("discriminator", "generator")

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        whole = super().batch(size, batch_size)
        return {key: value for key, value in whole.items() if key != "action"}


def frames(clip: Any) -> np.ndarray:
    return np.stack([np.asarray(frame) for frame in clip])


class Watch(L.Callback):
    """The networks whose parameters each optimiser step changes, in the order of the steps."""

    def __init__(self, model: Method) -> None:
        self.before = self.parameters(model)
        self.changed: list[set[str]] = []

    def parameters(self, model: Any) -> dict[str, Tensor]:
        return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}

    def look(self, model: Any) -> None:
        now = self.parameters(model)
        self.changed.append({name.split(".")[0] for name in now if not torch.equal(now[name], self.before[name])})
        self.before = now

    def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Any) -> None:
        self.look(module)

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.look(module)


def test_each_update_changes_its_own_networks() -> None:
    model = TestDVDGAN().build()
    watch = Watch(model)
    fit(model, TestDVDGAN().batch((32, 32)), callbacks=[watch])
    judges = {"spatial_discriminator", "temporal_discriminator"}
    assert watch.changed == [set(), judges, judges, {"generator"}]


def test_learning_rates_are_the_papers() -> None:
    model = TestDVDGAN().build()
    fit(model, TestDVDGAN().batch((32, 32)))
    discriminator, generator = (group["lr"] for each in model.trainer.optimizers for group in each.param_groups)
    assert (discriminator, generator) == (5e-4, 1e-4)


class Scored(DVDGAN):
    """DVD-GAN with given scores of clips in place of its discriminators', real before made."""

    given: Tensor

    def scores(self, clips: Tensor, action: Tensor) -> Any:
        lengths = clips.flatten(1).mean(1) * 0
        yield "spatial", self.given[-len(clips) :] + lengths + self.spatial_discriminator.last.bias
        yield "temporal", 2 * self.given[-len(clips) :] + lengths + self.temporal_discriminator.last.bias


def test_losses_and_gradients_written_out() -> None:
    torch.manual_seed(0)
    model = Scored(**TINY | {"discriminator_steps": 1, "lr": 0.0, "discriminator_lr": 0.0})
    model.configure_model()
    model.given = torch.tensor([0.3, 2.0, -1.2, 0.4])  # of two real clips and of two made ones
    losses = fit(model, TestDVDGAN().batch((32, 32))).losses[0]
    real, fake = ([0.3, 2.0], [-1.2, 0.4])
    for name, factor in (("spatial", 1), ("temporal", 2)):
        expected_real = sum(max(0.0, 1 - factor * score) for score in real) / 2
        expected_fake = sum(max(0.0, 1 + factor * score) for score in fake) / 2
        assert losses[f"train/discriminator/{name}_real"] == pytest.approx(expected_real)
        assert losses[f"train/discriminator/{name}_fake"] == pytest.approx(expected_fake)
        assert losses[f"train/generator/{name}"] == pytest.approx(-factor * sum(fake) / 2)


def test_the_gradient_of_the_hinge_counts_what_is_within_the_margin() -> None:
    seen: list[float] = []

    class Gradients(L.Callback):
        def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Any) -> None:
            seen.extend(float(getattr(module, name).last.bias.grad) for name in module.discriminator_networks)

    torch.manual_seed(0)
    model = Scored(**TINY | {"discriminator_steps": 1})
    model.configure_model()
    model.given = torch.tensor([0.3, 2.0, -0.4, 0.4])
    fit(model, TestDVDGAN().batch((32, 32)), callbacks=[Gradients()])
    # Of the spatial scores, one real and both made ones are within the margin; of the temporal ones, twice as large,
    # one real and both made ones too.  Each moves the loss by a half.
    assert seen[:2] == pytest.approx([-0.5 + 1.0, -0.5 + 1.0])


def test_all_weights_have_spectral_norm_but_the_generators_embedding() -> None:
    model = TestDVDGAN().build()
    fit(model, TestDVDGAN().batch((32, 32)), steps=4)
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.Linear, nn.Embedding))
    }
    assert [name for name, layer in layers.items() if not isinstance(layer, Spectral)] == ["generator.classes"]
    for name, layer in layers.items():
        if isinstance(layer, Spectral):
            largest = torch.linalg.svdvals(layer.eval().normalized_weight().detach().flatten(1))[0]
            assert float(largest) == pytest.approx(1, abs=0.15), name


def test_frames_are_drawn_for_each_clip_without_repetition() -> None:
    model = TestDVDGAN().build()
    video = torch.arange(50 * 4).view(50, 4, 1, 1, 1).expand(-1, -1, 3, 4, 4).float()
    torch.manual_seed(0)
    chosen = model.some_frames(video)  # type: ignore[operator]
    assert chosen.shape == (50, 2, 3, 4, 4)
    places = chosen[:, :, 0, 0, 0] - 4 * torch.arange(50)[:, None]
    assert set(places.flatten().tolist()) == {0, 1, 2, 3}
    assert (places[:, 0] != places[:, 1]).all()
    assert len(places.unique(dim=0)) == 12  # all pairs in both orders
    whole = TestOneClass().build().some_frames(torch.rand(2, 5, 1, 4, 4))  # type: ignore[operator]
    assert whole.shape == (2, 5, 1, 4, 4)


def test_truncated_latents_are_distributed_as_if_drawn_again() -> None:
    torch.manual_seed(0)
    latent = torch.randn(20_000)
    narrow = truncated(latent, 1.0)
    assert float(narrow.abs().max()) <= 1
    density = math.exp(-0.5) / math.sqrt(2 * math.pi)
    inside = math.erf(1 / math.sqrt(2))
    assert float(narrow.var()) == pytest.approx(1 - 2 * density / inside, abs=0.01)
    assert torch.equal(narrow.argsort(), latent.argsort())
    torch.testing.assert_close(truncated(latent, 50.0), latent)
    assert not truncated(latent, 0.0).any()


def test_truncation_narrows_the_latents_and_keeps_the_classes() -> None:
    model = TestDVDGAN().build().eval()
    plain, narrow = (model.sampler(**chosen).noises(range(40), 3) for chosen in ({}, {"truncation": 0.5}))
    assert float(plain[:, :6].abs().max()) > 2
    assert float(narrow[:, :6].abs().max()) <= 0.5
    assert torch.equal(plain[:, 6:], narrow[:, 6:])
    torch.testing.assert_close(narrow[:, :6], truncated(plain[:, :6], 0.5))
    differences = [
        np.ptp([frames(clip) for clip in model.sample(4, seed=1, action=1, truncation=t)], 0) for t in (0, 3)
    ]
    assert differences[0].max() <= 1
    assert differences[1].max() > 1
    with pytest.raises(ZooError, match="truncation=-1: give at least 0"):
        model.sample(1, truncation=-1)


def test_an_action_is_the_class_of_all_clips() -> None:
    model = TestDVDGAN().build().eval()
    drawn = model.sampler().noises(range(60), 0)[:, 6:]
    assert torch.equal(drawn.sum(1), torch.ones(60))
    assert drawn.argmax(1).unique().tolist() == [0, 1, 2]
    chosen = model.sampler(action=2).noises(range(9), 0)
    assert chosen[:, 6:].argmax(1).tolist() == [2] * 9
    assert torch.equal(chosen[:, :6], model.sampler().noises(range(9), 0)[:, :6])
    with pytest.raises(ZooError, match="action=3: give a whole number from 0 to 2"):
        model.sample(1, action=3)
    with pytest.raises(ZooError, match="takes no action"):
        TestOneClass().build().sample(1, action=0)


def test_every_class_is_kept_in_16_bits() -> None:
    model = DVDGAN(**NARROW, classes=600, size=32, frames=4).eval()
    rows = model.sampler(action=513).noises([0], 0).bfloat16()
    assert rows[:, 6:].argmax(1).tolist() == [513]


def test_a_longer_clip_begins_as_a_shorter_one() -> None:
    model = TestDVDGAN().build().eval()
    shorter, trained, longer = (model.sample(1, seed=5, **chosen)[0] for chosen in ({"frames": 2}, {}, {"frames": 7}))
    assert (len(shorter), len(trained), len(longer)) == (2, 4, 7)
    assert np.abs(frames(longer)[:4].astype(int) - frames(trained)).max() <= 1
    assert np.abs(frames(trained)[:2].astype(int) - frames(shorter)).max() <= 1


def test_the_classes_of_validation_are_those_of_its_clips() -> None:
    model = TestDVDGAN().build().eval()
    with torch.inference_mode():
        outputs = model.validation_step(TestDVDGAN().batch((32, 32), 4), 3)
        clips = [model.sampler(action=number).make(range(4), 3) for number in range(3)]
    for place, action in enumerate(outputs["output_action"].tolist()):
        torch.testing.assert_close(outputs["output"][place], clips[action][place], rtol=0, atol=1e-5)
    assert "output_action" not in TestOneClass().build().validation_step(TestOneClass().batch((32, 32)), 0)


def test_sampled_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = TestDVDGAN().build().eval()
    i2i_zoo.save(model, "dvdgan")
    chosen = ["--action", "1", "--truncation", "0.4", "--frames", "6"]
    assert main(["sample", "dvdgan", "-n", "3", "--batch", "2", "--seed", "4", *chosen, "-o", "out"]) == 0
    names = {f"4-000{number}.webp" for number in range(3)}
    assert {path.name for path in Path("out").iterdir()} == {*names, "4-sheet.png"}
    written = open_clip("out/4-0002.webp")
    expected = model.sample(3, seed=4, action=1, truncation=0.4, frames=6)[2]
    assert np.abs(frames(written).astype(int) - frames(expected)).max() <= 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"action": torch.tensor([0, 3])}, "classes=3, and the clips have actions 0 to 3: use --model.classes 4"),
        ({"action": None}, r"batches with action \(B,\), whole numbers: use data that have it, or classes=1"),
    ],
)
def test_other_actions_are_refused(changes: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ZooError, match=words):
        fit(TestDVDGAN().build(), TestDVDGAN().batch((32, 32)) | changes)


def test_other_sizes_and_lengths_are_refused() -> None:
    with pytest.raises(ZooError, match="size=48: choose from 32, 64, 128, 256"):
        DVDGAN(**NARROW, size=48)
    with pytest.raises(ZooError, match="frames=3"):
        DVDGAN(**NARROW, frames=3)
    video = TestDVDGAN().batch((32, 32))
    with pytest.raises(ZooError, match=r"has frames=4, and the clips have 2: use --data\.frames 4"):
        fit(TestDVDGAN().build(), video | {"video": video["video"][:, :2]})
