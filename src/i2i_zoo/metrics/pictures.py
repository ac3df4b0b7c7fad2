"""Metrics of single pictures, averaged over all pictures: PSNR, SSIM, L1."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.functional.image import structural_similarity_index_measure

from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_uint8


class PictureMean(Metric):
    """The mean of a number that each picture has, over all pictures of all processes.

    Pictures count as they would be read from files of 8 bits.

    Args:
        measure: Takes as many batches of pictures (B, C, H, W) in [0, 1] as are counted, such as outputs and targets,
            and returns (B,).
        truncate: Cut the outputs off to 8 bits, as the authors of deformable GANs and PG2 do, and do not round them.
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, measure: Callable[..., Tensor], truncate: bool = False) -> None:
        super().__init__()
        self.measure, self.truncate = measure, truncate
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, output: Tensor, *others: Tensor) -> None:
        """Count outputs, and what they are compared with: each (B, C, H, W) in [-1, 1]."""
        outputs = truncated(output) if self.truncate else to_uint8(output)
        values = self.measure(*(picture.float() / 255 for picture in (outputs, *map(to_uint8, others))))
        self.total += values.sum()
        self.count += len(values)

    def compute(self) -> Tensor:
        return (self.total / self.count).float()


def truncated(pictures: Tensor) -> Tensor:
    """Floats in [-1, 1] to uint8, cut off to the level below; what is within 0.0001 of a level has that level."""
    return ((pictures.float() + 1) * 127.5 + 1e-4).clamp(0, 255).byte()


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
        _, values = structural_similarity_index_measure(output, target, data_range=1.0, return_full_image=True)
        return values[..., 5:-5, 5:-5].mean((1, 2, 3))
    return similarity(output, target, partial(F.avg_pool2d, kernel_size=size, stride=1), size**2 / (size**2 - 1))


def ssim_deformable(output: Tensor, target: Tensor) -> Tensor:
    """SSIM as the authors of deformable GANs compute it (with scikit-image 0.13).  (B, C, H, W) in [0, 1] to (B,).

    The range is that of each output, from its darkest value to its brightest, and not 255.  The Gaussian window has 13
    pixels, but the mean leaves out a margin of 5, as if it had 11; beyond the edge its last pixel is repeated.  An
    output of a single value, for which the authors' number is undefined, has a range of one level of 8 bits.

    Raises:
        ZooError: For pictures smaller than 11x11 pixels.
    """
    if min(output.shape[-2:]) < 11:
        raise ZooError(f"SSIM needs pictures of at least 11x11 pixels, not {tuple(output.shape[-2:])}.")
    values = output.flatten(1)
    data_range = (values.amax(1) - values.amin(1)).clamp_min(1 / 255).double()
    return similarity(output, target, gaussian_mean, data_range=data_range[:, None, None, None])


def gaussian_mean(x: Tensor) -> Tensor:
    """Means of (B, C, H, W) weighted by a Gaussian of sigma 1.5 cut off after 6 pixels: (B, C, H - 10, W - 10)."""
    weights = torch.exp(-torch.arange(-6, 7, dtype=x.dtype, device=x.device).square() / (2 * 1.5**2))
    weights = weights / weights.sum()
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate").flatten(0, 1)[:, None]
    down = F.conv2d(padded, weights.view(1, 1, -1, 1))
    return F.conv2d(down, weights.view(1, 1, 1, -1)).view(*x.shape[:2], x.shape[2] - 10, x.shape[3] - 10)


def similarity(
    output: Tensor,
    target: Tensor,
    mean: Callable[[Tensor], Tensor],
    sample: float = 1.0,
    data_range: Tensor | float = 1.0,
) -> Tensor:
    """SSIM of each picture (Wang et al. 2004, eq. 13).  (B, C, H, W) to (B,).

    Args:
        output: Pictures.
        target: The pictures to compare with.
        mean: Gives the means of the windows.
        sample: What variances are multiplied by: n / (n - 1) for those of a sample of n pixels.
        data_range: The difference between the brightest and the darkest value, as a number or as (B, 1, 1, 1).
    """
    x, y = output.double(), target.double()
    mean_x, mean_y, xx, yy, xy = (mean(z) for z in (x, y, x * x, y * y, x * y))
    variances = sample * (xx - mean_x**2 + yy - mean_y**2)
    covariance = sample * (xy - mean_x * mean_y)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    similar = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return (similar / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))).mean((1, 2, 3)).float()
