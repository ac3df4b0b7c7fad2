import numpy as np
import pytest
import torch

from i2i_zoo.data.rendered.street_data import SyntheticPairs
from i2i_zoo.data.rendered.streets import example_scene, render_scene
from i2i_zoo.media.labels import colour_labels
from i2i_zoo.media.pictures import read_picture


def test_a_scene_follows_from_its_seed_alone():
    labels, photo = render_scene(3, (48, 64))
    again, photo_again = render_scene(3, (48, 64))
    other, _ = render_scene(4, (48, 64))
    assert labels.shape == (48, 64)
    assert photo.shape == (48, 64, 3)
    assert labels.dtype == photo.dtype == np.uint8
    assert np.array_equal(labels, again)
    assert np.array_equal(photo, photo_again)
    assert not np.array_equal(labels, other)


def test_scenes_have_the_shares_of_camvid():
    """Shares of CamVid's training labels: sky .17, building .23, road .32, pavement .04, tree .10, car .06."""
    share = np.mean([np.bincount(render_scene(seed, (90, 120))[0].ravel(), minlength=12) for seed in range(30)], 0)
    share /= 90 * 120
    for label, low, high in [(0, 0.08, 0.25), (1, 0.12, 0.35), (3, 0.25, 0.48), (4, 0.02, 0.1), (5, 0.03, 0.2)]:
        assert low < share[label] < high
    assert 0.01 < share[8] < 0.12
    assert (share > 0).all()


def test_the_photograph_shows_what_the_labels_say():
    """The colour of the photograph at a pixel tells more of its label than chance: sky is brighter than road."""
    labels, photo = render_scene(5, (90, 120))
    grey = photo.mean(-1)
    assert grey[labels == 0].mean() > grey[labels == 3].mean() + 40


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (256, 16)])
def test_any_size(size):
    labels, photo = render_scene(0, size)
    assert labels.shape == size
    assert photo.shape == (*size, 3)


def test_the_example_is_a_street():
    labels = example_scene()
    assert labels.shape == (360, 480)
    assert labels.max() < 12
    assert np.array_equal(labels, example_scene())
    assert (labels[-60:] == 3).mean() > 0.95  # road at the bottom
    assert {0, 1, 2, 3, 4, 5, 6, 7, 8, 9} <= set(np.unique(labels))


def test_batches_and_directions():
    data = SyntheticPairs(train=3, val=1, test=1, size=[24, 32], batch_size=2)
    data.setup("fit")
    batch = next(iter(data.val_dataloader()))
    assert batch["source"].shape == (1, 3, 24, 32)
    labels, photo = render_scene(data.datasets["val"].first_seed, (24, 32))
    assert torch.equal(batch["source"][0], read_picture(colour_labels(labels, "camvid")))
    assert torch.equal(batch["target"][0], read_picture(photo))
    assert data.preprocess.to_json() == {"size": [24, 32], "source_palette": "camvid"}
    assert [len(batch["name"]) for batch in data.train_dataloader()] == [2, 1]

    back = SyntheticPairs(val=1, size=[24, 32], direction="BtoA")
    back.setup("fit")
    swapped = next(iter(back.val_dataloader()))
    assert torch.equal(swapped["source"], batch["target"])
    assert torch.equal(swapped["target"], batch["source"])
    assert back.preprocess.to_json() == {"size": [24, 32], "target_palette": "camvid"}


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_methods_without_pairs_train_on_two_scenes_and_are_measured_on_one(direction):
    data = SyntheticPairs(train=3, val=2, size=16, direction=direction, batch_size=2)
    data.setup("fit")
    train = data.datasets["train"]
    items = [train[0, index] for index in range(3)]
    for item, following in zip(items, [*items[1:], items[0]], strict=True):
        assert torch.equal(item["a"], item["source"])
        assert torch.equal(item["b"], following["target"])
        assert not torch.equal(item["b"], item["target"])
        assert item["name_b"] == following["name"]
    batch = next(iter(data.val_dataloader()))
    assert torch.equal(batch["a"], batch["source"])
    assert torch.equal(batch["b"], batch["target"])
    assert batch["name_b"] == batch["name"]


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_any_number_of_channels(channels):
    data = SyntheticPairs(train=1, size=16, in_channels=channels, out_channels=channels)
    data.setup("fit")
    item = data.datasets["train"][0, 0]
    assert item["source"].shape == item["target"].shape == (channels, 16, 16)
    assert item["source"].abs().max() <= 1
    assert (data.preprocess.source_palette is not None) == (channels == 3)


def test_splits_share_no_scene_and_workers_change_nothing():
    data = SyntheticPairs(train=3, val=2, test=2, size=16)
    data.setup("fit")
    data.setup("test")
    names = [
        [name for batch in loader for name in batch["name"]]
        for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    ]
    assert len({name for split in names for name in split}) == 7
    parallel = SyntheticPairs(train=3, size=16, num_workers=2)
    parallel.setup("fit")
    for one, other in zip(data.train_dataloader(), parallel.train_dataloader(), strict=True):
        assert one["name"] == other["name"]
        assert torch.equal(one["target"], other["target"])
