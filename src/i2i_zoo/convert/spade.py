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
from i2i_zoo.store.tensors import first_few

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
#: Patterns of their names, and ours; a key goes through all.
_GENERATOR = (
    (r"^fc\.", "first."),
    (r"^conv_img\.", "last."),
    *((rf"^{name}\.", f"blocks.{i}.") for i, name in enumerate(BLOCKS)),
    (r"\.param_free_norm\.", ".norm."),
    (r"\.mlp_shared\.0\.", ".shared."),
)
_ENCODER = (
    *((rf"^layer{i + 1}\.0\.", f"convolutions.{i}.") for i in range(6)),
    (r"^fc_mu\.", "mean."),
    (r"^fc_var\.", "log_variance."),
)
#: Their scales are counted from the finest, as ours.
_DISCRIMINATOR = ((r"^discriminator_(\d+)\.model(\d)\.(?:0\.)+", r"scales.\1.convolutions.\2."),)


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Hyper-parameters of `SPADE`, and its tensors, of the authors' state dicts by network name.

    Whether ``more`` or ``normal`` doubles the map, the tensors do not tell, nor whether the last channel is the edges;
    ``more`` and edges are taken where there are 36 channels (Cityscapes), edges where there are 184 (COCO).  A square
    picture is taken for a model with styles whose smallest map can be one, else one twice as wide as high.

    Raises `ZooError` if a network is not one of theirs, or one that the generator needs is missing.
    """
    if "generator" not in states:
        raise ZooError("The generator's file is needed beside the others.")
    hparams, tensors = _generator(states["generator"])
    if "encoder" in states:
        if not hparams["latent"]:
            raise ZooError("The generator has no latent code, so the encoder is not of its model.")
        found = renamed(spectral_leaves(states["encoder"]), _ENCODER, "encoder")
        hparams["encoder_width"] = weight(found, "convolutions.0", "encoder").shape[0]
        tensors |= {f"encoder.{key}": tensor for key, tensor in found.items()}
    elif hparams["latent"]:
        raise ZooError("This generator has a latent code: give the encoder's file too, encoder=latest_net_E.pth.")
    if "discriminator" in states:
        found = renamed(spectral_leaves(states["discriminator"]), _DISCRIMINATOR, "discriminator")
        hparams["discriminator_width"] = weight(found, "scales.0.convolutions.0", "discriminator").shape[0]
        hparams["scales"] = len({key.split(".")[1] for key in found})
        tensors |= {f"discriminator.{key}": tensor for key, tensor in found.items()}
    return hparams, tensors


def _generator(state: State) -> tuple[dict[str, Any], dict[str, Tensor]]:
    found = renamed(_merged(spectral_leaves(state)), _GENERATOR, "generator")
    first = weight(found, "first", "generator", dims=(2, 4))
    hidden, channels = weight(found, "blocks.0.norm_0.shared", "generator").shape[:2]
    top = weight(found, "blocks.0.conv_0", "generator").shape[0]
    for key in [key for key in found if key.endswith(".norm.running_var")]:  # written by code that does not count
        found.setdefault(key.replace("running_var", "num_batches_tracked"), torch.tensor(0))
    edges = channels in (36, 184)
    upsampling = "most" if any(k.startswith("blocks.7.") for k in found) else "more" if channels == 36 else "normal"
    hparams: dict[str, Any] = {
        "labels": channels - edges,
        "edges": edges,
        "width": top // 16,
        "upsampling": upsampling,
        "hidden": hidden,
        "norm": "batch" if "blocks.0.norm_0.norm.running_mean" in found else "instance",
        "latent": first.shape[1] if first.dim() == 2 else 0,
    }
    if hparams["latent"]:
        cells = first.shape[0] // max(top, 1)
        square = isqrt(cells) ** 2 == cells
        height = max(isqrt(cells if square else cells // 2), 1)
        stride = {"normal": 32, "more": 64, "most": 128}[upsampling]
        hparams["latent_size"] = [height * stride, cells // height * stride]
    return hparams, {f"generator.{key}": tensor for key, tensor in found.items()}


def _merged(state: State) -> dict[str, Tensor]:
    """The state with gamma and beta of each layer as one convolution, as ours are."""
    merged = dict[str, Tensor]()
    for key, tensor in state.items():
        if ".mlp_beta." in key:
            gamma = key.replace(".mlp_beta.", ".mlp_gamma.")
            if gamma not in state:
                raise ZooError(f"This is no generator of the authors' layout: {key} has no partner {gamma}.")
        elif ".mlp_gamma." in key:
            beta = state.get(key.replace(".mlp_gamma.", ".mlp_beta."))
            if beta is None or beta.shape != tensor.shape:
                raise ZooError(f"This is no generator of the authors' layout: {key} has no partner mlp_beta.")
            merged[key.replace(".mlp_gamma.", ".modulation.")] = torch.cat([tensor, beta])
        else:
            merged[key] = tensor
    return merged


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
            name = re.sub(theirs, ours, name)
        if name == key:
            unknown.append(key)
        found[name] = tensor
    if unknown:
        raise ZooError(f"This is no {network} of the authors' layout: it has {first_few(unknown)}.")
    return found


def weight(found: State, layer: str, network: str, dims: tuple[int, ...] = (4,)) -> Tensor:
    """The weight of a layer of that name.  Raises `ZooError` if there is none, or none of so many dimensions."""
    tensor = found.get(f"{layer}.weight")
    if tensor is None or tensor.dim() not in dims:
        raise ZooError(f"This is no {network} of the authors' layout: it has no weight for {layer}.")
    return tensor
