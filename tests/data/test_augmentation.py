from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.semantic import SemanticData
from i2i_zoo.data.style import StyleData
from i2i_zoo.data.unpaired import UnpairedData
from i2i_zoo.media.pictures import to_uint8

HEIGHT, WIDTH = 40, 52


def pattern(number: int, channels: int = 3) -> np.ndarray:
    """A picture (40, 52, channels) whose crops all differ."""
    y, x, c = np.mgrid[:HEIGHT, :WIDTH, :channels]
    return ((7 * y * y + 3 * x * y + 11 * x + 50 * c + 90 * number) % 251).astype(np.uint8)


@pytest.fixture
def datasets(tmp_path: Path) -> Any:
    """Makes the training data of a kind, from three files of one size."""
    files = {
        "pairs/train": lambda n: np.concatenate([pattern(n), pattern(n + 10)], 1),
        "maps/train/labels": lambda n: pattern(n, 1)[..., 0] % 12,
        "maps/train/instances": lambda n: pattern(n, 1)[..., 0].astype(np.uint16) * 260,
        "maps/train/images": pattern,
        "sets/trainA": pattern,
        "sets/trainB": lambda n: pattern(n + 20),
        "contents": pattern,
        "styles": lambda n: pattern(n + 30),
    }
    for folder, draw in files.items():
        (tmp_path / folder).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(draw(number)).save(tmp_path / folder / f"{number}.png")
    kinds = {
        "paired": lambda **options: PairedData(str(tmp_path / "pairs"), **options),
        "colours": lambda **options: PairedData(
            str(tmp_path / "maps"), "labels", "images", source_palette="camvid", **options
        ),
        "semantic": lambda **options: SemanticData(str(tmp_path / "maps"), instance="instances", labels=12, **options),
        "unpaired": lambda **options: UnpairedData(str(tmp_path / "sets"), **options),
        "style": lambda **options: StyleData(str(tmp_path / "contents"), str(tmp_path / "styles"), **options),
    }
    return lambda kind, **options: kinds[kind](seed=5, **options).dataset("train")


def tensors(item: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {key: value for key, value in sorted(item.items()) if isinstance(value, torch.Tensor)}


#: SHA-256 of what was drawn, without resizing, before there was `Augmentation`.
CROPS = {
    "paired": "64274130cfc8147a",
    "colours": "6c4ab00afffd5713",
    "semantic": "f7d79234ad213be0",
    "unpaired": "ba4227f2bf0fefe3",
    "style": "dc7ae780dd26d342",
}


@pytest.mark.parametrize("kind", ["paired", "colours", "semantic", "unpaired", "style"])
def test_crops_and_mirror_images_are_drawn_as_ever(kind: str, datasets: Any) -> None:
    """A run goes on as it began: numbers are drawn in the order y, x, mirror, and for A before B."""
    # The shorter side of a style's pictures is as long as it shall be.
    drawn = datasets(kind, load_size=HEIGHT if kind == "style" else None, crop_size=24, flip=True)
    digest = hashlib.sha256()
    for epoch in range(8):
        for index in range(3):
            for key, value in tensors(drawn[epoch, index]).items():
                values = value if key in ("label", "instance") else to_uint8(value)
                digest.update(values.numpy().astype("<i8").tobytes())
    assert digest.hexdigest()[:16] == CROPS[kind]


#: Four pixels each of what was drawn, resized, before there was `Augmentation`: of eight epochs.
RESIZED = {
    "paired": {
        "source": [
            [118, 220, 122, 52],
            [99, 78, 155, 152],
            [92, 52, 146, 207],
            [139, 104, 166, 123],
            [48, 44, 148, 84],
            [87, 123, 167, 231],
            [90, 198, 67, 174],
            [108, 67, 173, 120],
        ],
        "target": [
            [51, 136, 66, 92],
            [147, 166, 127, 146],
            [198, 143, 68, 68],
            [130, 51, 50, 112],
            [215, 150, 115, 93],
            [82, 108, 175, 132],
            [181, 104, 100, 73],
            [162, 217, 66, 44],
        ],
    },
    "colours": {
        "source": [
            [64, 128, 0, 128],
            [64, 0, 192, 128],
            [192, 128, 128, 192],
            [192, 128, 192, 128],
            [60, 128, 128, 128],
            [128, 192, 64, 192],
            [0, 192, 192, 128],
            [64, 0, 64, 128],
        ],
        "target": [
            [118, 220, 122, 52],
            [99, 78, 155, 152],
            [92, 52, 146, 207],
            [139, 104, 166, 123],
            [48, 44, 148, 84],
            [87, 123, 167, 231],
            [90, 198, 67, 174],
            [108, 67, 173, 120],
        ],
    },
    "semantic": {
        "instance": [
            [33020, 62400, 30940, 28340],
            [5200, 8840, 47320, 62400],
            [20280, 28340, 32500, 62920],
            [56680, 28340, 31720, 47060],
            [10400, 12480, 43940, 34580],
            [29380, 35880, 64740, 59800],
            [15080, 57720, 29640, 50700],
            [14820, 21320, 39260, 34320],
        ],
        "label": [
            [7, 0, 11, 1],
            [8, 10, 2, 0],
            [6, 1, 5, 2],
            [2, 1, 2, 1],
            [4, 0, 1, 1],
            [5, 6, 9, 2],
            [10, 6, 6, 3],
            [9, 10, 7, 0],
        ],
        "target": [
            [118, 220, 122, 52],
            [99, 78, 155, 152],
            [92, 52, 146, 207],
            [139, 104, 166, 123],
            [48, 44, 148, 84],
            [87, 123, 167, 231],
            [90, 198, 67, 174],
            [108, 67, 173, 120],
        ],
    },
    "unpaired": {
        "a": [
            [114, 26, 144, 110],
            [103, 57, 133, 72],
            [157, 129, 40, 170],
            [150, 183, 111, 93],
            [193, 97, 65, 112],
            [98, 60, 83, 115],
            [211, 202, 75, 94],
            [193, 214, 141, 154],
        ],
        "b": [
            [60, 194, 166, 168],
            [113, 117, 61, 155],
            [187, 27, 64, 56],
            [206, 120, 129, 112],
            [192, 151, 176, 110],
            [115, 65, 67, 156],
            [120, 116, 192, 105],
            [69, 177, 150, 132],
        ],
    },
    "style": {
        "content": [
            [148, 58, 140, 135],
            [200, 70, 166, 205],
            [201, 148, 168, 124],
            [174, 63, 145, 52],
            [84, 48, 145, 101],
            [48, 125, 46, 95],
            [118, 168, 130, 140],
            [233, 187, 142, 160],
        ],
        "style": [
            [220, 208, 75, 197],
            [85, 152, 128, 72],
            [208, 62, 139, 139],
            [127, 101, 115, 165],
            [65, 205, 105, 138],
            [88, 197, 120, 55],
            [189, 31, 74, 156],
            [189, 99, 126, 122],
        ],
    },
}


@pytest.mark.parametrize("kind", ["paired", "colours", "semantic", "unpaired", "style"])
def test_resized_pictures_are_drawn_as_ever(kind: str, datasets: Any) -> None:
    drawn = datasets(kind, load_size=33 if kind == "style" else [33, 47], crop_size=24, flip=True)
    for epoch in range(8):
        for key, value in tensors(drawn[epoch, 1]).items():
            values = value if key in ("label", "instance") else to_uint8(value)[0].long()
            found = values[4::12, 4::12].flatten()
            # Processors may round a bicubic average another way.
            slack = 0 if key in ("label", "instance") or (kind, key) == ("colours", "source") else 1
            assert (found - torch.tensor(RESIZED[kind][key][epoch])).abs().max() <= slack
