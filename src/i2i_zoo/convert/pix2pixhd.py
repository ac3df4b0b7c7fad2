"""Checkpoints of pix2pixHD's authors (NVIDIA/pix2pixHD), and of code that uses their names.

Their networks are lists of layers, and padding is a layer; our convolutions pad by themselves.  Their files hold only
convolutions, because their norms have no weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.store.tensors import first_few

from .spade import labels_and_edges

State = Mapping[str, Tensor]
#: The authors' name of each convolution to ours.
Places = Mapping[str, str]

#: Unused statistics of instance norms in files of 2017.
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
#: The two convolutions of a residual block.
_BLOCK = {"conv_block.1": "body.0", "conv_block.5": "body.4"}


def read(
    states: Mapping[str, State], labels: int | None = None, edges: bool | None = None, clusters: int = 10
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `Pix2PixHD`, and its tensors, from the authors' state dicts by network name.

    The generator's input is the labels, the edges if the model has them, and the features of an encoder.  The tensors
    do not distinguish 35 labels without edges from 34 labels with edges: edges are assumed.  A model that was
    trained without (the authors' ``--no_instance``) needs ``edges=False``, or its number of ``labels``.

    The authors keep the clusters of features in another file; the model has none until `find_styles` finds them.

    Args:
        states: The state dicts.
        labels: Number of labels; the edges are the channel that is left over, if one is.
        edges: Whether the channel after the labels is the edges.
        clusters: Most clusters of each label's features.

    Raises:
        ZooError: If a network is not one of theirs, or if labels and edges do not add up to the channels; for three
            channels, if neither labels nor edges are given, since these are most often colours.
    """
    if "generator" not in states:
        raise ZooError("The generator's file is needed beside the others.")
    channels, hparams, tensors = generator(states["generator"])
    if "encoder" in states:
        found, encoder = _encoder(states["encoder"])
        hparams |= found
        tensors |= encoder
    features = hparams.get("features", 0)
    if channels - features < 2:
        raise ZooError(f"The generator's {channels} channels are too few for labels, edges and {features} features.")
    if channels - features == 3 and labels is None and edges is None:
        raise ZooError(
            "This generator reads three channels: pictures (the authors' --label_nc 0), which Pix2PixHD cannot have, "
            "or labels; if it reads labels, give their number (--hparam labels=2)."
        )
    labels, edges = labels_and_edges(channels - features, labels, edges, guess=True)
    hparams |= {"labels": labels, "edges": edges}
    if features:
        tensors["encoder.centres"] = torch.zeros(labels, clusters, features)
        tensors["encoder.clusters"] = torch.zeros(labels, dtype=torch.int64)
        hparams["clusters"] = clusters
    if "discriminator" in states:
        tensors |= discriminator(states["discriminator"], hparams)
    return hparams, tensors


def generator(state: State) -> tuple[int, dict[str, Any], dict[str, Tensor]]:
    """The generator's input channels, hyper-parameters and tensors."""
    width, channels = weight(state, "model.1", "generator").shape[:2]
    blocks = _numbers(r"model\.(\d+)\.conv_block\.", state)
    if not blocks:
        raise ZooError("This generator is not in the authors' layout: it has no residual blocks.")
    downs = len([n for n in _numbers(r"model\.(\d+)\.weight", state) if n < min(blocks)]) - 1
    enhancers = len(_numbers(r"model(\d+)_1\.", state))
    local = len(_numbers(r"model1_2\.(\d+)\.conv_block\.", state))
    tensors = placed(state, _generator_places(downs, len(blocks), enhancers, local), "generator")
    hparams = {"width": width, "downs": downs, "blocks": len(blocks), "enhancers": enhancers}
    return channels, hparams | ({"enhancer_blocks": local} if enhancers else {}), tensors


def _numbers(pattern: str, state: State) -> set[int]:
    """The numbers that the pattern's group matches at the beginning of the keys."""
    return {int(match[1]) for key in state if (match := re.match(pattern, key))}


def _generator_places(downs: int, blocks: int, enhancers: int, local: int) -> Places:
    """Their names: ``model`` is the global generator, ``modeln_1`` enhancer n's way down, ``modeln_2`` its way up."""
    places = _trunk(downs, blocks, "trunk")
    for n in range(enhancers):
        down, up = f"model{n + 1}_1", f"model{n + 1}_2"
        places |= {f"{down}.{i}": f"enhancers.{n}.down.{i - 1}" for i in (1, 4)}
        for block in range(local):
            places |= {f"{up}.{block}.{theirs}": f"enhancers.{n}.up.{block}.{ours}" for theirs, ours in _BLOCK.items()}
        places[f"{up}.{local}"] = f"enhancers.{n}.up.{local}"
    places[f"model{enhancers}_2.{local + 4}" if enhancers else f"model.{_last(downs, blocks)}"] = "head"
    return places


def _trunk(downs: int, blocks: int, ours: str) -> dict[str, str]:
    """The layers of a residual generator except the last, in our network under the name ``ours``."""
    first, second = 4 + 3 * downs, 4 + 3 * downs + blocks  # where the blocks begin, and the way up
    places = {f"model.{n}": f"{ours}.{n - 1}" for n in (*range(1, first, 3), *range(second, second + 3 * downs, 3))}
    for n in range(first, second):
        places |= {f"model.{n}.{theirs}": f"{ours}.{n - 1}.{body}" for theirs, body in _BLOCK.items()}
    return places


def _last(downs: int, blocks: int) -> int:
    """The authors' index of a residual generator's last convolution, which follows a padding layer."""
    return 4 + 3 * downs + blocks + 3 * downs + 1


def _encoder(state: State) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters and tensors of an encoder, which is a residual generator without blocks."""
    last = _last(4, 0)
    if f"model.{last}.weight" not in state:  # older files have no padding layer there
        last -= 1
    hparams = {
        "features": weight(state, f"model.{last}", "encoder").shape[0],
        "encoder_width": weight(state, "model.1", "encoder").shape[0],
    }
    return hparams, placed(state, {**_trunk(4, 0, "body"), f"model.{last}": "body.27"}, "encoder")


def discriminator(state: State, hparams: dict[str, Any]) -> dict[str, Tensor]:
    """The discriminator's tensors; its hyper-parameters are added to ``hparams``.

    The authors count the scales from the coarsest; here they are counted from the finest.  Their names depend on
    whether the model was trained with feature matching.
    """
    featured = any(key.startswith("scale") for key in state)
    scales = len({key.partition("_" if featured else ".")[0] for key in state})
    layers = [f"_layer{i}.0" for i in range(5)] if featured else [f".{i}" for i in (0, 2, 5, 8, 11)]
    places = {
        f"{'scale' if featured else 'layer'}{n}{layer}": f"scales.{scales - 1 - n}.convolutions.{i}"
        for n in range(scales)
        for i, layer in enumerate(layers)
    }
    tensors = placed(state, places, "discriminator")
    first = next(theirs for theirs, ours in places.items() if ours == "scales.0.convolutions.0")
    hparams |= {"scales": scales, "discriminator_width": weight(state, first, "discriminator").shape[0]}
    return tensors


def placed(state: State, places: Places, network: str) -> dict[str, Tensor]:
    """The tensors by our names.  Raises `ZooError` if some have no place, and names them."""
    layers = {key: key.rpartition(".") for key in state if not key.endswith(_STATISTICS)}
    if unknown := [key for key, (layer, _, _) in layers.items() if layer not in places]:
        raise ZooError(f"This {network} is not in the authors' layout: it has {first_few(unknown)}.")
    return {f"{network}.{places[layer]}.{leaf}": state[key] for key, (layer, _, leaf) in layers.items()}


def weight(state: State, layer: str, network: str) -> Tensor:
    """The weight of a convolution, by the authors' name.  Raises `ZooError` if there is no such convolution."""
    tensor = state.get(f"{layer}.weight")
    if tensor is None or tensor.dim() != 4:
        raise ZooError(f"This {network} is not in the authors' layout: it has no convolution {layer}.weight.")
    return tensor
