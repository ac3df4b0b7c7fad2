import socket
import struct

import numpy as np
import pytest
import torch
from scipy import ndimage
from torchvision.datasets import MNIST

from i2i_zoo.data.rendered.digits import DigitsData, draw_digit, edges
from i2i_zoo.data.sampler import EpochSampler
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import read_picture, to_uint8


def names(batches, key="name"):
    return [name for batch in batches for name in batch[key]]


def generated(split="train", **options):
    data = DigitsData(digits="generated", **{"count": 40, "num_workers": 0, "batch_size": 8, **options})
    data.setup("test" if split == "test" else "fit")
    return data


@pytest.fixture
def mnist(tmp_path):
    """MNIST as it is on the disk, of twelve digits to train and five to test; each is a square of its own grey."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, count, shade in (("train", 12, 100), ("t10k", 5, 200)):
        digits = np.zeros((count, 28, 28), np.uint8)
        digits[:, 8:20, 8:20] = shade + np.arange(count)[:, None, None]
        (raw / f"{split}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 2051, count, 28, 28) + digits.tobytes())
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, count) + bytes(count))
    return tmp_path


def test_a_generated_digit_follows_from_its_number_alone():
    digits = [draw_digit(seed, index) for seed in (0, 1) for index in range(100)]
    assert all(digit.shape == (28, 28) and digit.dtype == np.uint8 for digit in digits)
    assert np.array_equal(draw_digit(1, 7), digits[107])
    assert len({digit.tobytes() for digit in digits}) == 200


def test_generated_digits_have_the_margins_of_mnist():
    """At most 20 pixels large, strokes of some thickness in grey levels, the centre of mass in the middle."""
    thick = []
    for index in range(200):
        digit = draw_digit(0, index).astype(float)
        rows, columns = (np.flatnonzero(digit.any(axis)) for axis in (1, 0))
        assert 14 <= rows[-1] - rows[0] + 1 <= 20 or 14 <= columns[-1] - columns[0] + 1 <= 20
        assert max(rows[-1] - rows[0], columns[-1] - columns[0]) < 20
        assert digit.max() > 200
        assert ((digit > 0) & (digit < 255)).any()
        assert np.abs(np.array(ndimage.center_of_mass(digit)) - 13.5).max() <= 1.51
        thick.append((digit > 127).sum())
    assert max(thick) > 2.5 * min(thick)


def test_generated_digits_can_be_told_apart():
    """What the nearest of 2000 others shows is right eight times in ten: they are digits, and not all alike."""
    digits = np.stack([draw_digit(0, index) for index in range(2200)]).reshape(2200, -1).astype(np.float32)
    # The first draw of a digit's generator is which digit it is.
    which = np.array([np.random.default_rng([0, index]).integers(10) for index in range(2200)])
    assert (np.bincount(which, minlength=10) > 150).all()
    others, asked = digits[:2000], digits[2000:]
    distance = (others**2).sum(1) - 2 * asked @ others.T
    assert (which[distance.argmin(1)] == which[2000:]).mean() > 0.8


def test_domains():
    digit = torch.full((1, 6, 6), -1.0)
    digit[0, 2:4, 2:4] = 1
    outline = edges(digit)[0]
    assert (outline[1:5, 1:5] == 1).sum() == 12
    assert (outline[2:4, 2:4] == -1).all()
    assert (outline[[0, 5]] == -1).all()
    for domain, of_digit in (
        ("edges", lambda x: ndimage.grey_dilation(x, (3, 3), mode="nearest") - x),  # CoGAN: dilate(img) - img
        ("negative", lambda x: 255 - x),
    ):
        item = generated(domain_b=domain).datasets["val"][0, 3]
        a, b = (to_uint8(item[key])[0].numpy() for key in "ab")
        assert np.array_equal(a, draw_digit(0, 1_000_003))
        assert np.array_equal(b, of_digit(a))
        assert item["a"].min() == -1
        assert item["a"].max() <= 1


def test_training_meets_no_pair_and_validation_pairs_alone():
    data = generated()
    batches = list(data.train_dataloader())
    assert [set(batch) for batch in batches] == [{"a", "b", "name", "name_b"}] * 3
    assert batches[0]["a"].shape == batches[0]["b"].shape == (8, 1, 28, 28)
    assert batches[-1]["a"].shape == (4, 1, 28, 28)
    a, b = names(batches), names(batches, "name_b")
    assert sorted(map(int, a)) == list(range(0, 40, 2))
    for name, name_b, picture in zip(a, b, torch.cat([batch["b"] for batch in batches]), strict=True):
        assert int(name_b) % 2 == 1
        assert name != name_b
        assert torch.equal(picture, edges(read_picture(draw_digit(0, int(name_b)), 1)))
    assert len(set(b)) > 5

    batch = next(iter(data.val_dataloader()))
    assert batch["name"] == batch["name_b"] == list(map(str, range(8)))
    assert torch.equal(batch["b"], torch.stack([edges(a) for a in batch["a"]]))
    assert len(data.datasets["val"]) == 1000
    test = generated("test").datasets["test"]
    assert not torch.equal(test[0, 0]["a"], batch["a"][0])
    assert data.preprocess.to_json() == {"size": [28, 28]}


def test_partners_follow_from_seed_epoch_and_index_alone():
    def drawn(seed=0, epoch=0, **options):
        dataset = generated(seed=seed).datasets["train"]
        items = [dataset[item] for item in EpochSampler(len(dataset), shuffle=True, seed=seed, epoch=epoch, **options)]
        return [(item["name"], item["name_b"], item["b"].sum().item()) for item in items]

    whole = drawn()
    assert drawn() == whole
    assert [drawn(rank=rank, world=2) for rank in (0, 1)] == [whole[::2], whole[1::2]]
    assert drawn(skip=7) == whole[7:]
    assert {pair[:2] for pair in drawn(epoch=1)} != {pair[:2] for pair in whole}
    assert {pair[:2] for pair in drawn(seed=1)} != {pair[:2] for pair in whole}
    batches = list(generated(num_workers=2).train_dataloader())
    assert list(zip(names(batches), names(batches, "name_b"), strict=True)) == [pair[:2] for pair in whole]


def test_mnist(mnist):
    data = DigitsData(str(mnist), domain_b="negative", batch_size=2, num_workers=0)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    batches = list(data.train_dataloader())
    a, b = (torch.cat([batch[key] for batch in batches]) for key in "ab")
    assert sorted(to_uint8(a)[:, 0, 14, 14].tolist()) == [100, 102, 104, 106, 108, 110]
    assert set((255 - to_uint8(b)[:, 0, 14, 14]).tolist()) <= {101, 103, 105, 107, 109, 111}
    for loader in (data.val_dataloader(), data.test_dataloader()):
        batches = list(loader)
        assert to_uint8(torch.cat([batch["a"] for batch in batches]))[:, 0, 14, 14].tolist() == [*range(200, 205)]
        assert all(torch.equal(batch["b"], -batch["a"]) for batch in batches)


def test_mnist_that_cannot_be_had(mnist, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = f"http://127.0.0.1:{free.getsockname()[1]}/"
    monkeypatch.setattr(MNIST, "mirrors", [closed])
    missing = DigitsData(str(tmp_path / "none"))
    for call in (missing.prepare_data, lambda: missing.setup("fit")):
        with pytest.raises(ZooError, match=r"none/MNIST: .*refused.* or take digits=generated\.$") as error:
            call()
        assert "\n" not in str(error.value)
    file = mnist / "MNIST" / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ZooError, match=r"MNIST: the digits cannot be downloaded or read \(.*delete the folder"):
        DigitsData(str(mnist)).setup("fit")
    with pytest.raises(ZooError, match="count=1: each domain needs a digit"):
        DigitsData(digits="generated", count=1)
