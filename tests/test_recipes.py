"""Every recipe parses and trains: its method and options, on rendered scenes, with narrow networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from i2i_zoo.cli.main import main

RECIPES = Path(__file__).parents[1] / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("*.yaml")), ids=lambda path: str(path.relative_to(RECIPES)))
def test_recipe_trains_a_step(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = yaml.safe_load(path.read_text())
    method, model = recipe["model"]["class_path"], recipe["model"].get("init_args", {})
    semantic = method in ("SPADE", "Pix2PixHD")
    unpaired = recipe["data"]["class_path"] in ("UnpairedData", "DigitsData")
    sizes = {"unet_64": 64, "unet_128": 128, "resnet_6": 64, "resnet_9": 64}
    size = 256 if model.get("receptive_field", 70) > 70 else sizes.get(model.get("generator", "unet_256"), 256)
    if unpaired:
        size = model.get("size", 28) if method == "CoGAN" else 64
    channels = 1 if method == "CoGAN" else 3
    own: dict[str, Any] = {"model.discriminator_width": 4}
    if method == "FastStyle":
        request.getfixturevalue("vgg16")
        Image.new("RGB", (16, 16), "red").save("style.png")
        own, size = {"model.style": "style.png"}, 64
    elif method == "AdaIN":  # which cannot do without an encoder that is trained
        own, size = {"model.width": 32, "init_from": "adain-small"}, 64
    options = {
        "model.width": 4,
        "data": "SyntheticPairs",
        "data.train": 1,
        "data.val": 1,
        "data.size": size,
        "data.in_channels": model.get("in_channels", channels),
        "data.out_channels": model.get("out_channels", channels),
        **({"model.width": 8, "model.lambda_perceptual": 0, "data.size": "[64,128]"} if semantic else {}),
        **({"model.lambda_perceptual": 0} if "lambda_perceptual" in model else {}),
        **({"init_from": "null"} if "init_from" in recipe else {}),
        **own,
        "data.num_workers": 0,
        "data.batch_size": 1,
        "trainer.fast_dev_run": True,
        "trainer.accelerator": "cpu",
        "trainer.precision": "32-true",
        "trainer.devices": 1,
        "trainer.enable_progress_bar": False,
        "trainer.enable_model_summary": False,
    }
    assert main(["fit", f"--config={path}", *(f"--{key}={value}" for key, value in options.items())]) == 0
