"""The networks that find poses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

import tiny_rcnn
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.media.poses import POINTS
from i2i_zoo.pretrained import pose_estimators as module
from i2i_zoo.pretrained.pose_estimators import (
    KeypointRCNN,
    from_landmarks,
    most_prominent,
    padded_square,
    pose_estimator,
)
from i2i_zoo.pretrained.weights import MissingWeights


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Each test loads its own network."""
    yield
    module._loaded.cache_clear()


def test_a_file_of_weights_chooses_its_estimator(keypoint_rcnn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(pose_estimator(), KeypointRCNN)
    assert pose_estimator("keypointrcnn") is pose_estimator(weights=keypoint_rcnn) is pose_estimator()
    with pytest.raises(
        ZooError, match=r"weights \S+rcnn\.pth: this is no file .*; give a \.task file for mediapipe\.$"
    ):
        pose_estimator("mediapipe", keypoint_rcnn)
    monkeypatch.setenv("I2I_ZOO_POSE", "weights.onnx")
    with pytest.raises(
        ZooError, match=r"I2I_ZOO_POSE weights\.onnx: .*; give a \.task file for mediapipe or \.pth file"
    ):
        pose_estimator()
    monkeypatch.setenv("I2I_ZOO_POSE", "gone.pth")
    with pytest.raises(MissingWeights, match=r"I2I_ZOO_POSE gone\.pth: there is no such file; check the path\.$"):
        pose_estimator()
    with pytest.raises(ZooError, match=r"^mediapip: there is no such pose estimator; choose from mediapipe, keypoint"):
        pose_estimator("mediapip")


@pytest.mark.usefixtures("keypoint_rcnn")
def test_keypoint_rcnn_finds_its_person() -> None:
    picture = torch.rand(3, 48, 40) * 2 - 1
    network = tiny_rcnn.network().eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eps = 0.0
    with torch.inference_mode():
        (found,) = network([(picture + 1) / 2])
    assert len(found["scores"]) > 1
    person = ((found["boxes"][:, 2:] - found["boxes"][:, :2]).prod(1) * (found["scores"] >= 0.5)).argmax()
    pose = pose_estimator()(picture)
    assert pose.shape == (18, 3)
    nose = found["keypoints"][person, 0, :2] - 0.5
    assert pose[0].tolist() == [*nose.tolist(), 1]
    assert pose[POINTS.index("right wrist"), :2].tolist() == (found["keypoints"][person, 10, :2] - 0.5).tolist()


def test_a_file_that_does_not_fit_is_refused(keypoint_rcnn: Path) -> None:
    torch.save({"backbone.0.weight": torch.zeros(2)}, keypoint_rcnn)
    with pytest.raises(ZooError, match=r"rcnn\.pth"):
        pose_estimator()
    keypoint_rcnn.write_bytes(b"nothing")
    with pytest.raises(ZooError, match=r"rcnn\.pth"):
        pose_estimator()


def test_the_largest_sure_person_is_taken() -> None:
    keypoints = torch.arange(3.0)[:, None, None].expand(3, 17, 3) * 10 + 0.5
    scores = torch.full((3, 17), 9.0)
    scores[1, 4] = 0.1
    boxes = torch.tensor([[0.0, 0, 9, 9], [0, 0, 50, 20], [0, 0, 90, 90]])
    found = {"boxes": boxes, "scores": torch.tensor([0.9, 0.8, 0.3]), "keypoints": keypoints}
    pose = most_prominent(found | {"keypoints_scores": scores})
    assert pose[0].tolist() == [10, 10, 1]
    assert pose[POINTS.index("right ear")].tolist() == [0, 0, 0]
    found["scores"] = torch.tensor([0.2, 0.2, 0.2])
    assert most_prominent(found | {"keypoints_scores": scores}).eq(0).all()


@pytest.mark.parametrize(("height", "width"), [(128, 64), (64, 128), (600, 700), (1, 1)])
def test_a_picture_is_padded_to_a_square(height: int, width: int) -> None:
    picture = torch.rand(3, height, width) * 2 - 1
    square, (high, wide), (top, left) = padded_square(picture)
    assert square.shape[1] == square.shape[2] == round(1.25 * max(high, wide))
    assert max(high, wide) == max(512, height, width)
    assert high * width == wide * height
    inner = square[:, top : top + high, left : left + wide]
    assert abs(top - (square.shape[1] - top - high)) <= 1
    assert abs(left - (square.shape[2] - left - wide)) <= 1
    assert torch.equal(square[:, 0, left : left + wide], inner[:, 0])
    if max(height, width) >= 512:
        assert torch.equal(inner, picture)


def test_landmarks_become_points() -> None:
    landmarks = torch.stack([torch.arange(33.0), torch.arange(33.0) * 2, torch.ones(33)], 1)
    landmarks[16, 2] = 0.2
    points = from_landmarks(landmarks)
    # MediaPipe's own numbers: 11 is the left shoulder, 28 the right ankle, 5 the right eye, 7 the left ear.
    for name, number in (("left shoulder", 11), ("right ankle", 28), ("right eye", 5), ("left ear", 7), ("nose", 0)):
        assert points[POINTS.index(name)].tolist() == [number, 2 * number, 1]
    assert points[POINTS.index("neck")].tolist() == [11.5, 23, 1]
    assert points[POINTS.index("right wrist")].eq(0).all()
    landmarks[11, 2] = 0.1
    assert from_landmarks(landmarks)[[1, 5]].eq(0).all()


def test_without_an_estimator_one_sentence_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("I2I_ZOO_POSE", raising=False)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    monkeypatch.setenv("https_proxy", os.environ["HF_ENDPOINT"])  # where nobody listens
    with pytest.raises(MissingWeights, match=r"put that file at \S+, or install .*: pip install mediapipe\.$"):
        pose_estimator()
    with pytest.raises(
        MissingWeights, match=r"MediaPipe, which finds poses, is not installed: pip install mediapipe\.$"
    ):
        pose_estimator("mediapipe")


mediapipe = pytest.mark.skipif(
    find_spec("mediapipe") is None or not os.environ.get("I2I_ZOO_POSE", "").endswith(".task"),
    reason="MediaPipe is not installed, or I2I_ZOO_POSE does not name its pose_landmarker.task",
)


@mediapipe
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mediapipe_finds_the_astronaut(capfd: pytest.CaptureFixture[str]) -> None:
    estimator = pose_estimator("mediapipe")
    astronaut = read_picture(skimage.data.astronaut())
    found = estimator(astronaut)
    expected = {"nose": (219, 128), "right shoulder": (122, 218), "left shoulder": (304, 253), "left eye": (245, 114)}
    for name, place in expected.items():
        x, y, visibility = found[POINTS.index(name)].tolist()
        assert np.hypot(x - place[0], y - place[1]) < 8
        assert visibility == 1
    assert found[POINTS.index("right ankle")].eq(0).all()  # outside the picture
    # In a narrow picture too, at the same place.
    narrow = estimator(astronaut[:, :, 40:340])
    assert (narrow[0, :2] + torch.tensor([40.0, 0]) - found[0, :2]).abs().max() < 8
    assert estimator(torch.zeros(3, 32, 16)).eq(0).all()
    assert capfd.readouterr().err == ""
    estimator.landmarker.close()  # which complains if pytest lets it live until Python ends


@mediapipe
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_damaged_model_of_mediapipe(tmp_path: Path) -> None:
    (tmp_path / "bad.task").write_bytes(b"no model")
    with pytest.raises(
        ZooError, match=r"bad\.task: this is no model of MediaPipe's pose landmarker \(.*\); get it again"
    ):
        pose_estimator(weights=tmp_path / "bad.task")
