"""Writing a file completely or not at all."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2s
from pathlib import Path

#: When a folder may be searched for leftovers again, so that this takes at most a hundredth of the time.
_next_look: dict[Path, float] = {}


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; at the end of the block, that file replaces ``path``.

    If the block fails, the temporary file is removed and whatever was at ``path`` stays.  The folder is made if it is
    missing.  Raises `OSError` if the folder cannot be made or the file cannot be moved into place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A hash, since a file's name may already be as long as the file system allows.
    partial = path.with_name(f".{blake2s(os.fsencode(path.name), digest_size=8).hexdigest()}.{os.getpid()}")
    remove_leftovers(partial)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def remove_leftovers(partial: Path) -> None:
    """Remove the temporary files and folders that killed processes left of earlier writes to the same place.

    ``partial`` is this process's own temporary path; its name ends with a dot and the number of the process.  A folder
    of very many files, such as the results of `translate`, is not listed again for each of them.
    """
    start = time.monotonic()
    if start < _next_look.get(partial.parent, 0.0):
        return
    for leftover in leftovers(partial):
        with suppress(OSError):  # it is only in the way
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    if (took := time.monotonic() - start) > 0.001:
        _next_look[partial.parent] = start + 100 * took


def leftovers(partial: Path) -> list[Path]:
    """The temporary paths like ``partial`` of this process and of processes that have ended."""
    stem = partial.name.rpartition(".")[0]
    found = []
    for name in os.listdir(partial.parent) if partial.parent.is_dir() else ():
        start, _, number = name.rpartition(".")
        if start == stem and number.isdecimal() and (int(number) == os.getpid() or not _is_running(int(number))):
            found.append(partial.with_name(name))
    return found


def _is_running(process: int) -> bool:
    """Whether a process of this number exists."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True
