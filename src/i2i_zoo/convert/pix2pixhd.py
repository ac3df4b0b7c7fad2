"""Checkpoints of pix2pixHD's authors (NVIDIA/pix2pixHD), and of code that follows their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from i2i_zoo.errors import ZooError

from .build import first_few

State = Mapping[str, Tensor]


def read(states: Mapping[str, State]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Hyper-parameters of `Pix2PixHD`, and its tensors, of the authors' state dicts by network name.

    How many of the segmentation's channels are labels, the tensors do not tell: the last is taken for the edges, and
    with an encoder its features stand behind them.  Running statistics, which instance norms of 2017 had in their files,
    serve nothing and are left out.

    Raises `ZooError` if a network is not one of theirs.
    """
    if "generator" not in states:
        raise ZooError("The generator's file is needed beside the others.")
    hparams, tensors = _generator(states["generator"])
    features = 0
    if "encoder" in states:
        state = _weights(states["encoder"])
        # Reflection padding is a layer of theirs, and part of the convolution here.
        found = {
            f"encoder.body.{int(k.split('.')[1]) - 1 - (int(k.split('.')[1]) > 28)}.{_leaf(k)}": v
            for k, v in state.items()
        }
        last = max(state, key=lambda k: int(k.split(".")[1]) if k.endswith(".weight") else -1)
        features = state[last].shape[0]
        tensors |= found
        hparams |= {"features": features, "encoder_width": state["model.1.weight"].shape[0]}
    hparams["labels"] = hparams.pop("channels") - 1 - features
    if "discriminator" in states:
        tensors |= _discriminator(states["discriminator"], hparams)
    return hparams, tensors


def _leaf(key: str) -> str:
    return key.rpartition(".")[2]


def _weights(state: State) -> dict[str, Tensor]:
    return {k: v for k, v in state.items() if _leaf(k) in ("weight", "bias")}


def _generator(state: State) -> tuple[dict[str, Any], dict[str, Tensor]]:
    state = _weights(state)
    blocks = sorted({int(k.split(".")[1]) for k in state if re.match(r"model\.\d+\.conv_block\.", k)})
    enhancers = len({k.split("_")[0] for k in state if re.match(r"model\d+_1\.", k)})
    if not blocks or "model.1.weight" not in state:
        raise ZooError(f"This is no generator of the authors' layout: it has {first_few(state)}.")
    # Theirs: 0 padding, 1 to 3 the first layer, three for each halving; ours has the padding within the convolution.
    downs, end = (blocks[0] - 4) // 3, blocks[-1]
    head = end + 1 + 3 * downs + 1
    tensors: dict[str, Tensor] = {}
    for key, tensor in state.items():
        if match := re.fullmatch(r"model\.(\d+)\.(weight|bias)", key):
            index = int(match[1])
            ours = f"head.{match[2]}" if index == head else f"trunk.{index - 1}.{match[2]}"
        elif match := re.fullmatch(r"model\.(\d+)\.conv_block\.([15])\.(\w+)", key):
            ours = f"trunk.{int(match[1]) - 1}.body.{0 if match[2] == '1' else 4}.{match[3]}"
        elif match := re.fullmatch(r"model(\d+)_1\.([14])\.(\w+)", key):
            ours = f"enhancers.{int(match[1]) - 1}.down.{int(match[2]) - 1}.{match[3]}"
        elif match := re.fullmatch(r"model(\d+)_2\.(\d+)\.conv_block\.([15])\.(\w+)", key):
            ours = f"enhancers.{int(match[1]) - 1}.up.{match[2]}.body.{0 if match[3] == '1' else 4}.{match[4]}"
        elif match := re.fullmatch(r"model(\d+)_2\.(\d+)\.(\w+)", key):
            local = len({k for k in state if re.match(rf"model{match[1]}_2\.\d+\.conv_block\.1\.weight", k)})
            ours = (
                f"enhancers.{int(match[1]) - 1}.up.{match[2]}.{match[3]}"
                if int(match[2]) == local
                else f"head.{match[3]}"
            )
        else:
            raise ZooError(f"This is no generator of the authors' layout: it has {key}.")
        tensors[f"generator.{ours}"] = tensor
    hparams = {
        "channels": state["model.1.weight"].shape[1],
        "width": state["model.1.weight"].shape[0],
        "downs": downs,
        "blocks": len(blocks),
        "enhancers": enhancers,
    }
    if enhancers:
        hparams["enhancer_blocks"] = len({k for k in state if re.match(r"model1_2\.\d+\.conv_block\.1\.weight", k)})
    return hparams, tensors


def _discriminator(state: State, hparams: dict[str, Any]) -> dict[str, Tensor]:
    """The discriminator's tensors; its scales, which theirs counts from the coarsest, are counted from the finest."""
    state, found = _weights(state), {}
    with_features = any(k.startswith("scale") for k in state)
    pattern = r"scale(\d+)_layer(\d)\.0\.(\w+)" if with_features else r"layer(\d+)\.(\d+)\.(\w+)"
    matches = {key: re.fullmatch(pattern, key) for key in state}
    if unknown := [key for key, match in matches.items() if match is None]:
        raise ZooError(f"This is no discriminator of the authors' layout: it has {first_few(unknown)}.")
    scales = 1 + max(int(match[1]) for match in matches.values() if match)
    plain = {"0": 0, "2": 1, "5": 2, "8": 3, "11": 4}
    for key, match in matches.items():
        assert match is not None
        layer = int(match[2]) if with_features else plain[match[2]]
        found[f"discriminator.scales.{scales - 1 - int(match[1])}.convolutions.{layer}.{match[3]}"] = state[key]
    hparams |= {"scales": scales, "discriminator_width": found["discriminator.scales.0.convolutions.0.weight"].shape[0]}
    return found
