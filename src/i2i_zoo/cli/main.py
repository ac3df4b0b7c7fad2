"""The parser of ``i2i-zoo``.

Verbs import heavy packages only when they run: help and error messages appear at once.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from i2i_zoo import __version__
from i2i_zoo.errors import ZooError, printable

from . import (
    benchmark,
    compare,
    conditions,
    convert,
    data,
    data_check,
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
from .sharding import find_others
from .short_help import short_help

#: The verbs of Lightning's command line, which parses their arguments.
TRAINING = {
    "fit": "train or fine-tune with a recipe",
    "validate": "measure on the validation data",
    "test": "measure on the test data: i2i-zoo test NAME [--card], or with a recipe and a checkpoint",
    "predict": "translate the test data: i2i-zoo predict NAME, or with a recipe and a checkpoint",
}

#: The other verbs.  Each module has a `HELP` text, ``add_arguments`` and ``run``.
VERBS: dict[str, ModuleType] = {
    "translate": translate,
    "sample": sample,
    "list": list_models,
    "info": info,
    "convert": convert,
    "export": export,
    "benchmark": benchmark,
    "compare": compare,
    "push": push,
    "demo": demo,
    "normalization": normalization,
    "data": data,
}

#: The verbs that also take the conditions of their checkpoint.
WITH_CONDITIONS = ("translate", "sample", "export")

#: The verbs whose work is shared by the processes of a launcher, each of which does its part alone.
SHARED = ("translate", "sample", "compare")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, by default those of the process, and return the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for names that the terminal's encoding lacks
    others = find_others() if argv and argv[0] in SHARED else None
    status = status_of(argv)
    if others is not None:
        others.end(failed=status == 1)
    return status


def status_of(argv: Sequence[str]) -> int:
    """Run the command, say what went wrong, and return the exit status."""
    try:
        try:
            return run(argv)
        finally:
            print(end="", flush=True)  # here, since an error would be a traceback when Python exits
    except ZooError as error:
        print(f"i2i-zoo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("i2i-zoo: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `i2i-zoo list | head`
        discard_output()
        return 141
    except OSError as error:
        if error.filename is not None:  # such as a path below a folder that may not be searched
            message = f"{error.filename}: {error.strerror}; check the path and its rights."
        elif error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):  # `i2i-zoo list > /dev/full`
            discard_output()
            message = f"The output cannot be written ({error.strerror}); free some space or write it elsewhere."
        else:
            raise
        print(f"i2i-zoo: {printable(message)}", file=sys.stderr)
        return 1


def run(argv: Sequence[str]) -> int:
    """Run the command with these arguments, and return the exit status."""
    wrong = next((arg for arg in argv if "\0" in arg), None)
    if wrong is not None:  # Python's file functions raise all kinds of errors for it
        raise ZooError(f"{wrong}: an argument cannot hold a NUL character; remove it.")
    if argv and argv[0] in TRAINING:
        verb, *args = argv
        if "--help-all" not in args and {"-h", "--help"} & set(args):
            print(short_help(verb))
            return 0
        from . import training

        return training.main(verb, ["--help" if arg == "--help-all" else arg for arg in args])
    args = parse(argv)
    status: int | None = args.run(args)
    return status or 0


def discard_output() -> None:
    """Drop what is still to be printed, since Python tries again when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parse(argv: Sequence[str]) -> Any:
    """The arguments as a namespace; its ``run`` is the function of the verb."""
    parser, commands = build_parser()
    words = 2 if " ".join(argv[:2]) in commands else 1
    command = commands.get(" ".join(argv[:words]))
    if command is None:
        if argv and argv[0].startswith("-") and argv[0] not in parser.flags:
            parser.error(f"unrecognized arguments: {argv[0]}")
        return parser.parse_args(argv)
    if argv[0] in WITH_CONDITIONS:
        return conditions.parse(command, argv[1:], sampling=argv[0] == "sample")
    if argv[0] == "data" and argv[1] == "check":  # the options of the data are those of fit
        options, others = data_check.split_options(argv[words:])
        args = command.parse_intermixed_args(others)
        args.data_options = options
        return args
    # Options may stand between the files: `convert METHOD -o OUT FILE`.
    return command.parse_intermixed_args(argv[words:])


def build_parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser, and by name the parsers of the verbs; those of the steps of ``data`` as ``data fetch``."""
    parser = Parser("i2i-zoo", description="Image-to-image translation: pretrained models, training and evaluation.")
    parser.add_argument("--version", action="version", version=f"i2i-zoo {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    commands: dict[str, Parser] = {}
    for name, module in VERBS.items():
        text = module.HELP
        command = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
        steps = module.add_arguments(command) or {}
        commands |= {f"{name} {step}": step_parser for step, step_parser in steps.items()}
        if not steps:
            command.set_defaults(run=module.run)
            commands[name] = command
        if name == "info":  # list the verbs of Lightning here
            for verb, help_text in TRAINING.items():
                verbs.add_parser(verb, help=help_text, add_help=False)
    return parser, commands
