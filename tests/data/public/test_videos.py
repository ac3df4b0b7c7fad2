"""UCF-101 from its official download, and the Weizmann actions from MoCoGAN's repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from i2i_zoo.cli.main import main
from i2i_zoo.data.clips import ClipData
from i2i_zoo.data.public.prepare import prepare
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import save_clip

VIDEOS = ("Archery/v_Archery_g08_c01.avi", "Archery/v_Archery_g01_c01.avi", "Bowling/v_Bowling_g08_c01.avi")


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """Three videos and the lists of the first split, of which one video is for the test."""
    for name in VIDEOS:
        file = tmp_path / "UCF-101" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "trainlist01.txt").write_text(f"{VIDEOS[0]} 1\r\n{VIDEOS[2]} 2\r\n")
    (lists / "testlist01.txt").write_text(f"{VIDEOS[1]}\r\n")
    return tmp_path


def test_the_first_split_in_folders_of_classes(download: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    for name in VIDEOS:
        clip = [Image.new("RGB", (32, 24), (level, 0, 0)) for level in range(0, 200, 10)]
        save_clip(clip, download / "clip.mp4")
        (download / "clip.mp4").rename(download / "UCF-101" / name)
    monkeypatch.chdir(download)
    assert main(["data", "prepare", "ucf101", "."]) == 0
    data = ClipData("data/ucf101", val_fraction=0, size=16)
    assert data.actions == ["Archery", "Bowling"]
    train, test = data.dataset("train"), data.dataset("test")
    assert [train[0, index]["name"] for index in range(len(train))] == [name[:-4] for name in (VIDEOS[0], VIDEOS[2])]
    assert (test[0, 0]["name"], test[0, 0]["action"], len(test)) == (VIDEOS[1][:-4], 0, 1)
    assert test[0, 0]["video"].shape == (16, 3, 16, 16)


def test_what_is_missing(download: Path) -> None:
    (download / "UCF-101" / VIDEOS[2]).unlink()
    with pytest.raises(ZooError, match=r"1 of the 2 videos of trainlist01\.txt are missing, such as Bowling/v_Bowling"):
        prepare("ucf101", download, download / "out")
    (download / "ucfTrainTestlist" / "trainlist01.txt").unlink()
    with pytest.raises(
        ZooError, match=r"trainlist01\.txt is missing; unpack UCF101TrainTestSplits-RecognitionTask\.zip"
    ):
        prepare("ucf101", download, download / "out")
    with pytest.raises(ZooError, match=r"it holds no \.avi files; unpack UCF101\.rar"):
        prepare("ucf101", download / "ucfTrainTestlist", download / "out")
    assert not (download / "out").exists()


def test_capital_letters_differ_between_copies(download: Path) -> None:
    (download / "UCF-101" / "Bowling").rename(download / "UCF-101" / "BowLing")
    prepare("ucf101", download, download / "out")
    assert (download / "out/train/BowLing/v_Bowling_g08_c01.avi").is_file()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """72 strips under the names of MoCoGAN's, PNG files of four channels; the persons' grey levels tell them apart."""
    for number in range(72):
        action = (1, 1, 0, 0, 3, 3, 4, 4)[number % 8]
        file = tmp_path / "mocogan/data/actions" / str(action) / f"{number:08}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (20 * 8, 8), (number // 8 * 20,) * 3 + (255,)).save(file, "PNG")
    return tmp_path / "mocogan"


def test_weizmann_is_split_by_persons(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    assert main(["data", "prepare", "weizmann", "."]) == 0
    data = ClipData("data/weizmann", val_fraction=0, size=16, strips=True)
    assert data.actions == ["0", "1", "3", "4"]
    train, test = data.dataset("train"), data.dataset("test")
    assert (len(train), len(test)) == (56, 16)
    persons = [
        {round(float(split[0, i]["video"].add(1).mean()) * 127.5 / 20) for i in range(len(split))}
        for split in (train, test)
    ]
    assert persons == [set(range(7)), {7, 8}]
    assert {test[0, i]["action"] for i in range(16)} == {0, 1, 2, 3}


def test_weizmann_is_whole(repository: Path) -> None:
    (repository / "data/actions/3/00000004.jpg").unlink()
    with pytest.raises(ZooError, match="17 of the 18 clips of jumping jacks are here; give the repository sergey"):
        prepare("weizmann", repository / "data/actions", repository / "out")
    with pytest.raises(ZooError, match="0 of the 18 clips of waving one hand are here"):
        prepare("weizmann", repository / "data/actions/0", repository / "out")
    assert not (repository / "out").exists()
