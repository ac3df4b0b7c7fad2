"""``i2i-zoo data poses``."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.cli.main import main
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.media.pose_files import read_poses
from i2i_zoo.pretrained.pose_estimators import pose_estimator


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def picture(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 32, 3), np.uint8))


@pytest.mark.usefixtures("keypoint_rcnn")
def test_each_picture_of_a_folder_gets_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate(("ann/a.png", "ann/b.png", "bob/a.png", "bob/a.webp")):
        Path("people", name).parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(Path("people", name), lossless=True)
    Path("people/ann/c.png").write_bytes(b"no picture")
    assert main(["data", "poses", "people", "--device", "cpu"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "4 written, 1 could not be read: poses\n"
    assert captured.err.startswith("i2i-zoo: people/ann/c.png: ")
    assert captured.err.count("\n") == 1
    assert sorted(str(path) for path in Path("poses").rglob("*.json")) == [
        "poses/ann/a_keypoints.json",
        "poses/ann/b_keypoints.json",
        "poses/bob/a.png_keypoints.json",
        "poses/bob/a.webp_keypoints.json",
    ]
    poses = read_poses("poses/ann/b_keypoints.json")
    assert poses.sizes == ((40, 32),)
    expected = pose_estimator(device="cpu")(read_picture("people/ann/b.png"))
    torch.testing.assert_close(poses.points[0], expected, rtol=0, atol=1e-3)
    Path("people/ann/c.png").unlink()
    assert main(["data", "poses", "people", "--device", "cpu"]) == 0
    assert capsys.readouterr().out == "0 written, 4 were there already: poses\n"
    assert main(["data", "poses", "people/ann", "--device", "cpu", "--overwrite", "-o", "poses/ann"]) == 0
    assert capsys.readouterr().out == "2 written: poses/ann\n"


@pytest.mark.usefixtures("keypoint_rcnn")
def test_a_video_becomes_one_file_of_all_frames(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("av")
    save_clip([picture(seed) for seed in range(3)], Path("dance.mp4"))
    assert main(["data", "poses", "dance.mp4", "-o", "out", "--estimator", "keypointrcnn", "--device", "cpu"]) == 0
    assert capsys.readouterr().out == "1 written: out\n"
    assert read_poses("out/dance_keypoints.json").points.shape == (3, 18, 3)


@pytest.mark.usefixtures("keypoint_rcnn")
def test_a_gif_becomes_one_file_of_all_frames(capsys: pytest.CaptureFixture[str]) -> None:
    frames = [picture(seed) for seed in range(3)]
    frames[0].save("dance.gif", save_all=True, append_images=frames[1:])
    assert main(["data", "poses", "dance.gif", "-o", "out", "--estimator", "keypointrcnn", "--device", "cpu"]) == 0
    assert capsys.readouterr().out == "1 written: out\n"
    content = json.loads(Path("out/dance_keypoints.json").read_text())
    assert [(frame["canvas_height"], frame["canvas_width"]) for frame in content] == [(40, 32)] * 3
    assert read_poses("out/dance_keypoints.json").points.shape == (3, 18, 3)


@pytest.mark.usefixtures("keypoint_rcnn")
def test_mistakes_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    picture().save("a.png")
    Path("dance.mp4").write_bytes(b"film")
    Path("empty").mkdir()
    wrong = {
        ("gone",): "gone: there is no such file or folder; check the path.",
        ("empty",): "empty: the folder holds no pictures; check the path.",
        ("a.png", "-o", "a.json"): "-o a.json: results are written into a folder, under the names of the inputs; "
        "name one.",
        ("a.png", "--estimator", "openpose"): "openpose: there is no such pose estimator; choose from mediapipe, "
        "keypointrcnn.",
        ("a.png", "--weights", "gone.pth"): "weights gone.pth: there is no such file; check the path.",
    }
    for arguments, sentence in wrong.items():
        assert main(["data", "poses", *arguments]) == 1
        assert capsys.readouterr().err == f"i2i-zoo: {sentence}\n"
    assert main(["data", "poses", "dance.mp4", "--device", "cpu"]) == 1
    captured = capsys.readouterr()
    reason = "the video cannot be read" if find_spec("av") else "video files need PyAV, which is not installed"
    assert f"dance.mp4: {reason}" in captured.err
    assert captured.out == "0 written, 1 could not be read: poses\n"
    assert not Path("poses").exists()
