"""Large pictures in overlapping tiles: the same result as for the whole picture, in the memory of one tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from i2i_zoo.errors import ZooError


@dataclass(frozen=True)
class Tiles:
    """Square tiles of ``side`` pixels.  Of each output, ``margin`` pixels at the edges to other tiles are dropped.

    Both are multiples of the network's stride: tiles are downsampled at the same places as the whole picture.
    """

    side: int
    margin: int

    @classmethod
    def of(cls, network: Any, tile: int) -> Tiles:
        """The tiles of at most ``tile`` pixels whose outputs join to the output for the whole picture.

        The network's ``reach`` is the number of pixels to each side that an output pixel depends on, norms aside.  A
        network without ``reach``, such as a U-Net, sees the whole picture.

        Raises:
            ZooError: If the network sees the whole picture, or more than a tile holds.
        """
        if type(tile) is not int or tile < 1:
            raise ZooError(f"tile={tile!r}: give a positive whole number.")
        if network.training:
            raise ZooError(f"tile={tile}: in train mode tiles do not fit together; call the model's eval() first.")
        if any(layer.training for layer in network.modules() if isinstance(layer, nn.Dropout)):
            raise ZooError(
                f"tile={tile}: this model uses dropout at inference, which differs from tile to tile; load it with "
                "inference_dropout=False."
            )
        reach, stride = getattr(network, "reach", None), network.stride
        norm = whole_picture_norm(network)
        if reach is None or norm is not None:
            raise ZooError(
                f"tile={tile}: a pixel of this model's result depends on the whole picture, by "
                f"{norm or 'the innermost layers of its network'}, and tiles would not fit together; translate the "
                "picture whole, at a smaller size if necessary, or train a resnet generator with norm=none, or with "
                "norm=batch and inference_norm=running."
            )
        side, margin = tile // stride * stride, -(-reach // stride) * stride
        if side < 2 * margin + stride:
            raise ZooError(
                f"tile={tile}: a pixel of this model's result depends on {reach} pixels to each side, and a tile must "
                f"hold {2 * margin + stride}; give {4 * margin} or more, about four times the work of the whole."
            )
        return cls(side, margin)

    def spans(self, length: int) -> Iterator[tuple[int, int, int]]:
        """Along a padded height or width: the start of each tile, and the start and end of the part that is kept."""
        kept = 0
        while kept < length:
            start = max(0, min(kept - self.margin, length - self.side))
            end = length if start + self.side >= length else start + self.side - self.margin
            yield start, kept, end
            kept = end

    def apply(self, forward: Callable[[Tensor], Tensor], source: Tensor) -> Tensor:
        """``forward`` of a padded batch (B, C, H, W), tile by tile: (B, D, H, W)."""
        height, width = source.shape[-2:]
        whole: Tensor | None = None
        for top, first_row, end_row in self.spans(height):
            for left, first_column, end_column in self.spans(width):
                tile = forward(source[..., top : top + self.side, left : left + self.side])
                if whole is None:
                    whole = tile.new_empty(*tile.shape[:2], height, width)
                whole[..., first_row:end_row, first_column:end_column] = tile[
                    ..., first_row - top : end_row - top, first_column - left : end_column - left
                ]
        assert whole is not None
        return whole


def whole_picture_norm(network: nn.Module) -> str | None:
    """The name of a norm that takes its statistics from the current picture; None if there is none."""
    for layer in network.modules():
        if isinstance(layer, nn.InstanceNorm2d):
            return "instance norm"
        if getattr(layer, "inference", None) == "image":  # a batch norm of the zoo
            return "batch norm with inference_norm=image"
    return None
