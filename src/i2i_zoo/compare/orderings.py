"""What repeated trainings and resampled pictures say: means, spreads, intervals, and which orderings hold."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class Numbers:
    """A metric of a line of the table.

    Args:
        values: One for each seed.
        replicates: The values on resampled pictures, for each seed; empty lists where there are none.
        title: The metric's full name.
        lower: Whether lower is better.
    """

    values: list[float]
    replicates: list[list[float]]
    title: str
    lower: bool

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float | None:
        """The standard deviation over the seeds; None with a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % bootstrap interval over the test pictures of a single training; None where there is none."""
        if len(self.values) > 1 or not self.replicates[0]:
            return None
        low, high = np.percentile(self.replicates[0], (2.5, 97.5))
        return float(low), float(high)


@dataclass
class Line:
    """A line of the table: a row, or one direction of it.

    Args:
        name: Its name in the table.
        seeds: The seeds that are measured; empty for a checkpoint.
        preprocess: How its pictures are prepared.
        test_pictures: How many were measured.
        parameters: Of the networks that translate.
        training_seconds: The mean over the seeds; None where nothing was trained here.
        pictures_per_second: Translations, one at a time.
        numbers: By metric.
        paper: The paper's numbers by metric.
        pictures: Folder, direction and names of the pictures for the sheets.
    """

    name: str
    seeds: list[int]
    preprocess: Mapping[str, Any]
    test_pictures: int
    parameters: int
    training_seconds: float | None
    pictures_per_second: float
    device: str
    numbers: dict[str, Numbers]
    paper: Mapping[str, float]
    pictures: tuple[Path, str, list[str]]
    #: Of the real pictures at this size, by metric.
    real: dict[str, Numbers] = field(default_factory=dict)
    #: How many frames each has that is measured, if the test pictures are clips.
    frames: int = 1

    @property
    def size(self) -> str:
        """The size of its pictures in words."""
        size = self.preprocess.get("size")
        return f"{size[1]}x{size[0]}" if size else "as the files"


def differs(a: Line, b: Line, metric: str) -> bool:
    """Whether the difference of two lines is beyond the noise.

    It must be larger than twice the standard deviations over their seeds together, and zero must lie outside its 95 %
    interval over resampled test pictures, the same ones for both.  Without either measure of the noise it is not.
    """
    one, two = a.numbers[metric], b.numbers[metric]
    difference = one.mean - two.mean
    spreads = [numbers.spread for numbers in (one, two) if numbers.spread is not None]
    if abs(difference) <= 2 * sum(spreads):
        return False
    if a.test_pictures != b.test_pictures or not all([*one.replicates, *two.replicates]):
        return len(spreads) == 2
    low, high = np.percentile(np.mean(one.replicates, 0) - np.mean(two.replicates, 0), (2.5, 97.5))
    return not low <= 0 <= high


def ranked(lines: Sequence[Line], metric: str) -> list[Line]:
    """The lines that have a metric, the best first."""
    found = [line for line in lines if metric in line.numbers]
    return sorted(found, key=lambda line: (1 if line.numbers[metric].lower else -1) * line.numbers[metric].mean)


def chain(lines: Sequence[Line], metric: str) -> str:
    """The ranking in one line: ``A > B ≈ C``, and the orderings of others than neighbours that are not in it."""
    best = ranked(lines, metric)
    signs = ["> " if differs(a, b, metric) else "≈ " for a, b in pairwise(best)]
    text = " ".join(sign + line.name for sign, line in zip(["", *signs], best, strict=True))
    pairs = [(i, j) for i in range(len(best)) for j in range(i + 2, len(best))]
    beyond = [
        f"{best[i].name} > {best[j].name}"
        for i, j in pairs
        # A sign > between two of a row of neighbours says it already if nothing between them is ≈.
        if "≈ " in signs[i:j] and differs(best[i], best[j], metric)
    ]
    return text + (f"; also {'; '.join(beyond)}" if beyond else "")


def against_paper(lines: Sequence[Line], metric: str) -> dict[str, list[str]]:
    """The paper's orderings by what became of them: ``found again``, ``reversed`` or ``within the noise``."""
    outcome: dict[str, list[str]] = {"found again": [], "reversed": [], "within the noise": []}
    both = [line for line in ranked(lines, metric) if metric in line.paper]
    lower = bool(both) and both[0].numbers[metric].lower
    for i, a in enumerate(both):
        for b in both[i + 1 :]:
            if a.paper[metric] == b.paper[metric]:
                continue
            first = (a.paper[metric] > b.paper[metric]) != lower  # a is the better one here
            name = f"{a.name} > {b.name}" if first else f"{b.name} > {a.name}"
            kind = "within the noise" if not differs(a, b, metric) else "found again" if first else "reversed"
            outcome[kind].append(name)
    return {kind: names for kind, names in outcome.items() if names}
