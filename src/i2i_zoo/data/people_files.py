"""Pictures and poses of people on disk, in the published layouts or in a folder for each person, and their pairs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import find_files, height_width
from i2i_zoo.media.pose_files import read_poses
from i2i_zoo.media.poses import POINTS

from .files import FILES_READ, evenly_spaced, find_pictures
from .found_poses import found_poses

#: The points that a picture needs to be in a pair.
TORSO = [POINTS.index(f"{side} {joint}") for side in ("left", "right") for joint in ("shoulder", "hip")]

#: How the names of Market-1501's pictures begin that show nobody in particular: junk and distractors.
NOBODY = ("-1", "0000")

#: How the names of DeepFashion's pictures begin; the first spelling is that of the Deformable GAN's authors.
FASHION = ("fasion", "fashion")


class Shot(NamedTuple):
    """One picture of a person.

    Args:
        person: Whom it shows.
        name: What identifies it.
        file: The picture.
        pose: (18, 3), as `i2i_zoo.media.poses` defines it.
        size: Height and width of the picture that the pose was found in; None for those of the file.
    """

    person: str
    name: str
    file: Path
    pose: Tensor
    size: tuple[int, int] | None = None


def annotated_shots(annotation: Path, folder: Path) -> list[Shot]:
    """The pictures in a folder that an annotation (`read_poses` describes the CSV) is for, in its order.

    Pictures of nobody in particular are left out.  Raises `ZooError` if the file is damaged.
    """
    poses = read_poses(annotation)
    return [
        Shot(person_of(name), Path(name).stem, folder / name, pose)
        for name, pose in zip(poses.names, poses.points, strict=True)
        if not name.startswith(NOBODY)
    ]


def person_of(name: str) -> str:
    """Whom a picture shows, by its published name: ``0002`` for ``0002_c1s1_000451_03.jpg`` of Market-1501.

    Of DeepFashion it is the person in certain clothes: all before the view, as in ``fashionMENDenimid0000008001`` for
    ``fashionMENDenimid0000008001_1front.jpg``; the names of categories may have underscores too.
    """
    return name.rpartition("_")[0] if name.startswith(FASHION) else name.partition("_")[0]


def check_annotated(shots: Sequence[Shot], annotation: Path, folder: Path) -> None:
    """Raise `ZooError` if pictures of an annotation are missing, or have another size than those that it is for."""
    there = {file.name for file in find_files(folder)}
    if missing := [shot.file.name for shot in shots if shot.file.name not in there]:
        raise ZooError(
            f"{folder}: {len(missing)} of the {len(shots)} pictures that {annotation.name} names are missing, such as "
            f"{', '.join(missing[:3])}; add them, or take the annotation of these pictures."
        )
    for shot in evenly_spaced(shots, FILES_READ):
        height, width = height_width(shot.file)
        x, y = shot.pose[:, :2].amax(0).tolist()
        if x > width - 0.5 or y > height - 0.5:
            raise ZooError(
                f"{shot.file}: the picture has {width}x{height} pixels, and {annotation.name} has a point at x {x:g} "
                f"or y {y:g}, outside of it; take the annotation of pictures of this size."
            )
        if "resize" in annotation.name and width == height:
            raise ZooError(
                f"{shot.file}: the picture has {width}x{height} pixels, and {annotation.name} is for pictures "
                "that were cut to 176x256; take the annotation without resize in its name."
            )


def shots_of_folders(folder: Path) -> list[Shot]:
    """The pictures below a folder that has a folder for each person.

    The pose of ``x.jpg`` is read from ``x.json`` or ``x_keypoints.json`` beside it, in OpenPose's or COCO's format.
    Without such a file it is found in the picture (`found_poses`).

    Raises:
        ZooError: If the folder has no pictures, or one that is in no person's folder; if a person has only one; if a
            file of a pose is damaged, holds several, or is for a picture of another size.
        MissingWeights: If a pose is to be found, and no estimator can be had.
    """
    files: dict[str, dict[str, Path]] = {}
    for name, file in find_pictures(folder).items():
        person = str(Path(name).parent)
        if person == ".":
            example = folder / "ann" / file.name
            raise ZooError(f"{file}: there must be a folder for each person; move it into one, such as {example}.")
        files.setdefault(person, {})[name] = file
    for person, pictures in files.items():
        if len(pictures) < 2:
            raise ZooError(
                f"{folder / person}: a pair needs two pictures of a person, and here is one; add or remove some."
            )
    known = {file: pose_file(name, file) for pictures in files.values() for name, file in pictures.items()}
    found = found_poses([file for file, poses in known.items() if poses is None])

    def shot(person: str, name: str, file: Path) -> Shot:
        poses = read_poses(known[file] or found[file])
        if len(poses.points) != 1:
            raise ZooError(f"{known[file]}: it holds {len(poses.points)} poses; give the one of {file.name}.")
        if poses.sizes[0] is None:
            poses.check_size(height_width(file), str(known[file]), file)
        return Shot(person, name, file, poses.points[0], poses.sizes[0])

    return [shot(person, *picture) for person, pictures in files.items() for picture in pictures.items()]


def pose_file(name: str, file: Path) -> Path | None:
    """The file of a picture's pose beside it, if there is one."""
    stem = Path(name).name
    candidates = (file.with_name(f"{stem}{ending}") for ending in (".json", "_keypoints.json"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def with_torso(shots: Sequence[Shot]) -> list[Shot]:
    """The pictures in which both shoulders and both hips were found: those that the published rule makes pairs of."""
    seen = torch.stack([shot.pose for shot in shots])[:, TORSO, 2].all(1).tolist() if shots else []
    return [shot for shot, whole in zip(shots, seen, strict=True) if whole]


class OrderedPairs(Sequence[tuple[int, int]]):
    """The published rule: all ordered pairs of the pictures of each person, as the numbers of the pictures.

    Pairs are in the order of people, sources and targets.  They are worked out when asked for, since a person with 5000
    pictures has 25 million of them.

    Args:
        counts: How many pictures each person has; those of all people are numbered in one row.
    """

    def __init__(self, counts: Sequence[int]) -> None:
        self.pictures = np.array([0, *accumulate(counts)])
        self.pairs = np.array([0, *accumulate(count * (count - 1) for count in counts)])

    def __len__(self) -> int:
        return int(self.pairs[-1])

    def __getitem__(self, index: int) -> tuple[int, int]:  # type: ignore[override]  # slices are not needed
        person = int(self.pairs.searchsorted(index, "right")) - 1
        first, after = int(self.pictures[person]), int(self.pictures[person + 1])
        source, target = divmod(index - int(self.pairs[person]), after - first - 1)
        return first + source, first + target + (target >= source)


def published_sample(pairs: Sequence[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """At most ``count`` pairs in random order, the same as the Deformable GAN's authors drew with pandas and seed 0.

    With the 12,000 of Market-1501 and the 8570 of DeepFashion it gives the published lists, pair by pair.
    """
    return [pairs[int(index)] for index in np.random.RandomState(0).permutation(len(pairs))[:count]]


def listed_pairs(file: Path, shots: Sequence[Shot]) -> list[tuple[int, int]]:
    """The pairs of a published list, a CSV with the header ``from,to``; `ZooError` names the line that is wrong."""
    numbers = {shot.file.name: number for number, shot in enumerate(shots)}
    try:
        lines = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ZooError(f"{file}: the list of pairs cannot be read ({error}); get it again.") from None
    if not lines or lines[0] != ["from", "to"] or len(lines) < 2:
        raise ZooError(f"{file}: this is no list of pairs; its first line is from,to and each other one a pair.")
    pairs = []
    for number, names in enumerate(lines[1:], 2):
        if len(names) != 2:
            raise ZooError(f"{file}: line {number} has {len(names)} names; a pair has two, from,to.")
        for name in names:
            if name not in numbers:
                raise ZooError(
                    f"{file}: line {number} names {name}, which has no annotation with both shoulders and both hips; "
                    "take the list and the annotation of one dataset."
                )
        pairs.append((numbers[names[0]], numbers[names[1]]))
    return pairs
