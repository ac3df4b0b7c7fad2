from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.data.style import StyleData
from i2i_zoo.errors import ZooError
from i2i_zoo.media.geometry import resize_shorter
from i2i_zoo.media.pictures import decode_picture, to_float


def write(folder: Path, sizes: list[tuple[int, int]], mode: str = "RGB") -> None:
    """Pictures of noise of so many pixels across and down."""
    folder.mkdir(parents=True)
    for number, (width, height) in enumerate(sizes):
        random = np.random.default_rng(number)
        shape = (height, width, 3) if mode == "RGB" else (height, width)
        Image.fromarray(random.integers(0, 256, shape, np.uint8), mode).save(folder / f"{folder.name}{number}.png")


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """Contents and styles of any sizes, one of them grey."""
    write(tmp_path / "contents", [(40, 30), (50, 64), (33, 33)])
    write(tmp_path / "styles", [(70, 41), (24, 90)])
    write(tmp_path / "more", [(48, 48)], "L")
    (tmp_path / "more" / "more0.png").rename(tmp_path / "styles" / "grey.png")
    return {"content": str(tmp_path / "contents"), "style": str(tmp_path / "styles")}


def test_crops_of_any_size_and_seeded_partners(folders: dict[str, str]) -> None:
    data = StyleData(**folders, load_size=32, crop_size=24, seed=3, val_fraction=0)
    items = data.dataset("train")
    assert len(items) == 3
    drawn = [items[epoch, index] for epoch in range(6) for index in range(3)]
    assert all(item[key].shape == (3, 24, 24) for item in drawn for key in ("content", "style"))
    assert [item["name"] for item in drawn[:3]] == ["contents0", "contents1", "contents2"]
    assert {item["name_style"] for item in drawn} == {"styles0", "styles1", "grey"}
    again = StyleData(**folders, load_size=32, crop_size=24, seed=3, val_fraction=0).dataset("train")
    for number, item in enumerate(drawn):
        same = again[number // 3, number % 3]
        assert same["name_style"] == item["name_style"]
        assert all(torch.equal(same[key], item[key]) for key in ("content", "style"))
    other = StyleData(**folders, load_size=32, crop_size=24, seed=4, val_fraction=0).dataset("train")
    assert any(not torch.equal(other[0, index]["content"], drawn[index]["content"]) for index in range(3))


def test_a_crop_keeps_the_shape_of_things(folders: dict[str, str]) -> None:
    """The shorter side is scaled to the load size, the longer one alike."""
    items = StyleData(**folders, load_size=24, crop_size=24, val_fraction=0).dataset("train")
    picture = decode_picture(Path(folders["content"], "contents1.png"))
    assert picture.shape == (3, 64, 50)
    whole = to_float(resize_shorter(picture, 24))
    assert whole.shape == (3, 31, 24)
    crop = items[0, 1]["content"]
    assert any(torch.equal(crop, whole[:, top : top + 24]) for top in range(8))


def test_the_test_shows_the_centre_in_order(folders: dict[str, str]) -> None:
    items = StyleData(**folders, test_size=20).dataset("test")
    shown = [items[0, index] for index in range(3)]
    assert [(item["name"], item["name_style"]) for item in shown] == [
        ("contents0", "grey"),
        ("contents1", "styles0"),
        ("contents2", "styles1"),
    ]
    whole = to_float(resize_shorter(decode_picture(Path(folders["content"], "contents0.png")), 20))
    assert torch.equal(shown[0]["content"], whole[:, :, 3:23])
    assert torch.equal(items[5, 0]["style"], shown[0]["style"])


def test_folders_of_splits_and_no_styles(tmp_path: Path) -> None:
    write(tmp_path / "contents/train", [(30, 30), (31, 30)])
    write(tmp_path / "contents/test", [(30, 30)])
    data = StyleData(str(tmp_path / "contents"), load_size=24, crop_size=24, test_size=24)
    assert {split: len(data.dataset(split)) for split in ("train", "val", "test")} == {"train": 1, "val": 1, "test": 1}
    assert set(data.dataset("train")[0, 0]) == {"content", "name"}
    assert data.preprocess.to_json() == {}


def test_a_batch_is_stacked(folders: dict[str, str]) -> None:
    data = StyleData(**folders, load_size=32, crop_size=16, batch_size=3, num_workers=0, val_fraction=0)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["content"].shape == batch["style"].shape == (3, 3, 16, 16)


def test_what_is_wrong_is_named(folders: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="nowhere"):
        StyleData(folders["content"], str(tmp_path / "nowhere")).dataset("train")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ZooError, match="holds no pictures"):
        StyleData(str(tmp_path / "empty")).dataset("train")
    with pytest.raises(ZooError, match=r"contents\d.png: \d+x\d+ pixels are too few for crops of 64x64"):
        StyleData(**folders, load_size=32, crop_size=64).dataset("train")[0, 0]
    ids = tmp_path / "ids"
    ids.mkdir()
    Image.fromarray(np.full((64, 64), 11, np.uint8)).save(ids / "0.png")
    for option, wrong in (("content", StyleData(str(ids))), ("style", StyleData(folders["content"], str(ids)))):
        with pytest.raises(
            ZooError, match=rf"looks like a label map .* up to 11.*: name a folder .* --data\.{option}\."
        ):
            wrong.dataset("train")
    np.save(tmp_path / "empty" / "0.npy", np.full((64, 64, 4), 99, np.uint8))
    with pytest.raises(
        ZooError, match=r"1 file is broken or cannot be used: .*0\.npy: 4 channels, but the model takes 3"
    ):
        StyleData(folders["content"], str(tmp_path / "empty")).dataset("train")
    Path(folders["style"], "broken.png").write_bytes(b"no picture")
    with pytest.raises(ZooError, match=r"broken\.png"):
        StyleData(**folders).dataset("train")
