"""The examples that ship with bundled checkpoints."""

from __future__ import annotations

from pathlib import Path


def bundle(name: str) -> Path:
    """The folder of a bundled checkpoint."""
    return Path(__file__).parent / "checkpoints" / name


def example(name: str, condition: str = "") -> Path | None:
    """The example of a checkpoint, if it has one: a source of its first direction, or a file for a condition.

    It is a picture, a clip as a GIF or, for a pose, JSON.
    """
    stem = f"example-{condition}" if condition else "example"
    files = (bundle(name) / f"{stem}{suffix}" for suffix in (".png", ".gif", ".json"))
    return next(filter(Path.is_file, files), None)
