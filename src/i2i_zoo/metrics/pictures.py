"""Metrics of single pictures, averaged over all pictures: PSNR, SSIM, L1."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.functional.image import structural_similarity_index_measure

from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_uint8


class PictureMean(Metric):
    """The mean of a number that each picture has, over all pictures of all processes.

    Args:
        measure: Takes outputs and targets (B, C, H, W) in [0, 1], and returns (B,).
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, measure: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.measure = measure
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, output: Tensor, target: Tensor) -> None:
        """Count pictures (B, C, H, W) in [-1, 1]; they are rounded to 8 bits first, as in a file."""
        values = self.measure(to_uint8(output).float() / 255, to_uint8(target).float() / 255)
        self.total += values.sum()
        self.count += len(values)

    def compute(self) -> Tensor:
        return (self.total / self.count).float()


def psnr(output: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture, in dB; infinite for equal ones.  (B, C, H, W) in [0, 1] to (B,)."""
    return -10 * (output - target).square().mean((1, 2, 3)).log10()


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of each picture.  (B, C, H, W) in [0, 1] to (B,)."""
    return (output - target).abs().mean((1, 2, 3))


def ssim(output: Tensor, target: Tensor, window: str = "gaussian") -> Tensor:
    """Structural similarity of each picture, channel by channel.  (B, C, H, W) in [0, 1] to (B,).

    The mean is over places where the window lies inside the picture.  torchmetrics includes the mirrored margin, which
    gives up to 0.03 less.

    Args:
        output: Pictures.
        target: The pictures to compare with.
        window: ``gaussian``, as in Wang et al. (2004), of 11 pixels and sigma 1.5; or ``uniform``, the default of
            scikit-image, of 7 pixels and with the covariances of a sample.

    Raises:
        ZooError: For pictures smaller than the window, and for an unknown window.
    """
    if window not in ("gaussian", "uniform"):
        raise ZooError(f"SSIM has no window {window!r}: choose gaussian or uniform.")
    size = 11 if window == "gaussian" else 7
    if min(output.shape[-2:]) < size:
        raise ZooError(f"SSIM needs pictures of at least {size}x{size} pixels, not {tuple(output.shape[-2:])}.")
    if window == "gaussian":
        _, similarity = structural_similarity_index_measure(output, target, data_range=1.0, return_full_image=True)
        return similarity[..., 5:-5, 5:-5].mean((1, 2, 3))
    x, y = output.double(), target.double()
    mean_x, mean_y, xx, yy, xy = (F.avg_pool2d(z, size, 1) for z in (x, y, x * x, y * y, x * y))
    sample = size**2 / (size**2 - 1)
    variances = sample * (xx - mean_x**2 + yy - mean_y**2)
    covariance = sample * (xy - mean_x * mean_y)
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return (similarity / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))).mean((1, 2, 3)).float()
