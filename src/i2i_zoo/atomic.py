"""Writing a file completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2s
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; at the end of the block, that file replaces ``path``.

    If the block fails, the temporary file is removed and whatever was at ``path`` stays.  The folder is made if it is
    missing.  Raises `OSError` if the folder cannot be made or the file cannot be moved into place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A hash, since a file's name may already be as long as the file system allows.
    partial = path.with_name(f".{blake2s(os.fsencode(path.name), digest_size=8).hexdigest()}.{os.getpid()}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
