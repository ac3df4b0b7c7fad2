"""What `export` writes for a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

#: The axes of pictures (B, C, H, W) that may have any length; heights and widths must be multiples of the stride.
PICTURE_AXES = {0: "batch", 2: "rows", 3: "columns"}

#: The same of inputs of one size, such as noise (B, N) and points (B, N, 3).
FIXED_AXES = {0: "batch"}


@dataclass(frozen=True)
class Graph:
    """A module to trace, with its inputs.

    Args:
        module: Takes the inputs as tensors, in their order, and returns one tensor.
        inputs: Makes noise for the inputs, by name, from a batch size, a height and a width.
        stride: Heights and widths are multiples of it.
        smallest: The smallest height and width.
        fixed_inputs: Names of the inputs of which only the batch may have any length, such as noise.
        exact_inputs: Names of the inputs that stay in single precision, such as points, which are in pixels.
        facts: What users of the graph must know, as JSON values.
    """

    module: nn.Module
    inputs: Callable[[int, int, int], dict[str, Tensor]]
    stride: int = 1
    smallest: int = 1
    fixed_inputs: tuple[str, ...] = ()
    exact_inputs: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def axes(self, name: str) -> Mapping[int, str]:
        """The names of the axes of an input that may have any length; all but ``batch`` are counted in strides."""
        return FIXED_AXES if name in self.fixed_inputs else PICTURE_AXES

    def cast(self, inputs: Mapping[str, Tensor], dtype: torch.dtype) -> list[Tensor]:
        """The inputs in their order, in this precision unless they stay in single precision."""
        return [value if name in self.exact_inputs else value.to(dtype) for name, value in inputs.items()]
