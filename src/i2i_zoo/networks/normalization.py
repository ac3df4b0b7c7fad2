"""Normalisation layers in one form: they turn x (N, C, H, W) into ``scale * (x - mean) / sqrt(var + eps) + shift``.

They differ in the axes over which they take mean and variance, and in where scale and shift come from.  Unless a layer
says otherwise, the variance is divided by the number of elements and eps is 1e-5.  The command
``i2i-zoo normalization`` draws them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError

#: Makes a normalisation layer for a number of channels.
MakeNorm = Callable[[int], nn.Module]

#: Scale and shift of one SPADE layer: (B, 2 C, H, W).
Modulation = Tensor


class Normalization(nn.Module):
    """The base of all: ``norm(x)`` or ``norm(x, condition)``, from (N, C, H, W) to the same shape.

    Layers whose scale and shift are their own parameters accept a condition and ignore it, so all layers are called in
    the same way.
    """

    @property
    def axes(self) -> str:
        """The axes of (N, C, H, W) over which elements share mean and variance in the current mode.

        Empty if mean and variance are constants.
        """
        raise NotImplementedError

    def forward(self, input: Tensor, condition: Tensor | None = None) -> Tensor:
        # The layer of torch that follows in the order of inheritance.
        normalised: Tensor = super().forward(input)
        return normalised


class BatchNorm2d(Normalization, nn.BatchNorm2d):
    """Batch normalisation that can normalise each image by its own statistics in eval mode.

    ``scale_c * (x - mean_c) / sqrt(var_c + eps) + shift_c``, over N, H, W (Ioffe, Szegedy 2015, algorithm 1).

    pix2pix and related methods train with a batch of one and test in train mode (Isola et al. 2017, sec. 3.3 and the
    authors' ``test.py``), so an image is normalised by its own mean and variance.  ``inference="image"`` does that in
    eval mode, over H, W, for a batch of any size; an image's result does not depend on its neighbours.
    ``inference="running"`` uses the running statistics (the authors' ``--eval``), whose variance is divided by
    N H W - 1.  Train mode is ordinary batch normalisation.

    Shapes: (B, C, H, W) to the same shape; ``inference="image"`` needs more than one pixel.
    """

    def __init__(self, num_features: int, inference: str = "image", affine: bool = True) -> None:
        super().__init__(num_features, affine=affine)
        self.inference = inference

    @property
    def axes(self) -> str:
        if self.training:
            return "N H W"
        return "" if self.inference == "running" else "H W"

    def forward(self, input: Tensor, condition: Tensor | None = None) -> Tensor:
        if self.training or self.inference == "running":
            return super().forward(input)
        # With groups of one channel this equals `instance_norm`, but it is faster.
        return F.group_norm(input, self.num_features, self.weight, self.bias, self.eps)


class InstanceNorm2d(Normalization, nn.InstanceNorm2d):
    """``(x - mean_nc) / sqrt(var_nc + eps)`` over H, W (Ulyanov et al. 2016, arXiv:1607.08022, sec. 2).

    With ``affine=True`` it then multiplies by scale_c and adds shift_c.  It removes the contrast and the mean colour of
    each image.  A single pixel raises torch's ``ValueError``.
    """

    axes = "H W"


class GroupNorm(Normalization, nn.GroupNorm):
    """``scale_c * (x - mean_ng) / sqrt(var_ng + eps) + shift_c`` over the C / G channels of a group, H, W.

    Wu, He 2018, arXiv:1803.08494, eq. 7.  One group makes a `LayerNorm`, C groups an `InstanceNorm2d`.

    Raises `ZooError` if the channels cannot be divided into the groups.
    """

    axes = "C/G H W"

    def __init__(self, num_channels: int, num_groups: int = 32) -> None:
        if num_channels % num_groups:
            raise ZooError(f"{num_channels} channels do not divide into {num_groups} groups: choose another number.")
        super().__init__(num_groups, num_channels)


class LayerNorm(GroupNorm):
    """``scale_c * (x - mean_n) / sqrt(var_n + eps) + shift_c`` over C, H, W (Ba et al. 2016, arXiv:1607.06450, eq. 3).

    Each channel has a scale and a shift, as is usual for convolutions; in torch's ``LayerNorm`` each element has them.
    """

    axes = "C H W"

    def __init__(self, num_channels: int) -> None:
        super().__init__(num_channels, 1)


def channel_statistics(features: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over (H, W) of each channel of each image: (B, C, H, W) to (B, C, 1, 1) each.

    The deviation is sqrt(var + eps), where var is the sample variance (divided by H W - 1).

    Raises `ZooError` for features of one pixel, which have no deviation.
    """
    if features.shape[-2:].numel() < 2:
        raise ZooError("Features of a single pixel have no deviation: give a larger picture.")
    var, mean = torch.var_mean(features, (2, 3), keepdim=True)
    return mean, (var + eps).sqrt()


def adain(content: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Replace the content's statistics: ``std * (content - mean_c) / std_c + mean`` (Huang, Belongie 2017, eq. 8).

    Args:
        content: (B, C, H, W); mean_c and std_c are its `channel_statistics`.
        mean: The style's mean.  It is broadcast to (B, C, H, W), so it may differ from pixel to pixel.
        std: The style's standard deviation, likewise.
    """
    content_mean, content_std = channel_statistics(content)
    return torch.addcmul(mean, content - content_mean, std / content_std)


def adaptive_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """``scale_nc * (x - mean_nc) / sqrt(var_nc + eps) + shift_nc`` over H, W: MUNIT's AdaIN (sec. 5.1).

    `adain` takes the statistics of a style; this takes scale and shift (B, C) that a network computed from the style.
    """
    groups = x.reshape(1, -1, *x.shape[2:])
    normalised = F.batch_norm(groups, None, None, scale.flatten(), shift.flatten(), training=True)
    return normalised.view(x.shape)


def require(condition: Tensor | None, what: str) -> Tensor:
    """The condition; raises `ZooError` if it is None."""
    if condition is None:
        raise ZooError(f"This normalisation needs {what} as its condition.")
    return condition


class AdaIN(Normalization):
    """``std_nc(style) * (x - mean_nc) / std_nc + mean_nc(style)`` over H, W: `adain` with a style's features.

    The condition is those features, (N or 1, C, h, w) of any height and width; there are no parameters.  Means and
    deviations are `channel_statistics`.

    Raises `ZooError` without a condition, and for a single pixel.
    """

    axes = "H W"

    def forward(self, input: Tensor, condition: Tensor | None = None) -> Tensor:
        return adain(input, *channel_statistics(require(condition, "a style's features")))


class Modulated(Normalization):
    """A norm without parameters, ``batch`` or ``instance``, whose scale and shift are computed from a condition.

    In eval mode, ``batch`` uses its running statistics.
    """

    def __init__(self, channels: int, norm: str = "batch") -> None:
        super().__init__()
        self.norm = BatchNorm2d(channels, "running", affine=False) if norm == "batch" else InstanceNorm2d(channels)

    @property
    def axes(self) -> str:
        return self.norm.axes

    def scale_and_shift(self, condition: Tensor | None, size: torch.Size) -> tuple[Tensor, Tensor]:
        """Scale and shift, in shapes that broadcast to x; ``size`` is the height and width of x."""
        raise NotImplementedError

    def forward(self, input: Tensor, condition: Tensor | None = None) -> Tensor:
        scale, shift = self.scale_and_shift(condition, input.shape[-2:])
        return torch.addcmul(shift, self.norm(input), scale)


class ConditionalNorm(Modulated):
    """``scale_kc * (x - mean) / sqrt(var + eps) + shift_kc``, where k is the class of each image.

    ``norm="batch"``, over N, H, W, is conditional batch normalisation (de Vries et al. 2017, arXiv:1707.00683), with a
    table in place of their perceptron.  ``norm="instance"``, over H, W, is conditional instance normalisation (Dumoulin
    et al. 2017, arXiv:1610.07629, eq. 5).  Scales are initialised to 1 and shifts to 0.

    The condition is the class ids, (N,).  Raises `ZooError` without one.
    """

    def __init__(self, channels: int, classes: int, norm: str = "batch") -> None:
        super().__init__(channels, norm)
        self.scale = nn.Parameter(torch.ones(classes, channels))
        self.shift = nn.Parameter(torch.zeros(classes, channels))

    def scale_and_shift(self, condition: Tensor | None, size: torch.Size) -> tuple[Tensor, Tensor]:
        ids = require(condition, "the class of each image")
        return self.scale[ids][:, :, None, None], self.shift[ids][:, :, None, None]


class LabelConv2d(nn.Conv2d):
    """A convolution of a segmentation that keeps its size: (B, in_channels, H, W) to (B, out_channels, H, W)."""

    bias: nn.Parameter

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2)

    def look_up(self, segmentation: Tensor, ids: Tensor, labels: int) -> Tensor:
        """The same result by adding up weights: a row of a table for each tap of the kernel and each pixel.

        Args:
            segmentation: (B, in_channels, H, W); its first ``labels`` channels are one-hot.
            ids: The channel that is 1, (B, H, W).
            labels: Number of one-hot channels.
        """
        outputs, side, border = self.out_channels, self.kernel_size[0], self.kernel_size[0] // 2
        taps = side**2
        table = self.weight[:, :labels].permute(2, 3, 1, 0).reshape(taps * labels, outputs)
        table = torch.cat([table, table.new_zeros(1, outputs)])  # the last row is for pixels outside the picture
        windows = F.pad(ids, (border,) * 4, value=labels).unfold(1, side, 1).unfold(2, side, 1)
        starts = torch.arange(taps, device=ids.device).view(side, side) * labels
        rows = torch.where(windows == labels, taps * labels, windows + starts).reshape(-1, taps)
        summed = F.embedding_bag(rows, table, mode="sum", padding_idx=taps * labels)
        result = summed.view(*ids.shape, outputs).movedim(-1, 1)
        if labels == self.in_channels:
            return result + self.bias[:, None, None]
        return result + F.conv2d(segmentation[:, labels:], self.weight[:, labels:], self.bias, padding=border)


class SPADE(Modulated):
    """``(1 + gamma_ncyx) * (x - mean) / sqrt(var + eps) + beta_ncyx``: spatially-adaptive normalisation.

    Park et al. 2019, arXiv:1903.07291, eq. 1 and 2.  Gamma and beta are maps.  Two layers of convolutions compute them
    from the segmentation, resized to x by nearest neighbours.  The condition is the segmentation,
    (N, label_channels, h, w).

    Raises `ZooError` without a condition, and for an even ``kernel_size``.

    Args:
        channels: C of x.
        label_channels: Channels of the segmentation.
        hidden: Channels between the two layers.
        norm: ``batch`` (over N, H, W, with running statistics) or ``instance`` (over H, W).
        kernel_size: Height and width of both layers' kernels, an odd number of pixels.
    """

    def __init__(
        self, channels: int, label_channels: int, hidden: int = 128, norm: str = "batch", kernel_size: int = 3
    ) -> None:
        super().__init__(channels, norm)
        if kernel_size % 2 == 0:
            raise ZooError(f"kernel_size={kernel_size}: a SPADE layer keeps the size of its map only if this is odd.")
        self.shared = LabelConv2d(label_channels, hidden, kernel_size)
        # Gamma, then beta, as one convolution.
        self.modulation = nn.Conv2d(hidden, 2 * channels, kernel_size, padding=kernel_size // 2)

    def modulate(self, segmentation: Tensor, ids: Tensor | None = None, labels: int = 0) -> Modulation:
        """Gamma and beta for a segmentation (B, label_channels, H, W) that has the size of x.

        If ``ids`` is not None, `LabelConv2d.look_up` is used with ``ids`` and ``labels``.
        """
        hidden = self.shared(segmentation) if ids is None else self.shared.look_up(segmentation, ids, labels)
        modulation: Modulation = self.modulation(F.relu(hidden, inplace=True))
        return modulation

    def scale_and_shift(self, condition: Tensor | None, size: torch.Size) -> tuple[Tensor, Tensor]:
        segmentation = require(condition, "a segmentation")
        gamma, beta = self.modulate(F.interpolate(segmentation, size, mode="nearest")).chunk(2, 1)
        return 1 + gamma, beta

    def modulated(self, x: Tensor, modulation: Modulation) -> Tensor:
        """The result for gamma and beta from `modulate`."""
        gamma, beta = modulation.chunk(2, 1)
        return torch.addcmul(beta, self.norm(x), 1 + gamma)


#: The layers by name.  All are called with (x, condition); the arguments of their constructors differ.
NORMALIZATIONS: dict[str, type[Normalization]] = {
    "batch": BatchNorm2d,
    "layer": LayerNorm,
    "instance": InstanceNorm2d,
    "group": GroupNorm,
    "adain": AdaIN,
    "spade": SPADE,
    "conditional": ConditionalNorm,
}


def norm_layer(name: str, inference: str = "image") -> tuple[MakeNorm, bool]:
    """The constructor ``channels -> layer`` of a normalisation, and whether a convolution before it has a bias.

    ``batch`` is affine and has running statistics; its own shift replaces the bias.  ``instance`` is not affine and has
    no running statistics; the convolution keeps its bias as in the authors' code, although subtracting the mean removes
    it.  ``none`` is the identity, also without a bias (the authors' ``networks.py``).  ``inference`` goes to
    `BatchNorm2d`.

    Raises `ZooError` for another name.
    """
    if name == "batch":
        return partial(BatchNorm2d, inference=inference), False
    if name == "instance":
        return InstanceNorm2d, True
    if name == "none":
        return lambda channels: nn.Identity(), False
    raise ZooError(f"Unknown normalisation {name!r}: choose batch, instance or none.")
