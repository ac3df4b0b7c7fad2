"""``i2i-zoo data fetch``, ``prepare``, ``check`` and ``poses``."""

from __future__ import annotations

import argparse
from pathlib import Path

from i2i_zoo.errors import printable

from . import data_check, poses
from .parser import Parser

HELP = "fetch and prepare public datasets, check data before training, find poses in pictures"


def add_arguments(command: Parser) -> dict[str, Parser]:
    """Add the steps, and return their parsers by name."""
    steps = command.add_subparsers(metavar="COMMAND", required=True)
    fetching = steps.add_parser("fetch", help="download a dataset from its authors")
    fetching.add_argument("dataset", metavar="DATASET", help="such as facades or horse2zebra")
    fetching.add_argument("--root", type=Path, default=Path("data"), help="where to put its folder [%(default)s]")
    fetching.set_defaults(run=fetch)
    preparing = steps.add_parser("prepare", help="bring an official download into the documented layout")
    preparing.add_argument("dataset", metavar="DATASET", help="such as cityscapes-semantic, ade20k or market1501")
    preparing.add_argument("source", type=Path, metavar="SOURCE", help="folder of the official download")
    preparing.add_argument("--root", type=Path, default=Path("data"), help="where to put its folder [%(default)s]")
    preparing.set_defaults(run=prepare)
    checking = steps.add_parser("check", help=data_check.HELP)
    data_check.add_arguments(checking)
    checking.set_defaults(run=data_check.run)
    finding = steps.add_parser("poses", help=poses.HELP)
    poses.add_arguments(finding)
    finding.set_defaults(run=poses.run)
    return {"fetch": fetching, "prepare": preparing, "check": checking, "poses": finding}


def fetch(args: argparse.Namespace) -> None:
    from i2i_zoo.data.public.fetch import fetch

    print(printable(str(fetch(args.dataset, args.root))))


def prepare(args: argparse.Namespace) -> None:
    from i2i_zoo.data.public.prepared import check_dataset

    check_dataset(args.dataset, args.source)  # before torch is imported
    from i2i_zoo.data.public.prepare import prepare

    folder = args.root / args.dataset
    prepare(args.dataset, args.source, folder)
    print(printable(str(folder)))
