"""The weights in files of Keras (``.h5``), read without running any code that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2i_zoo.errors import ZooError, install

#: How an HDF5 file begins.
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def is_hdf5(path: str | PathLike[str]) -> bool:
    """Whether a file is one of HDF5; False if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_SIGNATURE)) == _SIGNATURE
    except OSError:
        return False


def read_keras(path: str | PathLike[str]) -> dict[str, Tensor]:
    """The weights that ``save`` or ``save_weights`` of Keras wrote, by layer and kind: ``conv2d_1.kernel``.

    Axes are in Keras' order.  Weights of an optimiser are left out, and so is the model's description, which may hold
    code.

    Raises `ZooError` if h5py is not installed, or if the file is damaged or holds something other than numbers.
    """
    if find_spec("h5py") is None:
        raise ZooError(f"{path} is read with h5py, which is not installed: {install('h5py')}.")
    import h5py

    tensors: dict[str, Tensor] = {}
    space = 4 * Path(path).stat().st_size  # weights hardly become smaller when they are compressed
    try:
        with h5py.File(path, "r") as file:
            for name, dataset in _datasets(file.get("model_weights", file)):
                layer, kind = name.split("/")[0], name.split("/")[-1].partition(":")[0]
                space -= dataset.nbytes
                if dataset.dtype.kind != "f" or dataset.external or dataset.is_virtual or space < 0:
                    raise ValueError(f"{name} holds no numbers of its own")
                tensors[f"{layer}.{kind}"] = torch.from_numpy(dataset[()].astype(np.float32))
    except Exception as error:  # h5py raises what HDF5 happens to raise
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ZooError(f"{path}: this is no file of Keras' weights ({why}); get it again.") from error
    if not tensors:
        raise ZooError(f"{path}: the file holds no weights of Keras; give what save or save_weights wrote.")
    return tensors


def _datasets(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The datasets below a group, with their paths.  Links to other places and files are not followed."""
    import h5py

    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.HardLink):
            item = group[name]
            if isinstance(item, h5py.Dataset):
                yield f"{prefix}{name}", item
            elif prefix.count("/") < 8:  # a group may hold itself
                yield from _datasets(item, f"{prefix}{name}/")
