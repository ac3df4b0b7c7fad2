"""The flags for a checkpoint's conditions, which are known once it is loaded."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i_zoo.errors import ZooError
from i2i_zoo.registry import ENTRIES, METHODS, method_name

from .parser import Parser

if TYPE_CHECKING:
    from i2i_zoo.methods.base import Method
    from i2i_zoo.tasks.conditions import Condition

#: The end of a verb's help.
EPILOG = "Further options of a checkpoint, such as a style or a direction: i2i-zoo {verb} NAME --help"


def parse(command: Parser, argv: Sequence[str], sampling: bool = False) -> argparse.Namespace:
    """The arguments of a verb for one checkpoint; ``conditions`` holds the chosen conditions by name.

    If there are only flags of the verb itself, the checkpoint is not loaded yet, and ``model`` is None.

    Args:
        command: The parser of the verb.
        argv: The arguments after the verb.
        sampling: Whether the conditions are those of sampling.

    Raises:
        ZooError: For a flag that belongs neither to the verb nor to the checkpoint.
    """
    name = next(filter(is_checkpoint, argv), None)
    if {"-h", "--help"} & set(argv):
        if name is None:
            return command.parse_args(["--help"])
        device = "cpu"
    else:
        args, unknown = command.parse_known_intermixed_args(list(argv))
        if not unknown:
            args.conditions, args.model = {}, None
            return args
        refuse_typo(command, unknown)
        # With several devices, the model runs in other processes.
        name, device = name or args.name, "cpu" if args.devices > 1 else args.device
    model = load_named(name, device)
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


def usage(model: Method, folder: Path) -> str:
    """The command that uses a checkpoint, with names that stand for what it needs."""
    use = METHODS[method_name(type(model))].use
    conditions = model.conditions if model.verb == "translate" else model.sampling_conditions
    needed = [f"{c.option} {use.conditions.get(c.name, c.kind.metavar)}" for c in conditions if c.required]
    return " ".join(["i2i-zoo", model.verb, str(folder), *filter(None, [use.source]), *needed])


def is_checkpoint(text: str) -> bool:
    """Whether a word of the command line can only be a checkpoint."""
    if text in ENTRIES or text.startswith("hf:"):
        return True
    from i2i_zoo.store.runs import result_of

    result = result_of(Path(text))
    return (result / "config.json").is_file() or (result.is_file() and result != Path(text))


def load_named(name: str, device: str | None) -> Method:
    """Load a checkpoint on a device, by default on a GPU if there is one; under a launcher, on this process's own."""
    from i2i_zoo import load
    from i2i_zoo.devices import find_device, find_launched

    return load(name, device=find_device(find_launched().device(device)))


def add_flag(command: Parser, condition: Condition) -> None:
    """Add the flag of a condition to a parser."""
    kind, options = condition.kind, dict[str, Any]()
    if kind.words == 0:
        options["action"] = "store_true"
    else:
        options["metavar"] = kind.metavar
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
    """The value that is chosen for a condition, or None.  Raises `ZooError` if it is not valid."""
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


def split_conditions(args: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """The conditions that all sources share, and the files or folders of those that each source has for itself."""
    own = {condition.name for condition in args.model.conditions if condition.per_source} if args.model else set()
    parts = ({name: value for name, value in args.conditions.items() if (name in own) == per} for per in (False, True))
    return next(parts), next(parts)


def refuse_typo(command: Parser, unknown: Sequence[str]) -> None:
    """Exit with a message if an unknown flag is almost one of the verb itself."""
    flag = first_flag(unknown)
    if difflib.get_close_matches(flag, command.flags, n=1, cutoff=0.85):
        command.error(f"unrecognized arguments: {flag}")


def first_flag(words: Sequence[str]) -> str:
    """The first of the words that is a flag, without its value; the first word if none is."""
    return next((word for word in words if word.startswith("-")), words[0]).partition("=")[0]


def refuse(command: Parser, unknown: Sequence[str], owner: str, conditions: Sequence[Condition]) -> None:
    """Exit or raise with a message about unknown flags."""
    from i2i_zoo.tasks.conditions import refusal

    flag = first_flag(unknown)
    if not flag.startswith("--"):
        command.error(f"unrecognized arguments: {flag}")
    if close := difflib.get_close_matches(flag, [condition.option for condition in conditions], n=1, cutoff=0.8):
        raise ZooError(f"{owner}: there is no option {flag}; did you mean {close[0]}?")
    raise ZooError(refusal(owner, flag.removeprefix("--").replace("-", "_"), conditions))
