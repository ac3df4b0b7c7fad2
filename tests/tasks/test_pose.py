"""Persons in other poses, in all the ways in which people say which."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import i2i_zoo
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.media.named_poses import NAMED_POSES, named_pose
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.media.pose_files import CSV_HEADER, Poses, read_poses, write_poses
from i2i_zoo.methods.deformable import Deformable
from i2i_zoo.tasks.pose import held, standing

SIZE = (64, 32)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model, saved as ``model``, and persons ``people/{0,1}.png`` with poses ``poses/{0,1}_keypoints.json``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("I2I_ZOO_POSE", "nowhere.pth")  # so that nobody can be found in pictures
    torch.manual_seed(0)
    made = Deformable(width=4, downs=3)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2)
    i2i_zoo.save(made, "model")
    for i, pose in enumerate(standing(2, *SIZE)):
        write_poses(Path(f"poses/{i}_keypoints.json"), Poses(pose[None], ("",), (SIZE,)))
        Path("people").mkdir(exist_ok=True)
        to_pil(torch.rand(3, *SIZE) * 2 - 1).save(f"people/{i}.png")
    write_poses(Path("dance.json"), Poses(standing(10, 128, 64), ("",) * 10, ((128, 64),) * 10))
    return i2i_zoo.load("model")


def pixels(picture: Any) -> np.ndarray:
    return np.asarray(Image.open(picture) if isinstance(picture, str) else picture).astype(int)


def pose_of(file: str, number: int) -> torch.Tensor:
    return read_poses(file).fitted(SIZE)[number]


def test_a_clip(model: Any) -> None:
    clip = model.translate("people/0.png", "dance.json", source_pose="poses/0_keypoints.json")
    assert [frame.size for frame in clip] == [(32, 64)] * 10
    single = model.translate("people/0.png", pose_of("dance.json", 9), source_pose="poses/0_keypoints.json")
    assert np.abs(pixels(clip[9]) - pixels(single)).max() <= 1
    assert not np.array_equal(pixels(clip[0]), pixels(clip[9]))
    command = ["translate", "model", "people/0.png", "--pose", "dance.json", "--source-pose", "poses/0_keypoints.json"]
    assert main([*command, "--device", "cpu"]) == 0
    with Image.open("translated/0.webp") as file:
        assert file.n_frames == 10  # type: ignore[attr-defined]  # of animations
        for number, frame in enumerate(clip):
            file.seek(number)
            np.testing.assert_array_equal(pixels(file.convert("RGB")), pixels(frame))


def test_frames_without_a_person_repeat_the_pose_before() -> None:
    poses = torch.rand(5, 18, 3)
    poses[..., 2] = 1
    poses[[0, 2, 3]] = 0
    assert torch.equal(held(poses), poses[[1, 1, 1, 1, 4]])


@pytest.mark.parametrize("devices", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_name_for_a_folder_of_persons(model: Any, devices: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["translate", "model", "people", "--pose", "waving", "--source-pose", "poses", "--devices", devices]
    assert main([*command, "--device", "cpu"]) == 0
    assert "2 translated" in capsys.readouterr().out
    for i in range(2):
        own = f"poses/{i}_keypoints.json"
        pose = named_pose("waving", pose_of(own, 0))
        expected = model.translate(f"people/{i}.png", pose.numpy(), source_pose=own)
        assert np.abs(pixels(f"translated/{i}.png") - pixels(expected)).max() <= 1
    names = [model.translate("people/0.png", name, source_pose="poses/0_keypoints.json") for name in NAMED_POSES]
    assert len({pixels(picture).tobytes() for picture in names}) == len(NAMED_POSES)


def test_the_example_of_a_checkpoint(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("i2i_zoo.examples.bundle", lambda name: Path("bundle"))
    Path("bundle").mkdir()
    shutil.copy("people/0.png", "bundle/example.png")
    shutil.copy("poses/0_keypoints.json", "bundle/example-source_pose.json")
    assert main(["translate", "model", "--pose", "waving", "--device", "cpu", "-o", "shown"]) == 0
    expected = model.translate("people/0.png", "waving", source_pose="poses/0_keypoints.json")
    assert np.abs(pixels("shown/model.png") - pixels(expected)).max() <= 1
    assert Path("shown/model-beside.png").is_file()
    shutil.copy("dance.json", "bundle/example-pose.json")
    assert main(["translate", "model", "--device", "cpu", "-o", "clip"]) == 0
    assert [path.name for path in Path("clip").iterdir()] == ["model.webp"]


def test_poses_of_a_dataset(model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{i}.png: {[3 * n + i for n in range(18)]}: {[n + i for n in range(18)]}" for i in range(2)]
    Path("annotation.csv").write_text("\n".join([CSV_HEADER, *rows]))
    own = torch.tensor([[n + 1.0, 3 * n + 1.0, 1.0] for n in range(18)])
    found = model.translate("people/1.png", "standing", source_pose="annotation.csv")
    np.testing.assert_array_equal(found, model.translate("people/1.png", "standing", source_pose=own))
    command = ["translate", "model", "people", "--pose", "standing", "--source-pose", "annotation.csv", "--device=cpu"]
    assert main([*command]) == 0  # for both
    assert np.abs(pixels("translated/1.png") - pixels(found)).max() <= 1
    Path("people/1.png").rename("people/3.png")
    assert main([*command, "--overwrite"]) == 1
    assert "annotation.csv: it has no pose of 3.png; the closest name is " in capsys.readouterr().err
    with pytest.raises(ZooError, match=r"annotation\.csv holds 2 poses, and none under the source's name: give one"):
        model.translate("people/3.png", "standing", source_pose="annotation.csv")


def test_poses_in_pixels_of_another_picture_are_refused(model: Any) -> None:
    pose = pose_of("dance.json", 9)
    far = pose * torch.tensor([20, 20, 1])
    own = "poses/0_keypoints.json"
    with pytest.raises(
        ZooError, match=r"pose: \d+ of its 18 points are outside of the picture of \d+x\d+ pixels; give"
    ):
        model.translate("people/0.png", far, source_pose=own)
    with pytest.raises(ZooError, match=r"source_pose: \d+ of its 18 points are outside of the picture"):
        model.translate("people/0.png", pose, source_pose=far)
    beside = pose + torch.tensor([12, 0, 0])  # some points are outside
    assert (beside[:, 0] > SIZE[1]).any()
    assert model.translate("people/0.png", beside, source_pose=own).size == (SIZE[1], SIZE[0])


def test_wrong_names_and_files(model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for options, sentence in (
        (["--pose", "wavin"], "wavin: there is neither a pose of this name nor such a file; "),
        (["--pose", "wavin"], "the closest is waving."),
        (["--pose", "gone.json"], "gone.json: there is no such file; check the path."),
        (["--pose", "dance.json"], "--source-pose"),  # nobody can be found in the source
        (["--pose", "waving", "--source-pose", "dance.json"], "dance.json holds 10 poses, and none under the source's"),
        (["--pose", "waving", "--source-pose", "people"], "nowhere.pth: there is no such file"),
        ([], "needs pose (--pose): the pose to take: a file of poses"),
    ):
        assert main(["translate", "model", "people/0.png", *options, "--device", "cpu"]) == 1
        assert sentence in capsys.readouterr().err
    command = ["translate", "model", "people", "--pose", "waving", "--device", "cpu", "--source-pose"]
    assert main([*command, "poses/0_keypoints.json"]) == 1  # the pose of one person for two
    assert "this is one file, and there are 2 inputs; name a folder" in capsys.readouterr().err
    assert main(["translate", "model", "people", "--pose", "waving", "--source-pose", "model", "--device", "cpu"]) == 1
    assert "--source-pose model: the folder has no file 0; add it." in capsys.readouterr().err
