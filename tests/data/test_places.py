"""Validation is never the test set without a word, and the test set never validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i_zoo.cli.main import main
from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.pictures import PictureData
from i2i_zoo.data.places import held_out
from i2i_zoo.data.semantic import SemanticData
from i2i_zoo.data.style import StyleData
from i2i_zoo.data.unpaired import UnpairedData
from i2i_zoo.errors import ZooError

SMALL = {"load_size": None, "crop_size": None, "test_size": None, "num_workers": 0}
KINDS = ["paired", "side by side", "made", "semantic", "unpaired", "folders", "style"]


def write(path: Path, seed: int, grey: bool = False, size: tuple[int, int] = (16, 32)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = size if grey else (*size, 3)
    Image.fromarray(np.random.default_rng(seed).integers(0, 9 if grey else 256, shape, np.uint8)).save(path)


def fill(root: Path, split: str, count: int) -> None:
    """Pictures for each kind of data."""
    for number in range(count):
        for folder in ("a", "b", "labels"):
            write(root / "folders" / split / folder / f"{number}.png", number, grey=folder == "labels")
        for folder in (split, f"{split}A", f"{split}B"):
            write(root / "joint" / folder / f"{number}.png", number)


def make(kind: str, root: Path, **options: float) -> PictureData:
    folders, joint = str(root / "folders"), str(root / "joint")
    chosen = {**SMALL, **options}
    if kind == "style":
        return StyleData(f"{joint}", f"{joint}", num_workers=0, load_size=16, crop_size=16, test_size=16, **options)
    return {
        "paired": lambda: PairedData(folders, "a", "b", **chosen),
        "side by side": lambda: PairedData(joint, **chosen),
        "made": lambda: PairedData(joint, made_from="lab", **chosen),
        "semantic": lambda: SemanticData(folders, target="a", labels=9, **chosen),
        "unpaired": lambda: UnpairedData(joint, **chosen),
        "folders": lambda: UnpairedData(folders, "a", "b", **chosen),
    }[kind]()


def names(data: PictureData, split: str) -> set[str]:
    dataset = data.datasets[split]
    return {dataset[0, index]["name"] for index in range(len(dataset))}


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_train_is_held_out(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, "train", 12)
    fill(tmp_path, "test", 2)
    data = make(kind, tmp_path, val_fraction=0.25)
    data.setup("fit")
    data.setup("validate")
    train, val = names(data, "train"), names(data, "val")
    assert len(val) == 3
    assert train | val == set(map(str, range(12)))
    assert not train & val
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("Validation: 3 of 12 training pictures")
    assert ", held out by --data.val_fraction 0.25, since " in said[0]
    assert said[0].endswith("valB/." if kind == "unpaired" else "val/.")
    again = make(kind, tmp_path, val_fraction=0.25, seed=7)
    again.setup("validate")
    assert names(again, "val") == val
    data.setup("test")
    assert names(data, "test") == {"0", "1"}
    assert capsys.readouterr().err.count("\n") == 1  # what `again` said


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_held_out(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, "train", 3)
    data = make(kind, tmp_path, val_fraction=0)
    data.setup("fit")
    assert names(data, "train") == set("012")
    assert list(data.val_dataloader()) == []
    assert " and --data.val_fraction is 0." in capsys.readouterr().err
    with pytest.raises(ZooError, match=r"No validation: .* has no val.* --data.val_fraction is 0: put pictures there"):
        make(kind, tmp_path, val_fraction=0).setup("validate")
    with pytest.raises(ZooError, match="there is no such folder, and the pictures of training measure nothing: put"):
        data.setup("test")


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_validation_is_used_as_it_is(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, "train", 3)
    fill(tmp_path, "val", 2)
    data = make(kind, tmp_path)
    data.setup("fit")
    assert names(data, "train") == set("012")
    assert names(data, "val") == set("01")
    assert capsys.readouterr().err == ""
    data.setup("test")
    assert names(data, "test") == set("01")
    said = capsys.readouterr().err
    assert said.startswith("Test: 2 pictures in ")
    assert "/val" in said
    assert ", since " in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_picture_is_trained_on(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, "train", 1)
    data = make(kind, tmp_path, val_fraction=0.9)
    data.setup("fit")
    assert len(data.datasets["train"]) == 1
    assert list(data.val_dataloader()) == []
    assert "No validation: " in capsys.readouterr().err


def test_how_many_and_which_are_held_out() -> None:
    every = [f"{number:03}" for number in range(367)]
    out = held_out(every, 0.1)
    assert len(out) == 37
    assert held_out(every[::-1], 0.1) == out
    assert len(held_out([*every, "new"], 0.1) - out) <= 1
    assert sorted(out)[:3] == ["010", "057", "063"]  # the same in each process and each version
    assert [len(held_out(every[:count], 0.1)) for count in (1, 2, 4, 20, 25)] == [0, 1, 1, 2, 2]
    assert len(held_out(every[:3], 0.99)) == 2
    assert held_out(every, 0) == set()


def test_a_run_without_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It trains, and leaves a model and a checkpoint."""
    monkeypatch.chdir(tmp_path)
    for number in range(2):
        write(Path("pairs", "train", f"{number}.png"), number, size=(64, 128))
    options = [
        *("--model", "Pix2Pix", "--model.generator", "unet_64", "--model.width", "1"),
        *("--model.discriminator_width", "1", "--model.receptive_field", "34"),
        *("--data", "PairedData", "--data.root", "pairs", "--data.load_size", "64", "--data.crop_size", "64"),
        *("--data.test_size", "64", "--data.num_workers", "0", "--data.val_fraction", "0"),
        *("--trainer.accelerator", "cpu", "--trainer.max_epochs", "1"),
    ]
    assert main(["fit", *options]) == 0
    (run,) = Path("runs").glob("*/version_0")
    assert (run / "model" / "config.json").exists()
    assert (run / "checkpoints" / "last.ckpt").exists()
    with pytest.raises(ZooError, match="cannot have val_fraction=1"):
        PairedData("pairs", val_fraction=1)
