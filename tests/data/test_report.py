"""What `data.report` finds in folders of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.data.clips import ClipData
from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.rendered.street_data import SyntheticPairs
from i2i_zoo.data.report import report
from i2i_zoo.data.semantic import SemanticData
from i2i_zoo.data.style import StyleData
from i2i_zoo.data.unpaired import UnpairedData
from i2i_zoo.media.labels import palette_colours

SIZES: dict[str, Any] = {"load_size": 32, "crop_size": 32, "test_size": 32}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def save(path: str, pixels: Any) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def photo(number: int, side: int = 32) -> Any:
    return np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)


def ids(number: int) -> Any:
    """Two labels: a quarter of 3, the rest 1; a pixel more makes each map another one."""
    label = np.ones((32, 32), np.uint8)
    label[:16, :16] = 3
    label[-1, number] = 3
    return label


def scenes(root: str = "scenes", train: int = 3) -> None:
    for split, numbers in {"train": range(train), "val": range(train, train + 2)}.items():
        for number in numbers:
            save(f"{root}/{split}/labels/{number}.png", ids(number))
            save(f"{root}/{split}/images/{number}.png", photo(number))


def test_counts_sizes_channels_and_labels() -> None:
    scenes()
    found = report(SemanticData("scenes", labels=12, palette="camvid", **SIZES), samples=2)
    facts = [text for _, text in found.facts]
    assert [label for label, _ in found.facts if label] == ["train", "val", "test"]
    assert "3 items" in facts
    assert "scenes/train/labels: 3 pictures of 32x32 pixels; 1 channel of 8 bits" in facts
    assert "scenes/train/images: 3 pictures of 32x32 pixels; 3 channels of 8 bits" in facts
    assert "labels: 1 building 74.9 %, 3 road 25.1 %" in facts
    assert "labels that do not occur: 0 sky, 2 pole, 4 pavement, 5 tree, 6 sign, 7 fence and 4 more" in facts
    assert found.errors == []
    assert found.warnings == ["Test: 2 pictures in scenes/val, since scenes has no test/."]
    assert [set(sample) for sample in found.samples] == [{"name", "label", "target"}] * 2


def test_duplicates_within_a_split_and_in_two() -> None:
    scenes()
    save("scenes/train/images/1.png", photo(0))
    save("scenes/val/images/3.png", photo(2))
    warnings = report(SemanticData("scenes", labels=12, **SIZES)).warnings
    names = "scenes/train/images/0.png and scenes/train/images/1.png"
    assert f"1 file of train is there more than once, such as {names}." in warnings
    names = "scenes/train/images/2.png and scenes/val/images/3.png"
    assert f"1 file of val is also in train, such as {names}; measure on others." in warnings


def test_what_training_refuses_is_an_error_of_its_split() -> None:
    scenes()
    pairs = {"root": "scenes", "source": "labels", "target": "images", **SIZES}
    errors = report(PairedData(**pairs)).errors
    assert [error.partition(":")[0] for error in errors] == ["train", "val", "test"]
    assert all("looks like a label map of ids" in error for error in errors)
    Path("scenes/train/labels/2.png").unlink()
    errors = report(PairedData(**pairs, source_palette="camvid")).errors
    assert len(errors) == 1
    assert "1 pictures have no partner of the same name in the other folder: scenes/train/images/2.png" in errors[0]
    save("scenes/train/labels/2.png", np.full((32, 32), 200, np.uint8))
    errors = report(PairedData(**pairs, source_palette="camvid")).errors
    assert len(errors) == 1
    assert "label 200 has no colour in the palette 'camvid'" in errors[0]


def test_soft_label_maps_and_photographs_as_label_maps() -> None:
    for number in range(3):
        labels = np.kron(np.random.default_rng(number).integers(0, 5, (4, 4)), np.ones((16, 16), np.int64))
        maps = Image.fromarray(palette_colours("camvid")[labels])
        Path("pairs/train/labels").mkdir(parents=True, exist_ok=True)
        maps.resize((40, 40), Image.Resampling.BICUBIC).resize((64, 64)).save(f"pairs/train/labels/{number}.jpg")
        save(f"pairs/train/images/{number}.png", photo(number, 64))
    options = {"root": "pairs", "source": "labels", "target": "images", "source_palette": "camvid", **SIZES}
    found = report(PairedData(**options))
    (soft,) = [warning for warning in found.warnings if "become the nearest label" in warning]
    assert soft.startswith("pairs/train/labels: up to ")
    assert "Validation: 1 of 3 training pictures" in " ".join(found.warnings)
    assert found.errors == []
    assert found.warnings[-2] == ("test: pairs/test: there is no such folder, and the pictures of training measure "
                                  "nothing: put others there; see PairedData for the layouts.")  # fmt: skip
    swapped = report(PairedData(**{**options, "source": "images", "target": "labels"}))
    assert "of the pixels have no colour of the palette 'camvid'" in swapped.errors[0]


def test_pictures_that_make_no_batch_or_no_crop() -> None:
    for number, side in enumerate((32, 48, 32)):
        save(f"pairs/train/{number}.png", np.concatenate([photo(number, side)] * 2, 1))
        save(f"pairs/test/{number}.png", np.concatenate([photo(10 + number, side)] * 2, 1))
    options: dict[str, Any] = {"root": "pairs", "load_size": None, "val_fraction": 0.0}
    found = report(PairedData(**options, crop_size=None, batch_size=2))
    assert "A batch holds source of one size, not of 32x32 and 48x48 pixels" in found.errors[0]
    assert ("", "pairs/train: 3 pictures of 64x32 (2), 96x48 (1) pixels; 3 channels of 8 bits") in found.facts
    found = report(PairedData(**options, crop_size=40))
    assert [error for error in found.errors if "32x32 pixels are too few for crops of 40x40" in error]


def test_two_sets_styles_and_clips() -> None:
    scenes()
    found = report(UnpairedData("scenes", a="labels", b="images", palette_a="camvid", **SIZES))
    assert found.errors == []
    assert ("train", "3 items") in found.facts
    assert ("", "labels: 1 building 74.9 %, 3 road 25.1 %") in found.facts, "of validation, whose items have label maps"
    found = report(StyleData("scenes/train/images", "scenes/val/images", load_size=32, crop_size=16, test_size=16))
    assert found.errors == []
    assert [set(sample) >= {"content", "style"} for sample in found.samples] == [True] * 2
    for clip in range(2):
        for frame in range(4):
            save(f"clips/{clip}/{frame}.png", photo(4 * clip + frame))
    found = report(ClipData("clips", frames=3, size=16, val_fraction=0.0))
    assert found.errors == []
    assert ("train", "2 items") in found.facts
    assert found.samples[0]["video"].shape == (3, 3, 16, 16)
    assert "all 2 clips of train are too short" in report(ClipData("clips", frames=9, val_fraction=0.0)).errors[0]


def test_rendered_data_have_no_files() -> None:
    found = report(SyntheticPairs(train=2, val=1, test=1, size=32))
    assert [text for label, text in found.facts if label] == ["2 items", "1 item", "1 item"]
    assert found.warnings == found.errors == []
    assert torch.equal(found.samples[0]["source"], SyntheticPairs(train=2, size=32).dataset("train")[0, 0]["source"])
