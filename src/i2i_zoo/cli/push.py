"""``i2i-zoo push``."""

from __future__ import annotations

import argparse
from pathlib import Path

from i2i_zoo.errors import printable
from i2i_zoo.examples import bundle
from i2i_zoo.registry import ENTRIES

from .parser import Parser

HELP = "publish a checkpoint on the Hugging Face Hub"


def add_arguments(command: Parser) -> None:
    command.add_argument("name", metavar="NAME", help="a folder, or a name of the list")
    command.add_argument("repo", metavar="REPO", help="org/name")
    command.add_argument("--private", action="store_true", default=None, help="make a new repository private")
    command.add_argument("--create-pr", action="store_true", help="open a pull request")


def run(args: argparse.Namespace) -> None:
    from i2i_zoo import load, push
    from i2i_zoo.store.runs import result_of

    folder = bundle(args.name) if args.name in ENTRIES else result_of(Path(args.name))
    card = folder / "README.md"  # that of a checkpoint of the zoo is elsewhere, and push knows it
    model = load(args.name, discriminators=(folder / "discriminators.safetensors").is_file())
    print(
        printable(
            push(
                model,
                args.repo,
                private=args.private,
                create_pr=args.create_pr,
                card=card if card.is_file() else None,
            )
        )
    )
