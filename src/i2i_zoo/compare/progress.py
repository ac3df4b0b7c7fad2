"""Progress on the standard error: one line that changes on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from i2i_zoo.errors import printable


class Progress:
    """Prints how far a comparison is."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self.interval = 1.0 if self.terminal else 60.0
        self.spoken = 0.0

    def say(self, text: str) -> None:
        """Print a line; on a terminal it replaces the last one, and an empty text clears it."""
        text = printable(text)
        if self.terminal:
            print(f"\r\x1b[K{text[:150]}", end="", file=sys.stderr, flush=True)
        elif text:
            print(text, file=sys.stderr, flush=True)

    def tick(self, text: Callable[[], str]) -> None:
        """Print what a function returns, if it is time for a line."""
        if time.monotonic() - self.spoken >= self.interval:
            self.spoken = time.monotonic()
            self.say(text())


def words(seconds: float) -> str:
    """A time in words: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
