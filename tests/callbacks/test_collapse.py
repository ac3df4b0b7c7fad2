from __future__ import annotations

import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import tiny
from i2i_zoo.callbacks.collapse import CollapseWatch
from i2i_zoo.cli.training import TrainingCLI
from i2i_zoo.data.rendered.digits import DigitsData
from i2i_zoo.data.rendered.street_data import SyntheticPairs
from i2i_zoo.data.rendered.streets import render_scene
from i2i_zoo.data.unpaired import UnpairedData
from i2i_zoo.methods.cyclegan import CycleGAN
from i2i_zoo.methods.gcgan import GcGAN

SMALL: dict[str, Any] = {"generator": "resnet_6", "width": 4, "discriminator_width": 4, "receptive_field": 34}
TINT = np.array([1.0, 0.85, 0.6])


class Pointwise(nn.Module):
    """A generator that weights each pixel's colours and adds to them."""

    stride = smallest = 1

    def __init__(self, weight: float, bias: float, channels: int = 3) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 1)
        self.layer.weight.data = weight * torch.eye(channels)[..., None, None]
        nn.init.constant_(self.layer.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


CONSTANT, INVERTER, IDENTITY, HEALTHY = (0.0, 0.3), (-1.0, 0.0), (1.0, 0.0), (0.7, -0.2)


def cyclegan(ab: tuple[float, float], ba: tuple[float, float] = HEALTHY, channels: int = 3, **hparams: Any) -> CycleGAN:
    """One whose generators are these, and stay so but for rounding."""
    model = CycleGAN(channels, channels, **SMALL, lr=1e-9, **hparams)
    model.generator_ab, model.generator_ba = Pointwise(*ab, channels), Pointwise(*ba, channels)
    return model


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> UnpairedData:
    """Photographs, and others in the light of evening."""
    root = tmp_path_factory.mktemp("photos")
    for split, first in (("train", 0), ("val", 100)):
        for number in range(5):
            for side, seed, light in (("A", first + number, 1), ("B", first + number + 50, TINT)):
                file = root / f"{split}{side}" / f"{number}.png"
                file.parent.mkdir(exist_ok=True)
                Image.fromarray((render_scene(seed, (64, 64))[1] * light).astype(np.uint8)).save(file)
    return photos_in(root)


def photos_in(root: Path) -> UnpairedData:
    return UnpairedData(str(root), load_size=None, crop_size=None, test_size=None, num_workers=0)


def told(action: Callable[[], Any]) -> list[str]:
    """The warnings of directions."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [str(w.message) for w in caught if re.match("A to B: |B to A: ", str(w.message))]


def fit(
    folder: Path, model: Any, data: Any, *callbacks: L.Callback, **options: Any
) -> tuple[list[str], dict[str, float]]:
    """What a run warned of, and the numbers of its last validation that are of `CollapseWatch`."""
    run = tiny.trainer(folder, CollapseWatch(), *callbacks, **options)
    sentences = told(lambda: run.fit(model, data))
    names = ("diversity", "luminance_correlation", "change")
    return sentences, {
        k: float(v) for k, v in run.callback_metrics.items() if k.startswith("val/") and k.endswith(names)
    }


def test_mode_collapse(tmp_path: Path, photos: UnpairedData) -> None:
    sentences, values = fit(tmp_path, cyclegan(CONSTANT), photos, max_epochs=3)
    assert sentences == [
        "A to B: mode collapse, outputs differ from each other 0.000 times as much as pictures of B do; raise "
        "--model.lambda_cycle_a or lower --model.lr or start again with another --seed_everything."
    ]
    assert values["val/ab_diversity"] < 0.01
    assert values["val/ba_diversity"] > 0.5


def test_inverted_colours(tmp_path: Path, photos: UnpairedData) -> None:
    sentences, values = fit(tmp_path, cyclegan(HEALTHY, INVERTER), photos, max_epochs=3)
    assert len(sentences) == 1
    assert re.match(
        r"B to A: inverted colours, .* by -(0\.9\d|1\.00); raise --model.lambda_identity or start", sentences[0]
    )
    assert values["val/ba_luminance_correlation"] < -0.9
    assert values["val/ab_luminance_correlation"] > 0.9


def test_outputs_that_are_their_sources(tmp_path: Path, photos: UnpairedData) -> None:
    sentences, values = fit(tmp_path, cyclegan(IDENTITY, lambda_cycle_a=0), photos, max_epochs=2)
    assert sentences == [
        "A to B: nothing is translated, outputs differ from their sources by 0.000 of a range of 2; lower "
        "--model.lambda_identity or raise --model.lambda_adversarial or start again with another --seed_everything."
    ]
    assert values["val/ab_change"] == pytest.approx(0, abs=1e-6)
    assert values["val/ba_change"] > 0.1


def test_a_healthy_run_is_left_in_peace(tmp_path: Path, photos: UnpairedData) -> None:
    torch.manual_seed(0)
    sentences, values = fit(tmp_path, CycleGAN(**SMALL, lr=1e-3), photos, max_epochs=6)
    assert sentences == []
    assert set(values) == {
        f"val/{way}_{name}" for way in ("ab", "ba") for name in ("diversity", "luminance_correlation", "change")
    }
    assert all(value > 0.15 for value in values.values())


@pytest.mark.parametrize(
    ("weight", "bias", "failures"),
    [
        *((0.05, 0.0, ["mode collapse"]), (0.3, 0.0, [])),  # one grey, with traces of the source or a little contrast
        *((-0.05, 0.0, ["mode collapse", "inverted colours"]), (-0.3, 0.0, ["inverted colours"])),
        *((1.0, 0.01, ["nothing is translated"]), (1.0, 0.05, [])),
    ],
)
def test_where_failures_begin(
    tmp_path: Path, photos: UnpairedData, weight: float, bias: float, failures: list[str]
) -> None:
    sentences, _ = fit(tmp_path, cyclegan((weight, bias)), photos)
    assert [sentence.removeprefix("A to B: ").split(",")[0] for sentence in sentences] == failures


class Change(L.Callback):
    """Makes the generator another in each epoch."""

    def __init__(self, *generators: tuple[float, float]) -> None:
        self.generators = generators

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        pl_module.generator_ab.load_state_dict(Pointwise(*self.generators[trainer.current_epoch]).state_dict())


def test_a_failure_is_told_again_when_it_comes_again(tmp_path: Path, photos: UnpairedData) -> None:
    epochs = (CONSTANT, CONSTANT, HEALTHY, INVERTER, CONSTANT, CONSTANT)
    sentences, _ = fit(tmp_path, cyclegan(HEALTHY), photos, Change(*epochs), max_epochs=6)
    assert [sentence.split(",")[0] for sentence in sentences] == [
        *("A to B: mode collapse", "A to B: inverted colours", "A to B: mode collapse")
    ]


def test_colours_of_label_maps_have_no_opposite(tmp_path: Path) -> None:
    data = SyntheticPairs(train=2, val=4, size=64)
    model = cyclegan(INVERTER, INVERTER)
    model.adopt(data.preprocess)
    sentences, values = fit(tmp_path, model, data)
    assert sentences == []
    assert set(values) == {f"val/{way}_{name}" for way in ("ab", "ba") for name in ("diversity", "change")}


def test_negatives_where_the_domain_is_negatives(tmp_path: Path) -> None:
    data = DigitsData(digits="generated", domain_b="negative", count=8, batch_size=4, num_workers=0)
    model = cyclegan(INVERTER, INVERTER, channels=1)
    sentences, values = fit(tmp_path, model, data, limit_val_batches=2)
    assert sentences == []
    assert values["val/ab_luminance_correlation"] < -0.9
    assert values["val/ab_diversity"] == pytest.approx(1, abs=1e-3)


def test_one_target_needs_no_diversity(tmp_path: Path, photos: UnpairedData) -> None:
    for file in sorted(photos.root.rglob("*.png")):
        if file.parent.name[-1] == "A" or file.name == "0.png":
            copy = tmp_path / "style" / file.relative_to(photos.root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    sentences, values = fit(tmp_path, cyclegan(CONSTANT, CONSTANT), photos_in(tmp_path / "style"))
    assert sentences == []
    assert not any("diversity" in name for name in values)


def test_models_of_one_direction_and_of_other_tasks(tmp_path: Path, photos: UnpairedData) -> None:
    model = GcGAN(**SMALL, lr=1e-9)
    model.generator_ab = Pointwise(*CONSTANT)
    sentences, values = fit(tmp_path, model, photos)
    assert len(sentences) == 1
    assert "raise --model.lambda_cycle or raise --model.lambda_geometry or lower --model.lr or" in sentences[0]
    assert {name[:6] for name in values} == {"val/ab"}
    assert fit(tmp_path, tiny.model(), tiny.data()) == ([], {})


def test_it_watches_each_run_of_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cli = TrainingCLI("fit", list(tiny.ARGS))
    assert any(isinstance(callback, CollapseWatch) for callback in cli.trainer.callbacks)


def validate(root: str, **options: Any) -> tuple[list[str], dict[str, float]]:
    """What is found of five pictures."""
    run = tiny.trainer(root, CollapseWatch(), **options)
    data = photos_in(Path(root))
    sentences = told(lambda: run.validate(cyclegan(INVERTER), data, verbose=False))
    return sentences, {key: value.item() for key, value in run.callback_metrics.items()}


@pytest.mark.slow
def test_two_processes_agree_with_one(tmp_path: Path, photos: UnpairedData) -> None:
    script = f"""
import os, runpy, sys
sentences, values = runpy.run_path({str(Path(__file__))!r})["validate"](sys.argv[1], devices=2, strategy="ddp")
rank = os.environ.get("LOCAL_RANK", 0)
print("".join(f"[{{rank}} {{key}} {{value:.6f}}]" for key, value in values.items()), f"<{{len(sentences)}}>")
"""
    (tmp_path / "script.py").write_text(script)
    environment = {"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    output = subprocess.run(
        [sys.executable, tmp_path / "script.py", photos.root],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    ).stdout
    values = {(rank, key): float(value) for rank, key, value in re.findall(r"\[(\d) (\S+) (\S+)\]", output)}
    sentences, expected = validate(str(photos.root))
    assert len(sentences) == 1
    assert sorted(re.findall("<(.)>", output)) == ["0", "1"]  # the first process tells it
    assert len(expected) == 6
    assert len(values) == 12
    for (_, key), value in values.items():
        assert value == pytest.approx(expected[key], rel=1e-4, abs=2e-6), key
