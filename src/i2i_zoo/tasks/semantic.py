"""Label maps to photographs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.geometry import resize
from i2i_zoo.media.labels import instance_edges, palette_colours, read_instances, read_labels
from i2i_zoo.media.pictures import read_picture

from .base import Prediction, Task
from .conditions import SIZE, Condition
from .frames import with_clips
from .graph import Graph
from .kinds import Picture, PictureFile, Seed
from .memory import peak_bytes
from .paired import noise
from .preprocess import Preprocess, SemanticPreprocess
from .translator import Translator

INSTANCE = Condition(
    "instance",
    PictureFile(),
    "the instance map of the label map; by default each label is one instance",
    label="Instance map",
    per_source=True,
)
SEED = Condition(
    "seed", Seed(), "draw the style at random instead", label="Or a style at random: its seed", excludes="style"
)


class SemanticTranslator(Translator):
    """Label ids (B, 1, H, W), or label ids and instance ids (B, 2, H, W), to photographs.

    Args:
        task: A model of `SemanticTask`.
        style: A style for the method's ``choose_style``, such as a photograph.
        seed: Draw a style at random with this seed.
        **engine: See `Translator`.
    """

    source_dims = 2
    task: SemanticTask

    def __init__(self, task: SemanticTask, style: Any = None, seed: int | None = None, **engine: Any) -> None:
        super().__init__(task, **engine)
        self.style, self.seed = style, seed

    def forward(self, source: Tensor) -> Tensor:
        label, instance = source[:, 0], source[:, 1] if source.shape[1] == 2 else None
        style = self.task.choose_style(label, instance, self.style, self.seed)
        output: Tensor = self.task(self.task.segmentation(label, instance).to(self.dtype), style)
        return output

    def read_values(self, source: Any, **own: Any) -> Tensor:
        """The label ids, and the instance ids if there are any: (1 or 2, H, W)."""
        preprocess = self.task.preprocess
        label = read_labels(source, self.task.hparams.labels, preprocess.source_palette, preprocess.dont_care)
        if "instance" not in own:
            return label[None]
        instance = read_instances(own["instance"])
        if instance.shape != label.shape:
            raise ZooError(
                f"The instance map has {instance.shape[1]}x{instance.shape[0]} pixels and the label map "
                f"{label.shape[1]}x{label.shape[0]}: give maps of one size."
            )
        return torch.stack([label, instance])

    def resize_source(self, values: Tensor, size: int | Sequence[int]) -> Tensor:
        """Scale maps of ids (C, H, W) to the nearest pixel."""
        return resize(values.double(), size, nearest=True).long()

    def show_source(self, values: Tensor) -> Tensor:
        return self.task.show_labels(values[:, 0])

    def peak_memory(self, batch: Tensor) -> int:
        """Measured without a style: its encoder takes less than the generator."""
        count, _, height, width = batch.shape
        return peak_bytes(self.task, batch.new_empty(count, self.task.label_channels, height, width))


class SemanticTask(Task):
    """``label`` (B, H, W) ids, and for some models ``instance`` (B, H, W) ids, to ``target`` (B, 3, H, W).

    A subclass has ``forward(segmentation, style)`` and the hyper-parameters ``labels`` (the number of labels) and
    ``edges`` (whether the model sees the boundaries of instances).
    """

    batch_keys = ("label", "target")
    data_class = "SemanticData"
    aligned = True
    default_metrics = ("psnr", "ssim", "l1")
    preprocess_type: ClassVar[type[Preprocess]] = SemanticPreprocess
    preprocess: SemanticPreprocess

    @property
    def style_condition(self) -> Condition | None:
        """The condition for the style; None for a model without styles."""
        return None

    @abstractmethod
    def choose_style(self, label: Tensor, instance: Tensor | None, style: Any, seed: int | None) -> Tensor | None:
        """The argument ``style`` of ``forward``, for label maps (B, H, W) and the chosen style or seed."""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        instance = (INSTANCE,) if self.hparams.edges or self.style_condition else ()
        return (*instance, *((self.style_condition, SEED) if self.style_condition else ()), SIZE)

    def make_translator(self, **chosen: Any) -> SemanticTranslator:
        return SemanticTranslator(self, **chosen)

    @property
    def takes_frames(self) -> bool:
        return True

    @property
    def label_channels(self) -> int:
        """Channels of the segmentation: one for each label, and one for the edges if the model sees them."""
        channels: int = self.hparams.labels + self.hparams.edges
        return channels

    def segmentation(self, label: Tensor, instance: Tensor | None = None) -> Tensor:
        """(B, label_channels, H, W): one-hot labels, then the edges of the instances if the model sees them.

        Without instances, the edges are the boundaries of the labels.  Ids must be in range, as `read_labels` checks.
        """
        batch, height, width = label.shape
        kind = label.device.type
        # Under autocast, each convolution would convert its input; so it is made in their type.
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
        channels = torch.zeros(batch, self.label_channels, height, width, device=label.device, dtype=dtype)
        channels.scatter_(1, label[:, None], 1.0)
        if self.hparams.edges:
            channels[:, -1:] = instance_edges(label if instance is None else instance)
        return channels

    def read_style(self, photo: Picture, size: int | Sequence[int]) -> Tensor:
        """Read a photograph for its style, scaled to a size: (1, 3, H, W) in [-1, 1]."""
        return resize(read_picture(photo), size)[None].to(self.device)

    def show_labels(self, label: Tensor) -> Tensor:
        """Label maps (B, H, W) in the colours of their palette, else in grey: (B, 3, H, W) in [-1, 1]."""
        name = self.preprocess.source_palette
        if name is None:
            grey: Tensor = label.float() / max(self.hparams.labels - 1, 1) * 2 - 1
            return grey[:, None].expand(-1, 3, -1, -1)
        colours = torch.from_numpy(palette_colours(name)).to(label.device) / 127.5 - 1
        return colours[label].movedim(-1, 1)

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        label = torch.randint(self.hparams.labels, (batch, height, width))
        return {"label": label, "instance": label, "target": noise(batch, 3, height, width)}

    def graph(self, **conditions: Any) -> Graph:
        """``forward`` of a segmentation (B, label_channels, H, W) in the default style."""
        if unwanted := self.checked(conditions):
            raise ZooError(f"{next(iter(unwanted))} cannot be part of an exported {type(self).__name__}: leave it out.")

        def inputs(batch: int, height: int, width: int) -> dict[str, Tensor]:
            return {"segmentation": self.segmentation(self.example_batch(batch, height, width)["label"])}

        facts = {"in_channels": self.label_channels, "out_channels": 3, "preprocess": self.preprocess.to_json()}
        return Graph(self, inputs, self.main_network.stride, self.main_network.smallest, facts=facts)

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        maps = [batch["label"], *([batch["instance"]] if "instance" in batch else [])]
        return self.translator().run(torch.stack(maps, 1))

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output``; callbacks measure it and show pictures."""
        return {**batch, "output": self.predict_step(batch, batch_idx)}

    test_step = validation_step

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """``output`` and ``target`` as pictures, and ``label`` if there are label maps."""
        labels = {"label": outputs["label_map"]} if "label_map" in outputs else {}
        return with_clips({"output": outputs["output"], "target": outputs["target"], **labels}, outputs)

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Label map, output and target."""
        return [self.show_labels(outputs["label"]), outputs["output"], outputs["target"]]

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], outputs)
