"""What runs of `fit` leave: each run has a folder ``version_<N>``, and the models and checkpoints lie in there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from i2i_zoo.errors import ZooError

from .format import CONFIG


def last_checkpoint(runs: Path) -> Path | None:
    """The newest ``last.ckpt`` of the runs in a folder, if there is one."""
    return _newest(runs.glob("version_*/checkpoints/last*.ckpt"))


def result_of(path: Path) -> Path:
    """What a run left in its folder, or the newest run in a folder of runs: the saved model, else the last checkpoint.

    Any other path is returned as it is.
    """
    if (path / CONFIG).exists():
        return path
    if config := _newest([*path.glob(f"model/{CONFIG}"), *path.glob(f"version_*/model/{CONFIG}")]):
        return config.parent
    return _newest(path.glob("checkpoints/last*.ckpt")) or last_checkpoint(path) or path


def refuse_folder_above(path: Path) -> None:
    """Raise `ZooError` if the folders of runs are one level below, as in ``runs/`` itself."""
    below = sorted({str(config.parents[1]) for config in path.glob("*/version_*/config.yaml")})
    if below:
        others = f", one of {len(below)} folders of runs in it" if len(below) > 1 else ""
        raise ZooError(f"{path} is a folder above runs: give {below[0]}{others}.")


def config_of(result: Path) -> Path | None:
    """The configuration of the run that left a model or a checkpoint (see `result_of`); None if no run did."""
    run = result.parents[1] if result.is_file() else result.resolve().parent
    config = run / "config.yaml"
    return config if config.is_file() else None


def _newest(files: Iterable[Path]) -> Path | None:
    return max(files, key=lambda file: file.stat().st_mtime, default=None)
