"""How key points go on: a recurrent network that sees those of one frame (Siarohin et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .keypoints import KeyPoints

#: Numbers of a key point: two of its mean, four of its covariance.
NUMBERS = 6


class MotionPredictor(nn.Module):
    """Key points of whole clips, from those of their first frames (``PredictionModule`` of the authors' code).

    Args:
        keypoints: How many.
        width: Hidden numbers of the recurrent network.
    """

    def __init__(self, keypoints: int, width: int = 1024) -> None:
        super().__init__()
        self.recurrent = nn.GRU(NUMBERS * keypoints, width, batch_first=True)
        self.last = nn.Linear(width, NUMBERS * keypoints)

    def forward(self, first: KeyPoints, frames: int) -> KeyPoints:
        """Key points of first frames (B, K, ...) to those of clips (B, T, K, ...); the first frame is predicted too."""
        seen: Tensor = torch.cat([part.flatten(1) for part in first], 1)[:, None].to(self.last.weight.dtype)
        # The network sees no frame but the first, and none of its own: zeros stand for the others.
        states, _ = self.recurrent(F.pad(seen, (0, 0, 0, frames - 1)))
        numbers = self.last(states).float().unflatten(-1, (-1, NUMBERS))
        factor = numbers[..., 2:].unflatten(-1, (2, 2))
        return KeyPoints(numbers[..., :2].tanh(), factor.mT @ factor)
