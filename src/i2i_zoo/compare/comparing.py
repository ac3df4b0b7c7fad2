"""A comparison from beginning to end."""

from __future__ import annotations

from pathlib import Path

from i2i_zoo.callbacks.history import read_history
from i2i_zoo.callbacks.loss_curves import draw_curves

from .drawing import draw_sheets
from .measure import Result, measured
from .progress import Progress
from .report import lines_of, write_table
from .rows import Comparison, Job, jobs_of
from .training import Trainings, find_place


def compare(comparison: Comparison, folder: Path) -> list[Path]:
    """Train and measure whatever has no result yet, and write the table, the sheets and the curves.

    The processes that run this on one folder share the work, on one machine or several.  A command that is started
    again continues where it stopped.

    Args:
        comparison: What to compare, checked.
        folder: Where everything goes.

    Returns:
        The written files; none in the processes of a launcher that are not its first.

    Raises:
        ZooError: If a training has failed.  The table then lacks its row.
    """
    place = find_place()
    jobs = jobs_of(comparison, folder)
    results: dict[Job, Result] = {}
    progress = Progress()

    def done(job: Job) -> None:
        results[job] = measured(job, comparison, progress)

    written: list[Path] = []
    try:
        Trainings(jobs, place, done, progress).run()
    finally:
        progress.say("")
        if results and place.rank == 0:
            written = write(comparison, jobs, results, folder)
    return written


def write(comparison: Comparison, jobs: list[Job], results: dict[Job, Result], folder: Path) -> list[Path]:
    """Write everything that the results show."""
    lines = lines_of(comparison, results)
    written = write_table(comparison, lines, folder, [job.title for job in jobs if job not in results])
    written += draw_sheets(lines, folder)
    histories = {
        row.name: [moments for job in jobs if job.row is row and (moments := read_history(job.history))]
        for row in comparison.rows
    }
    drawn = {
        name: [[(moment["step"], moment["losses"]) for moment in moments] for moments in found]
        for name, found in histories.items()
        if found
    }
    curves = folder / "curves.png"
    if draw_curves(drawn, curves):
        written.append(curves)
    return written
