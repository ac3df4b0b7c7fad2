"""Reading PyTorch's pickled files without running what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError


def read_pickle(path: str | PathLike[str]) -> Any:
    """The content of a file of ``torch.save``, zip or legacy; tensors and plain Python values only.

    Raises `ZooError` if there is no such file, if it is damaged, or if it holds objects, which could run code.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ZooError(f"{path}: the file cannot be read ({error.strerror or error}); check the path.") from error
    except Exception as error:  # torch raises what its parsers happen to raise
        raise ZooError(
            f"{path} is not a file of tensors: it is damaged, or holds objects that could run code; nothing of it was "
            "loaded: get it again, or as a plain state dict."
        ) from error


def state_dict(content: Any, where: str) -> dict[str, Tensor]:
    """The tensors of one network: taken out of a ``state_dict`` entry, without the ``module.`` of DataParallel."""
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not is_state(content) or not content:
        raise ZooError(f"{where} holds no state dict: a mapping of names to tensors is needed.")
    prefix = "module." if all(name.startswith("module.") for name in content) else ""
    return {name.removeprefix(prefix): tensor for name, tensor in content.items()}


def is_state(content: Any) -> bool:
    """Whether it maps names to tensors."""
    return isinstance(content, Mapping) and all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()
    )


def is_lightning(content: Any) -> bool:
    """Whether the content of a file is a checkpoint of Lightning's trainer."""
    return isinstance(content, Mapping) and "pytorch-lightning_version" in content


def read_lightning(content: Mapping[str, Any], where: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    """Hyper-parameters, ``preprocess`` and tensors of a Lightning checkpoint; `ZooError` if it lacks them.

    ``ema``, a network's name to its averaged state dict, replaces the raw weights.
    """
    hparams, preprocess, ema = (content.get(key, {}) for key in ("hyper_parameters", "preprocess", "ema"))
    mappings = all(isinstance(part, Mapping) for part in (hparams, preprocess, ema))
    if not mappings or not all(map(is_state, (content.get("state_dict"), *ema.values()))):
        raise ZooError(f"{where} is not a checkpoint of fit: it needs hyper_parameters, preprocess and state_dict.")
    tensors = dict(content["state_dict"])
    for network, average in ema.items():
        tensors.update({f"{network}.{name}": tensor for name, tensor in average.items()})
    return {k: v for k, v in hparams.items() if not str(k).startswith("_")}, dict(preprocess), tensors
