"""Checkpoints of SPADE's authors (NVlabs/SPADE), and of code that follows their names.

Spectral norms come as ``weight_orig``, ``weight_u``, ``weight_v`` (their files) or as torch's parametrizations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isqrt
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .build import first_few

State = Mapping[str, Tensor]

#: The authors' name of each block, in the order in which they run.
BLOCKS = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3", "up_4")

_LEAVES = {
    "weight_orig": "weight",
    "weight_u": "u",
    "weight_v": "v",
    "parametrizations.weight.original": "weight",
    "parametrizations.weight.0._u": "u",
    "parametrizations.weight.0._v": "v",
}
_GENERATOR = (
    (r"fc\.", "first."),
    (r"conv_img\.", "last."),
    *((rf"{name}\.", f"blocks.{i}.") for i, name in enumerate(BLOCKS)),
    (r"\.param_free_norm\.", ".norm."),
    (r"\.mlp_shared\.0\.", ".shared."),
)
_ENCODER = (
    *((rf"layer{i + 1}\.0\.", f"convolutions.{i}.") for i in range(6)),
    (r"fc_mu\.", "mean."),
    (r"fc_var\.", "log_variance."),
)


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Hyper-parameters of `SPADE`, and its tensors, of the authors' state dicts by network name.

    Whether ``more`` or ``normal`` doubles the map, the tensors do not tell, nor whether the last channel is the edges;
    ``more`` and edges are taken where there are 36 channels (Cityscapes), edges where there are 184 (COCO).  A square
    picture is taken for a model with styles whose smallest map can be one.

    Raises `ZooError` if a network is not one of theirs.
    """
    if "generator" not in states:
        raise ZooError("The generator's file is needed beside the others.")
    hparams, tensors = _generator(states["generator"])
    if "encoder" in states:
        if not hparams["latent"]:
            raise ZooError("The generator has no latent code, so the encoder is not of its model.")
        state = spectral_leaves(states["encoder"])
        tensors |= {f"encoder.{k}": v for k, v in renamed(state, _ENCODER, "encoder").items()}
        hparams["encoder_width"] = tensors["encoder.convolutions.0.weight"].shape[0]
    elif hparams["latent"]:
        raise ZooError("This generator has a latent code: give the encoder's file too, encoder=latest_net_E.pth.")
    if "discriminator" in states:
        state = spectral_leaves(states["discriminator"])
        pattern = ((r"discriminator_(\d+)\.model(\d)\.(?:0\.)+", r"scales.\1.convolutions.\2."),)
        found = renamed(state, pattern, "discriminator")
        tensors |= {f"discriminator.{k}": v for k, v in found.items()}
        hparams["scales"] = 1 + max(int(k.split(".")[1]) for k in found)
        hparams["discriminator_width"] = found["scales.0.convolutions.0.weight"].shape[0]
    return hparams, tensors


def _generator(state: State) -> tuple[dict[str, Any], dict[str, Tensor]]:
    state = spectral_leaves(state)
    merged = dict[str, Tensor]()
    for key, tensor in state.items():
        if ".mlp_beta." in key:
            continue
        if ".mlp_gamma." in key:
            beta = state.get(key.replace(".mlp_gamma.", ".mlp_beta."))
            if beta is None:
                raise ZooError(f"This is no generator of the authors' layout: {key} has no partner mlp_beta.")
            key, tensor = key.replace(".mlp_gamma.", ".modulation."), torch.cat([tensor, beta])
        merged[key] = tensor
    found = renamed(merged, _GENERATOR, "generator")
    try:
        first, shared = found["first.weight"], found["blocks.0.norm_0.shared.weight"]
        top = found["blocks.0.conv_0.weight"].shape[0]
    except KeyError as error:
        raise ZooError(f"This is no generator of the authors' layout: it has no {error.args[0]}.") from None
    for key in [k for k in found if k.endswith(".norm.running_var")]:  # written by code that does not count
        found.setdefault(key.replace("running_var", "num_batches_tracked"), torch.tensor(0))
    channels, width = shared.shape[1], top // 16
    edges = channels in (36, 184)
    upsampling = "most" if any(k.startswith("blocks.7.") for k in found) else "more" if channels == 36 else "normal"
    hparams: dict[str, Any] = {
        "labels": channels - edges,
        "edges": edges,
        "width": width,
        "upsampling": upsampling,
        "hidden": shared.shape[0],
        "norm": "batch" if "blocks.0.norm_0.norm.running_mean" in found else "instance",
        "latent": first.shape[1] if first.dim() == 2 else 0,
    }
    if hparams["latent"]:
        cells = first.shape[0] // top
        height = isqrt(cells) if isqrt(cells) ** 2 == cells else isqrt(cells // 2)
        stride = {"normal": 32, "more": 64, "most": 128}[upsampling]
        hparams["latent_size"] = [height * stride, cells // height * stride]
    return hparams, {f"generator.{key}": tensor for key, tensor in found.items()}


def spectral_leaves(state: State) -> dict[str, Tensor]:
    """The state with our names of what belongs to a spectral norm."""
    found = {}
    for key, tensor in state.items():
        for theirs, ours in _LEAVES.items():
            if key.endswith(f".{theirs}"):
                key = f"{key.removesuffix(theirs)}{ours}"
                break
        found[key] = tensor
    return found


def renamed(state: State, patterns: tuple[tuple[str, str], ...], network: str) -> dict[str, Tensor]:
    """The state by our names: each key changed by every pattern that it matches.

    Raises `ZooError` naming keys that match none.
    """
    found, unknown = {}, []
    for key, tensor in state.items():
        name = key
        for theirs, ours in patterns:
            name = re.sub(f"^{theirs}" if not theirs.startswith(r"\.") else theirs, ours, name)
        if name == key:
            unknown.append(key)
        found[name] = tensor
    if unknown:
        raise ZooError(f"This is no {network} of the authors' layout: it has {first_few(unknown)}.")
    return found
