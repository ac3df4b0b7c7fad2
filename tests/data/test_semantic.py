from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.data.semantic import SemanticData
from i2i_zoo.errors import ZooError
from i2i_zoo.media.labels import colour_labels, palette_colours
from i2i_zoo.media.pictures import read_picture, to_uint8

AS_THEY_ARE = {"load_size": None, "crop_size": None, "test_size": None, "flip": False, "num_workers": 0}


def ids(seed, height=24, width=40, labels=12):
    """A label map of blocks, none of which resizing can lose."""
    blocks = np.random.default_rng(seed).integers(0, labels, (height // 4, width // 4), dtype=np.uint8)
    return blocks.repeat(4, 0).repeat(4, 1)


def photo(seed, height=24, width=40):
    noise = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def write(file, picture):
    file.parent.mkdir(parents=True, exist_ok=True)
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(file)
    return file


def write_item(root, name, label, target, instance=None, split="train"):
    """One item, photographs as PNG so that their pixels are known."""
    for folder, picture in (("labels", label), ("images", target), ("instances", instance)):
        if picture is not None:
            suffix = "tif" if getattr(picture, "dtype", None) == np.int32 else "png"
            write(root / split / folder / f"{name}.{suffix}", picture)


@pytest.fixture
def root(tmp_path):
    """Four items to train on and two to validate with; an instance map of 16 bits each."""
    for split, count in (("train", 4), ("val", 2)):
        for seed in range(count):
            instance = ids(seed).astype(np.uint16) * 1000 + 1
            write_item(tmp_path, str(seed), ids(seed), photo(seed), instance, split)
    return tmp_path


def only(root, label, target=None, instance=None, **options):
    """The item of a dataset that holds nothing else, to validate with."""
    height, width = np.asarray(label).shape[:2]
    write_item(root, "x", label, photo(0, height, width) if target is None else target, instance, "val")
    data = SemanticData(str(root), instance=None if instance is None else "instances", **{**AS_THEY_ARE, **options})
    data.setup("validate")
    return data.datasets["val"][0, 0]


def test_items(root):
    data = SemanticData(str(root), instance="instances", labels=12, palette="camvid", **AS_THEY_ARE)
    data.setup("fit")
    assert len(data.datasets["train"]) == 4
    item = data.datasets["train"][0, 1]
    assert set(item) == {"label", "instance", "target", "name"}
    assert item["name"] == "1"
    assert torch.equal(item["label"], torch.from_numpy(ids(1)).long())
    assert torch.equal(item["instance"], item["label"] * 1000 + 1)
    assert torch.equal(item["target"], read_picture(photo(1)))
    assert data.preprocess.to_json() == {"source_palette": "camvid"}


def test_folders_are_named_and_instances_optional(tmp_path):
    write(tmp_path / "train" / "maps" / "a" / "x.png", ids(0))
    write(tmp_path / "train" / "photos" / "a" / "x.bmp", photo(0))
    (tmp_path / "val").symlink_to(tmp_path / "train")
    data = SemanticData(str(tmp_path), "maps", "photos", labels=12, **AS_THEY_ARE)
    data.setup("fit")
    assert set(data.datasets["train"][0, 0]) == {"label", "target", "name"}
    assert set(data.datasets["val"][0, 0]) == {"label", "target", "name", "label_map"}


def test_labels_are_resized_to_the_nearest_and_photographs_bicubically(root):
    data = SemanticData(str(root), instance="instances", labels=12, test_size=[12, 30], dont_care=255, num_workers=0)
    assert data.preprocess.to_json() == {"size": [12, 30], "dont_care": 255}
    data.setup("validate")
    item = data.datasets["val"][0, 0]
    nearest = Image.fromarray(ids(0)).resize((30, 12), Image.Resampling.NEAREST)
    assert np.array_equal(item["label"], nearest)
    assert torch.equal(item["instance"], item["label"] * 1000 + 1)
    bicubic = np.asarray(Image.fromarray(photo(0)).resize((30, 12), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(to_uint8(item["target"]).permute(1, 2, 0).numpy() - bicubic).max() <= 1
    assert np.array_equal(item["label_map"], ids(0))  # as it is in its file
    assert all(torch.equal(item[key], value) for key, value in data.datasets["val"][7, 0].items() if key != "name")


def test_crops_and_flips_keep_all_parts_in_register(tmp_path):
    """Each part holds its place in the file, so that a pixel of one tells which pixels of the others belong to it."""
    place = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8)
    write_item(tmp_path, "x", place, place[..., None].repeat(3, -1) * 5, place.astype(np.uint16) * 600)
    (tmp_path / "val").symlink_to(tmp_path / "train")
    options = {**AS_THEY_ARE, "crop_size": [4, 5], "flip": True}
    data = SemanticData(str(tmp_path), instance="instances", labels=48, **options)
    data.setup("fit")
    found = set()
    for epoch in range(200):
        item = data.datasets["train"][epoch, 0]
        assert torch.equal(item["instance"], item["label"] * 600)
        assert torch.equal(to_uint8(item["target"]).long(), (item["label"] * 5).expand(3, -1, -1))
        flipped = bool(item["label"][0, 0] > item["label"][0, 1])
        corner = int(item["label"].min())
        y, x = divmod(corner, 8)
        part = torch.from_numpy(place[y : y + 4, x : x + 5]).long()
        assert torch.equal(item["label"], part.flip(1) if flipped else part)
        found.add((y, x, flipped))
    assert found == set(product(range(3), range(4), (False, True)))


def test_training_follows_from_seed_epoch_and_index_alone(root):
    def items(seed, epoch):
        data = SemanticData(str(root), "labels", labels=12, load_size=20, crop_size=12, seed=seed, num_workers=0)
        data.setup("fit")
        return torch.stack([data.datasets["train"][epoch, index]["target"] for index in range(4)])

    assert torch.equal(items(0, 3), items(0, 3))
    assert not torch.equal(items(0, 3), items(0, 4))
    assert not torch.equal(items(0, 3), items(1, 3))


def test_dont_care_is_the_last_label(tmp_path):
    label = ids(0)
    label[:4, :4] = 255
    item = only(tmp_path, label, labels=13, dont_care=255)
    assert (item["label"][:4, :4] == 12).all()
    assert torch.equal(item["label_map"], item["label"])
    assert torch.equal(item["label"][4:], torch.from_numpy(label[4:]).long())


def test_labels_out_of_range_are_named_by_setup(root):
    wrong = ids(0)
    wrong[5, 5] = 77
    write_item(root, "0", wrong, photo(0))
    wrong[5, 5] = 255
    write_item(root, "3", wrong, photo(3))
    labels = root / "train" / "labels"
    with pytest.raises(ZooError) as error:
        SemanticData(str(root), labels=12).setup("fit")
    assert str(error.value) == (
        f"{labels / '0.png'}: label 77 is not among 0 to 11; correct it, or set labels; "
        f"{labels / '3.png'}: label 255 is not among 0 to 11; correct it, or set labels, "
        "or set dont_care to 255 if it means that."
    )
    SemanticData(str(root), labels=12).setup("validate")  # those are good


def indexed(indices, colours):
    picture = Image.fromarray(indices.astype(np.uint8), "P")
    picture.putpalette(colours.astype(np.uint8).tobytes())
    return picture


CAMVID, SHUFFLED = palette_colours("camvid"), np.random.default_rng(1).permutation(12)


KINDS = {
    "colours": lambda label: Image.fromarray(colour_labels(label, "camvid")),
    "indexed colours": lambda label: indexed(np.argsort(SHUFFLED)[label], CAMVID[SHUFFLED]),
    "indexed ids in their colours": lambda label: indexed(label, CAMVID),
    "indexed ids": lambda label: indexed(label, np.arange(768).reshape(256, 3) % 256),
    "16 bits": lambda label: label.astype(np.uint16),
    "32 bits": lambda label: label.astype(np.int32),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_label_maps(tmp_path, kind):
    item = only(tmp_path, KINDS[kind](ids(0)), labels=12, palette="camvid", test_size=[12, 20])
    assert torch.equal(item["label_map"], torch.from_numpy(ids(0)).long())
    assert torch.equal(item["label"], item["label_map"][1::2, 1::2])


def test_colours_without_a_palette_are_explained(tmp_path):
    with pytest.raises(ZooError, match=r"labels/x\.png: .*for colours, say which palette they are of"):
        only(tmp_path, KINDS["colours"](ids(0)), labels=12)
    with pytest.raises(ZooError, match="Unknown palette 'camwid'"):
        SemanticData(str(tmp_path), palette="camwid")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_instances_keep_their_numbers(tmp_path, dtype):
    numbers = {np.uint8: [0, 7, 255], np.uint16: [7, 26001, 33001], np.int32: [7, 33001, 16_777_219]}[dtype]
    instance = np.array(numbers, dtype)[ids(0, labels=3)]
    item = only(tmp_path, ids(0), instance=instance, labels=12, test_size=[12, 20])
    assert item["instance"].unique().tolist() == numbers
    assert torch.equal(item["instance"], torch.from_numpy(instance.astype(np.int64))[1::2, 1::2])


def test_batches(root):
    write_item(root, "2", ids(2, 12, 16), photo(2, 12, 16), ids(2, 12, 16), "val")
    options = {"load_size": 20, "crop_size": 16, "test_size": 16, "num_workers": 0, "batch_size": 3}
    data = SemanticData(str(root), instance="instances", labels=12, **options)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert set(batch) == {"label", "instance", "target", "name"}
    assert batch["label"].shape == batch["instance"].shape == (3, 16, 16)
    assert batch["label"].dtype == batch["instance"].dtype == torch.int64
    assert batch["target"].shape == (3, 3, 16, 16)
    batch = next(iter(data.val_dataloader()))
    assert batch["name"] == ["0", "1", "2"]
    assert batch["label"].shape == (3, 16, 16)
    assert [label.shape for label in batch["label_map"]] == [(24, 40), (24, 40), (12, 16)]


def test_workers_read_the_same(root):
    def names_and_labels(workers):
        data = SemanticData(str(root), labels=12, load_size=20, crop_size=12, batch_size=2, num_workers=workers)
        data.setup("fit")
        batches = list(data.train_dataloader())
        return [name for batch in batches for name in batch["name"]], torch.cat([batch["label"] for batch in batches])

    (names, labels), (other_names, other_labels) = names_and_labels(0), names_and_labels(1)
    assert names == other_names
    assert torch.equal(labels, other_labels)


@pytest.mark.parametrize("folder", ["labels", "images", "instances"])
def test_files_without_a_partner_are_named(root, folder):
    file = write(root / "train" / folder / "lonely.png", ids(0))
    with pytest.raises(ZooError, match=rf"1 pictures have no partner of the same name .*{file}"):
        SemanticData(str(root), instance="instances", labels=12).setup("fit")


@pytest.mark.parametrize("folder", ["labels", "instances"])
def test_maps_of_another_size_than_their_photograph_are_named(root, folder):
    file = write(root / "train" / folder / "1.png", ids(0, 20, 40))
    with pytest.raises(ZooError, match=rf"^{file} has 40x20 pixels and .*images/1\.png 40x24: a pair has one size\.$"):
        SemanticData(str(root), instance="instances", labels=12).setup("fit")


def test_broken_files_are_named_before_training_begins(root):
    cut = [root / "train" / folder / "2.png" for folder in ("labels", "images", "instances")]
    for file in cut:
        file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(ZooError) as error:
        SemanticData(str(root), instance="instances", labels=12).setup("fit")
    assert all(str(file) in str(error.value) for file in cut)


def test_the_test_is_on_val_but_validation_is_not_on_test(root):
    data = SemanticData(str(root), labels=12, test_size=16, num_workers=0, batch_size=2)
    data.setup("test")
    assert [batch["name"] for batch in data.test_dataloader()] == [["0", "1"]]
    (root / "val").rename(root / "test")
    data = SemanticData(str(root), labels=12)
    data.setup("validate")
    assert len(data.datasets["val"]) == 1  # of the four of train
    (root / "train").rename(root / "elsewhere")
    with pytest.raises(ZooError, match="val: there is no such folder"):
        SemanticData(str(root), labels=12).setup("validate")


def test_missing_folders_are_named(root):
    with pytest.raises(ZooError, match="train/objects: there is no such folder"):
        SemanticData(str(root), instance="objects", labels=12).setup("fit")
    with pytest.raises(ZooError, match="none/train: there is no such folder"):
        SemanticData(str(root / "none")).setup("fit")


def test_too_large_a_crop_is_explained(root):
    data = SemanticData(str(root), labels=12, load_size=None, crop_size=30)
    data.setup("fit")
    with pytest.raises(ZooError, match=r"images/0\.png: 40x24 pixels are too few for crops of 30x30"):
        data.datasets["train"][0, 0]
