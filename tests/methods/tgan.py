"""What the code of TGAN's authors computed; `tests/golden/tgan` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from golden.fill import Golden
from i2i_zoo.convert.tgan import LAYERS

FOLDER = str(Path(__file__).parents[1] / "golden" / "tgan")
State = dict[str, Tensor]

#: The authors' letters of the networks and our names.
NETWORKS = {"G0": "temporal_generator", "G1": "image_generator", "D": "discriminator"}


def golden(case: str) -> Golden:
    """A case of TGAN."""
    return Golden(f"tgan_{case}", FOLDER)


#: The leaf of a key in the golden numbers to Chainer's; those of convolutions and linear layers are W and b.
CHAINER = {"weight": "gamma", "bias": "beta", "running_mean": "avg_mean", "running_var": "avg_var"}


def snapshot(state: Mapping[str, Tensor]) -> State:
    """A network's tensors by the names in the authors' files: dc0.weight is dc0.W there."""
    named = {}
    for key, tensor in state.items():
        layer, leaf = key.split(".")
        named[f"{layer}.{CHAINER[leaf] if layer.startswith('bn') else {'weight': 'W', 'bias': 'b'}[leaf]}"] = tensor
    return named


def ours(letter: str, row: str, tensors: Mapping[str, Tensor]) -> Tensor | None:
    """Our tensor in the place of the authors' row; None for their norm that is never used."""
    layer, leaf = row.split(".")
    network = NETWORKS[letter]
    if layer not in LAYERS[network]:
        return None
    return tensors[f"{network}.{LAYERS[network][layer]}.{leaf}"]
