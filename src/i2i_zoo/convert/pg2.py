"""Checkpoints of PG2's authors (charliememory/Pose-Guided-Person-Image-Generation), which TensorFlow 1 wrote.

One checkpoint holds all three networks.  TensorFlow stores kernels as (height, width, in, out), dense layers as
(in, out), and flattens maps as (height, width, channels).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.pg2 import BatchDiscriminator, CoarseGenerator, DifferenceGenerator
from i2i_zoo.store.tensors import first_few

State = Mapping[str, Tensor]

#: The authors' scopes of the networks.
COARSE, DIFFERENCE, DISCRIMINATOR = "Pose_AE/G", "UAEnoFC/G", "Discriminator"


def read(states: Mapping[str, State], size: Sequence[int] | None = None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The hyper-parameters of `PG2`, and its tensors, from the authors' one checkpoint.

    Args:
        states: The checkpoint's tensors by the authors' names, whatever network the file was passed for.
        size: Height and width of the pictures.  The tensors show the number of cells of the smallest map only: it is
            square if it can be, otherwise twice as high as wide.

    Raises:
        ZooError: If the generators are not in it, or if a network is not one of theirs.
    """
    state = together(states)
    first = tensor_of(state, f"{COARSE}/Conv/weights", 4)
    expand = tensor_of(state, f"{COARSE}/fully_connected_1/weights", 2)
    width, code = first.shape[3], expand.shape[0]
    blocks = count(state, f"{COARSE}/Conv") // 6
    size = size or size_of(expand.shape[1] // width, 2 ** (blocks - 1))
    last = tensor_of(state, f"{DIFFERENCE}/{numbered('Conv', count(state, f'{DIFFERENCE}/Conv') - 3)}/weights", 4)
    first_skip = last.shape[2] > width
    found: dict[str, Any] = {
        "size": list(size),
        "width": width,
        "blocks": blocks,
        "code": code,
        "first_skip": first_skip,
    }
    if blocks < 3 or min(size) < 2 ** (blocks - 1):
        raise ZooError("This is not a checkpoint of PG2's authors: its first stage has too few layers.")
    with torch.device("meta"):
        coarse = CoarseGenerator(first.shape[2], size, width, blocks, code)
        difference = DifferenceGenerator(width, blocks - 2, first_skip)
    tensors = coarse_generator(state, coarse, COARSE, "generator")
    tensors |= difference_generator(state, difference, DIFFERENCE, "refiner")
    if any(name.startswith(f"{DISCRIMINATOR}.") for name in state):
        kernel = tensor_of(state, f"{DISCRIMINATOR}.1.Filters", 4)
        found["discriminator_width"] = kernel.shape[3]
        with torch.device("meta"):
            judge = BatchDiscriminator(kernel.shape[2], size, kernel.shape[3], blocks - 1)
        tensors |= discriminator(state, judge, DISCRIMINATOR, "discriminator")
    return found, tensors


def together(states: Mapping[str, State]) -> dict[str, Tensor]:
    """The tensors of all files.  Those of discriminators lose the scope before their name, which is the layer again."""
    return {
        name.rpartition("/")[2] if "Discriminator." in name.rpartition("/")[2] else name: tensor
        for state in states.values()
        for name, tensor in state.items()
    }


def coarse_generator(state: State, ours: CoarseGenerator, scope: str, network: str) -> dict[str, Tensor]:
    """The tensors of a `CoarseGenerator` under a scope; ``network`` begins their new names."""
    names = ["first", *encoder_names(len(ours.encode)), *decoder_names(ours), "last"]
    tensors = convolutions(state, names, scope)
    channels, height, width = ours.middle
    inner, outer = (dense(state, f"{scope}/{numbered('fully_connected', index)}") for index in range(2))
    if (inner["weight"].shape, outer["weight"].shape) != (ours.squeeze.weight.shape, ours.expand.weight.shape):
        raise ZooError(
            f"{scope}: its dense layers are not those of pictures {height * ours.stride} pixels high and "
            f"{width * ours.stride} wide; give --hparam size=[HEIGHT,WIDTH]."
        )
    rows = inner["weight"].reshape(len(inner["weight"]), height, width, -1).permute(0, 3, 1, 2).flatten(1)
    tensors |= {"squeeze.weight": rows, "squeeze.bias": inner["bias"]}
    for part, tensor in outer.items():
        tensors[f"expand.{part}"] = tensor.reshape(height, width, channels, -1).movedim(2, 0).reshape(tensor.shape)
    return {f"{network}.{name}": tensor.contiguous() for name, tensor in tensors.items()}


def difference_generator(state: State, ours: DifferenceGenerator, scope: str, network: str) -> dict[str, Tensor]:
    """The tensors of a `DifferenceGenerator` under a scope; ``network`` begins their new names."""
    tensors = convolutions(state, ["first", *encoder_names(len(ours.encode)), *decoder_names(ours), "last"], scope)
    return {f"{network}.{name}": tensor.contiguous() for name, tensor in tensors.items()}


def discriminator(state: State, ours: BatchDiscriminator, scope: str, network: str) -> dict[str, Tensor]:
    """The tensors of a `BatchDiscriminator` under a scope; ``network`` begins their new names."""
    tensors = {
        "last.weight": tensor_of(state, f"{scope}.Output.W", 2).T,
        "last.bias": tensor_of(state, f"{scope}.Output.b", 1),
    }
    for level in range(len(ours.down)):
        theirs = f"{scope}.{level + 1}"
        tensors[f"down.{level}.weight"] = tensor_of(state, f"{theirs}.Filters", 4).permute(3, 2, 0, 1)
        tensors[f"down.{level}.bias"] = tensor_of(state, f"{theirs}.Biases", 1)
    for level in range(len(ours.norm)):
        for part, leaf in (("weight", "scale"), ("bias", "offset")):
            tensors[f"norm.{level}.{part}"] = tensor_of(state, f"{scope}.BN{level + 2}.{leaf}", 1)
    return {f"{network}.{name}": tensor.contiguous() for name, tensor in tensors.items()}


def encoder_names(blocks: int) -> list[str]:
    """The convolutions of an encoder in the order in which the authors make them."""
    pairs = [[f"encode.{block}.first", f"encode.{block}.second"] for block in range(blocks)]
    return [name for block, pair in enumerate(pairs) for name in (*pair, f"down.{block}")][:-1]


def decoder_names(ours: CoarseGenerator | DifferenceGenerator) -> list[str]:
    """The same of the decoder."""
    pairs = [[f"decode.{block}.first", f"decode.{block}.second"] for block in range(len(ours.decode))]
    if isinstance(ours, DifferenceGenerator):
        return [name for pair in pairs for name in pair]
    return [name for block, pair in enumerate(pairs) for name in (*pair, f"up.{block}")][:-1]


def convolutions(state: State, names: Sequence[str], scope: str) -> dict[str, Tensor]:
    """The convolutions of a scope, which are numbered there, by our names.

    Raises `ZooError` if there are more or fewer than names.
    """
    if (found := count(state, f"{scope}/Conv")) != len(names):
        raise ZooError(f"{scope} is not in the authors' layout: it has {found} convolutions, not {len(names)}.")
    tensors = {}
    for index, name in enumerate(names):
        theirs = f"{scope}/{numbered('Conv', index)}"
        tensors[f"{name}.weight"] = tensor_of(state, f"{theirs}/weights", 4).permute(3, 2, 0, 1)
        tensors[f"{name}.bias"] = tensor_of(state, f"{theirs}/biases", 1)
    return tensors


def dense(state: State, layer: str) -> dict[str, Tensor]:
    """A dense layer."""
    return {"weight": tensor_of(state, f"{layer}/weights", 2).T, "bias": tensor_of(state, f"{layer}/biases", 1)}


def count(state: State, layer: str) -> int:
    """How many layers are called this, with or without a number."""
    found = 0
    while f"{numbered(layer, found)}/weights" in state:
        found += 1
    return found


def numbered(layer: str, index: int) -> str:
    """TensorFlow's name of one of several layers that are called the same: Conv, Conv_1, Conv_2 ..."""
    return f"{layer}_{index}" if index else layer


def tensor_of(state: State, name: str, dims: int) -> Tensor:
    """A tensor with this number of dimensions, by its name.  Raises `ZooError` if there is none."""
    if name not in state:
        raise ZooError(f"This is not a checkpoint in the authors' layout: it has no {name}, but {first_few(state)}.")
    if state[name].dim() != dims:
        raise ZooError(f"{name} is not in the authors' layout: it has the shape {tuple(state[name].shape)}.")
    return state[name]


def size_of(cells: int, stride: int) -> list[int]:
    """Height and width of the pictures, from the number of cells of the smallest map."""
    height = isqrt(cells)
    if height**2 != cells:
        height = isqrt(2 * cells)
    return [height * stride, cells // max(height, 1) * stride]
