"""The exception for bad input."""


class ZooError(ValueError):
    """Bad input that one sentence explains: it names the file or value and what to do.

    The command line prints the sentence without a traceback and exits with status 1.
    """

    def __init__(self, message: str) -> None:
        # A data worker's error arrives as the text of its traceback, which ends with the sentence.
        super().__init__(message.rpartition(f"{__name__}.ZooError: ")[2].strip())
