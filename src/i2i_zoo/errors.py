"""The exception for bad input, and the words for a wrong name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ZooError(ValueError):
    """Bad input that one sentence explains: it names the file or value and what to do.

    The command line prints the sentence without a traceback and exits with status 1.  The sentence is one `printable`
    line, whatever names of files or tensors are in it.
    """

    def __init__(self, message: str) -> None:
        # A data worker's error arrives as the text of its traceback, which ends with the sentence.
        super().__init__(printable(message.rpartition(f"{__name__}.ZooError: ")[2].strip()))


def printable(text: str) -> str:
    r"""The text with line breaks, terminal codes and other invisible characters written out, as ``\n`` or ``\x1b``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def install(*packages: str) -> str:
    """The command that installs packages, for messages.

    It names the packages and not an extra of the zoo, which is on no index: anyone could register its name there.
    """
    return f"pip install {' '.join(packages)}"


def closest(word: str, names: Iterable[str]) -> str:
    """The name that a mistyped word is most like, whatever its case; empty if none is like it."""
    lower = {name.lower(): name for name in names}
    return next((lower[match] for match in get_close_matches(word.lower(), lower, 1, cutoff=0.5)), "")


def choices(word: str, names: Iterable[str]) -> str:
    """What to say about a wrong name: "choose from maps, facades; the closest is maps", or only the closest of many."""
    names = list(names)
    close = closest(word, names)
    if close and len(names) > 32:
        return f"the closest is {close}"
    return f"choose from {', '.join(names)}" + (f"; the closest is {close}" if close else "")
