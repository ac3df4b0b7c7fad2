"""The flags of a checkpoint's conditions, which are known when the checkpoint is."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i_zoo.errors import ZooError
from i2i_zoo.registry import ENTRIES

from .parser import Parser

if TYPE_CHECKING:
    from i2i_zoo.methods.base import Method
    from i2i_zoo.tasks.conditions import Condition

#: For the end of a verb's help.
EPILOG = "What else a checkpoint takes, such as a style or a direction: i2i-zoo {verb} NAME --help"


def parse(command: Parser, argv: Sequence[str], sampling: bool = False) -> argparse.Namespace:
    """The arguments of a verb that works with a checkpoint, called NAME; ``conditions`` are what is chosen.

    Where there are no flags but the verb's own, the checkpoint is not loaded yet, and ``model`` is None.

    Args:
        command: The verb's parser.
        argv: The arguments behind the verb.
        sampling: Whether the conditions are those of sampling.

    Raises:
        ZooError: For a flag that is neither the verb's nor the checkpoint's.
    """
    wants_help = bool({"-h", "--help"} & set(argv))
    name = next(filter(is_checkpoint, argv), None)
    args, unknown = (None, []) if wants_help else command.parse_known_intermixed_args(list(argv))
    if args is not None and not unknown:
        args.conditions, args.model = {}, None
        return args
    if wants_help and name is None:
        return command.parse_args(["--help"])
    name = name or args.name  # type: ignore[union-attr]  # there are arguments where no help is wanted
    # Several devices have the model in processes of their own.
    several = getattr(args, "devices", 1) > 1
    model = load_named(name, "cpu" if several else getattr(args, "device", None))
    conditions = model.sampling_conditions if sampling else model.conditions
    for condition in conditions:
        add_flag(command, condition)
    command.epilog = None
    args, unknown = command.parse_known_intermixed_args(list(argv))
    if unknown:
        refuse(command, unknown, type(model).__name__, conditions)
    args.conditions = {
        condition.name: value for condition in conditions if (value := chosen_value(condition, args)) is not None
    }
    args.model = model
    return args


def is_checkpoint(text: str) -> bool:
    """Whether a word of a command line names a checkpoint that is surely there."""
    return text in ENTRIES or text.startswith("hf:") or Path(text, "config.json").is_file()


def load_named(name: str, device: str | None) -> Method:
    """The checkpoint of this name on a device, by default a GPU where there is one."""
    from i2i_zoo import load
    from i2i_zoo.devices import find_device

    model: Method = load(name, device=find_device(device))
    return model


def add_flag(command: Parser, condition: Condition) -> None:
    """Add the flag of a condition to a parser."""
    kind, options = condition.kind, dict[str, Any]()
    if kind.words == 0:
        options["action"] = "store_true"
    else:
        options["metavar"] = kind.metavar if not hasattr(kind, "options") else "{" + ",".join(kind.options) + "}"
        options |= {"nargs": "+"} if kind.words is None else {"action": "append"}
    default = "" if condition.default in (None, False) else f" [{condition.default}]"
    command.add_argument(
        condition.option,
        dest=destination(condition),
        default=None,
        help=condition.help.replace("%", "%%") + default,
        **options,
    )


def destination(condition: Condition) -> str:
    return f"condition_{condition.name}"


def chosen_value(condition: Condition, args: argparse.Namespace) -> Any:
    """What was chosen for a condition; None if nothing was.  Raises `ZooError` for what is no value of it."""
    words = getattr(args, destination(condition))
    if not words:
        return None
    if condition.kind.words == 0:
        return condition.parse([])
    if condition.kind.words is None:
        return condition.parse(words)
    values = [condition.parse([word]) for word in words]
    if len(values) > 1 and not condition.kind.several:
        raise ZooError(f"{condition.option} was given {len(values)} times: this model takes one.")
    return values if len(values) > 1 else values[0]


def refuse(command: Parser, unknown: Sequence[str], owner: str, conditions: Sequence[Condition]) -> None:
    """Say what is wrong with flags that nobody knows."""
    from i2i_zoo.tasks.conditions import refusal

    flag = next((word for word in unknown if word.startswith("-")), unknown[0]).partition("=")[0]
    close = difflib.get_close_matches(flag, command.flags, n=1, cutoff=0.85)
    if close or not flag.startswith("--"):
        command.error(f"unrecognized arguments: {flag}" + (f"; did you mean {close[0]}?" if close else ""))
    raise ZooError(refusal(owner, flag.removeprefix("--").replace("-", "_"), conditions))
