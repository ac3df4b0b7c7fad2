"""Checkpoints of TensorFlow, versions 1 and 2, read without TensorFlow.

A checkpoint is a table, ``model.ckpt-1000.index``, that says where each variable is in the files beside it,
``model.ckpt-1000.data-00000-of-00001``.  The table is one of LevelDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .protobuf import fields, varint

#: The end of a table: two places within it, filled up to 40 bytes, and these 8 bytes.
_FOOTER, _MAGIC = 48, bytes.fromhex("57fb808b247547db")
#: Behind each block of a table: its compression, which TensorFlow does not use here, and a checksum.
_UNCOMPRESSED = 0
#: Numbers of the fields that are read, in tensor_bundle.proto and tensor_shape.proto.
_SHARDS, _TYPE, _SHAPE, _SHARD, _OFFSET, _SIZE, _SLICES, _DIM, _LENGTH = 1, 1, 2, 3, 4, 5, 7, 2, 1
#: TensorFlow's numbers of the types that are read; a checkpoint's other variables are not weights.
_TYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 2: np.dtype("<f8"), 19: np.dtype("<f2")}


def is_tensorflow(path: str | PathLike[str]) -> bool:
    """Whether a name is that of a checkpoint's table."""
    return fspath(path).endswith(".index")


def read_tensorflow(path: str | PathLike[str]) -> dict[str, Tensor]:
    """The variables of floats in a checkpoint, by name, of which ``path`` is the ``.index`` file.

    Raises `ZooError` if a file is missing or damaged.
    """
    table = Path(path)
    try:
        entries = dict(_entries(memoryview(table.read_bytes())))
        header = dict(fields(entries.pop(b"")))
        count = _number(header.get(_SHARDS, 1))
        shards: dict[int, np.memmap[tuple[int], np.dtype[np.uint8]]] = {}
        tensors = {}
        for name, entry in entries.items():
            known = dict(fields(entry))
            kind = _TYPES.get(_number(known.get(_TYPE, 0)))
            if kind is None or _SLICES in known:
                continue
            shard, offset, size = (_number(known.get(field, 0)) for field in (_SHARD, _OFFSET, _SIZE))
            if shard not in shards:
                file = table.with_name(f"{table.stem}.data-{shard:05d}-of-{count:05d}")
                shards[shard] = np.memmap(file, np.uint8, "r")
            shape = [
                _number(dict(fields(_bytes(dim))).get(_LENGTH, 0))
                for field, dim in fields(_bytes(known.get(_SHAPE, memoryview(b""))))
                if field == _DIM
            ]
            data = shards[shard][offset : offset + size]
            if len(data) != size or size != prod(shape) * kind.itemsize:
                raise ValueError(f"{name.decode()} is cut off")
            # A copy: the file may go away.
            tensors[name.decode()] = torch.from_numpy(np.array(data).view(kind).reshape(shape)).float()
    except OSError as error:
        raise ZooError(
            f"Cannot read {error.filename or table} ({error.strerror or error}); a checkpoint's .index and .data files "
            "belong side by side."
        ) from error
    except (ValueError, IndexError, KeyError) as error:
        raise ZooError(f"{path} is not a whole checkpoint of TensorFlow ({error}); get its files again.") from error
    if not tensors:
        raise ZooError(f"{path} holds no variables that are floats: give the .index file of a checkpoint.")
    return tensors


def _entries(table: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """All keys and values of a table, in order."""
    footer = table[-_FOOTER:]
    if bytes(footer[-len(_MAGIC) :]) != _MAGIC:
        raise ValueError("its .index file does not end as one")
    position = 0
    for _ in range(2):  # the place of what describes the table, which is not needed
        _, position = varint(footer, position)
    for _, place in _block(table, *_place(footer[position:])):
        yield from _block(table, *_place(place))


def _place(handle: memoryview) -> tuple[int, int]:
    """Where a block begins, and its length."""
    start, position = varint(handle, 0)
    return start, varint(handle, position)[0]


def _block(table: memoryview, start: int, length: int) -> Iterator[tuple[bytes, memoryview]]:
    """Keys and values of a block.  Keys leave out what they share with the key before."""
    block = table[start : start + length]
    if len(block) < length or length < 4 or table[start + length] != _UNCOMPRESSED:
        raise ValueError("its .index file is cut off or compressed")
    restarts = int.from_bytes(block[-4:], "little")
    end, position, key = length - 4 * (restarts + 1), 0, b""
    while position < end:
        shared, position = varint(block, position)
        own, position = varint(block, position)
        size, position = varint(block, position)
        if position + own + size > end:
            raise ValueError("its .index file is damaged")
        key = key[:shared] + bytes(block[position : position + own])
        position += own
        yield key, block[position : position + size]
        position += size


def _number(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise ValueError("its .index file is damaged")
    return value


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("its .index file is damaged")
    return value
