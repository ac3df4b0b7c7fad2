"""Checkpoints of GcGAN's authors (hufu6371/GcGAN), whose networks are CycleGAN's.

``generator_ab`` is their G_AB and ``discriminator_b`` their D_B.  ``discriminator_turned_b``, which judges transformed
pictures, is their D_gc_B.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .cyclegan import read_networks
from .pix2pix import State


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `GcGAN`, and its tensors, from the authors' state dicts by network name.

    With ``generator_ba`` it is the variant with the cycle loss.

    Raises `ZooError` if a network is not one of theirs, or if the networks do not belong to one model.
    """
    hparams, tensors = read_networks(states)
    return {**hparams, "lambda_cycle": 10.0 if "generator_ba" in states else 0.0}, tensors
