"""The one downloader: a file from the web, or from Google Drive."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from http.client import HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from urllib import request
from urllib.error import HTTPError
from urllib.parse import urlsplit

from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # it is in no list of exports
from tqdm import tqdm

from i2i_zoo import __version__
from i2i_zoo.errors import ZooError

from .first_use import FirstUse, sha256_of

#: Seconds to wait for the next byte.
TIMEOUT = 60.0

#: Bytes that are held in memory at a time.
CHUNK = 1 << 20


class DownloadError(ZooError):
    """A download that failed; ``reason`` says why, for callers that can name a better remedy."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: the download failed ({reason}); check the network and the disk, and try again.")
        self.reason = reason


def download(
    url: str, file: Path, *, sha256: str = "", first_use: FirstUse | None = None, unpacked: float = 0.0
) -> None:
    """Download a file with a progress bar, unless it is there already; its folder is made.

    What arrives is collected in ``<file>.part``, and a later call continues from there.  The file itself appears when
    it is complete and verified.  Of several processes that want the same file, one downloads and the others wait.

    Args:
        url: An http or https address.  Redirects are followed, but only to such addresses.
        file: Where to put it.
        sha256: Its SHA-256 in hexadecimal, or the first digits of it; empty if it is not known.  Then the file is
            compared with what the address served at its first use.
        first_use: The record of that; by default one in the zoo's cache.  Who passes it calls `FirstUse.keep` when the
            file has proved to be what it should be.
        unpacked: How much room its contents will need once unpacked, as a multiple of its size.

    Raises:
        DownloadError: If the server cannot be reached, refuses, stops early or serves another file, or if the disk has
            too little room.
        ZooError: If the address served another file at its first use.
    """
    compared = first_use or FirstUse(url)
    try:
        kept = file.exists() or not _fetch_alone(url, file, sha256, compared, unpacked)
        if kept and not sha256:
            compared.compare(file, kept=True)
    except ZooError:
        raise
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a redirect to a malformed address
        raise DownloadError(url, _reason(error)) from error
    if not sha256 and first_use is None:
        compared.keep()


def _fetch_alone(url: str, file: Path, sha256: str, first_use: FirstUse, unpacked: float) -> bool:
    """Download and verify a file while other processes wait; False if one of them has done it meanwhile."""
    part, lock = (file.with_name(file.name + ending) for ending in (".part", ".lock"))
    file.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        try:
            if file.exists():
                return False
            _fetch(url, part, unpacked)
            _verify(url, part, sha256, first_use)
            os.replace(part, file)
            return True
        finally:
            with suppress(OSError):  # Windows keeps a file that is open; the lock removes it there
                lock.unlink()


def _verify(url: str, part: Path, sha256: str, first_use: FirstUse) -> None:
    """Raise `ZooError`, and remove what came, if it is another file than is expected."""
    try:
        if not sha256:
            first_use.compare(part)
        elif not sha256_of(part).startswith(sha256):
            raise DownloadError(url, f"what it serves is not the file whose SHA-256 begins {sha256[:8]}")
    except ZooError:
        part.unlink()
        raise


def _fetch(url: str, part: Path, unpacked: float) -> None:
    """Download what is still missing of ``part``."""
    start = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": f"i2i_zoo/{__version__}"} | ({"Range": f"bytes={start}-"} if start else {})
    response: HTTPResponse
    try:
        response = _opener().open(request.Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        if error.code == 416 and start:  # nothing is left to send: the part here does not belong to that file
            part.unlink()
            return _fetch(url, part, unpacked)
        raise
    with response:
        if response.status != 206:  # the server sends the whole file
            start = 0
        elif not response.headers.get("Content-Range", f"bytes {start}-").startswith(f"bytes {start}-"):
            part.unlink()
            return _fetch(url, part, unpacked)
        if _is_encoded(response, url):
            raise DownloadError(url, f"the server encodes it as {response.headers['Content-Encoding']!r}")
        remaining = response.length  # None if the server does not say, or says nonsense
        total = None if remaining is None else start + remaining
        needed, free = (remaining or 0) + unpacked * (total or 0), shutil.disk_usage(part.parent).free
        if free < needed:
            raise DownloadError(url, f"{needed / 1e9:.2f} GB are needed, but {free / 1e9:.2f} GB are free")
        with (
            part.open("ab" if start else "wb") as output,
            tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=part.stem) as bar,
        ):
            while chunk := response.read(CHUNK):
                output.write(chunk)
                bar.update(len(chunk))
    size = part.stat().st_size
    if total is not None and size < total:
        raise DownloadError(url, f"it broke off after {size} of {total} bytes")


def _is_encoded(response: HTTPResponse, url: str) -> bool:
    """Whether what comes is not the file but an encoding of it, though none was asked for."""
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    # Servers call files that are compressed anyway "gzip", by their names.
    return encoding not in ("", "identity") and not urlsplit(url).path.endswith((".gz", ".tgz", ".bz2", ".xz"))


def _opener() -> request.OpenerDirector:
    """Opens http and https addresses only; the standard library's own would follow a redirect to ftp."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPRedirectHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _reason(error: Exception) -> str:
    """Why a download failed, in a few words."""
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    if isinstance(reason, IncompleteRead):
        return "it broke off"
    return " ".join(str(reason).split()) or type(reason).__name__


def from_drive(identity: str, path: Path, *, folder: bool = False) -> None:
    """Download a file of Google Drive, or all files of a folder there, to ``path``.

    Args:
        identity: What Drive's address calls it.
        path: The file, or the folder, to write.
        folder: Whether it is a folder.

    Raises:
        ModuleNotFoundError: If `gdown`, which knows Drive's pages, is not installed.
        DownloadError: If Drive refuses, as it does when a file was asked for too often.
    """
    import gdown

    try:
        (gdown.download_folder if folder else gdown.download)(id=identity, output=str(path))
    except Exception as error:  # its own errors, and those of its client
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".:")
        if isinstance(error, OSError):  # those of its client say where in its code they came up
            first_line = error.strerror or "the server cannot be reached"
        raise DownloadError(f"https://drive.google.com/open?id={identity}", first_line) from error
