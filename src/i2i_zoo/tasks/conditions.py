"""What a person may choose beside the source: a style, a direction, a seed.

A task or a method declares each `Condition` once.  The arguments of ``translate`` and ``sample``, the flags of the
command line, the inputs on the demo page and the checks with their messages all come from that declaration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from i2i_zoo.errors import ZooError

from .kinds import Kind, Size, Whole


@dataclass(frozen=True)
class Condition:
    """One thing that a person may choose.

    Args:
        name: The argument's name.
        kind: Which values are valid.
        help: What it does: one line without a full stop.
        label: Its name on the demo page; empty to leave it out there.
        default: The value that is used if nothing is chosen; only shown, not passed on.
        required: Whether a value must be chosen.
        per_source: Whether each source has its own value, as each label map has its own instance map.
        excludes: Name of a condition that cannot be chosen together with this one.
        flag: Name on the command line, if it differs from ``name``.
        none: Whether None is a valid choice; otherwise it means that nothing was chosen.
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
        """Raise `ZooError` if the value is not valid."""
        values = value if self.per_source and isinstance(value, (list, tuple)) else [value]
        for item in values:
            if not self.kind.is_valid(item) and not (item is None and self.none):
                raise ZooError(f"{self.name}={shown(item)}: give {self.kind.wanted}.")

    def parse(self, words: Sequence[str]) -> Any:
        """The value that words of the command line stand for.  Raises `ZooError` if they are not a valid value."""
        try:
            value = self.kind.parse(words)
        except ValueError:
            raise ZooError(f"{self.option} {' '.join(words)}: give {self.kind.wanted}.") from None
        self.check(value)
        return value


def shown(value: Any) -> str:
    """A value for a message: in full if it is short, else its type."""
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else f"<{type(value).__name__}>"


def refusal(owner: str, name: str, conditions: Sequence[Condition]) -> str:
    """The sentence for a condition that a model does not have."""
    names = ", ".join(condition.name for condition in conditions)
    return f"This {owner} takes no {name}: leave it out" + (f"; it takes {names}." if names else ".")


def check_conditions(owner: str, conditions: Sequence[Condition], values: Mapping[str, Any]) -> dict[str, Any]:
    """Check the values, and return those that are chosen.

    Args:
        owner: Name of the model in messages.
        conditions: The conditions of the model.
        values: Condition names to values; None if nothing was chosen.

    Raises:
        ZooError: For an unknown condition, an invalid value, a required condition without a value, and two conditions
            that exclude each other.  Conditions that each source has for itself may be chosen later (`need`).
    """
    known = {condition.name: condition for condition in conditions}
    chosen = {
        name: value for name, value in values.items() if value is not None or (name in known and known[name].none)
    }
    for name, value in chosen.items():
        if name not in known:
            raise ZooError(refusal(owner, name, conditions))
        known[name].check(value)
    need(owner, [condition for condition in conditions if not condition.per_source], chosen)
    for condition in conditions:
        if condition.name in chosen and condition.excludes in chosen:
            raise ZooError(f"Both {condition.name} and {condition.excludes} were given: give one of them.")
    return chosen


def need(owner: str, conditions: Sequence[Condition], chosen: Mapping[str, Any]) -> None:
    """Raise `ZooError` if a value must be chosen for one of the conditions, and is not."""
    for condition in conditions:
        if condition.required and condition.name not in chosen:
            raise ZooError(f"This {owner} needs {condition.name} ({condition.option}): {condition.help}.")


def for_each(own: Mapping[str, Any], count: int) -> list[Mapping[str, Any]]:
    """The own conditions of each of many sources.  Raises `ZooError` unless there is one value for each."""
    for name, values in own.items():
        if not isinstance(values, (list, tuple)) and not (isinstance(values, (Tensor, np.ndarray)) and values.ndim):
            raise ZooError(f"{count} sources and one {name} were given; give a list of {count}.")
    columns = {name: list(values) for name, values in own.items()}
    for name, column in columns.items():
        if len(column) != count:
            raise ZooError(f"{count} sources and {len(column)} of {name} were given; give one each.")
    return [{name: column[i] for name, column in columns.items()} for i in range(count)]


SIZE = Condition("size", Size(), "work at N or H W pixels; by default at each picture's own")
TILE = Condition("tile", Whole(), "work in overlapping tiles of N pixels, for pictures too large to do at once")
