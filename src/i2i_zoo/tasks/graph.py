"""What `export` writes for a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

#: The axes of pictures (B, C, H, W) that may have any length; heights and widths must be multiples of the stride.
PICTURE_AXES = {0: "batch", 2: "rows", 3: "columns"}


@dataclass(frozen=True)
class Graph:
    """A module to trace, with its inputs.

    Args:
        module: Takes the inputs as tensors, in their order, and returns one tensor.
        inputs: Makes noise for the inputs, by name, from a batch size, a height and a width.
        stride: Heights and widths are multiples of it.
        smallest: The smallest height and width.
        axes: Names of the axes of each input that may have any length; all but ``batch`` are counted in strides.
        facts: What users of the graph must know, as JSON values.
    """

    module: nn.Module
    inputs: Callable[[int, int, int], dict[str, Tensor]]
    stride: int = 1
    smallest: int = 1
    axes: Mapping[int, str] = field(default_factory=lambda: PICTURE_AXES)
    facts: Mapping[str, Any] = field(default_factory=dict)
