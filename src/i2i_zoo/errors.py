"""The exception for bad input."""


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
