"""The examples that ship with bundled checkpoints."""

from __future__ import annotations

from pathlib import Path


def bundle(name: str) -> Path:
    """The folder of a bundled checkpoint."""
    return Path(__file__).parent / "checkpoints" / name


def example_source(name: str) -> Path | None:
    """The picture to translate that ships with a checkpoint, if there is one: a source of its first direction."""
    return existing(bundle(name) / "example.png")


def example_condition(name: str, condition: str) -> Path | None:
    """The picture that ships with a checkpoint for a condition, such as a style, if there is one."""
    return existing(bundle(name) / f"example-{condition}.png")


def existing(file: Path) -> Path | None:
    return file if file.is_file() else None
