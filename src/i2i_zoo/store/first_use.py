"""Files whose SHA-256 nobody has published: the first one is trusted and recorded, and later ones must be the same."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from i2i_zoo.atomic import atomic_write
from i2i_zoo.errors import ZooError, printable


def zoo_cache(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """The zoo's cache: the given folder, else ``$I2I_ZOO_CACHE``, else ``~/.cache/i2i_zoo``."""
    return Path(cache_dir or os.environ.get("I2I_ZOO_CACHE") or "~/.cache/i2i_zoo").expanduser()


class FirstUse:
    """What an address served when it was first used.

    Args:
        url: The address.
        cache_dir: The cache to record it in, by default `zoo_cache`.
    """

    def __init__(self, url: str, cache_dir: str | os.PathLike[str] | None = None) -> None:
        self.url = url
        address = url.partition("://")[2]
        digest = hashlib.sha256(address.encode()).hexdigest()[:16]
        stem = PurePosixPath(urlsplit(url).path).name[:100] or "file"
        #: Holds the SHA-256 and, for people, the address.
        self.record = zoo_cache(cache_dir) / "sha256" / f"{stem}-{digest}"
        self._sha256 = ""

    def compare(self, file: Path, *, kept: bool = False) -> None:
        """Raise `ZooError` if the file differs from what the address served at its first use.

        Args:
            file: What it served now.
            kept: Whether the file was there already, so that removing it is a remedy.
        """
        self._sha256, first = sha256_of(file), self._recorded()
        if first in ("", self._sha256):
            return
        hashes = f"sha256 {self._sha256}, at first {first}"
        if kept:
            raise ZooError(
                f"{file} is not what {self.url} served at its first use ({hashes}): delete {file} to fetch it again, "
                f"or delete {self.record} to accept it."
            )
        raise ZooError(
            f"{self.url} serves another file than at its first use ({hashes}), so it was not kept: if its authors have "
            f"replaced it, delete {self.record} to accept the new one."
        )

    def keep(self) -> None:
        """Record the file that was compared, unless one is recorded; say so in one line."""
        if self._recorded():
            return
        unsafe = " and plain http protects nothing on the way" if self.url.startswith("http://") else ""
        reason = f"no published checksum is known for {self.url}{unsafe}"
        try:
            with atomic_write(self.record) as partial:
                partial.write_text(f"{self._sha256}  {self.url}\n", encoding="utf-8")
        except OSError as error:
            said = f"could not be recorded in {self.record} ({error.strerror}), so later files cannot be compared"
        else:
            said = f"recorded in {self.record}"
        print(printable(f"sha256 {self._sha256} {said}; {reason}."), file=sys.stderr)

    def _recorded(self) -> str:
        """The recorded SHA-256; empty if there is none."""
        try:
            content = self.record.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError as error:
            raise ZooError(f"{self.record}: the sha256 cannot be read ({error.strerror}); delete it.") from None
        except UnicodeDecodeError:
            content = ""
        first = content.partition(" ")[0].strip()
        if len(first) != 64 or set(first) - set("0123456789abcdef"):
            raise ZooError(f"{self.record} does not hold the sha256 of {self.url}; delete it.")
        return first


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
