"""Hyper-parameters and tensors to a method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import signature
from itertools import chain
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError


def check_overrides(cls: Any, hparams: Mapping[str, Any]) -> None:
    """Raise `ZooError` for a hyper-parameter that the method does not have, or a value that is none of its choices."""
    valid = list(signature(cls).parameters)
    if unknown := [name for name in hparams if name not in valid]:
        raise ZooError(f"{cls.__name__} has no hyper-parameter {unknown[0]!r}: choose from {', '.join(valid)}.")
    hints = get_type_hints(cls.__init__)
    for name, value in hparams.items():
        if get_origin(hints.get(name)) is Literal and value not in get_args(hints[name]):
            choices = ", ".join(map(str, get_args(hints[name])))
            raise ZooError(f"{name}={value!r} is unknown to {cls.__name__}: choose from {choices}.")


def build_method(
    cls: Any,
    hparams: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    where: str,
    *,
    discriminators: bool = False,
    strict: bool = True,
) -> Any:
    """The method with these weights, in eval mode, in float32.

    It is built on the meta device and takes the tensors as they are, so nothing is initialised and nothing copied.

    Args:
        cls: The method's class.
        hparams: Arguments of its constructor.
        tensors: By attribute name, ``generator.down.0.conv.weight``.
        where: What the tensors came from, for the error message.
        discriminators: Build, and expect, the discriminators too.
        strict: Whether a missing or unknown tensor is an error; if not, what is missing keeps its initialisation.

    Raises:
        ZooError: If the tensors do not fit.
    """
    with torch.device("meta"):
        model = _construct(cls, hparams, where, discriminators)
    networks = (*cls.inference_networks, *(discriminators_of(model) if discriminators else ()))
    tensors = fitting(network_tensors(model, networks), tensors, where, strict=strict)
    model.load_state_dict(tensors, strict=False, assign=True)
    if any(t.is_meta for t in chain(model.parameters(), model.buffers())):
        # Something that no file holds: what strict=False lets go missing, or a table that a network computes.
        model = _construct(cls, hparams, where, discriminators)
        model.load_state_dict(tensors, strict=False)
    # The tensors are on the CPU already; Lightning's `device` still says where the module was built.
    return model.to("cpu").eval()


def discriminators_of(model: Any) -> tuple[str, ...]:
    """The discriminators that the model has: none before `configure_model`, or where its loss needs none."""
    return tuple(name for name in model.discriminator_networks if hasattr(model, name))


def network_tensors(model: Any, networks: Iterable[str]) -> dict[str, Tensor]:
    """The tensors of these networks by attribute name, as a checkpoint's files hold them."""
    return {
        f"{network}.{name}": tensor
        for network in networks
        for name, tensor in getattr(model, network).state_dict().items()
    }


def _construct(cls: Any, hparams: Mapping[str, Any], where: str, discriminators: bool) -> Any:
    if unknown := [name for name in hparams if name not in signature(cls).parameters]:
        raise ZooError(f"{where} has a hyper-parameter {unknown[0]!r}, which {cls.__name__} does not have.")
    try:
        model = cls(**hparams)
        if discriminators:
            model.configure_model()
    except ZooError:
        raise
    except Exception as error:  # the values come from a file, and may be anything
        raise ZooError(f"{where}: no {cls.__name__} can be built from its hyper-parameters: {error}.") from error
    return model


def fitting(
    expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], where: str, *, strict: bool = True
) -> dict[str, Tensor]:
    """Those of the tensors that are expected, in the dtype that is.

    Raises `ZooError`, naming the first few, if one has another shape, or with ``strict`` is missing or unknown.
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
        told = "; ".join(f"{problem} {first_few(names)}" for problem, names in problems.items() if names)
        raise ZooError(f"The tensors of {where} do not fit the model: {told}.")
    return {name: tensor.to(expected[name].dtype) for name, tensor in tensors.items() if name in expected}


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def first_few(names: Iterable[str], count: int = 3) -> str:
    """The first names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
