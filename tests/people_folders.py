"""Tiny folders in the layouts of datasets of people, rendered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.data.rendered.people import Person, View
from i2i_zoo.data.rendered.people_motion import walk
from i2i_zoo.media.pose_files import CSV_HEADER, Poses, write_poses
from i2i_zoo.media.poses import resized


def rendered(person: int, number: int, size: tuple[int, int] = (128, 64)) -> tuple[Image.Image, Tensor]:
    """A picture of a person, and the pose with all points in whole pixels."""
    height, width = size
    image = Person(person).render(walk(number / 5), View(), np.full((128, 64, 3), 90, np.uint8))
    pose = resized(torch.from_numpy(image.keypoints[:, :3]).float().clamp_min(0), (128, 64), size)
    pose[:, 2] = 1
    return Image.fromarray(image.picture).resize((width, height)), pose.round()


def csv_of(poses: dict[str, Tensor]) -> str:
    """An annotation of 18 points; missing ones are -1."""
    lines = [CSV_HEADER]
    for name, pose in poses.items():
        x, y = (
            [int(value) if seen else -1 for value, seen in zip(pose[:, axis], pose[:, 2], strict=True)]
            for axis in (0, 1)
        )
        lines.append(f"{name}: {y}: {x}")
    return "\n".join(lines) + "\n"


def write_market(
    root: Path, people: int = 3, pictures: int = 3, train: str = "bounding_box_train"
) -> dict[str, Tensor]:
    """Market-1501 with its annotations: people 1, 2 ... in both splits, junk, distractors and a picture of nobody.

    Returns the poses by name.
    """
    poses: dict[str, Tensor] = {}
    for split, folder in (("train", train), ("test", train.replace("train", "test"))):
        (root / folder).mkdir(parents=True, exist_ok=True)
        names = {
            f"{person + 1:04}_c{number + 1}s1_{number:06}_00.jpg": rendered(person, number)
            for number in range(3)
            for person in range(3)
        }
        names |= {f"{junk}_c1s1_00000{i}_00.jpg": rendered(0, i) for junk in ("-1", "0000") for i in range(2)}
        names["0001_c6s1_000009_00.jpg"] = rendered(0, 4)[0], torch.zeros(18, 3)
        for name, (picture, _) in names.items():
            picture.save(root / folder / name, quality=95)
        of_split = {name: pose for name, (_, pose) in names.items()}
        (root / f"market-annotation-{split}.csv").write_text(csv_of(of_split))
        poses |= of_split
    return poses


def write_fashion(root: Path, size: tuple[int, int] = (256, 256), resize: str = "") -> dict[str, Tensor]:
    """DeepFashion under PATN's names: two people, one of them in two outfits; the whole picture is a person."""
    poses: dict[str, Tensor] = {}
    for split in ("train", "test"):
        (root / split).mkdir(parents=True, exist_ok=True)
        names = [f"fashionWOMENTees_Tanksid000007830{outfit}_{view}.jpg" for outfit in (1, 2) for view in VIEWS]
        names += [f"fashionMENDenimid0000008001_{view}.jpg" for view in VIEWS[:2]]
        of_split = {}
        for number, name in enumerate(names):
            picture, of_split[name] = rendered(number // 3, number % 3, size)
            picture.save(root / split / name, quality=95)
        (root / f"fasion{resize}-annotation-{split}.csv").write_text(csv_of(of_split))
        poses |= of_split
    return poses


VIEWS = ("1front", "2side", "7additional")


def write_folders(root: Path, people: int = 3, pictures: int = 3, poses: str = "{}.json") -> None:
    """A folder of pictures for each person, with poses beside them under a name like ``poses``, unless it is empty."""
    for person in range(people):
        for number in range(pictures):
            picture, pose = rendered(person, number)
            file = root / f"p{person}" / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            picture.save(file)
            if poses:
                write_poses(file.with_name(poses.format(number)), Poses(pose[None], ("",), ((128, 64),)))
