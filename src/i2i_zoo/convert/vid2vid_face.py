"""Checkpoints of vid2vid's authors for faces; their files are those that `i2i_zoo.convert.vid2vid` names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.faces import CHANNELS

from .pix2pix import State
from .vid2vid import PARTS as PARTS
from .vid2vid import read_networks


def read(states: Mapping[str, State], first_frame: str = "given") -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `Vid2VidFace`, and its tensors, from the authors' state dicts by network name.

    Args:
        states: The state dicts.
        first_frame: ``nothing`` for models that make the first frame too (``--no_first_img``).

    Raises:
        ZooError: If a network is not one of theirs, if the networks do not belong to one model, or if they are for
            other clips than those of faces.
    """
    hparams, tensors, channels = read_networks(states)
    if channels != CHANNELS or any(key.startswith("indv_") for key in states["generator"]):
        raise ZooError(
            f"This generator is not one for faces, which sees {CHANNELS} channels of a frame (--input_nc "
            f"{CHANNELS}): it sees {channels}.  Try it as vid2vid."
        )
    return hparams | {"first_frame": first_frame}, tensors
