"""The losses of deformable GANs between features: of the nearest neighbours, and of the same places.

Siarohin, Sangineto, Lathuiliere and Sebe 2018 (arXiv:1801.00055), sec. 3.3.
"""

from __future__ import annotations

import itertools
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.pretrained.backbones import normalised, pretrained_features

#: The classifiers whose first layers are VGG's.
VGG: TypeAlias = Literal["vgg19", "vgg16", "vgg16_hed"]

#: What surrounds the real features, far from every feature.
FAR = -10000.0


def nearest_neighbour_map(fake: Tensor, real: Tensor, window: int) -> Tensor:
    """The L1 distance of each fake feature to the nearest real one around its place (eq. 8): (B, H, W).

    The window's nearest feature is sought first, without a graph, and only that one is compared again.  So memory does
    not grow with the window.

    Args:
        fake: (B, C, H, W).
        real: (B, C, H, W).
        window: Side of the window: it reaches window // 2 pixels in each direction, so an even one counts as the next
            odd one.
    """
    reach = window // 2
    batch, channels, height, width = fake.shape
    around = F.pad(real, (reach,) * 4, value=FAR)
    with torch.no_grad():
        best = fake.new_full((batch, height, width), torch.inf, dtype=torch.float32)
        place = torch.zeros(batch, height, width, dtype=torch.long, device=fake.device)
        for down, right in itertools.product(range(2 * reach + 1), repeat=2):
            there = around[..., down : down + height, right : right + width]
            distance = (fake - there).abs().sum(1).float()
            place = torch.where(distance < best, down * around.shape[-1] + right, place)
            best = torch.minimum(best, distance)
        place += torch.arange(height, device=fake.device)[:, None] * around.shape[-1]
        place += torch.arange(width, device=fake.device)
    nearest = around.flatten(2).gather(2, place.flatten(1)[:, None].expand(-1, channels, -1))
    return (fake - nearest.view_as(fake)).abs().sum(1)


class FeatureLoss:
    """The mean L1 distance of one layer's features in a frozen classifier (sec. 4.2, "PercLoss").

    This is no module, so its weights are in no state dict.

    Args:
        backbone: A VGG.  The authors' is Caffe's VGG-19 in Keras, for pictures of 0 to 255; features of ``vgg16_hed``
            are rescaled to a mean of 1, which was 21 at relu1_2, and torchvision's are small too: raise the weight.
    """

    #: How many layers of torchvision's ``features``: up to relu2_1.
    LAYERS = 7
    OTHERWISE = "train without it, --model.lambda_perceptual 0"

    def __init__(self, backbone: VGG = "vgg19") -> None:
        self.backbone: VGG = backbone
        self.features = pretrained_features(backbone, self.LAYERS, self.OTHERWISE)

    def maps(self, pictures: Tensor) -> Tensor:
        """The compared features (B, C, h, w) of pictures (B, 3, H, W) in [-1, 1]."""
        features: Tensor = self.features(normalised(self.backbone, pictures))
        return features

    def compare(self, fake: Tensor, real: Tensor) -> Tensor:
        """The distance of features (B, C, h, w)."""
        return F.l1_loss(fake, real)

    def __call__(self, fake: Tensor, real: Tensor) -> Tensor:
        """The loss of pictures (B, 3, H, W) in [-1, 1]; ``real`` gets no gradient."""
        self.features.to(fake.device)  # costs nothing if it is there already
        with torch.no_grad():
            target = self.maps(real)
        return self.compare(self.maps(fake).float(), target.float())


class NearestNeighbourLoss(FeatureLoss):
    """The mean of `nearest_neighbour_map` of features at relu1_2, which has all pixels (sec. 3.3, eq. 8).

    Args:
        backbone: See `FeatureLoss`.
        window: Side of the window in which the nearest feature is sought.
    """

    LAYERS = 4
    OTHERWISE = "train with the distance of pixels instead, --model.lambda_nn 0 --model.lambda_l1 100"

    def __init__(self, backbone: VGG = "vgg19", window: int = 3) -> None:
        super().__init__(backbone)
        self.window = window

    def compare(self, fake: Tensor, real: Tensor) -> Tensor:
        return nearest_neighbour_map(fake, real, self.window).mean()
