"""Claims: of the processes that share a folder, on one machine or several, one works on a job at a time."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def claimed(folder: Path) -> Iterator[int | None]:
    """Claim a folder for the block; yields an open file, or None if another process has claimed it.

    The claim lasts until every process that has the file open has ended, however it ends.  A training that is started
    with the file stays claimed even if the process that started it is killed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder / "claim.lock", os.O_RDWR | os.O_CREAT)
    try:
        yield file if lock(file) else None
    finally:
        os.close(file)


def lock(file: int) -> bool:
    """Lock an open file; False if another process holds the lock."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:  # others mean that the file system has no locks
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True
