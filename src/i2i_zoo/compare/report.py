"""The table of a comparison, in Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from i2i_zoo.atomic import atomic_write
from i2i_zoo.callbacks.history import read_history

from .measure import Result
from .orderings import Line, Numbers, against_paper, chain, differs, ranked
from .progress import words
from .rows import Comparison, Job

#: What stands before the part of a metric that was measured on the real pictures.
REAL = "_real"


def lines_of(comparison: Comparison, results: Mapping[Job, Result]) -> list[Line]:
    """The lines of the table: for each measured row one, or one for each of its directions."""
    lines = []
    for row in comparison.rows:
        found = [(job, result) for job, result in results.items() if job.row is row]
        found.sort(key=lambda pair: row.jobs.index(pair[0].seed))
        if not found:
            continue
        job, result = found[0]
        histories = [read_history(job.history) for job, _ in found]
        seconds = [moments[-1]["seconds"] for moments in histories if moments]
        for direction, ways in result["directions"].items():
            prefix = f"{direction}_" if direction else ""
            every = [result["directions"][direction]["metrics"] for _, result in found]
            numbers = {
                name: Numbers(
                    [metrics[name]["value"] for metrics in every],
                    [metrics[name]["replicates"] for metrics in every],
                    first["title"],
                    name in result["lower_is_better"],
                )
                for name, first in every[0].items()
                if all(name in metrics for metrics in every)
            }
            real = {name.replace(REAL, "", 1): numbers.pop(name) for name in list(numbers) if REAL in name}
            lines.append(
                Line(
                    row.name + (f", {ways['title']}" if len(result["directions"]) > 1 else ""),
                    [job.seed for job, _ in found if job.seed is not None],
                    ways["preprocess"],
                    result["test_pictures"],
                    result["parameters"],
                    statistics.fmean(seconds) if seconds else None,
                    result["pictures_per_second"],
                    result["device"],
                    numbers,
                    {
                        name.removeprefix(prefix): value
                        for name, value in row.paper.items()
                        if name.removeprefix(prefix) in numbers and not other_direction(name, direction)
                    },
                    (job.folder / "pictures", direction, ways["names"]),
                    real,
                    result.get("frames", 1),
                )
            )
    return lines


def other_direction(metric: str, direction: str) -> bool:
    """Whether a metric's name belongs to another direction than this."""
    return metric.startswith(tuple({"ab_", "ba_"} - {f"{direction}_"}))


def write_table(comparison: Comparison, lines: Sequence[Line], folder: Path, missing: Sequence[str]) -> list[Path]:
    """Write ``table.md``, ``table.csv`` and ``table.json``; ``missing`` names the jobs without a result."""
    texts = {
        "table.md": markdown(comparison, lines, missing),
        "table.csv": as_csv(lines),
        "table.json": json.dumps(as_json(comparison, lines, missing), indent=1),
    }
    for name, text in texts.items():
        with atomic_write(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def metrics_in(lines: Sequence[Line]) -> dict[str, Numbers]:
    """The metrics of all lines in the order of their first appearance."""
    found: dict[str, Numbers] = {}
    for line in lines:
        found |= {name: numbers for name, numbers in line.numbers.items() if name not in found}
    return found


def markdown(comparison: Comparison, lines: Sequence[Line], missing: Sequence[str]) -> str:
    """The table with its notes: what the numbers are, and which orderings hold."""
    metrics = metrics_in(lines)
    with_paper = {name for name in metrics if any(name in line.paper for line in lines)}
    head = ["Method", "Size", "Parameters", "Training", "Pictures/s"]
    for name in metrics:
        head += [f"`{name}`", "paper"] if name in with_paper else [f"`{name}`"]
    rows = [
        [
            line.name,
            line.size,
            f"{line.parameters / 1e6:.2f} M",
            "" if line.training_seconds is None else words(line.training_seconds),
            f"{line.pictures_per_second:.3g}",
            *(cell for name in metrics for cell in cells(line, name, name in with_paper)),
        ]
        for line in lines
    ]
    for size, real in {line.size: line.real for line in reversed(lines) if line.real}.items():
        values = [[f"{real[n].mean:.4g}" if n in real else "", *([""] if n in with_paper else [])] for n in metrics]
        rows.append(["*real pictures*", size, "", "", "", *(cell for pair in values for cell in pair)])
    text = [
        f"# {comparison.title}",
        "",
        *("| " + " | ".join(row).replace("\n", " ") + " |" for row in (head, ["---"] * len(head), *rows)),
        "",
        *notes(comparison, lines, metrics, bool(with_paper)),
    ]
    if missing:
        text.append(f"- Not finished yet, and therefore not here: {', '.join(missing)}.")
    text += ["", "## Which orderings hold", "", *orderings(lines, metrics), ""]
    return "\n".join(text)


def cells(line: Line, metric: str, with_paper: bool) -> list[str]:
    """The cell of a metric, and that of the paper's number if the table has such a column."""
    ours = ""
    if metric in line.numbers:
        numbers = line.numbers[metric]
        ours = f"{numbers.mean:.4g}"
        if numbers.spread is not None:
            ours += f" ± {numbers.spread:.2g}"
        elif numbers.interval is not None:
            ours += " ({:.4g} to {:.4g})".format(*numbers.interval)
    return [ours, *([f"{line.paper[metric]:.4g}" if metric in line.paper else ""] if with_paper else [])]


def notes(comparison: Comparison, lines: Sequence[Line], metrics: Mapping[str, Numbers], paper: bool) -> list[str]:
    """What the numbers are, as items of a list."""
    counts = sorted({line.test_pictures for line in lines})
    frames = sorted({line.frames for line in lines})
    what = "pictures" if frames == [1] else f"clips, {' or '.join(map(str, frames))} frames of each"
    found = [f"- Measured on {' or '.join(map(str, counts))} test {what}."]
    found += [f"- `{name}`: {n.title}; {'lower' if n.lower else 'higher'} is better." for name, n in metrics.items()]
    seeds = {len(line.seeds) for line in lines}
    if max(seeds, default=0) > 1:
        found.append("- `a ± b`: the mean over the seeds, and their standard deviation.")
    if min(seeds, default=0) < 2:
        found.append(
            "- `a (b to c)`: a single training, with the 95 % bootstrap interval over the test pictures. It says how "
            "much the choice of pictures matters, not how another training would end."
        )
    by_size: dict[str, list[str]] = {}
    for line in lines:
        by_size.setdefault(line.size, []).append(line.name)
    if len(by_size) > 1:
        sizes = "; ".join(f"{size}: {', '.join(names)}" for size, names in by_size.items())
        found.append(f"- The methods work at different sizes, so their numbers are not strictly comparable. {sizes}.")
    devices = sorted({line.device for line in lines})
    found.append(f"- Pictures/s: one picture at a time, on {' or '.join(devices)}. Training: the time of one training.")
    if paper:
        found.append(f"- paper: {comparison.source or 'the numbers that the table file gives'}.")
    return found


def orderings(lines: Sequence[Line], metrics: Mapping[str, Numbers]) -> list[str]:
    """Which differences are beyond the noise, as items of a list."""
    single = ["Where a row has a single training, an ordering is about this training, not about its method."]
    if all(len(line.seeds) > 1 for line in lines):
        single = []
    text = [
        "The best first. `>` is a difference beyond the noise: it is larger than twice the standard deviations of both",
        "over their seeds, added up, and zero is outside its 95 % bootstrap interval over the test pictures. `≈` is a",
        "difference within the noise: the order of these two is not a finding.",
        *single,
        "",
    ]
    for name in metrics:
        if len(ranked(lines, name)) > 1:
            text.append(f"- `{name}`: {chain(lines, name)}.")
        for kind, names in against_paper(lines, name).items():
            text.append(f"  - The paper's orderings {kind}: {'; '.join(names)}.")
    return text


def as_csv(lines: Sequence[Line]) -> str:
    """A line for each line of the table: plain numbers, and an empty cell for what is not known."""
    metrics = [*metrics_in(lines)]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    facts = ["name", "seeds", "size", "test_pictures", "parameters", "training_seconds", "pictures_per_second"]
    parts = ("", "_std", "_low", "_high", "_paper")
    writer.writerow([*facts, *(name + part for name in metrics for part in parts)])
    for line in lines:
        row: list[Any] = [line.name, " ".join(map(str, line.seeds)), line.size, line.test_pictures, line.parameters]
        row += [line.training_seconds, line.pictures_per_second]
        for name in metrics:
            numbers = line.numbers.get(name)
            low, high = (numbers and numbers.interval) or (None, None)
            row += [numbers and numbers.mean, numbers and numbers.spread, low, high, line.paper.get(name)]
        writer.writerow(row)
    return file.getvalue()


def as_json(comparison: Comparison, lines: Sequence[Line], missing: Sequence[str]) -> dict[str, Any]:
    """Everything in the table, and for every pair of lines whether their order holds."""
    metrics = metrics_in(lines)
    return {
        "title": comparison.title,
        "source": comparison.source,
        "missing": list(missing),
        "rows": [
            {
                "name": line.name,
                "seeds": line.seeds,
                "preprocess": line.preprocess,
                "test_pictures": line.test_pictures,
                "parameters": line.parameters,
                "training_seconds": line.training_seconds,
                "pictures_per_second": line.pictures_per_second,
                "device": line.device,
                "metrics": {
                    name: {
                        "values": numbers.values,
                        "mean": numbers.mean,
                        "std": numbers.spread,
                        "interval": numbers.interval,
                        "paper": line.paper.get(name),
                        "title": numbers.title,
                    }
                    for name, numbers in line.numbers.items()
                },
                "real": {name: numbers.mean for name, numbers in line.real.items()},
            }
            for line in lines
        ],
        "orderings": {
            name: [
                {"better": a.name, "worse": b.name, "holds": differs(a, b, name)}
                for i, a in enumerate(best)
                for b in best[i + 1 :]
            ]
            for name in metrics
            if (best := ranked(lines, name))
        },
        "paper": {name: found for name in metrics if (found := against_paper(lines, name))},
    }
