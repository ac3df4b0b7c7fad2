from __future__ import annotations

import torch

from i2i_zoo.data.rendered.people_cutouts import CutoutData
from i2i_zoo.data.rendered.people_data import PeopleData


def test_a_cutout_is_the_person_on_white() -> None:
    data = CutoutData(train=2, val=1, test=1, size=(64, 48), persons=2, num_workers=0)
    cutouts, people = data.dataset("train"), PeopleData(train=2, val=1, test=1, size=(64, 48), persons=2)
    item = cutouts[0, 1]
    (shown,), name = people.dataset("train").renderings((0, 1), 1)
    assert item["name"] == name
    assert item["source"].shape == item["target"].shape == (3, 64, 48)
    inside, outside = (torch.from_numpy(shown.coverage == share) for share in (1, 0))
    assert inside.float().mean() > 0.05
    assert outside.float().mean() > 0.5
    assert torch.equal(item["target"][:, inside], item["source"][:, inside])
    assert torch.equal(item["target"][:, outside], torch.ones_like(item["source"][:, outside]))


def test_splits_show_other_people_and_the_size_is_recorded() -> None:
    data = CutoutData(train=2, val=2, test=2, size=(64, 64), num_workers=0)
    assert data.preprocess.to_json() == {"size": [64, 64]}
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert set(batch) == {"source", "target", "name"}
    names = {
        split: {data.dataset(split)[0, index]["name"].split("_")[0] for index in range(2)}
        for split in ("train", "test")
    }
    assert not names["train"] & names["test"]
