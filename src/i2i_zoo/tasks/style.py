"""Any picture's style for the content of another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.errors import ZooError
from i2i_zoo.media.colours import match_colours
from i2i_zoo.media.geometry import pad_to_stride, resize, resize_shorter
from i2i_zoo.media.pictures import read_picture

from .base import Task
from .paired import Picture, View


class Styled(View):
    """A model of `StyleTask` with its style chosen: contents (B, 3, H, W) in [-1, 1] to pictures as large.

    Args:
        method: The model.
        styles: Pictures (1, 3, h, w) in [-1, 1].
        alpha: 0 is the content as the model redraws it, 1 the style in full.
        weights: Of the styles, which sum to 1; or none, where
        masks: say where each style goes, (1, 1, h, w) in [0, 1] each; elsewhere the content stays unstyled.
        preserve_colour: Give the styles the colours of each content first.
        inertia: The share of earlier calls' statistics in those of the content, from call to call.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        method: Any,
        styles: Sequence[Tensor],
        alpha: float,
        weights: Sequence[float] | None,
        masks: Sequence[Tensor] | None,
        preserve_colour: bool,
        inertia: float = 0.0,
    ) -> None:
        super().__init__(method)
        self.alpha, self.weights, self.inertia = alpha, weights, inertia
        self.styles = list(styles) if preserve_colour else None
        self.masks = masks
        self.remembered: tuple[Tensor, Tensor] | None = None
        if not preserve_colour:
            # Buffers, which follow the module to the device where its memory is counted.
            mean, std = self.statistics(styles)
            self.register_buffer("mean", mean)
            self.register_buffer("std", std)

    def statistics(self, styles: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Means and deviations of styles' features, (styles, B, C, 1, 1) each."""
        found = [self.method.statistics(self.method.encoder(style)) for style in styles]
        mean, std = (torch.stack(parts) for parts in zip(*found, strict=True))
        return mean, std

    def forward(self, source: Tensor) -> Tensor:
        features = self.method.encoder(source)
        if self.styles is None:
            mean, std = self.mean, self.std
        else:
            recoloured = [
                torch.stack([match_colours(style[0], content) for content in source]) for style in self.styles
            ]
            mean, std = self.statistics(recoloured)
        styled = self.mixed(features, mean, std) if self.masks is None else self.placed(features, mean, std)
        return self.method.decoder(torch.lerp(features, styled, self.alpha))

    def mixed(self, features: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """The weighted sum of the features in each style (sec. 7.3), which is that in their weighted statistics."""
        weights = features.new_tensor(self.weights)[:, None, None, None, None]
        own = self.method.statistics(features)
        if self.inertia:
            if self.remembered is not None:
                own = tuple(torch.lerp(new, old, self.inertia) for new, old in zip(own, self.remembered, strict=True))
            self.remembered = own
        return self.method.restyle(features, own, ((weights * mean).sum(0), (weights * std).sum(0)))

    def placed(self, features: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """Each style where its mask is, by the statistics of the content there; the content elsewhere (sec. 7.3)."""
        scaled = torch.stack(
            [F.interpolate(mask.to(features), features.shape[-2:], mode="area") for mask in self.masks or ()]
        )
        scaled = scaled / scaled.sum(0).clamp(min=1)  # where masks overlap, styles share the place
        styled = features * (1 - scaled.sum(0))
        for mask, style in zip(scaled, zip(mean, std, strict=True), strict=True):
            own = self.method.statistics(features, mask)
            styled = styled + mask * self.method.restyle(features, own, style)
        return styled

    def apply_padded(self, source: Tensor, tiles: Any = None) -> Tensor:
        """``forward`` for any height and width, in [-1, 1]: the encoder rounds up, and what is too many is cropped."""
        height, width = source.shape[-2:]
        padded, top, left = pad_to_stride(source, 1, self.translator.smallest)
        return self(padded)[..., top : top + height, left : left + width].clamp(-1, 1)


class StyleTask(Task):
    """``content`` (B, 3, H, W) and ``style`` (B, 3, h, w), float in [-1, 1], to the content in that style.

    A mixin for a LightningModule that has an ``encoder`` and a ``decoder`` of features, their ``statistics`` and
    ``restyle``, ``forward(content, style)`` and ``style_distances``.
    """

    batch_keys = ("content", "style")

    def random_batch(self: Any, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """A training batch of noise in [-1, 1], for what looks at shapes and times alone."""
        return {key: torch.rand(batch, 3, height, width) * 2 - 1 for key in self.batch_keys}

    def forward_inputs(self: Any, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """Noise for the arguments that ``forward`` needs, by name."""
        return self.random_batch(batch, height, width)

    def translate(
        self: Any,
        content: Picture | Sequence[Picture],
        style: Picture | Sequence[Picture],
        *,
        alpha: float = 1.0,
        weights: Sequence[float] | None = None,
        masks: Sequence[Any] | None = None,
        preserve_colour: bool = False,
        size: int | tuple[int, int] | None = None,
        style_size: int | None = 512,
    ) -> Any:
        """Give pictures the style of another picture, or of several.

        Styles are encoded once, however many contents there are, unless colours are preserved.

        Args:
            content: As of `PairedTask.translate`; of any size.
            style: A picture, or a list of pictures whose styles are mixed.  A tensor is one style, (3, h, w).
            alpha: 0 is the content as the model redraws it, 1 the style in full (eq. 14).
            weights: Of several styles; scaled to a sum of 1.  By default all alike.
            masks: Where each style goes: pictures or arrays, black 0 and white 1, one for each style, scaled to each
                content's size.  Where no mask is, the content stays unstyled; where some overlap, they share.
            preserve_colour: Keep the content's colours: each style is given them first (Gatys et al. 2016).
            size: Work at this size instead, (height, width) or one number for both; the result has it too.
            style_size: Shorter side that styles are scaled down to, as in the authors' test; None keeps theirs.  It
                decides how coarse their strokes are.

        Returns:
            A PIL image for each content, a tensor in [-1, 1] for each tensor; a list for a list.

        Raises:
            ZooError: As `PairedTask.translate`; for values out of range, and numbers of weights or masks that are not
                that of the styles.
        """
        styled = self.styled(style, alpha, weights, masks, preserve_colour, style_size)
        return styled.translate(content, size=size)

    def translate_frames(
        self: Any,
        frames: Iterable[Picture],
        style: Picture | Sequence[Picture],
        *,
        inertia: float = 0.9,
        alpha: float = 1.0,
        weights: Sequence[float] | None = None,
        style_size: int | None = 512,
    ) -> Iterator[Any]:
        """Frames of a video one by one, in a style that does not change: it is encoded once.

        Args:
            frames: Pictures as of `translate`, all of one size, as they come.
            style: As of `translate`, as are the other arguments.
            inertia: Share of the earlier frames in the statistics that the content is normalised by, from 0 to below 1;
                more of it flickers less, and follows a cut more slowly.
            alpha: As of `translate`.
            weights: As of `translate`.
            style_size: As of `translate`.

        Raises:
            ZooError: As `translate`.
        """
        if not 0 <= inertia < 1:
            raise ZooError(f"inertia={inertia}: give a share from 0 to below 1.")
        styled = self.styled(style, alpha, weights, None, False, style_size, inertia)
        return (styled.translate(frame) for frame in frames)

    @torch.inference_mode()
    def styled(
        self: Any,
        style: Picture | Sequence[Picture],
        alpha: float = 1.0,
        weights: Sequence[float] | None = None,
        masks: Sequence[Any] | None = None,
        preserve_colour: bool = False,
        style_size: int | None = 512,
        inertia: float = 0.0,
    ) -> Styled:
        """This model with a style, as `translate` and `translate_frames` explain."""
        if not 0 <= alpha <= 1:
            raise ZooError(f"alpha={alpha}: give a number from 0, the content, to 1, the style.")
        styles: list[Any] = list(style) if isinstance(style, (list, tuple)) else [style]
        if not styles:
            raise ZooError("No style was given: give a picture, or a list of pictures.")
        for what, given in (("weights", weights), ("masks", masks)):
            if given is not None and len(given) != len(styles):
                raise ZooError(f"{len(styles)} styles and {len(given)} {what} were given; give one each.")
        if weights is not None and masks is not None:
            raise ZooError(
                "Both weights and masks were given: styles are either mixed everywhere or each in its place."
            )
        weights = [1.0] * len(styles) if weights is None else [float(weight) for weight in weights]
        if not (min(weights) >= 0 and 0 < sum(weights) < float("inf")):
            raise ZooError(f"weights={weights}: give numbers from 0 on that are not all 0.")
        return Styled(
            self,
            [self.read_style(picture, style_size) for picture in styles],
            alpha,
            [weight / sum(weights) for weight in weights],
            None if masks is None else [self.read_mask(mask) for mask in masks],
            preserve_colour,
            inertia,
        )

    def read_style(self: Any, picture: Picture, size: int | None = None) -> Tensor:
        """A style (1, 3, h, w) in [-1, 1] for the encoder, its shorter side at most this long."""
        style = read_picture(picture)
        if size is not None and size < min(style.shape[-2:]):
            style = resize_shorter(style, size)
        padded, _, _ = pad_to_stride(style[None], 1, self.translator.smallest)
        return padded.to(self.device, self.dtype)

    def read_mask(self: Any, mask: Any) -> Tensor:
        """A mask (1, 1, h, w) in [0, 1]."""
        if isinstance(mask, Tensor):
            mask = mask.cpu().numpy()
        return (read_picture(np.asarray(mask, np.float32) if isinstance(mask, list) else mask, 1)[None] + 1) / 2

    def read_source(self: Any, picture: Picture, size: int | tuple[int, int] | None = None) -> Tensor:
        """A content (3, H, W) in [-1, 1], at a size or its own."""
        content = read_picture(picture)
        return content if size is None else resize(content, size)

    def source_picture(self: Any, content: Tensor) -> Tensor:
        """A batch of contents to look at."""
        return content

    def as_picture(self: Any, image: Tensor, source: Tensor | None = None) -> Tensor:
        """A batch of outputs as pictures in [-1, 1]."""
        return image

    def panels(self: Any, outputs: dict[str, Any]) -> list[Tensor]:
        """What to look at, side by side: content, style and output, (B, 3, H, W) in [-1, 1]."""
        return [outputs["content"], outputs["style"], outputs["output"]]

    def predict_step(self: Any, batch: dict[str, Any], batch_idx: int) -> Tensor:
        height, width = batch["content"].shape[-2:]
        return self(batch["content"], batch["style"])[..., :height, :width].clamp(-1, 1)

    def validation_step(self: Any, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output`` and the two losses; their means and sample pictures are callbacks."""
        output = self.predict_step(batch, batch_idx)
        return {**batch, "output": output, **self.style_distances(batch["content"], batch["style"], output)}

    test_step = validation_step
