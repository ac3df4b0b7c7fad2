"""State dicts of MoCoGAN's authors (sergeytulyakov/mocogan).

Their training saves whole pickled modules, which are not read, since that would run code.  A state dict comes from one
where their code is at hand: ``torch.save(torch.load("generator_100000.pytorch").state_dict(), "generator.pth")``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.dcgan import SHRINKAGE
from i2i_zoo.networks.mocogan import SHORTENED

from .pix2pix import State, agree
from .spade import weight


def read(states: Mapping[str, State], content: int = 50) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `MoCoGAN`, and its tensors, from the authors' state dicts by network name.

    Args:
        states: The networks' state dicts.
        content: Length of the content code; the tensors only show that of content and category together.

    Raises:
        ZooError: If a network is not one of theirs, or if the networks do not belong to one model.
    """
    found: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for network, state in states.items():
        agree(found, facts(network, state, content), network)
        places = {key: our_place(network, key) for key in state}
        tensors |= {f"{network}.{place}": state[key] for key, place in places.items()}
        for place in [place for place in places.values() if place.endswith("running_var")]:
            # Old files have no such counts.
            count = f"{network}.{place.replace('running_var', 'num_batches_tracked')}"
            tensors.setdefault(count, torch.tensor(0))
    return found, tensors


def our_place(network: str, key: str) -> str:
    """Our name, within a network, of one of the authors' tensors.  Raises `ZooError` if it is none of theirs."""
    part, _, rest = key.partition(".")
    if part == "main":
        return f"frames.body.{rest}" if network == "generator" else f"body.{rest}"
    if part == "recurrent" and network == "generator":
        return f"recurrent.{rest}_l0"
    raise ZooError(f"This {network} is not in the authors' layout: it has {key}.")


def facts(network: str, state: State, content: int) -> dict[str, Any]:
    """The hyper-parameters that a network shows.  Raises `ZooError` if it lacks a tensor."""
    if network == "generator":
        first, last = weight(state, "main.0", network), weight(state, "main.12", network)
        motion = state["recurrent.weight_hh"].shape[1]
        return {
            "channels": last.shape[1],
            "size": first.shape[-1] * SHRINKAGE,
            "content": content,
            "motion": motion,
            "categories": first.shape[0] - motion - content,
            "width": last.shape[0],
        }
    width, channels = weight(state, "main.1", network, (4, 5)).shape[:2]
    shown = {"channels": channels, "discriminator_width": width}
    if network == "image_discriminator":
        return {**shown, "image_patches": "main.15.weight" not in state}
    if "main.11.weight" in state:
        return {**shown, "video_patches": True}
    last = weight(state, "main.15", network, (5,))
    return {**shown, "categories": len(last) - 1, "frames": last.shape[2] + SHORTENED}
