"""`CollapseWatch` for what is made from noise: clips that are alike, stand still or flicker."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tiny
from i2i_zoo.callbacks.clip_findings import NoiseComparison
from i2i_zoo.callbacks.collapse import CollapseWatch
from i2i_zoo.data.rendered.shapes import ShapesData
from i2i_zoo.methods.dcgan import DCGAN
from i2i_zoo.methods.mocogan import MoCoGAN
from i2i_zoo.methods.tgan import TGAN
from i2i_zoo.methods.vgan import VGAN
from i2i_zoo.networks.mocogan import Codes

SIZE = 32


class Bars(nn.Module):
    """A bar that moves to the right, for each clip from another place; or one of its failures."""

    stride = smallest = 1
    encoder = None

    def __init__(self, failure: str = "") -> None:
        super().__init__()
        self.failure, self.weight = failure, nn.Parameter(torch.zeros(()))

    def latents(self, codes: Codes) -> Tensor:
        return codes.motion[..., :1]

    def frames(self, latents: Tensor) -> Tensor:
        return self.weight + latents.new_zeros(len(latents), 3, SIZE, SIZE)

    def forward(self, codes: Codes) -> Tensor:
        time = torch.arange(codes.motion.shape[1], device=codes.content.device)
        place = codes.content[:, :1] * 8
        place = torch.zeros_like(place) if self.failure == "diversity" else place
        moved = {"motion": 0 * time, "flicker": 37 * time % 23}.get(self.failure, time)
        columns = torch.arange(SIZE, device=place.device) - (place + moved)[..., None]
        bars = ((columns.round() % SIZE) < 6).float() * 2 - 1
        return self.weight + bars[:, :, None, None].expand(-1, -1, 3, SIZE, -1)


def mocogan(failure: str | None = None, **hparams: Any) -> MoCoGAN:
    torch.manual_seed(0)
    narrow = {"width": 2, "discriminator_width": 2, "content": 4, "categories": 2, "motion": 3, "image_batch": 4}
    model = MoCoGAN(size=SIZE, **narrow | hparams)
    if failure is not None:
        model.generator = Bars(failure)  # type: ignore[assignment]
    return model


def fit(folder: Path, model: Any, early: int = 0, **options: Any) -> tuple[list[str], dict[str, float]]:
    """What a run warned of, and the numbers of its last validation."""
    frames = model.hparams.get("frames", 1)
    data = ShapesData(train=8, val=16, size=SIZE, frames=max(2, frames), batch_size=4, num_workers=0)
    run = tiny.trainer(folder, CollapseWatch(early), **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run.fit(model, data)
    sentences = [str(w.message) for w in caught if re.match("Clips: |Pictures: ", str(w.message))]
    return sentences, {k: float(v) for k, v in run.callback_metrics.items() if k.startswith("val/")}


def test_clips_that_differ_and_move_are_left_in_peace(tmp_path: Path) -> None:
    sentences, values = fit(tmp_path, mocogan(""))
    assert sentences == []
    assert set(values) == {"val/diversity", "val/motion", "val/flicker"}
    assert all(value > 0.3 for value in values.values())


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (
            "diversity",
            r"Clips: mode collapse, they differ from each other 0\.000 times as much as real ones do; raise "
            r"--model\.noise or lower --model\.lr or start again with another --seed_everything\.",
        ),
        (
            "motion",
            r"Clips: they stand still, their neighbouring frames differ 0\.000 times as much as those of real clips do;"
            r" raise --model\.discriminator_width or start again with another --seed_everything\.",
        ),
        (
            "flicker",
            r"Clips: they flicker, neighbouring frames differ [01]\.\d\d times as much as frames half a clip apart, "
            r"and those of real clips 0\.5\d times; raise --model\.discriminator_width or start again",
        ),
    ],
)
def test_each_failure_has_one_sentence_and_is_told_once(tmp_path: Path, failure: str, words: str) -> None:
    sentences, _ = fit(tmp_path, mocogan(failure), max_epochs=2)
    assert len(sentences) == 1
    assert re.match(words, sentences[0])


def test_nothing_is_told_early_but_later_if_it_lasts(tmp_path: Path) -> None:
    early, _ = fit(tmp_path, mocogan("motion"), early=5, max_epochs=2)  # 2 batches in an epoch
    later, _ = fit(tmp_path, mocogan("motion"), early=5, max_epochs=3)
    assert (len(early), len(later)) == (0, 1)
    assert CollapseWatch().early == 1000


def test_a_new_model_is_left_in_peace(tmp_path: Path) -> None:
    """Even without the early batches, as new clips are alike, but do not stand still for their contrast."""
    sentences, values = fit(tmp_path, mocogan(), max_epochs=2)
    assert [sentence for sentence in sentences if "mode collapse" not in sentence] == []
    assert values["val/motion"] < 0.5


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_have_diversity_alone(tmp_path: Path, channels: int) -> None:
    model = DCGAN(channels=3, size=SIZE, latent=4, width=2, discriminator_width=2)
    nn.init.zeros_(model.generator.body[0].weight)
    sentences, values = fit(tmp_path, model)
    assert set(values) == {"val/diversity"}
    assert [sentence.split(";")[0] for sentence in sentences] == [
        "Pictures: mode collapse, they differ from each other 0.000 times as much as real ones do"
    ]
    comparison, pictures = NoiseComparison(), torch.rand(4, channels, 8, 8) * 2 - 1
    comparison.update(pictures, pictures)
    assert [(found.name, found.value) for found in comparison.findings(model, "")] == [("diversity", 1.0)]


def test_real_clips_that_are_all_alike_or_still_need_no_more() -> None:
    comparison, model = NoiseComparison(), mocogan("")
    still = (torch.rand(4, 1, 3, 8, 8) * 2 - 1).expand(-1, 6, -1, -1, -1)
    comparison.update(still, still)
    assert [found.name for found in comparison.findings(model, "")] == ["diversity"]
    comparison = NoiseComparison()
    comparison.update(still, still[:1].expand_as(still))
    assert list(comparison.findings(model, "")) == []


def test_batches_count_alike() -> None:
    clips = torch.rand(6, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    whole, parts = NoiseComparison(), NoiseComparison()
    whole.update(clips, clips.flip(1) / 2)
    for part in clips.split([1, 2, 3]):
        parts.update(part, part.flip(1) / 2)
    for found, expected in zip(parts.compute(), whole.compute(), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        (VGAN(width=2, discriminator_width=2), ("lower --model.lambda_mask", "raise --model.lambda_mask")),
        (
            VGAN(width=2, discriminator_width=2, variant="one_stream"),
            ("raise --model.discriminator_width", "use --model.variant two_stream"),
        ),
        (TGAN(width=2, discriminator_width=2), ("raise --model.discriminator_width",) * 2),
    ],
    ids=["two_stream", "one_stream", "tgan"],
)
def test_methods_know_remedies(model: Any, advice: tuple[str, str]) -> None:
    assert (*model.remedies("motion", ""), *model.remedies("flicker", "")) == advice
    assert model.remedies("diversity", "") == ("lower --model.lr",)
