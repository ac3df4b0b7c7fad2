"""Checkpoints of PyTorch's example fast_neural_style (pytorch/examples), which has only instance norms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .munit import placed
from .pix2pix import State
from .spade import weight

#: Unused buffers of old files, whose instance norms tracked statistics.
_UNUSED = re.compile(r"(res\d\.)?in\d\.(running_mean|running_var|num_batches_tracked)")

#: The authors' names of layers to ours.
PLACES = {
    **{f"conv{n}.conv2d": f"body.{3 * n - 3}" for n in (1, 2, 3)},
    **{f"in{n}": f"body.{3 * n - 2}" for n in (1, 2, 3)},
    **{f"res{n}.conv{i}.conv2d": f"body.{8 + n}.body.{3 * i - 3}" for n in range(1, 6) for i in (1, 2)},
    **{f"res{n}.in{i}": f"body.{8 + n}.body.{3 * i - 2}" for n in range(1, 6) for i in (1, 2)},
    **{"deconv1.conv2d": "body.15", "in4": "body.16", "deconv2.conv2d": "body.19", "in5": "body.20"},
    "deconv3.conv2d": "body.22",
}


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `FastStyle`, and its tensors, from the authors' state dict.

    The file holds neither the style's picture nor the weights of the losses.

    Raises `ZooError` if the network is not one of theirs.
    """
    state = {key: tensor for key, tensor in states["generator"].items() if not _UNUSED.fullmatch(key)}
    tensors = placed(state, PLACES, "generator")
    return {"width": len(weight(state, "conv1.conv2d", "generator")), "norm": "instance"}, tensors
