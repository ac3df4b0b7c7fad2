from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.data.rendered.people import Person, Rendering, View
from i2i_zoo.data.rendered.people_data import PeopleData, RenderedPeople
from i2i_zoo.data.rendered.people_mocap import read_motion
from i2i_zoo.data.rendered.people_motion import walk
from i2i_zoo.data.rendered.people_skeleton import POINTS, make_skeleton
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pose_files import Poses, write_poses


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
    _, target, _ = dataset.pair((0, 1))
    assert torch.equal(dataset[0, 1]["mask"][0], torch.from_numpy(target.mask).float())


def test_hidden_points_are_missing() -> None:
    dataset = rendered()
    source = dataset.pair((0, 0))[0]
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


def test_nobody_is_in_two_splits() -> None:
    people: dict[str, set[str]] = {}
    for seed in (0, 1):
        for split in ("train", "val", "test"):
            dataset = rendered(split, seed=seed, persons=4)
            names = {
                dataset.pair((epoch, index))[2].split("_")[0] for epoch in range(2) for index in range(len(dataset))
            }
            people[f"{split} {seed}"] = names
    assert len(set().union(*people.values())) == sum(map(len, people.values()))
    assert len(people["train 0"]) <= 4
    assert len(people["val 0"]) == 3


def test_a_pair_shares_its_background() -> None:
    """Their corners, which people rarely reach."""
    for background, same in (("shared", True), ("own", False)):
        source, target, _ = rendered(background=background).pair((0, 0))
        empty = (source.coverage == 0) & (target.coverage == 0)
        empty[80:] = False  # shadows
        difference = np.abs(source.picture.astype(int) - target.picture)[empty]
        assert empty.sum() > 1000
        assert (difference.max() <= 1) == same


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
    with pytest.raises(ZooError, match=r"the folder holds no motions; give one with clips \(humanoid3d_\*.txt\)"):
        data(motions=str(tmp_path)).dataset("train")


@pytest.mark.parametrize("options", [{"size": [128]}, {"persons": 0}, {"background": "none"}, {"val": 2_000_000}])
def test_arguments_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ZooError, match=next(iter(options))):
        data(**options)


def write_people(root: Path) -> list[tuple[Path, Rendering]]:
    """Two people with three pictures each, and their poses, at twice the size."""
    written = []
    for person in range(2):
        for number in range(3):
            file = root / f"p{person}" / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            rendering = Person(person).render(walk(number / 5), View(), np.full((256, 128, 3), 90, np.uint8))
            Image.fromarray(rendering.picture).save(file)
            points = torch.from_numpy(rendering.keypoints * rendering.keypoints[:, 2:])[None]
            write_poses(file.with_suffix(".json"), Poses(points, ("",), (None,)))
            written.append((file, rendering))
    return written


def test_people_of_a_folder(tmp_path: Path) -> None:
    written = write_people(tmp_path / "test")
    write_people(tmp_path / "train")
    module = data(root=str(tmp_path), batch_size=6)
    module.setup("test")
    (batch,) = module.test_dataloader()
    assert batch["source"].shape == (6, 3, 128, 64)
    assert batch["name"] == [f"p{p}/{n}_{(n + 1) % 3}" for p in range(2) for n in range(3)]
    for index, (_, rendering) in enumerate(written):
        pose, visible = batch["source_pose"][index], rendering.keypoints[:, 2] == 1
        assert np.allclose(pose[visible, :2], (rendering.keypoints[visible, :2] + 0.5) / 2 - 0.5, atol=0.01)
        follower = index + 1 if index % 3 < 2 else index - 2
        assert torch.equal(batch["target"][index], batch["source"][follower])
        assert torch.equal(batch["target_pose"][index], batch["source_pose"][follower])
    # The mask around the limbs covers most of the person.
    drawn = torch.from_numpy(np.stack([r.mask[::2, ::2] for _, r in written]))[[1, 2, 0, 4, 5, 3]]
    mask = batch["mask"][:, 0].bool()
    assert (mask & drawn).sum() > 0.65 * (mask | drawn).sum()

    train = module.dataset("train")
    names = {train[epoch, 0]["name"] for epoch in range(12)}
    assert names == {"p0/0_1", "p0/0_2"}
    assert train[3, 1]["name"] == module.dataset("train")[3, 1]["name"]


def test_a_folder_of_people_with_a_fault(tmp_path: Path) -> None:
    module = data(root=str(tmp_path))
    with pytest.raises(ZooError, match="train: there is no such folder; check the path"):
        module.dataset("train")
    (tmp_path / "train").mkdir()
    with pytest.raises(ZooError, match="train: the folder holds no pictures"):
        module.dataset("train")
    written = write_people(tmp_path / "train")
    poses = written[0][0].with_suffix(".json")
    poses.write_text("{")
    with pytest.raises(ZooError, match=r"0\.json: line 1, column 2 is no JSON"):
        module.dataset("train")
    poses.unlink()
    with pytest.raises(ZooError, match=r"0\.png: its pose is missing; put it into 0\.json beside it"):
        module.dataset("train")
    for file, _ in written[:2]:
        file.unlink()
    with pytest.raises(ZooError, match="p0: a pair needs two pictures of a person, and here is one"):
        module.dataset("train")
