from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from i2i_zoo.data.rendered.shapes import COLOURS, FORMS, PATHS, Shapes, ShapesData
from i2i_zoo.errors import ZooError


def data(**options: Any) -> ShapesData:
    return ShapesData(**{"train": 24, "val": 5, "test": 5, "batch_size": 4, "num_workers": 0, **options})


def clips(split: str = "train", **options: Any) -> Shapes:
    return data(**options).dataset(split)


def test_a_batch() -> None:
    module = data(size=48, frames=10)
    module.setup("fit")
    batch = next(iter(module.train_dataloader()))
    assert batch["video"].shape == (4, 10, 3, 48, 48)
    assert batch["position"].shape == (4, 10, 2)
    assert batch["video"].dtype == batch["position"].dtype == torch.float32
    assert batch["video"].min() == -1
    assert batch["video"].max() <= 1
    assert all(batch[key].shape == (4,) and batch[key].dtype == torch.int64 for key in ("action", "colour", "form"))
    assert module.preprocess.size == (48, 48)


def test_the_position_is_the_centre() -> None:
    """Of mass, for circles and squares; of the box, for triangles."""
    dataset = clips()
    forms = set()
    for index in range(len(dataset)):
        moving, _ = dataset.clip((0, index))
        forms.add(moving.form)
        for frame, (x, y) in zip(moving.coverage, moving.position, strict=True):
            inside = np.argwhere(frame > 0)
            box = (inside.min(0) + inside.max(0)) / 2
            assert np.abs(box - [y, x]).max() < 1
            if FORMS[moving.form] != "triangle":
                mass = (np.indices(frame.shape) * frame).sum((1, 2)) / frame.sum()
                assert np.allclose(mass, [y, x], atol=0.05)
    assert forms == set(range(len(FORMS)))


def test_the_area_is_the_same_in_every_frame() -> None:
    """Smooth edges move by parts of a pixel, so that a shape neither grows nor jumps."""
    dataset = clips()
    for index in range(len(dataset)):
        area = dataset.clip((0, index))[0].coverage.sum((1, 2))
        assert area.max() / area.min() < 1.03


def test_the_colour_is_its_class() -> None:
    dataset = clips()
    for index in range(len(dataset)):
        moving, _ = dataset.clip((0, index))
        covered = moving.video.transpose(0, 2, 3, 1)[moving.coverage == 1]
        assert (covered == list(COLOURS.values())[moving.colour]).all()
        assert (moving.video.transpose(0, 2, 3, 1)[moving.coverage == 0] == 0).all()


@pytest.mark.parametrize(("path", "direction"), PATHS.items())
def test_a_path_crosses_the_picture(path: Any, direction: tuple[int, int]) -> None:
    for frames in (2, 16, 40):
        dataset = clips(paths=[path], frames=frames)
        for index in range(6):
            track = dataset[0, index]["position"].numpy()
            along, across = track @ direction, track @ direction[::-1]
            assert along[-1] - along[0] == pytest.approx(50, abs=1e-3)
            assert (np.diff(along) > 0).all()
            assert np.ptp(across) <= 15


def test_the_action_is_the_place_in_paths() -> None:
    dataset = clips(paths=["right", "down"])
    shifts = {0: (1, 0), 1: (0, 1)}
    actions = set()
    for index in range(len(dataset)):
        item = dataset[0, index]
        actions.add(item["action"])
        assert (item["position"][-1] - item["position"][0]).numpy() @ shifts[item["action"]] > 49
    assert actions == {0, 1}
    assert dataset.data.actions == ("right", "down")


def test_an_epoch_is_new_in_training_and_the_same_in_validation() -> None:
    train, val = clips(), clips("val")
    assert not torch.equal(train[0, 0]["video"], train[1, 0]["video"])
    assert torch.equal(train[1, 0]["video"], clips()[1, 0]["video"])
    assert torch.equal(val[0, 0]["video"], val[1, 0]["video"])
    assert not torch.equal(val[0, 0]["video"], clips("test")[0, 0]["video"])
    assert not torch.equal(val[0, 0]["video"], clips("val", seed=1)[0, 0]["video"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"paths": []}, r"paths=\[\]: name one or more of up, left, down, right, each once"),
        ({"paths": ["up", "up"]}, "each once"),
        ({"paths": ["around"]}, "paths"),
        ({"size": 8}, "size"),
        ({"frames": 1}, "frames"),
    ],
)
def test_arguments_out_of_range(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ZooError, match=words):
        data(**options)
