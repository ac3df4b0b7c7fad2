"""Checkpoints of vid2vid's authors (NVIDIA/vid2vid): plain state dicts, one file for each scale and discriminator.

The networks are ``generator`` (``latest_net_G0.pth``), ``generator_1`` and ``generator_2`` of models with finer scales,
``image_discriminator`` (``D``), ``temporal_discriminator_0`` (``D_T0``) and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.store.tensors import first_few

from .pix2pix import State, agree
from .spade import labels_and_edges, weight

#: Names of files beside those of our networks: the generator's finer scales.
PARTS = ("generator_1", "generator_2")

#: Their parts of a scale to ours, and what is added to the number of a layer: a layer of padding comes first there.
_PARTS = {
    "model_down_seg": ("labels", -1),
    "model_down_img": ("before", -1),
    "model_res_img": ("picture", 0),
    "model_up_img": ("picture", 0),
    "model_res_flow": ("motion", 0),
    "model_up_flow": ("motion", 0),
    "indv_down": ("foreground_down", -1),
    "indv_res": ("foreground_up", 0),
    "indv_up": ("foreground_up", 0),
}
#: Last layers; that of the flow and that of the weight are one layer of ours.
_HEADS = {"model_final_img.1": "picture_head", "indv_final.1": "foreground_head"}
_MOTION = ("model_final_flow.1", "model_final_w.1")
#: What follows residual blocks that are parts of their own.
_AFTER = {"model_up_img": "model_res_img", "model_up_flow": "model_res_flow", "indv_up": "indv_res"}


def read(
    states: Mapping[str, State],
    labels: int | None = None,
    edges: bool | None = None,
    foreground: Sequence[int] = (26,),
    first_frame: str = "given",
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `Vid2Vid`, and its tensors, from the authors' state dicts by network name.

    Args:
        states: The state dicts.
        labels: Number of labels; the edges are the channel that is left over, if one is, as for pix2pixHD.
        edges: Whether the channel after the labels is the edges.
        foreground: Labels of the foreground, for models that have a network for it.
        first_frame: ``nothing`` for models that make the first frame too (``--no_first_img``).

    Raises:
        ZooError: If a network is not one of theirs, or if the networks do not belong to one model.
    """
    hparams, tensors, channels = read_networks(states)
    labels, edges = labels_and_edges(channels, labels, edges, guess=True)
    has_foreground = any(key.startswith("indv_") for key in states["generator"])
    hparams |= {
        "labels": labels,
        "edges": edges,
        "foreground": list(foreground) if has_foreground else [],
        "first_frame": first_frame,
    }
    return hparams, tensors


def read_networks(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor], int]:
    """The hyper-parameters that all kinds of vid2vid share, the tensors, and the channels that guide one frame."""
    if "generator" not in states:
        raise ZooError("The generator's file is needed beside the others.")
    scales = [states[name] for name in ("generator", *PARTS) if name in states]
    if "generator_2" in states and "generator_1" not in states:
        raise ZooError("The generator's second scale, generator_1, is needed beside its third.")
    hparams, channels = _coarsest(states["generator"])
    hparams |= {"scales": len(scales)}
    tensors: dict[str, Tensor] = {}
    for number, state in enumerate(scales):
        tensors |= _scale(state, number)
        halved = hparams["width"] // 2**number
        if (found := weight(state, "model_down_seg.1", "generator").shape[0]) != halved:
            raise ZooError(f"Scale {number} of this generator begins with {found} channels, not {halved}.")
        if number:
            agree(hparams, {"fine_blocks": len(_numbers(r"model_up_img\.(\d+)\.conv_block", state))}, "generator")
    temporal = [name for name in states if name.startswith("temporal")]
    for name in ("image_discriminator", *temporal):
        if name in states:
            shown, found_tensors = _discriminator(states[name], name)
            agree(hparams, shown, name)
            tensors |= found_tensors
    if "image_discriminator" in states:
        hparams["temporal_scales"] = len(temporal)
    return hparams, tensors, channels


def _coarsest(state: State) -> tuple[dict[str, Any], int]:
    """The hyper-parameters that the coarsest scale shows, and the channels that guide one frame."""
    width, channels = weight(state, "model_down_seg.1", "generator").shape[:2]
    past = weight(state, "model_down_img.1", "generator").shape[1] // 3
    encoded = _numbers(r"model_down_seg\.(\d+)\.conv_block", state)
    decoded = _numbers(r"model_res_img\.(\d+)\.conv_block", state)
    units = _numbers(r"model_down_seg\.(\d+)\.running_mean", state)
    if not past or channels % (past + 1):
        raise ZooError(f"This generator sees {channels} channels, which are no maps of {past + 1} frames.")
    hparams = {"past": past, "width": width, "downs": len(units) - 1, "blocks": len(encoded) + len(decoded)}
    return hparams, channels // (past + 1)


def _numbers(pattern: str, state: State) -> set[int]:
    """The numbers that the pattern's group matches at the beginning of the keys."""
    return {int(match[1]) for key in state if (match := re.match(pattern, key))}


def _scale(state: State, number: int) -> dict[str, Tensor]:
    """Our tensors of a scale.  Raises `ZooError` if some of theirs have no place."""
    tensors: dict[str, Tensor] = {}
    for key, tensor in state.items():
        if not key.startswith(_MOTION):
            tensors[f"generator.scales.{number}.{_place(key, state)}"] = tensor
    for leaf in ("weight", "bias"):
        parts = [state[f"{layer}.{leaf}"] for layer in _MOTION if f"{layer}.{leaf}" in state]
        if len(parts) < 2:
            raise ZooError("This generator has no flow (the authors' --no_flow): it cannot be read.")
        tensors[f"generator.scales.{number}.motion_head.{leaf}"] = torch.cat(parts)
    return _counted(tensors)


def _place(key: str, state: State) -> str:
    """Our name, within a scale, of one of the authors' tensors.  Raises `ZooError` if it is none of theirs."""
    layer, _, leaf = key.rpartition(".")
    if layer in _HEADS:
        return f"{_HEADS[layer]}.{leaf}"
    match = re.fullmatch(r"(\w+)\.(\d+)(?:\.conv_block\.(\d+))?", layer)
    if match is None or match[1] not in _PARTS:
        raise ZooError(f"This generator is not in the authors' layout: it has {first_few([key])}.")
    ours, shift = _PARTS[match[1]]
    shift += len(_numbers(rf"{_AFTER[match[1]]}\.(\d+)\.", state)) if match[1] in _AFTER else 0
    inner = f".body.{int(match[3]) - 1}" if match[3] else ""
    return f"{ours}.{int(match[2]) + shift}{inner}.{leaf}"


def _discriminator(state: State, name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a discriminator shows, and its tensors.  The authors count scales from the coarsest; we, from the finest."""
    scales = len(_numbers(r"scale(\d+)_", state))
    tensors: dict[str, Tensor] = {}
    for key, tensor in state.items():
        match = re.fullmatch(r"scale(\d+)_layer(\d)\.([01])\.(\w+)", key)
        if match is None:
            raise ZooError(f"This {name} is not in the authors' layout: it has {key}.")
        layer = int(match[2])
        ours = f"norms.{layer - 1}" if match[3] == "1" else f"convolutions.{layer}"
        tensors[f"{name}.scales.{scales - 1 - int(match[1])}.{ours}.{match[4]}"] = tensor
    width = weight(state, "scale0_layer0.0", name).shape[0]
    return {"discriminator_scales": scales, "discriminator_width": width}, _counted(tensors)


def _counted(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the counts of batches that old files lack."""
    for name in [name for name in tensors if name.endswith("running_var")]:
        tensors.setdefault(name.replace("running_var", "num_batches_tracked"), torch.tensor(0))
    return tensors
