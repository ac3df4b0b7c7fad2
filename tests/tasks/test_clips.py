"""The task of clips from noise, with a made-up method."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence
from torch import Tensor, nn

import i2i_zoo
from i2i_zoo import registry
from i2i_zoo.callbacks.predictions import Predictions
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import height_width
from i2i_zoo.methods.base import Method
from i2i_zoo.methods.mocogan import MoCoGAN
from i2i_zoo.tasks.clips import ClipSampler, ClipsTask, shown_frames
from methods.base import fit


class FadeSampler(ClipSampler):
    task: Fade

    def __init__(self, task: Fade, frames: int) -> None:
        super().__init__(task)
        self.frames = frames

    def noise(self, random: torch.Generator) -> Tensor:
        return torch.randn(4, generator=random)

    def forward(self, noise: Tensor) -> Tensor:
        return self.task(noise, self.frames)


class Fade(ClipsTask, Method):
    """Pictures that fade."""

    any_length = True
    discriminator_networks: tuple[str, ...] = ()

    def __init__(
        self,
        channels: int = 3,
        size: int = 8,
        frames: int = 10,
        lr: float = 1e-3,
        betas: tuple[float, ...] = (0.5, 0.9),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.generator = nn.Linear(4, channels * size**2)

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {"generator": ("generator",)}

    def make_sampler(self, frames: int | None = None) -> FadeSampler:
        return FadeSampler(self, frames or self.hparams.frames)

    def forward(self, noise: Tensor, frames: int) -> Tensor:
        hp = self.hparams
        pictures = self.generator(noise).tanh().view(len(noise), 1, hp.channels, hp.size, hp.size)
        return pictures * torch.linspace(1, 0.1, frames).view(-1, 1, 1, 1)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        video = batch["video"]
        with self.update("generator") as loss:
            loss["l2"] = (self(torch.randn(len(video), 4), video.shape[1]) - video).square().mean()


class TestFade:
    @pytest.fixture(autouse=True)
    def _registered(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        method = registry.Method("fade", f"{__name__}:Fade", "Fade", "clips", "https://x")
        monkeypatch.setitem(registry.METHODS, "fade", method)
        torch.manual_seed(0)
        i2i_zoo.save(Fade().eval(), "fade")

    def test_a_clip_is_a_list_of_frames(self) -> None:
        model = i2i_zoo.load("fade")
        clips = model.sample(2, seed=3)
        assert [len(clip) for clip in clips] == [10, 10]
        assert clips[0][0].size == (8, 8)
        (longer, _) = model.sample(2, seed=3, frames=12)
        assert len(longer) == 12
        np.testing.assert_array_equal(np.asarray(longer[0]), np.asarray(clips[0][0]))

    def test_the_same_seed_gives_the_same_clip_whatever_the_batch(self) -> None:
        sampler = i2i_zoo.load("fade").sampler()
        together = sampler.make(range(3), 7)
        torch.testing.assert_close(together, torch.cat([sampler.make([i], 7) for i in range(3)]))
        assert not torch.equal(together, sampler.make(range(3), 8))

    def test_wrong_lengths_are_refused(self) -> None:
        model = i2i_zoo.load("fade")
        with pytest.raises(ZooError, match="frames=0: give a whole number from 1 to 10000"):
            model.sample(1, frames=0)
        with pytest.raises(ZooError, match=r"use sample\(count\), not translate"):
            model.translate(torch.zeros(3, 8, 8))

    def test_from_the_command_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        command = ["sample", "fade", "--seed", "3", "--frames", "9", "-o", "out", "--batch", "2"]
        assert main([*command, "-n", "3"]) == 0
        assert sorted(path.name for path in Path("out").iterdir()) == [
            *("3-0000.webp", "3-0001.webp", "3-0002.webp", "3-sheet.png")
        ]
        expected = i2i_zoo.load("fade").sample(3, seed=3, frames=9)
        for number, clip in enumerate(expected):
            with Image.open(f"out/3-{number:04d}.webp") as found:
                frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(found)]
            np.testing.assert_array_equal(frames, [np.asarray(frame) for frame in clip])
        assert height_width(Path("out/3-sheet.png")) == (3 * 8, 8 * 8)
        with Image.open("out/3-sheet.png") as sheet:
            last = np.asarray(sheet)[16:, 56:]
        np.testing.assert_array_equal(last, np.asarray(expected[2][8]))
        capsys.readouterr()
        assert main([*command, "-n", "4"]) == 0
        assert "1 made, 3 were there already" in capsys.readouterr().out

    def test_its_card_makes_a_clip(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir("fade")
        exec(Path("README.md").read_text().partition("```python\n")[2].partition("```")[0])
        with Image.open("output.webp") as clip:
            assert clip.n_frames == 10

    def test_shown_measured_and_written(self) -> None:
        model, batch = i2i_zoo.load("fade"), {"video": torch.zeros(2, 10, 3, 8, 8), "name": ["a", "b/c"]}
        outputs = model.validation_step(batch, 0)
        assert model.measured(outputs)["output"].shape == model.measured(outputs)["target"].shape == (2, 10, 3, 8, 8)
        assert [panel.shape for panel in model.panels(outputs)] == [(2, 3, 8, 64)] * 2
        assert not torch.equal(outputs["output"], model.validation_step(batch, 1)["output"])
        Predictions("predicted").on_predict_batch_end(None, model, outputs["output"], batch, 0)  # type: ignore[arg-type]
        for name in batch["name"]:
            with Image.open(f"predicted/{name}.webp") as clip:
                assert clip.n_frames == 10

    @pytest.mark.parametrize(
        ("shape", "words"),
        [
            ((2, 10, 3, 8, 16), "Fade has size=8, and the clips are 16x8: give both the same, with --data.size."),
            ((2, 9, 3, 8, 8), "Fade has frames=10, and the clips have 9: use --data.frames 10."),
            ((2, 10, 1, 8, 8), "video of 3 channels, and the data have video of 1: use --model.channels 1"),
            ((2, 3, 8, 8), r"video of shape \(B, 10, 3, H, W\), not \(2, 3, 8, 8\)"),
        ],
    )
    def test_other_clips_are_refused(self, shape: tuple[int, ...], words: str) -> None:
        with pytest.raises(ZooError, match=words):
            fit(Fade(), {"video": torch.zeros(shape)})

    def test_it_trains(self) -> None:
        assert len(fit(Fade(), {"video": torch.zeros(2, 10, 3, 8, 8)}).losses) == 1


def test_a_sheet_shows_the_first_and_the_last_frame() -> None:
    assert shown_frames(1) == [0]
    assert shown_frames(3) == [0, 1, 2]
    assert shown_frames(16) == [0, 2, 4, 6, 9, 11, 13, 15]


def test_several_processes_make_the_same_clips(tmp_path: Path) -> None:
    model = MoCoGAN(size=32, width=2, discriminator_width=2, content=4, categories=2, motion=3)
    i2i_zoo.save(model.eval(), tmp_path / "mocogan")
    command = ["sample", str(tmp_path / "mocogan"), "-n", "3", "--frames", "2", "--batch", "1", "--device", "cpu"]
    for devices in ("1", "2"):
        assert main([*command, "--devices", devices, "-o", str(tmp_path / devices)]) == 0
    one, two = (sorted((tmp_path / devices).iterdir()) for devices in ("1", "2"))
    assert [path.name for path in two] == ["0-0000.webp", "0-0001.webp", "0-0002.webp", "0-sheet.png"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
