"""What a person may choose beside the source: a style, a direction, a seed.

A task or a method declares each `Condition` once.  The arguments of ``translate`` and ``sample``, the flags of the
command line, the inputs on the demo page and the checks with their messages all come from that declaration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from i2i_zoo.errors import ZooError

from .kinds import Kind, Size, Whole


@dataclass(frozen=True)
class Condition:
    """One thing that a person may choose.

    Args:
        name: The argument's name.
        kind: The values that it can have.
        help: What it does, in one line without a full stop.
        label: A few words for the demo page; empty where it is no input there.
        default: What counts where nothing is chosen, to be shown.
        required: Whether something must be chosen.
        per_source: Whether each source has one of its own, as an instance map belongs to one label map.
        excludes: The condition that cannot be chosen together with this one.
        flag: The command line's name for it, where it differs from the argument's.
        none: Whether None is a choice too, and does not mean that nothing was chosen.
    """

    name: str
    kind: Kind
    help: str
    label: str = ""
    default: Any = None
    required: bool = False
    per_source: bool = False
    excludes: str = ""
    flag: str = ""
    none: bool = False

    @property
    def option(self) -> str:
        """The flag on the command line."""
        return f"--{self.flag or self.name.replace('_', '-')}"

    def check(self, value: Any) -> None:
        """Raise `ZooError` if it is no value of this condition."""
        values = value if self.per_source and isinstance(value, (list, tuple)) else [value]
        for one in values:
            if not self.kind.is_valid(one) and not (one is None and self.none):
                raise ZooError(f"{self.name}={shown(one)}: give {self.kind.wanted}.")

    def parse(self, words: Sequence[str]) -> Any:
        """The value that some words of a command line stand for.  Raises `ZooError` if they stand for none."""
        try:
            value = self.kind.parse(words)
        except ValueError:
            raise ZooError(f"{self.option} {' '.join(words)}: give {self.kind.wanted}.") from None
        self.check(value)
        return value


def shown(value: Any) -> str:
    """A value as a message shows it: in full if it is short, else its type."""
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else f"<{type(value).__name__}>"


def refusal(owner: str, name: str, conditions: Sequence[Condition]) -> str:
    """The sentence for a condition that a model does not have."""
    names = ", ".join(condition.name for condition in conditions)
    return f"This {owner} takes no {name}: leave it out" + (f"; it takes {names}." if names else ".")


def check_conditions(owner: str, conditions: Sequence[Condition], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are chosen, checked.

    Args:
        owner: What the model is called in messages.
        conditions: Those that it has.
        values: Names of conditions to what was given for them; None where nothing was.

    Raises:
        ZooError: For an unknown condition, a value that is none of its kind, one that is required and missing, and two
            that exclude each other.
    """
    known = {condition.name: condition for condition in conditions}
    chosen = {
        name: value for name, value in values.items() if value is not None or (name in known and known[name].none)
    }
    for name, value in chosen.items():
        if name not in known:
            raise ZooError(refusal(owner, name, conditions))
        known[name].check(value)
    for condition in conditions:
        if condition.required and condition.name not in chosen:
            raise ZooError(f"This {owner} needs {condition.name} ({condition.option}): {condition.help}.")
        if condition.name in chosen and condition.excludes in chosen:
            raise ZooError(f"Both {condition.name} and {condition.excludes} were given: give one of them.")
    return chosen


SIZE = Condition("size", Size(), "work at N or H W pixels; by default at each picture's own")
TILE = Condition("tile", Whole(), "work in overlapping tiles of N pixels, for pictures too large to do at once")
