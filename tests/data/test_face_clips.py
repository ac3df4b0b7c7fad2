"""Clips of faces with landmarks, in the folders of vid2vid's authors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

import tiny
from i2i_zoo.cli.main import main
from i2i_zoo.data.face_clips import FaceClipData
from i2i_zoo.data.rendered.face_clips import Talk
from i2i_zoo.errors import ZooError
from i2i_zoo.media.faces import face_box, face_maps, read_face
from i2i_zoo.media.pictures import read_picture, to_float, to_pil
from i2i_zoo.pretrained.flow import pretrained_flow
from i2i_zoo.tasks.preprocess import FacePreprocess

TALK = Talk(person=1, speech=0, size=40, rate=4)


def write(root: Path, split: str, clip: str, count: int, start: int = 0) -> None:
    for kind in ("img", "keypoints"):
        (root / f"{split}_{kind}" / clip).mkdir(parents=True)
    for number in range(count):
        picture = to_pil(to_float(TALK.frame(start + number)["video"]))
        picture.resize((100, 90)).save(root / f"{split}_img" / clip / f"{number:03}.png")
        points = (TALK.points(start + number) - torch.tensor([TALK.box.left, TALK.box.top])) * 90 / TALK.box.side
        np.savetxt(root / f"{split}_keypoints" / clip / f"{number:03}.txt", points.numpy(), fmt="%d", delimiter=",")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "train", "ann", 6)
    write(tmp_path, "train", "bob", 5, 8)
    write(tmp_path, "test", "cid", 4, 20)
    return tmp_path


def test_items_are_cut_out_around_the_first_face(root: Path) -> None:
    data = FaceClipData(str(root), size=32, frames=3)
    data.setup("fit")
    data.setup("test")
    assert [len(data.datasets[split]) for split in ("train", "val", "test")] == [2, 0, 1]
    item = data.datasets["test"][(0, 0)]
    assert item["name"] == "cid"
    assert item["face"].shape == (3, 15, 32, 32)
    assert item["video"].shape == (3, 3, 32, 32)
    faces = [read_face(root / f"test_keypoints/cid/00{number}.txt") for number in range(3)]
    pictures = [read_picture(root / f"test_img/cid/00{number}.png") for number in range(3)]
    box = face_box(faces[0], (90, 100))
    assert torch.equal(item["face"][2], face_maps(faces[2], box, (32, 32), pictures[2]))
    whole = FaceClipData(str(root), size=box.side, frames=3, background=False)
    whole.setup("test")
    item = whole.datasets["test"][(0, 0)]
    assert torch.equal(item["video"][1], box.crop(pictures[1]))
    assert torch.equal(item["face"][1], face_maps(faces[1], box, (box.side, box.side)))
    assert data.preprocess == FacePreprocess((32, 32), True)
    assert whole.preprocess == FacePreprocess((box.side, box.side), False)


def test_frames_follow_each_other_by_number(root: Path) -> None:
    def shown() -> torch.Tensor:
        data = FaceClipData(str(root), size=32, frames=4)
        data.setup("test")
        return data.datasets["test"][(0, 0)]["video"]

    padded = shown()
    for file in [*root.rglob("00*.*")]:
        file.rename(file.with_stem(str(int(file.stem) + 8)))  # 8 and 9 come before 10
    assert torch.equal(shown(), padded)


def test_training_begins_anywhere_and_is_mirrored(root: Path) -> None:
    data = FaceClipData(str(root), size=32, frames=2, stride=2, background=False)
    data.setup("fit")
    train = data.datasets["train"]
    starts, mirrored = set(), set()
    for epoch in range(12):
        item = train[(epoch, 0)]
        assert torch.equal(item["face"], train[(epoch, 0)]["face"])
        for start in range(4):
            first, second = (read_face(root / f"train_keypoints/ann/00{start + step}.txt") for step in (0, 2))
            maps = face_maps(second, face_box(first, (90, 100)), (32, 32))
            for flipped in (False, True):
                if torch.equal(item["face"][1], maps.flip(-1) if flipped else maps):
                    starts.add(start)
                    mirrored.add(flipped)
    assert starts == {0, 1, 2, 3}
    assert mirrored == {False, True}


def test_a_model_trains_without_validation(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    torch.save(
        torchvision.models.get_model("raft_small", weights=None).state_dict(), "raft.pth"
    )  # of no use, but whole
    monkeypatch.setattr("i2i_zoo.pretrained.flow.fetch", lambda url, **options: Path("raft.pth"))
    narrow = {"width": 4, "downs": 1, "blocks": 2, "discriminator_width": 2, "discriminator_scales": 1}
    options = narrow | {"temporal_scales": 0, "lambda_perceptual": 0, "frames": 1, "chunk": 1, "flow": "raft_small"}
    data = ["--data=FaceClipData", f"--data.root={root}", "--data.size=32", "--data.frames=3", "--data.num_workers=0"]
    model = ["--model=Vid2VidFace", *(f"--model.{key}={value}" for key, value in options.items())]
    trainer = [argument for argument in tiny.ARGS if argument.startswith("--trainer")]
    assert main(["fit", *model, *data, *trainer]) == 0
    pretrained_flow.cache_clear()
    (card,) = tmp_path.glob("runs/*/version_0/model/README.md")
    assert "landmarks/ --first first.png --picture pictures/ -o results" in card.read_text()


def test_wrong_folders_are_refused(root: Path) -> None:
    def refused(words: str, split: str = "fit", **options: object) -> None:
        with pytest.raises(ZooError, match=words):
            FaceClipData(str(root), **{"frames": 3, **options}).setup(split)

    refused(r"the clip bob of train has 5 frames, and 6 with stride 1 need 6; lower --data\.frames", frames=6)
    lonely = root / "train_keypoints" / "ann" / "002.txt"
    content = lonely.read_text()
    lonely.write_text(content.partition("\n")[2])
    refused(r"002\.txt: a face has 68 points of x and y, .*, not 67 points")
    lonely.write_text(content.replace(content.split(",")[0], "nan", 1))
    refused(r"002\.txt: point 0 is at \(nan, .*\), which is no place in a picture")
    lonely.write_text(
        "".join(f"{float(x) * 10},{float(y) * 10}\n" for x, y in (line.split(",") for line in content.split()))
    )
    refused(r"002\.txt: 68 of its 68 points are outside of its picture of 100x90 pixels; find the landmarks in this")
    lonely.write_text(content)
    lonely.with_suffix(".csv").write_text(content)
    refused(r"002\.csv and .*002\.txt have the same name; remove or rename one\.$")
    lonely.with_suffix(".csv").unlink()
    lonely.unlink()
    refused(r"1 files have no partner .* in train_keypoints or train_img: .*ann.002\.png; add their landmarks")
    lonely.write_text(content)
    (root / "train_img" / "bob" / "001.png").write_bytes(b"broken")
    refused(r"001\.png: the file is not a picture that can be read")
    refused("No validation: there is no folder .*val_img: put clips there", "validate")
    (root / "test_img").rename(root / "other")
    refused("there is neither a folder test_img nor val_img to test on; add one", "test")
    (root / "other").rename(root / "val_img")
    (root / "test_keypoints").rename(root / "val_keypoints")
    data = FaceClipData(str(root), frames=3)
    data.setup("test")
    assert len(data.datasets["test"]) == 1
    for file in (root / "val_keypoints" / "cid").iterdir():
        file.unlink()
    refused(r"val_keypoints: the folder holds no \.txt or \.csv files", "test")
