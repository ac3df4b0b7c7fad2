"""SPADE's generator and image encoder (Park, Liu, Wang, Zhu 2019, arXiv:1903.07291)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError

from .normalization import SPADE, Modulation
from .spectral import SpectralConv2d

Upsampling = Literal["normal", "more", "most"]

#: A picture's height over that of the smallest map.
STRIDES: dict[Upsampling, int] = {"normal": 32, "more": 64, "most": 128}

#: Side of the picture that the encoder sees.
ENCODED = 256


class SPADEBlock(nn.Module):
    """Residual block of two SPADE layers (sec. A); a third on the shortcut where the number of channels changes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        make_norm: Makes a SPADE layer for a number of channels.
        spectral: Spectral norm on the convolutions between the SPADE layers.
    """

    def __init__(
        self, in_channels: int, out_channels: int, make_norm: Callable[[int], SPADE], spectral: bool = True
    ) -> None:
        super().__init__()
        convolution = SpectralConv2d if spectral else nn.Conv2d
        middle = min(in_channels, out_channels)
        self.norm_0 = make_norm(in_channels)
        self.conv_0 = convolution(in_channels, middle, 3, padding=1)
        self.norm_1 = make_norm(middle)
        self.conv_1 = convolution(middle, out_channels, 3, padding=1)
        self.learned = in_channels != out_channels
        if self.learned:
            self.norm_s = make_norm(in_channels)
            self.conv_s = convolution(in_channels, out_channels, 1, bias=False)

    def modulations(self, segmentation: Tensor, ids: Tensor | None, labels: int) -> list[Modulation]:
        """Gamma and beta of each of its layers; the arguments are those of `SPADE.modulate`."""
        norms = (self.norm_0, self.norm_1, self.norm_s) if self.learned else (self.norm_0, self.norm_1)
        return [norm.modulate(segmentation, ids, labels) for norm in norms]

    def forward(self, x: Tensor, modulations: Sequence[Modulation]) -> Tensor:
        y: Tensor = self.conv_0(F.leaky_relu(self.norm_0.modulated(x, modulations[0]), 0.2))
        y = self.conv_1(F.leaky_relu(self.norm_1.modulated(y, modulations[1]), 0.2))
        shortcut: Tensor = self.conv_s(self.norm_s.modulated(x, modulations[2])) if self.learned else x
        return y + shortcut


class SPADEGenerator(nn.Module):
    """Segmentation (B, label_channels, H, W) to picture (B, 3, H, W) in [-1, 1]; H, W multiples of ``stride``.

    The segmentation is one-hot; a last channel holds the edges of the instances if the model has them.  The smallest
    map is 1 / ``stride`` of the picture, and is computed from the segmentation or from a latent code.

    In eval mode, gamma and beta of a segmentation that comes twice in a row are kept.  They are not computed again
    until another segmentation comes or the weights change.  This helps with still video, and with one scene in many
    styles.

    Args:
        label_channels: Channels of the segmentation.
        width: Channels of the last block (64 in the paper); the first has 16 times as many.
        upsampling: The stride: ``normal`` 32, ``more`` 64, ``most`` 128 with one more block, of half the ``width``.
        hidden: Channels within the SPADE layers.
        norm: ``batch`` or ``instance``, the norm that `SPADE` modulates.
        latent: Length of the latent code; 0 for none.
        latent_grid: Height and width of the map made from a latent code; they fix the size of the pictures.
        edges: The last channel of the segmentation is the edges.
        kernel_size: Height and width of the kernels within the SPADE layers (3 in the paper), an odd number.
        spectral: Spectral norm on the convolutions of the blocks.
    """

    def __init__(
        self,
        label_channels: int,
        width: int = 64,
        upsampling: Upsampling = "normal",
        hidden: int = 128,
        norm: str = "batch",
        latent: int = 0,
        latent_grid: Sequence[int] = (8, 8),
        edges: bool = True,
        kernel_size: int = 3,
        spectral: bool = True,
    ) -> None:
        super().__init__()
        channels = [16 * width] * 3 + [8 * width, 4 * width, 2 * width, width]
        # Whether the map is doubled before each block.
        self.doubled = [False, True, upsampling != "normal", True, True, True, True]
        if upsampling == "most":
            channels.append(width // 2)
            self.doubled.append(True)
        self.latent, self.latent_grid = latent, tuple(latent_grid)
        self.labels = label_channels - edges
        self.first: nn.Module
        if latent:
            self.first = nn.Linear(latent, 16 * width * latent_grid[0] * latent_grid[1])
        else:
            self.first = nn.Conv2d(label_channels, 16 * width, 3, padding=1)
        make_norm = partial(SPADE, label_channels=label_channels, hidden=hidden, norm=norm, kernel_size=kernel_size)
        self.blocks = nn.ModuleList(
            SPADEBlock(inputs, outputs, make_norm, spectral)
            for inputs, outputs in zip([16 * width, *channels], channels, strict=False)
        )
        self.last = nn.Conv2d(channels[-1], 3, 3, padding=1)
        self.stride = 2 ** sum(self.doubled)
        # An instance norm needs more than one pixel; with a latent code, `latent_grid` fixes their number.
        self.smallest = 2 * self.stride if norm == "instance" and not latent else self.stride
        #: Training takes statistics over the pixels of a batch at this stride, if it is set.
        self.batch_stride = self.stride if norm == "batch" and not latent else None
        self.seen: Tensor | None = None
        self.kept: tuple[object, list[list[Modulation]]] | None = None

    def sizes(self, height: int, width: int) -> Iterator[tuple[int, int]]:
        """Height and width of the map in each block, for a picture of this height and width."""
        factor = self.stride
        for doubled in self.doubled:
            factor //= 2 if doubled else 1
            yield height // factor, width // factor

    def block_modulations(self, segmentation: Tensor) -> Iterator[list[Modulation]]:
        """Gamma and beta of the layers of each block."""
        ids = self.one_hot_ids(segmentation)
        for block, size in zip(self.blocks, self.sizes(*segmentation.shape[-2:]), strict=True):
            small = F.interpolate(segmentation, size, mode="nearest")
            small_ids = None if ids is None else F.interpolate(ids[:, None].double(), size, mode="nearest")[:, 0].long()
            yield cast(SPADEBlock, block).modulations(small, small_ids, self.labels)

    def one_hot_ids(self, segmentation: Tensor) -> Tensor | None:
        """The label of each pixel (B, H, W), if `LabelConv2d.look_up` is the faster way; otherwise None.

        It is faster for many labels, in float32, on a CPU; it needs a one-hot segmentation.
        """
        fast = segmentation.dtype == torch.float32 and segmentation.device.type == "cpu" and self.labels >= 64
        if not fast or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
            return None
        values, ids = segmentation[:, : self.labels].max(1)
        one_hot = (values == 1).all() and segmentation[:, : self.labels].count_nonzero() == values.numel()
        return ids if one_hot else None

    def remembered_modulations(self, segmentation: Tensor) -> Sequence[list[Modulation]] | Iterator[list[Modulation]]:
        """`block_modulations`; they are kept for the next call if the segmentation is that of the previous call."""
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling() or segmentation.is_meta:
            self.forget()
            return self.block_modulations(segmentation)
        seen, self.seen = self.seen, segmentation
        if seen is None or seen.shape != segmentation.shape or not torch.equal(seen, segmentation):
            self.kept = None
            return self.block_modulations(segmentation)
        weights = [(id(p), 0 if p.is_inference() else p._version, p.dtype, p.device) for p in self.blocks.parameters()]
        if self.kept is None or self.kept[0] != weights:
            self.kept = weights, list(self.block_modulations(segmentation))
        return self.kept[1]

    def forget(self) -> None:
        """Free the memory of gamma and beta that are kept."""
        self.seen = self.kept = None

    def train(self, mode: bool = True) -> SPADEGenerator:
        self.forget()
        return super().train(mode)

    def forward(self, segmentation: Tensor, latent: Tensor | None = None) -> Tensor:
        """``latent`` is (B, latent) for a model with a latent code, else None.

        Raises `ZooError` if a model with a latent code gets a segmentation of another size than its own.
        """
        height, width = segmentation.shape[-2:]
        start = (height // self.stride, width // self.stride)
        if self.latent:
            if start != self.latent_grid:
                grid = "x".join(str(length * self.stride) for length in reversed(self.latent_grid))
                raise ZooError(f"This model only makes pictures of {grid} pixels, not {width}x{height}: use that size.")
            x = self.first(latent).view(len(segmentation), -1, *start)
        else:
            x = self.first(F.interpolate(segmentation, start, mode="nearest"))
        for block, doubled, modulations in zip(
            self.blocks, self.doubled, self.remembered_modulations(segmentation), strict=True
        ):
            x = block(F.interpolate(x, scale_factor=2.0, mode="nearest") if doubled else x, modulations)
        return torch.tanh(self.last(F.leaky_relu(x, 0.2)))


class ImageEncoder(nn.Module):
    """A photograph (B, 3, H, W) to the mean and the log variance of its style, (B, latent) each (sec. A).

    The photograph is resized to 256x256 pixels and halved six times, with instance norm.  A linear layer for the mean
    and one for the log variance follow.

    Args:
        width: Channels of the first convolution.
        latent: Length of the latent code.
        spectral: Spectral norm on the convolutions.
    """

    def __init__(self, width: int = 64, latent: int = 256, spectral: bool = True) -> None:
        super().__init__()
        convolution = SpectralConv2d if spectral else nn.Conv2d
        channels = [3, width, 2 * width, 4 * width, 8 * width, 8 * width, 8 * width]
        self.convolutions = nn.ModuleList(
            convolution(inputs, outputs, 3, stride=2, padding=1, bias=False)
            for inputs, outputs in itertools.pairwise(channels)
        )
        features = channels[-1] * (ENCODED // 64) ** 2
        self.mean, self.log_variance = nn.Linear(features, latent), nn.Linear(features, latent)

    def forward(self, photo: Tensor) -> tuple[Tensor, Tensor]:
        if photo.shape[-2:] != (ENCODED, ENCODED):
            photo = F.interpolate(photo, (ENCODED, ENCODED), mode="bilinear")
        x = photo
        for convolution in self.convolutions:
            x = F.leaky_relu(F.instance_norm(convolution(x)), 0.2)
        return self.mean(x.flatten(1)), self.log_variance(x.flatten(1))
