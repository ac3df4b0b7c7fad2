"""From hyper-parameters and tensors to a method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from inspect import signature
from itertools import chain
from threading import get_ident
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.module import register_module_module_registration_hook

from i2i_zoo.annotations import check_arguments
from i2i_zoo.errors import ZooError
from i2i_zoo.media.memory import need_memory
from i2i_zoo.methods.base import Method
from i2i_zoo.store.tensors import fitting


def check_hparams(cls: type[Method], hparams: Mapping[str, Any], where: str = "") -> None:
    """Raise `ZooError` for a hyper-parameter that the method does not have, or a value that its type does not allow.

    ``where`` names the file that they come from.
    """
    origin = where and f"{where}: "
    valid = list(signature(cls).parameters)
    if unknown := [name for name in hparams if name not in valid]:
        raise ZooError(f"{origin}{cls.__name__} has no hyper-parameter {unknown[0]!r}: choose from {', '.join(valid)}.")
    check_arguments(cls, hparams, origin)


def build_method(
    cls: type[Method],
    hparams: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    where: str,
    *,
    discriminators: bool = False,
    strict: bool = True,
) -> Method:
    """The method with these weights, in eval mode, in float32.

    It is built on the meta device and takes the tensors as they are, so nothing is initialised and nothing copied.

    Args:
        cls: The method's class.
        hparams: Arguments of its constructor.
        tensors: By attribute name, ``generator.down.0.conv.weight``.
        where: What the tensors came from, for the error message.
        discriminators: Build, and expect, the discriminators too.
        strict: Whether a missing or unknown tensor is an error; if not, missing tensors keep their initial values.

    Raises:
        ZooError: If the tensors do not fit, or if the hyper-parameters ask for far more layers than there are tensors.
    """
    with torch.device("meta"), _as_many_layers_as(tensors, cls, where):
        model = _construct(cls, hparams, where, discriminators)
    networks = (*model.inference_networks, *(discriminators_of(model) if discriminators else ()))
    tensors = fitting(network_tensors(model, networks), tensors, where, strict=strict)
    model.load_state_dict(tensors, strict=False, assign=True)
    if any(t.is_meta for t in chain(model.parameters(), model.buffers())):
        # No file holds it: strict=False let it go missing, or it is a table that a network computes.
        need_memory(
            sum(tensor.nbytes for tensor in chain(model.parameters(), model.buffers())),
            f"{where}: this {cls.__name__}",
            "correct its hyper-parameters, or get the files again",
        )
        model = _construct(cls, hparams, where, discriminators)
        model.load_state_dict(tensors, strict=False)
    # The tensors are on the CPU already; Lightning's `device` still says where the module was built.
    return model.to("cpu").eval()


@contextmanager
def _as_many_layers_as(tensors: Mapping[str, Tensor], cls: type[Method], where: str) -> Iterator[None]:
    """Raise `ZooError` as soon as this thread builds far more layers within the block than the tensors could fill.

    A downloaded config.json of a few bytes could otherwise ask for layers without end.
    """
    limit, built, thread = 1000 + 20 * len(tensors), 0, get_ident()

    def count(*_: Any) -> None:
        nonlocal built
        if get_ident() == thread:
            built += 1
            if built > limit:
                raise ZooError(
                    f"{where}: the hyper-parameters of {cls.__name__} ask for far more layers than its {len(tensors)} "
                    "tensors can fill: correct them, or get the files again."
                )

    hook = register_module_module_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def discriminators_of(model: Method) -> tuple[str, ...]:
    """Names of the discriminators that the model has: none before `configure_model`, or if its loss needs none."""
    return tuple(name for name in model.discriminator_networks if hasattr(model, name))


def differing_hparams(model: Method, hparams: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the hyper-parameters that would change the tensors of the model, each by itself."""

    def shapes(**changed: Any) -> dict[str, torch.Size]:
        with torch.device("meta"):
            built = _construct(type(model), {**own, **changed}, "the model", discriminators=True)
        return {name: tensor.shape for name, tensor in built.state_dict().items()}

    own = {name: value for name, value in model.hparams.items() if not name.startswith("_")}
    before, differing = shapes(), {}
    for name in sorted(own.keys() & hparams.keys()):
        if hparams[name] != own[name]:
            with suppress(ZooError):  # a value that is not valid by itself
                if shapes(**{name: hparams[name]}) != before:
                    differing[name] = hparams[name]
    return differing


def network_tensors(model: Method, networks: Iterable[str]) -> dict[str, Tensor]:
    """The tensors of these networks by attribute name, as a checkpoint's files hold them."""
    return {
        f"{network}.{name}": tensor
        for network in networks
        for name, tensor in getattr(model, network).state_dict().items()
    }


def _construct(cls: type[Method], hparams: Mapping[str, Any], where: str, discriminators: bool) -> Method:
    check_hparams(cls, hparams, where)
    try:
        model = cls(**hparams)
        if discriminators:
            model.configure_model()
    except ZooError:
        raise
    except Exception as error:  # the values come from a file and may be anything
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ZooError(
            f"{where}: no {cls.__name__} can be built from its hyper-parameters ({why}); correct them."
        ) from error
    return model
