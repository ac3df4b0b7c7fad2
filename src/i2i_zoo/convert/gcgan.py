"""Checkpoints of GcGAN's authors (hufu6371/GcGAN), whose networks are CycleGAN's.

``generator_ab`` is their G_AB, ``discriminator_b`` D_B, and ``discriminator_turned_b``, which judges transformed
pictures, D_gc_B.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .cyclegan import read_networks
from .pix2pix import State


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Hyper-parameters of `GcGAN`, and its tensors, of the authors' state dicts by network name.

    With ``generator_ba`` it is the variant with the cycle loss.

    Raises `ZooError` if a network is not one of theirs, or they are not of one model.
    """
    hparams, tensors = read_networks(states)
    return {**hparams, "lambda_cycle": 10.0 if "generator_ba" in states else 0.0}, tensors
