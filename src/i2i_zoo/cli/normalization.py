"""``i2i-zoo normalization``."""

from __future__ import annotations

import argparse
from pathlib import Path

from i2i_zoo.errors import printable

from .parser import Parser

HELP = "draw and measure what each normalisation layer does"


def add_arguments(command: Parser) -> None:
    command.add_argument("-o", "--output", type=Path, default=Path(), help="folder for normalization.png [%(default)s]")


def run(args: argparse.Namespace) -> None:
    from i2i_zoo.normalization_figure import demonstrate

    table, path = demonstrate(args.output)
    print(f"{table}\n{printable(str(path))}")
