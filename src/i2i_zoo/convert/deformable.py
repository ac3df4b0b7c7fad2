"""Checkpoints of the authors of deformable GANs (AliaksandrSiarohin/pose-gan): Keras' ``.h5`` files.

Keras numbers layers of a kind in the order in which they were made, and goes on counting from model to model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.store.tensors import first_few

from .pix2pix import State, agree

#: The kinds of layers, and the names of their tensors here.
LEAVES = {
    "conv2d": {"kernel": "weight", "bias": "bias"},
    "conv2d_transpose": {"kernel": "weight", "bias": "bias"},
    "instance_normalization": {"gamma": "weight", "beta": "bias"},
}


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `Deformable`, and its tensors, from the authors' weights by network name.

    A generator with two encoders is taken for one that moves body parts; that of ``--warp_skip full`` has the same
    tensors, and needs ``warp="whole"``.  The files hold neither the weights of the losses nor whether dropout was used.

    Raises `ZooError` if a network is not one of theirs.
    """
    found: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for network, state in states.items():
        layers = layers_by_kind(state, network)
        convolutions, doubles = layers["conv2d"], layers["conv2d_transpose"]
        width = convolutions[0]["weight"].shape[0] if convolutions else 0
        if network == "generator":
            downs = len(doubles)
            warped = len(convolutions) > downs + 2
            own = {"width": width, "downs": downs, "warp": "parts" if warped else "none"}
            places = generator_places(downs, warped)
        else:
            own, places = {"discriminator_width": width}, pair_places()
        agree(found, own, network)
        for kind, names in places.items():
            if len(names) != len(layers[kind]):
                raise ZooError(
                    f"This {network} is not in the authors' layout: it has {len(layers[kind])} layers {kind}, "
                    f"not {len(names)}."
                )
            for place, layer in zip(names, layers[kind], strict=True):
                tensors |= {f"{network}.{place}.{leaf}": tensor for leaf, tensor in layer.items()}
    return found, tensors


def layers_by_kind(state: State, network: str) -> dict[str, list[dict[str, Tensor]]]:
    """The tensors of each layer by their names here, in PyTorch's order of axes; layers in the order of their numbers.

    Raises `ZooError` for tensors of other layers.
    """
    layers: dict[str, dict[int, dict[str, Tensor]]] = {kind: {} for kind in LEAVES}
    unknown = []
    for name, tensor in state.items():
        match = re.fullmatch(r"([a-z_0-9]+?)_(\d+)\.(\w+)", name)
        leaf = match and LEAVES.get(match[1], {}).get(match[3])
        if match is None or leaf is None or tensor.dim() not in (1, 4):
            unknown.append(name)
            continue
        # Kernels are (height, width, in, out), and those of transposed convolutions (height, width, out, in).
        layout = tensor.permute(3, 2, 0, 1).contiguous() if tensor.dim() == 4 else tensor
        layers[match[1]].setdefault(int(match[2]), {})[leaf] = layout
    if unknown:
        raise ZooError(f"This {network} is not in the authors' layout: it has {first_few(unknown)}.")
    return {kind: [numbered[number] for number in sorted(numbered)] for kind, numbered in layers.items()}


def generator_places(downs: int, warped: bool) -> dict[str, list[str]]:
    """Our names of the generator's layers of each kind, in the order in which the authors made them."""
    encoders = ["appearance", "pose"] if warped else ["appearance"]
    return {
        "conv2d": [
            f"{encoder}.{place}" for encoder in encoders for place in ("first", *(f"down.{n}" for n in range(downs)))
        ]
        + ["last"],
        "conv2d_transpose": [f"up.{n}" for n in range(downs)],
        "instance_normalization": [f"{encoder}.norm.{n}" for encoder in encoders for n in range(downs - 1)]
        + [f"norm.{n}" for n in range(downs)],
    }


def pair_places() -> dict[str, list[str]]:
    """The same for the discriminator."""
    return {
        "conv2d": ["first", *(f"down.{n}" for n in range(4))],
        "conv2d_transpose": [],
        "instance_normalization": [f"norm.{n}" for n in range(3)],
    }
