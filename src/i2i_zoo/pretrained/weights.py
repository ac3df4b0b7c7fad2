"""Weights of frozen networks, fetched once into PyTorch's cache (``$TORCH_HOME/hub/checkpoints``)."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from i2i_zoo.errors import ZooError
from i2i_zoo.store.downloads import DownloadError, download


class MissingWeights(ZooError):
    """A frozen network cannot be used here, since a file or a package that it needs is missing."""


def fetch(url: str, sha256: str = "", otherwise: str = "say where it is with the metric's option weights") -> Path:
    """The file at an address, from the cache if it is there.

    Args:
        url: Where its authors put it.
        sha256: Its SHA-256 or the first digits of it, checked before the file appears in the cache. By default they are
            taken from the end of its name, where PyTorch's authors put them: ``vgg16-397923af.pth``.  If there are none
            either, the file is compared with what the address served at its first use.
        otherwise: What else a person can do if it cannot be fetched, for the error message.

    Raises:
        MissingWeights: If it cannot be fetched or is another file.
        ZooError: If the address served another file at its first use.
    """
    path = Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])
    if not sha256 and (named := re.search(r"-([0-9a-f]{8,64})$", path.stem)):
        sha256 = named[1]
    try:
        download(url, path, sha256=sha256)
    except DownloadError as error:
        raise MissingWeights(
            f"{url} cannot be fetched ({error.reason}): put that file at {path}, or {otherwise}."
        ) from error
    return path
