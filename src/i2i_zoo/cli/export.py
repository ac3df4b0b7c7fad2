"""``i2i-zoo export``."""

from __future__ import annotations

import argparse
from pathlib import Path

from i2i_zoo.errors import printable

from .conditions import EPILOG, load_named
from .parser import Parser

HELP = "write a checkpoint as a graph for other runtimes, compared with the model"


def add_arguments(command: Parser) -> None:
    command.epilog = EPILOG.format(verb="export")
    command.add_argument("name", metavar="NAME", help="checkpoint: a name of the list, hf:org/repo, or a folder")
    command.add_argument("--format", choices=["onnx", "torch"], help="[torch for a .pt2 file, else onnx]")
    command.add_argument("--half", action="store_true", help="in half precision")
    command.add_argument("-o", "--output", type=Path, required=True, help="file to write")
    command.set_defaults(device="cpu", devices=1)


def run(args: argparse.Namespace) -> None:
    from i2i_zoo.export import export

    model = args.model or load_named(args.name, args.device)
    differences = export(model, args.output, args.format, half=args.half, **args.conditions)
    for shape, difference in differences.items():
        print(f"output {shape}: differs by at most {difference:.1e}")
    print(printable(f"Written to {args.output}."))
