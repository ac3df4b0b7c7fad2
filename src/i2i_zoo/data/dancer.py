"""Videos of one person, with the poses in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from i2i_zoo.annotations import Count, Ge, Length, Positive, Seed, Share, Side
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.frames import Clip
from i2i_zoo.media.pictures import decode_picture, read_picture, to_float, to_pil
from i2i_zoo.media.pose_files import Poses, read_poses
from i2i_zoo.media.pose_normalisation import Stance
from i2i_zoo.store.first_use import zoo_cache
from i2i_zoo.tasks.preprocess import DancerPreprocess

from .augmentation import Augmentation
from .clip_files import ClipFile, check_clips, find_clips
from .found_poses import file_hash, found_clip_poses, found_poses
from .splits import SplitData


class Footage(NamedTuple):
    """One clip: its frames, at the size of training, and the pose (T, 18, 3) in each."""

    name: str
    files: list[Path]
    poses: Tensor


class Moments(Dataset[dict[str, Any]]):
    """Items of `DancerData`; indexed by ``(epoch, index)``, of which only the index counts.

    Args:
        footage: The clips.
        starts: Clip and first frame of each item.
        frames: Frames of an item.
    """

    def __init__(self, footage: Sequence[Footage], starts: Sequence[tuple[int, int]], frames: int) -> None:
        self.footage, self.starts, self.frames = footage, starts, frames

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        number, start = self.starts[item[1]]
        clip, chosen = self.footage[number], slice(start, start + self.frames)
        video = torch.stack([decode_picture(file) for file in clip.files[chosen]])
        return {"video": to_float(video), "pose": clip.poses[chosen], "name": f"{clip.name}_{start:06}"}


class DancerData(SplitData):
    """Videos of one person, filmed by a camera that stands still: a video, or a folder of videos or folders of frames.

    The poses are read from ``x.json`` or ``x_keypoints.json`` beside ``x.mp4``, as ``i2i-zoo data poses`` writes them,
    or else found once, by the estimator that is installed, and kept in the package's cache.  Frames are cropped at
    their centre to the shape of ``size``, resized, and kept there too.  What shows no person is left out.

    Training takes all pairs of consecutive frames.  The last part of each clip, ``val_fraction``, is held out for
    validation, which shows clips of ``shown`` frames; the test is on the same clips.  Where this part is shorter than
    that, nothing is held out.

    Batches hold ``video`` (B, T, 3, H, W) in [-1, 1] and ``pose`` (B, T, 18, 3).  The `preprocess` says where the
    person stands, for `i2i_zoo.media.pose_normalisation`.

    Args:
        root: The video or the folder.
        size: Height and width of the frames; [256, 512] is the paper's first stage, [512, 1024] its second.
        stride: Take every so many-th frame: 4 for 120 frames a second, as in the authors' samples.
        frames: Frames of an item of training; consecutive ones make pairs.
        shown: Frames of an item of validation and test.
        val_fraction: The part of each clip that is held out; 0 for no validation.
        batch_size: Items in a batch, of each process; 1 in the paper.
        num_workers: Processes that read frames.
        seed: Seed of the order.
    """

    batch_keys = ("video", "pose")
    folder_option = "root"
    if_empty = "give a longer video, raise --data.val_fraction, or lower --data.shown"

    def __init__(
        self,
        root: str,
        size: Annotated[Sequence[Side], Length(2)] = (256, 512),
        stride: Positive = 1,
        frames: Annotated[int, Ge(2)] = 2,
        shown: Annotated[int, Ge(2)] = 16,
        val_fraction: Share = 0.05,
        batch_size: Positive = 1,
        num_workers: Count = 4,
        seed: Seed = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.root, self.size, self.stride = Path(root), (size[0], size[1]), stride
        self.frames, self.shown, self.val_fraction = frames, shown, val_fraction
        self._footage: list[Footage] | None = None

    @property
    def footage(self) -> list[Footage]:
        """All clips; at the first time they are read, and their poses found.

        Raises `ZooError` if there are none, if one cannot be read, and if its poses are too few or cannot be found.
        """
        if self._footage is None:
            single = not self.root.is_dir()
            clips = {self.root.stem: ClipFile(self.root)} if single else find_clips(self.root, False)
            check_clips(list(clips.values()))
            self._footage = [self.prepared(name, file) for name, file in clips.items()]
        return self._footage

    def prepared(self, name: str, file: ClipFile) -> Footage:
        """A clip at the size of training, whose frames lie in the package's cache."""
        clip = file.open()
        poses = self.poses_of(clip, file)
        content = file_hash(*file.files or [file.path])
        height, width = self.size
        kept = zoo_cache() / "frames" / f"{content}-{width}x{height}-{self.stride}-{len(poses.points)}"
        first = next(iter(clip.frames(0, 1)))
        whole = Augmentation.centred((first.height, first.width), self.size)
        if not kept.is_dir():
            save_clip(resized_frames(clip, self.stride, whole), kept)
        points = whole.keypoints(poses.fitted((first.height, first.width))[:: self.stride])
        return Footage(name, sorted(kept.iterdir()), points)

    def poses_of(self, clip: Clip, file: ClipFile) -> Poses:
        """The poses beside a clip, or found in it."""
        beside = (file.path.with_name(f"{file.path.stem}{ending}") for ending in (".json", "_keypoints.json"))
        given = next((path for path in beside if path.is_file()), None)
        if given is None:
            return joined(map(read_poses, found_poses(file.files).values())) if file.files else found_clip_poses(clip)
        poses = read_poses(given)
        if len(poses.points) != (count := clip.count()):
            raise ZooError(
                f"{given}: it holds {len(poses.points)} poses, and {file.path} has {count} frames; write it again "
                f"(i2i-zoo data poses {file.path})."
            )
        first = next(clip.frames(0, 1))
        poses.check_size((first.height, first.width), str(given), file.path)
        return poses

    @property
    def preprocess(self) -> DancerPreprocess:
        """What a model must know: the size, and where the person stands."""
        stance = Stance.of(torch.cat([clip.poses for clip in self.footage]), str(self.root))
        return DancerPreprocess(self.size, stance.far, stance.close, stance.rows, stance.heights)

    def dataset(self, split: str) -> Moments:
        """The items of a split.  Raises `ZooError` as `footage`, and if there is nothing to train on."""
        starts = []
        frames = self.frames if split == "train" else self.shown
        for number, clip in enumerate(self.footage):
            held_out = round(self.val_fraction * len(clip.files))
            until = len(clip.files) - (held_out if held_out >= self.shown else 0)
            if split == "train":
                wanted = range(until - frames + 1)
            else:
                wanted = range(until, len(clip.files) - frames + 1, frames)
            seen = clip.poses[..., 2].amax(1) > 0
            starts += [(number, start) for start in wanted if seen[start : start + frames].all()]
        if split == "train" and not starts:
            raise ZooError(
                f"{self.root}: no {frames} consecutive frames show a person; give a longer video of the whole person."
            )
        if not starts:
            self._said[split] = (
                f"No {'validation' if split == 'val' else split}: in what --data.val_fraction {self.val_fraction:g} "
                f"holds out of {self.root}, no {frames} consecutive frames show a person."
            )
        return Moments(self.footage, starts, frames)


def joined(parts: Iterable[Poses]) -> Poses:
    """The poses of several pictures together."""
    records = [zip(part.names, part.points, part.sizes, strict=True) for part in parts]
    return Poses.join(chain.from_iterable(records))


def resized_frames(clip: Clip, stride: int, whole: Augmentation) -> Iterator[Image.Image]:
    """Every ``stride``-th frame of a clip, cropped and resized."""
    for frame in clip.frames(step=stride):
        yield to_pil(whole.picture(read_picture(frame)).clamp(-1, 1))
