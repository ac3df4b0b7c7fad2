import lightning as L
import numpy as np
import pytest
import skimage.color
import skimage.data
import tifffile
import torch
from PIL import Image
from torch.utils.data import DataLoader

from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.sampler import EpochSampler
from i2i_zoo.errors import ZooError
from i2i_zoo.media.geometry import resize
from i2i_zoo.media.labels import colour_labels, label_ids, read_labels
from i2i_zoo.media.lines import thin_lines
from i2i_zoo.media.pictures import decode_picture, read_picture, to_float, to_uint8
from i2i_zoo.pretrained.hed import hed, hed_edges


def photo(seed, height=24, width=40):
    """A smooth picture, whose resized versions can be compared."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def write(file, array):
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".npy":
        np.save(file, array)
    elif file.suffix == ".tif":
        tifffile.imwrite(file, array, photometric="minisblack", planarconfig="contig" if array.ndim == 3 else None)
    else:
        Image.fromarray(array).save(file)


@pytest.fixture
def side_by_side(tmp_path):
    """Five training pairs, one to validate on: A a photograph, B its negative."""
    for split, count in (("train", 5), ("val", 1)):
        for number in range(count):
            a = photo(number)
            write(tmp_path / split / f"{number}.png", np.concatenate([a, 255 - a], 1))
    return tmp_path


def two_folders(root, source, target, split="train", name="x"):
    """Write one pair; the arrays decide the kind of the files."""
    for folder, array in (("a", source), ("b", target)):
        suffix = ".npy" if array.dtype.kind == "f" else ".tif" if array.ndim == 3 and array.shape[2] > 3 else ".png"
        write(root / split / folder / f"{name}{suffix}", array)
    return root


def only(data, split="train", stage="fit"):
    """The first item of a split of a datamodule without ``val``."""
    if not (data.root / "val").exists():
        (data.root / "val").symlink_to(data.root / "train")
    data.setup(stage)
    return data.datasets[split][0, 0]


AS_THEY_ARE = {"load_size": None, "crop_size": None, "test_size": None, "flip": False}


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_side_by_side(side_by_side, direction):
    data = PairedData(str(side_by_side), direction=direction, num_workers=0, **AS_THEY_ARE)
    data.setup("fit")
    item = data.datasets["train"][0, 1]
    a, b = read_picture(photo(1)), read_picture(255 - photo(1))
    source, target = (a, b) if direction == "AtoB" else (b, a)
    assert torch.equal(item["source"], source)
    assert torch.equal(item["target"], target)
    assert item["name"] == "1"
    batch = next(iter(data.val_dataloader()))
    assert set(batch) == {"source", "target", "name"}
    assert batch["source"].shape == (1, 3, 24, 40)


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_two_folders_are_matched_by_name(tmp_path, direction):
    for name in ("z", "y"):
        write(tmp_path / "train" / "photos" / f"{name}.png", photo(ord(name)))
        write(tmp_path / "train" / "drawings" / f"{name}.bmp", photo(ord(name))[..., 0])
    data = PairedData(
        str(tmp_path), "drawings", "photos", direction, in_channels=1 if direction == "AtoB" else 3,
        out_channels=3 if direction == "AtoB" else 1, **AS_THEY_ARE,
    )  # fmt: skip
    item = only(data)
    assert item["name"] == "y"
    drawing, picture = (item["source"], item["target"]) if direction == "AtoB" else (item["target"], item["source"])
    assert torch.equal(picture, read_picture(photo(ord("y"))))
    assert torch.equal(drawing, read_picture(photo(ord("y"))[..., 0], 1))


def test_resize_crop_and_flip_are_the_authors_and_alike(side_by_side):
    """Each half is resized to 20x20, one 16x16 crop out of 5x5, half of them mirrored; both halves the same."""
    data = PairedData(str(side_by_side), load_size=20, crop_size=16)
    data.setup("fit")
    resized = np.asarray(Image.fromarray(photo(0)).resize((20, 20), Image.Resampling.BICUBIC)).astype(np.float32)
    crops = {
        (y, x, flip): (crop[:, ::-1] if flip else crop)
        for y in range(5)
        for x in range(5)
        for crop in [resized[y : y + 16, x : x + 16]]
        for flip in (False, True)
    }
    found = []
    for epoch in range(200):
        item = data.datasets["train"][epoch, 0]
        assert item["source"].shape == item["target"].shape == (3, 16, 16)
        # Rounding and clipping may differ by a level.
        assert (item["source"] + item["target"]).abs().max() <= 2.01 / 127.5
        picture = to_uint8(item["source"]).permute(1, 2, 0).numpy()
        differences = {key: np.abs(crop - picture).max() for key, crop in crops.items()}
        best = min(differences, key=differences.__getitem__)
        assert differences[best] <= 1
        found.append(best)
    assert {y for y, _, _ in found} == {x for _, x, _ in found} == set(range(5))
    assert 70 < sum(flip for _, _, flip in found) < 130


def test_validation_is_resized_and_nothing_else(side_by_side):
    data = PairedData(str(side_by_side), load_size=20, crop_size=16, test_size=[12, 18])
    data.setup("validate")
    item = data.datasets["val"][0, 0]
    expected = np.asarray(Image.fromarray(photo(0)).resize((18, 12), Image.Resampling.BICUBIC)).astype(np.float32)
    assert item["source"].shape == (3, 12, 18)
    assert np.abs(to_uint8(item["source"]).permute(1, 2, 0).numpy() - expected).max() <= 1
    assert torch.equal(data.datasets["val"][7, 0]["source"], item["source"])
    assert data.preprocess.to_json() == {"size": [12, 18]}


def test_augmentation_follows_from_seed_epoch_and_index_alone(side_by_side):
    def epochs(seed=0, **options):
        data = PairedData(str(side_by_side), load_size=20, crop_size=16, seed=seed, batch_size=2, **options)
        data.setup("fit")
        loader = data.train_dataloader()
        result = []
        for epoch in range(2):
            loader.sampler.set_epoch(epoch)
            batches = list(loader)
            result.append(([n for b in batches for n in b["name"]], torch.cat([b["source"] for b in batches])))
        return result

    alone, parallel, reseeded = epochs(num_workers=0), epochs(num_workers=2), epochs(seed=1, num_workers=0)
    for (names, pictures), (other_names, other_pictures) in zip(alone, parallel, strict=True):
        assert sorted(names) == ["0", "1", "2", "3", "4"]
        assert names == other_names
        assert torch.equal(pictures, other_pictures)
    assert alone[0][0] != alone[1][0]
    assert alone[0][0] != reseeded[0][0]
    # The same picture in two epochs is cropped differently.
    of_zero = [pictures[names.index("0")] for names, pictures in alone]
    assert not torch.equal(*of_zero)


@pytest.mark.filterwarnings("ignore:`LightningModule.configure_optimizers` returned `None`")  # none is needed here
def test_the_trainer_advances_the_epoch_of_the_order(side_by_side):
    class Recorder(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.automatic_optimization = False
            self.names = []

        def training_step(self, batch, batch_idx):
            self.names.append(batch["name"][0])

        def configure_optimizers(self):
            return None

    data, model = PairedData(str(side_by_side), num_workers=0, seed=3), Recorder()
    trainer = L.Trainer(
        max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, use_distributed_sampler=False, limit_val_batches=0,
    )  # fmt: skip
    trainer.fit(model, data)
    sampler, expected = EpochSampler(5, shuffle=True, seed=3), []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        expected += [str(index) for _, index in sampler]
    assert model.names == expected


@pytest.mark.parametrize("length", [1, 4, 5, 8])
@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_the_order(length, world):
    whole = list(EpochSampler(length, shuffle=True, seed=1))
    parts = [EpochSampler(length, shuffle=True, seed=1, rank=rank, world=world) for rank in range(world)]
    assert [len(list(part)) for part in parts] == [len(part) for part in parts] == [-(-length // world)] * world
    interleaved = [item for items in zip(*parts, strict=True) for item in items]
    assert interleaved[:length] == whole
    assert set(interleaved) == set(whole)

    # To measure, every sample counts once.
    parts = [EpochSampler(length, shuffle=False, rank=rank, world=world) for rank in range(world)]
    assert sorted(index for part in parts for _, index in part) == list(range(length))
    assert [len(part) for part in parts] == [len(list(part)) for part in parts]


def test_grey_16_bit_and_many_channels(tmp_path):
    deep = np.linspace(0, 65535, 48).astype(np.uint16).reshape(6, 8)
    item = only(
        PairedData(
            str(two_folders(tmp_path / "deep", deep, photo(0, 6, 8)[..., 0])), "a", "b", in_channels=1, out_channels=1,
            **AS_THEY_ARE,
        )
    )  # fmt: skip
    assert torch.allclose(item["source"][0], torch.from_numpy(deep / 32767.5 - 1).float(), atol=1e-6)
    assert torch.equal(item["target"][0], torch.from_numpy(photo(0, 6, 8)[..., 0] / np.float32(127.5) - 1))

    bands = np.random.default_rng(0).integers(0, 256, (6, 8, 5), dtype=np.uint8)
    floats = np.random.default_rng(1).random((6, 8, 7)).astype(np.float32)
    data = PairedData(
        str(two_folders(tmp_path / "many", bands, floats)), "a", "b", in_channels=5, out_channels=7, load_size=6,
        crop_size=4, test_size=None,
    )  # fmt: skip
    item = only(data)
    assert item["source"].shape == (5, 4, 4)
    assert item["target"].shape == (7, 4, 4)
    plain = PairedData(str(tmp_path / "many"), "a", "b", in_channels=5, out_channels=7, **AS_THEY_ARE)
    item = only(plain)
    assert torch.allclose(item["source"], torch.from_numpy(bands).permute(2, 0, 1) / 127.5 - 1)
    assert torch.allclose(item["target"], torch.from_numpy(floats).permute(2, 0, 1) * 2 - 1)


def test_wrong_number_of_channels_is_named(tmp_path):
    data = PairedData(str(two_folders(tmp_path, photo(0), photo(1))), "a", "b", in_channels=5, **AS_THEY_ARE)
    with pytest.raises(ZooError, match=r"a/x\.png: 3 channels, but the model takes 5"):
        only(data)


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_label_palettes_survive_resizing(tmp_path, direction):
    ids = np.random.default_rng(0).integers(0, 12, (6, 8), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    data = PairedData(
        str(two_folders(tmp_path, ids, photo(0, 24, 32))), "a", "b", direction, source_palette="camvid",
        load_size=[30, 40], crop_size=[24, 32], test_size=[12, 16],
    )  # fmt: skip
    labels = "source" if direction == "AtoB" else "target"
    assert data.preprocess.to_json() == {"size": [12, 16], f"{labels}_palette": "camvid"}
    for item in (only(data), only(data, "val")):
        colours = to_uint8(item[labels]).permute(1, 2, 0).numpy()
        back = label_ids(colours, "camvid")
        assert np.array_equal(colour_labels(back, "camvid"), colours)
    assert np.array_equal(back, ids[1::2, 1::2])


def test_a_label_without_colour_is_named(tmp_path):
    ids = np.full((4, 4), 12, np.uint8)
    data = PairedData(str(two_folders(tmp_path, ids, photo(0, 4, 4))), "a", "b", source_palette="camvid", **AS_THEY_ARE)
    with pytest.raises(ZooError, match=r"a/x\.png: label 12 has no colour"):
        only(data)


def test_colourisation(tmp_path):
    write(tmp_path / "train" / "x.png", photo(0))
    data = PairedData(str(tmp_path), made_from="lab", **AS_THEY_ARE)
    item = only(data)
    lab = torch.from_numpy(skimage.color.rgb2lab(photo(0))).permute(2, 0, 1).float()
    assert torch.allclose(item["source"], lab[:1] / 50 - 1, atol=1e-4)
    assert torch.allclose(item["target"], lab[1:] / 110, atol=1e-4)
    assert data.preprocess.to_json() == {"made_from": "lab"}


def test_edges(tmp_path):
    step = np.zeros((8, 8, 3), np.uint8)
    step[:, 4:] = 255
    write(tmp_path / "train" / "x.png", step)
    item = only(PairedData(str(tmp_path), made_from="edges", in_channels=1, **AS_THEY_ARE))
    assert item["source"].shape == (1, 8, 8)
    assert (item["source"][0, :, 3:5] == -1).all()  # black lines
    assert (item["source"][0, :, [0, 1, 2, 5, 6, 7]] == 1).all()  # on white
    assert torch.equal(item["target"], read_picture(step))
    assert only(PairedData(str(tmp_path), made_from="edges", **AS_THEY_ARE))["source"].shape == (3, 8, 8)


@pytest.mark.usefixtures("hed")
def test_hed(tmp_path, monkeypatch):
    """HED draws a photograph at the size that it is loaded at, once, and drawing and photograph are cropped alike."""
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "cache"))
    hed.cache_clear()
    root = tmp_path / "data"
    for name in ("x", "y"):
        write(root / "train" / f"{name}.png", photo(ord(name), 60, 80))
    options = {"made_from": "hed", "load_size": 48, "crop_size": 32, "test_size": 40, "in_channels": 1}
    data = PairedData(str(root), hed_threshold=None, **options)
    item = only(data)
    large, small = (to_float(resize(decode_picture(photo(ord("x"), 60, 80)), size)) for size in (48, 40))
    whole = 1 - 2 * hed_edges(large, torch.device("cpu"))
    windows = (whole if flip == 0 else whole.flip(1) for flip in (0, 1))
    tiles = torch.cat([w.unfold(0, 32, 1).unfold(1, 32, 1).reshape(-1, 32, 32) for w in windows])
    assert (tiles - item["source"]).abs().amax((1, 2)).min() < 0.01  # one of the crops, but for rounding
    assert item["source"].shape == (1, 32, 32)
    assert data.datasets["val"][0, 0]["source"].shape == (1, 40, 40)
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache" / "hed").iterdir()}
    assert len(kept) == 4  # two splits of two
    torch.testing.assert_close(only(PairedData(str(root), hed_threshold=None, **options))["source"], item["source"])
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "cache" / "hed").iterdir()} == kept
    lines = PairedData(str(root), hed_threshold=0.3, hed_smallest=0, **options | {"in_channels": 3})
    assert set(only(lines)["source"].unique().tolist()) <= {-1.0, 1.0}
    dataset = lines.datasets["val"]
    drawn = thin_lines(hed_edges(small, torch.device("cpu")), 0.3, 0)
    assert torch.equal(dataset[0, 0]["source"], (1 - 2 * drawn.float()).expand(3, -1, -1))
    assert lines.preprocess.to_json() == {"size": [40, 40], "made_from": "hed"}
    hed.cache_clear()


def test_hed_without_its_weights(tmp_path, monkeypatch):
    write(tmp_path / "train" / "x.png", photo(0))
    data = PairedData(str(tmp_path), made_from="hed", **AS_THEY_ARE)
    monkeypatch.setenv("I2I_ZOO_HED", str(tmp_path / "gone.h5"))
    hed.cache_clear()
    with pytest.raises(ZooError, match=r"I2I_ZOO_HED is .*gone\.h5"):
        only(data)


@pytest.mark.usefixtures("hed")
def test_hed_with_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    write(tmp_path / "train" / "x.png", photo(0))
    (tmp_path / "file").touch()
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "file"))
    with pytest.raises(ZooError, match=r"hed: the cache cannot be written \(.*\); set I2I_ZOO_CACHE"):
        only(PairedData(str(tmp_path), made_from="hed", **AS_THEY_ARE))


def test_inpainting(tmp_path):
    write(tmp_path / "train" / "target" / "x.png", photo(0, 8, 16))
    item = only(PairedData(str(tmp_path), target="target", made_from="hole", **AS_THEY_ARE))
    assert torch.equal(item["target"], read_picture(photo(0, 8, 16)))
    hole = torch.zeros(8, 16, dtype=torch.bool)
    hole[2:6, 4:12] = True
    assert (item["source"][:, hole] == 1).all()
    assert torch.equal(item["source"][:, ~hole], item["target"][:, ~hole])


def test_source_follows_the_augmented_target(tmp_path):
    """What is made from the photograph is made after the crop, so that the two fit and the hole stays in the middle."""
    write(tmp_path / "train" / "x.png", photo(0))
    data = PairedData(str(tmp_path), made_from="hole", load_size=20, crop_size=16)
    item = only(data)
    assert (item["source"][:, 4:12, 4:12] == 1).all()
    assert torch.equal(item["source"][:, :4], item["target"][:, :4])


def test_unmatched_names_are_listed(tmp_path):
    two_folders(tmp_path, photo(0), photo(1), name="both")
    write(tmp_path / "train" / "a" / "only_a.png", photo(0))
    write(tmp_path / "train" / "b" / "only_b.png", photo(0))
    data = PairedData(str(tmp_path), "a", "b")
    with pytest.raises(ZooError, match=r"2 pictures have no partner .*only_a\.png.*only_b\.png"):
        data.setup("fit")


def test_two_files_of_one_name(tmp_path):
    two_folders(tmp_path, photo(0), photo(1))
    write(tmp_path / "train" / "a" / "x.bmp", photo(0))
    with pytest.raises(ZooError, match=r"x\.bmp and .*x\.png have the same name"):
        PairedData(str(tmp_path), "a", "b").setup("fit")


def test_unequal_sizes_are_named_before_training_begins(tmp_path):
    two_folders(tmp_path, photo(0), photo(1, 10, 10))
    (tmp_path / "val").symlink_to(tmp_path / "train")
    with pytest.raises(ZooError, match=r"a/x\.png has 40x24 pixels and .*b/x\.png 10x10"):
        PairedData(str(tmp_path), "a", "b").setup("fit")


def test_missing_and_empty_folders_are_named(tmp_path):
    with pytest.raises(ZooError, match="train: there is no such folder"):
        PairedData(str(tmp_path)).setup("fit")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "notes.txt").touch()
    with pytest.raises(ZooError, match="train: the folder holds no pictures"):
        PairedData(str(tmp_path)).setup("fit")
    with pytest.raises(ZooError, match="train/a: there is no such folder"):
        PairedData(str(tmp_path), "a", "b").setup("fit")
    with pytest.raises(ZooError, match="source and target, or neither"):
        PairedData(str(tmp_path), "a")


def test_broken_files_are_named_before_training_begins(side_by_side):
    train = side_by_side / "train"
    cut = (train / "0.png").read_bytes()
    (train / "0.png").write_bytes(cut[: len(cut) // 2])
    (train / "1.png").write_bytes(b"")
    (train / "2.png").write_text("not a picture")
    with pytest.raises(ZooError) as error:
        PairedData(str(side_by_side)).setup("fit")
    assert str(error.value).startswith("3 files are broken")
    assert all(f"{number}.png" in str(error.value) for number in (0, 1, 2))


def test_hidden_files_are_no_data(side_by_side):
    """macOS leaves a file ._x beside every x when it unpacks onto a foreign disk."""
    (side_by_side / "train" / "._0.png").write_bytes(b"\0\5\26\7")
    data = PairedData(str(side_by_side))
    data.setup("fit")
    assert len(data.datasets["train"]) == 5


def test_val_and_test_stand_in_for_each_other(side_by_side):
    data = PairedData(str(side_by_side), num_workers=0)
    data.setup("test")
    assert [batch["name"] for batch in data.test_dataloader()] == [["0"]]
    assert isinstance(data.predict_dataloader(), DataLoader)


def test_too_large_a_crop_is_explained(side_by_side):
    data = PairedData(str(side_by_side), load_size=None, crop_size=30)
    data.setup("fit")
    with pytest.raises(ZooError, match=r"40x24 pixels are too few for crops of 30x30"):
        data.datasets["train"][0, 0]


def test_zoom_varies_the_size_of_things_alike_in_both_pictures(side_by_side):
    options = {"load_size": [24, 40], "crop_size": None, "flip": False}
    data = PairedData(str(side_by_side), **options, zoom=[0.5, 2])
    data.setup("fit")
    sizes = set()
    for epoch in range(40):
        item = data.datasets["train"][epoch, 0]
        assert item["source"].shape == item["target"].shape
        height, width = item["source"].shape[-2:]
        assert abs(height / 24 - width / 40) < 0.03
        sizes.add(height)
    assert min(sizes) < 15
    assert max(sizes) > 42
    assert data.datasets["val"][0, 0]["source"].shape == (3, 256, 256)


def test_source_jitter_changes_colours_of_training_sources_alone(side_by_side):
    plain = PairedData(str(side_by_side), **AS_THEY_ARE)
    data = PairedData(str(side_by_side), **AS_THEY_ARE, source_jitter=[0.5, 0.5, 0.5, 0.1])
    for each in (plain, data):
        each.setup("fit")
    before, first, second = plain.datasets["train"][0, 0], data.datasets["train"][0, 0], data.datasets["train"][1, 0]
    assert torch.equal(first["target"], before["target"])
    assert not torch.equal(first["source"], second["source"])
    assert (first["source"] - before["source"]).abs().mean() > 0.02
    assert torch.equal(data.datasets["train"][1, 0]["source"], second["source"])  # it follows from epoch and index
    assert torch.equal(data.datasets["val"][0, 0]["source"], plain.datasets["val"][0, 0]["source"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"zoom": [1.5, 0.9]}, r"the least factor comes first, so \[0\.9, 1\.5\] and not \[1\.5, 0\.9\]"),
        ({"source_jitter": [0, 0, 0, 0.6]}, r"hues turn by at most 0\.5, half of the circle, not 0\.6"),
        ({"source_jitter": [0.1] * 4, "made_from": "edges"}, r"here the sources are none"),
        ({"source_jitter": [0.1] * 4, "in_channels": 1}, r"here the sources are none"),
    ],
)
def test_impossible_variety_is_explained(tmp_path, options, message):
    with pytest.raises(ZooError, match=message):
        PairedData(str(tmp_path), **options)


@pytest.mark.parametrize("side", ["source", "target"])
def test_label_maps_reach_the_metrics_at_the_size_of_their_files(tmp_path, side):
    rng = np.random.default_rng(0)
    ids = {"x": rng.integers(0, 12, (24, 40), dtype=np.uint8), "y": rng.integers(0, 12, (30, 20), dtype=np.uint8)}
    for split in ("train", "val"):
        for name, label in ids.items():
            stored = colour_labels(label, "camvid") if name == "y" else label  # ids or colours
            pair = (stored, photo(1, *label.shape)) if side == "source" else (photo(1, *label.shape), stored)
            two_folders(tmp_path, *pair, split=split, name=name)
    options = {f"{side}_palette": "camvid", "load_size": 16, "crop_size": None, "test_size": 16, "num_workers": 0}
    data = PairedData(str(tmp_path), "a", "b", batch_size=2, **options)
    data.setup("fit")
    batch = next(iter(data.val_dataloader()))
    assert batch["source"].shape == (2, 3, 16, 16)
    for name, label in zip(batch["name"], batch["label_map"], strict=True):
        assert torch.equal(label, torch.from_numpy(ids[name]).long())
    assert "label_map" not in data.datasets["train"][0, 0]


def test_label_maps_of_their_own(side_by_side):
    label = np.arange(6, dtype=np.uint8).reshape(2, 3)
    write(side_by_side / "gtFine" / "town" / "0_labelIds.png", label)
    data = PairedData(str(side_by_side), labels="gtFine/*/{name}_labelIds.png", **AS_THEY_ARE)
    data.setup("fit")
    assert torch.equal(data.datasets["val"][0, 0]["label_map"], torch.from_numpy(label).long())
    write(side_by_side / "gtFine" / "town" / "0_labelIds.png", photo(0))
    with pytest.raises(ZooError, match=r"0_labelIds\.png: a label map has one channel of ids, not 3"):
        data.datasets["val"][0, 0]
    (side_by_side / "gtFine" / "town" / "0_labelIds.png").unlink()
    with pytest.raises(ZooError, match=r"gtFine/\*/0_labelIds\.png: there is no such file, the label map of .*0\.png"):
        data.datasets["val"][0, 0]


def test_pictures_that_are_no_label_maps_are_refused(tmp_path):
    """Their colours are far from those of labels; soft edges and JPEG files are not."""
    ids = np.random.default_rng(0).integers(0, 12, (6, 8), dtype=np.uint8).repeat(40, 0).repeat(40, 1)
    colours = Image.fromarray(colour_labels(ids, "camvid"))
    colours.save(tmp_path / "map.jpg", quality=75)
    colours.resize((160, 120), Image.Resampling.BICUBIC).save(tmp_path / "soft.png")
    for name in ("map.jpg", "soft.png"):
        assert read_labels(tmp_path / name, 12, "camvid").max() < 12
    photo = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    stray = np.array(colours)
    stray[:40] = (255, 0, 255)
    Image.fromarray(stray).save(tmp_path / "stray.png")
    for name, share in (("photo.png", "9[0-9]%"), ("stray.png", "17%")):
        told = rf"{name}: {share} of the pixels have no colour of the palette 'camvid', .* give a label map"
        for channels in (3, 12):
            with pytest.raises(ZooError, match=told):
                read_picture(tmp_path / name, channels, "camvid")
        with pytest.raises(ZooError, match=told):
            read_labels(tmp_path / name, 12, "camvid")


def test_night_pages_and_other_palettes_are_no_label_maps():
    """A dark photograph has many pixels near black, which is void; the others have colours of their own."""
    random = np.random.default_rng(0)
    ids = random.choice(np.array([7, 11, 23, 26], np.uint8), (48, 64)).repeat(4, 0).repeat(4, 1)
    for picture in (
        (skimage.data.astronaut() / 10).astype(np.uint8),
        random.integers(245, 256, (64, 64, 3), dtype=np.uint8),
        skimage.data.coffee() / 255,
        colour_labels(ids, "cityscapes"),
    ):
        with pytest.raises(ZooError, match="of the pixels have no colour of the palette 'camvid'"):
            read_picture(picture, 3, "camvid")


def test_arrays_of_label_maps_may_have_one_channel_or_alpha():
    ids = np.random.default_rng(0).integers(0, 12, (6, 8), dtype=np.uint8).repeat(4, 0)
    alpha = np.dstack([colour_labels(ids, "camvid"), np.full(ids.shape, 255, np.uint8)])
    for array in (ids[..., None], alpha):
        assert np.array_equal(read_labels(array, 12, "camvid"), ids)
        for channels in (3, 12):
            assert torch.equal(read_picture(array, channels, "camvid"), read_picture(ids, channels, "camvid"))
    with pytest.raises(ZooError, match="ids in one channel or colours in three"):
        read_picture(np.zeros((4, 4, 2), np.uint8), 3, "camvid")


def test_ids_without_a_palette_are_refused(tmp_path):
    """They would be nearly black pictures."""
    ids = np.random.default_rng(0).integers(0, 12, (24, 40), dtype=np.uint8)
    for name in "xy":
        two_folders(tmp_path, ids, photo(0), name=name)
    for options, option in (({}, "source_palette"), ({"direction": "BtoA"}, "source_palette")):
        with pytest.raises(ZooError, match=rf"a/x\.png: this looks like a label map .* up to 11, .*--data\.{option}"):
            PairedData(str(tmp_path), "a", "b", val_fraction=0, **options).setup("fit")
    PairedData(str(tmp_path), "a", "b", source_palette="camvid", val_fraction=0).setup("fit")
