"""Clips from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import AboveZero, Channels, Count, Ge, Le, Length, Positive, Seed, Share, Side
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import decode_picture, to_float
from i2i_zoo.seeds import numbered_generator
from i2i_zoo.tasks.preprocess import Preprocess

from .augmentation import Augmentation, extent
from .clip_files import ClipFile, check_clips, find_clips
from .distortion import Distortion
from .pictures import PictureData
from .places import Place


class Clips(Dataset[dict[str, Any]]):
    """Items ``video`` (T, C, H, W) in [-1, 1], ``name`` and, if there are classes, ``action``.

    Indexed by ``(epoch, index)``; `ClipData` explains the rest.

    Args:
        data: Says how clips are read.
        clips: The name, the file and the number of frames of each.
        actions: The names of the classes; none if there are no classes.
        train: Whether they begin anywhere and are mirrored.
    """

    def __init__(
        self, data: ClipData, clips: Sequence[tuple[str, ClipFile, int]], actions: Sequence[str], train: bool
    ) -> None:
        self.data, self.clips, self.train = data, clips, train
        self.actions = {action: number for number, action in enumerate(actions)}

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        epoch, index = item
        name, file, count = self.clips[index]
        random = numbered_generator(self.data.seed, epoch, index)
        last = count - self.data.span
        start = int(torch.randint(last + 1, (), generator=random)) if self.train else 0
        video = self.read(file, start)
        video = self.data.augmentation(video.shape[-2:], self.train, random, file.path).picture(video)
        if self.train and self.data.distorts:
            video = self.data.distortion(video.shape[-2:], random)(video)
        read = {"video": to_float(video), "name": name}
        return {**read, "action": self.actions[file.action]} if self.actions else read

    def read(self, file: ClipFile, start: int) -> Tensor:
        """The frames (T, C, H, W) from ``start`` on; raises `ZooError` if some are missing or of another size."""
        frames = [
            decode_picture(frame, self.data.channels)
            for frame in file.open().frames(start, start + self.data.span, self.data.stride)
        ]
        if len(frames) < self.data.frames or len({frame.shape for frame in frames}) > 1:
            raise ZooError(f"{file.path}: frames are missing, or have another size than the first; replace it.")
        return torch.stack(frames)


class ClipData(PictureData):
    """Folders of clips, each of which is

    - a video (with PyAV), an animated GIF or an animated WebP;
    - a folder of frames, in the order of their names;
    - with ``strips``, a picture of square frames beside or below each other, as in MoCoGAN's data;
    - one of the clips in a ``.npy`` file (T, N, H, W), as Moving MNIST's ``mnist_test_seq.npy`` (20, 10000, 64, 64).

    They lie in ``root/train``, ``root/val`` and ``root/test``, or in ``root`` itself, which then has no splits.  There
    they may lie in a folder for each class, as in MoCoGAN's and UCF-101's layouts: ``train/walk/ann.mp4``.

    Without val, a part of the training clips is held out for validation (``val_fraction``).  Without test, the test is
    on val, or on all clips if there are no splits.  All of this is said, as is which clips are too short to be used.

    An epoch of training has each clip once, from a random frame on; half of the clips are mirrored, if ``flip``, and
    they are rotated, resized and recoloured as ``rotation``, ``zoom`` and ``hue`` say, in this order.  Monkey-Net's
    authors do so: their ``config/actions.yaml`` has rotation=10, zoom=[0.9,1.1] and hue=0.5, ``moving-gif.yaml`` the
    last two.  What is drawn depends on seed, epoch and index only.  In validation and test, clips begin with their
    first frame.  Videos are decoded from their beginning, so cut very long ones up, or make them folders of frames.

    Batches hold ``video`` (B, T, C, H, W) in [-1, 1] and, if there are classes, ``action`` (B,), the number of each
    clip's class in `actions`.

    Args:
        root: The dataset's folder.
        frames: Frames of an item, T.
        stride: Take every so many-th frame of the clip.
        size: Size of the frames, one number or [height, width].  Clips of another shape are cropped at their centre,
            then all are resized.
        channels: Channels of the frames: 3, or 1 for grey ones.
        strips: Whether pictures are strips of frames, and not frames.
        flip: Mirror half of the training clips, all frames of each alike.
        rotation: Rotate training clips by up to so many degrees, either way.
        zoom: Resize training clips by a factor between these two; a part of the old size is cut out of larger ones,
            and smaller ones repeat their edges; null for no such factor.
        hue: Turn the hues of training clips by up to this part of a full turn, either way.
        val_fraction: The part of the training clips that is held out for validation if there is no ``val``; 0 for no
            validation.  It is always the same part.
        batch_size: Clips in a batch, of each process.
        num_workers: Processes that read clips.
        seed: Seed of order, beginnings and mirroring.
    """

    batch_keys = ("video",)
    things = ("clip", "clips")

    def __init__(
        self,
        root: str,
        frames: Positive = 16,
        stride: Positive = 1,
        size: Side | Annotated[list[Side], Length(2)] = 64,
        channels: Channels = 3,
        strips: bool = False,
        flip: bool = False,
        rotation: Annotated[float, Ge(0), Le(180)] = 0.0,
        zoom: Annotated[Sequence[AboveZero], Length(2)] | None = None,
        hue: Annotated[float, Ge(0), Le(0.5)] = 0.0,
        val_fraction: Share = 0.1,
        batch_size: Positive = 16,
        num_workers: Count = 4,
        seed: Seed = 0,
    ) -> None:
        super().__init__(
            *(root, size, None, size, flip, val_fraction, zoom),
            batch_size=batch_size,
            num_workers=num_workers,
            seed=seed,
        )
        self.frames, self.stride, self.channels, self.strips = frames, stride, channels, strips
        self.rotation, self.hue = rotation, hue
        #: Whether training clips go through a `distortion`.
        self.distorts = bool(rotation or hue or zoom)
        #: How many frames of a clip an item reaches over.
        self.span = (frames - 1) * stride + 1
        self._found: dict[Path, dict[str, ClipFile]] = {}

    @property
    def preprocess(self) -> Preprocess:
        """What a model must know to prepare pictures as in training."""
        return Preprocess(self.trained_size)

    @property
    def actions(self) -> list[str]:
        """The names of the classes in all splits, sorted; none if no clip lies in a folder of its class.

        Raises `ZooError` if only some clips do, and as `find_clips`.
        """
        (place,) = self.places()
        folders = [folder for folder in place[:3] if folder.is_dir()]
        by_action = {file.action: file.path for folder in folders for file in self.find(folder).values()}
        if len(by_action) > 1 and "" in by_action:
            raise ZooError(
                f"{by_action['']}: this clip lies in no folder of a class, and others do; put all of them into such "
                "folders, or none."
            )
        return sorted(filter(None, by_action))

    def dataset(self, split: str) -> Clips:
        """Find the clips of a split, and check every one.

        Raises `ZooError` naming folders that are missing or empty and clips that cannot be read or have frames of
        several sizes, and if all are too short.
        """
        (found,) = self.split_files(split)
        lengths = check_clips(list(found.values()))
        clips = [(name, file, count) for (name, file), count in zip(found.items(), lengths, strict=True)]
        long = [clip for clip in clips if clip[2] >= self.span]
        short = [name for name, _, count in clips if count < self.span]
        needs = f"{self.frames} frames with stride {self.stride} need {self.span}"
        if short and not long and split != "val":
            raise ZooError(
                f"{self.root}: all {len(short)} clips of {split} are too short, since {needs}; lower --data.frames or "
                "--data.stride."
            )
        if short:
            names = f"{', '.join(short[:5])}{f' and {len(short) - 5} more' if len(short) > 5 else ''}"
            said = f"{self.root}: {len(short)} of {len(clips)} clips of {split} are left out, since {needs}: {names}."
            self._said[split] = " ".join(filter(None, [self._said[split], said]))
        return Clips(self, long, self.actions, split == "train")

    def find(self, folder: Path) -> dict[str, ClipFile]:
        """`find_clips`, once for each folder."""
        if folder not in self._found:
            self._found[folder] = find_clips(folder, self.strips)
        return self._found[folder]

    def places(self) -> list[Place]:
        place = Place.below(self.root, find=self.find)
        return [place if any(folder.is_dir() for folder in place[:3]) else place._replace(train=self.root, whole=True)]

    def augmentation(self, original: Sequence[int], train: bool, random: torch.Generator, file: Path) -> Augmentation:
        """The largest part at the centre of the shape of ``size``, resized to it; in training perhaps mirrored."""
        mirrored = train and self.flip and bool(torch.rand((), generator=random) < 0.5)
        return Augmentation.centred(original, extent(self.test_size, ()), mirrored)

    def distortion(self, size: Sequence[int], random: torch.Generator) -> Distortion:
        """What the frames of a training clip, of this height and width, go through after the `augmentation`."""
        return Distortion.draw(size, random, self.rotation, self.zoom or (1, 1), self.hue)
