"""Perceptual losses: distances between the features of a frozen classifier."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError
from i2i_zoo.pretrained.backbones import TAPS, VGG16, caffe, normalised, pretrained_features, tapped

#: Weights of the layers in `TAPS`, as in pix2pixHD's and SPADE's code (``VGGLoss``).
WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)


class PerceptualLoss:
    """Weighted L1 distances between features of a frozen classifier (Wang et al. 2018, sec. 4; Johnson et al. 2016).

    As in the authors' code, pictures stay in [-1, 1] and are not normalised by ImageNet's mean and deviation, except
    for ``vgg16_hed``, which gets Caffe's input.  It has four levels: the fifth is left out, and the others keep their
    `WEIGHTS`.  This is not a module, so its weights are in no state dict and no optimiser; all losses with the same
    backbone share them.

    Args:
        backbone: A key of `TAPS`.

    Raises:
        ZooError: For an unknown name; if the weights are neither here nor can be fetched.
    """

    def __init__(self, backbone: str = "vgg19") -> None:
        if backbone not in TAPS:
            raise ZooError(f"No perceptual loss uses {backbone!r}: choose from {', '.join(TAPS)}.")
        self.backbone, self.taps = backbone, TAPS[backbone]
        self.features = pretrained_features(backbone, self.taps[-1] + 1)

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """The compared features (B, C, h, w) of pictures (B, 3, H, W) in [-1, 1]."""
        return tapped(self.features, self.taps, caffe(pictures) if self.backbone == "vgg16_hed" else pictures)

    def __call__(self, fake: Tensor, real: Tensor) -> Tensor:
        """The loss of pictures (B, 3, H, W) in [-1, 1]; ``real`` gets no gradient."""
        self.features.to(fake.device)  # costs nothing if it is there already
        with torch.no_grad():
            targets = self.maps(real)
        distances = [
            weight * F.l1_loss(a.float(), b.float())
            for weight, a, b in zip(WEIGHTS, self.maps(fake), targets, strict=False)  # four levels may do
        ]
        return torch.stack(distances).sum()


class InvariantPerceptualLoss:
    """Squared distance between relu5_3 of VGG-16 with the style of its maps removed (Huang et al. 2018, sec. 5.1).

    It compares an image with its translation into another domain: instance norm takes the domain out of the features.
    As in the authors' code, there is no pooling before the fifth block.  Their VGG-16 is Caffe's.

    Args:
        backbone: ``vgg16``, torchvision's, or ``vgg16_hed``, of which relu4_3 is compared: see `HED_MEANS`.
    """

    #: Index in torchvision's ``features`` of the pooling after relu4_3.
    POOLING = 23

    #: How many layers lead to the features.
    COUNTS: ClassVar[dict[str, int]] = {"vgg16": 30, "vgg16_hed": 23}

    def __init__(self, backbone: VGG16 = "vgg16") -> None:
        self.backbone = backbone
        layers = list(pretrained_features(backbone, self.COUNTS[backbone]))
        del layers[self.POOLING : self.POOLING + 1]
        self.features = nn.Sequential(*layers)

    def maps(self, pictures: Tensor) -> Tensor:
        """The compared features (B, 512, H/8, W/8), normalised, of pictures (B, 3, H, W) in [-1, 1]."""
        return F.instance_norm(self.features(normalised(self.backbone, pictures)))

    def __call__(self, fake: Tensor, source: Tensor) -> Tensor:
        """The loss of pictures (B, 3, H, W) in [-1, 1]; ``source`` gets no gradient."""
        self.features.to(fake.device)
        with torch.no_grad():
            target = self.maps(source)
        return F.mse_loss(self.maps(fake).float(), target.float())
