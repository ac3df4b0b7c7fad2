from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

from i2i_zoo.data.rendered.people_clips import MovingPeople, PeopleClips
from i2i_zoo.errors import ZooError


def data(**options: Any) -> PeopleClips:
    few = {"train": 6, "val": 3, "test": 3, "persons": 2, "size": [64, 32], "frames": 4, "batch_size": 2}
    return PeopleClips(**{**few, "num_workers": 0, **options})


def clips(split: str = "train", **options: Any) -> MovingPeople:
    return data(**options).dataset(split)


def test_a_batch() -> None:
    module = data()
    module.setup("fit")
    batch = next(iter(module.train_dataloader()))
    assert batch["video"].shape == (2, 4, 3, 64, 32)
    assert batch["pose"].shape == (2, 4, 18, 3)
    assert batch["action"].shape == (2,)
    assert batch["video"].dtype == batch["pose"].dtype == torch.float32
    assert -1 <= batch["video"].min() < 0 < batch["video"].max() <= 1
    assert module.preprocess.size == (64, 32)
    assert module.actions == ("walk", "dance")


def test_the_pose_moves_with_the_person() -> None:
    """Every visible point stays within the part of the picture that is not the plain background."""
    dataset = clips("test")
    for index in range(len(dataset)):
        item = dataset[0, index]
        person = (item["video"] - item["video"][:, :, :1, :1]).abs().amax(1) > 0.05
        for mask, pose in zip(person, item["pose"], strict=True):
            x, y = pose[pose[:, 2] > 0, :2].round().long().unbind(1)
            assert len(x) > 6
            assert mask[y, x].float().mean() > 0.9
        assert (item["pose"][1:] != item["pose"][:-1]).any()
        assert not torch.equal(item["video"][0], item["video"][1])


def test_a_place_stands_still() -> None:
    plain, places = (clips("val", background=background)[0, 0]["video"] for background in ("plain", "places"))
    corner = places[:, :, :10, :5]
    assert torch.equal(corner, corner[:1].expand_as(corner))
    assert len(plain[0, :, :10, :5].unique()) == 1 < len(corner[0].unique())


def test_training_draws_parts_of_the_same_takes() -> None:
    """Of `persons` people in all motions, which are rendered once."""
    dataset = clips()
    items = [dataset[epoch, index] for epoch in range(4) for index in range(6)]
    assert {item["name"].rsplit("_", 1)[0] for item in items} == {
        f"person{person}_{motion}" for person in (0, 1) for motion in ("walk", "dance")
    }
    take = dataset.take(0, 0)
    assert take is dataset.take(0, 0)
    assert len(take["video"]) == 8
    starts = [item["video"] for item in items if item["name"].startswith("person0_walk")]
    assert any(not torch.equal(starts[0], other) for other in starts[1:])


def test_nobody_is_in_two_splits_and_validation_stays_the_same() -> None:
    people = [
        {clips(split, seed=seed)[0, index]["name"].split("_")[0] for index in range(3)}
        for seed in (0, 1)
        for split in ("train", "val", "test")
    ]
    assert len(set().union(*people)) == sum(map(len, people))
    assert torch.equal(clips("val")[0, 1]["video"], clips("val")[5, 1]["video"])


def test_workers_change_nothing() -> None:
    found = []
    for workers in (0, 2):
        module = data(num_workers=workers)
        module.setup("fit")
        found.append(list(module.train_dataloader()))
    for alone, together in zip(*found, strict=True):
        assert alone["name"] == together["name"]
        assert all(torch.equal(alone[key], together[key]) for key in PeopleClips.batch_keys)


def test_a_dataset_can_be_sent_to_a_worker() -> None:
    dataset = clips()
    sent = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(sent[0, 0]["video"], dataset[0, 0]["video"])


def test_the_action_is_the_place_in_motions() -> None:
    for motions in (["dance", "walk"], ["dance"]):
        dataset = clips("val", motions=motions)
        for index in range(3):
            item = dataset[0, index]
            assert item["name"].split("_")[1] == motions[item["action"]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"motions": []}, r"motions=\[\]: name one or more of walk, dance, each once"),
        ({"motions": ["walk", "walk"]}, "each once"),
        ({"motions": ["swim"]}, "motions"),
        ({"size": [64]}, "size"),
        ({"rate": 0}, "rate"),
        ({"frames": 1}, "frames"),
    ],
)
def test_arguments_out_of_range(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ZooError, match=words):
        data(**options)
