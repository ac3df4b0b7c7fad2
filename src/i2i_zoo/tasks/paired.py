"""Pictures to pictures, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.colours import lab_to_rgb, rgb_to_lab
from i2i_zoo.media.geometry import resize
from i2i_zoo.media.labels import palette_colours
from i2i_zoo.media.pictures import read_picture

from .base import Prediction, Task
from .conditions import SIZE, TILE, Condition
from .frames import one_side_has_labels, two_sides, with_clips
from .graph import Graph
from .preprocess import PairedPreprocess, Preprocess
from .translator import Translator


class PictureTranslator(Translator):
    """Pictures to pictures.  Sources and outputs may be label maps in colours.

    Args:
        task: A model with ``forward(source, **options)``.
        channels: The number of channels of sources and of outputs.
        options: Further arguments of ``forward``.
        **engine: See `Translator`.
    """

    def __init__(
        self, task: Task, channels: tuple[int, int], options: Mapping[str, Any] | None = None, **engine: Any
    ) -> None:
        super().__init__(task, **engine)
        self.in_channels, self.out_channels = channels
        self.options = dict(options or {})
        self.preprocess = task.preprocess_for(self.direction)

    @property
    def from_lightness(self) -> bool:
        """Whether sources are the lightness of photographs and outputs are their colours."""
        return isinstance(self.preprocess, PairedPreprocess) and self.preprocess.made_from == "lab"

    def forward(self, source: Tensor) -> Tensor:
        output: Tensor = self.task(source, **self.options)
        return output

    def read_values(self, source: Any, **own: Any) -> Tensor:
        if self.from_lightness and not isinstance(source, Tensor):
            return rgb_to_lab(read_picture(source)[None])[0, :1]
        return read_picture(source, self.in_channels, palette=self.preprocess.source_palette)

    def resize_source(self, values: Tensor, size: int | Sequence[int]) -> Tensor:
        """Scale a source (C, H, W); colours of labels are never mixed."""
        return resize(values, size, nearest=self.preprocess.source_palette is not None)

    def show_source(self, values: Tensor) -> Tensor:
        return in_colours(values, self.preprocess.source_palette)

    def finish(self, output: Tensor, values: Tensor) -> Tensor:
        output = resize(output, values.shape[-2:], nearest=self.preprocess.target_palette is not None)
        return with_lightness(output[None], values[None].to(output), self.preprocess)[0]


class PairedTask(Task):
    """``source`` (B, C, H, W) to ``target`` (B, D, H, W), float in [-1, 1].

    A subclass has the hyper-parameters ``in_channels`` and ``out_channels``.
    """

    batch_keys = ("source", "target")
    data_class = "PairedData"
    channel_options: ClassVar[Mapping[str, str]] = {"source": "in_channels", "target": "out_channels"}
    aligned = True
    default_metrics = ("psnr", "ssim", "l1")
    preprocess_type: ClassVar[type[Preprocess]] = PairedPreprocess
    preprocess: PairedPreprocess

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (SIZE, TILE)

    def make_translator(self, **chosen: Any) -> PictureTranslator:
        return PictureTranslator(self, (self.hparams.in_channels, self.hparams.out_channels), **chosen)

    @property
    def takes_frames(self) -> bool:
        return one_side_has_labels(self.preprocess)

    def pictures_of(self, frames: dict[str, Any]) -> dict[str, Any]:
        return two_sides(frames, self)

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        channels = {"source": self.hparams.in_channels, "target": self.hparams.out_channels}
        return {key: noise(batch, count, height, width) for key, count in channels.items()}

    def graph(self, **conditions: Any) -> Graph:
        return picture_graph(self.make_translator(**self.checked(conditions)))

    def metrics_for(self, direction: str = "") -> tuple[str, ...]:
        """The default metrics; if targets are label maps, also how well outputs agree with the labels."""
        return (*self.default_metrics, *(["label_score"] if self.preprocess.target_palette else []))

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        return self.translator().run(batch["source"])

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output``; callbacks measure it and show pictures."""
        return {**batch, "output": self.predict_step(batch, batch_idx)}

    test_step = validation_step

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """``source``, ``output`` and ``target`` as pictures, and ``label`` if there are label maps."""
        source = outputs["source"]
        pictures = {key: with_lightness(outputs[key], source, self.preprocess) for key in ("output", "target")}
        labels = {"label": outputs["label_map"]} if "label_map" in outputs else {}
        return with_clips({"source": source, **pictures, **labels}, outputs)

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Source, output and target."""
        found = self.measured(outputs)
        source = in_colours(found["source"], self.preprocess.source_palette)
        return [visible(picture) for picture in (source, found["output"], found["target"])]

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], with_lightness(outputs, batch["source"], self.preprocess))


def noise(batch: int, channels: int, height: int, width: int) -> Tensor:
    """(B, C, H, W), uniform in [-1, 1]."""
    return torch.rand(batch, channels, height, width) * 2 - 1


def with_lightness(pictures: Tensor, source: Tensor, preprocess: Preprocess) -> Tensor:
    """A batch of targets or outputs as pictures.  If they are only colours, their source adds the lightness."""
    if isinstance(preprocess, PairedPreprocess) and preprocess.made_from == "lab":
        return lab_to_rgb(torch.cat([source, pictures], 1))
    return pictures


def in_colours(source: Tensor, palette: str | None) -> Tensor:
    """A batch of sources to look at: label maps with one channel per label become colours of the palette."""
    if palette is None or source.shape[1] != len(palette_colours(palette)):
        return source
    colours = torch.from_numpy(palette_colours(palette)).to(source) / 127.5 - 1
    return colours[source.argmax(1)].movedim(-1, 1)


def visible(pictures: Tensor) -> Tensor:
    """The first 3 channels of a batch, or the first one if it has fewer than 3."""
    return pictures[:, :3] if pictures.shape[1] >= 3 else pictures[:, :1]


def picture_graph(translator: PictureTranslator) -> Graph:
    """The graph of a translator.  Raises `ZooError` if a size or tiles are chosen."""
    if translator.size is not None or translator.tiles is not None:
        raise ZooError("An exported graph takes pictures of any size: leave out size and tile.")

    def inputs(batch: int, height: int, width: int) -> dict[str, Tensor]:
        return {"source": noise(batch, translator.in_channels, height, width)}

    return Graph(
        translator,
        inputs,
        translator.network.stride,
        translator.network.smallest,
        facts={
            **({"direction": translator.direction} if translator.direction else {}),
            "in_channels": translator.in_channels,
            "out_channels": translator.out_channels,
            "preprocess": translator.preprocess.to_json(),
        },
    )
