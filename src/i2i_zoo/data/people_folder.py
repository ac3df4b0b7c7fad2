"""Pictures of people on disk, with their poses beside them, as pairs of one person in two poses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import find_files
from i2i_zoo.media.pictures import decode_picture, to_float
from i2i_zoo.media.pose_drawing import limb_mask
from i2i_zoo.media.pose_files import read_poses
from i2i_zoo.media.poses import resized
from i2i_zoo.seeds import numbered_generator

from .augmentation import Augmentation
from .files import FILES_READ, check_files, evenly_spaced, relative_name


class PeopleFolder(Dataset[dict[str, Any]]):
    """Pairs of the people in a folder, which has a folder of pictures for each; indexed by ``(epoch, index)``.

    Beside each picture ``x.png`` lies ``x.json``, its pose in OpenPose's or COCO's format.  Every picture is the source
    of one pair in an epoch.  Its target is a random other picture of the same person in training, else the next one.
    The mask is drawn around the limbs of the target's pose (`i2i_zoo.media.pose_drawing.limb_mask`).

    Args:
        folder: The folder of a split.
        size: Height and width to which pictures and poses are resized.
        train: Whether targets are random.
        seed: Seed of the targets.

    Raises:
        ZooError: If the folder has no pictures, a picture no pose, or a person only one picture; if a file is damaged.
    """

    def __init__(self, folder: Path, size: tuple[int, int], train: bool, seed: int) -> None:
        self.folder, self.size, self.train, self.seed = folder, size, train, seed
        self.files = find_files(folder)
        if not self.files:
            raise ZooError(
                f"{folder}: the folder holds no pictures; put a folder with the pictures of each person there."
            )
        self.people: dict[Path, list[Path]] = {}
        for file in self.files:
            if not file.with_suffix(".json").is_file():
                raise ZooError(f"{file}: its pose is missing; put it into {file.stem}.json beside it.")
            self.people.setdefault(file.parent, []).append(file)
        for person, files in self.people.items():
            if len(files) < 2:
                raise ZooError(f"{person}: a pair needs two pictures of a person, and here is one; add or remove some.")
        check_files(self.files)
        for file in evenly_spaced(self.files, FILES_READ):
            read_poses(file.with_suffix(".json"))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        source = self.files[index]
        same = self.people[source.parent]
        step = 1
        if self.train:
            random = numbered_generator(self.seed, epoch, index)
            step = int(torch.randint(1, len(same), (), generator=random))
        target = same[(same.index(source) + step) % len(same)]
        (picture, pose), (target_picture, target_pose) = self.read(source), self.read(target)
        return {
            "source": picture,
            "source_pose": pose,
            "target": target_picture,
            "target_pose": target_pose,
            "mask": limb_mask(target_pose, self.size, max(1, self.size[0] // 32)),
            "name": f"{relative_name(source, self.folder)}_{target.stem}",
        }

    def read(self, file: Path) -> tuple[Tensor, Tensor]:
        """A picture (3, H, W) and its pose (18, 3), resized."""
        picture = decode_picture(file)
        original = picture.shape[-2:]
        poses = read_poses(file.with_suffix(".json"))
        pose = resized(poses.fitted(original)[0], original, self.size)
        whole = Augmentation((original[0], original[1]), self.size, (0, 0, *self.size))
        return to_float(whole.picture(picture)), pose
