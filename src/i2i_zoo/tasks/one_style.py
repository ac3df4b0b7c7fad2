"""Pictures to the same pictures in the style that the model has learned."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from torch import Tensor

from i2i_zoo.media.geometry import pad_to_stride, resize_shorter
from i2i_zoo.media.pictures import read_picture

from .base import Prediction, Task
from .conditions import SIZE, TILE, Condition
from .graph import Graph
from .kinds import Picture
from .paired import PictureTranslator, noise, picture_graph
from .style import LOSSES


class BoundedTranslator(PictureTranslator):
    """A translator that clamps the outputs of its network to [-1, 1]."""

    def run(self, batch: Tensor) -> Tensor:
        return super().run(batch).clamp(-1, 1)


class OneStyleTask(Task):
    """``content`` (B, 3, H, W), float in [-1, 1], to the same in the model's style."""

    batch_keys = ("content",)
    trains_at_any_size = True
    data_class = "StyleData"
    default_metrics = ("content_loss", "style_loss")
    measured_losses: ClassVar[Mapping[str, str]] = LOSSES

    @abstractmethod
    def style_distances(self, content: Tensor, output: Tensor) -> dict[str, Tensor]:
        """The losses that measure outputs: ``content_loss``, and ``style_loss`` if the model has a style."""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (SIZE, TILE)

    def make_translator(self, **chosen: Any) -> BoundedTranslator:
        return BoundedTranslator(self, (3, 3), **chosen)

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        return {"content": noise(batch, 3, height, width)}

    def graph(self, **conditions: Any) -> Graph:
        return picture_graph(self.make_translator(**self.checked(conditions)))

    def read_style(self, picture: Picture, size: int | None = None) -> Tensor:
        """Read a style (1, 3, h, w) in [-1, 1]; with a ``size``, its shorter side is scaled to that length.

        A picture that is too small for loss networks is mirrored at its edges.  Raises `ZooError` if it cannot be read.
        """
        style = read_picture(picture)
        style = style if size is None else resize_shorter(style, size)
        return pad_to_stride(style[None], 1, 16)[0]

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        return self.translator().run(batch["content"])

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output`` and its losses; callbacks average them and show pictures."""
        output = self.predict_step(batch, batch_idx)
        return {**batch, "output": output, **self.style_distances(batch["content"], output)}

    test_step = validation_step

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """``output`` and the losses."""
        return {key: outputs[key] for key in ("output", *LOSSES) if key in outputs}

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Content and output."""
        return [outputs["content"], outputs["output"]]

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], outputs)
