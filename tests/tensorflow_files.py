"""Checkpoints as TensorFlow writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor


def write_tensorflow(path: Path, variables: Mapping[str, Tensor], keys_per_block: int = 16) -> None:
    """Write float32 ``variables`` to ``path``, an ``.index`` file, and the one file of data beside it."""
    data = b""
    entries = {b"": field(1, 1)}
    for name, tensor in sorted(variables.items()):
        values = tensor.float().contiguous().numpy().tobytes()
        shape = b"".join(field(2, field(1, length)) for length in tensor.shape)
        entries[name.encode()] = field(1, 1) + field(2, shape) + field(4, len(data)) + field(5, len(values))
        data += values
    table, places = b"", {}
    keys = list(entries)
    for start in range(0, len(keys), keys_per_block):
        chosen = keys[start : start + keys_per_block]
        block = packed({key: entries[key] for key in chosen})
        places[chosen[-1]] = varint(len(table)) + varint(len(block) - 5)
        table += block
    index = packed(places)
    footer = varint(0) + varint(0) + varint(len(table)) + varint(len(index) - 5)
    path.write_bytes(table + index + footer.ljust(40, b"\0") + 0xDB4775248B80FB57.to_bytes(8, "little"))
    path.with_name(f"{path.stem}.data-00000-of-00001").write_bytes(data)


def packed(entries: Mapping[bytes, bytes]) -> bytes:
    """A block of LevelDB with one restart, not compressed, with an empty checksum."""
    block, before = b"", b""
    for key, value in entries.items():
        shared = next((i for i, (one, other) in enumerate(zip(key, before, strict=False)) if one != other), None)
        shared = min(len(key), len(before)) if shared is None else shared
        block += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return block + bytes(4) + (1).to_bytes(4, "little") + bytes(5)


def field(number: int, value: int | bytes) -> bytes:
    """A field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    rest = b""
    while value > 127:
        rest += bytes([value & 127 | 128])
        value >>= 7
    return rest + bytes([value])
