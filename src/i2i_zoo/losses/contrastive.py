"""Contrastive loss between the patches of an image: PatchNCE (Park et al. 2020, sec. 3.2, arXiv:2007.15651)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def draw_places(maps: Sequence[Tensor], count: int) -> list[Tensor]:
    """Random places in each map (B, C, h, w): ``count`` different indices into its h * w, or all if it has fewer.

    They are the same for every image of a batch.  Torch's CPU generator draws them, and they are sent to the map's
    device without waiting.
    """
    return [torch.randperm(m.shape[2:].numel())[:count].to(m.device, non_blocking=True) for m in maps]


class PatchProjector(nn.Module):
    """The perceptrons H_l (sec. 3.2): the features of each map at some places to vectors of length 1.

    Shapes: maps (B, C_l, h, w) and their places (n_l,) to (B, n_l, width).
    """

    def __init__(self, channels: Sequence[int], width: int = 256) -> None:
        super().__init__()
        self.perceptrons = nn.ModuleList(
            nn.Sequential(nn.Linear(inputs, width), nn.ReLU(True), nn.Linear(width, width)) for inputs in channels
        )

    def forward(self, maps: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        vectors = []
        for perceptron, features, where in zip(self.perceptrons, maps, places, strict=True):
            # Not selected from (B, h * w, C): for a gradient in that layout and a batch of one, the instance norm of
            # torch 2.14 computes a wrong gradient on a CPU.
            found = perceptron(features.flatten(2).index_select(2, where).mT).float()
            vectors.append(found / (found.norm(dim=-1, keepdim=True) + 1e-7))
        return vectors


def patch_nce_loss(queries: Sequence[Tensor], keys: Sequence[Tensor], temperature: float = 0.07) -> Tensor:
    """The cross-entropy of finding the key at a query's own place among all keys of its image (eq. 2, 3), unweighted.

    ``queries`` and ``keys`` hold, for each layer, vectors (B, n, width) of length 1 at the same n places.  The loss is
    the mean over places and images, then over layers.  ``keys`` gets no gradient.
    """
    losses = []
    for query, key in zip(queries, keys, strict=True):
        with torch.autocast(query.device.type, enabled=False):  # in 16 bits, similar keys would be equal
            logits = query.float() @ key.detach().float().mT / temperature
        own = torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)
        losses.append(F.cross_entropy(logits.flatten(0, 1), own.flatten()))
    return torch.stack(losses).mean()
