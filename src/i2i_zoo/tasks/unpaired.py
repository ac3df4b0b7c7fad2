"""Pictures of one domain to pictures of another, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.geometry import pad_to_stride

from .base import Task
from .paired import Picture, View

#: From domain A to domain B, or from B to A.
Way = Literal["ab", "ba"]


class Direction(View):
    """One direction of a model of two domains, as the task of its pictures in and out.

    Args:
        method: A method of `UnpairedTask`.
        way: The direction.
        **options: Further arguments of the method's ``forward``.
    """

    def __init__(self, method: Any, way: str, **options: Any) -> None:
        super().__init__(method)
        self.way, self.options = way, options
        self.title = " to ".join(way.upper())
        channels, palettes = ("in_channels", "out_channels"), ("source_palette", "target_palette")
        if way == "ba":
            self.hparams.update(zip(channels, (method.hparams[key] for key in reversed(channels)), strict=True))
            swapped = {key: method.preprocess.get(other) for key, other in zip(palettes, palettes[::-1], strict=True)}
            self.preprocess = {k: v for k, v in {**self.preprocess, **swapped}.items() if v is not None}

    def forward(self, source: Tensor) -> Tensor:
        return self.method(source, self.way, **self.options)

    def read_padded(self, picture: Picture) -> Tensor:
        """A picture of the source's domain for ``forward``, (1, C, H, W), at the size of training if it had one."""
        source = self.read_source(picture, self.preprocess.get("size"))[None]
        padded, _, _ = pad_to_stride(source, self.translator.stride, self.translator.smallest)
        return padded.to(self.device, self.dtype)

    def judged(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Of what a validation step gave: this direction's source, output and target, and the label maps."""
        source, target = self.way[0], self.way[1]
        named = {"source": outputs[source], "output": outputs[f"fake_{target}"], "target": outputs[target]}
        return {**named, **({"label_map": outputs["label_map"]} if "label_map" in outputs else {})}


class UnpairedTask(Task):
    """``a`` (B, C, H, W) and ``b`` (B, D, H, W), float in [-1, 1], of two domains that nothing connects.

    A mixin for a LightningModule that has ``translator``, ``preprocess``, the hyper-parameters ``in_channels`` and
    ``out_channels`` of A and B, and ``forward(image, way)``.  In ``preprocess`` A is the source and B is the target.
    """

    batch_keys = ("a", "b")

    #: The directions that the model has.
    ways: tuple[str, ...] = ("ab", "ba")

    def direction(self: Any, way: str, **options: Any) -> Direction:
        """One direction of this model.  Raises `ZooError` if it has not that."""
        if way not in self.ways:
            there = " or ".join(repr(way) for way in self.ways)
            raise ZooError(f"direction={way!r}: this model has {there}; A is what its card names first.")
        return Direction(self, way, **options)

    @property
    def directions(self: Any) -> dict[str, Direction]:
        """Those that there are, by name: each is judged by itself."""
        return {way: self.direction(way) for way in self.ways}

    def random_batch(self: Any, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """A training batch of noise in [-1, 1], for what looks at shapes and times alone."""
        channels = {"a": self.hparams["in_channels"], "b": self.hparams["out_channels"]}
        return {key: torch.rand(batch, channels[key], height, width) * 2 - 1 for key in self.batch_keys}

    def forward_inputs(self: Any, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """Noise for the arguments that ``forward`` needs, by name."""
        return {"image": self.random_batch(batch, height, width)["a"]}

    def translate(
        self: Any,
        pictures: Picture | Sequence[Picture],
        *,
        direction: Way = "ab",
        size: int | tuple[int, int] | None = None,
        tile: int | None = None,
    ) -> Any:
        """Translate pictures of one domain to the other.

        Args:
            pictures: As of `PairedTask.translate`.
            direction: ``ab`` for pictures of A, ``ba`` for pictures of B.
            size: Work at this size instead, (height, width) or one number for both; the result has it too.
            tile: As of `PairedTask.translate`.

        Returns:
            A PIL image for each picture, a tensor in [-1, 1] for each tensor; a list for a list.

        Raises:
            ZooError: As `PairedTask.translate`; and for a direction that the model has not.
        """
        return self.direction(direction).translate(pictures, size=size, tile=tile)

    def validation_step(self: Any, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with ``fake_a`` and ``fake_b``; metrics and sample pictures are callbacks."""
        fakes = self.predict_step(batch, batch_idx)
        return {**batch, **{f"fake_{way[1]}": fake for way, fake in fakes.items()}}

    test_step = validation_step

    def predict_step(self: Any, batch: dict[str, Any], batch_idx: int) -> dict[str, Tensor]:
        """Each direction's translation of the batch."""
        return {way: direction.apply_padded(batch[way[0]]) for way, direction in self.directions.items()}

    def panels(self: Any, outputs: dict[str, Any]) -> list[Tensor]:
        """What to look at, side by side: source and output of each direction, (B, 1 or 3, H, W) in [-1, 1]."""
        shown = []
        for direction in self.directions.values():
            shown += direction.panels(direction.judged(outputs))[:2]
        return shown
