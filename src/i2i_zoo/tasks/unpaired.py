"""Pictures of one domain to pictures of another, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from torch import Tensor

from i2i_zoo.errors import ZooError

from .base import Prediction, Task
from .conditions import SIZE, TILE, Condition
from .frames import one_side_has_labels, two_sides, with_clips
from .graph import Graph
from .kinds import Choice
from .paired import PictureTranslator, in_colours, noise, picture_graph, visible
from .preprocess import Preprocess, UnpairedPreprocess


class UnpairedTask(Task):
    """``a`` (B, C, H, W) and ``b`` (B, D, H, W), float in [-1, 1], from two domains without pairs.

    A subclass has the hyper-parameters ``in_channels`` (of A) and ``out_channels`` (of B), and
    ``forward(image, direction)``.
    """

    batch_keys = ("a", "b")
    data_class = "UnpairedData"
    channel_options: ClassVar[Mapping[str, str]] = {"a": "in_channels", "b": "out_channels"}
    preprocess_type: ClassVar[type[Preprocess]] = UnpairedPreprocess
    preprocess: UnpairedPreprocess
    directions: tuple[str, ...] = ("ab", "ba")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (self.direction_condition, SIZE, TILE)

    @property
    def direction_condition(self) -> Condition:
        """The choice between the directions of this model."""
        return Condition(
            "direction",
            Choice(self.directions),
            "ab translates from domain A to B, ba from B to A; the model card describes A and B",
            default=self.directions[0],
        )

    def make_translator(self, direction: str = "", **chosen: Any) -> PictureTranslator:
        return self.translator_of(direction or self.directions[0], {}, **chosen)

    def translator_of(self, direction: str, options: Mapping[str, Any], **engine: Any) -> PictureTranslator:
        """The translator for one direction; ``options`` are further arguments of ``forward``."""
        return PictureTranslator(
            self, self.channels(direction), {"direction": direction, **options}, direction=direction, **engine
        )

    @property
    def takes_frames(self) -> bool:
        return one_side_has_labels(self.preprocess)

    def pictures_of(self, frames: dict[str, Any]) -> dict[str, Any]:
        names = {"name_b": frames["name"]} if "name" in frames else {}
        return two_sides(frames, self) | names

    def channels(self, direction: str) -> tuple[int, int]:
        """The number of channels of the sources and of the outputs."""
        a, b = self.hparams.in_channels, self.hparams.out_channels
        return (a, b) if direction == "ab" else (b, a)

    def preprocess_for(self, direction: str = "") -> UnpairedPreprocess:
        return self.preprocess.reversed() if direction == "ba" else self.preprocess

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        channels = {"a": self.hparams.in_channels, "b": self.hparams.out_channels}
        return {key: noise(batch, count, height, width) for key, count in channels.items()}

    def graph(self, **conditions: Any) -> Graph:
        """The graph of one direction, in the chosen style or else in the mean style."""
        return picture_graph(self.make_translator(**self.checked(conditions)))

    def metrics_for(self, direction: str = "") -> tuple[str, ...]:
        """Agreement with the labels if outputs are label maps; else none, since there are no pairs to compare."""
        return ("label_score",) if self.preprocess_for(direction).target_palette else ()

    @property
    def predict_keys(self) -> tuple[str, ...]:
        return tuple(direction[0] for direction in self.directions)

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Tensor]:
        """The translation of the batch in each direction."""
        return {direction: self.translator_of(direction, {}).run(batch[direction[0]]) for direction in self.directions}

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with ``fake_a`` and ``fake_b``; callbacks measure them and show pictures."""
        fakes = self.predict_step(batch, batch_idx)
        return {**batch, **{f"fake_{direction[1]}": fake for direction, fake in fakes.items()}}

    test_step = validation_step

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """The ``source``, ``output`` and ``target`` of a direction, and ``label`` if there are label maps."""
        if direction not in self.directions:
            raise ZooError(f"direction={direction!r}: this model has {self.direction_condition.kind.wanted}.")
        source, target = tuple(direction)
        labels = {"label": outputs["label_map"]} if "label_map" in outputs else {}
        pictures = {"source": outputs[source], "output": outputs[f"fake_{target}"], "target": outputs[target]}
        return with_clips({**pictures, **labels}, outputs)

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Source and output of each direction."""
        shown = []
        for direction in self.directions:
            found = self.measured(outputs, direction)
            palette = self.preprocess_for(direction).source_palette
            shown += [visible(in_colours(found["source"], palette)), visible(found["output"])]
        return shown

    def predictions(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Any]) -> Iterable[Prediction]:
        for direction, pictures in outputs.items():
            yield Prediction(direction, batch["name_b" if direction == "ba" else "name"], pictures)
