"""The parser of all verbs, and types of their arguments."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from i2i_zoo.errors import ZooError, printable

from .messages import plain


class Parser(argparse.ArgumentParser):
    """A parser that prints errors in one line, without the usage."""

    def __init__(self, *args: Any, **options: Any) -> None:
        #: The long names of its options.
        self.flags: list[str] = []
        super().__init__(*args, **options)

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        self.flags += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {printable(plain(message, self.flags))} (see {self.prog} --help)\n")


def positive(text: str) -> int:
    """The type of an argument that is a positive whole number."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def port(text: str) -> int:
    """The type of an argument that is a port of this machine."""
    if not text.isdecimal() or not 0 < int(text) < 1 << 16:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a whole number from 1 to 65535")
    return int(text)


def natural(text: str) -> int:
    """The type of an argument that is a seed."""
    if not text.isdecimal() or len(text) > 18:  # the generators take 64 bits
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed: give a whole number of at most 18 digits")
    return int(text)


def height_and_width(size: list[int]) -> tuple[int, int]:
    """Height and width from the one or two numbers of an option ``--size``."""
    if len(size) > 2:
        raise ZooError(f"--size takes one number or height and width, not {len(size)} numbers.")
    return size[0], size[-1]
