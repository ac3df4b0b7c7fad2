"""``i2i-zoo demo``."""

from __future__ import annotations

import argparse

from .parser import Parser, port

HELP = "open a page on which people paint, draw, restyle and pose, and see the results at once"


def add_arguments(command: Parser) -> None:
    command.add_argument("names", metavar="NAME", nargs="*", help="checkpoints; by default all that are bundled")
    command.add_argument("--port", type=port, help="port of the page; by default the first free one from 7860 on")
    command.add_argument(
        "--host",
        metavar="ADDRESS",
        help="address to listen on, 0.0.0.0 for all; by default only this machine sees the page",
    )
    command.add_argument("--share", action="store_true", help="make it reachable from elsewhere, through Gradio")


def run(args: argparse.Namespace) -> None:
    from i2i_zoo.demo.page import HOST, serve

    serve(args.names, args.port, args.share, args.host or HOST)
