"""Poses in all the ways in which people give them."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.media.pose_files import Poses, write_poses
from i2i_zoo.pretrained.pose_estimators import PoseEstimator, pose_estimator
from i2i_zoo.pretrained.pose_sources import poses_of

POSE = torch.rand(18, 3).round(decimals=2) + torch.tensor([5.0, 7.0, 0.0])
POSE[:, 2] = 1


def no_estimator() -> PoseEstimator:
    raise AssertionError("poses need no estimator")


def picture(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 32, 3), np.uint8))


def test_poses_are_taken_as_they_are(tmp_path: Path) -> None:
    write_poses(tmp_path / "one.json", Poses(POSE[None], ("",), (None,)))
    np.save(tmp_path / "one.npy", POSE.numpy())
    for source in (POSE, POSE.numpy(), POSE.tolist(), tmp_path / "one.json", str(tmp_path / "one.npy")):
        torch.testing.assert_close(poses_of(source, no_estimator).points, POSE[None])
    folder = tmp_path / "frames"
    for number in range(3):
        write_poses(folder / f"{number}_keypoints.json", Poses(POSE[None] + number, ("",), ((99, 99),)))
    clip = poses_of(folder, no_estimator)
    torch.testing.assert_close(clip.points[:, 0, 0], POSE[0, 0] + torch.arange(3))
    assert clip.sizes == ((99, 99),) * 3


@pytest.mark.usefixtures("keypoint_rcnn")
def test_persons_are_found_in_pictures(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", np.asarray(picture()))
    expected = pose_estimator()(read_picture(picture()))
    assert expected[:, 2].sum() > 3
    for source in (picture(), np.asarray(picture()), read_picture(picture()), tmp_path / "a.png", tmp_path / "a.npy"):
        poses = poses_of(source)
        torch.testing.assert_close(poses.points, expected[None])
        assert poses.sizes == ((40, 32),)


@pytest.mark.usefixtures("keypoint_rcnn")
def test_a_gif_and_a_folder_of_frames_are_clips(tmp_path: Path) -> None:
    frames = [picture(seed).quantize(64) for seed in range(3)]
    frames[0].save(tmp_path / "dance.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "frames").mkdir()
    for number, frame in enumerate(frames):
        frame.convert("RGB").save(tmp_path / "frames" / f"{number}.png")
    clip = poses_of(tmp_path / "frames")
    assert clip.names == ("0.png", "1.png", "2.png")
    assert not torch.equal(clip.points[0], clip.points[1])
    if find_spec("av"):
        save_clip([frame.convert("RGB") for frame in frames], tmp_path / "dance.mp4")
        assert poses_of(tmp_path / "dance.mp4").points.shape == clip.points.shape
    assert poses_of(tmp_path / "dance.gif").points.shape == clip.points.shape
    torch.testing.assert_close(poses_of(tmp_path / "dance.gif").points[0], clip.points[0])


def test_what_gives_no_pose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZooError, match=r"gone\.png: there is no such file; check the path\.$"):
        poses_of(tmp_path / "gone.png", no_estimator)
    with pytest.raises(ZooError, match=r"the folder holds neither JSON files nor pictures"):
        poses_of(tmp_path, no_estimator)
    (tmp_path / "nobody.json").write_text(json.dumps({"people": []}))
    with pytest.raises(ZooError, match=r"nobody\.json: nobody was found in it; give a picture of a whole person"):
        poses_of(tmp_path / "nobody.json", no_estimator)
    with pytest.raises(ZooError, match=r"The pose has the shape \(18, 2\)"):
        poses_of(np.zeros((18, 2)), no_estimator)
    monkeypatch.setenv("I2I_ZOO_POSE", "gone.pth")
    with pytest.raises(ZooError, match=r"gone\.pth: there is no such file"):
        poses_of(picture())


@pytest.mark.usefixtures("keypoint_rcnn")
def test_videos_and_damaged_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dance.mp4").write_bytes(b"film")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ZooError, match=r"dance\.mp4: video files need PyAV, which is not installed"):
        poses_of(tmp_path / "dance.mp4")
    (tmp_path / "bad.gif").write_bytes(b"GIF89a")
    with pytest.raises(ZooError, match=r"bad\.gif: the file is not a picture that can be read; give a PNG"):
        poses_of(tmp_path / "bad.gif")
