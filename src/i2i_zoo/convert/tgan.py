"""Checkpoints of TGAN's authors (pfnet-research/tgan): Chainer's ``.npz`` files, one for each network.

Their names are ``gen_iter_N`` (the temporal generator), ``vgen_iter_N`` (the image generator) and ``vdis_iter_N``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.store.tensors import first_few

from .pix2pix import State, agree

#: Chainer's names of the tensors of a layer to torch's.
LEAVES = {
    "W": "weight", "b": "bias", "gamma": "weight", "beta": "bias", "avg_mean": "running_mean", "avg_var": "running_var",
}  # fmt: skip

#: Network to the authors' names of its layers and ours.
LAYERS = {
    "temporal_generator": {
        "dc0": "first",
        **{f"dc{level + 1}": f"up.{level}" for level in range(4)},
        **{f"bn{level}": f"norm.{level}" for level in range(4)},
    },
    "image_generator": {
        "l0s": "clip", "l0f": "frame", "bn0s": "clip_norm", "bn0f": "frame_norm", "dc5": "last",
        **{f"dc{level + 1}": f"up.{level}" for level in range(4)},
        **{f"bn{level + 1}": f"norm.{level}" for level in range(4)},
    },
    "discriminator": {
        **{f"c{level}": f"down.{level}" for level in range(4)},
        "c4": "last",
        **{f"bn{level + 1}": f"norm.{level}" for level in range(3)},
    },
}  # fmt: skip

#: A norm of the authors' discriminator that is never used.
UNUSED = "bn0"


def read(states: Mapping[str, State], adversarial: str = "wgan") -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `TGAN`, and its tensors, from the authors' weights by network name.

    Args:
        states: The networks' tensors.
        adversarial: The loss that they were trained with.  With ``vanilla``, the authors' discriminator gives high
            logits to generated clips, and ours to real ones, so the sign of its last layer changes.

    Raises:
        ZooError: If a network is not one of theirs.
    """
    found: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for network, state in states.items():
        ours = {}
        for name, tensor in state.items():
            layer, _, leaf = name.partition(".")
            if (network, layer) == ("discriminator", UNUSED):
                continue
            if layer not in LAYERS[network] or leaf not in LEAVES:
                raise ZooError(f"This {network} is not in the authors' layout: it has {name}.")
            # The authors' last layer sees the one frame that is left as a picture.
            kernel = tensor[:, :, None] if layer == "c4" and leaf == "W" else tensor
            ours[f"{LAYERS[network][layer]}.{LEAVES[leaf]}"] = kernel
        agree(found, facts(network, ours), network)
        for name in [name for name in ours if name.endswith("running_var")]:
            ours[name.replace("running_var", "num_batches_tracked")] = torch.tensor(0)
        if network == "discriminator":
            found["adversarial"] = adversarial
            if adversarial == "vanilla":
                ours |= {name: -tensor for name, tensor in ours.items() if name.startswith("last.")}
        tensors |= {f"{network}.{name}": tensor for name, tensor in ours.items()}
    return found, tensors


def facts(network: str, state: State) -> dict[str, Any]:
    """The hyper-parameters that a network's tensors, by our names, show."""
    key = {"temporal_generator": "first", "image_generator": "last", "discriminator": "down.0"}[network] + ".weight"
    if key not in state or state[key].dim() < 3:
        raise ZooError(f"This {network} is not in the authors' layout: it has {first_few(state) or 'nothing'}.")
    kernel = state[key]
    if network == "temporal_generator":
        return {"latent": kernel.shape[0], "width": kernel.shape[1] // 16, "shift": "norm.0.bias" in state}
    if network == "image_generator":
        return {"channels": kernel.shape[1], "width": kernel.shape[0]}
    return {"channels": kernel.shape[1], "discriminator_width": kernel.shape[0], "shift": "norm.0.bias" in state}
