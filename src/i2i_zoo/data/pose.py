"""Pairs of pictures of one person in two poses, on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Count, Length, Positive, Seed, Share, Side
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import decode_picture, to_float
from i2i_zoo.media.pose_drawing import limb_mask
from i2i_zoo.media.poses import MIRRORED, cropped, resized
from i2i_zoo.seeds import numbered_generator
from i2i_zoo.tasks.preprocess import Preprocess

from .augmentation import Augmentation
from .files import check_files, evenly_spaced
from .people_files import (
    OrderedPairs,
    Shot,
    annotated_shots,
    check_annotated,
    listed_pairs,
    published_sample,
    shots_of_folders,
    with_torso,
)
from .pictures import PictureData
from .places import Place

#: The part of a square picture of DeepFashion that is cut off at the left, and at the right: 40 of 256 columns.
MARGIN = 40 / 256


class PosePairs(Dataset[dict[str, Any]]):
    """Items of `PoseData`; indexed by ``(epoch, index)``.

    Args:
        shots: Pictures with their poses.
        pairs: The numbers of source and target of each pair.
        size: Height and width to which pictures and poses are resized.
        cut: Whether square pictures lose their `MARGIN` if ``size`` is not square.
        flip: Mirror half of the pairs.
        seed: Seed of the mirroring.
    """

    def __init__(
        self,
        shots: Sequence[Shot],
        pairs: Sequence[tuple[int, int]],
        size: tuple[int, int],
        *,
        cut: bool,
        flip: bool,
        seed: int,
    ) -> None:
        self.shots, self.pairs, self.size, self.flip, self.seed = shots, pairs, size, flip, seed
        self.cut = cut and size[0] != size[1]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        source, target = (self.shots[number] for number in self.pairs[index])
        random = numbered_generator(self.seed, epoch, index)
        mirrored = self.flip and bool(torch.rand((), generator=random) < 0.5)
        (picture, pose), (target_picture, target_pose) = (self.read(shot, mirrored) for shot in (source, target))
        return {
            "source": picture,
            "source_pose": pose,
            "target": target_picture,
            "target_pose": target_pose,
            "mask": limb_mask(target_pose, self.size),
            "name": f"{source.name}_{Path(target.name).name}",
        }

    def read(self, shot: Shot, mirrored: bool) -> tuple[Tensor, Tensor]:
        """A picture (3, H, W) and its pose (18, 3), resized and perhaps mirrored."""
        picture, pose = decode_picture(shot.file), shot.pose
        height, width = picture.shape[-2:]
        if shot.size is not None:
            pose = resized(pose, shot.size, (height, width))
        if self.cut and height == width:
            left = round(MARGIN * width)
            picture = picture[..., left : width - left]
            pose = cropped(pose, 0, left, height, picture.shape[-1])
        whole = Augmentation((height, picture.shape[-1]), self.size, (0, 0, *self.size), mirrored)
        return to_float(whole.picture(picture)), whole.keypoints(pose, MIRRORED)


class PoseData(PictureData):
    """Pairs of pictures of people: Market-1501, DeepFashion (In-shop), or photographs of your own.

    **Market-1501 and DeepFashion** in the layouts of the Deformable GAN's and PATN's authors: ``root`` holds
    ``<name>-annotation-{train,test}.csv`` with the poses, and the pictures in ``train`` and ``test``, in
    ``<name>-dataset/{train,test}``, or in Market-1501's own ``bounding_box_{train,test}``.
    ``i2i-zoo data prepare`` makes this of ``market1501`` and ``deepfashion``.

    **Your own photographs**: a folder for each person, in ``root`` itself or in ``train``, ``val`` and ``test``.  Poses
    are read from ``x.json`` or ``x_keypoints.json`` beside ``x.jpg``, as ``i2i-zoo data poses root -o root`` writes
    them, or else found once, by the estimator that is installed, and kept in the package's cache.

    Pairs follow the published rule: all ordered pairs of one person's pictures in which both shoulders and both hips
    were found.  These are 263,632 training pairs of Market-1501 with ``val_fraction`` 0.  The test is on a sample of
    them, as it was published, or on the list ``<name>-pairs-test.csv`` if ``root`` has it.  Without ``val``, some
    people of training are held out for validation, and without ``test``, the test is on ``val``; both are said, as is
    what is left out.

    Batches hold ``source`` and ``target`` (B, 3, H, W) in [-1, 1], ``source_pose`` and ``target_pose`` (B, 18, 3), and
    ``mask`` (B, 1, H, W), 1 within 4 pixels of a limb of the target's pose: PG2's mask, which has this radius at all of
    its sizes (Ma et al. 2017, section 3.2.1).

    Args:
        root: The dataset's folder.
        size: Height and width of the pictures: 128x64 for Market-1501, 256x256 or 256x176 for DeepFashion, whose
            square pictures lose 40 of 256 columns at the left and at the right if ``size`` is not square, as in PATN.
        flip: Mirror half of the training pairs, with left and right swapped in the poses.  The Deformable GAN's authors
            do not; PG2's do.
        val_fraction: The part of the people that is held out for validation if there is no ``val``; 0 for none.
        val: At most so many validation pairs.
        test: At most so many test pairs, if they are not listed.
        batch_size: Pairs in a batch, of each process.
        num_workers: Processes that read pictures.
        seed: Seed of order and mirroring.
    """

    batch_keys = ("source", "source_pose", "target", "target_pose", "mask")
    things = ("person", "people")

    def __init__(
        self,
        root: str,
        size: Annotated[Sequence[Side], Length(2)] = (128, 64),
        flip: bool = False,
        val_fraction: Share = 0.02,
        val: Positive = 256,
        test: Positive = 12_000,
        batch_size: Positive = 4,
        num_workers: Count = 4,
        seed: Seed = 0,
    ) -> None:
        self.size = size[0], size[1]
        super().__init__(
            *(root, self.size, None, self.size, flip, val_fraction),
            batch_size=batch_size,
            num_workers=num_workers,
            seed=seed,
        )
        self.limits = {"val": val, "test": test}
        self._people: dict[Path, dict[str, list[Shot]]] = {}
        self._left_out: list[str] = []

    @property
    def preprocess(self) -> Preprocess:
        """What a model must know to prepare pictures as in training."""
        return Preprocess(self.size)

    def dataset(self, split: str) -> PosePairs:
        """Find the people of a split, check every file, and make the pairs.

        Raises `ZooError` naming what is missing, broken or of another size, and if no pair is left; and as
        `shots_of_folders`.
        """
        (people,) = self.split_files(split)
        self._said[split] = " ".join(filter(None, [self._said[split], *self._left_out]))
        self._left_out.clear()
        shots = [shot for pictures in people.values() for shot in pictures]
        check_files(shot.file for shot in shots)
        rule = OrderedPairs([len(pictures) for pictures in people.values()])
        pairs: Sequence[tuple[int, int]] = rule
        if split == "val":
            pairs = [rule[index] for index in evenly_spaced(range(len(rule)), self.limits["val"])]
        elif split == "test":
            listed = self.only(f"*pairs-{split}.csv")
            pairs = listed_pairs(listed, shots) if listed else published_sample(rule, self.limits["test"])
        flip = self.flip and split == "train"
        return PosePairs(shots, pairs, self.size, cut=self.annotated, flip=flip, seed=self.seed)

    def places(self) -> list[Place]:
        train, val, test = (self.folder(split) for split in ("train", "val", "test"))
        if self.annotated or any(folder.is_dir() for folder in (train, val, test)):
            return [Place(train, val, test, find=self.find_people)]
        return [Place(self.root, val, test, whole=True, find=self.find_people)]

    @property
    def annotated(self) -> bool:
        """Whether the data are in one of the published layouts."""
        return any(self.root.glob("*annotation-*.csv"))

    def folder(self, split: str) -> Path:
        """Where the pictures of a split are; it need not exist."""
        own = [self.root / split, self.root / f"bounding_box_{split}", *sorted(self.root.glob(f"*-dataset/{split}"))]
        return next((folder for folder in own if folder.is_dir()), own[0])

    def only(self, pattern: str) -> Path | None:
        """The file of a published layout, if it is there; raises `ZooError` for several."""
        files = sorted(self.root.glob(pattern))
        if len(files) > 1:
            raise ZooError(
                f"{self.root}: it holds {files[0].name} and {files[1].name}; give each dataset a folder of its own."
            )
        return files[0] if files else None

    def find_people(self, folder: Path) -> dict[str, list[Shot]]:
        """The pictures of each person of a folder of whom pairs can be made; read once, and what is left out noted."""
        if folder not in self._people:
            shots = self.read(folder)
            people: dict[str, list[Shot]] = {}
            for shot in with_torso(shots):
                people.setdefault(shot.person, []).append(shot)
            self._people[folder] = {person: useful for person, useful in people.items() if len(useful) > 1}
            kept = {shot.name for useful in self._people[folder].values() for shot in useful}
            lost = [shot.name for shot in shots if shot.name not in kept]
            needs = "a pair needs two pictures of a person in which both shoulders and both hips were found"
            if not kept:
                raise ZooError(f"{folder}: {needs}, and there are none; add pictures or correct their poses.")
            if lost:
                self._left_out.append(
                    f"{folder}: {len(lost)} of {len(shots)} pictures are left out, since {needs}: "
                    f"{', '.join(lost[:5])}{f' and {len(lost) - 5} more' if len(lost) > 5 else ''}."
                )
        return self._people[folder]

    def read(self, folder: Path) -> list[Shot]:
        """All pictures of people in a folder."""
        if not self.annotated:
            if (self.root / "bounding_box_train").is_dir():
                raise ZooError(
                    f"{self.root}: the poses of Market-1501 are missing; get them by i2i-zoo data prepare market1501 "
                    f"{self.root}."
                )
            return shots_of_folders(folder)
        split = next(split for split in ("train", "val", "test") if folder == self.folder(split))
        annotation = self.only(f"*annotation-{split}.csv")
        if annotation is None:
            raise ZooError(f"{folder}: its poses are missing; put <name>-annotation-{split}.csv into {self.root}.")
        shots = annotated_shots(annotation, folder)
        check_annotated(with_torso(shots), annotation, folder)
        return shots
