"""Checkpoints of MUNIT's authors (NVlabs/MUNIT): ``gen_*.pt`` and ``dis_*.pt``.

Each file holds a network of A and one of B.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.store.tensors import first_few

from .pix2pix import State, agree
from .spade import weight

#: Unused buffers, of the instance norms of old revisions and of the authors' AdaIN.
_UNUSED = re.compile(r"(enc|dec)\w*\..*\.norm\.(running_mean|running_var|num_batches_tracked)")


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `MUNIT`, and its tensors, from the authors' state dicts by network name.

    Raises `ZooError` if a network is not one of theirs, if the autoencoders are missing, or if the networks do not
    belong to one model.
    """
    if not any(network.startswith("autoencoder") for network in states):
        raise ZooError("The file of the autoencoders, gen_*.pt, is needed beside that of the discriminators.")
    found: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for network, state in states.items():
        if network.startswith("autoencoder"):
            blocks = count(state, r"dec\.model\.0\.model\.(\d+)\.")
            tensors |= placed(state, autoencoder_places(blocks), network)
            width, channels = weight(state, "enc_content.model.0.conv", network).shape[:2]
            own = {
                "blocks": blocks,
                "width": width,
                "style": len(weight(state, "enc_style.model.6", network)),
                "hidden": len(weight(state, "mlp.model.0.fc", network, dims=(2,))),
                channels_of(network): channels,
            }
        else:
            tensors |= placed(state, pyramid_places(), network)
            width, channels = weight(state, "cnns.0.0.conv", network).shape[:2]
            own = {"discriminator_width": width, channels_of(network): channels}
        agree(found, own, network)
    return found, tensors


def channels_of(network: str) -> str:
    """The name of the hyper-parameter for the image channels of a network's domain."""
    return "in_channels" if network.endswith("a") else "out_channels"


def autoencoder_places(blocks: int) -> dict[str, str]:
    """The authors' names of an autoencoder's layers to ours."""
    places = {f"enc_style.model.{n}.conv": f"style_encoder.{2 * n}" for n in range(5)}
    places["enc_style.model.6"] = "style_encoder.11"
    places |= {f"mlp.model.{n}.fc": f"perceptron.{2 * n}" for n in range(3)}
    places |= down_places("enc_content", "content_encoder", blocks)
    for n in range(blocks):
        places |= {
            f"dec.model.0.model.{n}.model.{i}.conv": f"blocks.{n}.{layer}"
            for i, layer in enumerate(("first", "second"))
        }
    return places | up_places("up", 0)


def down_places(theirs: str, ours: str, blocks: int) -> dict[str, str]:
    """The names of an encoder with instance norms."""
    places = {f"{theirs}.model.{n}.conv": f"{ours}.{3 * n}" for n in range(3)}
    return places | block_places(f"{theirs}.model.3", ours, 9, blocks)


def block_places(theirs: str, ours: str, start: int, blocks: int) -> dict[str, str]:
    """The names of residual blocks."""
    return {
        f"{theirs}.model.{n}.model.{i}.conv": f"{ours}.{start + n}.body.{4 * i}"
        for n in range(blocks)
        for i in range(2)
    }


def up_places(ours: str, start: int) -> dict[str, str]:
    """The names of a decoder's layers after its residual blocks."""
    places = {"dec.model.5.conv": f"{ours}.{start + 8}"}
    for n in range(2):
        places[f"dec.model.{2 * n + 2}.conv"] = f"{ours}.{start + 4 * n + 1}"
        places[f"dec.model.{2 * n + 2}.norm"] = f"{ours}.{start + 4 * n + 2}"
    return places


def pyramid_places() -> dict[str, str]:
    """The names of a discriminator at three scales."""
    places = {f"cnns.{s}.{n}.conv": f"scales.{s}.{2 * n}" for s in range(3) for n in range(4)}
    return places | {f"cnns.{s}.4": f"scales.{s}.8" for s in range(3)}


def count(state: State, pattern: str) -> int:
    """How many different numbers the pattern's group matches at the beginning of the names."""
    return len({match[1] for key in state if (match := re.match(pattern, key))})


def placed(state: State, places: Mapping[str, str], network: str) -> dict[str, Tensor]:
    """The tensors by our names, without unused buffers.  Raises `ZooError` if the names are not the authors'."""
    used = {key: tensor for key, tensor in state.items() if not _UNUSED.fullmatch(key)}
    layers = {key.rpartition(".")[0] for key in used}
    if missing := sorted(set(places) - layers):
        raise ZooError(f"This {network} is not in the authors' layout: it has no {first_few(missing)}.")
    if unknown := sorted(layers - set(places)):
        raise ZooError(f"This {network} is not in the authors' layout: it has {first_few(unknown)} too.")
    leaves = {"gamma": "scale", "beta": "shift"}
    tensors = {}
    for key, tensor in used.items():
        layer, _, leaf = key.rpartition(".")
        tensors[f"{network}.{places[layer]}.{leaves.get(leaf, leaf)}"] = tensor
    return tensors
