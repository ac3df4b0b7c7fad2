"""Instance maps: a condition of which every label map has its own, in Python and on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import i2i_zoo
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.base import Method
from i2i_zoo.methods.spade import SPADE


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Method:
    """A model that sees the edges of instances, saved as ``model``, and three label maps with their instance maps."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    i2i_zoo.save(SPADE(labels=5, width=2, upsampling="normal", hidden=4), "model")
    for i in range(3):
        random = np.random.default_rng(i)
        for folder, array in (("labels", np.full((64, 64), i)), ("instances", random.integers(0, 9, (64, 64)))):
            Path(folder, "sub").mkdir(parents=True, exist_ok=True)
            suffix = ".png" if folder == "labels" else ".tif"
            Image.fromarray(array.astype(np.uint8)).save(Path(folder, "sub" if i == 2 else "", f"{i}{suffix}"))
    return i2i_zoo.load("model")


def pixels(file: str) -> np.ndarray:
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("devices", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_folder_of_instance_maps(model: Method, devices: str) -> None:
    command = ["translate", "model", "labels", "--instance", "instances", "--device", "cpu", "--devices", devices]
    assert main(command) == 0
    for name in ("0", "1", "sub/2"):
        expected = np.asarray(model.translate(f"labels/{name}.png", instance=f"instances/{name}.tif"))
        assert np.abs(pixels(f"translated/{name}.png").astype(int) - expected).max() <= 1
        assert not np.array_equal(expected, np.asarray(model.translate(f"labels/{name}.png")))


def test_one_instance_map(model: Method) -> None:
    assert main(["translate", "model", "labels/1.png", "--instance", "instances/0.tif"]) == 0
    expected = model.translate("labels/1.png", instance="instances/0.tif")
    assert np.array_equal(pixels("translated/1.png"), np.asarray(expected))


def test_instance_maps_that_do_not_fit(model: Method, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (32, 64)).save("narrow.png")
    Path("instances/sub/2.tif").unlink()
    for options, sentence in (
        (["labels", "--instance", "instances/0.tif"], "this is one file, and there are 3 inputs; name a folder"),
        (["labels", "--instance", "instances"], "--instance instances: the folder has no file sub/2; add it"),
        (["labels/0.png", "--instance", "narrow.png"], "The instance map has 32x64 pixels and the label map 64x64"),
        (["labels/0.png", "--instance", "missing.png"], "missing.png: there is no such file"),
    ):
        assert main(["translate", "model", *options]) == 1
        assert sentence in capsys.readouterr().err
        assert not Path("translated").exists()
    with pytest.raises(ZooError, match="2 sources and 1 of instance were given; give one each"):
        model.translate(["labels/0.png", "labels/1.png"], instance=["instances/0.tif"])
