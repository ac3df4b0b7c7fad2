"""Clips that are made frame by frame, with a memory of the frames before."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import described, find_files
from i2i_zoo.media.geometry import pad_to_stride, resize
from i2i_zoo.media.pictures import read_picture

from .base import Prediction, Task
from .clips import known_motion
from .conditions import Condition, for_each
from .kinds import Picture, PictureFile
from .translator import Translator


class InOrderTask(Task):
    """Makes ``video`` (B, T, 3, H, W) frame by frame, each from guides of it and of the ``past`` frames before.

    Guides are what says what a frame shows, as channels (B, C, H, W): labels, or a drawing of a pose or a face.  A
    subclass has the hyper-parameter ``past``, how many frames before are seen.
    """

    size_option = "size"

    @property
    def past(self) -> int:
        past: int = self.hparams.past
        return past

    @property
    @abstractmethod
    def needs_first(self) -> bool:
        """Whether the model cannot make the first frame."""

    @property
    def first_condition(self) -> Condition:
        """The condition for the frames that are given."""
        return Condition(
            "first",
            PictureFile(several=True),
            "the first frame of the clip as a picture, or the first frames, with which the result begins",
            label="First frame",
            required=self.needs_first,
        )

    @abstractmethod
    def guides(self, batch: Mapping[str, Any]) -> Iterator[Tensor]:
        """The guide (B, C, H, W) of each frame of a batch."""

    @abstractmethod
    def begin(self, first: Tensor | None, guide: Tensor) -> Any:
        """What the model remembers before a clip.

        Args:
            first: Pictures with which it begins, (B, N, 3, H, W).
            guide: That of its first frame, (B, C, H, W).
        """

    @abstractmethod
    def make(self, guides: Tensor, memory: Any, nothing_before: bool) -> tuple[Tensor, Any]:
        """The next frame (B, 3, H, W) and what is remembered after it.

        Args:
            guides: Those of the frames before and of this one, (B, past + 1, C, H, W).
            memory: What `begin` or this has returned.
            nothing_before: Whether it is the first frame.
        """

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        name, frames = type(self).__name__, batch["video"].shape[1]
        if frames <= self.past:
            raise ZooError(
                f"{name} sees past={self.past} frames before a new one, and the clips have {frames}: use --data.frames "
                f"{self.past + 1} or more."
            )

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """The clips (B, T, 3, H, W); a model that cannot make the first frame gets ``past`` of them."""
        making = ClipInMaking(self, batch["video"][:, : self.past].to(self.dtype) if self.needs_first else None)
        return torch.stack([making.next(guide) for guide in self.guides(batch)], 1)


class ClipToClipTask(InOrderTask):
    """A clip of label maps or of curves, the first key of a batch, to ``video`` (B, T, 3, H, W).

    Where the model cannot make the first frames, it is given those of the real clip.
    """

    @property
    def predict_keys(self) -> tuple[str, ...]:
        return self.batch_keys if self.needs_first else self.batch_keys[:1]

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output``; callbacks measure it and show it."""
        return {**batch, "output": self.predict_step(batch, batch_idx)}

    test_step = validation_step

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """``output`` and ``target`` of the frames that were made, as pictures, and ``label`` if there are label maps;
        with the frame before them the clips ``clip`` and ``real_clip``, with ``flow`` and ``seen`` if they are known.
        """
        given = self.past if self.needs_first else 0
        labels = {"label": outputs["label"]} if "label" in outputs else {}
        clips = {"output": outputs["output"], "target": outputs["video"], **labels}
        frames = {name: clip[:, given:].flatten(0, 1) for name, clip in clips.items()}
        whole = {"clip": outputs["output"], "real_clip": outputs["video"], **known_motion(outputs)}
        return frames | {name: clip[:, max(given - 1, 0) :] for name, clip in whole.items()}

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], outputs)


class ClipInMaking:
    """A clip in the making: what is seen of the past, and how many frames there were.

    Args:
        task: The model.
        first: Pictures with which the clip begins, (B, N, 3, H, W), or None to make the first frame too.
    """

    def __init__(self, task: InOrderTask, first: Tensor | None = None) -> None:
        self.task, self.first = task, first
        self.count = 0
        self.guides: list[Tensor] = []
        self.memory: Any = None

    def next(self, guide: Tensor) -> Tensor:
        """The next frame (B, 3, H, W) of a guide (B, C, H, W); those of `first` are returned as they are.

        If it fails, nothing of it is remembered.
        """
        task, guide = self.task, guide.to(self.task.dtype)
        if not self.count:  # what comes before the clip looks like its beginning
            self.guides = [guide] * task.past
            self.memory = task.begin(self.first, guide)
        guides = [*self.guides, guide]
        given = 0 if self.first is None else self.first.shape[1]
        if self.count < given:
            assert self.first is not None
            frame = self.first[:, self.count]
        else:
            nothing_before = self.count == 0
            frame, self.memory = task.make(torch.stack(guides, 1), self.memory, nothing_before)
        self.guides = guides[1:]
        self.count += 1
        return frame


class InOrderTranslator(Translator):
    """The sources of a clip, one after the other, to its frames; it remembers those before.

    A subclass gives `stream` one guide after the other.

    Args:
        task: A model of `InOrderTask`.
        first: Pictures with which every clip begins.
        **engine: See `Translator`.
    """

    in_order = True
    task: InOrderTask

    def __init__(self, task: Any, first: Picture | Sequence[Picture] | None = None, **engine: Any) -> None:
        super().__init__(task, **engine)
        pictures = [] if first is None else list(first) if isinstance(first, (list, tuple)) else [first]
        if len(pictures) > task.past:
            raise ZooError(f"{len(pictures)} first frames were given, and the model sees {task.past} before a new one.")
        self.first = [read_picture(picture) for picture in pictures]
        self.begin()

    def begin(self) -> None:
        """Begin a new clip."""
        self.stream: ClipInMaking | None = None

    def started(self, size: Sequence[int]) -> ClipInMaking:
        """The clip in the making, of frames of this height and width; a new one if none is begun."""
        if self.stream is None:
            self.stream = ClipInMaking(self.task, self.first_frames(size))
        return self.stream

    def first_frames(self, size: Sequence[int]) -> Tensor | None:
        """The first frames (1, N, 3, H, W) of this height and width, mirrored up to the stride of the network."""
        if not self.first:
            return None
        frames = torch.stack([resize(picture, list(size)) for picture in self.first])
        frames, _, _ = pad_to_stride(frames, self.network.stride, self.network.smallest)
        return frames[None].to(self.device, self.dtype)

    def translate(self, sources: Any, **own: Any) -> Any:
        """The frames of one clip, or of several in a tensor (B, T, ...); other arguments as of `Translator`.

        A list of sources, a tensor (T, ...) and the files in a folder, by name, are each one clip.  Beside a folder,
        conditions that each source has for itself may be folders too.
        """
        if isinstance(sources, Tensor) and sources.dim() == self.source_dims + 2:
            rows = for_each(own, len(sources))
            return torch.stack([self.translate(clip, **row) for clip, row in zip(sources, rows, strict=True)])
        self.begin()
        if is_folder(sources):
            own = {name: find_files(Path(value)) if is_folder(value) else value for name, value in own.items()}
            folder, sources = sources, find_files(Path(sources), self.source_suffixes)
            if not sources:
                raise ZooError(f"{folder}: the folder holds no {described(self.source_suffixes)}; check the path.")
        return super().translate(sources, **own)

    def translate_files(
        self,
        jobs: Mapping[Path, Path],
        batch: int = 1,
        own: Callable[[Path], dict[str, Any]] = lambda source: {},
    ) -> Iterator[tuple[Path, str | None]]:
        """As `Translator.translate_files`; the files of a folder are one clip, whose frames are made one by one.

        So none that succeeded is made again after one that failed.
        """
        for _, files in groupby(jobs.items(), lambda job: job[1].parent):
            self.begin()
            yield from super().translate_files(dict(files), 1, own)


def is_folder(value: Any) -> bool:
    """Whether this is the path of a folder."""
    return isinstance(value, (str, Path)) and Path(value).is_dir()
