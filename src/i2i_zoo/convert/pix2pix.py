"""Checkpoints of the authors' PyTorch code (junyanz/pytorch-CycleGAN-and-pix2pix), from any of its years.

The files differ.  Those from before PyTorch 0.4.1 lack ``num_batches_tracked``.  Instance norms of 2018 have running
statistics, which nothing uses.  Dropout in a residual block shifts the indices of the layers after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.discriminators import RECEPTIVE_FIELDS
from i2i_zoo.store.tensors import first_few

State = Mapping[str, Tensor]
#: The authors' names of layers to ours: convolutions, from input to output, and normalisations.
Layers = tuple[dict[str, str], dict[str, str]]


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `Pix2Pix`, and its tensors, from the authors' state dicts by network name.

    If a file lacks running statistics, they are those of a new layer; ``inference_norm="image"`` does not use them.

    Raises `ZooError` if a network is not one of theirs, or if generator and discriminator do not belong to one model.
    """
    if "generator" not in states:
        raise ZooError("The generator's file is needed beside the discriminator's.")
    hparams, tensors = read_generator(states["generator"], "generator")
    if "discriminator" in states:
        channels, norm, found, discriminator = read_discriminator(states["discriminator"], "discriminator")
        inputs, outputs = hparams["in_channels"], hparams["out_channels"]
        if norm != hparams["norm"] or channels not in (outputs, inputs + outputs):
            raise ZooError(
                f"The generator ({inputs} to {outputs} channels, norm {hparams['norm']}) and the discriminator "
                f"({channels} channels, norm {norm}) are not of one model."
            )
        hparams |= {**found, "conditional": channels != outputs}
        tensors |= discriminator
    return hparams, tensors


def read_generator(state: State, network: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of a U-Net or residual generator, and its tensors by our names, ``network`` in front."""
    hparams: dict[str, Any]
    if "model.model.0.weight" in state:
        # Each level is nested in the one outside it: "model.model.1.model.3.model.1.weight" is of level 2.
        downs = max(key.count("model.") for key in state) - 1
        hparams, layers = {"generator": f"unet_{2**downs}"}, _unet(downs)
        last, out = "model.model.3", 1  # a transposed convolution has its outputs second
    else:
        blocks = len({key.split(".conv_block.")[0] for key in state if ".conv_block." in key})
        dropout = "model.10.conv_block.5.weight" not in state
        hparams, layers = {"generator": f"resnet_{blocks}", "dropout": dropout}, _resnet(blocks, dropout)
        last, out = f"model.{17 + blocks}", 0
    norm, tensors = _rename(state, layers, network)
    width, in_channels = state[f"{next(iter(layers[0]))}.weight"].shape[:2]
    out_channels = state[f"{last}.weight"].shape[out]
    return {**hparams, "in_channels": in_channels, "out_channels": out_channels, "width": width, "norm": norm}, tensors


def read_discriminator(state: State, network: str) -> tuple[int, str, dict[str, Any], dict[str, Tensor]]:
    """A PatchGAN's input channels, normalisation, other hyper-parameters, and tensors, ``network`` in front."""
    if "net.0.weight" in state:
        prefix, field, convolutions, norms = "net", 1, [0, 2, 5], [3]
    else:
        strided = len([key for key in state if state[key].dim() == 4]) - 2
        fields = {n: field for field, n in RECEPTIVE_FIELDS.items() if n is not None}
        if strided not in fields:
            raise ZooError(f"This {network} is not in the authors' layout: it has {first_few(state)}.")
        prefix, field = "model", fields[strided]
        norms = [3 * n for n in range(1, strided + 1)]
        convolutions = [0, *(n - 1 for n in norms), 3 * strided + 2]
    layers = (
        {f"{prefix}.{i}": f"body.{i}" for i in convolutions},
        {f"{prefix}.{i}": f"body.{i}" for i in norms},
    )
    norm, tensors = _rename(state, layers, network)
    width, in_channels = state[f"{prefix}.0.weight"].shape[:2]
    return in_channels, norm, {"receptive_field": field, "discriminator_width": width}, tensors


def agree(common: dict[str, Any], found: Mapping[str, Any], network: str) -> None:
    """Add the facts that were found in one network's tensors to those of the other networks.

    Raises `ZooError` if they contradict each other.
    """
    for key, value in found.items():
        if common.setdefault(key, value) != value:
            raise ZooError(f"{network} has {key}={value} and another network {common[key]}: they are not of one model.")


def _unet(downs: int) -> Layers:
    convolutions, norms = {"model.model.0": "down.0.conv"}, dict[str, str]()
    block = "model.model.1.model"
    for level in range(1, downs - 1):
        convolutions |= {f"{block}.1": f"down.{level}.conv", f"{block}.5": f"up.{level}.conv"}
        norms |= {f"{block}.2": f"down.{level}.norm", f"{block}.6": f"up.{level}.norm"}
        block += ".3.model"
    # The innermost block has neither a normalisation on its way down nor a block inside.
    convolutions |= {f"{block}.1": f"down.{downs - 1}.conv", f"{block}.3": f"up.{downs - 1}.conv"}
    norms[f"{block}.4"] = f"up.{downs - 1}.norm"
    convolutions["model.model.3"] = "up.0.conv"
    return convolutions, norms


def _resnet(blocks: int, dropout: bool) -> Layers:
    # Our convolutions pad by themselves, so there are no padding layers, and indices are smaller.
    convolutions = {f"model.{i}": f"body.{i - 1}" for i in (1, 4, 7)}
    norms = {f"model.{i}": f"body.{i - 1}" for i in (2, 5, 8)}
    second = 6 if dropout else 5
    for n in range(blocks):
        theirs, ours = f"model.{10 + n}.conv_block", f"body.{9 + n}.body"
        convolutions |= {f"{theirs}.1": f"{ours}.0", f"{theirs}.{second}": f"{ours}.4"}
        norms |= {f"{theirs}.2": f"{ours}.1", f"{theirs}.{second + 1}": f"{ours}.5"}
    convolutions |= {f"model.{i + blocks}": f"body.{i - 1 + blocks}" for i in (10, 13)}
    norms |= {f"model.{i + blocks}": f"body.{i - 1 + blocks}" for i in (11, 14)}
    convolutions[f"model.{17 + blocks}"] = f"body.{15 + blocks}"
    return convolutions, norms


def _rename(state: State, layers: Layers, network: str) -> tuple[str, dict[str, Tensor]]:
    """The kind of normalisation, and the tensors by our names, with ``network`` in front.

    Statistics that a batch norm lacks are added; those that an instance norm has are left out.
    """
    convolutions, norms = layers
    for layer in convolutions:
        if f"{layer}.weight" not in state or state[f"{layer}.weight"].dim() != 4:
            raise ZooError(f"This {network} is not in the authors' layout: it has no convolution {layer}.weight.")
    if unknown := [key for key in state if key.rpartition(".")[0] not in {**convolutions, **norms}]:
        raise ZooError(f"This {network} is not in the authors' layout: it has {first_few(unknown)} too.")
    if any(f"{layer}.weight" in state for layer in norms):
        norm = "batch"
    else:
        # The second convolution has a bias if an instance norm follows, and none if there is no norm.
        norm = "instance" if f"{list(convolutions)[1]}.bias" in state else "none"
    tensors = {}
    for key, tensor in state.items():
        layer, _, leaf = key.rpartition(".")
        if layer in convolutions:
            tensors[f"{network}.{convolutions[layer]}.{leaf}"] = tensor
        elif norm == "batch":
            tensors[f"{network}.{norms[layer]}.{leaf}"] = tensor
    if norm == "batch":
        for layer, ours in norms.items():
            if (weight := state.get(f"{layer}.weight")) is None:
                continue
            tensors.setdefault(f"{network}.{ours}.running_mean", torch.zeros_like(weight))
            tensors.setdefault(f"{network}.{ours}.running_var", torch.ones_like(weight))
            tensors.setdefault(f"{network}.{ours}.num_batches_tracked", torch.tensor(0))
    return norm, tensors
