import warnings
from itertools import product

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.data.sampler import EpochSampler
from i2i_zoo.data.unpaired import UnpairedData
from i2i_zoo.errors import ZooError
from i2i_zoo.media.labels import colour_labels, label_ids
from i2i_zoo.media.pictures import read_picture, to_uint8

AS_THEY_ARE = {"load_size": None, "crop_size": None, "test_size": None, "flip": False, "num_workers": 0}


def photo(seed, height=24, width=32):
    noise = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def write(file, array):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(file)
    return file


def names(batches, key="name"):
    return [name for batch in batches for name in batch[key]]


@pytest.fixture
def root(tmp_path):
    """CycleGAN's layout: five of A, eight of B, under other names; two and three to test."""
    for side, split, count in (("A", "train", 5), ("B", "train", 8), ("A", "test", 2), ("B", "test", 3)):
        for number in range(count):
            write(tmp_path / f"{split}{side}" / f"{side}{number}.png", photo(number + 100 * (side == "B")))
    return tmp_path


def pairs(root, folders=("labels", "images"), train=12, test=4):
    """Label maps and photographs of the same names, in two folders of each split."""
    for split, count in (("train", train), ("test", test)):
        for number in range(count):
            ids = np.random.default_rng(number).integers(0, 12, (6, 8), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
            write(root / split / folders[0] / f"{number}.png", ids)
            write(root / split / folders[1] / f"{number}.jpg", photo(number))
    return root


def test_the_layout_of_cyclegan(root):
    data = UnpairedData(str(root), val_fraction=0, **AS_THEY_ARE)
    data.setup("fit")
    data.setup("test")
    items = [data.datasets["train"][0, index] for index in range(8)]
    assert len(data.datasets["train"]) == 8  # the larger set
    assert [item["name"] for item in items] == ["A0", "A1", "A2", "A3", "A4", "A0", "A1", "A2"]
    for item in items:
        assert set(item) == {"a", "b", "name", "name_b"}
        assert torch.equal(item["a"], read_picture(photo(int(item["name"][1:]))))
        assert torch.equal(item["b"], read_picture(photo(int(item["name_b"][1:]) + 100)))
    assert list(data.val_dataloader()) == []
    # To test, the pictures in their order.
    batches = list(data.test_dataloader())
    assert names(batches) == ["A0", "A1", "A0"]
    assert names(batches, "name_b") == ["B0", "B1", "B2"]
    assert batches[0]["a"].shape == batches[0]["b"].shape == (1, 3, 24, 32)
    assert "label_map" not in batches[0]

    write(root / "valA" / "v.png", photo(7))
    write(root / "valB" / "w.png", photo(8))
    data = UnpairedData(str(root), **AS_THEY_ARE)
    for stage in ("validate", "test"):
        data.setup(stage)
    assert names(data.val_dataloader(), "name_b") == ["w"]
    assert names(data.test_dataloader(), "name_b") == ["B0", "B1", "B2"]


def test_a_larger_set_of_a(root):
    """Each of A once an epoch, and B drawn with replacement."""
    (root / "trainA").rename(root / "x")
    (root / "trainB").rename(root / "trainA")
    (root / "x").rename(root / "trainB")
    data = UnpairedData(str(root), val_fraction=0, **AS_THEY_ARE)
    data.setup("fit")
    batches = list(data.train_dataloader())
    assert sorted(names(batches)) == [f"B{number}" for number in range(8)]
    assert len(names(batches, "name_b")) == 8
    assert set(names(batches, "name_b")) <= {f"A{number}" for number in range(5)}


def test_every_picture_of_b_is_drawn_as_often(root):
    data = UnpairedData(str(root), val_fraction=0, **AS_THEY_ARE)
    data.setup("fit")
    drawn = [data.datasets["train"][epoch, 0]["name_b"] for epoch in range(400)]
    counts = [drawn.count(f"B{number}") for number in range(8)]
    assert sum(counts) == 400
    assert min(counts) > 25  # 50 on average, 6.6 their standard deviation
    assert max(counts) < 80


def test_two_folders_of_each_split(tmp_path):
    """A dataset with pairs is trained without them, and measured with them."""
    pairs(tmp_path)
    data = UnpairedData(str(tmp_path), "labels", "images", palette_a="camvid", val_fraction=0, **AS_THEY_ARE)
    data.setup("fit")
    data.setup("test")
    batches = list(data.train_dataloader())
    assert sorted(names(batches)) == sorted(map(str, range(12)))
    met = [a == b for a, b in zip(names(batches), names(batches, "name_b"), strict=True)]
    assert sum(met) <= 4  # 1 on average
    for batch in data.test_dataloader():
        assert batch["name"] == batch["name_b"]
        number = int(batch["name"][0])
        with Image.open(tmp_path / "test" / "images" / f"{number}.jpg") as picture:
            assert torch.equal(batch["b"][0], read_picture(picture))
        assert np.array_equal(batch["label_map"][0], np.asarray(Image.open(tmp_path / f"test/labels/{number}.png")))
    assert names(data.test_dataloader()) == ["0", "1", "2", "3"]


def test_any_two_folders(tmp_path, capsys):
    for number in range(3):
        write(tmp_path / "cats" / f"c{number}.png", photo(number))
    for number in range(2):
        write(tmp_path / "dogs" / "more" / f"d{number}.png", photo(9))
    data = UnpairedData(str(tmp_path), "cats", "dogs", **AS_THEY_ARE)
    data.setup("fit")
    train, val = names(data.train_dataloader()), names(data.val_dataloader())
    assert sorted(train + val) == ["c0", "c1", "c2"]
    assert len(val) == 1
    assert {*names(data.train_dataloader(), "name_b"), *names(data.val_dataloader(), "name_b")} == {
        "more/d0",
        "more/d1",
    }
    said = capsys.readouterr().err
    cats, dogs = tmp_path / "cats", tmp_path / "dogs"
    assert f"1 of 3 training pictures in {cats} and 1 of 2 in {dogs}, held out by --data.val_fraction 0.1," in said
    data.setup("test")
    assert names(data.test_dataloader()) == ["c0", "c1", "c2"]
    said = capsys.readouterr().err
    assert f"Test: 3 pictures in {cats} and 2 in {dogs}, with those of training, since " in said


def test_files_that_hold_a_pair(tmp_path):
    for split, number in product(("train", "val"), range(6)):
        write(tmp_path / split / f"{number}.png", np.concatenate([photo(number), 255 - photo(number)], 1))
    data = UnpairedData(str(tmp_path), channels_b=1, **AS_THEY_ARE)
    data.setup("fit")
    batches = list(data.train_dataloader())
    assert names(batches) != names(batches, "name_b")
    for batch in (*batches, *data.val_dataloader()):
        assert torch.equal(batch["a"][0], read_picture(photo(int(batch["name"][0]))))
        assert torch.equal(batch["b"][0], read_picture(255 - photo(int(batch["name_b"][0])), 1))
    batches = list(data.val_dataloader())
    assert names(batches) == names(batches, "name_b") == list("012345")

    # With trainA beside it, as in CycleGAN's maps, the files of one picture are meant.
    write(tmp_path / "trainA" / "a.png", photo(1))
    write(tmp_path / "trainB" / "b.png", photo(2))
    write(tmp_path / "testA" / "a.png", photo(1))
    write(tmp_path / "testB" / "b.png", photo(2))
    data = UnpairedData(str(tmp_path), **AS_THEY_ARE)
    data.setup("fit")
    assert names(data.train_dataloader()) == ["a"]


def test_what_is_drawn_follows_from_seed_epoch_and_index_alone(root):
    def epochs(seed=0, **options):
        data = UnpairedData(str(root), load_size=20, crop_size=16, seed=seed, batch_size=3, val_fraction=0, **options)
        data.setup("fit")
        loader = data.train_dataloader()
        result = []
        for epoch in range(2):
            loader.sampler.set_epoch(epoch)
            batches = list(loader)
            pictures = torch.cat([torch.cat([batch["a"], batch["b"]], 1) for batch in batches])
            result.append((names(batches), names(batches, "name_b"), pictures))
        return result

    alone, parallel, reseeded = epochs(num_workers=0), epochs(num_workers=2), epochs(seed=1, num_workers=0)
    for one, other in zip(alone, parallel, strict=True):
        assert one[:2] == other[:2]
        assert torch.equal(one[2], other[2])
    for a, b in ((alone[0], alone[1]), (alone[0], reseeded[0])):
        pairing, other_pairing = (set(zip(*drawn[:2], strict=True)) for drawn in (a, b))
        assert pairing != other_pairing
        assert a[0] != b[0]


class Recorder(L.LightningModule):
    """Writes down what it is trained on, and leaves a checkpoint after each batch."""

    def __init__(self, folder):
        super().__init__()
        self.automatic_optimization, self.folder, self.seen = False, folder, []
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, batch_idx):
        self.optimizers().step()
        self.seen.append((batch["name"][0], batch["name_b"][0], batch["a"].sum().item(), batch["b"].sum().item()))

    def on_train_batch_end(self, *batch):
        self.trainer.save_checkpoint(self.folder / f"{len(self.seen)}.ckpt")

    def configure_optimizers(self):
        return torch.optim.SGD([self.weight], 0.0)


@pytest.mark.filterwarnings("error:You're resuming from a checkpoint")  # Lightning's, where the rest would be another
def test_a_run_resumed_within_an_epoch_meets_the_same_rest(root):
    options = {"load_size": 20, "crop_size": 16, "num_workers": 0, "val_fraction": 0}

    def seen(folder, checkpoint=None):
        model, data = Recorder(folder), UnpairedData(str(root), **options)
        trainer = L.Trainer(
            max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, use_distributed_sampler=False, limit_val_batches=0,
        )  # fmt: skip
        trainer.fit(model, data, ckpt_path=checkpoint)
        return model.seen

    filters = list(warnings.filters)
    whole = seen(root / "checkpoints")
    assert len(whole) == len(set(whole)) == 16
    for batches in (3, 11):
        assert seen(root / "resumed", root / "checkpoints" / f"{batches}.ckpt") == whole[batches:]
    assert warnings.filters == filters
    # A checkpoint of a loader that kept nothing at all, as they were before, goes on too.
    checkpoint = torch.load(root / "checkpoints" / "11.ckpt", weights_only=True)
    assert checkpoint["loops"]["fit_loop"]["state_dict"].pop("combined_loader") == [{}]
    torch.save(checkpoint, root / "old.ckpt")
    assert seen(root / "resumed", root / "old.ckpt") == whole[11:]


@pytest.mark.parametrize("world", [2, 3])
def test_processes_together_draw_what_one_draws(root, world):
    data = UnpairedData(str(root), load_size=20, crop_size=16, num_workers=0)
    data.setup("fit")
    dataset = data.datasets["train"]

    def drawn(**options):
        return [
            (item["name"], item["name_b"], item["a"].sum().item(), item["b"].sum().item())
            for item in map(dataset.__getitem__, EpochSampler(len(dataset), shuffle=True, epoch=3, **options))
        ]

    whole, parts = drawn(), [drawn(rank=rank, world=world) for rank in range(world)]
    interleaved = [item for items in zip(*parts, strict=True) for item in items]
    assert interleaved[: len(whole)] == whole
    assert drawn(skip=5) == whole[5:]


def test_both_are_cropped_and_flipped_by_themselves(tmp_path):
    """Each pixel tells its place, so that a crop tells where it was taken and whether it was mirrored."""
    place = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8, 1).repeat(3, -1) * 5
    for side in "AB":
        write(tmp_path / f"train{side}" / "x.png", place)
        write(tmp_path / f"test{side}" / "x.png", place)
    data = UnpairedData(str(tmp_path), **{**AS_THEY_ARE, "crop_size": [4, 5], "flip": True})
    data.setup("fit")
    found = set()
    for epoch in range(300):
        item = data.datasets["train"][epoch, 0]
        where = []
        for key in "ab":
            numbers = to_uint8(item[key])[0].long() // 5
            assert numbers.shape == (4, 5)
            flipped, corner = bool(numbers[0, 0] > numbers[0, 1]), int(numbers.min())
            expected = place[corner // 8 :, corner % 8 :][:4, :5, 0] // 5
            assert np.array_equal(numbers.flip(1) if flipped else numbers, expected)
            where.append((corner, flipped))
        found.add(tuple(where))
    assert (
        {a for a, _ in found}
        == {b for _, b in found}
        == set(product((0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19), (0, 1)))
    )
    assert len(found) > 200  # of the 576 ways for both
    data.setup("test")
    item = data.datasets["test"][0, 0]
    assert torch.equal(item["a"], read_picture(place))


def test_after_the_epochs_of_crops_come_whole_pictures(root):
    """As CUT's authors have it once the learning rate falls: the size of a crop, and still mirrored."""
    sizes = {"load_size": [18, 24], "crop_size": [12, 16], "test_size": [12, 16], "val_fraction": 0, "num_workers": 0}
    data = UnpairedData(str(root), crop_epochs=2, **sizes)
    data.setup("fit")
    cropping = UnpairedData(str(root), **sizes)
    cropping.setup("fit")
    whole = [
        np.asarray(Image.fromarray(photo(number)).resize((16, 12), Image.Resampling.BICUBIC)).astype(int)
        for number in range(5)
    ]
    mirrored = set()
    for epoch, index in product(range(6), range(5)):
        item = data.datasets["train"][epoch, index]
        if epoch < 2:
            assert torch.equal(item["a"], cropping.datasets["train"][epoch, index]["a"])
            continue
        found = to_uint8(item["a"]).permute(1, 2, 0).numpy().astype(int)
        differences = [np.abs(found[:, ::step] - whole[index]).max() for step in (1, -1)]
        assert min(differences) <= 1 < max(differences)
        assert item["b"].shape == (3, 12, 16)
        mirrored.add(int(np.argmin(differences)))
    assert mirrored == {0, 1}
    with pytest.raises(ZooError, match="there is no crop_size: give that too"):
        UnpairedData(str(root), crop_epochs=2, crop_size=None)


def test_sizes_are_the_authors(root):
    data = UnpairedData(str(root), num_workers=0)
    assert data.preprocess.to_json() == {"size": [256, 256]}
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["a"].shape == batch["b"].shape == (1, 3, 256, 256)
    data = UnpairedData(str(root), load_size=20, crop_size=None, test_size=[12, 18], num_workers=0, batch_size=2)
    data.setup("fit")
    assert next(iter(data.train_dataloader()))["a"].shape == (2, 3, 20, 20)
    data.setup("test")
    batch = next(iter(data.test_dataloader()))
    assert batch["b"].shape == (2, 3, 12, 18)
    expected = np.asarray(Image.fromarray(photo(100)).resize((18, 12), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(to_uint8(batch["b"][0]).permute(1, 2, 0).numpy() - expected).max() <= 1


@pytest.mark.parametrize("side", ["a", "b"])
def test_label_maps_come_in_colours_and_reach_the_metrics(tmp_path, side):
    folders = ("labels", "images")
    pairs(tmp_path, folders, test=2)
    write(tmp_path / "test" / "labels" / "1.png", np.arange(12, dtype=np.uint8).reshape(3, 4).repeat(4, 0).repeat(4, 1))
    write(tmp_path / "test" / "images" / "1.jpg", photo(1, 12, 16))
    order = folders if side == "a" else folders[::-1]
    options = {f"palette_{side}": "camvid", "load_size": [30, 40], "crop_size": [24, 32], "test_size": [12, 16]}
    data = UnpairedData(str(tmp_path), *order, batch_size=2, num_workers=0, **options)
    key = "source_palette" if side == "a" else "target_palette"
    assert data.preprocess.to_json() == {"size": [12, 16], key: "camvid"}
    for stage in ("fit", "test"):
        data.setup(stage)
    batch = next(iter(data.test_dataloader()))
    assert [tuple(label.shape) for label in batch["label_map"]] == [(24, 32), (12, 16)]
    for pictures in (next(iter(data.train_dataloader()))[side], batch[side]):
        colours = to_uint8(pictures).permute(0, 2, 3, 1).numpy()
        assert np.array_equal(colour_labels(label_ids(colours, "camvid"), "camvid"), colours)
    ids = label_ids(colours, "camvid")  # of the batch to test on
    assert np.array_equal(ids[0], batch["label_map"][0][1::2, 1::2])
    assert np.array_equal(ids[1], batch["label_map"][1])
    assert "label_map" not in data.datasets["train"][0, 0]

    # A channel for each label.
    data = UnpairedData(str(tmp_path), *order, **{f"palette_{side}": "camvid", f"channels_{side}": 12}, **AS_THEY_ARE)
    data.setup("test")
    item = data.datasets["test"][0, 0]
    assert torch.equal(item[side].argmax(0), item["label_map"])

    # Without pairs nobody knows the labels of the other side's pictures.
    (tmp_path / "test" / "images" / "1.jpg").rename(tmp_path / "test" / "images" / "2.jpg")
    data = UnpairedData(str(tmp_path), *order, **{f"palette_{side}": "camvid"}, **AS_THEY_ARE)
    data.setup("test")
    assert "label_map" not in data.datasets["test"][0, 0]


def test_names_match_whatever_their_suffixes(tmp_path):
    """Sorted by file, x.1.png lies before x.jpg, but x.png before x.1.jpg would be the other way round."""
    for name, suffix, other in (("x", "jpg", "png"), ("x.k", "png", "jpg")):
        write(tmp_path / "testA" / f"{name}.{suffix}", photo(0))
        write(tmp_path / "testB" / f"{name}.{other}", photo(0))
    data = UnpairedData(str(tmp_path), **AS_THEY_ARE)
    data.setup("test")
    batches = list(data.test_dataloader())
    assert names(batches) == names(batches, "name_b") == ["x", "x.k"]


def fails(data, *parts, stage="fit"):
    with pytest.raises(ZooError) as error:
        data.setup(stage)
    message = str(error.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert [part for part in map(str, parts) if part not in message] == [], message


def test_missing_and_empty_folders_are_named(root):
    fails(UnpairedData(str(root / "none")), root / "none" / "trainA", "no such folder; see UnpairedData")
    fails(UnpairedData(str(root), "cats", "dogs"), root / "cats", "no such folder")
    (root / "trainB").rename(root / "x")
    fails(UnpairedData(str(root)), root / "trainB", "no such folder")
    (root / "trainB").mkdir()
    (root / "trainB" / "notes.txt").touch()
    fails(UnpairedData(str(root)), root / "trainB", "holds no pictures")
    (root / "testA").rename(root / "y")
    fails(UnpairedData(str(root)), root / "testA", "no such folder", stage="test")
    (root / "train" / "cats").mkdir(parents=True)
    write(root / "train" / "cats" / "0.png", photo(0))
    fails(UnpairedData(str(root), "cats", "dogs"), root / "train" / "dogs", "no such folder")
    with pytest.raises(ZooError, match="Name both folders, a and b, or neither"):
        UnpairedData(str(root), "cats")
    with pytest.raises(ZooError, match="Unknown palette 'camwid'"):
        UnpairedData(str(root), palette_b="camwid")


def test_broken_files_are_named_before_training_begins(root):
    broken = [root / "trainA" / "A0.png", root / "trainB" / "B3.png"]
    for file in broken:
        file.write_bytes(file.read_bytes()[:50])
    fails(UnpairedData(str(root), val_fraction=0), "2 files are broken", *broken)
    fails(UnpairedData(str(root), "trainA", "testA"), "1 file is broken", broken[0])


def test_labels_without_colour_are_named_before_training_begins(tmp_path):
    wrong = write(pairs(tmp_path) / "train" / "labels" / "3.png", np.full((24, 32), 12, np.uint8))
    fails(UnpairedData(str(tmp_path), "labels", "images", palette_a="camvid"), wrong, "label 12 has no colour")
    fails(UnpairedData(str(tmp_path), "images", "labels", palette_b="camvid"), wrong, "label 12 has no colour")
    fails(UnpairedData(str(tmp_path), "labels", "images"), "looks like a label map of ids", "--data.palette_a")
    fails(UnpairedData(str(tmp_path), "images", "labels"), "looks like a label map of ids", "--data.palette_b")


def test_what_does_not_fit_is_named(root):
    data = UnpairedData(str(root), load_size=None, crop_size=30)
    data.setup("fit")
    with pytest.raises(ZooError, match=r"trainA/A1\.png: 32x24 pixels are too few for crops of 30x30"):
        data.datasets["train"][0, 1]
    with pytest.raises(ZooError, match=r"7 files are broken .*trainB/B\d\.png: 3 channels, but the model takes 5"):
        UnpairedData(str(root), channels_b=5).setup("fit")
