"""Sequences of label maps and frames from folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.data.label_clips import LabelClipData
from i2i_zoo.data.report import report
from i2i_zoo.errors import ZooError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sequences to train on and one to validate with; each frame has the number of its place as its label."""
    for split, names in (("train", ("a", "b")), ("val", ("c",))):
        for name in names:
            for number in range(6):
                ids = np.full((8, 16), number, np.uint8)
                ids[:, 8:] = 7
                colours = np.stack([60 + 20 * ids, 100 + 10 * ids, 200 - 5 * ids], -1)
                for folder, picture in (("labels", ids), ("instances", ids + 100), ("images", colours)):
                    file = tmp_path / split / folder / name / f"{number:02}.png"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(picture).save(file)
    return tmp_path


def data(root: Path, **options: Any) -> LabelClipData:
    chosen: dict[str, Any] = {"labels": 8, "size": [8, 16], "num_workers": 0, "frames": 3, **options}
    made = LabelClipData(str(root), **chosen)
    made.setup("fit")
    return made


def test_clips_are_neighbours_of_one_sequence(root: Path) -> None:
    train: Any = data(root, instance="instances", stride=2).datasets["train"]
    assert len(train) == 2
    starts, mirrored = set(), set()
    for epoch in range(12):
        item = train[epoch, 1]
        assert item["name"] == "b"
        assert item["label"].shape == (3, 8, 16)
        assert item["video"].shape == (3, 3, 8, 16)
        flipped = int(item["label"][0, 0, 0]) == 7
        first = int(item["label"][0, 0, -1 if flipped else 0])
        expected = torch.tensor([first, first + 2, first + 4])
        assert torch.equal(item["label"][:, 0, -1 if flipped else 0], expected)
        assert torch.equal(item["instance"], item["label"] + 100)
        torch.testing.assert_close(item["video"][:, 0], (60 + 20 * item["label"]) / 127.5 - 1)
        starts.add(first)
        mirrored.add(flipped)
    assert starts == {0, 1}
    assert mirrored == {False, True}


def test_validation_begins_with_the_first_frame(root: Path) -> None:
    val: Any = data(root).datasets["val"]
    for epoch in range(3):
        assert val[epoch, 0]["label"][:, 0, 0].tolist() == [0, 1, 2]
    assert "instance" not in val[0, 0]


def test_frames_follow_each_other_by_number(root: Path) -> None:
    for file in [*root.rglob("*.png")]:
        file.rename(file.with_name(f"{int(file.stem) + 8}.png"))  # 8 and 9 come before 10
    val: Any = data(root, frames=6).datasets["val"]
    assert val[0, 0]["label"][:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_what_is_refused(root: Path) -> None:
    with pytest.raises(
        ZooError, match="the sequence a of train has 6 frames, and 4 with stride 2 need 7; lower --data"
    ):
        data(root, frames=4, stride=2)
    Image.new("L", (8, 8)).save(root / "train/labels/b/03.png")
    with pytest.raises(ZooError, match=r"03\.png"):
        data(root)


def test_edges_are_label_maps_of_two_labels(root: Path) -> None:
    """White lines on black in one channel, in colours, or with soft edges; or the ids themselves."""
    line = np.zeros((8, 16), np.uint8)
    line[2:4, 3:12] = 1
    soft = line * 255
    soft[4, 3:12] = 90
    for number in range(6):
        drawing = (soft, soft[..., None].repeat(3, -1), line)[number % 3]
        for clip in ("train/labels/a", "train/labels/b", "val/labels/c"):
            Image.fromarray(drawing).save(root / clip / f"{number:02}.png")
    train: Any = data(root, labels=2, palette="lines", flip=False, frames=6).datasets["train"]
    label = train[0, 0]["label"]
    assert torch.equal(label, torch.from_numpy(line).long().expand(6, 8, 16))


def write_flows(root: Path) -> None:
    """Frame k moves by k and 10 k, in each kind of file; the first of a sequence has none."""
    for split, names in (("train", ("a", "b")), ("val", ("c",))):
        for name in names:
            folder = root / split / "flow" / name
            folder.mkdir(parents=True)
            for number in range(1, 6):
                flow = np.stack([np.full((8, 16), number), np.full((8, 16), 10 * number)]).astype(np.float32)
                if number % 2:
                    np.savez(folder / f"{number:02}.npz", flow)
                else:
                    np.save(folder / f"{number:02}.npy", flow.transpose(1, 2, 0))


def test_flow_is_not_reported_as_pictures(root: Path) -> None:
    write_flows(root)
    found = report(data(root, flow="flow", size=[4, 32]))
    assert found.errors == []
    assert not [fact for fact in (*found.facts, *found.warnings) if "/flow" in str(fact)]


def test_flow_of_files_belongs_to_its_frame_and_is_scaled_and_mirrored_with_it(root: Path) -> None:
    write_flows(root)
    loaded = data(root, flow="flow", size=[4, 32])
    train: Any = loaded.datasets["train"]
    signs = set()
    for epoch in range(8):
        item = train[epoch, 0]
        flipped = int(item["label"][0, 0, 0]) == 7
        first = int(item["label"][0, 0, -1 if flipped else 0])
        assert item["flow"].shape == (3, 2, 4, 32)
        sign = -1 if flipped else 1
        # Twice as wide, half as high.  The flow of the first frame leads out of the clip.
        assert item["flow"][:, 0, 0, 0].tolist() == [0, sign * 2 * (first + 1), sign * 2 * (first + 2)]
        assert item["flow"][:, 1, 3, 5].tolist() == [0, 5 * (first + 1), 5 * (first + 2)]
        signs.add(sign)
    assert signs == {-1, 1}


def test_flow_that_is_missing_or_of_another_size_is_refused(root: Path) -> None:
    with pytest.raises(ZooError, match=r"10 frames have no flow .* folder flow of their split: .*01\.png; .*\.flo"):
        data(root, flow="flow")
    write_flows(root)
    with pytest.raises(ZooError, match=r"--data\.stride 2 leaves that one out"):
        data(root, flow="flow", stride=2)
    np.save(root / "train/flow/b/04.npy", np.zeros((2, 8, 8), np.float32))
    with pytest.raises(ZooError, match=r"04\.npy has 8x8 pixels, and .*04\.png has 16x8"):
        data(root, flow="flow")
