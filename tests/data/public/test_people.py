"""``i2i-zoo data prepare market1501`` and ``deepfashion``."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from i2i_zoo.cli.main import main
from i2i_zoo.data.pose import PoseData
from i2i_zoo.data.public import people
from i2i_zoo.data.public.prepare import prepare
from i2i_zoo.errors import ZooError
from people_folders import csv_of, rendered, write_market
from servers import FileServer, running

PAIRS = "from,to\n0001_c1s1_000000_00.jpg,0001_c2s1_000001_00.jpg\n"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Where the annotations are looked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "cache"))
    with running(FileServer()) as serving:
        monkeypatch.setattr(people, "ADDRESS", serving.url)
        yield serving


def listing(root: Path) -> set[str]:
    return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}


def pairs(root: Path) -> int:
    return len(PoseData(str(root), val_fraction=0).dataset("train"))


def test_market_with_its_annotations(tmp_path: Path, server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "Market-1501-v15.09.15"
    poses = write_market(source)
    shutil.copytree(source / "bounding_box_test", source / "query")
    (source / "market-pairs-test.csv").write_text(PAIRS)
    assert main(["data", "prepare", "market1501", str(source), "--root", "data"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "data/market1501\n"
    assert captured.err.startswith("Market-1501 (Zheng et al. 2015) is for research only, and its pictures must not be")
    lists = {"market-annotation-train.csv", "market-annotation-test.csv", "market-pairs-test.csv"}
    assert listing(Path("data/market1501")) == lists | {f"{split}/{n}" for split in ("train", "test") for n in poses}
    name = "0001_c1s1_000000_00.jpg"
    copied = Path("data/market1501/test", name).read_bytes()
    assert copied == (source / "bounding_box_test" / name).read_bytes()
    assert pairs(Path("data/market1501")) == 18
    assert len(PoseData("data/market1501").dataset("test")) == 1
    assert not server.requests


def test_annotations_are_fetched(
    tmp_path: Path, server: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "official"
    write_market(source)
    (source / "market-pairs-test.csv").write_text(PAIRS)
    for file in sorted(source.glob("*.csv")):
        server.files[file.name] = file.read_bytes()
        file.unlink()
    with pytest.raises(ZooError, match="is not the file whose SHA-256 begins ec1e10a8"):
        prepare("market1501", source, tmp_path / "data")
    sums = {name: hashlib.sha256(server.files[name]).hexdigest() for name in people.FILES["market1501"]}
    monkeypatch.setitem(people.FILES, "market1501", sums)
    prepare("market1501", source, tmp_path / "data")
    assert pairs(tmp_path / "data") == 18
    count = len(server.requests)
    prepare("market1501", source, tmp_path / "again")
    assert len(server.requests) == count
    shutil.rmtree(tmp_path / "cache")
    server.files.clear()
    with pytest.raises(ZooError) as error:
        prepare("market1501", source, tmp_path / "new")
    assert str(error.value) == (
        f"{server.url}/market-annotation-train.csv cannot be fetched (Not Found): put that file into {source}."
    )


def official_fashion(root: Path, spelling: str) -> None:
    """Two pictures of each of two outfits, as the benchmark stores them, and annotations with the names of others."""
    for split, number in (("train", "00007838"), ("test", "00000001")):
        poses = {}
        for outfit in ("01", "02"):
            for view in ("1_front", "7_additional"):
                file = root / "img" / "WOMEN" / "Tees_Tanks" / f"id_{number}" / f"{outfit}_{view}.jpg"
                file.parent.mkdir(parents=True, exist_ok=True)
                picture, pose = rendered(int(outfit), int(view[0]), (256, 256))
                picture.save(file)
                poses[f"{spelling}id{number}{outfit}_{view.replace('_', '')}.jpg"] = pose
        (root / f"fasion-annotation-{split}.csv").write_text(csv_of(poses))
    names = list(poses)
    (root / "fashion-pairs-test.csv").write_text(f"from,to\n{names[1]},{names[0]}\n")


@pytest.mark.parametrize("spelling", ["fasionWOMENTeesTanks", "fashionWOMENTees_Tanks"])
def test_fashion_in_both_spellings(spelling: str, tmp_path: Path) -> None:
    official_fashion(tmp_path, spelling)
    prepare("deepfashion", tmp_path, tmp_path / "data")
    file = f"train/{spelling}id0000783801_7additional.jpg"
    copied = (tmp_path / "data" / file).read_bytes()
    assert copied == (tmp_path / "img/WOMEN/Tees_Tanks/id_00007838/01_7_additional.jpg").read_bytes()
    assert len(listing(tmp_path / "data")) == 8 + 3
    data = PoseData(str(tmp_path / "data"), size=(256, 176), val_fraction=0)
    assert len(data.dataset("train")) == 4
    test = data.dataset("test")
    assert [(test.shots[a].name[-11:], test.shots[b].name[-8:]) for a, b in test.pairs] == [("7additional", "1_1front")]


def test_what_is_not_the_official_download(tmp_path: Path) -> None:
    def refused(dataset: str, source: Path, *sentences: str) -> None:
        with pytest.raises(ZooError) as error:
            prepare(dataset, source, tmp_path / "data")
        assert all(sentence in str(error.value) for sentence in sentences)
        assert not (tmp_path / "data").exists()

    empty = tmp_path / "empty"
    empty.mkdir()
    refused("deepfashion", empty, f"{empty}: it has no folder WOMEN, nor one in img; unpack img.zip of the In-shop")
    refused("market1501", empty, "bounding_box_train: there is no such folder; unpack Market-1501-v15.09.15.zip")
    official_fashion(tmp_path, "fashionWOMENTees_Tanks")
    file = tmp_path / "img/WOMEN/Tees_Tanks/id_00007838/01_1_front.jpg"
    content = file.read_bytes()
    Image.new("RGB", (750, 1101)).save(file)
    refused(
        "deepfashion", tmp_path, f"{file}: the picture has 750x1101 pixels, and the annotation is for 256x256; take"
    )
    file.write_bytes(content[:700])
    refused("deepfashion", tmp_path, f"{file}: ", "; nothing was kept.")
    file.unlink()
    refused(
        "deepfashion", tmp_path, f"1 of the 4 pictures that {tmp_path}/fasion-annotation-train.csv names are missing"
    )
