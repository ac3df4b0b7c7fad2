"""Clips, and single pictures, from noise."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.geometry import resize
from i2i_zoo.media.pictures import read_picture, to_pil, to_uint8

from .base import Prediction, Task
from .check import is_at_hand
from .conditions import Condition
from .graph import Graph
from .kinds import Picture, PictureFile, Whole
from .paired import noise
from .sampler import Sampler

#: How many frames a clip may have at most: at 64x64 pixels, they take half a gigabyte.
LONGEST = 10_000

#: Frames of a clip that a sheet shows.
SHOWN = 8

#: What a model takes that goes on from a picture.
FRAME = Condition(
    "frame", PictureFile(), "the first frame, which is scaled to the model's size", label="First frame", required=True
)


def shown_frames(count: int) -> list[int]:
    """The places of the frames that a sheet shows: evenly spread, from the first to the last of ``count`` frames."""
    return torch.linspace(0, count - 1, min(count, SHOWN)).round().int().tolist()


def strip(clips: Tensor) -> Tensor:
    """Clips (B, T, C, H, W) as pictures of some of their frames, side by side: (B, C, H, n W)."""
    return torch.cat(clips[:, shown_frames(clips.shape[1])].unbind(1), -1)


def known_motion(batch: Mapping[str, Any]) -> dict[str, Tensor]:
    """The flow of the frames to those before, and where these show the same, if a batch of clips has them."""
    return {key: batch[key] for key in ("flow", "seen") if key in batch}


class ClipSampler(Sampler):
    """Makes clips, each from its own noise: ``forward`` gives (B, T, 1 or 3, H, W) in [-1, 1].

    As for pictures, a seed gives the same clips for any batch size.  A subclass has ``noise`` and ``forward``.
    """

    what = "clips"
    suffix = ".webp"
    per_row = 1

    def finished(self, made: Tensor) -> list[Image.Image]:
        return [to_pil(frame) for frame in made]

    def save(self, result: Sequence[Image.Image], path: Path) -> None:
        save_clip(result, path)

    def shown(self, path: Path) -> list[Tensor]:
        """Up to `SHOWN` frames of a clip."""
        with Image.open(path) as clip:
            pictures = []
            for place in shown_frames(getattr(clip, "n_frames", 1)):
                clip.seek(place)
                pictures.append(to_uint8(read_picture(clip.convert("RGB"))))
        return pictures


class NoiseTask(Task):
    """From noise to what is like ``video`` (B, T, C, H, W) in [-1, 1].

    A subclass has the hyper-parameters ``channels``, ``size`` (height and width of a frame) and, if it makes clips,
    ``frames`` (length of the clips that it is trained on).
    """

    verb = "sample"
    batch_keys: ClassVar[tuple[str, ...]] = ("video",)
    data_class = "ClipData"
    size_option = "size"
    channel_options: ClassVar[Mapping[str, str]] = {"video": "channels"}

    @abstractmethod
    def make_sampler(self, *args: Any, **kwargs: Any) -> Sampler:
        """The sampler with these conditions, which have been checked."""

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        frames = self.hparams.get("frames", 1)
        video = noise(batch * frames, self.hparams.channels, height, width)
        return {"video": video.view(batch, frames, *video.shape[1:])}

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        self.check_clips(batch["video"])

    def check_clips(self, video: Tensor) -> None:
        """Raise `ZooError` for clips (B, T, C, H, W) of another size or length than the networks are made for."""
        name, hp = type(self).__name__, self.hparams
        frames, (height, width) = video.shape[1], video.shape[-2:]
        if not height == width == hp.size:
            raise ZooError(
                f"{name} has size={hp.size}, and the clips are {width}x{height}: give both the same, with --data.size."
            )
        if frames != hp.get("frames", frames):
            raise ZooError(
                f"{name} has frames={hp.frames}, and the clips have {frames}: use --data.frames {hp.frames}."
            )

    def places(self, batch: Mapping[str, Any]) -> range:
        """The places of a batch's outputs in the sequence whose seed is the number of the batch.

        There are as many as clips in the batch; each device has others.
        """
        first = self.global_rank * len(batch["video"])
        return range(first, first + len(batch["video"]))

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """As many clips, or pictures, as clips in the batch."""
        return self.sampler().make(self.places(batch), batch_idx)

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output``; callbacks measure it and show pictures."""
        return {**batch, "output": self.predict_step(batch, batch_idx)}

    test_step = validation_step

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], outputs)

    def graph(self, **conditions: Any) -> Graph:
        """The sampler with these conditions: noise (B, ...) to pictures or clips."""
        return self.sampler_graph(self.sampler(**conditions), lambda count: {})

    def sampler_graph(self, sampler: Sampler, others: Callable[[int], dict[str, Tensor]]) -> Graph:
        """The graph of a sampler whose ``forward`` takes noise and other inputs, made for a batch of this size."""

        def inputs(batch: int, height: int, width: int) -> dict[str, Tensor]:
            return {"noise": sampler.noises(range(batch), 0), **others(batch)}

        facts = {
            "noise": sampler.layout,
            **{name: self.hparams[name] for name in ("channels", "size")},
            "preprocess": self.preprocess.to_json(),
        }
        return Graph(sampler, inputs, fixed_inputs=("noise", *others(1)), facts=facts)


class ClipsTask(NoiseTask):
    """Clips from noise: ``sample`` returns a list of PIL images, the frames, for each clip."""

    makes = "clips"
    #: Whether a clip may have any number of frames; otherwise all have the length of the training clips.
    any_length: ClassVar[bool] = False

    @property
    def conditions(self) -> tuple[Condition, ...]:
        if not self.any_length:
            return ()
        frames: int = self.hparams.frames
        return (Condition("frames", Whole(1, LONGEST), "how many frames a clip has", label="Frames", default=frames),)

    def read_frame(self, frame: Picture) -> Tensor:
        """The condition `FRAME` as (1, channels, size, size) in [-1, 1].  Raises `ZooError` if it cannot be read."""
        return resize(read_picture(frame, self.hparams.channels), self.hparams.size)[None]

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """``output`` and ``target``, the real ones, as clips (B, T, 1 or 3, H, W), and what else the batch has."""
        return {**outputs, "target": outputs["video"], "clip": outputs["output"], "real_clip": outputs["video"]}

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Frames of made and of real clips."""
        return [strip(clips) for clips in self.clips(outputs)]

    def clips(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Made and real clips."""
        return [outputs["output"], outputs["video"]]


class ActionClipsTask(ClipsTask):
    """Clips from noise whose batches may have ``action`` (B,), the class of each clip."""

    #: The hyper-parameter that says how many classes there are.
    classes_option: ClassVar[str]
    #: The setting that needs no actions.
    without_actions: ClassVar[str]

    @property
    @abstractmethod
    def needs_actions(self) -> bool:
        """Whether training needs the actions of the clips."""

    def setup(self, stage: str) -> None:
        super().setup(stage)
        data, classes = self.trainer.datamodule, self.hparams[self.classes_option]  # type: ignore[attr-defined]
        actions = getattr(data, "actions", ())
        if stage == "fit" and self.needs_actions and len(actions) > classes:
            raise ZooError(
                f"{type(self).__name__} has {self.classes_option}={classes}, and {type(data).__name__} has "
                f"{len(actions)} actions: use --model.{self.classes_option} {len(actions)}."
            )

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        if self.needs_actions and (batch_idx == 0 or is_at_hand(batch["video"])):
            self.check_actions(batch.get("action"))

    def check_actions(self, actions: Any) -> None:
        """Raise `ZooError` if a batch has no actions (B,), or others than the model's classes."""
        name, option, classes = type(self).__name__, self.classes_option, self.hparams[self.classes_option]
        if not isinstance(actions, Tensor) or actions.dtype != torch.int64 or actions.dim() != 1:
            raise ZooError(
                f"{name} takes batches with action (B,), whole numbers: use data that have it, or "
                f"{self.without_actions}."
            )
        low, high = int(actions.min()), int(actions.max())
        if low < 0 or high >= classes:
            raise ZooError(
                f"{name} has {option}={classes}, and the clips have actions {low} to {high}: use "
                f"--model.{option} {high + 1}."
            )
