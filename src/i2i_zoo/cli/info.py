"""``i2i-zoo info``."""

from __future__ import annotations

import argparse

from i2i_zoo import registry
from i2i_zoo.errors import printable

from .list_models import size
from .parser import Parser

HELP = "show the facts about a checkpoint"


def add_arguments(command: Parser) -> None:
    command.add_argument("name", metavar="NAME")


def run(args: argparse.Namespace) -> None:
    from i2i_zoo.cards import card_path, read_card

    entry = registry.info(args.name)
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
