"""What the standard library's parser says about wrong arguments, in plain words and with the closest names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from i2i_zoo.errors import ZooError, choices, closest

#: Names that other programs have for commands of this one.
SYNONYMS = {"train": "fit", "finetune": "fit", "evaluate": "test", "eval": "test", "inference": "translate"}


def plain(message: str, flags: Iterable[str]) -> str:
    """The message of `argparse.ArgumentParser.error` in plain words.

    Args:
        message: What the parser says.
        flags: The long names of its options.
    """
    if found := re.fullmatch(r"unrecognized arguments: (.*)", message, re.DOTALL):
        return unknown(found[1].split(" "), flags)
    if found := re.fullmatch(r"argument (.*?): invalid choice: (.*) \(choose from (.*)\)", message, re.DOTALL):
        names, word = [name.strip("'") for name in found[3].split(", ")], found[2].strip("'")
        if found[1] != "COMMAND":
            return f"{found[1]} {word}: it has no such value; {choices(word, names)}"
        meant = closest(word, [*names, *SYNONYMS])
        return f"{word}: there is no such command; {choices(SYNONYMS.get(meant, meant), names)}"
    if found := re.fullmatch(r"the following arguments are required: (.*)", message):
        *others, last = found[1].split(", ")
        return f"{', '.join(others)} and {last} are missing" if others else f"{last} is missing"
    if found := re.fullmatch(r"argument (.*?): expected (one|at least one) argument", message):
        return f"{found[1]} needs a value"
    return re.sub(r"^argument (\S+): ", r"\1: ", message)


def unknown(words: list[str], flags: Iterable[str]) -> str:
    """The sentence for arguments that a parser does not know."""
    flag = next((word for word in words if word.startswith("-")), None)
    if flag is None:
        return f"{words[0]}: there is no place for this argument; leave it out"
    flag = flag.partition("=")[0]
    close = closest(flag, flags)
    return f"there is no option {flag}; " + (f"did you mean {close}?" if close else "leave it out")


def reason(error: BaseException | None) -> ZooError | None:
    """The `ZooError` that an error came from, if there is one."""
    while error is not None and not isinstance(error, ZooError):
        error = error.__cause__ or error.__context__
    return error


def first_reason(message: str) -> str:
    """What a class said against its arguments, without the parser's list of everything else that it tried."""
    message = " ".join(message.split())
    found = re.search(r"Union subtypes.*? Errors: - (.*?) - ", message)
    return (found[1] if found else message).rstrip(".")
