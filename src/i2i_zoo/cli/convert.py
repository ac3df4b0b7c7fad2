"""``i2i-zoo convert``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from i2i_zoo.errors import ZooError, printable
from i2i_zoo.registry import METHODS

from .conditions import usage
from .parser import Parser

HELP = "convert an official checkpoint, or one of fit, to a folder of the zoo"


def add_arguments(command: Parser) -> None:
    command.add_argument("method", metavar="METHOD", help=", ".join(sorted(METHODS)))
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="the generator's file, a .ckpt of fit, or NETWORK=FILE each"
    )
    command.add_argument(
        "--hparam",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a hyper-parameter that the tensors do not show, in JSON, such as labels=35; repeatable",
    )
    command.add_argument("-o", "--output", type=Path, required=True, help="folder to write")


def run(args: argparse.Namespace) -> None:
    named = [file.partition("=") for file in args.files]
    if len(named) == 1 and not named[0][1]:
        files: Any = args.files[0]
    elif all(equals for _, equals, _ in named):
        files = {network: file for network, _, file in named}
    else:
        raise ZooError("Say which network each file is for: generator=FILE discriminator=FILE.")
    from i2i_zoo import convert, save

    model = convert(args.method, files, **dict(map(parse_hparam, args.hparam)))
    save(model, args.output)
    print(printable(f"Written to {args.output}. Use it with: {usage(model, args.output)}"))


def parse_hparam(text: str) -> tuple[str, Any]:
    """Name and value of ``NAME=VALUE``; a value that is no JSON is a word.  Raises `ZooError` for anything else."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ZooError(f"--hparam {text}: give it as NAME=VALUE, such as --hparam labels=35.")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value
