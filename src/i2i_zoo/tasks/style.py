"""Pictures in the style of any other picture."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.errors import ZooError
from i2i_zoo.media.colours import match_colours
from i2i_zoo.media.geometry import pad_to_stride, resize_shorter
from i2i_zoo.media.labels import map_array
from i2i_zoo.media.pictures import read_picture

from .base import Prediction, Task
from .conditions import SIZE, Condition
from .graph import Graph
from .kinds import Number, Numbers, Picture, PictureFile, Switch, Whole
from .paired import PictureTranslator, noise
from .translator import padded

#: Losses that measure a picture in a style, with their titles.
LOSSES = {"content_loss": "Content loss", "style_loss": "Style loss"}

#: Means and standard deviations of features, (B, C, 1, 1) each.
Statistics = tuple[Tensor, Tensor]

CONDITIONS = (
    Condition(
        "style",
        PictureFile(several=True),
        "a picture whose style to take; several are mixed",
        label="Style of this picture",
        required=True,
    ),
    Condition(
        "alpha",
        Number(0, 1),
        "from 0 (only the content) to 1 (the full style)",
        label="Strength of the style",
        default=1.0,
    ),
    Condition(
        "weights", Numbers(Number(0)), "how much each style counts, in the order of the styles", excludes="masks"
    ),
    Condition(
        "masks",
        PictureFile(several=True),
        "one picture for each style, white where the style goes and black elsewhere",
        flag="mask",
    ),
    Condition("preserve_colour", Switch(), "keep the content's colours", label="Keep the colours", default=False),
    Condition(
        "style_size",
        Whole(),
        "scale styles down to this shorter side in pixels; smaller values give finer strokes",
        default=512,
        none=True,
    ),
)


class StyleTranslator(PictureTranslator):
    """A model of `StyleTask` with its style chosen: contents (B, 3, H, W) in [-1, 1] to pictures of the same size.

    Args:
        task: The model.
        styles: Pictures (1, 3, h, w) in [-1, 1].
        alpha: From 0, the content as the model redraws it, to 1, the full style.
        weights: How much each style counts; their sum is 1.
        masks: Where each style goes, (1, 1, h, w) in [0, 1] each, instead of weights.  Elsewhere the content keeps its
            own style.
        preserve_colour: Give the styles the colours of each content first.
        inertia: How much the content's statistics keep of those of earlier calls, from 0 to below 1.
        **engine: See `Translator`.
    """

    task: StyleTask
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        task: StyleTask,
        styles: Sequence[Tensor],
        alpha: float,
        weights: Sequence[float],
        masks: Sequence[Tensor] | None = None,
        preserve_colour: bool = False,
        inertia: float = 0.0,
        **engine: Any,
    ) -> None:
        super().__init__(task, (3, 3), **engine)
        self.alpha, self.weights, self.inertia = alpha, weights, inertia
        self.styles = list(styles) if preserve_colour else None
        self.masks = masks
        self.remembered: Statistics | None = None
        if not preserve_colour:
            # Buffers, which follow the module to the device where its memory is counted.
            mean, std = self.statistics(styles)
            self.register_buffer("mean", mean)
            self.register_buffer("std", std)

    def statistics(self, styles: Sequence[Tensor]) -> Statistics:
        """Means and standard deviations of the styles' features, (styles, B, C, 1, 1) each."""
        found = [self.task.statistics(self.task.encoder(style)) for style in styles]
        mean, std = (torch.stack(parts) for parts in zip(*found, strict=True))
        return mean, std

    def forward(self, source: Tensor) -> Tensor:
        features = self.task.encoder(source)
        if self.styles is None:
            mean, std = self.mean, self.std
        else:
            recoloured = [
                torch.stack([match_colours(style[0], content) for content in source]) for style in self.styles
            ]
            mean, std = self.statistics(recoloured)
        styled = self.mixed(features, mean, std) if self.masks is None else self.placed(features, mean, std)
        output: Tensor = self.task.decoder(torch.lerp(features, styled, self.alpha))
        return output

    def mixed(self, features: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """The features in the weighted mean of the styles' statistics (sec. 7.3)."""
        weights = features.new_tensor(self.weights)[:, None, None, None, None]
        own = self.task.statistics(features)
        if self.inertia:
            if self.remembered is not None:
                (mean_before, std_before), (mean_now, std_now) = self.remembered, own
                own = torch.lerp(mean_now, mean_before, self.inertia), torch.lerp(std_now, std_before, self.inertia)
            self.remembered = own
        return self.task.restyle(features, own, ((weights * mean).sum(0), (weights * std).sum(0)))

    def placed(self, features: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """Each style under its mask, by the statistics of the content there; elsewhere the content (sec. 7.3)."""
        scaled = torch.stack(
            [F.interpolate(mask.to(features), features.shape[-2:], mode="area") for mask in self.masks or ()]
        )
        scaled = scaled / scaled.sum(0).clamp(min=1)  # where masks overlap, their styles are mixed
        styled = features * (1 - scaled.sum(0))
        for mask, style in zip(scaled, zip(mean, std, strict=True), strict=True):
            own = self.task.statistics(features, mask)
            styled = styled + mask * self.task.restyle(features, own, style)
        return styled

    def run(self, batch: Tensor) -> Tensor:
        """``forward`` for any height and width: the network rounds them up, and the surplus is cropped."""
        return padded(self, batch, 1, self.network.smallest).clamp(-1, 1)


class StyleTask(Task):
    """``content`` (B, 3, H, W) and ``style`` (B, 3, h, w), float in [-1, 1], to the content in that style.

    A subclass has an ``encoder`` to features, a ``decoder`` from them, and ``forward(content, style)``.
    """

    batch_keys = ("content", "style")
    data_class = "StyleData"
    default_metrics = ("content_loss", "style_loss")
    measured_losses: ClassVar[Mapping[str, str]] = LOSSES
    encoder: Any
    decoder: Any

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (*CONDITIONS, SIZE)

    @abstractmethod
    def statistics(self, features: Tensor, mask: Tensor | None = None) -> Statistics:
        """Means and standard deviations of features (B, C, h, w), or of their part under a mask (1, 1, h, w)."""

    @abstractmethod
    def restyle(self, features: Tensor, own: Statistics, style: Statistics) -> Tensor:
        """Features whose own statistics are replaced by those of a style."""

    @abstractmethod
    def style_distances(self, content: Tensor, style: Tensor, output: Tensor) -> dict[str, Tensor]:
        """The losses that measure outputs: ``content_loss`` and ``style_loss``."""

    @torch.inference_mode()
    def make_translator(
        self,
        style: Picture | Sequence[Picture],
        alpha: float = 1.0,
        weights: Sequence[float] | None = None,
        masks: Picture | Sequence[Picture] | None = None,
        preserve_colour: bool = False,
        style_size: int | None = 512,
        inertia: float = 0.0,
        size: int | Sequence[int] | None = None,
    ) -> StyleTranslator:
        """This model with its styles, which are encoded only once."""
        styles, places = as_list(style), None if masks is None else as_list(masks)
        for name, values in (("weights", weights), ("masks", places)):
            if values is not None and len(values) != len(styles):
                raise ZooError(f"{len(styles)} styles and {len(values)} {name} were given; give one each.")
        weights = [1.0] * len(styles) if weights is None else weights
        if not 0 < sum(weights) < float("inf"):
            raise ZooError(f"weights={list(weights)}: give numbers that are not all 0.")
        return StyleTranslator(
            self,
            [self.read_style(picture, style_size) for picture in styles],
            alpha,
            [weight / sum(weights) for weight in weights],
            None if places is None else [read_mask(mask) for mask in places],
            preserve_colour,
            inertia,
            size=size,
        )

    def translate_frames(
        self,
        frames: Iterable[Picture],
        style: Picture | Sequence[Picture],
        *,
        inertia: float = 0.9,
        alpha: float = 1.0,
        weights: Sequence[float] | None = None,
        style_size: int | None = 512,
    ) -> Iterator[Any]:
        """Translate the frames of a video in order; the style is encoded only once.

        Args:
            frames: Pictures of equal size.
            style: See `conditions`.
            inertia: How much the content's statistics keep of those of earlier frames, from 0 to below 1.  A larger
                value flickers less, but follows a cut more slowly.
            alpha: See `conditions`.
            weights: See `conditions`.
            style_size: See `conditions`.

        Raises:
            ZooError: As `translate`.
        """
        if not 0 <= inertia < 1:
            raise ZooError(f"inertia={inertia}: give a share from 0 to below 1.")
        chosen = self.checked({"style": style, "alpha": alpha, "weights": weights, "style_size": style_size})
        translator = self.make_translator(**chosen, inertia=inertia)
        return (translator.translate(frame) for frame in frames)

    def read_style(self, picture: Picture, size: int | None = None) -> Tensor:
        """Read a style (1, 3, h, w) in [-1, 1] for the encoder; its shorter side is at most ``size`` pixels."""
        style = read_picture(picture)
        if size is not None and size < min(style.shape[-2:]):
            style = resize_shorter(style, size)
        mirrored, _, _ = pad_to_stride(style[None], 1, self.main_network.smallest)
        return mirrored.to(self.device, self.dtype)

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        return {key: noise(batch, 3, height, width) for key in self.batch_keys}

    def graph(self, **conditions: Any) -> Graph:
        """``forward`` of a content and a style: the graph takes any style."""
        if conditions:
            raise ZooError(f"The graph takes the style as an input: leave out {', '.join(conditions)}.")
        facts = {"in_channels": 3, "out_channels": 3, "preprocess": self.preprocess.to_json()}
        return Graph(self, self.example_batch, self.main_network.stride, self.main_network.smallest, facts=facts)

    @property
    def predict_keys(self) -> tuple[str, ...]:
        return self.batch_keys

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        height, width = batch["content"].shape[-2:]
        output: Tensor = self(batch["content"], batch["style"])[..., :height, :width].clamp(-1, 1)
        return output

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output`` and the two losses; callbacks average them and show pictures."""
        output = self.predict_step(batch, batch_idx)
        return {**batch, "output": output, **self.style_distances(batch["content"], batch["style"], output)}

    test_step = validation_step

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """``output`` and the two losses."""
        return {key: outputs[key] for key in ("output", *LOSSES) if key in outputs}

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Content, style and output."""
        return [outputs["content"], outputs["style"], outputs["output"]]

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], outputs)


def as_list(pictures: Picture | Sequence[Picture]) -> list[Any]:
    """One or several pictures as a list."""
    return list(pictures) if isinstance(pictures, (list, tuple)) else [pictures]


def read_mask(mask: Picture) -> Tensor:
    """Read a mask (1, 1, h, w) in [0, 1]."""
    if isinstance(mask, Tensor):
        mask = map_array(mask)
    return (read_picture(mask, 1)[None] + 1) / 2
