"""From checkpoints that this project did not write to methods of the zoo.

Each method that has official checkpoints has a module `i2i_zoo.convert.<method>`.  Its ``read`` maps the authors' keys
and layout to ours, and reads the hyper-parameters off the tensors.  What the tensors do not show, ``read`` takes as
keyword arguments with the names of the hyper-parameters; `convert` says which values it assumes for them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from itertools import islice, product
from os import PathLike
from types import ModuleType
from typing import Any

from torch import Tensor

from i2i_zoo.annotations import checked_arguments
from i2i_zoo.errors import ZooError, printable
from i2i_zoo.methods.base import Method
from i2i_zoo.registry import method_class
from i2i_zoo.store.chainer import is_npz, read_chainer
from i2i_zoo.store.keras import is_hdf5, read_keras
from i2i_zoo.store.tensorflow import is_tensorflow, read_tensorflow
from i2i_zoo.store.tensors import first_few, is_lightning, read_lightning, read_pickle, state_dicts
from i2i_zoo.tasks.conditions import shown

from .build import build_method, check_hparams

Path = str | PathLike[str]


@checked_arguments
def convert(method: str, files: Path | Mapping[str, Path], **hparams: Any) -> Method:
    """The method, in eval mode, with the weights of the authors' files or of a Lightning checkpoint.

    Args:
        method: Name of the method, such as ``pix2pix``.
        files: The generator's file; or networks' names to their files, such as
            ``{"generator": "latest_net_G.pth", "discriminator": "latest_net_D.pth"}``; or one ``.ckpt`` of `fit`, whose
            averaged weights are taken if it has them.  Of several state dicts in a file, the first that fits is taken.
            Of a checkpoint of TensorFlow, the ``.index`` file, beside which the others are.
        **hparams: Hyper-parameters that replace those read off the tensors.

    Raises:
        ZooError: If a file cannot be read without running code from it, or does not fit the method; if a
            hyper-parameter is unknown.
    """
    cls = method_class(method)
    check_hparams(cls, hparams)
    for file in files.values() if isinstance(files, Mapping) else [files]:
        if not isinstance(file, (str, PathLike)):
            raise ZooError(f"{shown(file)} is not a file of weights: give its path, or one for each network.")
    if not isinstance(files, Mapping):
        content = read_content(files)
        if is_lightning(content):
            found, preprocess, tensors = read_lightning(content, str(files))
            model = _build(cls, {**found, **hparams}, tensors, str(files))
            model.preprocess = cls.preprocess_type.from_json(preprocess, str(files))
            return model
        contents = {cls.inference_networks[0]: content}
    else:
        networks = (*cls.inference_networks, *cls.discriminator_networks, *parts(method))
        if unknown := [name for name in files if name not in networks]:
            raise ZooError(f"{cls.__name__} has no network {unknown[0]!r}: choose from {', '.join(networks)}.")
        contents = {name: read_content(path) for name, path in files.items()}
        files = ", ".join(map(str, files.values()))
    if find_spec(f"{__name__}.{method}") is None:
        raise ZooError(f"{cls.__name__} has no official checkpoints that could be converted.")
    module = import_module(f"{__name__}.{method}")
    read, contents = module.read, by_entry(contents, getattr(module, "ENTRIES", {}))
    # What the tensors do not show.
    facts = [name for name in signature(read).parameters if name != "states"]
    asked = {name: value for name, value in hparams.items() if name in facts}

    def built(states: Mapping[str, dict[str, Tensor]]) -> Method:
        found, tensors = read(states, **asked)
        model = _build(cls, {**found, **hparams}, tensors, str(files))
        if assumed := ", ".join(f"{name}={found[name]!r}" for name in facts if name in found and name not in asked):
            print(
                f"{printable(str(files))}: the tensors do not show {assumed}; this is assumed, so give what is "
                "different (--hparam NAME=VALUE, in Python NAME=VALUE).",
                file=sys.stderr,
            )
        return model

    return _first_that_fits(built, {n: state_dicts(c, str(files)) for n, c in by_domain(contents).items()}, str(files))


def parts(method: str) -> tuple[str, ...]:
    """Names of files that hold a part of a network, where the authors have several files for one."""
    if find_spec(f"{__name__}.{method}") is None:
        return ()
    names: tuple[str, ...] = getattr(import_module(f"{__name__}.{method}"), "PARTS", ())
    return names


def read_content(path: Path) -> Any:
    """The content of a file of weights.  Raises `ZooError` if it cannot be read without running code from it."""
    if is_tensorflow(path):
        return read_tensorflow(path)
    if is_npz(path):
        return read_chainer(path)
    return read_keras(path) if is_hdf5(path) else read_pickle(path)


def _first_that_fits(
    built: Callable[[Mapping[str, dict[str, Tensor]]], Method],
    candidates: Mapping[str, Mapping[str, dict[str, Tensor]]],
    where: str,
) -> Method:
    """The method, built from the first choice of state dicts that are its networks.

    Args:
        built: Builds the method from one state dict for each network.
        candidates: Network to the state dicts in its file, by their entries.
        where: The files.

    Raises `ZooError` if none fits: for the reason of the first choice or, if the files have several entries, with
    their names.
    """
    first: Exception | None = None
    for choice in islice(product(*candidates.values()), 200):
        try:
            return built({name: candidates[name][entry] for name, entry in zip(candidates, choice, strict=True)})
        except (ZooError, LookupError, ValueError) as error:  # the tensors of something else may be anything
            first = first or error
    entries = dict.fromkeys(entry for states in candidates.values() for entry in states if not entry.endswith("."))
    if isinstance(first, ZooError) and not any(entries):
        raise first
    raise ZooError(
        f"None of the entries of {where} ({first_few(entries, 10)}) is the network that is needed: {first}"
    ) from first


def by_domain(contents: Mapping[str, Any]) -> dict[str, Any]:
    """The networks by name; a file that holds those of both domains, under ``a`` and ``b``, is split in two."""
    networks: dict[str, Any] = {}
    for name, content in contents.items():
        if isinstance(content, Mapping) and set(content) == {"a", "b"}:
            stem = name.removesuffix("_a")
            networks |= {f"{stem}_a": content["a"], f"{stem}_b": content["b"]}
        else:
            networks[name] = content
    return networks


def by_entry(contents: Mapping[str, Any], entries: Mapping[str, str]) -> dict[str, Any]:
    """The networks by name; a file that holds several of them is split.

    Args:
        contents: Network to the content of its file.
        entries: What the authors call each network in such a file, to our name; none if they have no such files.
    """
    networks: dict[str, Any] = {}
    for name, content in contents.items():
        held = {
            ours: content[theirs]
            for theirs, ours in entries.items()
            if isinstance(content, Mapping) and isinstance(content.get(theirs), Mapping)
        }
        networks |= held or {name: content}
    return networks


def _build(cls: type[Method], hparams: dict[str, Any], tensors: Mapping[str, Tensor], where: str) -> Method:
    discriminators = any(name.partition(".")[0] in cls.discriminator_networks for name in tensors)
    return build_method(cls, hparams, tensors, where, discriminators=discriminators)


class _Callable(ModuleType):
    """``i2i_zoo.convert`` names a function; importing the package of the same name must not take it away."""

    def __call__(self, method: str, files: Path | Mapping[str, Path], **hparams: Any) -> Method:
        return convert(method, files, **hparams)


sys.modules[__name__].__class__ = _Callable
