"""Clips of label maps to videos, frame by frame, with a memory of the frames before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .conditions import SIZE, Condition
from .graph import Graph
from .in_order import ClipToClipTask, InOrderTranslator
from .memory import peak_bytes
from .paired import noise
from .semantic import INSTANCE, SemanticTask, SemanticTranslator
from .translator import Source


class LabelClipTranslator(InOrderTranslator, SemanticTranslator):
    """The label maps of a clip, one after the other, to its frames; it remembers those before."""

    task: LabelClipsTask

    def begin(self) -> None:
        super().begin()
        self.extent: torch.Size | None = None

    def forward(self, source: Tensor) -> Tensor:
        """The frames (T, 3, H, W) that follow, of ids (T, 1 or 2, H, W)."""
        stream = self.started(self.extent if self.extent is not None else source.shape[-2:])
        frames = []
        for ids in source[:, None]:
            instance = ids[:, 1] if ids.shape[1] == 2 else None
            frames.append(stream.next(self.task.segmentation(ids[:, 0], instance)))
        return torch.cat(frames)

    def translate_read(self, sources: Sequence[Source]) -> list[Any]:
        """The result of each source, in their order.  Raises `ZooError` before any is made if their sizes differ."""
        for source in sources:
            size = self.at_working_size(source).shape[-2:]
            self.extent = self.extent or size
            if size != self.extent:
                raise ZooError(
                    f"{source.origin or 'label map'}: the label maps of a clip have one size, not {self.extent[1]}x"
                    f"{self.extent[0]} and {size[1]}x{size[0]}; scale them to one."
                )
        return [result for source in sources for result in super(LabelClipTranslator, self).translate_read([source])]

    def peak_memory(self, batch: Tensor) -> int:
        """Of one frame: frames are made one after the other."""
        _, _, height, width = batch.shape
        shape = (1, (self.task.past + 1) * self.task.label_channels, height, width)
        return peak_bytes(self.task, batch.new_empty(shape))


class LabelClipsTask(ClipToClipTask, SemanticTask):
    """``label`` (B, T, H, W) ids, and for some models ``instance`` (B, T, H, W) ids, to ``video`` (B, T, 3, H, W).

    A subclass has the hyper-parameters ``labels``, ``edges`` and ``past``, how many frames before are seen.
    """

    batch_keys = ("label", "video")
    data_class = "StreetClips"

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (*((INSTANCE,) if self.hparams.edges else ()), self.first_condition, SIZE)

    def make_translator(self, **chosen: Any) -> LabelClipTranslator:
        return LabelClipTranslator(self, **chosen)

    @property
    def takes_frames(self) -> bool:
        return False  # it takes the clips themselves

    def choose_style(self, label: Tensor, instance: Tensor | None, style: Any, seed: int | None) -> Tensor | None:
        return None

    def graph(self, **conditions: Any) -> Graph:
        raise ZooError(f"A {type(self).__name__} remembers the frames before, and cannot be exported yet.")

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        frames = self.past + self.hparams.get("chunk", 1)
        label = torch.randint(self.hparams.labels, (batch, frames, height, width))
        video = noise(batch * frames, 3, height, width).view(batch, frames, 3, height, width)
        return {"label": label, "video": video}

    def guides(self, batch: Mapping[str, Any]) -> Iterator[Tensor]:
        label, instance = batch["label"], batch.get("instance")
        for t in range(label.shape[1]):
            yield self.segmentation(label[:, t], None if instance is None else instance[:, t])

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Label map, output and target of the last frame."""
        return [self.show_labels(outputs["label"][:, -1]), outputs["output"][:, -1], outputs["video"][:, -1]]

    def clips(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Label maps, made and real clips."""
        label = outputs["label"]
        frames = self.show_labels(label.flatten(0, 1))
        shown = frames.reshape(*label.shape[:2], *frames.shape[1:])
        return [shown, outputs["output"], outputs["video"]]
