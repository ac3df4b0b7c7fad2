"""UCF-101: its videos in the folders of its first split."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import find_files

#: The lists of the first of the three official splits.
LISTS = {"train": "trainlist01.txt", "test": "testlist01.txt"}

TERMS = "UCF-101 (Soomro et al. 2012) consists of clips from YouTube, whose rights are with those who uploaded them."


def ucf101(source: Path) -> list[Callable[[Path], None]]:
    """What to copy of UCF-101; raises `ZooError` for what is missing."""
    videos = {f"{file.parent.name}/{file.name}": file for file in find_files(source, (".avi",))}
    if not videos:
        raise ZooError(f"{source}: it holds no .avi files; unpack UCF101.rar, which its authors offer, into it.")
    jobs: list[Callable[[Path], None]] = []
    for split, name in LISTS.items():
        names = listed(source, name)
        if missing := [video for video in names if video not in videos]:
            raise ZooError(
                f"{source}: {len(missing)} of the {len(names)} videos of {name} are missing, such as "
                f"{', '.join(missing[:3])}; unpack the whole official download."
            )
        jobs += [partial(copy_video, videos[video], f"{split}/{video}") for video in names]
    print(TERMS, file=sys.stderr)
    return jobs


def listed(source: Path, name: str) -> list[str]:
    """The videos ``Class/file.avi`` in an official list, below the folder of the download."""
    file = next((file for file in find_files(source, (".txt",)) if file.name == name), None)
    if file is None:
        raise ZooError(
            f"{source}: {name} is missing; unpack UCF101TrainTestSplits-RecognitionTask.zip, which its authors offer, "
            "into it."
        )
    return [line.split()[0] for line in file.read_text(errors="replace").splitlines() if line.strip()]


def copy_video(file: Path, name: str, folder: Path) -> None:
    """Copy a video, byte for byte."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
