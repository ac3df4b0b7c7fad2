"""Classifiers as feature extractors: torchvision's and HED's VGG-16, frozen and read at some of their layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from typing import Literal

import torch
import torchvision
from torch import Tensor, nn

from i2i_zoo.errors import ZooError
from i2i_zoo.store.tensors import fitting, read_pickle, state_dict

from .hed_file import hed_file, read_hed
from .weights import MissingWeights, fetch

#: The classifiers of a perceptual loss: the keys of `TAPS`.
Backbone = Literal["vgg19", "vgg16", "vgg16_hed", "vgg13", "vgg11", "alexnet"]

#: Two versions of VGG-16: torchvision's, and the one that was fine-tuned for edges.
VGG16 = Literal["vgg16", "vgg16_hed"]

#: Backbones whose layers follow one another: indices in torchvision's ``features`` of the first ReLU of each block.
TAPS: dict[str, tuple[int, ...]] = {
    "vgg19": (1, 6, 11, 20, 29),
    "vgg16": (1, 6, 11, 18, 25),
    "vgg16_hed": (1, 6, 11, 18),  # up to relu4_3 only, see `HED_MEANS`
    "vgg13": (1, 6, 11, 16, 21),
    "vgg11": (1, 4, 7, 12, 17),
    # Its blocks have one ReLU each; LPIPS takes the same five.
    "alexnet": (1, 4, 7, 9, 11),
}

#: Mean output of the ReLU after each convolution of HED's VGG-16 on photographs; `hed_features` divides by them.
#: The fifth block is left out: fine-tuning has made it an edge detector.  As features its relu5_3 tells materials in
#: street scenes apart less well than an untrained network does, while relu3_3 and relu4_3 are much better.
HED_MEANS = (15.0, 21.0, 15.0, 4.1, 7.5, 7.0, 2.7, 4.7, 2.6, 1.1)

#: Layers of torchvision's ``features`` up to relu4_3.
HED_COUNT = 23

#: Caffe's mean colour of ImageNet, in the order blue, green, red of 0..255.
CAFFE_MEAN = (104.00699, 116.66877, 122.67892)


@cache
def pretrained_features(
    backbone: str, count: int, otherwise: str = "train without the perceptual loss, --model.lambda_perceptual 0"
) -> nn.Sequential:
    """The first layers of a classifier with its ImageNet weights: loaded once, frozen, in eval mode.

    Args:
        backbone: ``vgg16_hed``, or a classifier of torchvision whose convolutions are in ``features``, such as
            ``vgg16``.
        count: How many layers of torchvision's ``features``.
        otherwise: What else a person can do if the weights cannot be had, for the error message.

    Raises:
        MissingWeights: If the weights are not in torch's cache and cannot be fetched, or those of ``vgg16_hed`` are
            not installed.
        ZooError: If their file is damaged.
    """
    if backbone == "vgg16_hed":
        return hed_features(count, otherwise)
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


def hed_features(count: int, otherwise: str) -> nn.Sequential:
    """VGG-16 with the weights of HED, up to relu4_3 at most; arguments and errors as for `pretrained_features`.

    It takes what `caffe` returns.  Its activations are rescaled to a mean of about 1 at each ReLU (Gatys, Ecker, Bethge
    2016, sec. 2, but by one number for all channels of a layer), which changes nothing else about a network of ReLUs.
    """
    if count > HED_COUNT:
        raise ZooError(f"vgg16_hed has good features up to relu4_3 only, its first {HED_COUNT} layers, not {count}.")
    try:
        path = hed_file()
        tensors = read_hed(path)
    except MissingWeights as error:
        raise MissingWeights(f"{str(error).removesuffix('.')}; or {otherwise}.") from error
    layers = frozen_features("vgg16_hed", count)
    expected = layers.state_dict()
    state = fitting(
        expected, {name.removeprefix("features."): t for name, t in tensors.items()}, str(path), strict=False
    )
    convolutions = [name.removesuffix(".weight") for name in expected if name.endswith(".weight")]
    for name, before, mean in zip(convolutions, (1.0, *HED_MEANS), HED_MEANS, strict=False):  # `count` leaves some out
        state[f"{name}.weight"] *= before / mean
        state[f"{name}.bias"] /= mean
    layers.load_state_dict(state)
    return layers


def frozen_features(backbone: str, count: int) -> nn.Sequential:
    """The layers of `pretrained_features` before their weights are loaded."""
    hed = backbone == "vgg16_hed"
    layers: nn.Sequential = torchvision.models.get_model("vgg16" if hed else backbone, weights=None).features[:count]
    for layer in layers:
        if hed and isinstance(layer, nn.MaxPool2d):
            layer.ceil_mode = True  # as in HED
        if isinstance(layer, nn.ReLU):
            layer.inplace = False  # it must not overwrite the map before it, which may be compared too
    return layers.eval().requires_grad_(False)


def tapped(layers: Iterable[nn.Module], taps: Sequence[int], x: Tensor) -> list[Tensor]:
    """The outputs of some of a row of layers.

    Args:
        layers: They are run one after the other, up to the last that is asked for.
        taps: Indices of the layers, ascending.
        x: The input of the first layer, pictures (B, 3, H, W).
    """
    if torch.is_autocast_enabled("cpu") and x.device.type == "cpu":
        x = x.contiguous(memory_format=torch.channels_last)  # up to a third less time in bf16, more in 32 bit
    found = []
    for index, layer in enumerate(islice(layers, taps[-1] + 1)):
        x = layer(x)
        if index in taps:
            found.append(x)
    return found


def normalised(backbone: str, pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1] as a backbone saw them when it was trained: see `imagenet` and `caffe`."""
    return caffe(pictures) if backbone == "vgg16_hed" else imagenet(pictures)


def imagenet(pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1], normalised by ImageNet's mean and deviation, as torchvision's networks need."""
    mean, deviation = (pictures.new_tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return ((pictures + 1) / 2 - mean) / deviation


def caffe(pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1] as Caffe's networks need them: BGR in 0..255 minus ImageNet's mean colour."""
    return (pictures.flip(1) + 1) * 127.5 - pictures.new_tensor(CAFFE_MEAN)[:, None, None]
