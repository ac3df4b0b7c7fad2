"""Checkpoints of CUT's authors (taesungp/contrastive-unpaired-translation).

``generator_ab`` is their G, ``discriminator_b`` their D and ``projector`` their F.  Files of FastCUT have the same
layout; to go on training one, pass the hyper-parameters of FastCUT.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.discriminators import RECEPTIVE_FIELDS
from i2i_zoo.store.tensors import first_few

from .pix2pix import State

#: The taps of the authors' filters by their number: those of `BlurDown`, and those that double the size bilinearly.
TAPS = {3: [1.0, 2.0, 1.0], 4: [1.0, 3.0, 3.0, 1.0]}


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `CUT`, and its tensors, from the authors' state dicts by network name.

    Raises `ZooError` if a network is not one of theirs with instance norm and blurs, if only one of discriminator and
    projector is there, or if the networks do not belong to one model.
    """
    if "generator_ab" not in states:
        raise ZooError("The file of generator_ab is needed beside those of discriminator_b and projector.")
    hparams, tensors = read_generator(states["generator_ab"], "generator_ab")
    if ("discriminator_b" in states) != ("projector" in states):
        raise ZooError("The files of discriminator_b and projector go together: give both, or the generator's alone.")
    if "projector" in states:
        channels, found, own = read_discriminator(states["discriminator_b"], "discriminator_b")
        if channels != hparams["out_channels"]:
            raise ZooError(
                f"discriminator_b judges pictures of {channels} channels and generator_ab makes pictures of "
                f"{hparams['out_channels']}: they are not of one model."
            )
        projector = rename(
            states["projector"],
            {f"mlp_{n}.{i}": f"perceptrons.{n}.{i}" for n in range(5) for i in (0, 2)},
            "projector",
        )
        hparams |= {**found, "projector_width": len(states["projector"]["mlp_0.0.weight"])}
        tensors |= {**own, **projector}
    return hparams, tensors


def read_generator(state: State, network: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of a residual generator, and its tensors by our names, with ``network`` in front."""
    blocks = len({key.split(".conv_block.")[0] for key in state if ".conv_block." in key})
    layers = {"model.1": "encoder.1.0", "model.4": "encoder.1.3", "model.8": "encoder.2.3"}
    places = ["encoder.3.3", *(f"encoder.4.{n}" for n in range(4)), *(f"decoder.{n}" for n in range(blocks - 5))]
    for n, ours in enumerate(places):
        layers |= {f"model.{12 + n}.conv_block.1": f"{ours}.body.0", f"model.{12 + n}.conv_block.5": f"{ours}.body.4"}
    # Ours pads within the last convolution.
    doubled = {13: blocks - 4, 17: blocks, 21: blocks + 3}
    layers |= {f"model.{i + blocks}": f"decoder.{ours}" for i, ours in doubled.items()}
    tensors = rename(state, layers, network)
    width, in_channels = state["model.1.weight"].shape[:2]
    out_channels = len(state[f"model.{21 + blocks}.weight"])
    hparams = {"in_channels": in_channels, "out_channels": out_channels, "width": width}
    return {**hparams, "generator": f"resnet_{blocks}"}, tensors


def read_discriminator(state: State, network: str) -> tuple[int, dict[str, Any], dict[str, Tensor]]:
    """A PatchGAN's input channels, its other hyper-parameters, and its tensors by our names, ``network`` in front."""
    halvings = len([key for key in state if key.endswith(".weight")]) - 2
    fields = {n: field for field, n in RECEPTIVE_FIELDS.items() if n is not None}
    if halvings not in fields:
        raise ZooError(f"This {network} is not in the authors' layout: it has {first_few(state)}.")
    convolutions = [0, *(4 * n - 1 for n in range(1, halvings + 1)), 4 * halvings + 2]
    tensors = rename(state, {f"model.{i}": f"body.{i}" for i in convolutions}, network)
    width, in_channels = state["model.0.weight"].shape[:2]
    return in_channels, {"receptive_field": fields[halvings], "discriminator_width": width}, tensors


def rename(state: State, layers: Mapping[str, str], network: str) -> dict[str, Tensor]:
    """The tensors by our names, with ``network`` in front; the blurring filters are checked and left out.

    Raises `ZooError` for a layer that is missing or unknown, and for a filter that differs from ours.
    """
    for layer in layers:
        if f"{layer}.weight" not in state or state[f"{layer}.weight"].dim() < 2:
            raise ZooError(f"This {network} is not in the authors' layout: it has no layer {layer}.weight.")
    tensors, unknown = {}, []
    for key, tensor in state.items():
        layer, _, leaf = key.rpartition(".")
        if leaf == "filt":
            taps = torch.tensor(TAPS.get(tensor.shape[-1], [0.0]) if tensor.dim() == 4 else [0.0])
            filters = taps.outer(taps) / 16
            if filters.shape != tensor.shape[-2:] or not torch.allclose(filters.expand_as(tensor), tensor.float()):
                raise ZooError(f"{network} blurs with another filter than CUT, {key}: it cannot be converted.")
        elif layer in layers:
            tensors[f"{network}.{layers[layer]}.{leaf}"] = tensor
        else:
            unknown.append(key)
    if unknown:
        raise ZooError(f"This {network} is not in the authors' layout: it has {first_few(unknown)} too.")
    return tensors
