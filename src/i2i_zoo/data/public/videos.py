"""UCF-101 and MoCoGAN's clips of the Weizmann actions: clips in the folders of a split and of their classes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import find_files

#: The lists of the first of the three official splits, of 9537 and 3783 videos.  Each line of ``trainlist01.txt`` is
#: ``Class/v_Class_g08_c01.avi 1``, with the number of the class; in ``testlist01.txt`` the number may be missing.
#: Sources: the lists in the repositories abosun/pytorch-action-master and bo-yang/dtf_fisher.
LISTS = {"train": "trainlist01.txt", "test": "testlist01.txt"}

WEIZMANN_TERMS = (
    "The actions are from the Weizmann dataset (Gorelick et al. 2007), and neither it nor MoCoGAN's repository names a "
    "licence for them: use them for research."
)
TERMS = "UCF-101 (Soomro et al. 2012) consists of clips from YouTube, whose rights are with those who uploaded them."


#: The actions of the Weizmann clips in MoCoGAN's repository, sergeytulyakov/mocogan at 937a99d, by their folders.  They
#: hold 18 strips of 64x64 frames each, two of every person: ``00000002.jpg``, which is a PNG file, and its mirror image
#: ``00000003.jpg``.  Numbers 0 to 7 are the first person's, and so on for nine persons.
ACTIONS = {"0": "waving one hand", "1": "waving both hands", "3": "jumping jacks", "4": "bending down"}
PERSONS, CLIPS_OF_A_PERSON = 9, 8

#: The persons whose clips are the test; the authors have no split.
TESTED = (7, 8)


def weizmann(source: Path) -> list[Callable[[Path], None]]:
    """What to copy of MoCoGAN's Weizmann clips; raises `ZooError` for what is missing."""
    folder = next((path for path in (source / "data/actions", source / "actions") if path.is_dir()), source)
    jobs: list[Callable[[Path], None]] = []
    for action, what in ACTIONS.items():
        files = find_files(folder / action, (".jpg", ".png")) if (folder / action).is_dir() else []
        clips = {int(file.stem): file for file in files if file.stem.isdecimal()}
        persons = {number // CLIPS_OF_A_PERSON for number in clips}
        if persons != set(range(PERSONS)) or len(clips) != 2 * PERSONS:
            raise ZooError(
                f"{folder / action}: {len(clips)} of the {2 * PERSONS} clips of {what} are here; give the repository "
                "sergeytulyakov/mocogan, or its folder data/actions."
            )
        for number, file in clips.items():
            split = "test" if number // CLIPS_OF_A_PERSON in TESTED else "train"
            jobs.append(partial(copy_video, file, f"{split}/{action}/{number:08}.png"))
    print(WEIZMANN_TERMS, file=sys.stderr)
    return jobs


def ucf101(source: Path) -> list[Callable[[Path], None]]:
    """What to copy of UCF-101; raises `ZooError` for what is missing.

    Copies of the dataset differ in how they write HandstandPushups, so capital letters do not matter.
    """
    videos = {f"{file.parent.name}/{file.name}".lower(): file for file in find_files(source, (".avi",))}
    if not videos:
        raise ZooError(f"{source}: it holds no .avi files; unpack UCF101.rar, which its authors offer, into it.")
    jobs: list[Callable[[Path], None]] = []
    for split, name in LISTS.items():
        names = listed(source, name)
        if missing := [video for video in names if video.lower() not in videos]:
            raise ZooError(
                f"{source}: {len(missing)} of the {len(names)} videos of {name} are missing, such as "
                f"{', '.join(missing[:3])}; unpack the whole official download."
            )
        for file in (videos[video.lower()] for video in names):
            jobs.append(partial(copy_video, file, f"{split}/{file.parent.name}/{file.name}"))
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
