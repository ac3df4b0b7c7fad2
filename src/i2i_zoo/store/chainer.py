"""The weights in files of Chainer (``.npz``), read without running any code that they hold."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import torch
from torch import Tensor

from i2i_zoo.errors import ZooError


def is_npz(path: str | PathLike[str]) -> bool:
    """Whether a file is an archive of NumPy's arrays; False if it cannot be read."""
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # zipfile raises what its parsers happen to raise
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def read_chainer(path: str | PathLike[str]) -> dict[str, Tensor]:
    """The weights that ``save_npz`` of Chainer wrote, by layer and kind: ``conv1.W``.

    Counters, which are whole numbers, are left out.

    Raises `ZooError` if the file is damaged, holds objects, which could run code, or unpacks to far more than it is.
    """
    tensors: dict[str, Tensor] = {}
    try:
        with ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > 100 * Path(path).stat().st_size:  # new weights are not random where they are zeros or ones
            raise ValueError(f"it would unpack to {unpacked} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays:
                if (array := arrays[name]).dtype.kind == "f":
                    tensors[name.replace("/", ".")] = torch.from_numpy(array.astype(np.float32))
    except Exception as error:  # NumPy raises what its parsers happen to raise
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ZooError(f"{path}: this is no file of Chainer's weights ({why}); get it again.") from error
    if not tensors:
        raise ZooError(f"{path}: the file holds no weights of Chainer; give what save_npz wrote.")
    return tensors
