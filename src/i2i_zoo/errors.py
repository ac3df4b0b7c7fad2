"""The one exception for mistakes in the input."""


class ZooError(ValueError):
    """Bad input that one sentence explains: it names the file or value and what to do.

    The command line prints the sentence without a traceback and exits with status 1.
    """
