"""Clips of faces with the landmarks in each frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from i2i_zoo.annotations import Count, Positive, Seed, Side
from i2i_zoo.errors import ZooError
from i2i_zoo.media.faces import LANDMARK_SUFFIXES, check_within, face_box, face_maps, read_face
from i2i_zoo.media.files import described, find_files, height_width
from i2i_zoo.media.geometry import resize
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.tasks.preprocess import FacePreprocess

from .files import by_folder, check_files, check_label_files, find_pictures, listed, relative_name, without_partner
from .sequences import Sequences
from .splits import SplitData

#: The landmarks and the picture of each frame of a clip.
Frames = list[tuple[Path, Path]]


class FaceClips(Sequences[tuple[Path, Path]]):
    """Items ``face`` (T, 15, H, W) in [0, 1], ``video`` (T, 3, H, W) in [-1, 1] and ``name``.

    Indexed by ``(epoch, index)``; `FaceClipData` explains the rest.
    """

    data: FaceClipData

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        data, (name, chosen, random) = self.data, self.take(item)
        mirrored = self.train and data.flip and bool(torch.rand((), generator=random) < 0.5)
        faces = [read_face(landmarks) for landmarks, _ in chosen]
        pictures = [read_picture(picture) for _, picture in chosen]
        if len({picture.shape for picture in pictures}) > 1:
            raise ZooError(f"{chosen[0][1].parent}: the pictures of a clip have one size; scale them to it.")
        box, size = face_box(faces[0], pictures[0].shape[-2:]), (data.size, data.size)
        maps = [
            face_maps(face, box, size, picture if data.background else None)
            for face, picture in zip(faces, pictures, strict=True)
        ]
        frames = [resize(box.crop(picture), size) for picture in pictures]
        clip = {"face": torch.stack(maps), "video": torch.stack(frames)}
        return {"name": name, **{key: value.flip(-1) if mirrored else value for key, value in clip.items()}}


class FaceClipData(SplitData):
    """Clips of faces, in the folders of vid2vid's authors: ``root/train_img`` and ``root/train_keypoints``.

    Each clip has a folder in both, with the same names: ``train_keypoints/ann/0001.txt`` has the landmarks of the face
    in ``train_img/ann/0001.jpg``, a line ``x,y`` for each of 68 points in dlib's order, in pixels.  Frames follow each
    other in the order of their names.  A frame without a face is left out of both.

    A square around the face in the first frame of an item is cut out of all its frames (`face_box`), and scaled.

    ``val_img`` and ``val_keypoints`` are for validation, and without them there is none; ``test_img`` and
    ``test_keypoints`` are for the test, or else those of validation.  Clips that are too short are refused.

    An epoch of training has each clip once, from a random frame on.  In validation and test, clips begin with their
    first frame.

    Batches hold no ``flow``: the model finds it.

    Args:
        root: The dataset's folder.
        size: Height and width of the frames.
        background: Whether the edges of the picture around the face are drawn beside its curves, as the authors do.
            The model then needs pictures beside the landmarks that it translates.
        frames: Frames of an item, T.
        stride: Take every so many-th frame.
        flip: Mirror half of the training items.
        batch_size: Items in a batch, of each process.
        num_workers: Processes that read and draw.
        seed: Seed of order, beginnings and mirroring.
    """

    batch_keys = ("face", "video")
    folder_option = "root"
    if_empty = "put clips there"

    def __init__(
        self,
        root: str,
        size: Side = 512,
        background: bool = True,
        frames: Positive = 14,
        stride: Positive = 1,
        flip: bool = True,
        batch_size: Positive = 1,
        num_workers: Count = 4,
        seed: Seed = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.root, self.size, self.background, self.flip = Path(root), size, background, flip
        self.frames, self.stride = frames, stride
        #: How many frames of a clip an item reaches over.
        self.span = (frames - 1) * stride + 1

    @property
    def preprocess(self) -> FacePreprocess:
        """What a model must know to draw faces as in training."""
        return FacePreprocess((self.size, self.size), self.background)

    def folder(self, split: str) -> str:
        """The first part of the names of the folders of a split; empty if there is nothing to validate on."""
        there = [name for name in ("train", "val", "test") if (self.root / f"{name}_img").is_dir()]
        if split in there or split == "train":
            return split
        if split == "test" and "val" in there:
            return "val"
        if split == "val":
            self._said[split] = f"No validation: there is no folder {self.root / 'val_img'}."
            return ""
        raise ZooError(f"{self.root}: there is neither a folder test_img nor val_img to test on; add one.")

    def dataset(self, split: str) -> FaceClips:
        """Find the clips of a split, and check every file.

        Raises `ZooError` naming what is missing, unmatched, broken or too short.  At most `LABELS_CHECKED` files of
        landmarks, evenly spaced, are read here; the others are checked when they are used.
        """
        named = self.folder(split)
        clips = self.find_clips(named) if named else []
        for name, files in clips:
            if len(files) < self.span:
                raise ZooError(
                    f"{self.root}: the clip {name} of {named} has {len(files)} frames, and {self.frames} with stride "
                    f"{self.stride} need {self.span}; lower --data.frames, or remove it."
                )
        frames = [frame for _, files in clips for frame in files]
        check_files([picture for _, picture in frames])
        pictures = dict(frames)
        check_label_files(
            list(pictures), lambda file: check_within(read_face(file), height_width(pictures[file]), str(file))
        )
        return FaceClips(self, clips, split == "train")

    def find_clips(self, split: str) -> list[tuple[str, Frames]]:
        """The name of each clip and its frames.  Raises `ZooError` if there are none, and for one without a partner."""
        places = [self.root / f"{split}_keypoints", self.root / f"{split}_img"]
        landmarks: dict[str, Path] = {}
        for file in find_files(places[0], LANDMARK_SUFFIXES):
            if (other := landmarks.setdefault(relative_name(file, places[0]), file)) != file:
                raise ZooError(f"{other} and {file} have the same name; remove or rename one.")
        if not landmarks:
            raise ZooError(f"{places[0]}: the folder holds no {described(LANDMARK_SUFFIXES)}; check the path.")
        pictures = find_pictures(places[1])
        if lonely := without_partner([landmarks, pictures]):
            raise ZooError(
                f"{len(lonely)} files have no partner of the same name in {places[0].name} or {places[1].name}: "
                f"{listed(lonely)}; add their landmarks or pictures, or remove them."
            )
        clips = by_folder(landmarks).items()
        return [(clip or split, [(landmarks[name], pictures[name]) for name in names]) for clip, names in clips]
