"""Checkpoints in the layout of Everybody Dance Now's authors (carolineec/EverybodyDanceNow).

They have published none; the layout is that of their code, which is pix2pixHD's with two networks for the face.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from i2i_zoo.errors import ZooError

from . import pix2pixhd
from .pix2pixhd import State


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `EDN`, and its tensors, from the authors' state dicts by network name.

    Args:
        states: ``generator`` (``latest_net_G.pth``), and perhaps ``discriminator`` (``D``), ``face_generator``
            (``Gface``, of the kind ``global``) and ``face_discriminator`` (``Dface``).

    Raises:
        ZooError: If a network is not one of theirs, or the generator does not take a figure and a frame.
    """
    if "generator" not in states:
        raise ZooError("The generator's file is needed beside the others.")
    channels, hparams, tensors = pix2pixhd.generator(states["generator"])
    if channels != 6:
        raise ZooError(f"This generator reads {channels} channels, not the 6 of a figure and the frame before.")
    if "discriminator" in states:
        tensors |= pix2pixhd.discriminator(states["discriminator"], hparams)
    if "face_generator" in states:
        _, face, found = pix2pixhd.generator(states["face_generator"])
        hparams |= {"face_epochs": 5, "face_width": face["width"], "face_blocks": face["blocks"]}
        tensors |= {f"face_{name}": tensor for name, tensor in found.items()}
    if "face_discriminator" in states:
        state = states["face_discriminator"]
        places = {f"facemodel.{n}": str(n) for n in (0, 2, 3, 5, 6, 8, 9, 11)}
        tensors |= pix2pixhd.placed(state, places, "face_discriminator")
        hparams["face_discriminator_width"] = pix2pixhd.weight(state, "facemodel.0", "face_discriminator").shape[0]
    return hparams, tensors
