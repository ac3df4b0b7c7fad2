"""``i2i-zoo compare``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from i2i_zoo.errors import ZooError, printable

from .parser import Parser, natural, positive

HELP = "compare methods: train what is missing, measure, and write a table with pictures and loss curves"


def add_arguments(command: Parser) -> None:
    command.add_argument(
        "names",
        metavar="NAME",
        nargs="+",
        help="a table (tables/NAME.yaml), or checkpoints, folders of runs and recipes",
    )
    command.add_argument(
        "--data",
        metavar="DATA",
        help="the dataset's folder, instead of those of recipes and table; or a datamodule for all rows, such as "
        "StreetClips, with the options that the first recipe has for it",
    )
    command.add_argument("-o", "--output", type=Path, metavar="DIR", help="where everything goes [comparisons/NAME]")
    command.add_argument(
        "--metrics", nargs="+", metavar="NAME", help="what to measure; by default what the table or each recipe says"
    )
    command.add_argument(
        "--seeds", type=natural, nargs="+", metavar="N", help="seeds to train with; by default those of the table"
    )
    command.add_argument(
        "--override",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="an option of all trainings, such as trainer.max_epochs=2; repeatable",
    )
    command.add_argument(
        "--limit", type=positive, metavar="N", help="measure only N of the test pictures, evenly spaced"
    )
    command.add_argument("--pictures", type=positive, default=6, metavar="N", help="rows of the sheet [%(default)s]")
    command.add_argument(
        "--most-changed",
        action="store_true",
        help="show the test pictures that change most, not evenly spaced ones: people whose points move farthest",
    )
    command.add_argument("--recipe", metavar="NAME", help="whose data measure checkpoints that do not say theirs")


def run(args: argparse.Namespace) -> int | None:
    import sys

    from i2i_zoo.compare.comparing import compare

    from . import table_checks, tables
    from .runs import EndedBySignal, ended_by_signals

    overrides = dict(map(parse_override, args.override))
    options = {
        "metrics": args.metrics,
        "seeds": args.seeds,
        "limit": args.limit,
        "pictures": args.pictures,
        "most_changed": args.most_changed,
    }
    path = tables.table(args.names[0])
    if path is not None and len(args.names) > 1:
        raise ZooError(f"{args.names[0]} is a table, which is compared by itself: leave out {args.names[1]}.")
    if path is not None:
        comparison = tables.read_table(path, args.data, overrides, **options)
    else:
        comparison = tables.named(args.names, args.data, overrides, fallback=args.recipe, **options)
    folder = args.output or Path("comparisons", path.stem if path is not None else "names")
    if folder.is_file():
        raise ZooError(f"-o {folder} is a file: name a folder.")
    if (args.seeds or overrides) and not any(row.seeds for row in comparison.rows):
        raise ZooError("--seeds and --override change trainings, and nothing is trained here: leave them out.")
    table_checks.check(comparison)
    try:
        with ended_by_signals(lambda: "; the same command continues"):
            for file in compare(comparison, folder):
                print(printable(str(file)))
    except EndedBySignal as end:
        print(f"i2i-zoo: {printable(str(end))}", file=sys.stderr)
        return end.status
    return None


def parse_override(text: str) -> tuple[str, Any]:
    """Name and value of ``OPTION=VALUE``, the value in YAML.  Raises `ZooError` for anything else."""
    import yaml

    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ZooError(f"--override {text}: give it as OPTION=VALUE, such as --override trainer.max_epochs=2.")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ZooError(f"--override {text}: the value cannot be read as YAML; put quotes around it.") from error
