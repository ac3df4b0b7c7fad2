"""Networks that find optical flow: torchvision's RAFT (Teed and Deng 2020, arXiv:2003.12039), frozen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
import torchvision
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.store.tensors import fitting, read_pickle, state_dict

from .weights import fetch

#: The networks, by torchvision's names.
FlowNetwork = Literal["raft_large", "raft_small"]

#: RAFT halves pictures three times, and compares maps of at least 16 by 16 at four levels.
STRIDE, SMALLEST = 8, 128


class FlowFinder:
    """Finds the flow between pictures.  It is no module, so its weights are in no state dict; all finders share them.

    vid2vid's authors take FlowNet2; RAFT is newer, and torchvision has it.

    Args:
        network: ``raft_large``, or ``raft_small``, which has about a fifth of its parameters.
        weights: A file like torchvision's, in place of that.

    Raises:
        MissingWeights: If the weights are not in torch's cache and cannot be fetched.
        ZooError: If their file is damaged.
    """

    def __init__(self, network: FlowNetwork = "raft_large", weights: str | PathLike[str] | None = None) -> None:
        self.network = pretrained_flow(network, None if weights is None else Path(weights))

    @torch.no_grad()
    def __call__(self, later: Tensor, earlier: Tensor) -> Tensor:
        """The flow (B, 2, H, W) from later pictures back to earlier ones, both (B, 3, H, W) in [-1, 1].

        Pictures of sides that RAFT does not take are scaled, and the flow back again, each side by itself.
        """
        self.network.to(later.device)  # costs nothing if it is there already
        height, width = later.shape[-2:]
        size = [max(SMALLEST, round(side / STRIDE) * STRIDE) for side in (height, width)]
        with torch.autocast(later.device.type, enabled=False):
            flow: Tensor = self.network(scaled(later, size), scaled(earlier, size))[-1]
        return scaled(flow, (height, width)) * flow.new_tensor([width / size[1], height / size[0]])[:, None, None]


def scaled(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Maps (B, C, H, W) in float32, scaled bilinearly to a height and a width."""
    if maps.shape[-2:] == tuple(size):
        return maps.float()
    return F.interpolate(maps.float(), tuple(size), mode="bilinear", align_corners=False)


@cache
def pretrained_flow(network: FlowNetwork, path: Path | None = None) -> Any:
    """A network with torchvision's weights: loaded once, frozen, in eval mode; errors as for `FlowFinder`."""
    if path is None:
        otherwise = "use data that know the flow: StreetClips, or LabelClipData with --data.flow"
        path = fetch(torchvision.models.get_model_weights(network).DEFAULT.url, otherwise=otherwise)
    raft = torchvision.models.get_model(network, weights=None)
    raft.load_state_dict(fitting(raft.state_dict(), state_dict(read_pickle(path), str(path)), str(path)))
    return raft.eval().requires_grad_(False)
