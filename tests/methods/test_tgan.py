"""TGAN against its authors' numbers, and its options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from golden.fill import Golden, update_stats
from i2i_zoo.convert.tgan import read
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.tgan import TGAN
from methods.authors import Steps
from methods.base import NoiseTester, fit
from methods.tgan import NETWORKS, golden, ours, snapshot

NARROW: dict[str, Any] = {"width": 2, "discriminator_width": 2, "latent": 5}
TINY = NARROW | {"size": 32}


class TestTGAN(NoiseTester):
    method = TGAN
    narrow = NARROW
    tiny = TINY

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        return super().recipe_options(hparams, folder) | {"data.train": 2}  # a norm needs two clips

    def test_every_trained_parameter_moves(self, model: Any) -> None:
        # In the Wasserstein loss, the gradients of the last bias for real and generated clips cancel.
        before = {name: p.detach().clone() for name, p in model.named_parameters() if name != "discriminator.last.bias"}
        fit(model, self.batch(self.size), steps=2)
        moved = dict(model.named_parameters())
        assert [name for name in before if torch.equal(moved[name], before[name])] == []

    def test_clips_of_any_length_are_the_same_motion(self, model: Any) -> None:
        short, long = (model.eval().sampler(frames=frames).make([0], 3) for frames in (16, 31))
        torch.testing.assert_close(short, model.sampler().make([0], 3), rtol=0, atol=1e-5)
        torch.testing.assert_close(long[:, ::2], short, rtol=0, atol=1e-5)
        assert len(model.sample(1, frames=5)[0]) == 5

    def test_other_lengths_are_refused(self, model: Any) -> None:
        video = self.batch(self.size)["video"][:, :8]
        with pytest.raises(ZooError, match=r"has frames=16, and the clips have 8: use --data\.frames 16"):
            fit(model, {"video": video})
        with pytest.raises(ZooError, match="frames=20: these networks make clips of a multiple of 16 frames"):
            TGAN(frames=20)

    def test_a_batch_of_one_is_refused(self, model: Any) -> None:
        with pytest.raises(ZooError, match="a batch of 1 at 32x32 has only one pixel in its smallest map"):
            fit(model, self.batch(self.size, batch_size=1))


class TestLongClipsWithVanillaLoss(NoiseTester):
    method = TGAN
    tiny: ClassVar = TINY | {
        "frames": 32, "channels": 1, "adversarial": "vanilla", "clip_every": 0, "noise": 0.3, "shift": True,
        "init": "uniform",
    }  # fmt: skip

    def test_bf16(self, model: Any) -> None:
        """Noise is drawn in another precision there, and so is other noise."""
        fit(model, self.batch(self.size), precision="bf16-mixed")


def test_lsgan_has_the_authors_targets() -> None:
    model = TestTGAN().build()
    model.hparams.update(adversarial="lsgan", clip_every=0)
    clips = TestTGAN().batch((32, 32))["video"]
    logits = model.discriminator(clips)
    for role, target in (("real", 1), ("fake", -1), ("fool", 0)):
        torch.testing.assert_close(model.judge(clips, role), (logits - target).square().mean())


def test_singular_values_are_clipped_every_so_many_steps() -> None:
    def largest(steps: int) -> float:
        model = TestTGAN().build()
        with torch.no_grad():
            model.discriminator.down[1].weight.mul_(100)
        fit(model, TestTGAN().batch((32, 32)), steps=steps)
        return float(torch.linalg.svdvals(model.discriminator.down[1].weight.detach().flatten(1)).max())

    assert largest(4) > 2
    assert largest(5) == pytest.approx(1, abs=1e-4)


def test_weights_are_clipped_after_every_step() -> None:
    model = TestTGAN().build()
    model.hparams.update(clip_every=0, weight_limit=0.01)
    fit(model, TestTGAN().batch((32, 32)))
    assert max(float(p.detach().abs().max()) for p in model.discriminator.parameters()) == pytest.approx(0.01)


def test_running_statistics_count_each_clip_once() -> None:
    model, again = TestTGAN().build(), TestTGAN().build().train()
    batch, codes = TestTGAN().batch((32, 32)), model.draw_codes(2)  # type: ignore[operator]
    model.draw_codes = lambda count: codes  # type: ignore[assignment]
    fit(model, batch)
    with torch.no_grad():
        again.discriminator(again(codes))
        again.discriminator(batch["video"])
    for norm, expected in zip(model.discriminator.norm, again.discriminator.norm, strict=True):
        torch.testing.assert_close(norm.running_var, expected.running_var)


def authors_steps(stored: Golden, clip_every: int, steps: int) -> Steps:
    """Steps from the stored weights with the stored codes and clips."""
    hparams, tensors = read({network: snapshot(stored.state(letter)) for letter, network in NETWORKS.items()})
    model = TGAN(**hparams, clip_every=clip_every)
    model.configure_model()
    model.load_state_dict(tensors)
    recorder = Steps(("discriminator/fake", "discriminator/real", "generator/adversarial"))
    codes = iter([stored.input(f"z{step}") for step in range(steps)])
    model.draw_codes = lambda count: next(codes)  # type: ignore[method-assign]
    batches = [{"video": stored.input(f"video{step}").transpose(1, 2)} for step in range(steps)]
    trainer = L.Trainer(
        max_steps=steps, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[recorder],
    )  # fmt: skip
    trainer.fit(model, DataLoader(range(steps), collate_fn=lambda items: batches[items[0]]))
    return recorder


@pytest.mark.slow
def test_steps_are_the_authors() -> None:
    stored = golden("train")
    before = {letter: stored.state(letter) for letter in NETWORKS}

    def check(name: str, letter: str, tensors: dict[str, Tensor]) -> list[Tensor]:
        found = []
        for row in stored.info["stored"][name]["rows"]:
            tensor = ours(letter, row, tensors)
            found.append(before[letter][row] if tensor is None else tensor)
        ok, ratio, difference = stored.check_tensors(name, found)
        assert ok, (name, ratio, difference)
        return found

    steps = authors_steps(stored, clip_every=1, steps=2)
    losses = [[fake + real, fool, fake, -real] for fake, real, fool in steps.losses]
    ok, ratio, difference = stored.check("losses", np.array(losses))
    assert ok, (ratio, difference)
    for letter in NETWORKS:
        check(f"grad1/{letter}", letter, steps.gradients)
        for step, state in enumerate(steps.states, start=1):
            after = check(f"after{step}/{letter}", letter, state)
            info = stored.info["stored"][f"after{step}/{letter}"]
            pairs = zip(info["rows"], after, strict=True)
            changes = np.array([update_stats(before[letter][row], tensor) for row, tensor in pairs])
            noise = np.isin(info["rows"], info.get("noise_driven", []))
            changes[noise] = stored[f"update{step}/{letter}"][noise]
            ok, ratio, difference = stored.check(f"update{step}/{letter}", changes)
            assert ok, (letter, step, ratio, difference)
    check("unclipped1/D", "D", authors_steps(stored, clip_every=0, steps=1).states[0])


def test_parameters_are_those_of_the_authors() -> None:
    with torch.device("meta"):
        model = TGAN()
        model.configure_model()
    counts = {name: sum(p.numel() for p in network.parameters()) for name, network in model.named_children()}
    assert counts == {"temporal_generator": 825_444, "image_generator": 3_622_691, "discriminator": 11_032_385}
