"""Checkpoints of Monkey-Net's authors (AliaksandrSiarohin/monkey-net).

A file ``00000007-checkpoint.pth.tar`` holds the three networks, beside the optimisers.  All their convolutions are over
clips, with kernels of one frame; ours are over pictures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .pix2pix import State, agree

#: The entries of a file, to our names of the networks.
ENTRIES = {"generator": "generator", "kp_detector": "keypoint_detector", "discriminator": "discriminator"}

#: The authors' names of parts, as regular expressions, to ours.
PARTS = (
    (r"\b(down|up)_blocks", "blocks"),
    (r"decoder\.conv\.", "last."),
    (r"^predictor\.", "hourglass."),
    (r"^appearance_encoder\.", "encoder."),
    (r"^video_decoder\.", "decoder."),
    (r"^dense_motion_module\.group_blocks\.", "motion.groups."),
    (r"^dense_motion_module\.", "motion."),
    (r"^refinement_module\.r(\d+)\.", r"refinement.\1."),
    (r"^refinement_module\.conv-last\.", "last."),
)


def read(
    states: Mapping[str, State],
    scale: float | str = 100.0,
    least_covariance: float = 0.001,
    detector_reduction: int = 1,
    motion_reduction: int = 1,
    map_reduction: int = 1,
    interpolation: str = "nearest",
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `MonkeyNet`, and its tensors, from the authors' state dicts by network name.

    The tensors do not show the other arguments.  Of the authors' configurations, ``shapes`` has scale=10 and
    least_covariance=0, ``bair`` scale=sum, ``moving-gif`` all reductions 2, and ``vox`` all reductions 4 and bilinear
    interpolation.

    Raises:
        ZooError: If a network is not one of theirs, or if the networks do not belong to one model.
    """
    found: dict[str, Any] = {
        **{"scale": scale, "least_covariance": least_covariance, "interpolation": interpolation},
        **{"detector_reduction": detector_reduction, "motion_reduction": motion_reduction},
        "map_reduction": map_reduction,
    }
    tensors: dict[str, Tensor] = {}
    for network, state in states.items():
        try:
            shown = FACTS[network](state)
        except KeyError as error:
            raise ZooError(f"This {network} is not in the authors' layout: it lacks {error.args[0]}.") from None
        agree(found, shown, network)
        for key, tensor in state.items():
            name = our_name(network, key)
            # Kernels of one frame lose that axis.
            tensors[f"{network}.{name}"] = tensor.squeeze(2) if tensor.dim() == 5 else tensor
            if key.endswith("running_var"):
                count = name.replace("running_var", "num_batches_tracked")
                tensors.setdefault(f"{network}.{count}", torch.tensor(0))  # files of old versions have no such counts
    return found, tensors


def our_name(network: str, key: str) -> str:
    """Our name, within a network, of one of the authors' tensors."""
    if network == "discriminator":
        key = re.sub(r"^down_blocks\.(\d+)\.(conv|norm)\.", r"\2s.\1.", key)
        return re.sub(r"^conv\.", "last.", key)
    for pattern, ours in PARTS:
        key = re.sub(pattern, ours, key)
    return key


def count(state: State, start: str) -> int:
    """How many numbered parts there are under names that begin so."""
    return len({key[len(start) :].partition(".")[0] for key in state if key.startswith(start)})


def generator_facts(state: State) -> dict[str, Any]:
    """The hyper-parameters that a generator shows."""
    masks = state["dense_motion_module.hourglass.decoder.conv.weight"]
    seen = state["dense_motion_module.hourglass.encoder.down_blocks.0.conv.weight"].shape[1]
    blocks = count(state, "video_decoder.up_blocks.")
    slots = masks.shape[0] - 2
    return {
        "keypoints": slots - 1,
        "width": state[f"video_decoder.up_blocks.{blocks - 1}.conv.weight"].shape[0],
        "max_width": state["video_decoder.up_blocks.0.conv.weight"].shape[1] - (slots - 1),
        "blocks": blocks,
        "motion_blocks": count(state, "dense_motion_module.hourglass.decoder.up_blocks."),
        "refinements": count(state, "refinement_module.r"),
        "groups": count(state, "dense_motion_module.group_blocks."),
        "shows_displacement": seen == slots * 6,
    }


def detector_facts(state: State) -> dict[str, Any]:
    """The hyper-parameters that a key point detector shows."""
    blocks = count(state, "predictor.decoder.up_blocks.")
    return {
        "keypoints": state["predictor.decoder.conv.weight"].shape[0],
        "width": state[f"predictor.decoder.up_blocks.{blocks - 1}.conv.weight"].shape[0],
        "motion_blocks": blocks,
    }


def discriminator_facts(state: State) -> dict[str, Any]:
    """The hyper-parameters that a discriminator shows."""
    first = state["down_blocks.0.conv.weight"]
    blocks = count(state, "down_blocks.")
    return {
        "keypoints": first.shape[1] - 3,
        "discriminator_width": first.shape[0] // 2,
        "discriminator_max_width": state[f"down_blocks.{blocks - 1}.conv.weight"].shape[0],
        "discriminator_blocks": blocks,
    }


FACTS = {
    "generator": generator_facts,
    "keypoint_detector": detector_facts,
    "discriminator": discriminator_facts,
}
