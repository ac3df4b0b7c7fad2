"""Metrics of animated persons and faces: whether their points are where they should be, and who they are.

They are those of Siarohin et al. 2019 (sec. 4.1), as the scripts of AliaksandrSiarohin/pose-evaluation compute them:
each frame counts alike.  Frames are judged as they would be read from files of 8 bits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from i2i_zoo.media.pictures import to_float, to_uint8
from i2i_zoo.pretrained.pose_estimators import PoseEstimator


class KeyPointDistance(Metric):
    """Average keypoint distance and missing keypoint rate (``cmp_with_missing.py``).

    The distance of a frame is the mean difference in x and in y, in pixels, of the points that are found in both; it
    is no Euclidean length.  Frames without such a point do not count.  The rate is the share of a frame's true points
    that are not found in the output; frames without true points do not count.

    Args:
        estimator: Finds the pose (18, 3) in a picture (3, H, W) in [-1, 1]: in outputs, and in targets as the truth.
    """

    full_state_update = False
    distance: Tensor
    missing: Tensor
    compared: Tensor
    counted: Tensor

    def __init__(self, estimator: PoseEstimator) -> None:
        super().__init__()
        self.estimator = estimator
        for name in ("distance", "missing", "compared", "counted"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, output: Tensor, target: Tensor) -> None:
        """Count frames (..., 3, H, W) in [-1, 1] with the real ones."""
        found, true = (
            torch.stack([self.estimator(frame) for frame in to_float(to_uint8(frames.flatten(0, -4)))])
            for frames in (output, target)
        )
        self.count(found.to(self.distance), true.to(self.distance))

    def count(self, found: Tensor, true: Tensor) -> None:
        """Count the points (N, K, 3) of frames; x and y in pixels, and visibility."""
        there, both = true[..., 2] > 0, (true[..., 2] > 0) & (found[..., 2] > 0)
        difference = (found - true)[..., :2].abs().mean(2).where(both, 0.0)
        points, common = there.sum(1), both.sum(1)
        self.distance += (difference.sum(1) / common.clamp_min(1)).sum()
        self.compared += (common > 0).sum()
        self.missing += ((points - common) / points.clamp_min(1)).sum()
        self.counted += (points > 0).sum()

    def compute(self) -> dict[str, Tensor]:
        """Not numbers if no frame counts."""
        return {
            "distance": (self.distance / self.compared).float(),
            "missing": (self.missing / self.counted).float(),
        }


class EmbeddingDistance(Metric):
    """Average Euclidean distance of embeddings, which is squared in spite of its name (``cmp.py``).

    Args:
        embedder: Pictures (B, 3, H, W) of uint8 to (B, D).
    """

    full_state_update = False
    total: Tensor
    counted: Tensor

    def __init__(self, embedder: nn.Module) -> None:
        super().__init__()
        self.embedder = embedder
        for name in ("total", "counted"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    @torch.no_grad()
    def update(self, output: Tensor, target: Tensor) -> None:
        """Count frames (..., 3, H, W) in [-1, 1] with the real ones."""
        found, true = (self.embedder(to_uint8(frames.flatten(0, -4))).double() for frames in (output, target))
        self.total += (found - true).square().sum()
        self.counted += len(found)

    def compute(self) -> Tensor:
        """Not a number if no frame counts."""
        return (self.total / self.counted).float()


class Embedder(nn.Module):
    """A network of the user's choice, such as one that recognises faces: (B, 3, H, W) of uint8 to (B, D).

    Args:
        network: It takes pictures in [0, 1], at the size that they have, and returns (B, D).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        embedding: Tensor = self.network(pictures.float() / 255)
        return embedding.flatten(1)
