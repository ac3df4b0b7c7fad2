"""Files of optical flow: Middlebury's ``.flo``, and NumPy's ``.npy`` and ``.npz``."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .files import read_npy

#: How the names of such files end.
FLOW_SUFFIXES = (".flo", ".npy", ".npz")

#: A ``.flo`` file begins with the number 202021.25 in 32 bit, which is this in letters; then come width and height.
_TAG, _HEADER = b"PIEH", 12

#: Middlebury's mark of a pixel whose flow is not known is larger.
_LARGEST = 1e9


def read_flow(path: Path) -> Tensor:
    """The flow (2, H, W) of a file, float32: x to the right and y down, in pixels.

    Arrays of NumPy are (2, H, W) or (H, W, 2); an ``.npz`` holds one.  Raises `ZooError` if the file is broken, holds
    something else, or does not know the flow of every pixel.
    """
    try:
        read = {".flo": _middlebury, ".npz": _only_array}.get(path.suffix.lower(), read_npy)
        array = read(path)
    except (OSError, ValueError, EOFError, BadZipFile, MemoryError) as error:
        raise ZooError(f"{path}: the flow cannot be read ({error}); write it again.") from None
    if array.ndim == 3 and array.shape[0] != 2 and array.shape[-1] == 2:
        array = array.transpose(2, 0, 1)
    if array.ndim != 3 or array.shape[0] != 2 or array.dtype.kind not in "fiu":
        raise ZooError(
            f"{path}: a flow is an array of numbers (2, height, width) or (height, width, 2), not {array.shape} of "
            f"{array.dtype}."
        )
    unknown = int((~(np.abs(array) < _LARGEST)).any(0).sum())
    if unknown:
        raise ZooError(f"{path}: the flow of {unknown} pixels is not known; fill them in, or leave the file out.")
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))


def _middlebury(path: Path) -> np.ndarray:
    """The flow (H, W, 2) of a ``.flo`` file.  Raises `ValueError` if it is none, or is cut off."""
    content = path.read_bytes()
    if content[:4] != _TAG or len(content) < _HEADER:
        raise ValueError("it does not begin as a .flo file")
    width, height = (int(side) for side in np.frombuffer(content, "<i4", 2, offset=4))
    if (needed := _HEADER + 8 * width * height) != len(content) or min(width, height) < 1:
        raise ValueError(f"it says {width}x{height} pixels, which take {needed} bytes, and has {len(content)}")
    return np.frombuffer(content, "<f4", offset=_HEADER).reshape(height, width, 2)


def _only_array(path: Path) -> np.ndarray:
    """The array of a ``.npz`` file.  Raises `ValueError` if there are several."""
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):  # a ``.npy`` file by another name
        return loaded
    with loaded:
        if len(loaded.files) != 1:
            raise ValueError(f"it holds {len(loaded.files)} arrays, not one")
        found: np.ndarray = loaded[loaded.files[0]]
        return found
