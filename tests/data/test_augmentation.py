from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.data.augmentation import Augmentation
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
    return lambda kind, **options: kinds[kind](seed=5, val_fraction=0, **options).dataset("train")


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


def drawn(seed: int, original: tuple[int, int] = (HEIGHT, WIDTH), **options: Any) -> Augmentation:
    sizes = {"load_size": [30, 39], "crop_size": [24, 26], "flip": True, **options}
    return Augmentation.draw(original, torch.Generator().manual_seed(seed), file=Path("x.png"), **sizes)


def test_a_point_stays_on_what_it_marks() -> None:
    """A marked block of pixels and the point at its centre go the same way, to within a tenth of a pixel."""
    compared, lost = {(load_size, mirrored): 0 for load_size in (30, 60) for mirrored in (False, True)}, 0
    for seed in range(120):
        load_size = 60 if seed % 2 else 30
        augmentation = drawn(seed, load_size=[load_size, load_size + 9], crop_size=[24, 26])
        y, x = 4 + seed * 5 % (HEIGHT - 8), 4 + seed * 7 % (WIDTH - 8)
        picture = torch.full((1, HEIGHT, WIDTH), -1.0)
        picture[:, y - 1 : y + 2, x - 1 : x + 2] = 1
        point = augmentation.keypoints(torch.tensor([[x, y, 1.0]]))[0]
        lost += int(point[2] == 0)
        if 5 <= point[0] <= 20 and 5 <= point[1] <= 18:  # the whole block is in the crop, with what blurs around it
            light = augmentation.picture(picture)[0].double() + 1
            columns, rows = (torch.arange(length) for length in (26, 24))
            centre = torch.stack([(light.sum(0) * columns).sum(), (light.sum(1) * rows).sum()]) / light.sum()
            assert (point[:2] - centre).abs().max() < 0.1
            compared[load_size, augmentation.mirrored] += 1
    assert min(compared.values()) > 2
    assert 0 < lost < 120


def test_points_without_resizing_move_by_whole_pixels() -> None:
    """Every pixel's own point lies, after a crop and a mirror, on the pixel that has its colour."""
    for seed in range(20):
        augmentation = drawn(seed, load_size=None)
        y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
        number = y * WIDTH + x
        moved = augmentation.keypoints(torch.stack([x, y, torch.ones_like(x)], -1).flatten(0, 1).float())
        crop = augmentation.labels(number)
        kept = moved[:, 2] > 0
        assert kept.sum() == crop.numel() == 24 * 26
        assert torch.equal(crop[moved[kept, 1].long(), moved[kept, 0].long()], number.flatten()[kept])
        assert (moved[~kept] == 0).all()


def test_corners_stay_corners_when_resized() -> None:
    """A picture of W pixels covers x from -0.5 to W - 0.5, at any size."""
    augmentation = drawn(0, load_size=[80, 26], crop_size=None, flip=False)
    corners = torch.tensor([[-0.5, -0.5, 1], [51.5, 39.5, 1], [25.5, 19.5, 1], [-0.6, 3, 1], [3, 39.6, 1], [9, 9, 0]])
    moved = augmentation.keypoints(corners)
    assert moved.tolist() == [[-0.5, -0.5, 1], [25.5, 79.5, 1], [12.5, 39.5, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_left_and_right_change_places_in_mirror_images_only() -> None:
    points = torch.tensor([[10.0, 20, 1], [30, 20, 1], [26, 5, 1], [0, 0, 0]])
    seen = set()
    for seed in range(10):
        augmentation = drawn(seed, load_size=None, crop_size=None)
        moved = augmentation.keypoints(points, pairs=[(0, 1), (2, 3)])
        seen.add(augmentation.mirrored)
        if augmentation.mirrored:
            assert moved.tolist() == [[WIDTH - 31, 20, 1], [WIDTH - 11, 20, 1], [0, 0, 0], [WIDTH - 27, 5, 1]]
        else:
            assert torch.equal(moved, points)
    assert seen == {False, True}


def test_frames_of_a_clip_are_treated_alike() -> None:
    frames = torch.stack([torch.from_numpy(pattern(number)).permute(2, 0, 1) for number in range(4)])
    points = torch.tensor([[[20.0, 20, 1], [5, 30, 1]]]).repeat(4, 1, 1)
    points[:, :, 0] += torch.arange(4)[:, None]
    for clip in (frames, frames / 127.5 - 1):
        for seed in range(6):
            augmentation = drawn(seed)
            whole = augmentation.picture(clip)
            assert whole.shape == (4, 3, 24, 26)
            assert whole.dtype == clip.dtype
            assert all(torch.equal(augmentation.picture(frame), part) for frame, part in zip(clip, whole, strict=True))
            moved = augmentation.keypoints(points)
            assert all(torch.equal(augmentation.keypoints(p), part) for p, part in zip(points, moved, strict=True))
            ids = augmentation.labels(frames[:, 0].long())
            assert all(torch.equal(augmentation.labels(f[0].long()), i) for f, i in zip(frames, ids, strict=True))


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int16, torch.int32, torch.int64])
def test_ids_keep_their_type_and_value(dtype: torch.dtype) -> None:
    top = 1 if dtype == torch.bool else torch.iinfo(dtype).max  # of 64 bits, more than a double can hold
    ids = torch.full((HEIGHT, WIDTH), top, dtype=dtype)
    ids[:, ::3] = 0
    for seed in range(4):
        part = drawn(seed).labels(ids)
        assert part.shape == (24, 26)
        assert part.dtype == dtype
        assert set(part.unique().tolist()) == {0, top}


def test_ids_and_colours_are_resized_to_the_same_pixels() -> None:
    ids = torch.from_numpy(pattern(0, 1)[..., 0])
    for seed in range(6):
        augmentation = drawn(seed)
        assert torch.equal(augmentation.labels(ids), augmentation.picture(ids[None], nearest=True)[0])
