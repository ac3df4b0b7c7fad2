"""Files of tensors, read without running any code that they hold, and tensors checked against what a model expects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from i2i_zoo.errors import ZooError

#: What `torch.compile`, FSDP and activation checkpointing put into the names of inner modules.
_INNER = re.compile(r"\.(?:(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.)+")


def read_safetensors(path: str | PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` file; raises `ZooError` if it is damaged."""
    try:
        return load_file(path)
    except Exception as error:  # also a type of tensor that torch does not have
        raise ZooError(f"{path} is damaged ({str(error).rstrip('.')}); get it again.") from error


def read_pickle(path: str | PathLike[str]) -> Any:
    """The content of a file that ``torch.save`` wrote, zip or legacy: tensors and plain Python values only.

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
    """The first of `state_dicts`."""
    return next(iter(state_dicts(content, where).values()))


def state_dicts(content: Any, where: str) -> dict[str, dict[str, Tensor]]:
    """The state dicts in the content of a file, by the entries that lead to them: ``model.netG``.

    Those under ``state_dict`` come first, then averages, then the others as the file has them.  Prefixes that wrappers
    put before all names (``module.``, ``_orig_mod.``) or inside of them are removed.  Parts of a state dict, such as
    the networks ``netG.`` and ``netD.`` or what is inside of a wrapper ``model.``, come last; their entries end with a
    dot.

    Raises `ZooError` if the content, read from the file ``where``, holds none.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for entry, state in _nested(content):
        while (prefix := _common_part(state)) in ("module", "_orig_mod"):
            state = {name.removeprefix(f"{prefix}."): tensor for name, tensor in state.items()}
        found[entry] = {_INNER.sub(".", name): tensor for name, tensor in state.items()}
    if not found:
        raise ZooError(
            f"{where} holds no state dict, {_found_instead(content)}: a mapping of names to tensors is needed."
        )

    def rank(entry: str) -> int:
        parts = entry.lower().split(".")
        return 0 if "state_dict" in parts else 1 if "ema" in parts or entry.lower().endswith("_ema") else 2

    found = {entry: found[entry] for entry in sorted(found, key=rank)}
    for entry, state in list(found.items()):
        for part in dict.fromkeys(name.partition(".")[0] for name in state):
            start = f"{part}."
            inside = {name.removeprefix(start): tensor for name, tensor in state.items() if name.startswith(start)}
            if not part.isdecimal() and any("." in name for name in inside):
                found.setdefault(f"{entry}.{start}".removeprefix("."), inside)
    return found


def _found_instead(content: Any) -> str:
    """What is there in place of a state dict: "only a number (epoch), a mapping (args)"."""
    if isinstance(content, Mapping):
        others = [f"{key} ({_kind(value)})" for key, value in content.items() if not isinstance(value, Tensor)]
        tensors = any(isinstance(value, Tensor) for value in content.values())
        if not others:
            return "only tensors without names" if tensors else "as it is empty"
        return f"since {first_few(others)} stand beside its tensors" if tensors else f"only {first_few(others)}"
    if isinstance(content, (list, tuple)):
        kinds = dict.fromkeys(_kind(item) for item in content)
        return (
            f"only a {type(content).__name__} of {len(content)} items ({first_few(kinds)})"
            if content
            else "only an empty list"
        )
    return f"only {_kind(content)}"


def _kind(value: Any) -> str:
    """What a value is, for a message."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", type(None): "nothing"}
    if isinstance(value, Mapping):
        return f"a mapping with {first_few(map(str, value))}" if value else "an empty mapping"
    return names.get(type(value), f"a {type(value).__name__.lower()}")


def _nested(content: Any, entry: str = "", depth: int = 4) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """State dicts and the entries that lead to them."""
    if is_state(content) and content:
        yield entry, dict(content)
    elif isinstance(content, Mapping) and depth:
        for key, value in content.items():
            if isinstance(key, str):
                yield from _nested(value, f"{entry}.{key}".removeprefix("."), depth - 1)


def _common_part(state: Mapping[str, Tensor]) -> str:
    """What all names have before their first dot; empty if they differ."""
    parts = {name.partition(".")[0] if "." in name else "" for name in state}
    return parts.pop() if len(parts) == 1 else ""


def is_state(content: Any) -> bool:
    """Whether a value maps names to tensors."""
    return isinstance(content, Mapping) and all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()
    )


def is_lightning(content: Any) -> bool:
    """Whether the content of a file is a checkpoint of Lightning's trainer."""
    return isinstance(content, Mapping) and "pytorch-lightning_version" in content


def read_lightning(content: Mapping[str, Any], where: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    """Hyper-parameters, ``preprocess`` and tensors of a Lightning checkpoint.

    Averaged weights, which ``ema`` holds as one state dict for each network, replace the raw ones.  Raises `ZooError`
    if the content, read from the file ``where``, lacks any of the three.
    """
    hparams, preprocess, ema = (content.get(key, {}) for key in ("hyper_parameters", "preprocess", "ema"))
    mappings = all(isinstance(part, Mapping) for part in (hparams, preprocess, ema))
    if not mappings or not all(map(is_state, (content.get("state_dict"), *ema.values()))):
        raise ZooError(f"{where} is not a checkpoint of fit: it needs hyper_parameters, preprocess and state_dict.")
    tensors = dict(content["state_dict"])
    for network, average in ema.items():
        tensors.update({f"{network}.{name}": tensor for name, tensor in average.items()})
    return {k: v for k, v in hparams.items() if not str(k).startswith("_")}, dict(preprocess), tensors


def fitting(
    expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], where: str, *, strict: bool = True
) -> dict[str, Tensor]:
    """The tensors that a model expects, each in the dtype that it expects.

    Args:
        expected: The model's tensors by name.
        tensors: What a file holds, by the same names.
        where: What the tensors came from, for the error message.
        strict: Whether a missing or unknown tensor is an error.

    Raises:
        ZooError: If a tensor has another shape or, with ``strict``, is missing or unknown; it names the first few.  If
            a number is NaN or infinite; it names the tensor.
    """
    problems = {
        "misshapen": [
            f"{name} ({_shape(tensor)} in place of {_shape(expected[name])})"
            for name, tensor in tensors.items()
            if name in expected and tensor.shape != expected[name].shape
        ]
    }
    if strict:
        problems["missing"] = [name for name in expected if name not in tensors]
        problems["unknown"] = [name for name in tensors if name not in expected]
    if any(problems.values()):
        found = "; ".join(f"{problem} {first_few(names)}" for problem, names in problems.items() if names)
        raise ZooError(f"The tensors of {where} do not fit the model: {found}; use the files of one save, unchanged.")
    fitted = {name: tensor.to(expected[name].dtype) for name, tensor in tensors.items() if name in expected}
    if broken := [name for name, tensor in fitted.items() if not tensor.isfinite().all()]:
        raise ZooError(
            f"The weights of {where} hold NaN or infinite numbers, in {first_few(broken)}: its training had diverged, "
            "so use an earlier checkpoint."
        )
    return fitted


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def first_few(names: Iterable[str], count: int = 3) -> str:
    """The first few names as text, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
