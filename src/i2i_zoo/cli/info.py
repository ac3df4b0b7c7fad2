"""``i2i-zoo info``."""

from __future__ import annotations

import argparse
import json
import os

from i2i_zoo import registry
from i2i_zoo.errors import printable

from .list_models import size
from .parser import Parser

HELP = "show the facts about a checkpoint"


def add_arguments(command: Parser) -> None:
    command.add_argument(
        "name", metavar="NAME", help="a name of the list, hf:org/repo, or the folder of a checkpoint or a run"
    )


def run(args: argparse.Namespace) -> None:
    if args.name not in registry.ENTRIES and (args.name.startswith("hf:") or os.path.isdir(args.name)):
        show_files(args.name)
    else:
        show_entry(args.name)


def show_files(name: str) -> None:
    """Print what a checkpoint holds, or the result of a run, that the zoo does not list."""
    from i2i_zoo.store.format import CONFIG, read_config
    from i2i_zoo.store.sources import locate, needed

    path = needed(locate(name), CONFIG, name)
    config = read_config(path)
    files = sorted(file for file in path.parent.iterdir() if file.is_file() and not file.name.startswith("."))
    print(printable(name))
    for key, value in {
        "method": config.method,
        "hparams": ", ".join(f"{key}={json.dumps(value)}" for key, value in config.hparams.items()),
        "preprocess": ", ".join(f"{key}={json.dumps(value)}" for key, value in config.preprocess.items()),
        "files": ", ".join(f"{file} ({file.stat().st_size / 1e6:.1f} MB)" for file in files),
    }.items():
        print(f"  {key:<12} {printable(value)}")


def show_entry(name: str) -> None:
    """Print the facts about a checkpoint of the zoo, and its card."""
    from i2i_zoo.cards import card_path, read_card

    entry = registry.info(name)
    facts = {
        "task": entry.task,
        "method": entry.method,
        "dataset": entry.dataset,
        "translation": entry.description,
        "licence": f"{entry.license}. {entry.license_notice}",
        "weights": ", ".join([entry.weights, *entry.official.values(), *filter(None, [entry.repo])]),
        "size": size(entry),
        "paper": entry.paper,
        "recipe": f"recipes/{entry.recipe}.yaml",
    }
    print(entry.name)
    for key, value in facts.items():
        print(f"  {key:<12} {printable(value)}")
    path = card_path(entry)
    if path.is_file():
        print("", *map(printable, read_card(path).text.strip().splitlines()), sep="\n")
