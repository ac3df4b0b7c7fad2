"""Weights of the networks that metrics need, fetched once into PyTorch's cache (``$TORCH_HOME/hub/checkpoints``)."""

from __future__ import annotations

from http.client import HTTPException
from pathlib import Path

import torch

from i2i_zoo.errors import ZooError


class MissingWeights(ZooError):
    """A metric cannot be had here, since a file or a package that it needs cannot be got; others can."""


def fetch(url: str, sha256: str) -> Path:
    """The file that an address serves, from the cache if it is there.

    Args:
        url: Where the authors put it.
        sha256: Its sha256, or the beginning of it, which is verified before the file appears in the cache.

    Raises:
        MissingWeights: If it cannot be fetched or is another file.
    """
    path = Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), sha256, progress=False)
        except (OSError, HTTPException) as error:
            raise MissingWeights(
                f"{url} cannot be fetched ({getattr(error, 'reason', error)}): put that file at {path}, "
                "or say where it is with the metric's option weights."
            ) from error
        except RuntimeError as error:  # of torch.hub, for another hash
            raise MissingWeights(f"What {url} serves is not the file whose sha256 begins with {sha256[:8]}.") from error
    return path
