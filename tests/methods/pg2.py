"""What the code of PG2's authors computed; `tests/golden/pg2` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from golden.fill import Golden
from i2i_zoo.convert.pg2 import read
from methods.posegan import poses, unpacked

FOLDER = str(Path(__file__).parents[1] / "golden" / "pg2")
State = dict[str, Tensor]


def golden(case: str) -> Golden:
    """A case of PG2."""
    return Golden(f"pg2_{case}", FOLDER)


def inputs(stored: Golden) -> dict[str, Tensor]:
    """The batch of a case; its source pose is not stored, as nothing depends on it."""
    pose = poses(stored["target_keypoints"])
    return {
        "source": stored.input("x"),
        "target": stored.input("x_target"),
        "source_pose": pose,
        "target_pose": pose,
        "mask": unpacked(stored["mask_packed"], 2, 1, 128, 64),
    }


def variable(network: str, key: str) -> str:
    """The variable in the authors' checkpoints: of G1 Conv_03.weights is Pose_AE/G/Conv_3/weights."""
    layer, _, leaf = key.rpartition(".")
    if network == "D":
        leaf = {"gamma": "scale", "beta": "offset"}.get(leaf, leaf)
        return f"Discriminator.{layer}.{leaf}"
    scope = {"G1": "Pose_AE", "G2": "UAEnoFC"}[network]
    kind, _, number = layer.rpartition("_")
    return f"{scope}/G/{kind}{f'_{int(number)}' if int(number) else ''}/{leaf}"


def checkpoint(states: Mapping[str, State]) -> State:
    """The authors' one checkpoint of these networks."""
    return {variable(network, key): tensor for network, state in states.items() for key, tensor in state.items()}


#: The authors' letters of the networks and our names.
NETWORKS = {"G1": "generator", "G2": "refiner", "D": "discriminator"}


class Layout:
    """Between the authors' tensors and ours, by the converter's maps."""

    def __init__(self, states: Mapping[str, State]) -> None:
        self.hparams, self.tensors = read({"generator": checkpoint(states)})
        # Where each number of ours is in the authors' network, as one long list.
        places: dict[str, State] = {}
        for network, state in states.items():
            ends = torch.tensor([tensor.numel() for tensor in state.values()]).cumsum(0).tolist()
            places[network] = {
                key: torch.arange(end - tensor.numel(), end, dtype=torch.int32).view(tensor.shape)
                for (key, tensor), end in zip(state.items(), ends, strict=True)
            }
        self.theirs_shapes = {network: {k: t.shape for k, t in state.items()} for network, state in states.items()}
        _, self.places = read({"generator": checkpoint(places)})

    def theirs(self, network: str, ours: Mapping[str, Tensor]) -> State:
        """The authors' tensors of one network, from all of ours by name."""
        shapes = self.theirs_shapes[network]
        found = torch.full((sum(shape.numel() for shape in shapes.values()),), torch.nan)
        for name, tensor in ours.items():
            if name.startswith(f"{NETWORKS[network]}."):
                found[self.places[name].long().flatten()] = tensor.flatten()
        parts = found.split([shape.numel() for shape in shapes.values()])
        return {key: part.view(shape) for (key, shape), part in zip(shapes.items(), parts, strict=True)}
