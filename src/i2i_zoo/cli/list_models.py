"""``i2i-zoo list``."""

from __future__ import annotations

import argparse
import sys

from i2i_zoo.examples import bundle
from i2i_zoo.registry import ENTRIES, METHODS, Entry, list_models

from .parser import Parser

HELP = "list the checkpoints"


def add_arguments(command: Parser) -> None:
    command.add_argument("pattern", metavar="PATTERN", nargs="?", default="*", help="such as '*cityscapes*'")
    command.add_argument("--method", choices=sorted(METHODS))
    command.add_argument("--task", choices=sorted({entry.task for entry in ENTRIES.values()}))
    command.add_argument("--license", choices=sorted({entry.license for entry in ENTRIES.values()}))
    command.add_argument("--bundled", action="store_true", default=None, help="only those that need no download")


def run(args: argparse.Namespace) -> int:
    names = list_models(args.pattern, method=args.method, task=args.task, license=args.license, bundled=args.bundled)
    if not names:
        print("No checkpoint matches.", file=sys.stderr)
        return 1
    rows = [("NAME", "TASK", "METHOD", "DATASET", "LICENCE", "SIZE", "WEIGHTS")]
    for name in names:
        entry = ENTRIES[name]
        rows.append((name, entry.task, entry.method, entry.dataset, entry.license, size(entry), entry.weights))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def size(entry: Entry) -> str:
    """Size of the weights if they are bundled."""
    weights = bundle(entry.name) / "model.safetensors"
    return f"{weights.stat().st_size / 1e6:.1f} MB" if weights.is_file() else "-"
