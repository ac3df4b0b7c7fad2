"""What `export` writes for a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

#: The axes of pictures (B, C, H, W) that may have any length; heights and widths must be multiples of the stride.
PICTURE_AXES = {0: "batch", 2: "rows", 3: "columns"}


#: The same of points (B, N, 3).
POINT_AXES = {0: "batch"}


@dataclass(frozen=True)
class Graph:
    """A module to trace, with its inputs.

    Args:
        module: Takes the inputs as tensors, in their order, and returns one tensor.
        inputs: Makes noise for the inputs, by name, from a batch size, a height and a width.
        stride: Heights and widths are multiples of it.
        smallest: The smallest height and width.
        point_inputs: Names of the inputs that hold points (B, N, 3).  They are in pixels, so that they stay in single
            precision, and only their batch may have any length.
        facts: What users of the graph must know, as JSON values.
    """

    module: nn.Module
    inputs: Callable[[int, int, int], dict[str, Tensor]]
    stride: int = 1
    smallest: int = 1
    point_inputs: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def axes(self, name: str) -> Mapping[int, str]:
        """The names of the axes of an input that may have any length; all but ``batch`` are counted in strides."""
        return POINT_AXES if name in self.point_inputs else PICTURE_AXES

    def cast(self, inputs: Mapping[str, Tensor], dtype: torch.dtype) -> list[Tensor]:
        """The inputs in their order, all but points in this precision."""
        return [value if name in self.point_inputs else value.to(dtype) for name, value in inputs.items()]
