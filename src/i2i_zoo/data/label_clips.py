"""Sequences of label maps and their frames, with instances where the data has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from i2i_zoo.annotations import Channels, Count, Length, Positive, Seed, Side
from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import height_width
from i2i_zoo.media.flow_files import FLOW_SUFFIXES, read_flow
from i2i_zoo.media.labels import read_instances
from i2i_zoo.media.pictures import decode_picture, to_float

from .files import LABELS_CHECKED, by_folder, evenly_spaced, listed, spellings
from .semantic import Files, SemanticData
from .sequences import Sequences


class LabelClips(Sequences[Files]):
    """Items ``label`` (T, H, W) ids, ``video`` (T, 3, H, W) in [-1, 1], ``name`` and perhaps ``instance`` (T, H, W) and
    ``flow`` (T, 2, H, W), which is 0 in the first frame.

    Indexed by ``(epoch, index)``; `LabelClipData` explains the rest.
    """

    data: LabelClipData

    def __getitem__(self, item: tuple[int, int]) -> dict[str, Any]:
        data, (name, chosen, random) = self.data, self.take(item)
        frames = [decode_picture(frame["target"]) for frame in chosen]
        augmentation = data.augmentation(frames[0].shape[-2:], self.train, random, chosen[0]["target"])
        if len({frame.shape for frame in frames}) > 1:
            raise ZooError(f"{chosen[0]['target'].parent}: the frames of a sequence have one size; scale them to it.")
        read: dict[str, Any] = {"name": name}
        read["video"] = torch.stack([to_float(augmentation.picture(frame)) for frame in frames])
        read["label"] = torch.stack([augmentation.labels(data.read_label(frame["label"])) for frame in chosen])
        if "instance" in chosen[0]:
            ids = [augmentation.labels(read_instances(frame["instance"])) for frame in chosen]
            read["instance"] = torch.stack(ids)
        if data.flow is not None:
            flows = [augmentation.flow(flow_of(frame)) for frame in chosen[1:]]
            read["flow"] = torch.stack([torch.zeros(2, *read["label"].shape[1:]), *flows])
        return read


def flow_of(frame: Files) -> Tensor:
    """The flow (2, H, W) of a frame.  Raises `ZooError` if its file is broken or has another size than the frame's."""
    flow, (height, width) = read_flow(frame["flow"]), height_width(frame["target"])
    if flow.shape[1:] != (height, width):
        raise ZooError(
            f"{frame['flow']} has {flow.shape[2]}x{flow.shape[1]} pixels, and {frame['target']} has {width}x{height}: "
            "find the flow of the frames as they are."
        )
    return flow


class LabelClipData(SemanticData):
    """Sequences of label maps and frames below ``root/train``, ``root/val`` and ``root/test``, for vid2vid.

    Each split has a folder of label maps, one of frames, and perhaps one of instance maps.  In them each sequence has a
    folder, with the same names: ``train/labels/street1/0001.png`` belongs to ``train/images/street1/0001.jpg``.  Frames
    follow each other in the order of their names.  Without ``test``, the test is on ``val``.  Sequences that are too
    short are refused.

    An epoch of training has each sequence once, from a random frame on.  In validation and test, clips begin with the
    first frame of their sequence.

    The flow from each frame to the one before it may lie in another folder: ``train/flow/street1/0002.flo`` belongs to
    ``train/images/street1/0002.jpg``.  The first frame of a sequence needs none.  Files are Middlebury's ``.flo``, or
    arrays (2, H, W) or (H, W, 2) in ``.npy`` or ``.npz``, in pixels, x to the right and y down, and as large as their
    frame.  Without them batches hold no ``flow``, and the model finds it.

    Args:
        root: The dataset's folder.
        label: Folder of the label maps in each split: ids in one channel, or the colours of ``palette``.
        target: Folder of the frames in each split.
        instance: Folder of the instance maps in each split; null for none.
        flow: Folder of the flow in each split; null for none.
        labels: How many labels there are.
        palette: Name of the labels' colours, as of `SemanticData`.
        dont_care: The id that is read as the last label; null for none.
        size: Height and width that all are resized to.
        frames: Frames of an item, T.
        stride: Take every so many-th frame.
        flip: Mirror half of the training clips.
        batch_size: Clips in a batch, of each process.
        num_workers: Processes that read pictures.
        seed: Seed of order, beginnings and mirroring.
    """

    batch_keys = ("label", "video")

    def __init__(
        self,
        root: str,
        label: str = "labels",
        target: str = "images",
        instance: str | None = None,
        flow: str | None = None,
        labels: Channels = 35,
        palette: str | None = None,
        dont_care: Count | None = None,
        size: Annotated[list[Side], Length(2)] = [256, 512],  # noqa: B006
        frames: Positive = 8,
        stride: Positive = 1,
        flip: bool = True,
        batch_size: Positive = 1,
        num_workers: Count = 4,
        seed: Seed = 0,
    ) -> None:
        super().__init__(
            *(root, label, target, instance, labels, palette, dont_care, size, None, size, flip, 0.0),
            batch_size=batch_size,
            num_workers=num_workers,
            seed=seed,
        )
        if flow is not None and stride > 1:
            raise ZooError(
                f"The files of --data.flow lead one frame back, and --data.stride {stride} leaves that one out: use "
                "--data.stride 1, or leave out --data.flow."
            )
        self.flow, self.frames, self.stride = flow, frames, stride
        #: How many frames of a sequence an item reaches over.
        self.span = (frames - 1) * stride + 1

    def dataset(self, split: str) -> LabelClips:  # type: ignore[override]  # of clips, where its base has pictures
        """Find the sequences of a split, and check every file, as `SemanticData` does.

        Raises `ZooError` too for a sequence that is too short, and for flow that is missing, broken or of another size.
        At most `LABELS_CHECKED` files of flow, evenly spaced, are read here; the others are checked when they are used.
        """
        pictures = super().dataset(split)
        files_of = dict(zip(pictures.names, pictures.files, strict=True))
        clips = [(clip or split, [files_of[name] for name in names]) for clip, names in by_folder(files_of).items()]
        for name, files in clips:
            if len(files) < self.span:
                raise ZooError(
                    f"{self.root}: the sequence {name} of {split} has {len(files)} frames, and {self.frames} with "
                    f"stride {self.stride} need {self.span}; lower --data.frames, or remove it."
                )
        if self.flow is not None:
            self.add_flow(clips, self.flow)
        return LabelClips(self, clips, split == "train")

    def add_flow(self, clips: Sequence[tuple[str, list[Files]]], folder: str) -> None:
        """Find the file of flow of each frame but the first of a sequence; raises `ZooError` as `dataset`."""
        missing, found = [], []
        for _, files in clips:
            for frame in files[1:]:
                file = flow_file(frame["target"], str(self.folders["target"]), folder)
                if file is None:
                    missing.append(str(frame["target"]))
                else:
                    frame["flow"] = file
                    found.append(frame)
        if missing:
            raise ZooError(
                f"{len(missing)} frames have no flow of their name in the folder {folder} of their split: "
                f"{listed(missing)}; add {', '.join(FLOW_SUFFIXES)} files, or leave out --data.flow."
            )
        wrong = []
        for frame in evenly_spaced(found, LABELS_CHECKED):
            try:
                flow_of(frame)
            except ZooError as error:
                wrong.append(str(error).rstrip("."))
        if wrong:
            raise ZooError(f"{listed(wrong)}.")


def flow_file(frame: Path, frames: str, flows: str) -> Path | None:
    """The file of flow of a frame, or None.

    Args:
        frame: The frame's file.
        frames: The folder of the frames in each split.
        flows: The folder of the flow.
    """
    own = Path(frames).parts
    for place in frame.parents:
        if place.parts[-len(own) :] == own:
            split = place.parents[len(own) - 1]
            names = spellings(str(frame.relative_to(place).with_suffix("")))
            candidates = [split / flows / f"{name}{suffix}" for name in names for suffix in FLOW_SUFFIXES]
            return next((file for file in candidates if file.is_file()), None)
    return None
