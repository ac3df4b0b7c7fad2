"""What a metric of the suite is."""

from __future__ import annotations

from os import PathLike
from typing import NamedTuple

from torchmetrics import Metric

Path = str | PathLike[str]

PAIR = ("output", "target")


class Measure(NamedTuple):
    """A metric, the keys of `Task.measured` that it needs, and its title."""

    metric: Metric
    needs: tuple[str, ...]
    title: str
