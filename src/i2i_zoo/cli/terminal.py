"""What is printed fits the terminal, if there is one; what goes into a file or another program keeps its width."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence

from i2i_zoo.errors import printable

#: Width of the labels of facts.
LABEL = 15
#: On a narrower terminal, facts go on beyond its edge.
NARROWEST = 40


def width() -> int:
    """Columns of the terminal, or the number in ``$COLUMNS``; 0 for no limit."""
    return shutil.get_terminal_size((0, 0)).columns


def fitting(table: Callable[[Collection[str]], str], least: Sequence[str]) -> str:
    """A table without the columns that the terminal has no room for.

    Args:
        table: Makes the table without the columns of these names.
        least: The columns that may be left out, the least needed first.
    """
    left_out = list(least)
    for column in reversed(least):
        more = [name for name in left_out if name != column]
        if not width() or max(map(len, table(more).splitlines())) <= width():
            left_out = more
    return table(left_out)


def show(facts: Mapping[str, str | list[str]]) -> None:
    """Print facts with their labels, and the items of a list below each other; empty ones are left out."""
    for label, value in facts.items():
        for line in value if isinstance(value, list) else filter(None, [value]):
            fact(label, line)


def fact(label: str, text: str) -> None:
    """Print a text after a label, and below itself what the terminal has no room for."""
    start, text = f"  {label:<{LABEL - 3}} ", printable(text)
    if not width():
        print(start + text)
        return
    wrapper = textwrap.TextWrapper(
        max(width(), NARROWEST),
        initial_indent=start,
        subsequent_indent=" " * LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )
    print(wrapper.fill(text))
