from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from i2i_zoo.data.pose import PoseData
from i2i_zoo.data.rendered.people_data import PeopleData, RenderedPeople
from i2i_zoo.data.rendered.people_mocap import read_motion
from i2i_zoo.data.rendered.people_skeleton import POINTS, make_skeleton
from i2i_zoo.errors import ZooError
from people_folders import write_folders


def data(**options: Any) -> PeopleData:
    return PeopleData(**{"train": 6, "val": 3, "test": 3, "batch_size": 2, "num_workers": 0, **options})


def rendered(split: str = "test", **options: Any) -> RenderedPeople:
    dataset = data(**options).dataset(split)
    assert isinstance(dataset, RenderedPeople)
    return dataset


def batches(split: str = "train", **options: Any) -> list[dict[str, Any]]:
    module = data(**options)
    module.setup({"train": "fit", "val": "validate"}.get(split, split))
    return list(module.loader(split))


def test_a_batch() -> None:
    batch = batches()[0]
    assert batch["source"].shape == batch["target"].shape == (2, 3, 128, 64)
    assert batch["source_pose"].shape == batch["target_pose"].shape == (2, 18, 3)
    assert batch["mask"].shape == (2, 1, 128, 64)
    assert all(batch[key].dtype == torch.float32 for key in PeopleData.batch_keys)
    assert set(batch["mask"].unique().tolist()) == {0.0, 1.0}
    assert batch["source"].min() >= -1
    assert batch["source"].max() <= 1
    assert not torch.equal(batch["source_pose"], batch["target_pose"])


def test_the_mask_is_that_of_the_target() -> None:
    dataset = rendered()
    (_, target), _ = dataset.renderings((0, 1))
    assert torch.equal(dataset[0, 1]["mask"][0], torch.from_numpy(target.mask).float())


def test_hidden_points_are_missing() -> None:
    dataset = rendered()
    source = dataset.renderings((0, 0))[0][0]
    pose = dataset[0, 0]["source_pose"]
    visible = pose[:, 2] == 1
    assert 5 < visible.sum() < 18
    assert torch.equal(pose[visible], torch.from_numpy(source.keypoints)[visible])
    assert (pose[~visible] == 0).all()
    assert source.keypoints[~visible.numpy()].any()


def test_workers_change_nothing() -> None:
    for alone, together in zip(batches(), batches(num_workers=2), strict=True):
        assert alone["name"] == together["name"]
        for key in PeopleData.batch_keys:
            assert torch.equal(alone[key], together[key])


def test_an_epoch_is_new_in_training_and_the_same_in_validation() -> None:
    train, val = data().dataset("train"), data().dataset("val")
    assert not torch.equal(train[0, 0]["source"], train[1, 0]["source"])
    assert torch.equal(val[0, 0]["source"], val[1, 0]["source"])
    assert not torch.equal(train[0, 0]["source"], data(seed=1).dataset("train")[0, 0]["source"])


def test_epochs_repeat_after_as_many_as_are_kept() -> None:
    kept, fresh = (data(repeat_after=number).dataset("train") for number in (2, None))
    for epoch, same in ((0, 0), (1, 1), (2, 0), (5, 1)):
        pair, expected = kept[epoch, 3], fresh[same, 3]
        assert pair["name"] == expected["name"]
        for key in PeopleData.batch_keys:
            assert torch.equal(pair[key], expected[key])
    for split in ("val", "test"):  # which show each pair once in an epoch, or once
        dataset = data(repeat_after=2).dataset(split)
        assert torch.equal(dataset[0, 1]["source"], dataset[3, 1]["source"])
        assert not dataset.kept


def test_nobody_is_in_two_splits() -> None:
    people: dict[str, set[str]] = {}
    for seed in (0, 1):
        for split in ("train", "val", "test"):
            dataset = rendered(split, seed=seed, persons=4)
            names = {
                dataset.renderings((epoch, index))[1].split("_")[0]
                for epoch in range(2)
                for index in range(len(dataset))
            }
            people[f"{split} {seed}"] = names
    assert len(set().union(*people.values())) == sum(map(len, people.values()))
    assert len(people["train 0"]) <= 4
    assert len(people["val 0"]) == 3


def test_a_pair_shares_its_background() -> None:
    """Their corners, which people rarely reach."""
    for background, same in (("shared", True), ("own", False)):
        (source, target), _ = rendered(background=background).renderings((0, 0))
        empty = (source.coverage == 0) & (target.coverage == 0)
        empty[80:] = False  # shadows
        difference = np.abs(source.picture.astype(int) - target.picture)[empty]
        assert empty.sum() > 1000
        assert (difference.max() <= 1) == same


def test_a_studio_is_bare() -> None:
    places, studio = (rendered(studio=chosen) for chosen in (False, True))
    for number in range(4):
        place, bare = places[0, number], studio[0, number]
        assert torch.equal(place["target_pose"], bare["target_pose"])
        inside = bare["mask"].expand(3, -1, -1) > 0
        assert (place["target"] - bare["target"])[inside].abs().mean() < 0.02, "the person is the same"
        wall = bare["target"][:, : bare["target"].shape[1] // 3]
        assert wall[~inside[:, : wall.shape[1]]].view(3, -1).std(1).max() < 0.1


def frame(root: tuple[float, ...] = (1, 0, 0, 0), height: float = 0.9, **angles: float) -> list[float]:
    """44 numbers of a person who stands, with some hinges bent."""
    still = [1.0, 0.0, 0.0, 0.0]
    hinge = {name: angles.get(name, 0.0) for name in ("right_knee", "right_elbow", "left_knee", "left_elbow")}
    right = [*still, hinge["right_knee"], *still, *still, hinge["right_elbow"]]
    left = [*still, hinge["left_knee"], *still, *still, hinge["left_elbow"]]
    return [0.04, 0.0, height, 0.0, *root, *still, *still, *right, *left]


def clip(tmp_path: Path, frames: object) -> Path:
    file = tmp_path / "humanoid3d_test.txt"
    file.write_text(json.dumps({"Loop": "wrap", "Frames": frames}))
    return file


def test_a_clip_moves_the_skeleton(tmp_path: Path) -> None:
    half = math.sqrt(0.5)
    frames = [
        frame(),
        frame(right_elbow=math.pi / 2),
        frame(left_knee=-math.pi / 2),
        frame((half, 0, half, 0)),  # a quarter turn about the vertical
        frame(height=1.2),
    ]
    poses, seconds = read_motion(clip(tmp_path, frames))
    assert seconds == 0.04
    skeleton = make_skeleton()
    point = {name: number for number, name in enumerate(POINTS)}
    still, elbow, knee, turned, jump = (skeleton.moved_points(pose) for pose in poses)
    assert np.allclose(still, skeleton.points)
    assert np.allclose(elbow[point["right_wrist"]] - elbow[point["right_elbow"]], [0.002, -0.004, 0.148], atol=0.01)
    assert knee[point["left_ankle"], 2] < -0.2  # the shin goes back
    assert np.allclose(turned[0] - turned[1], [0.064, still[0, 1] - still[1, 1], 0], atol=0.07)
    assert np.allclose(jump, still)
    assert [round(pose.lift, 3) for pose in poses] == [0, 0, 0, 0, round(0.3 / 1.62, 3)]


def test_clips_make_half_of_the_poses(tmp_path: Path) -> None:
    file = clip(tmp_path, [frame(right_knee=-2.0)])
    for motions in (file, tmp_path):
        dataset = rendered("train", motions=str(motions))
        rng = np.random.default_rng(0)
        bent = [np.trace(dataset.pose(rng).rotations["right_knee"]) < 0.3 for _ in range(60)]
        assert 20 < sum(bent) < 45
    assert dataset[0, 0]["source"].shape == (3, 128, 64)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        ("Frames", "not JSON"),
        ("[]", "has no Frames"),
        ('{"Frames": []}', "has no Frames"),
        ('{"Frames": [[1, 2]]}', "frame 0 of the motion is not a list of 44 numbers"),
        (json.dumps({"Frames": [[True] * 44]}), "frame 0 of the motion is not a list of 44 numbers"),
        (json.dumps({"Frames": [frame(), [math.nan] * 44]}), "not finite"),
        (json.dumps({"Frames": [frame((0, 0, 0, 0))]}), "frame 0: the root has a quaternion of length 0"),
    ],
)
def test_a_file_that_is_no_clip(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "walk.txt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ZooError, match=words) as error:
        data(motions=str(file)).dataset("train")
    assert str(file) in str(error.value)


def test_a_folder_without_clips(tmp_path: Path) -> None:
    with pytest.raises(
        ZooError, match=r"the folder holds no motions; give one with clips \(\*.bvh, humanoid3d_\*.txt\)"
    ):
        data(motions=str(tmp_path)).dataset("train")


@pytest.mark.parametrize("options", [{"size": [128]}, {"persons": 0}, {"background": "none"}, {"val": 2_000_000}])
def test_arguments_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ZooError, match=next(iter(options))):
        data(**options)


def test_people_of_a_folder(tmp_path: Path) -> None:
    """They are those that `PoseData` reads."""
    for split in ("train", "test"):
        write_folders(tmp_path / split)
    module, other = data(root=str(tmp_path)), PoseData(str(tmp_path), batch_size=2, num_workers=0)
    for stage, loader in (("fit", "train_dataloader"), ("validate", "val_dataloader"), ("test", "test_dataloader")):
        module.setup(stage)
        other.setup(stage)
        for batch, expected in zip(getattr(module, loader)(), getattr(other, loader)(), strict=True):
            assert batch["name"] == expected["name"]
            assert all(torch.equal(batch[key], expected[key]) for key in PeopleData.batch_keys)
    with pytest.raises(ZooError, match="there is no such folder; see PoseData for the layouts"):
        data(root=str(tmp_path / "gone")).setup("fit")
