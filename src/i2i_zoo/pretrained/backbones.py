"""Torchvision's classifiers as feature extractors: frozen, and read at some of their layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from typing import Literal

import torchvision
from torch import Tensor, nn

from i2i_zoo.store.tensors import read_pickle, state_dict

from .weights import fetch

#: The classifiers of a perceptual loss: the keys of `TAPS`.
Backbone = Literal["vgg19", "vgg16", "vgg13", "vgg11", "alexnet"]

#: Backbones whose layers follow one another: indices in torchvision's ``features`` of the first ReLU of each block.
TAPS: dict[str, tuple[int, ...]] = {
    "vgg19": (1, 6, 11, 20, 29),
    "vgg16": (1, 6, 11, 18, 25),
    "vgg13": (1, 6, 11, 16, 21),
    "vgg11": (1, 4, 7, 12, 17),
    # Its blocks have one ReLU each; LPIPS takes the same five.
    "alexnet": (1, 4, 7, 9, 11),
}


@cache
def pretrained_features(
    backbone: str, count: int, otherwise: str = "train without the perceptual loss, --model.lambda_perceptual 0"
) -> nn.Sequential:
    """The first layers of a classifier with its ImageNet weights: loaded once, frozen, in eval mode.

    Args:
        backbone: A classifier of torchvision whose convolutions are in ``features``, such as ``vgg16``.
        count: How many layers of torchvision's ``features``.
        otherwise: What else a person can do if the weights cannot be fetched, for the error message.

    Raises:
        MissingWeights: If the weights are not in torch's cache and cannot be fetched.
        ZooError: If their file is damaged.
    """
    path = fetch(torchvision.models.get_model_weights(backbone).DEFAULT.url, otherwise=otherwise)
    prefix = "features."
    state = {
        name.removeprefix(prefix): tensor
        for name, tensor in state_dict(read_pickle(path), str(path)).items()
        if name.startswith(prefix)
    }
    layers = frozen_features(backbone, count)
    layers.load_state_dict(state, strict=False)  # the file holds the later layers too
    return layers


def frozen_features(backbone: str, count: int) -> nn.Sequential:
    """The layers of `pretrained_features` before their weights are loaded."""
    layers: nn.Sequential = torchvision.models.get_model(backbone, weights=None).features[:count]
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False  # it must not overwrite the map before it, which may be compared too
    return layers.eval().requires_grad_(False)


def tapped(layers: Iterable[nn.Module], taps: Sequence[int], x: Tensor) -> list[Tensor]:
    """The outputs of some of a row of layers.

    Args:
        layers: They are run one after the other, up to the last that is asked for.
        taps: Indices of the layers, ascending.
        x: The input of the first layer.
    """
    found = []
    for index, layer in enumerate(islice(layers, taps[-1] + 1)):
        x = layer(x)
        if index in taps:
            found.append(x)
    return found


def imagenet(pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1], normalised by ImageNet's mean and deviation, as torchvision's networks need."""
    mean, deviation = (pictures.new_tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return ((pictures + 1) / 2 - mean) / deviation
