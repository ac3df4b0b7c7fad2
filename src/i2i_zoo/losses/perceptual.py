"""Perceptual loss: distances between the features of a classifier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from typing import Any
from urllib.error import URLError

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError

#: Backbones with features in a row: indices in torchvision's ``features`` of the layers that are compared, and weights.
TAPS: dict[str, tuple[tuple[int, ...], tuple[float, ...]]] = {
    # relu1_1, relu2_1, ... relu5_1 with the weights of pix2pixHD's and SPADE's authors (``VGGLoss``).
    "vgg19": ((1, 6, 11, 20, 29), (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)),
    "vgg16": ((1, 6, 11, 18, 25), (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)),
    "vgg13": ((1, 6, 11, 16, 21), (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)),
    "vgg11": ((1, 4, 7, 12, 17), (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)),
    # The five ReLUs, as LPIPS takes them; weights as above.
    "alexnet": ((1, 4, 7, 9, 11), (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)),
}


class PerceptualLoss:
    """Weighted L1 distances between features of a frozen classifier (Wang et al. 2018, sec. 3.3; Johnson et al. 2016).

    Pictures go in as they are, in [-1, 1] and not by ImageNet's mean and deviation, as in the authors' code.  It is no
    module, so its weights are in nobody's state dict and in no optimiser; every loss of a backbone shares them.

    Args:
        backbone: A name of `TAPS`: a classifier of torchvision.

    Raises:
        ZooError: For another name; if its weights are not in torch's cache and cannot be fetched.
    """

    def __init__(self, backbone: str = "vgg19") -> None:
        if backbone not in TAPS:
            raise ZooError(f"No perceptual loss uses {backbone!r}: choose from {', '.join(TAPS)}.")
        self.taps, self.weights = TAPS[backbone]
        self.features = pretrained_features(backbone, self.taps[-1] + 1)

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """The features (B, C, h, w) that are compared, of pictures (B, 3, H, W) in [-1, 1]."""
        return tapped(self.features, self.taps, pictures)

    def __call__(self, fake: Tensor, real: Tensor) -> Tensor:
        """Of pictures (B, 3, H, W) in [-1, 1]; no gradient for ``real``."""
        self.features.to(fake.device)  # costs nothing where it is already
        with torch.no_grad():
            targets = self.maps(real)
        distances = [
            weight * F.l1_loss(a.float(), b.float())
            for weight, a, b in zip(self.weights, self.maps(fake), targets, strict=True)
        ]
        return torch.stack(distances).sum()


class InvariantPerceptualLoss:
    """Squared distance of a classifier's relu5_3 without the style of its maps (Huang et al. 2018, appendix).

    An image and its translation into another domain are compared: instance norm takes the domain out of the features.
    The authors' VGG-16 is Caffe's; this is torchvision's, fed as that was trained.
    """

    def __init__(self) -> None:
        self.features = pretrained_features("vgg16", 30)

    def __call__(self, fake: Tensor, source: Tensor) -> Tensor:
        """Of pictures (B, 3, H, W) in [-1, 1]; no gradient for ``source``."""
        self.features.to(fake.device)
        with torch.no_grad():
            target = F.instance_norm(self.features(imagenet(source)))
        return F.mse_loss(F.instance_norm(self.features(imagenet(fake))).float(), target.float())


def tapped(layers: Iterable[nn.Module], taps: Sequence[int], x: Tensor) -> list[Tensor]:
    """What the layers with these indices give, of layers in a row; those behind the last of them are not run."""
    found = []
    for index, layer in enumerate(islice(layers, taps[-1] + 1)):
        x = layer(x)
        if index in taps:
            found.append(x)
    return found


def imagenet(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) in [-1, 1] as torchvision's classifiers take them: by ImageNet's mean and deviation."""
    mean, deviation = (pictures.new_tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return ((pictures + 1) / 2 - mean) / deviation


@cache
def pretrained_features(
    backbone: str, count: int, otherwise: str = "train without it, --model.lambda_perceptual 0"
) -> Any:
    """The first layers of the classifier: loaded once, frozen, in eval mode.

    Raises `ZooError` if its weights cannot be had; it says what to do ``otherwise``.
    """
    url = torchvision.models.get_model_weights(backbone).DEFAULT.url
    try:
        state = torch.hub.load_state_dict_from_url(url, map_location="cpu", check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        raise ZooError(
            f"The perceptual loss needs {url}, which cannot be fetched ({' '.join(str(error).split())}): put the file "
            f"into {torch.hub.get_dir()}/checkpoints, or {otherwise}."
        ) from error
    layers = frozen_features(backbone, count)
    layers.load_state_dict(
        {k.removeprefix("features."): v for k, v in state.items() if k.startswith("features.")}, False
    )
    return layers


def frozen_features(backbone: str, count: int) -> nn.Sequential:
    """The layers of `pretrained_features` before their weights are loaded."""
    layers = torchvision.models.get_model(backbone, weights=None).features[:count]
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False  # a map that is compared must not change behind
    return layers.eval().requires_grad_(False)
