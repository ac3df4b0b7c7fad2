"""Style losses: distances between the statistics of features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.networks.adain import TAPS
from i2i_zoo.networks.normalization import channel_statistics
from i2i_zoo.pretrained.backbones import normalised, pretrained_features, tapped
from i2i_zoo.pretrained.small_encoder import small_encoder

#: Loss networks: indices of the four layers for the style, and how many of them lead to the layer for the content.
LOSS_NETWORKS: dict[str, tuple[tuple[int, ...], int]] = {
    # relu1_2, relu2_2, relu3_3 and relu4_3 of VGG-16; the content is in relu2_2.
    "vgg16": ((3, 8, 15, 22), 2),
    "vgg16_hed": ((3, 8, 15, 22), 2),
    # relu1_1, relu2_1, relu3_1 and relu4_1 of the encoder of adain-small; the content is in relu3_1.
    "small": (TAPS, 3),
}


def statistics_loss(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Squared distances of channel means and standard deviations, summed over layers (Huang, Belongie 2017, eq. 13).

    The features (B, C, h, w) may be of any sizes.  The mean is taken over B and C, as in naoto0804's PyTorch port.
    """
    return statistics_distance(found, [channel_statistics(maps) for maps in wanted])


def statistics_distance(found: Sequence[Tensor], wanted: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """`statistics_loss` of features from `channel_statistics`, which take less memory than the features they are of."""
    distances = [
        F.mse_loss(a, b)
        for ours, theirs in zip(found, wanted, strict=True)
        for a, b in zip(channel_statistics(ours), theirs, strict=True)
    ]
    return torch.stack(distances).sum()


def gram(features: Tensor) -> Tensor:
    """The Gram matrix, divided by C H W: (B, C, H, W) to (B, C, C) (Johnson et al. 2016, eq. 3)."""
    # The products are small, and will be multiplied by a weight of 1e10.
    with torch.autocast(features.device.type, enabled=False):
        rows = features.float().flatten(2)
        return rows @ rows.mT / rows[0].numel()


def gram_loss(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Squared distances of the `gram` of features (B, C, h, w) from ``wanted`` (1 or B, C, C), summed over layers.

    Johnson et al. 2016, eq. 4, but with the mean over the matrix, not its sum, as in PyTorch's example.
    """
    distances = [(gram(a) - b).square().mean() for a, b in zip(found, wanted, strict=True)]
    return torch.stack(distances).sum()


def total_variation(pictures: Tensor) -> Tensor:
    """Mean squared difference of vertical neighbours in pictures (B, C, H, W), plus that of horizontal ones."""
    return pictures.diff(dim=2).square().mean() + pictures.diff(dim=3).square().mean()


def loss_maps(backbone: str, pictures: Tensor, content: bool = False) -> list[Tensor]:
    """Four maps of a frozen loss network, or only those up to the one for the content.

    The network's weights are in no state dict and no optimiser; all losses share them.

    Args:
        backbone: A name of `LOSS_NETWORKS`.
        pictures: (B, 3, H, W) in [-1, 1]; H and W of at least 9 for the small one, 8 for VGG.
        content: Whether to stop at the map for the content.

    Raises:
        ZooError: If the weights cannot be fetched or read.
    """
    taps, last = LOSS_NETWORKS[backbone]
    with torch.inference_mode(False):  # weights that a validation loads are used in training too
        if backbone == "small":
            network = small_encoder()
        else:
            network = pretrained_features(backbone, taps[-1] + 1, "take a smaller network, --model.backbone small")
        network.to(pictures.device)
    inputs = (pictures + 1) / 2 if backbone == "small" else normalised(backbone, pictures)
    return tapped(network, taps[:last] if content else taps, inputs)
