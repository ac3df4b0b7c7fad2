"""The examples that ship with bundled checkpoints."""

from __future__ import annotations

from pathlib import Path


def bundle(name: str) -> Path:
    """The folder of a bundled checkpoint."""
    return Path(__file__).parent / "checkpoints" / name


def example(name: str, condition: str = "") -> Path | None:
    """The example of a checkpoint, if it has one: a source of its first direction, or a picture for a condition."""
    file = bundle(name) / (f"example-{condition}.png" if condition else "example.png")
    return file if file.is_file() else None
