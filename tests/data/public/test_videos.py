"""UCF-101 from its official download."""

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
