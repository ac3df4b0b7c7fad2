"""``i2i-zoo list``."""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Collection, Sequence
from typing import Any

from i2i_zoo.errors import ZooError, closest
from i2i_zoo.examples import bundle
from i2i_zoo.registry import ENTRIES, METHODS, Entry, list_models

from .parser import Parser
from .terminal import fitting

HELP = "list the checkpoints"

#: The columns that a narrow terminal shows last, the least needed first.
LEAST = ("SIZE", "LICENCE", "TASK", "WEIGHTS", "DATASET", "METHOD")


def add_arguments(command: Parser) -> None:
    command.add_argument("pattern", metavar="PATTERN", nargs="?", default="*", help="such as '*cityscapes*'")
    command.add_argument("--method", choices=sorted(METHODS))
    command.add_argument("--task", choices=sorted({entry.task for entry in ENTRIES.values()}))
    command.add_argument("--license", choices=sorted({entry.license for entry in ENTRIES.values()}))
    command.add_argument("--json", action="store_true", help="as JSON, with further facts")
    command.add_argument("--bundled", action="store_true", default=None, help="only those that need no download")


def run(args: argparse.Namespace) -> None:
    names = list_models(args.pattern, method=args.method, task=args.task, license=args.license, bundled=args.bundled)
    if args.json:
        print(json.dumps([facts(ENTRIES[name]) for name in names], indent=2))
    elif names:
        print(fitting(functools.partial(table, names), LEAST))
    if not names:
        close = closest(args.pattern.strip("*"), ENTRIES)
        hint = f"; did you mean {close}?" if close else "; leave a filter out."
        raise ZooError(f"No checkpoint matches {args.pattern}{hint}")


def facts(entry: Entry) -> dict[str, Any]:
    """What ``list --json`` says of a checkpoint; the names are those of the registry's `Entry`."""
    keys = ("name", "task", "method", "dataset", "description", "license", "origin", "weights", "bundled", "paper")
    weights = bundle(entry.name) / "model.safetensors"
    return {
        **{key: getattr(entry, key) for key in keys},
        "recipe": entry.recipe,
        "bytes": weights.stat().st_size if weights.is_file() else None,
    }


def table(names: Sequence[str], without: Collection[str]) -> str:
    """The table of these checkpoints, without some columns."""
    rows = [("NAME", "TASK", "METHOD", "DATASET", "LICENCE", "SIZE", "WEIGHTS")]
    for name in names:
        entry = ENTRIES[name]
        rows.append((name, entry.task, entry.method, entry.dataset, entry.license, size(entry), entry.weights))
    shown = [column for column in zip(*rows, strict=True) if column[0] not in without]
    padded = [[cell.ljust(max(map(len, column))) for cell in column] for column in shown]
    return "\n".join("  ".join(row).rstrip() for row in zip(*padded, strict=True))


def size(entry: Entry) -> str:
    """Size of the weights if they are bundled."""
    weights = bundle(entry.name) / "model.safetensors"
    return f"{weights.stat().st_size / 1e6:.1f} MB" if weights.is_file() else "-"
