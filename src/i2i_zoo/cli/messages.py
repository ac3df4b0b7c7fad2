"""Errors of the parser of ``fit`` and its kin, in one sentence without its jargon."""

from __future__ import annotations

from i2i_zoo.errors import ZooError


def reason(error: BaseException | None) -> ZooError | None:
    """The `ZooError` that an error came from, if there is one."""
    while error is not None and not isinstance(error, ZooError):
        error = error.__cause__ or error.__context__
    return error
