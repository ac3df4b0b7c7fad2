"""Weights from Caffe's files, read without Caffe."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from os import PathLike

import numpy as np
import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .protobuf import fields, varints

# Numbers of the fields that are read, in caffe.proto.
NET_LAYER, NET_OLD_LAYER = 100, 2
LAYER_NAME, LAYER_BLOB = 1, 7
OLD_LAYER_NAME, OLD_LAYER_BLOB = 4, 6
BLOB_DATA, BLOB_SHAPE, SHAPE_DIM = 5, 7, 1
BLOB_OLD_SHAPE = (1, 2, 3, 4)


def read_caffemodel(path: str | PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a ``.caffemodel``: ``<layer>.weight`` and, where the layer has one, ``<layer>.bias``.

    Caffe lays out the weights of convolutions and transposed convolutions as PyTorch does.  Raises `ZooError` if the
    file is missing or damaged.
    """
    tensors = {}
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            view = memoryview(mapped)
            try:
                for name, blobs in _layers(view):
                    for part, blob in zip(("weight", "bias"), blobs, strict=False):
                        tensors[f"{name}.{part}"] = blob
            finally:
                view.release()
    except OSError as error:
        raise ZooError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, IndexError) as error:  # not a protobuf message, or its end is missing
        raise ZooError(f"{path} is not a whole .caffemodel file ({error}); download it again.") from error
    if not tensors:
        raise ZooError(f"{path} is not a .caffemodel file: it holds no layer with weights.")
    return tensors


def _layers(net: memoryview) -> Iterator[tuple[str, list[Tensor]]]:
    """Name and tensors of each layer of a network that has any, in the new format or the old."""
    for number, layer in fields(net):
        if number in (NET_LAYER, NET_OLD_LAYER) and isinstance(layer, memoryview):
            new = number == NET_LAYER
            name, blobs = "", []
            for part, value in fields(layer):
                if part == (LAYER_NAME if new else OLD_LAYER_NAME) and isinstance(value, memoryview):
                    name = bytes(value).decode()
                elif part == (LAYER_BLOB if new else OLD_LAYER_BLOB) and isinstance(value, memoryview):
                    blobs.append(_blob(value))
            if blobs:
                yield name, blobs


def _blob(blob: memoryview) -> Tensor:
    """One array of numbers in its shape."""
    shape, old_shape, parts = [], {}, []
    for number, value in fields(blob):
        if number == BLOB_DATA and isinstance(value, memoryview):
            parts.append(np.frombuffer(value, "<f4").astype(np.float32))  # a copy, since the file will be closed
        elif number == BLOB_SHAPE and isinstance(value, memoryview):
            for part, dims in fields(value):
                if part == SHAPE_DIM:
                    shape += [dims] if isinstance(dims, int) else varints(dims)
        elif number in BLOB_OLD_SHAPE and isinstance(value, int):
            old_shape[number] = value
    if not shape:  # biases of old files have three leading dimensions of 1
        shape = [old_shape.get(number, 1) for number in BLOB_OLD_SHAPE]
        shape = shape[3:] if shape[:3] == [1, 1, 1] else shape
    return torch.from_numpy(np.concatenate(parts) if parts else np.empty(0, np.float32)).reshape(shape)
