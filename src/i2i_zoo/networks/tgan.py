"""The networks of TGAN (Saito, Matsumoto and Saito 2017, arXiv:1611.06624), and singular value clipping."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .clips import smallest_clip
from .convolution import Double

#: What Chainer's batch norm adds to the variance.
EPS = 2e-5

CONVOLUTIONS = (nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d)


def without_shift(norm: nn.BatchNorm1d | nn.BatchNorm3d, shift: bool) -> nn.Module:
    """The norm; without its shift unless ``shift``."""
    if not shift:
        norm.register_parameter("bias", None)
    return norm


class TemporalGenerator(nn.Module):
    """The code of a clip to the codes of its frames (the paper's G0): (B, latent) to (B, frames, latent) in [-1, 1].

    Args:
        frames: How many, a multiple of 16; the authors have 16.
        latent: Length of the codes.
        width: A sixteenth of the channels of the first layer.
        shift: Whether batch norms add a shift; in the authors' experiments they do not.
    """

    def __init__(self, frames: int = 16, latent: int = 100, width: int = 32, shift: bool = False) -> None:
        super().__init__()
        channels = [16 * width, 8 * width, 4 * width, 4 * width]
        self.first = nn.ConvTranspose1d(latent, channels[0], smallest_clip(frames, 16)[0])
        self.norm = nn.ModuleList(without_shift(nn.BatchNorm1d(count, EPS), shift) for count in channels)
        self.up = nn.ModuleList(
            nn.ConvTranspose1d(before, after, 4, stride=2, padding=1) for before, after in pairwise([*channels, latent])
        )

    def forward(self, code: Tensor) -> Tensor:
        x = self.first(code[:, :, None])
        for norm, up in zip(self.norm, self.up, strict=True):
            x = up(F.relu(norm(x)))
        return torch.tanh(x).transpose(1, 2)


def resampled(codes: Tensor, frames: int) -> Tensor:
    """Codes of frames (B, T, latent) at other times, (B, frames, latent): linear between the first and the last."""
    return F.interpolate(codes.transpose(1, 2), frames, mode="linear", align_corners=True).transpose(1, 2)


class ImageGenerator(nn.Module):
    """The code of a clip and the codes of its frames to the clip (the paper's G1).

    Args:
        out_channels: Channels of the clip.
        latent: Length of the codes.
        width: Channels of the last hidden layer.
        size: Height and width of the frames, a multiple of 16; the authors have 64.
    """

    stride = smallest = 1  # there is one size only, so pictures are never padded

    def __init__(self, out_channels: int = 3, latent: int = 100, width: int = 32, size: int = 64) -> None:
        super().__init__()
        self.batch_stride = size  # in training, a norm needs the codes of two clips
        self.first_map = smallest_clip(16, size)[1:]
        features = 8 * width * self.first_map[0] ** 2
        channels = [16 * width, 8 * width, 4 * width, 2 * width, width]
        self.clip, self.frame = (nn.Linear(latent, features, bias=False) for _ in range(2))
        self.clip_norm, self.frame_norm = (nn.BatchNorm1d(features, EPS) for _ in range(2))
        self.up = nn.ModuleList(Double(before, after, bias=False) for before, after in pairwise(channels))
        self.norm = nn.ModuleList(nn.BatchNorm2d(count, EPS) for count in channels[1:])
        self.last = nn.ConvTranspose2d(width, out_channels, 3, padding=1)
        if width < 32:  # 1.7 to 2 times as fast on a CPU with 12, where most of a step's time goes
            self.to(memory_format=torch.channels_last)

    def forward(self, clip: Tensor, frames: Tensor) -> Tensor:
        """(B, latent) and (B, T, latent) to (B, T, out_channels, size, size) in [-1, 1]."""
        slow = self.clip_norm(self.clip(clip).repeat_interleave(frames.shape[1], 0))
        fast = self.frame_norm(self.frame(frames.flatten(0, 1)))
        x = F.relu(torch.cat([slow, fast], 1)).view(slow.shape[0], -1, *self.first_map)
        for up, norm in zip(self.up, self.norm, strict=True):
            x = F.relu(norm(up(x)), inplace=True)
        pictures = torch.tanh(self.last(x))
        return pictures.view(*frames.shape[:2], *pictures.shape[1:])


class ClipDiscriminator(nn.Module):
    """Clips (B, frames, in_channels, size, size) to logits (B,).

    Args:
        in_channels: Channels of the clips.
        frames: Frames of the clips, a multiple of 16.
        size: Height and width of the clips, a multiple of 16.
        width: Channels of the first layer.
        shift: Whether batch norms add a shift; in the authors' experiments they do not.
        noise: Deviation of the noise that is added before each activation in train mode.
    """

    def __init__(
        self,
        in_channels: int = 3,
        frames: int = 16,
        size: int = 64,
        width: int = 64,
        shift: bool = False,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.noise = noise
        channels = [in_channels, width, 2 * width, 4 * width, 8 * width]
        self.down = nn.ModuleList(
            nn.Conv3d(before, after, 4, stride=2, padding=1) for before, after in pairwise(channels)
        )
        self.norm = nn.ModuleList(without_shift(nn.BatchNorm3d(count, EPS), shift) for count in channels[2:])
        self.last = nn.Conv3d(8 * width, 1, smallest_clip(frames, size))

    def forward(self, clip: Tensor) -> Tensor:
        x = clip.transpose(1, 2)
        for level, down in enumerate(self.down):
            x = down(x)
            x = self.norm[level - 1](x) if level else x
            if self.noise and self.training:
                x = x + self.noise * torch.randn_like(x)
            x = F.leaky_relu(x, 0.2)
        logits: Tensor = self.last(x).flatten()
        return logits


@contextmanager
def unrecorded(network: nn.Module) -> Iterator[None]:
    """Within the block, the batch norms of a network in train mode leave their running statistics as they are."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm3d)]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm in norms:
            norm.momentum = 0.1


@torch.no_grad()
def clip_singular_values(discriminator: nn.Module) -> None:
    """Bound the gain of every layer by 1, in place: the paper's singular value clipping.

    Kernels become matrices (out_channels, everything else), whose singular values are clipped.  With W = U S V^T these
    come from the eigenvalues S^2 and eigenvectors U of W W^T, which is much smaller than W.  The scales of batch norms
    stay between 0.01 and 1 times the running deviation.
    """
    for layer in discriminator.modules():
        if isinstance(layer, nn.Conv3d):
            matrix = layer.weight.flatten(1)
            with torch.autocast(matrix.device.type, enabled=False):
                product = matrix @ matrix.T
                if not product.isfinite().all():  # which has no eigenvalues; a callback reports it
                    continue
                squares, vectors = torch.linalg.eigh(product)
                excess = vectors * (1 - squares.clamp(min=1).rsqrt()) @ (vectors.T @ matrix)
            layer.weight -= excess.view_as(layer.weight)
        elif isinstance(layer, nn.BatchNorm3d) and layer.running_var is not None:
            deviation = layer.running_var.sqrt()
            layer.weight.clamp_(0.01 * deviation, deviation)


def init_tgan(network: nn.Module, uniform: bool) -> None:
    """Draw the weights in place as the authors do, and zero the biases.

    Args:
        network: A network of TGAN.
        uniform: Draw from [-0.01, 0.01]; otherwise from N(0, 1 / fan_in), Chainer's default, which LeCun proposed.
    """
    for layer in network.modules():
        if isinstance(layer, (*CONVOLUTIONS, nn.Linear)):
            if uniform:
                nn.init.uniform_(layer.weight, -0.01, 0.01)
            else:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
