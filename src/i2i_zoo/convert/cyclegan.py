"""Checkpoints of CycleGAN's authors (junyanz/pytorch-CycleGAN-and-pix2pix), of any of its years.

The authors name a network by the domain of its source: ``G_A`` translates A, and ``D_A`` judges its results, which are
pictures of B.  So our ``generator_ab`` is their G_A, and our ``discriminator_b`` is their D_A.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from i2i_zoo.errors import ZooError

from .pix2pix import State, agree, read_discriminator, read_generator


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `CycleGAN`, and its tensors, from the authors' state dicts by network name.

    Without ``generator_ba`` it is a model for one direction.

    Raises `ZooError` if a network is not one of theirs, or if the networks do not belong to one model.
    """
    hparams, tensors = read_networks(states)
    return {**hparams, "directions": "both" if "generator_ba" in states else "ab"}, tensors


def read_networks(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Like `read`, without the hyper-parameter ``directions``, which only CycleGAN has.

    If the domains differ in their channels, the model was trained without the identity loss.
    """
    if "generator_ab" not in states:
        raise ZooError("The file of generator_ab is needed: where only B is translated to A, call B the source.")
    hparams, tensors = read_generator(states["generator_ab"], "generator_ab")
    domains = {"a": hparams["in_channels"], "b": hparams["out_channels"]}
    common = {"norm": hparams["norm"]}
    for network, state in states.items():
        if network == "generator_ba":
            found, own = read_generator(state, network)
            found["in_channels"], found["out_channels"] = found["out_channels"], found["in_channels"]
            common.update(hparams)
        elif network.startswith("discriminator_"):
            channels, norm, found, own = read_discriminator(state, network)
            if channels != domains[network[-1]]:
                raise ZooError(
                    f"{network} judges pictures of {channels} channels and those of its domain have "
                    f"{domains[network[-1]]}: its file is another network's."
                )
            found["norm"] = norm
        else:
            continue
        agree(common, found, network)
        tensors |= own
    if domains["a"] != domains["b"]:
        common["lambda_identity"] = 0.0
    return {**common, **hparams}, tensors
