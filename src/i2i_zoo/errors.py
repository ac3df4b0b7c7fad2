"""The one exception for mistakes in the input."""


class ZooError(ValueError):
    """Bad input that one sentence explains: it names the file or value and what to do.

    The command line prints the sentence without a traceback and exits with status 1.
    """

    def __str__(self) -> str:
        # From a data worker it arrives with that process's traceback before it.
        return super().__str__().rpartition("i2i_zoo.errors.ZooError: ")[2].rstrip()
