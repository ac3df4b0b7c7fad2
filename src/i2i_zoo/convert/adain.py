"""Checkpoints of AdaIN's authors in the layout of their PyTorch code (naoto0804/pytorch-AdaIN).

``encoder`` is their ``vgg_normalised.pth``, which holds all of VGG-19; only the layers up to relu4_1 are used.
``decoder`` is ``decoder.pth``, or a file that their training saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.adain import TAPS, StyleDecoder, StyleEncoder
from i2i_zoo.store.tensors import first_few

from .pix2pix import State, agree
from .spade import weight

#: Network to its class, a layer with as many channels as the width, and their axis: 0 for outputs, 1 for inputs.
NETWORKS: dict[str, tuple[type[StyleEncoder | StyleDecoder], str, int]] = {
    "encoder": (StyleEncoder, "2", 0),
    "decoder": (StyleDecoder, "28", 1),
}


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `AdaIN`, and its tensors, from the authors' state dicts by network name.

    Raises `ZooError` if a network is missing or is not one of theirs, or if their widths differ.
    """
    found: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    if set(states) != set(NETWORKS):
        raise ZooError("Both files are needed: encoder=vgg_normalised.pth decoder=decoder.pth.")
    for network, state in states.items():
        build, layer, side = NETWORKS[network]
        width = weight(state, layer, network).shape[side]
        agree(found, {"width": width}, network)
        with torch.device("meta"):
            ours = {name.removeprefix("layers.") for name in build(width).state_dict()}
        theirs = {key for key in state if network == "decoder" or not is_behind(key)}
        if missing := sorted(ours - theirs):
            raise ZooError(f"This {network} is not in the authors' layout: it has no {first_few(missing)}.")
        if unknown := sorted(theirs - ours):
            raise ZooError(f"This {network} is not in the authors' layout: it has {first_few(unknown)} too.")
        tensors |= {f"{network}.layers.{key}": state[key] for key in theirs}
    return found, tensors


def is_behind(key: str) -> bool:
    """Whether a key belongs to a layer after relu4_1."""
    index = key.partition(".")[0]
    return index.isdecimal() and int(index) > TAPS[-1]
