"""``i2i-zoo info``."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from i2i_zoo import registry
from i2i_zoo.errors import ZooError, printable

from .list_models import size
from .parser import Parser
from .terminal import show

HELP = "show the facts about a checkpoint, and what was measured"


def add_arguments(command: Parser) -> None:
    command.add_argument(
        "name", metavar="NAME", help="a name of the list, hf:org/repo, or the folder of a checkpoint or a run"
    )


def run(args: argparse.Namespace) -> None:
    if args.name in registry.ENTRIES or not (args.name.startswith("hf:") or os.path.isdir(args.name)):
        show_entry(args.name)
    else:
        show_files(args.name)


def show_files(name: str) -> None:
    """Print what a checkpoint that the zoo does not list holds, or the result of a run, with what was measured."""
    from i2i_zoo.cards import measured_lines
    from i2i_zoo.store.format import CARD
    from i2i_zoo.store.sources import locate

    from .names import find

    named = find(name)
    config, files = named.config, locate(name)
    card, folder, measured = files(CARD), named.config_file.parent, list[str]()
    with suppress(ZooError):  # a README.md of another kind
        measured = measured_lines(card) if card else []
    present = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    data = named.content()["data"] if named.recipe else {}
    print(printable(name))
    show(
        {
            "method": config.method,
            "hparams": in_words(config.hparams),
            "preprocess": in_words(config.preprocess),
            "data": f"{data.get('class_path', '').rpartition('.')[2]} {in_words(data.get('init_args') or {})}".strip(),
            "recipe": str(named.recipe or ""),
            "files": ", ".join(f"{file} ({file.stat().st_size / 1e6:.1f} MB)" for file in present),
            "measured": measured,
        },
    )


def in_words(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={json.dumps(value)}" for key, value in options.items())


def show_entry(name: str) -> None:
    """Print the facts about a checkpoint of the zoo, what was measured, and its card."""
    from i2i_zoo.cards import measured_lines, read_text
    from i2i_zoo.store.card import card_path, card_text

    entry = registry.info(name)
    path = card_path(entry)
    print(entry.name)
    show(
        {
            "task": entry.task,
            "method": entry.method,
            "dataset": entry.dataset,
            "translation": entry.description,
            "licence": f"{entry.license}. {entry.license_notice}",
            "weights": ", ".join([entry.weights, *entry.official.values(), *filter(None, [entry.repo])]),
            "size": size(entry),
            "paper": entry.paper,
            "recipe": f"recipes/{entry.recipe}.yaml",
            "measured": measured_lines(path) if path.is_file() else [],
        },
    )
    lines = read_text(card_text(entry), str(path)).text.strip().splitlines()
    print("", *(printable(line) for line in lines if not line.startswith("<!-- ")), sep="\n")
