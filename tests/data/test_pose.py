from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from i2i_zoo.cli.main import main
from i2i_zoo.data.people_files import OrderedPairs, person_of, published_sample
from i2i_zoo.data.pose import PoseData, PosePairs
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import decode_picture, to_float
from i2i_zoo.media.pose_drawing import limb_mask
from i2i_zoo.media.pose_files import Poses, read_poses, write_poses
from i2i_zoo.media.poses import cropped, mirrored, resized
from people_folders import write_fashion, write_folders, write_market


def data(root: Path, **options: Any) -> PoseData:
    return PoseData(str(root), **{"val_fraction": 0, "batch_size": 2, "num_workers": 0, **options})


def dataset(root: Path, split: str = "test", **options: Any) -> PosePairs:
    return data(root, **options).dataset(split)


def names(pairs: PosePairs) -> list[tuple[str, str]]:
    return [(pairs.shots[source].name, pairs.shots[target].name) for source, target in pairs.pairs]


@pytest.mark.parametrize("counts", [[3], [2, 4], [0, 3, 1, 2, 0], [1], []])
def test_all_ordered_pairs_of_each_person(counts: list[int]) -> None:
    expected, first = [], 0
    for count in counts:
        expected += list(permutations(range(first, first + count), 2))
        first += count
    pairs = OrderedPairs(counts)
    assert [pairs[index] for index in range(len(pairs))] == expected


def test_the_published_sample_is_that_of_numpys_old_generator() -> None:
    numbered = [(number, number) for number in range(10)]
    order = [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]
    assert published_sample(numbered, 12_000) == [(number, number) for number in order]
    assert published_sample(numbered, 4) == [(number, number) for number in order[:4]]


def test_names_tell_who_is_shown() -> None:
    published = {
        "0002_c1s1_000451_03.jpg": "0002",
        "ann_7.jpg": "ann",
        "fasionWOMENTeesTanksid0000350408_3back.jpg": "fasionWOMENTeesTanksid0000350408",
        "fashionWOMENTees_Tanksid0000783805_7additional.jpg": "fashionWOMENTees_Tanksid0000783805",
    }
    assert {name: person_of(name) for name in published} == published


def test_market(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poses = write_market(tmp_path)
    module = data(tmp_path)
    module.setup("fit")
    train = module.datasets["train"]
    assert isinstance(train, PosePairs)
    assert len(train) == 3 * 3 * 2
    assert len(module.datasets["val"]) == 0  # type: ignore[arg-type]  # ours have a length
    said = capsys.readouterr().err.splitlines()
    assert said[0] == (
        f"{tmp_path}/bounding_box_train: 1 of 10 pictures are left out, since a pair needs two pictures of a person in "
        "which both shoulders and both hips were found: 0001_c6s1_000009_00."
    )
    assert said[1] == f"No validation: {tmp_path} has no val/, and --data.val_fraction is 0."
    assert {source[:4] == target[:4] and source != target for source, target in names(train)} == {True}
    assert Counter(source[:4] for source, _ in names(train)) == {"0001": 6, "0002": 6, "0003": 6}

    (batch, *_) = module.train_dataloader()
    assert batch["source"].shape == batch["target"].shape == (2, 3, 128, 64)
    assert batch["source_pose"].shape == (2, 18, 3)
    item = train[0, 4]
    source, target = names(train)[4]
    assert item["name"] == f"{source}_{target}"
    for key, name in (("source", source), ("target", target)):
        file = tmp_path / "bounding_box_train" / f"{name}.jpg"
        assert torch.equal(item[key], to_float(decode_picture(file)))
        assert torch.equal(item[f"{key}_pose"], poses[file.name])
    assert torch.equal(item["mask"], limb_mask(poses[f"{target}.jpg"], (128, 64), 4))


def test_the_test_pairs_are_the_published_sample_or_the_list(tmp_path: Path) -> None:
    write_market(tmp_path)
    # Pairs are in the order of people, as their first useful picture is in the annotation, then of pictures.
    people = [[f"{p:04}_c{n + 1}s1_{n:06}_00" for n in range(3)] for p in (1, 2, 3)]
    rule = [pair for pictures in people for pair in permutations(pictures, 2)]
    expected = [rule[index] for index in np.random.RandomState(0).permutation(len(rule))]
    assert names(dataset(tmp_path)) == expected
    assert names(dataset(tmp_path, test=5)) == expected[:5]
    listed = [(f"{people[2][1]}.jpg", f"{people[2][0]}.jpg"), (f"{people[0][0]}.jpg", f"{people[0][2]}.jpg")]
    (tmp_path / "market-pairs-test.csv").write_text("from,to\n" + "".join(f"{a},{b}\n" for a, b in listed))
    assert names(dataset(tmp_path, test=1)) == [(people[2][1], people[2][0]), (people[0][0], people[0][2])]


@pytest.mark.parametrize("train", ["train", "market-dataset/train"])
def test_other_layouts(train: str, tmp_path: Path) -> None:
    write_market(tmp_path / "there", train=train)
    write_market(tmp_path / "here")
    assert names(dataset(tmp_path / "there")) == names(dataset(tmp_path / "here"))


def test_people_of_validation_are_not_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_market(tmp_path)
    module = data(tmp_path, val_fraction=0.02, val=4)
    module.setup("fit")
    train, val = (module.dataset(split) for split in ("train", "val"))
    (held_out,) = {name[:4] for pair in names(val) for name in pair}
    assert held_out not in {name[:4] for pair in names(train) for name in pair}
    assert (len(train), len(val)) == (12, 3)  # every second of six pairs
    assert "Validation: 1 of 3 training people, held out by --data.val_fraction 0.02" in capsys.readouterr().err


def test_fashion_at_its_sizes(tmp_path: Path) -> None:
    poses = write_fashion(tmp_path)
    whole = dataset(tmp_path, size=(256, 256))
    assert len(whole) == 2 * 6 + 2  # of three pictures of each of two outfits, and of two pictures
    item, (source, _) = whole[0, 3], names(whole)[3]
    original, points = decode_picture(tmp_path / "test" / f"{source}.jpg"), poses[f"{source}.jpg"]
    assert torch.equal(item["source"], to_float(original))
    assert torch.equal(item["source_pose"], points)
    assert torch.equal(item["mask"], limb_mask(item["target_pose"], (256, 256), 4))

    narrow = dataset(tmp_path, size=(256, 176))[0, 3]
    assert torch.equal(narrow["source"], to_float(original[..., 40:216]))
    assert torch.equal(narrow["source_pose"], cropped(points, 0, 40, 256, 176))
    small = dataset(tmp_path, size=(128, 64))[0, 3]
    assert small["source"].shape == (3, 128, 64)
    assert torch.equal(small["source_pose"], resized(cropped(points, 0, 40, 256, 176), (256, 176), (128, 64)))


def test_flipped_pairs_swap_left_and_right(tmp_path: Path) -> None:
    write_market(tmp_path)
    flipped, plain = (dataset(tmp_path, "train", flip=flip) for flip in (True, False))
    count = 0
    for epoch in range(3):
        for index in range(len(plain)):
            item, other = flipped[epoch, index], plain[epoch, index]
            if not torch.equal(item["source"], other["source"]):
                count += 1
                for key in ("source", "target"):
                    other[key] = other[key].flip(-1)
                    other[f"{key}_pose"] = mirrored(other[f"{key}_pose"], 64)
                assert item["source_pose"][2, 0] == 63 - plain[epoch, index]["source_pose"][5, 0]
            for key in ("source", "target", "source_pose", "target_pose"):
                assert torch.equal(item[key], other[key])
            assert torch.equal(item["mask"], limb_mask(item["target_pose"], (128, 64)))
    assert 14 < count < 40  # of 54
    test = dataset(tmp_path, "test", flip=True)
    assert torch.equal(test[0, 0]["source"], dataset(tmp_path)[0, 0]["source"])


def test_workers_change_nothing(tmp_path: Path) -> None:
    write_market(tmp_path)
    batches = []
    for workers in (0, 2):
        module = data(tmp_path, num_workers=workers, flip=True)
        module.setup("fit")
        batches.append(list(module.train_dataloader()))
    for alone, together in zip(*batches, strict=True):
        assert alone["name"] == together["name"]
        assert all(torch.equal(alone[key], together[key]) for key in PoseData.batch_keys)


def test_published_layouts_with_a_fault(tmp_path: Path) -> None:
    write_market(tmp_path)
    annotation = tmp_path / "market-annotation-test.csv"
    whole = annotation.read_text()

    def refused(sentence: str) -> None:
        with pytest.raises(ZooError) as error:
            dataset(tmp_path)
        assert sentence in str(error.value)

    picture = tmp_path / "bounding_box_test" / "0002_c1s1_000000_00.jpg"
    content = picture.read_bytes()
    picture.unlink()
    refused("bounding_box_test: 1 of the 9 pictures that market-annotation-test.csv names are missing, such as 0002_c1")
    picture.write_bytes(content[:700])
    refused("1 file is broken or cannot be used: ")
    Image.open(tmp_path / "bounding_box_test" / "0002_c2s1_000001_00.jpg").resize((32, 64)).save(picture)
    refused("0002_c1s1_000000_00.jpg: the picture has 32x64 pixels, and market-annotation-test.csv has a point at x ")
    picture.write_bytes(content)

    annotation.write_text(whole.splitlines()[0] + "\n0001_c1s1_000000_00.jpg: [1, 2]: [3]\n")
    refused("market-annotation-test.csv: line 2, keypoints_y is 2 numbers; give a list of 18 numbers")
    annotation.write_text("".join(whole.splitlines(keepends=True)[:3]))
    refused("bounding_box_test: a pair needs two pictures of a person in which both shoulders and both hips were found")
    annotation.unlink()
    refused(f"bounding_box_test: its poses are missing; put <name>-annotation-test.csv into {tmp_path}.")
    for name in ("a", "b"):
        (tmp_path / f"{name}-annotation-test.csv").write_text(whole)
    refused("it holds a-annotation-test.csv and b-annotation-test.csv; give each dataset a folder of its own.")
    for file in tmp_path.glob("*.csv"):
        file.unlink()
    refused(f"the poses of Market-1501 are missing; get them by i2i-zoo data prepare market1501 {tmp_path}.")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a,b\n", "this is no list of pairs; its first line is from,to and each other one a pair."),
        ("from,to\n", "this is no list of pairs"),
        ("from,to\n0001_c1s1_000000_00.jpg\n", "line 2 has 1 names; a pair has two, from,to."),
        (
            "from,to\n0001_c1s1_000000_00.jpg,0001_c6s1_000009_00.jpg\n",
            "line 2 names 0001_c6s1_000009_00.jpg, which has no annotation with both shoulders and both hips; take the",
        ),
    ],
)
def test_a_list_of_pairs_with_a_fault(content: str, sentence: str, tmp_path: Path) -> None:
    write_market(tmp_path)
    (tmp_path / "market-pairs-test.csv").write_text(content)
    with pytest.raises(ZooError) as error:
        dataset(tmp_path)
    assert str(error.value).startswith(f"{tmp_path}/market-pairs-test.csv: {sentence}")


def test_an_annotation_of_cut_pictures_is_not_for_whole_ones(tmp_path: Path) -> None:
    write_fashion(tmp_path, (256, 176), "-resize")
    assert len(dataset(tmp_path, size=(256, 176))) == 14
    for file in (tmp_path / "test").iterdir():
        Image.open(file).resize((256, 256)).save(file)
    with pytest.raises(ZooError, match="is for pictures that were cut to 176x256; take the annotation without resize"):
        dataset(tmp_path, size=(256, 176))


@pytest.mark.parametrize("poses", ["{}.json", "{}_keypoints.json"])
def test_a_folder_for_each_person(poses: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folders(tmp_path, poses=poses)
    module = data(tmp_path, val_fraction=0.1)
    module.setup("fit")
    assert "Validation: 1 of 3 training people" in capsys.readouterr().err
    assert [len(module.datasets[split]) for split in ("train", "val")] == [12, 6]  # type: ignore[arg-type]  # as above
    module.setup("test")
    assert capsys.readouterr().err.startswith(f"Test: 3 people in {tmp_path}, with those of training, since ")
    test = module.datasets["test"]
    assert isinstance(test, PosePairs)
    assert sorted(names(test))[:2] == [("p0/0", "p0/1"), ("p0/0", "p0/2")]
    index = names(test).index(("p1/2", "p1/0"))
    assert test[0, index]["name"] == "p1/2_0"
    assert torch.equal(test[0, index]["target_pose"], read_poses(tmp_path / "p1" / poses.format(0)).points[0])


def test_poses_are_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keypoint_rcnn: Path) -> None:
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "cache"))
    write_folders(tmp_path / "photos", people=2, pictures=2, poses="")
    found = data(tmp_path / "photos").read(tmp_path / "photos")
    files = sorted((tmp_path / "cache" / "poses").iterdir())
    assert len(files) == 4
    assert all(shot.pose[:, 2].any() and shot.size == (128, 64) for shot in found)
    # Nobody looks at the pictures again: there is no estimator any more.
    monkeypatch.setenv("I2I_ZOO_POSE", str(tmp_path / "gone.pth"))
    again = data(tmp_path / "photos").read(tmp_path / "photos")
    assert all(torch.equal(one.pose, other.pose) for one, other in zip(found, again, strict=True))
    Image.new("RGB", (64, 128)).save(tmp_path / "photos" / "p1" / "0.png")
    with pytest.raises(ZooError) as error:
        data(tmp_path / "photos").read(tmp_path / "photos")
    assert str(error.value).startswith(
        f"{tmp_path}/photos/p1/0.png: the pose of this picture is not beside it and cannot be found: I2I_ZOO_POSE "
    )


def test_photographs_of_nobody_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folders(tmp_path)
    for name in ("p0/0", "p2/1", "p2/2"):
        (tmp_path / f"{name}.json").write_text('{"people": []}')
    module = data(tmp_path)
    module.setup("fit")
    assert len(module.datasets["train"]) == 2 + 6  # type: ignore[arg-type]  # as above
    assert capsys.readouterr().err.splitlines()[0] == (
        f"{tmp_path}: 4 of 9 pictures are left out, since a pair needs two pictures of a person in which both "
        "shoulders and both hips were found: p0/0, p2/0, p2/1, p2/2."
    )
    for file in tmp_path.rglob("*.json"):
        file.write_text('{"people": []}')
    with pytest.raises(ZooError, match="both hips were found, and there are none; add pictures or correct their poses"):
        data(tmp_path).dataset("train")


def test_folders_with_a_fault(tmp_path: Path) -> None:
    def refused(sentence: str) -> None:
        with pytest.raises(ZooError) as error:
            dataset(tmp_path / "photos", "train")
        assert sentence in str(error.value)

    refused("photos: there is no such folder; see PoseData for the layouts.")
    (tmp_path / "photos").mkdir()
    refused("photos: the folder holds no pictures; check the path.")
    write_folders(tmp_path / "photos")
    lonely = tmp_path / "photos" / "ann" / "1.png"
    lonely.parent.mkdir()
    Image.new("RGB", (64, 128)).save(lonely)
    refused("photos/ann: a pair needs two pictures of a person, and here is one; add or remove some.")
    lonely.rename(tmp_path / "photos" / "1.png")
    refused(f"1.png: there must be a folder for each person; move it into one, such as {tmp_path}/photos/ann/1.png.")
    (tmp_path / "photos" / "1.png").unlink()
    pose = tmp_path / "photos" / "p0" / "1.json"
    found = read_poses(pose)
    write_poses(pose, Poses(found.points * torch.tensor([3, 3, 1]), ("",), (None,)))
    refused("p0/1.json: its points go to x ")
    refused("1.png has 64x128 pixels; add the size of the picture in which they were found (canvas_height and canvas_")
    write_poses(pose, found)
    pose.write_text(f"[{pose.read_text()}, {pose.read_text()}]")
    refused("p0/1.json: it holds 2 poses; give the one of 1.png.")
    pose.write_text("{")
    refused("p0/1.json: line 1, column 2 is no JSON")


@pytest.mark.parametrize(
    "options", [{"size": [128]}, {"size": [0, 64]}, {"val": 0}, {"test": 0}, {"flip": 1}, {"val_fraction": 1.0}]
)
def test_arguments_out_of_range(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=f"PoseData cannot have {next(iter(options))}="):
        data(tmp_path, **options)


@pytest.mark.parametrize("commands", [1, 2])
def test_a_model_trains_on_photographs(
    commands: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keypoint_rcnn: Path
) -> None:
    """Poses are found on the way, or written beside the pictures first."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("I2I_ZOO_CACHE", "cache")
    write_folders(Path("photos"), people=2, pictures=2, poses="")
    if commands == 2:
        assert main(["data", "poses", "photos", "-o", "photos", "--device", "cpu"]) == 0
    options = ["--data=PoseData", "--data.root=photos", "--data.num_workers=0", "--trainer.accelerator=cpu"]
    small = ["--model=Deformable", "--model.width=4", "--model.discriminator_width=4", "--model.lambda_nn=0"]
    small += ["--model.lambda_l1=100", "--trainer.fast_dev_run=true", "--trainer.enable_progress_bar=false"]
    assert main(["fit", *options, *small]) == 0
    assert len(list(Path("photos").rglob("*_keypoints.json"))) == (4 if commands == 2 else 0)
    assert len(list(Path("cache").rglob("*.json"))) == (4 if commands == 1 else 0)


def test_a_size_that_does_not_fit_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folders(tmp_path, people=2, pictures=2)
    options = ["--data=PoseData", f"--data.root={tmp_path}", "--data.size=[256,176]", "--data.num_workers=0"]
    options += ["--model=Deformable", "--model.width=4", "--model.discriminator_width=4", "--model.lambda_nn=0"]
    assert main(["fit", *options, "--trainer.accelerator=cpu", "--trainer.fast_dev_run=true"]) == 1
    *_, error = capsys.readouterr().err.splitlines()
    assert "not 176x256: use --data.size [256,160]." in error
