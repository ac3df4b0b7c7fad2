"""Clips of label maps as pictures, frame by frame: so methods for pictures are tested beside those for clips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from i2i_zoo.media.pictures import read_picture

from .preprocess import Preprocess

if TYPE_CHECKING:
    from .base import Task

#: What a batch of clips has to hold.
CLIP_KEYS = {"label", "video"}


def frame_by_frame(model: Task, keys: Iterable[str]) -> bool:
    """Whether a test of a model on batches with these keys translates the frames of clips one by one."""
    return model.takes_frames and set(keys) >= CLIP_KEYS


def frames_of(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The frames of a batch of clips (B, T, ...) as a batch of pictures (B * T, ...), in their order.

    ``video`` becomes ``target``, and ``label`` is the ``label_map`` of metrics too.  ``frames`` is T, and ``clips`` are
    the names of the clips.
    """
    length = batch["label"].shape[1]
    found = {key: batch[key].flatten(0, 1) for key in ("label", "instance", "flow", "seen") if key in batch}
    found |= {"target": batch["video"].flatten(0, 1), "label_map": found["label"], "frames": length}
    if "name" in batch:
        found["clips"] = batch["name"]
        found["name"] = [f"{name}_{frame:04d}" for name in batch["name"] for frame in range(length)]
    return found


def with_clips(found: Mapping[str, Any], outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a task has `measured` in the frames of clips, and these clips again: ``clip`` and ``real_clip``.

    Args:
        found: Has ``output`` and ``target`` (B * T, C, H, W).
        outputs: What the validation step returned; without ``frames`` it is of no clips, and nothing is added.
    """
    if "frames" not in outputs:
        return found
    clips = {"clip": found["output"], "real_clip": found["target"]}
    clips |= {key: outputs[key] for key in ("flow", "seen") if key in outputs}
    return {**found, **{key: value.unflatten(0, (-1, outputs["frames"])) for key, value in clips.items()}}


def one_side_has_labels(preprocess: Preprocess) -> bool:
    """Whether either the sources or the targets are label maps, in colours or in a channel for each label."""
    return bool(preprocess.source_palette) != bool(preprocess.target_palette)


def two_sides(frames: Mapping[str, Any], model: Task) -> dict[str, Any]:
    """A batch of pairs of `frames_of` clips: label maps as a method for pictures reads them, and photographs.

    Args:
        frames: The frames.
        model: Its `preprocess` says which side is label maps, and in which colours.
    """
    preprocess = model.preprocess
    palette = preprocess.source_palette or preprocess.target_palette
    maps, photos = model.channel_options
    if not preprocess.source_palette:
        maps, photos = photos, maps
    channels = model.hparams[model.channel_options[maps]]
    read = [read_picture(ids.cpu().numpy(), channels, palette=palette) for ids in frames["label"]]
    others = {key: value for key, value in frames.items() if key not in ("label", "instance", "target")}
    return {**others, photos: frames["target"], maps: torch.stack(read).to(frames["target"])}
