"""Segmentation networks by name; the FCN-score compares what they find in generated pictures with the labels."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.espnet import ESPNet
from i2i_zoo.networks.fcn8s import FCN8s
from i2i_zoo.store.caffe import read_caffemodel
from i2i_zoo.store.tensors import fitting, read_pickle, state_dict

from .weights import MissingWeights, fetch

Path = str | PathLike[str]

_ESPNET_CAMVID = (
    "https://raw.githubusercontent.com/sacmehta/ESPNet/afe71c38edaee3514ca44e0adcafdf36109bf437/"
    "pretrained/decoder/espnet_p_2_q_8_camvid.pth"
)
_ESPNET_CAMVID_SHA256 = "7d354a257170322086dcd4c1e89a482454cf2c9d30b085e70883878dd59301af"
_FCN8S_CITYSCAPES = (
    "https://people.eecs.berkeley.edu/~tinghuiz/projects/pix2pix/fcn-8s-cityscapes/fcn-8s-cityscapes.caffemodel"
)

#: Class of each id of Cityscapes' ``_labelIds`` files, -1 for those that do not count (cityscapesScripts' labels.py).
CITYSCAPES_CLASSES = (
    *(-1, -1, -1, -1, -1, -1, -1, 0, 1, -1, -1, 2, 3, 4, -1, -1, -1, 5, -1),
    *(6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -1, -1, 16, 17, 18),
)


class Segmenter(nn.Module):
    """A segmentation network after the normalisation that it was trained with.

    It takes pictures (B, 3, H, W) in [-1, 1], RGB, and returns what the network returns: class scores (B, C, h, w), or
    a dict that holds them as ``out``.

    Args:
        network: Takes normalised pictures.
        mean: What is subtracted from R, G and B in [0, 255].
        std: What the differences are divided by.
        bgr: Whether the network takes the channels in the order blue, green, red.
        classes: Number of classes that count.
        label_classes: Class of each id in the label maps, -1 for ids that do not count; by default ids are classes.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        mean: Sequence[float],
        std: Sequence[float],
        *,
        classes: int,
        bgr: bool = False,
        label_classes: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.network, self.bgr, self.classes, self.label_classes = network, bgr, classes, label_classes
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])

    def forward(self, pictures: Tensor) -> Tensor | dict[str, Tensor]:
        normalised = ((pictures + 1) * 127.5 - self.mean) / self.std
        scores: Tensor | dict[str, Tensor] = self.network(normalised.flip(1) if self.bgr else normalised)
        return scores


def load(name: str, weights: Path | None = None, classes: int | None = None) -> Segmenter:
    """A segmenter by name, with pretrained weights.

    Args:
        name: ``espnet_camvid``; ``fcn8s_cityscapes``; or a segmentation model of torchvision such as
            ``deeplabv3_resnet50``.
        weights: A file of weights, instead of the one that its authors offer.
        classes: Number of classes of a torchvision model, if ``weights`` is your own file.

    Raises:
        ZooError: If there is no such segmenter, or its file does not fit.
        MissingWeights: If its file cannot be fetched.
    """
    if name == "espnet_camvid":
        return espnet_camvid(weights)
    if name == "fcn8s_cityscapes":
        return fcn8s_cityscapes(weights)
    if name in torchvision_names():
        return torchvision_segmenter(name, weights, classes)
    choices = ", ".join(["espnet_camvid", "fcn8s_cityscapes", *torchvision_names()])
    raise ZooError(f"No segmenter {name!r}: choose from {choices}.")


def espnet_camvid(weights: Path | None = None) -> Segmenter:
    """ESPNet (p=2, q=8) that its authors trained on CamVid; its twelfth class is void.

    It is used as they train (``Transforms.py``): blue first, normalised by the means over SegNet's 367 training
    photographs of each one's mean and standard deviation, and divided by 255 besides.
    """
    path = weights or fetch(_ESPNET_CAMVID, _ESPNET_CAMVID_SHA256)
    network = with_weights(ESPNet(classes=12, p=2, q=8), state_dict(read_pickle(path), str(path)), path)
    mean, std = (105.034, 108.409, 110.331), (69.903, 72.688, 72.125)
    return Segmenter(network, mean, [255 * s for s in std], bgr=True, classes=11)


def fcn8s_cityscapes(weights: Path | None) -> Segmenter:
    """FCN-8s that pix2pix's authors trained on Cityscapes, from their Caffe file; its twentieth class is void."""
    if weights is None:
        raise MissingWeights(
            f"FCN-8s has no weights here: download {_FCN8S_CITYSCAPES} (513 MiB), "
            "and say where it is with the metric's option weights."
        )
    with torch.device("meta"):  # 134 million parameters need no initialisation
        empty = FCN8s(classes=20)
    network = with_weights(empty, read_caffemodel(weights), weights)
    mean, std = (73.45286, 83.21195, 72.78044), (1.0, 1.0, 1.0)
    return Segmenter(network, mean, std, bgr=True, classes=19, label_classes=CITYSCAPES_CLASSES)


def torchvision_names() -> list[str]:
    """The names of torchvision's segmentation models."""
    return list(torchvision.models.list_models(module=torchvision.models.segmentation))


def torchvision_segmenter(name: str, weights: Path | None = None, classes: int | None = None) -> Segmenter:
    """A segmentation model of torchvision: with its own weights (21 classes of Pascal VOC), or with your own file."""
    offered: Any = torchvision.models.get_model_weights(name).DEFAULT
    if weights is None:
        weights, classes = fetch(offered.url), len(offered.meta["categories"])
    elif classes is None:
        raise ZooError(f"{weights}: say how many classes this {name} has, with the metric's option classes.")
    network = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=classes)
    tensors = state_dict(read_pickle(weights), str(weights))
    # The auxiliary classifier serves only training.
    tensors = {key: tensor for key, tensor in tensors.items() if not key.startswith("aux_classifier.")}
    transforms = offered.transforms()
    mean, std = ([255 * value for value in values] for values in (transforms.mean, transforms.std))
    return Segmenter(with_weights(network, tensors, weights), mean, std, classes=classes)


def with_weights(network: nn.Module, tensors: dict[str, Tensor], where: Path) -> nn.Module:
    """The network with these tensors; raises `ZooError` if they do not fit."""
    expected = {name: tensor for name, tensor in network.state_dict().items() if "num_batches_tracked" not in name}
    tensors = {name: tensor for name, tensor in tensors.items() if "num_batches_tracked" not in name}
    network.load_state_dict(fitting(expected, tensors, str(where)), strict=False, assign=True)
    return network
