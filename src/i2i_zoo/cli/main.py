"""The parser of ``i2i-zoo``.

What a command needs is imported when it runs, so that help, lists and mistakes answer at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from i2i_zoo import __version__
from i2i_zoo.errors import ZooError

from . import (
    benchmark,
    conditions,
    convert,
    data,
    demo,
    export,
    info,
    list_models,
    normalization,
    push,
    sample,
    translate,
)
from .parser import Parser

#: The verbs of Lightning's command line, which parses their arguments itself.
TRAINING = {
    "fit": "train or fine-tune with a recipe",
    "validate": "measure on the validation data",
    "test": "measure on the test data: i2i-zoo test NAME [--card], or with a recipe and a checkpoint",
    "predict": "translate the test data of a recipe",
}

#: The other verbs.  Each module has its `HELP`, adds its arguments to a parser, and runs.
VERBS: dict[str, ModuleType] = {
    "translate": translate,
    "sample": sample,
    "list": list_models,
    "info": info,
    "convert": convert,
    "export": export,
    "benchmark": benchmark,
    "push": push,
    "demo": demo,
    "normalization": normalization,
    "data": data,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, by default the process's; returns the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        if argv and argv[0] in TRAINING:
            from . import training

            training.main(argv[0], argv[1:])
            return 0
        args = parse(argv)
        status: int | None = args.run(args)
        return status or 0
    except ZooError as error:
        print(f"i2i-zoo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("i2i-zoo: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `i2i-zoo list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:  # a path below a folder that may not be searched, say
        if error.filename is None:
            raise
        print(f"i2i-zoo: {error.filename}: {error.strerror}; check the path and its rights.", file=sys.stderr)
        return 1


def parse(argv: Sequence[str]) -> Any:
    """The arguments as a namespace, whose ``run`` is the verb's work."""
    parser, commands = build_parser()
    if not argv or argv[0] not in commands:
        return parser.parse_args(argv)
    command = commands[argv[0]]
    if getattr(VERBS[argv[0]], "TAKES_CONDITIONS", False):
        return conditions.parse(command, argv[1:], sampling=argv[0] == "sample")
    # Intermixed, since `convert METHOD -o OUT FILE` is as good an order as any.
    return command.parse_intermixed_args(argv[1:])


def build_parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser, and those of its subcommands that have no subcommands of their own, by name."""
    parser = Parser("i2i-zoo", description="Image-to-image translation: pretrained models, training and evaluation.")
    parser.add_argument("--version", action="version", version=f"i2i-zoo {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    commands: dict[str, Parser] = {}
    for name, module in VERBS.items():
        text = module.HELP
        command = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
        module.add_arguments(command)
        if hasattr(module, "run"):
            command.set_defaults(run=module.run)
            commands[name] = command
        if name == "info":  # the verbs of Lightning have their place in the list too
            for verb, help_text in TRAINING.items():
                verbs.add_parser(verb, help=help_text, add_help=False)
    return parser, commands
