"""Files of poses: every form is read, and what is wrong in one is named in a sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from i2i_zoo.errors import ZooError
from i2i_zoo.media.pose_files import Poses, array_poses, is_pose_array, read_poses, write_poses
from i2i_zoo.media.poses import COCO_POINTS, POINTS


def openpose(count: int = 18, first: float = 10.0, confidence: float = 0.5) -> dict[str, Any]:
    """OpenPose's record of one person, whose point i is at (first + i, first + 2 i)."""
    numbers = [number for i in range(count) for number in (first + i, first + 2 * i, confidence)]
    return {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": numbers}]}


def coco(name: str = "a.jpg", visibility: int = 2) -> dict[str, Any]:
    """COCO's dataset of one picture with one person, whose point i is at (10 + i, 10 + 2 i)."""
    keypoints = [number for i in range(17) for number in (10 + i, 10 + 2 * i, visibility)]
    return {
        "images": [{"id": 7, "file_name": name, "height": 100, "width": 50}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "keypoints": keypoints}],
    }


def csv(*rows: tuple[str, list[int], list[int]]) -> str:
    return "\n".join(["name:keypoints_y:keypoints_x", *(f"{name}: {y}: {x}" for name, y, x in rows)]) + "\n"


def saved(folder: Path, content: Any, name: str = "pose.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("count", [18, 25])
@pytest.mark.parametrize("key", ["pose_keypoints_2d", "pose_keypoints"])
def test_openpose(tmp_path: Path, count: int, key: str) -> None:
    record = openpose(count)
    record["people"][0][key] = record["people"][0].pop("pose_keypoints_2d")
    poses = read_poses(saved(tmp_path, record))
    assert poses.points.shape == (1, 18, 3)
    assert poses.sizes == (None,)
    right_hip = 9 if count == 25 else 8
    assert poses.points[0, 8].tolist() == [10 + right_hip, 10 + 2 * right_hip, 1]
    assert poses.points[0, 14].tolist() == [10 + right_hip + 6, 10 + 2 * right_hip + 12, 1]


def test_the_person_of_the_largest_confidence_is_taken(tmp_path: Path) -> None:
    record = openpose(confidence=0.4)
    record["people"] += openpose(first=50, confidence=0.6)["people"] + openpose(first=90, confidence=0.5)["people"]
    assert read_poses(saved(tmp_path, record)).points[0, 0].tolist() == [50, 50, 1]
    record["people"] = []
    assert read_poses(saved(tmp_path, record)).points.eq(0).all()


def test_a_list_of_frames_is_a_clip(tmp_path: Path) -> None:
    frames = [openpose(first=first) | {"canvas_height": 200, "canvas_width": 100} for first in (3, 4, 5)]
    poses = read_poses(saved(tmp_path, frames))
    assert poses.points[:, 0, 0].tolist() == [3, 4, 5]
    assert poses.sizes == ((200, 100),) * 3
    torch.testing.assert_close(poses.fitted((100, 100))[1, 0], torch.tensor([4.0, 1.75, 1]))


def test_fractions_need_the_size_of_the_picture(tmp_path: Path) -> None:
    record = openpose()
    record["people"][0]["pose_keypoints_2d"] = [0.25, 0.5, 1.0] * 18
    with pytest.raises(ZooError, match=r"pose\.json: the points are fractions .* add its canvas_height and canvas_"):
        read_poses(saved(tmp_path, record))
    poses = read_poses(saved(tmp_path, record | {"canvas_height": 200, "canvas_width": 100}))
    assert poses.points[0, 3].tolist() == [24.5, 99.5, 1]


@pytest.mark.parametrize("visibility", [1, 2])
def test_coco_datasets(tmp_path: Path, visibility: int) -> None:
    content = coco(visibility=visibility)
    content["annotations"][0]["keypoints"][:3] = [0, 0, 0]
    content["images"].append({"id": 8, "file_name": "empty.jpg"})
    poses = read_poses(saved(tmp_path, content))
    assert poses.names == ("a.jpg", "empty.jpg")
    assert poses.sizes == ((100, 50), None)
    assert poses.only("empty.jpg", "x").points.eq(0).all()
    points = poses.only("a.jpg", "x").points[0]
    assert points[0].eq(0).all()
    for name in COCO_POINTS[1:]:
        number = COCO_POINTS.index(name)
        assert points[POINTS.index(name)].tolist() == [10 + number, 10 + 2 * number, 1]
    assert points[1].tolist() == [15.5, 21, 1]
    with pytest.raises(ZooError, match=r"poses: it has no pose of a\.jpeg; the closest name is a\.jpg\.$"):
        poses.only("a.jpeg", "poses")


def test_coco_results(tmp_path: Path) -> None:
    one, other = coco()["annotations"][0], coco(visibility=1)["annotations"][0]
    other["keypoints"] = [number + 5 for number in other["keypoints"]]
    poses = read_poses(saved(tmp_path, [one, other | {"score": 0.9}, one | {"image_id": "b.jpg"}]))
    assert poses.names == ("7", "b.jpg")
    assert poses.points[:, 0, 0].tolist() == [15, 10]
    by_score = [one | {"image_id": 10}, other | {"image_id": 2}, one | {"image_id": 9}]
    assert read_poses(saved(tmp_path, by_score)).names == ("2", "9", "10")


def test_the_csv_of_person_datasets(tmp_path: Path) -> None:
    rows, columns = [*range(20, 38)], [*range(40, 58)]
    rows[3] = columns[3] = -1
    poses = read_poses(saved(tmp_path, csv(("0002_c1.jpg", rows, columns), ("b:c.jpg", [-1] * 18, [-1] * 18)), "a.csv"))
    assert poses.names == ("0002_c1.jpg", "b:c.jpg")
    assert poses.points[0, 2].tolist() == [42, 22, 1]
    assert poses.points[0, 3].eq(0).all()
    assert poses.points[1].eq(0).all()


def test_arrays(tmp_path: Path) -> None:
    array = np.ones((2, 18, 3)) * [4, 5, 1]
    np.save(tmp_path / "dance.npy", array)
    for poses in (read_poses(tmp_path / "dance.npy"), array_poses(array), array_poses(torch.from_numpy(array))):
        assert poses.points.shape == (2, 18, 3)
        assert poses.points[1, 17].tolist() == [4, 5, 1]
    assert array_poses(array[0].tolist()).points.shape == (1, 18, 3)
    assert is_pose_array(array)
    assert not is_pose_array(array.astype(np.uint8))
    assert not is_pose_array(np.zeros((64, 64, 3)))


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_written_is_read_again(tmp_path: Path, count: int) -> None:
    points = array_poses(np.random.default_rng(0).uniform(1, 99, (count, 18, 3)).round(2)).points
    points[0, 5] = 0
    points[count // 2, 1:] = 0
    write_poses(tmp_path / "deep" / "pose.json", Poses(points, ("a.png",) * count, ((100, 120),) * count))
    again = read_poses(tmp_path / "deep" / "pose.json")
    torch.testing.assert_close(again.points, points)
    assert again.sizes == ((100, 120),) * count
    (tmp_path / "file").write_text("")
    with pytest.raises(ZooError, match=r"pose\.json: the poses cannot be written \(.*\); choose another place"):
        write_poses(tmp_path / "file" / "pose.json", again)


def changed(record: dict[str, Any], value: Any, *place: Any) -> dict[str, Any]:
    """The record with this value at this place."""
    inner: Any = record
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return record


KEYPOINTS = ("people", 0, "pose_keypoints_2d")
WRONG = {
    "not json": ("{", r"pose\.json: line 1, column 2 is no JSON \(.*\); write the file again\.$"),
    "another": ({"a": 1}, r'neither OpenPose\'s JSON \("people"\) nor COCO\'s'),
    "a number": ("5", r"neither OpenPose"),
    "empty list": ("[]", r"neither OpenPose"),
    "deep": ("[" * 100000, r"pose\.json: .*(nested too deeply|no JSON)"),
    "no list": ({"people": 3}, r"pose\.json\.people is 3; it must be a list\.$"),
    "no person": ({"people": [3]}, r"people\[0\] is 3; it must be an object with pose_keypoints_2d"),
    "no points": ({"people": [{}]}, r"people\[0\] lacks pose_keypoints_2d; add it, a list\.$"),
    "count": (
        changed(openpose(), [1.0] * 53, *KEYPOINTS),
        r"people\[0\]\.pose_keypoints_2d has 53 numbers; give 54 \(18 points of x, y and confidence\) or 75 \(25 p",
    ),
    "text": (changed(openpose(), "7", *KEYPOINTS, 4), r"pose_keypoints_2d\[4\] is '7'; give a number"),
    "true": (changed(openpose(), True, *KEYPOINTS, 4), r"pose_keypoints_2d\[4\] is True; give a number"),
    "nan": (changed(openpose(), float("nan"), *KEYPOINTS, 4), r"pose_keypoints_2d\[4\] is nan; give a number"),
    "huge": (changed(openpose(), 10**400, *KEYPOINTS, 4), r"pose_keypoints_2d\[4\] is 1000.*\.\.\.; give a number"),
    "frame": ([openpose(), changed(openpose(), None, *KEYPOINTS)], r"frame 1: people\[0\]\.pose_keypoints_2d is None"),
    "canvas": (openpose() | {"canvas_height": 5}, r"canvas_width is None; give the picture's width in pixels\.$"),
    "no images": ({"annotations": []}, r"pose\.json lacks images; add it, a list\.$"),
    "empty images": ({"annotations": [], "images": []}, r"images is empty; list the pictures"),
    "stranger": (
        changed(coco(), 9, "annotations", 0, "image_id"),
        r"annotations\[0\]\.image_id is 9, and images has no such id; add the picture\.$",
    ),
    "coco count": (
        changed(coco(), [1, 2, 3], "annotations", 0, "keypoints"),
        r"annotations\[0\]\.keypoints has 3 numbers; give 51 \(17 points",
    ),
    "no file name": (
        changed(coco(), None, "images", 0, "file_name"),
        r"images\[0\]\.file_name is None; it must be text",
    ),
    "twice": (
        changed(coco(), coco()["images"] * 2, "images"),
        r"images\[1\]\.id is 7, as that of another picture; give each its own\.$",
    ),
    "height": (changed(coco(), -3, "images", 0, "height"), r"images\[0\]: height is -3; give the picture's height"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_place_of_a_mistake_in_json_is_named(tmp_path: Path, name: str) -> None:
    content, sentence = WRONG[name]
    with pytest.raises(ZooError, match=sentence) as raised:
        read_poses(saved(tmp_path, content))
    assert str(raised.value).startswith(str(tmp_path / "pose.json"))


ROW = [1] * 18
WRONG_CSV = {
    "header": ("from,to\na,b\n", r"line 1 is 'from,to'; it must be the header name:keypoints_y:keypoints_x\.$"),
    "empty": ("", r"line 1 is ''; it must be the header"),
    "no rows": (csv(), r"no line follows the header; add the poses\.$"),
    "fields": (csv() + "a.jpg\n", r"line 2 has 1 fields; give three, name:keypoints_y:keypoints_x\.$"),
    "count": (
        csv(("a", ROW, ROW), ("b", ROW, ROW[1:])),
        r"line 3, keypoints_x is 17 numbers; give a list of 18 numbers",
    ),
    "no list": (csv() + "a: [1: 2\n", r"line 2, keypoints_y is '\[1'; give a list of 18 numbers"),
    "text": (csv(("a", ROW, [*ROW[1:], "x"])).replace("'", '"'), r"line 2, keypoints_x\[17\] is 'x'; give a number"),
    "twice": (csv(("a", ROW, ROW), ("a", ROW, ROW)), r"line 3 is a second pose of a; keep one of the lines\.$"),
}


@pytest.mark.parametrize("name", WRONG_CSV)
def test_the_line_of_a_mistake_in_csv_is_named(tmp_path: Path, name: str) -> None:
    content, sentence = WRONG_CSV[name]
    with pytest.raises(ZooError, match=re.escape(str(tmp_path / "a.csv")) + ".*" + sentence):
        read_poses(saved(tmp_path, content, "a.csv"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"gone\.json: there is no such file; check the path\.$"):
        read_poses(tmp_path / "gone.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ZooError, match=r"folder\.json: the file cannot be read \(Is a directory\)"):
        read_poses(tmp_path / "folder.json")
    (tmp_path / "latin.csv").write_bytes(b"name\xff")
    with pytest.raises(ZooError, match=r"latin\.csv: byte 4 is no text in UTF-8"):
        read_poses(tmp_path / "latin.csv")
    (tmp_path / "pose.txt").write_text("5")
    with pytest.raises(ZooError, match=r"pose\.txt: poses are read from \.json, \.csv and \.npy files\.$"):
        read_poses(tmp_path / "pose.txt")
    (tmp_path / "pose.npy").write_bytes(b"no array")
    with pytest.raises(ZooError, match=r"pose\.npy: the file cannot be read \(.*\); write it again\.$"):
        read_poses(tmp_path / "pose.npy")
    np.save(tmp_path / "flat.npy", np.zeros((18, 2)))
    with pytest.raises(ZooError, match=r"flat\.npy has the shape \(18, 2\); give \(18, 3\) or \(frames, 18, 3\)"):
        read_poses(tmp_path / "flat.npy")
    np.save(tmp_path / "text.npy", np.full((18, 3), "a"))
    with pytest.raises(ZooError, match=r"text\.npy holds values of type <U1; give numbers"):
        read_poses(tmp_path / "text.npy")
