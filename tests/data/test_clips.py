"""Clips from files of all layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.data.clips import ClipData
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import save_clip


def clip(seed: int, length: int = 8, height: int = 16, width: int = 16) -> list[Image.Image]:
    """Frames of one random colour each, in which red counts them and blue rises to the right."""
    blue = np.linspace(0, 255, width).astype(np.uint8)[None].repeat(height, 0)
    frames = []
    for number in range(length):
        array = np.stack([np.full_like(blue, 10 * number), np.full_like(blue, 20 * seed), blue], -1)
        frames.append(Image.fromarray(array))
    return frames


def red(video: torch.Tensor) -> list[int]:
    """The numbers of a clip's frames."""
    return [round((frame[0].mean().item() + 1) * 127.5 / 10) for frame in video]


def write(root: Path, name: str = "{}.webp", count: int = 6, **shape: int) -> None:
    for number in range(count):
        save_clip(clip(number, **shape), root / name.format(number))


def test_a_clip_begins_anywhere_and_is_mirrored_as_a_whole(tmp_path: Path) -> None:
    write(tmp_path)
    data = ClipData(str(tmp_path), frames=3, stride=2, size=16, flip=True, val_fraction=0, seed=3)
    items = data.dataset("train")
    assert len(items) == 6
    starts, sides = set(), set()
    for epoch in range(8):
        for index in range(6):
            item = items[epoch, index]
            assert (item["name"], item["video"].shape) == (str(index), (3, 3, 16, 16))
            assert "action" not in item
            first, *others = red(item["video"])
            assert others == [first + 2, first + 4]
            rising = (item["video"][:, 2, 0, -1] > item["video"][:, 2, 0, 0]).tolist()
            assert len(set(rising)) == 1
            starts.add(first)
            sides.add(rising[0])
    assert (starts, sides) == ({0, 1, 2, 3}, {False, True})
    again = ClipData(str(tmp_path), frames=3, stride=2, size=16, flip=True, val_fraction=0, seed=3).dataset("train")
    assert all(torch.equal(again[2, i]["video"], items[2, i]["video"]) for i in range(6))
    test = data.dataset("test")
    assert all(red(test[epoch, 1]["video"]) == [0, 2, 4] for epoch in range(3))


LAYOUTS: dict[str, dict[str, Any]] = {"{}.webp": {}, "{}.gif": {}, "{}": {}, "{}.png": {"strips": True}, "{}.mp4": {}}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_with_classes(tmp_path: Path, name: str) -> None:
    if name.endswith("mp4"):
        pytest.importorskip("av")
    for split, count in (("train", 3), ("test", 2)):
        for action in ("walk", "dance"):
            write(tmp_path / split / action, name, count)
    data = ClipData(str(tmp_path), frames=8, size=16, batch_size=2, num_workers=0, **LAYOUTS[name])
    data.setup("fit")
    data.setup("test")
    assert data.actions == ["dance", "walk"]
    assert (len(data.datasets["train"]), len(data.datasets["val"]), len(data.datasets["test"])) == (5, 1, 4)
    batches = list(data.test_dataloader())
    assert [batch["action"].tolist() for batch in batches] == [[0, 0], [1, 1]]
    assert batches[0]["name"] == ["dance/0", "dance/1"]
    assert batches[0]["video"].shape == (2, 8, 3, 16, 16)
    assert red(batches[1]["video"][1]) == list(range(8))
    assert batches[0]["video"].amin() >= -1
    assert batches[0]["video"].amax() <= 1


def test_moving_mnist(tmp_path: Path) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (20, 7, 64, 64), np.uint8)
    np.save(tmp_path / "mnist_test_seq.npy", clips)
    data = ClipData(str(tmp_path), channels=1, val_fraction=0.3, num_workers=0, batch_size=2)
    train, val = data.dataset("train"), data.dataset("val")
    assert (len(train), len(val)) == (5, 2)
    test = data.dataset("test")
    assert test[0, 4]["name"] == "mnist_test_seq/000004"
    video = torch.from_numpy(clips[:16, 4, None]).float() / 127.5 - 1
    torch.testing.assert_close(test[0, 4]["video"], video)
    coloured = ClipData(str(tmp_path)).dataset("test")[0, 4]["video"]
    torch.testing.assert_close(coloured, video.expand(-1, 3, -1, -1))


def test_other_shapes_are_cropped_at_their_centre(tmp_path: Path) -> None:
    write(tmp_path, height=32, width=64, count=2)
    items = ClipData(str(tmp_path), frames=2, size=[16, 16]).dataset("test")
    video = items[0, 0]["video"]
    assert video.shape == (2, 3, 16, 16)
    left, right = ((video[0, 2, 0, side].item() + 1) / 2 for side in (0, -1))
    assert left == pytest.approx(0.25, abs=0.03)
    assert right == pytest.approx(0.75, abs=0.03)


def test_short_clips_are_left_out_and_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "train", count=3)
    save_clip(clip(0, 4), tmp_path / "train" / "short.webp")
    data = ClipData(str(tmp_path), frames=3, stride=2, size=16, val_fraction=0)
    data.setup("fit")
    assert len(data.datasets["train"]) == 3
    said = f"{tmp_path}: 1 of 4 clips of train are left out, since 3 frames with stride 2 need 5: short."
    assert said in capsys.readouterr().err
    with pytest.raises(
        ZooError, match="all 4 clips of train are too short, since 9 frames with stride 1 need 9; lower"
    ):
        ClipData(str(tmp_path), frames=9, val_fraction=0).dataset("train")


def test_what_is_no_clip(tmp_path: Path) -> None:
    def check(sentence: str, **options: Any) -> None:
        with pytest.raises(ZooError, match=sentence) as raised:
            _ = ClipData(str(tmp_path), **{"frames": 2, "val_fraction": 0, **options}).dataset("train")
        assert "\n" not in str(raised.value)

    (tmp_path / "train").mkdir()
    check(r"train: the folder holds no clips; check the path\.$")
    write(tmp_path / "train", "{}.png", count=1)
    check(r"train: it holds pictures and not clips: give the frames of each clip a folder .* set --data\.strips true")
    (tmp_path / "train" / "0.png").rename(tmp_path / "0.png")
    write(tmp_path / "train", "{}", count=2)
    Image.new("RGB", (20, 16)).save(tmp_path / "train" / "0" / "000003.png")
    check(r"1 clip cannot be used: .*/0: its frames have 16x16 and 20x16 pixels; scale them to one size, or set --data")
    check(r"1 clip cannot be used: .*000003\.png: a strip holds square frames, and 20x16 pixels are", strips=True)
    (tmp_path / "train" / "0" / "000003.png").write_bytes(b"no picture")
    check(r"1 file is broken or cannot be used: .*000003\.png: the file is not a picture that can be read")
    (tmp_path / "train" / "0" / "000003.png").unlink()
    (tmp_path / "train" / "1.gif").write_bytes(b"GIF89a")
    check(r"1\.gif and .*/train/1 have the same name; remove or rename one\.$")
    (tmp_path / "train" / "1.gif").rename(tmp_path / "train" / "2.gif")
    check(r"1 clip cannot be used: .*2\.gif: the GIF cannot be read")
    (tmp_path / "train" / "2.gif").unlink()
    np.save(tmp_path / "train" / "a.npy", np.zeros((4, 8, 8)))
    check(r"a\.npy: clips have the shape \(frames, clips, height, width\) and uint8, .* not \(4, 8, 8\) and float64\.$")
    (tmp_path / "train" / "a.npy").write_bytes(b"no array")
    check(r"a\.npy: the clips cannot be read \(.*\); replace the file\.$")
    (tmp_path / "train" / "a.npy").unlink()
    write(tmp_path / "train" / "walk", count=1)
    check(r"this clip lies in no folder of a class, and others do; put all of them into such folders, or none\.$")


def test_a_damaged_clip_is_named_when_it_is_read(tmp_path: Path) -> None:
    write(tmp_path, "{}", count=2)
    items = ClipData(str(tmp_path), frames=8, size=16).dataset("test")
    Image.new("RGB", (20, 16)).save(tmp_path / "0" / "000003.png")
    with pytest.raises(ZooError, match="0: frames are missing, or have another size than the first; replace it"):
        items[0, 0]
    assert items[0, 1]["video"].shape == (8, 3, 16, 16)
