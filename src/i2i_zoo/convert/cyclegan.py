"""Checkpoints of CycleGAN's authors (junyanz/pytorch-CycleGAN-and-pix2pix), of any of its years.

Theirs are named for the domain that they start from (``G_A`` translates A) or whose translations they judge (``D_A``
judges B): ``generator_ab`` is G_A, ``discriminator_b`` is D_A.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from i2i_zoo.errors import ZooError

from .pix2pix import State, agree, read_discriminator, read_generator


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Hyper-parameters of `CycleGAN`, and its tensors, of the authors' state dicts by network name.

    Without ``generator_ba`` it is a model of one direction.

    Raises `ZooError` if a network is not one of theirs, or they are not of one model.
    """
    hparams, tensors = read_networks(states)
    return {**hparams, "directions": "both" if "generator_ba" in states else "ab"}, tensors


def read_networks(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What the files of two domains' generators and discriminators tell, as `read`; the directions are not told.

    Domains of different numbers of channels had no identity loss.
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
