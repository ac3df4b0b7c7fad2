"""Checkpoints of UNIT's authors (mingyuliutw/UNIT), from the paper (branch ``version_02``) and the revision of 2018.

A file of the paper (``*_gen_*.pkl``, ``*_dis_*.pkl``) holds one network for both domains.  A file of 2018 holds a
network of A and one of B.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from i2i_zoo.errors import ZooError

from .munit import block_places, channels_of, count, down_places, placed, pyramid_places, up_places
from .pix2pix import State, agree
from .spade import weight

#: Unused statistics that the instance norms of old files tracked.
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")

#: The weights of the losses in the revision of 2018.
_REVISION = {
    "adversarial": "lsgan",
    "lambda_adversarial": 1.0,
    "lambda_reconstruction": 10.0,
    "lambda_cycle": 10.0,
    "lambda_kl": 0.01,
    "lambda_cycle_kl": 0.01,
    "halve_every": 100_000,
}


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `UNIT`, and its tensors, from the authors' state dicts by network name.

    The networks of 2018 are ``autoencoder_a``, ``autoencoder_b``, ``discriminator_a`` and ``discriminator_b``; those of
    the paper are ``autoencoder`` and ``discriminator``.  The paper's files do not show whether the strided layers have
    instance norms (``COCOResGen``) or not (``COCOResGen2``), nor whether there is dropout.  No norms are assumed; the
    models for animals need ``norm="instance"``.

    Raises `ZooError` if a network is not one of theirs, if the autoencoders are missing, or if the networks do not
    belong to one model.
    """
    of_both = [not network.endswith(("_a", "_b")) for network in states]
    if any(of_both) and not all(of_both):
        raise ZooError("One file is of the paper's code and the other of the revision of 2018: give those of one save.")
    if not any(network.startswith("autoencoder") for network in states):
        raise ZooError("The file of the autoencoders, *_gen_*.pkl or gen_*.pt, is needed beside the discriminators'.")
    if any(of_both):
        return _paper(states)
    found: dict[str, Any] = {"version": 2018, **_REVISION}
    tensors: dict[str, Tensor] = {}
    for network, state in states.items():
        stem, domain = network[:-2], network[-1]
        if stem == "autoencoder":
            blocks = count(state, r"enc\.model\.3\.model\.(\d+)\.")
            places = down_places("enc", "encoder", blocks) | block_places("dec.model.0", "decoder", 0, blocks)
            own = placed(state, places | up_places("decoder", blocks), network)
            width, channels = weight(state, "enc.model.0.conv", network).shape[:2]
            own_facts = {"blocks": blocks, "width": width}
        else:
            own = placed(state, pyramid_places(), network)
            width, channels = weight(state, "cnns.0.0.conv", network).shape[:2]
            own_facts = {"discriminator_width": width}
        tensors |= {f"{stem}.{domain}.{name.removeprefix(network)[1:]}": tensor for name, tensor in own.items()}
        agree(found, {**own_facts, channels_of(network): channels}, network)
    return found, tensors


def _paper(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Like `read`, for files of the paper's code."""
    state = {key: tensor for key, tensor in states["autoencoder"].items() if not key.endswith(_STATISTICS)}
    blocks, shared = max(count(state, r"encode_A\.(\d+)\.") - 3, 0), count(state, r"enc_shared\.(\d+)\.")
    places: dict[str, str] = {}
    for theirs, domain in (("A", "a"), ("B", "b")):
        places |= {f"encode_{theirs}.{n}.model.0": f"encoders.{domain}.{(0, 2, 5)[n]}" for n in range(3)}
        places |= {f"decode_{theirs}.{blocks + n}.model.0": f"decoders.{domain}.{blocks + 3 * n}" for n in range(2)}
        places[f"decode_{theirs}.{blocks + 2}"] = f"decoders.{domain}.{blocks + 6}"
        places |= _blocks(f"encode_{theirs}", 3, f"encoders.{domain}", 8, blocks)
        places |= _blocks(f"decode_{theirs}", 0, f"decoders.{domain}", 0, blocks)
    places |= _blocks("enc_shared", 0, "shared_encoder", 0, shared)
    places |= _blocks("dec_shared", 0, "shared_decoder", 0, shared)
    tensors = placed(state, places, "autoencoder")
    first, other = (weight(state, f"encode_{domain}.0.model.0", "autoencoder").shape for domain in "AB")
    hparams: dict[str, Any] = {
        "version": 2017,
        "in_channels": first[1],
        "out_channels": other[1],
        "width": first[0],
        "blocks": blocks,
        "shared_blocks": shared,
    }
    if "discriminator" in states:
        kind, places = _discriminator_places(states["discriminator"])
        tensors |= placed(states["discriminator"], places, "discriminator")
        start = next((key for key, ours in places.items() if ours == "a.0.0"), "model_A.0.model.0")
        width = len(weight(states["discriminator"], start, "discriminator"))
        hparams |= {"discriminator": kind, "discriminator_width": width}
    return hparams, tensors


def _blocks(theirs: str, first: int, ours: str, start: int, blocks: int) -> dict[str, str]:
    return {f"{theirs}.{first + n}.model.{i}": f"{ours}.{start + n}.body.{i}" for n in range(blocks) for i in (0, 3)}


def _discriminator_places(state: State) -> tuple[str, dict[str, str]]:
    """The discriminator's kind, one of three, and the authors' names of its layers to ours."""
    places: dict[str, str] = {}
    scales = sorted({match[1] for key in state if (match := re.match(r"model_(\d)_A", key))})
    if scales:
        kind, prefixes = (
            "multiscale",
            [(f"model_{s}_{d}", f"{d.lower()}.{i}") for i, s in enumerate(scales) for d in "AB"],
        )
    else:
        kind = "shared" if any(key.startswith("model_S") for key in state) else "separate"
        prefixes = [(f"model_{d}", f"{d.lower()}.0") for d in "AB"]
        prefixes += [("model_S", "shared")] if kind == "shared" else []
    for theirs, ours in prefixes:
        halvings = count(state, rf"{theirs}\.(\d+)\.model\.")
        places |= {f"{theirs}.{n}.model.0": f"{ours}.{2 * n}" for n in range(halvings)}
        if f"{theirs}.{halvings}.weight" in state:
            places[f"{theirs}.{halvings}"] = f"{ours}.{2 * halvings}"
    return kind, places
