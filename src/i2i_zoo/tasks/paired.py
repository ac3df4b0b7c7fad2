"""Pictures to pictures, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from i2i_zoo.errors import ZooError
from i2i_zoo.media.colours import lab_to_rgb, rgb_to_lab
from i2i_zoo.media.geometry import pad_to_stride, resize
from i2i_zoo.media.labels import palette_colours
from i2i_zoo.media.memory import need_memory
from i2i_zoo.media.pictures import read_picture, to_pil

from .base import Task
from .memory import peak_bytes
from .preprocess import is_size
from .tiles import Tiles

Picture = str | Path | Image.Image | np.ndarray | Tensor


class PairedTask(Task):
    """``source`` (B, C, H, W) to ``target`` (B, D, H, W), float in [-1, 1], pixel by pixel.

    A mixin for a LightningModule that has ``translator``, ``preprocess`` and the hyper-parameters ``in_channels`` and
    ``out_channels``.
    """

    batch_keys: tuple[str, ...] = ("source", "target")

    def random_batch(self: Any, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """A training batch of noise in [-1, 1], for what looks at shapes and times alone."""
        channels = {"source": self.hparams.get("in_channels", 3), "target": self.hparams.get("out_channels", 3)}
        return {key: torch.rand(batch, channels[key], height, width) * 2 - 1 for key in self.batch_keys}

    def forward_inputs(self: Any, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """Noise for the arguments that ``forward`` needs, by name."""
        return {"source": self.random_batch(batch, height, width)["source"]}

    def apply_padded(self: Any, source: Tensor, tiles: Tiles | None = None) -> Tensor:
        """``forward`` for any height and width: reflected up to the network's stride, and cropped back."""
        height, width = source.shape[-2:]
        padded, top, left = pad_to_stride(source, self.translator.stride, self.translator.smallest)
        output = self(padded) if tiles is None else tiles.apply(self, padded)
        return output[..., top : top + height, left : left + width]

    @torch.inference_mode()
    def translate(
        self: Any,
        pictures: Picture | Sequence[Picture],
        *,
        size: int | tuple[int, int] | None = None,
        tile: int | None = None,
    ) -> Any:
        """Translate pictures.

        A result has its picture's size.  A model that was trained at one size (``size`` of `preprocess`) works at that
        size and the result is scaled back; another works at the picture's own, mirrored up to the network's stride and
        cropped back.  A tensor is taken as it is, never scaled.

        Args:
            pictures: One picture or a list: a path, a PIL image, an array (H, W) or (H, W, C) of uint8, uint16 or
                floats in [0, 1], or a tensor (C, H, W) or (B, C, H, W) of floats in [-1, 1].
            size: Work at this size instead, (height, width) or one number for both; the result has it too.
            tile: Work in overlapping tiles of at most this many pixels a side: the result of the whole, but for
                rounding, in the memory of a tile.  At ``size`` or the picture's own size, also for a model that was
                trained at one.  For residual generators without norm, or with batch norm by running statistics, whose
                pixels depend on a neighbourhood alone.

        Returns:
            A PIL image for each picture, a tensor in [-1, 1] for each tensor; a list for a list.

        Raises:
            ZooError: If a picture cannot be read or has not the channels that the model takes; if tiles would not fit
                together; before the network runs, if that takes more memory than is free.
        """
        if size is not None and not is_size(size):
            raise ZooError(f"size={size!r}: give a positive whole number, or two of them, height and width.")
        tiles = None if tile is None else Tiles.of(self.translator, tile)
        if isinstance(pictures, (list, tuple)):
            return self._translate_many(list(pictures), size, tiles)
        if isinstance(pictures, Tensor) and pictures.dim() == 4:
            return torch.stack(self._translate_many(list(pictures), size, tiles))
        return self._translate_many([pictures], size, tiles)[0]

    def _translate_many(
        self: Any, pictures: list[Picture], size: int | tuple[int, int] | None, tiles: Tiles | None
    ) -> list[Any]:
        trained = None if size or tiles else self.preprocess.get("size")
        sources = [self.read_source(picture, size) for picture in pictures]
        worked = [
            source if not trained or isinstance(picture, Tensor) else self.resize_source(source, trained)
            for picture, source in zip(pictures, sources, strict=True)
        ]
        results: list[Any] = [None] * len(pictures)
        for shape in {source.shape for source in worked}:
            indices = [i for i, source in enumerate(worked) if source.shape == shape]
            self.check_memory(len(indices), shape, tiles)
            batch = torch.stack([worked[i] for i in indices]).to(self.device, self.dtype)
            for i, output in zip(indices, self.apply_padded(batch, tiles), strict=True):
                if isinstance(pictures[i], Tensor):
                    results[i] = output
                else:
                    labels = self.preprocess.get("target_palette") is not None
                    output = resize(output, sources[i].shape[-2:], nearest=labels)
                    results[i] = to_pil(self.as_picture(output[None], sources[i][None].to(output))[0])
        return results

    def check_memory(self: Any, count: int, shape: Sequence[int], tiles: Tiles | None = None) -> None:
        """Raise `ZooError` if the network cannot hold this many sources (C, H, W), or their tiles; small ones pass."""
        channels, height, width = shape
        if tiles is not None:
            height, width = min(height, tiles.side), min(width, tiles.side)
        if count * height * width > 2**20:
            source = torch.empty(count, channels, height, width, dtype=self.dtype, device="meta")
            padded, _, _ = pad_to_stride(source, self.translator.stride, self.translator.smallest)
            many = f"{count} pictures" if count > 1 else "picture"
            remedy = "work at a smaller size" if tiles is None else "take smaller tiles"
            remedy += " or give fewer at a time" if count > 1 else ""
            what = f"{many}: the network at {width}x{height} pixels"
            need_memory(peak_bytes(self, padded), what, remedy, self.device)

    def read_source(self: Any, picture: Picture, size: int | tuple[int, int] | None = None) -> Tensor:
        """A picture as the source tensor (C, H, W) in [-1, 1] that the model was trained on, at a size or its own."""
        lab = self.preprocess.get("made_from") == "lab" and not isinstance(picture, Tensor)
        source = read_picture(
            picture, 3 if lab else self.hparams.get("in_channels", 3), palette=self.preprocess.get("source_palette")
        )
        source = rgb_to_lab(source[None])[0, :1] if lab else source
        return source if size is None else self.resize_source(source, size)

    def resize_source(self: Any, source: Tensor, size: int | Sequence[int]) -> Tensor:
        """Scale a source (C, H, W): the colours of labels are not mixed."""
        return resize(source, size, nearest=self.preprocess.get("source_palette") is not None)

    def as_picture(self: Any, image: Tensor, source: Tensor | None = None) -> Tensor:
        """A batch of targets or outputs as pictures in [-1, 1]; of a Lab model, with the lightness of ``source``."""
        if self.preprocess.get("made_from") == "lab" and source is not None:
            return lab_to_rgb(torch.cat([source, image], 1))
        return image

    def panels(self: Any, outputs: dict[str, Any]) -> list[Tensor]:
        """What to look at, side by side: source, output and target as batches (B, 1 or 3, H, W) in [-1, 1]."""
        source = outputs["source"]
        pictures = [self.as_picture(outputs[key], source) for key in ("output", "target")]
        return [p[:, :3] if p.shape[1] >= 3 else p[:, :1] for p in (self.source_picture(source), *pictures)]

    def source_picture(self: Any, source: Tensor) -> Tensor:
        """A batch of sources to look at, in [-1, 1]: label maps that have a channel for each label in their colours."""
        name = self.preprocess.get("source_palette")
        if name is None or source.shape[1] != len(palette_colours(name)):
            return source
        colours = torch.from_numpy(palette_colours(name)).to(source) / 127.5 - 1
        return colours[source.argmax(1)].movedim(-1, 1)

    def validation_step(self: Any, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output``; metrics and sample pictures are callbacks."""
        return {**batch, "output": self.apply_padded(batch["source"])}

    test_step = validation_step

    def predict_step(self: Any, batch: dict[str, Any], batch_idx: int) -> Tensor:
        return self.apply_padded(batch["source"])


class View(PairedTask, nn.Module):
    """A method of another task, with its further inputs chosen: pictures in and out.

    Args:
        method: The method.
    """

    def __init__(self, method: Any) -> None:
        nn.Module.__init__(self)
        self.method = method
        self.hparams, self.preprocess = dict(method.hparams), dict(method.preprocess)

    @property
    def translator(self) -> Any:
        return self.method.translator

    @property
    def device(self) -> torch.device:
        return self.method.device

    @property
    def dtype(self) -> torch.dtype:
        return self.method.dtype
