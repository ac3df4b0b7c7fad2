"""What the code of DPIG's authors computed; `tests/golden/dpig` holds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from golden.fill import Golden

FOLDER = str(Path(__file__).parents[1] / "golden" / "dpig")

#: Height and width of the smallest maps, which their networks flatten as (height, width, channels).
SMALL = {"region_code": (3, 3), "background_code": (8, 4), "squeeze": (8, 4), "expand": (8, 4)}


def golden(case: str) -> Golden:
    """A case of DPIG."""
    return Golden(f"dpig_{case}", FOLDER)


def tower(start: int, name: str) -> Iterator[tuple[str, str]]:
    for level in range(5):
        number = start + 3 * level
        yield f"Conv_{number:02}", f"{name}encode.{level}.first"
        yield f"Conv_{number + 1:02}", f"{name}encode.{level}.second"
        if level < 4:
            yield f"Conv_{number + 2:02}", f"{name}down.{level}"


def decoder() -> Iterator[tuple[str, str]]:
    for level in range(5):
        number = 15 + 3 * level
        yield f"Conv_{number:02}", f"decode.{level}.first"
        yield f"Conv_{number + 1:02}", f"decode.{level}.second"
        if level < 4:
            yield f"Conv_{number + 2:02}", f"up.{level}"


#: The authors' layers, in the order of their creation, to ours.
LAYERS = {
    "encoder": {
        **{"Conv_00": "first", "Conv_01": "pair.first", "Conv_02": "pair.second"},
        **dict(tower(3, "region_tower.")),
        **{"fully_connected_00": "region_code"},
        **dict(tower(17, "background_tower.")),
        **{"fully_connected_01": "background_code"},
    },
    "decoder": {
        **{"Conv_00": "first", "fully_connected_00": "squeeze", "fully_connected_01": "expand", "Conv_29": "last"},
        **dict(tower(1, "")),
        **dict(decoder()),
    },
    "discriminator": {
        **{str(number): f"down.{number - 1}" for number in range(1, 5)},
        **{f"BN{number}": f"norm.{number - 2}" for number in range(2, 5)},
        **{"Output": "last"},
    },
    "mlp": {
        **{"fully_connected_00": "first", "fully_connected_09": "last"},
        **{f"fully_connected_{n:02}": f"block.{(n - 1) // 2}.{(n - 1) % 2}" for n in range(1, 9)},
    },
}


def our_name(network: str, key: str) -> str:
    """Our name of a tensor of theirs, such as Conv_00.weights."""
    layer, _, kind = key.rpartition(".")
    leaf = "bias" if kind in ("biases", "Biases", "b", "beta") else "weight"
    return f"{LAYERS[network][layer]}.{leaf}"


def in_our_layout(name: str, tensor: Tensor) -> Tensor:
    """A tensor of TensorFlow in torch's layout; they flatten maps as (height, width, channels)."""
    if tensor.dim() == 4:
        return tensor.permute(3, 2, 0, 1)
    if name.partition(".")[0] == "expand":
        tensor = tensor.unflatten(-1, (*SMALL["expand"], -1)).movedim(-1, -3).flatten(-3)
    if tensor.dim() == 1:
        return tensor
    tensor = tensor.T
    if (small := SMALL.get(name.partition(".")[0])) and not name.startswith("expand"):
        tensor = tensor.unflatten(1, (*small, -1)).movedim(-1, -3).flatten(1)
    return tensor


def theirs(name: str, tensor: Tensor) -> Tensor:
    """A tensor of ours in TensorFlow's layout: the inverse of `in_our_layout`."""
    if tensor.dim() == 4:
        return tensor.permute(2, 3, 1, 0)
    places = torch.arange(tensor.numel(), dtype=torch.float64)
    shape = tensor.shape[::-1]
    where = in_our_layout(name, places.view(shape)).reshape(-1).long()
    return torch.empty(tensor.numel(), dtype=tensor.dtype).scatter(0, where, tensor.reshape(-1)).view(shape)


def our_state(stored: Golden, letter: str, network: str) -> dict[str, Tensor]:
    """The filled weights of a network of a case, for ours."""
    named = {our_name(network, key): tensor for key, tensor in stored.state(letter).items()}
    return {name: in_our_layout(name, tensor) for name, tensor in named.items()}


def pose_state(stored: Golden) -> dict[str, Tensor]:
    """The filled weights of the pose auto-encoder; the decoder's two last layers are one of ours."""
    encoder, decoder = stored.state("E"), stored.state("G")
    heads = ("fully_connected_09", "fully_connected_10")
    joined = {
        f"{heads[0]}.{leaf}": torch.cat([decoder.pop(f"{head}.{leaf}") for head in heads], -1)
        for leaf in ("weights", "biases")
    }
    named = {
        f"{part}.{our_name('mlp', key)}": tensor
        for part, state in (("encoder", encoder), ("decoder", decoder | joined))
        for key, tensor in state.items()
    }
    return {name: tensor.T if tensor.dim() == 2 else tensor for name, tensor in named.items()}


def pose_rows(stored: Golden, table: str, tensors: dict[str, Tensor]) -> list[Tensor]:
    """Tensors of our pose auto-encoder in the rows and the layout of a table of theirs, such as grad1/G."""
    part = {"E": "encoder", "G": "decoder"}[table[-1]]
    rows = []
    for row in stored.info["stored"][table]["rows"]:
        layer, _, leaf = row.rpartition(".")
        last = layer in ("fully_connected_09", "fully_connected_10") and part == "decoder"
        name = our_name("mlp", f"fully_connected_09.{leaf}" if last else row)
        tensor = tensors[f"{part}.{name}"]
        if last:
            tensor = tensor[:36] if layer == "fully_connected_09" else tensor[36:]
        rows.append(tensor.T if tensor.dim() == 2 else tensor)
    return rows
