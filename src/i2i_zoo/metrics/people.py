"""Metrics of persons in other poses: those of the person alone, and how well poses are found in the outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from i2i_zoo.media.pictures import to_float, to_uint8
from i2i_zoo.media.pose_drawing import metric_mask
from i2i_zoo.pretrained.pose_estimators import PoseEstimator

from .inception import IS
from .pictures import PictureMean

#: From poses (B, 18, 3) and a height and width to the mask of the persons (B, 1, H, W), 0 or 1.
Mask = Callable[[Tensor, Sequence[int]], Tensor]

#: The points whose box is the size of a head: the nose, the neck, the eyes and the ears.
HEAD = (0, 1, 14, 15, 16, 17)


def only_person(pictures: Tensor, pose: Tensor, mask: Mask = metric_mask) -> Tensor:
    """Pictures (B, C, H, W) in [-1, 1] that are black outside the mask of a pose (B, 18, 3)."""
    return pictures.where(mask(pose, pictures.shape[-2:]) > 0, -1.0)


class PersonMean(PictureMean):
    """`PictureMean` of the person alone: everything outside the mask of the target's pose is black (Ma et al. 2017).

    The black background is compared too, and counts as equal.

    Args:
        measure: See `PictureMean`.
        mask: How the mask is drawn.
        **options: Of `PictureMean`.
    """

    def __init__(self, measure: Callable[..., Tensor], mask: Mask = metric_mask, **options: Any) -> None:
        super().__init__(measure, **options)
        self.mask = mask

    def update(self, output: Tensor, target: Tensor, pose: Tensor) -> None:  # type: ignore[override]  # and the pose
        """Count outputs and targets (B, C, H, W) in [-1, 1], with the targets' poses (B, 18, 3)."""
        super().update(*(only_person(pictures, pose, self.mask) for pictures in (output, target)))


class PersonIS(IS):
    """The Inception score of the person alone, as in `PersonMean`."""

    def update(self, output: Tensor, pose: Tensor) -> None:  # type: ignore[override]  # and the pose
        """Count outputs (B, C, H, W) in [-1, 1] with the poses (B, 18, 3) of their targets."""
        super().update(only_person(output, pose))


class PCKh(Metric):
    """The share of the points of poses that an estimator finds in the pictures, within half a head (Zhu et al. 2019).

    A point is right if it is nearer to the pose's point than half the width of the head in x and half its height in y.
    The head is the box around the points `HEAD` of the pose; a pose that shows fewer than two of them does not count.
    Of the others each visible point counts, and is wrong if the estimator does not find it.

    Args:
        estimator: Finds the pose (18, 3) in a picture (3, H, W) in [-1, 1].
    """

    full_state_update = False
    right: Tensor
    visible: Tensor

    def __init__(self, estimator: PoseEstimator) -> None:
        super().__init__()
        self.estimator = estimator
        self.add_state("right", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("visible", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, pictures: Tensor, poses: Tensor) -> None:
        """Count pictures (B, 3, H, W) in [-1, 1] with the poses (B, 18, 3) that they should show."""
        for picture, pose in zip(to_float(to_uint8(pictures)), poses, strict=True):
            head = pose[list(HEAD)]
            head = head[head[:, 2] > 0, :2]
            if len(head) < 2:
                continue
            found = self.estimator(picture).to(pose)
            both = (found[:, 2] > 0) & (pose[:, 2] > 0)
            near = (found - pose)[:, :2].abs() < (head.amax(0) - head.amin(0)) / 2
            self.right += (near.all(1) & both).sum()
            self.visible += (pose[:, 2] > 0).sum()

    def compute(self) -> Tensor:
        """In [0, 1]; not a number if no pose counts."""
        return (self.right.double() / self.visible).float()
