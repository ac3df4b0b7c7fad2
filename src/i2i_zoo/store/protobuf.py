"""Messages of protobuf, read without their definitions."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a protobuf message: varints as integers, everything else as its bytes."""
    position = 0
    while position < len(message):
        key, position = varint(message, position)
        kind = key & 7
        if kind == VARINT:
            value, position = varint(message, position)
            yield key >> 3, value
            continue
        if kind == BYTES:
            length, position = varint(message, position)
        elif kind in (FIXED32, FIXED64):
            length = 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"unknown wire type {kind}")
        if position + length > len(message):
            raise ValueError("it is cut off")
        yield key >> 3, message[position : position + length]
        position += length


def varint(message: memoryview, position: int) -> tuple[int, int]:
    """The integer at a position, stored as seven bits in each byte, lowest first; and the position after it."""
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number has no end")


def varints(packed: memoryview) -> list[int]:
    """Integers that follow one another."""
    values, position = [], 0
    while position < len(packed):
        value, position = varint(packed, position)
        values.append(value)
    return values
