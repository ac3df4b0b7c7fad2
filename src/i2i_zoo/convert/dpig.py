"""Checkpoints of DPIG's authors (charliememory/Disentangled-Person-Image-Generation), which TensorFlow 1 wrote.

They have one checkpoint for each of four models: the appearance, the pose auto-encoder, the mapping functions of
foreground and background, and that of the pose.  Layouts are those of PG2's authors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.dpig import PersonDecoder
from i2i_zoo.networks.pg2 import BatchDiscriminator

from .pg2 import (
    DISCRIMINATOR,
    coarse_generator,
    convolutions,
    count,
    dense,
    discriminator,
    encoder_names,
    numbered,
    size_of,
    tensor_of,
    together,
)

State = Mapping[str, Tensor]

#: The authors' scopes of the networks.
ENCODER, DECODER = "Encoder/G_encoder", "ID_AE/G"
POSE_ENCODER, POSE_DECODER = "PoseAE/G_Pose_Encoder", "PoseAE/G_Pose_Decoder"
#: How the names of the critics begin.
CRITICS = {"foreground": "Fg_FCDis_", "background": "Bg_FCDis_", "pose": "Pose_emb_"}
MAPPINGS = {"foreground": "Gaussian_FC_Fg/G_FC", "background": "Gaussian_FC_Bg/G_FC", "pose": "PoseGaussian/G_FC"}


def read(states: Mapping[str, State], size: Sequence[int] | None = None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `DPIG`, and its tensors, from the authors' checkpoints together.

    Args:
        states: The tensors of the checkpoints by the authors' names, whatever networks the files were passed for.
        size: Height and width of the pictures, as for PG2.

    Raises:
        ZooError: If a network is not in them, or is not one of theirs.
    """
    state = together(states)
    width = tensor_of(state, f"{ENCODER}/Conv/weights", 4).shape[3]
    blocks = (count(state, f"{ENCODER}/Conv") - 1) // 6
    regions, around = (dense(state, f"{ENCODER}/{numbered('fully_connected', index)}") for index in range(2))
    scale, channels = 2 ** max(blocks - 1, 0), width * max(blocks, 1)
    region_cells, cells = (layer["weight"].shape[1] // channels for layer in (regions, around))
    size = size or size_of(cells, scale)
    region_side = isqrt(region_cells)
    smallest = (size[0] // scale, size[1] // scale)
    if blocks < 1 or region_side**2 != region_cells or smallest[0] * smallest[1] != cells:
        raise ZooError(
            f"{ENCODER} is not that of pictures {size[0]} pixels high and {size[1]} wide; give --hparam "
            "size=[HEIGHT,WIDTH]."
        )
    squeeze = dense(state, f"{DECODER}/fully_connected")
    first = tensor_of(state, f"{DECODER}/Conv/weights", 4)
    found: dict[str, Any] = {
        "size": list(size),
        "width": width,
        "blocks": blocks,
        "region_side": region_side * scale,
        "region_code": len(regions["bias"]),
        "background_code": len(around["bias"]),
        "bottleneck": len(squeeze["bias"]),
        "pose_code": len(dense(state, f"{POSE_ENCODER}/fully_connected_9")["bias"]),
        "hidden": len(dense(state, f"{POSE_ENCODER}/fully_connected")["bias"]),
    }
    with torch.device("meta"):
        decoder = PersonDecoder(first.shape[2] - 18, width, blocks, found["bottleneck"], size)
    towers = [f"{side}_tower.{name}" for side in ("region", "background") for name in encoder_names(blocks)]
    tensors = {
        f"encoder.{name}": tensor.contiguous()
        for name, tensor in convolutions(state, ["first", "pair.first", "pair.second", *towers], ENCODER).items()
    }
    for name, layer, shape in (
        ("region_code", regions, (region_side, region_side)),
        ("background_code", around, smallest),
    ):
        rows = layer["weight"].reshape(len(layer["bias"]), *shape, -1).movedim(-1, 1).flatten(1)
        tensors |= {f"encoder.{name}.weight": rows, f"encoder.{name}.bias": layer["bias"]}
    tensors |= coarse_generator(state, decoder, DECODER, "decoder")
    tensors |= perceptron(state, POSE_ENCODER, "pose_autoencoder.encoder")
    tensors |= perceptron(state, POSE_DECODER, "pose_autoencoder.decoder", heads=2)
    for factor, scope in MAPPINGS.items():
        tensors |= perceptron(state, scope, f"{factor}_mapping")
    judges = [f"{DISCRIMINATOR}.Output.W", *[f"{prefix}{DISCRIMINATOR}.Out.W" for prefix in CRITICS.values()]]
    if all(name in state for name in judges):
        kernel = tensor_of(state, f"{DISCRIMINATOR}.1.Filters", 4)
        found["discriminator_width"] = kernel.shape[3]
        with torch.device("meta"):
            judge = BatchDiscriminator(3, size, kernel.shape[3])
        tensors |= discriminator(state, judge, DISCRIMINATOR, "discriminator")
        for factor, prefix in CRITICS.items():
            tensors |= critic(state, f"{prefix}{DISCRIMINATOR}", f"{factor}_critic")
    return found, tensors


def critic(state: State, scope: str, network: str) -> dict[str, Tensor]:
    """The tensors of a `CodeCritic` under a scope; ``network`` begins their new names."""
    layers = [f"{scope}.{layer}.Linear" for layer in ("Input", "0", "1", "2")] + [f"{scope}.Out"]
    tensors = {}
    for index, layer in enumerate(layers):
        tensors[f"{network}.{2 * index}.weight"] = tensor_of(state, f"{layer}.W", 2).T.contiguous()
        tensors[f"{network}.{2 * index}.bias"] = tensor_of(state, f"{layer}.b", 1)
    return tensors


def perceptron(state: State, scope: str, network: str, heads: int = 1) -> dict[str, Tensor]:
    """The tensors of a `ResidualMLP` under a scope; ``network`` begins their new names.

    The last layers of the authors' pose decoder, places and visibility, are two ``heads``; ours is one.
    """
    layers = [dense(state, f"{scope}/{numbered('fully_connected', index)}") for index in range(9 + heads)]
    last = {part: torch.cat([layer[part] for layer in layers[9:]]) for part in ("weight", "bias")}
    names = ["first", *[f"block.{index // 2}.{index % 2}" for index in range(8)], "last"]
    return {
        f"{network}.{name}.{part}": tensor.contiguous()
        for name, layer in zip(names, [*layers[:9], last], strict=True)
        for part, tensor in layer.items()
    }
