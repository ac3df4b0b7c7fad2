"""A picture is identified by its path below the split, not by its last name alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.cli.main import main
from i2i_zoo.data.files import by_folder
from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.semantic import SemanticData
from i2i_zoo.data.style import StyleData
from i2i_zoo.data.unpaired import UnpairedData
from i2i_zoo.errors import ZooError

NAMES = ["x/0", "y/0"]


def write(path: Path, seed: int, grey: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (64, 64) if grey else (64, 64, 3)
    Image.fromarray(np.random.default_rng(seed).integers(0, 9 if grey else 256, shape, np.uint8)).save(path)


@pytest.mark.parametrize("kind", ["paired", "side by side", "unpaired", "semantic", "style"])
def test_items_in_folders_of_a_split(kind: str, tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        for folder in ("a", "b", "labels", "trainA", "trainB"):
            write(tmp_path / "test" / folder / f"{name}.png", seed, grey=folder == "labels")
        write(tmp_path / "joint" / "test" / f"{name}.png", seed)
    root = str(tmp_path)
    data = {
        "paired": lambda: PairedData(root, "a", "b"),
        "side by side": lambda: PairedData(f"{root}/joint"),
        "unpaired": lambda: UnpairedData(root, "a", "b"),
        "semantic": lambda: SemanticData(root, target="a", labels=9),
        "style": lambda: StyleData(f"{root}/test/a", f"{root}/test/b"),
    }[kind]()
    data.setup("test")
    items = [data.datasets["test"][0, index] for index in range(2)]
    assert [item["name"] for item in items] == NAMES
    if kind == "unpaired":
        assert [item["name_b"] for item in items] == NAMES


def test_each_picture_has_its_own_label_map(tmp_path: Path) -> None:
    for seed, name in enumerate(["x/0", "y/0", "caf\u00e9"]):
        write(tmp_path / "test" / "a" / f"{name}.png", seed)
        write(tmp_path / "test" / "b" / f"{name}.png", seed)
        write(tmp_path / "ids" / f"{name.replace(chr(0xE9), 'e' + chr(0x301))}_ids.png", seed, grey=True)
    data = PairedData(str(tmp_path), "a", "b", labels="ids/{name}_ids.png")
    data.setup("test")
    dataset = data.datasets["test"]
    found = {dataset[0, index]["name"]: dataset[0, index]["label_map"] for index in range(3)}
    for seed, name in enumerate(["x/0", "y/0", "caf\u00e9"]):
        expected = np.random.default_rng(seed).integers(0, 9, (64, 64), np.uint8)
        assert torch.equal(found[name], torch.from_numpy(expected).long())


def test_predict_writes_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for split in ("train", "test"):
        for seed, name in enumerate([*NAMES, "flat"]):
            write(Path("data", split, f"{name}.png"), seed)
            Image.open(Path("data", split, f"{name}.png")).resize((128, 64)).save(Path("data", split, f"{name}.png"))
    options = [
        *("--model", "Pix2Pix", "--model.generator", "unet_64", "--model.width", "1", "--data", "PairedData"),
        *("--data.root", "data", "--data.test_size", "64", "--data.num_workers", "0", "--trainer.accelerator", "cpu"),
        *("--trainer.logger", "false", "--trainer.callbacks", "Predictions", "--trainer.callbacks.folder", "out"),
    ]
    assert main(["predict", *options]) == 0
    written = {str(file.relative_to("out")) for file in Path("out").rglob("*.png")}
    assert written == {"x/0.png", "y/0.png", "flat.png"}


def test_files_that_differ_in_their_suffix(tmp_path: Path) -> None:
    """They are two pictures; a pair of which is refused only where it is unclear."""
    for folder in ("a", "b"):
        for suffix in ("png", "bmp"):
            write(tmp_path / "train" / folder / f"x.{suffix}", 0)
        write(tmp_path / "train" / folder / "y.png", 1)
    data = UnpairedData(str(tmp_path), "a", "b", val_fraction=0)
    data.setup("fit")
    dataset = data.datasets["train"]
    assert [dataset[0, index]["name"] for index in range(3)] == ["x.bmp", "x.png", "y"]
    for direction in ("AtoB", "BtoA", "ab", "ba"):
        paired = PairedData(str(tmp_path), "a", "b", direction=direction, val_fraction=0)
        paired.setup("fit")
        assert [paired.datasets["train"][0, index]["name"] for index in range(3)] == ["x.bmp", "x.png", "y"]
        assert paired.source == ("b" if direction in ("BtoA", "ba") else "a")
    (tmp_path / "train" / "b" / "x.bmp").unlink()
    with pytest.raises(ZooError, match=r"x\.bmp and .*x\.png have the same name, so it is unclear which of them"):
        PairedData(str(tmp_path), "a", "b", val_fraction=0).setup("fit")


def test_the_frames_of_a_folder_stay_together() -> None:
    names = ["a/z", "a/b/2", "a/b/10", "a/1", "2", "10"]
    assert by_folder(names) == {"": ["2", "10"], "a": ["a/1", "a/z"], "a/b": ["a/b/2", "a/b/10"]}
