"""pix2pixHD's generator and feature encoder (Wang et al. 2018, arXiv:1711.11585)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convolution import NarrowConv2d
from .resnet import ResidualBlock, ResNetGenerator


def halve(x: Tensor) -> Tensor:
    """The next level of an image pyramid: 3x3 means at every other pixel; padding does not count in the means."""
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


class Enhancer(nn.Module):
    """A local enhancer (sec. 3.2).

    It computes features at half its resolution, adds those of the stage below, and doubles the resolution again.
    """

    def __init__(self, in_channels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(in_channels, width, 7, padding=3, padding_mode="reflect"),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.InstanceNorm2d(2 * width),
            nn.ReLU(),
        )
        self.up = nn.Sequential(
            *(ResidualBlock(2 * width, "instance", False, "image") for _ in range(blocks)),
            nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
        )

    def forward(self, x: Tensor, below: Tensor) -> Tensor:
        features: Tensor = self.up(self.down(x) + below)
        return features


class HDGenerator(nn.Module):
    """The global generator with any number of local enhancers around it (sec. 3.2).

    (B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]; H and W are multiples of ``stride``.  Each enhancer
    doubles the resolution of the result.

    Args:
        in_channels: Channels of the segmentation, or of the source picture.
        out_channels: Channels of the result.
        width: Channels of the global generator's first layer; each enhancer has half as many as the stage below.
        downs: Number of halvings in the global generator.
        blocks: Number of residual blocks in the global generator.
        enhancers: Number of local enhancers; with 0, this is only the global generator.
        enhancer_blocks: Number of residual blocks in each enhancer.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 3,
        width: int = 64,
        downs: int = 4,
        blocks: int = 9,
        enhancers: int = 0,
        enhancer_blocks: int = 3,
    ) -> None:
        super().__init__()
        whole = ResNetGenerator(in_channels, out_channels, width, blocks, downs=downs)
        self.trunk = whole.body[:-2]
        self.enhancers = nn.ModuleList(
            Enhancer(in_channels, width // 2 ** (n + 1), enhancer_blocks) for n in range(enhancers)
        )
        self.head = NarrowConv2d(width // 2**enhancers, out_channels, 7, 3, "reflect")
        self.stride = 2 ** (downs + enhancers)
        self.smallest = 2 * self.stride  # the residual blocks mirror one pixel and normalise, so they need two by two

    def forward(self, x: Tensor) -> Tensor:
        pyramid = [x]
        for _ in self.enhancers:
            pyramid.append(halve(pyramid[-1]))
        y = self.trunk(pyramid.pop())
        for enhancer in self.enhancers:
            y = enhancer(pyramid.pop(), y)
        return torch.tanh(self.head(y))


class FeatureEncoder(nn.Module):
    """Instance-wise features of a photograph (sec. 3.4): an encoder-decoder, then the mean over each instance.

    (B, 3, H, W) in [-1, 1] and instances (B, H, W) to (B, features, H, W) in [-1, 1]; H and W are multiples of 16.

    Styles are drawn from the clusters of each label's features over the training set.  ``centres`` holds the clusters'
    centres (labels, clusters, features), and ``clusters`` the number of clusters of each label (labels,).
    `i2i_zoo.methods.pix2pixhd` fills both.
    """

    centres: Tensor
    clusters: Tensor

    def __init__(self, features: int = 3, width: int = 16, labels: int = 35, clusters: int = 10) -> None:
        super().__init__()
        whole = ResNetGenerator(3, features, width, blocks=0, downs=4)
        self.body = whole.body
        self.register_buffer("centres", torch.zeros(labels, clusters, features))
        self.register_buffer("clusters", torch.zeros(labels, dtype=torch.int64))

    def forward(self, photo: Tensor, instance: Tensor) -> Tensor:
        return instance_mean(self.body(photo), instance)


def instance_mean(features: Tensor, instance: Tensor) -> Tensor:
    """The features (B, C, H, W), each value replaced by its channel's mean over its instance, (B, H, W) ids."""
    batch, channels = features.shape[:2]
    # Ids of different pictures are different instances.
    ids = instance.long() * batch + torch.arange(batch, device=instance.device)[:, None, None]
    _, index = torch.unique(ids, return_inverse=True)
    flat = features.movedim(1, -1).reshape(-1, channels).float()
    index = index.flatten()
    count = torch.bincount(index).to(flat.dtype)
    sums = flat.new_zeros(len(count), channels).index_add(0, index, flat)
    return (sums / count[:, None])[index].view(batch, *features.shape[2:], channels).movedim(-1, 1).to(features.dtype)


def k_means(points: Tensor, clusters: int, steps: int = 100) -> Tensor:
    """Centres (K, C) of points (N, C), K = min(N, clusters), by Lloyd's iteration from points far apart (seeded)."""
    centres = points[:1]
    while len(centres) < min(len(points), clusters):  # the point that is farthest from all centres is the next
        centres = torch.cat([centres, points[torch.cdist(points, centres).amin(1).argmax()][None]])
    for _ in range(steps):
        nearest = torch.cdist(points, centres).argmin(1)
        moved = torch.stack(
            [points[nearest == k].mean(0) if (nearest == k).any() else c for k, c in enumerate(centres)]
        )
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres
