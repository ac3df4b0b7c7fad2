"""Pictures in the one style that a model has learned."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from i2i_zoo.media.geometry import pad_to_stride, resize_shorter
from i2i_zoo.media.pictures import read_picture

from .paired import PairedTask, Picture
from .tiles import Tiles


class OneStyleTask(PairedTask):
    """``content`` (B, 3, H, W), float in [-1, 1], to the same in the model's style.

    A mixin for a LightningModule that has ``translator``, ``preprocess`` and ``style_distances(content, output)``.
    """

    batch_keys = ("content",)

    def random_batch(self: Any, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """A training batch of noise in [-1, 1], for what looks at shapes and times alone."""
        return {"content": torch.rand(batch, 3, height, width) * 2 - 1}

    def forward_inputs(self: Any, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """Noise for the arguments that ``forward`` needs, by name."""
        return self.random_batch(batch, height, width)

    def apply_padded(self: Any, source: Tensor, tiles: Tiles | None = None) -> Tensor:
        """As of `PairedTask`, within [-1, 1]."""
        return super().apply_padded(source, tiles).clamp(-1, 1)

    def read_style(self, picture: Picture, size: int | None = None) -> Tensor:
        """A style (1, 3, h, w) in [-1, 1]; with a ``size``, its shorter side is that long.

        One that is too small for loss networks is mirrored.  Raises `ZooError` if it cannot be read.
        """
        style = read_picture(picture)
        style = style if size is None else resize_shorter(style, size)
        return pad_to_stride(style[None], 1, 16)[0]

    def panels(self: Any, outputs: dict[str, Any]) -> list[Tensor]:
        """What to look at, side by side: content and output, (B, 3, H, W) in [-1, 1]."""
        return [outputs["content"], outputs["output"]]

    def predict_step(self: Any, batch: dict[str, Any], batch_idx: int) -> Tensor:
        return self.apply_padded(batch["content"])

    def validation_step(self: Any, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output`` and its losses; their means and sample pictures are callbacks."""
        output = self.predict_step(batch, batch_idx)
        return {**batch, "output": output, **self.style_distances(batch["content"], output)}

    test_step = validation_step
