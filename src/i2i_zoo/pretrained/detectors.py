"""Networks that detect objects in pictures; the detection score asks them how sure they are of a person."""

from __future__ import annotations

from os import PathLike
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator

from i2i_zoo.errors import ZooError
from i2i_zoo.store.caffe import read_caffemodel
from i2i_zoo.store.tensors import read_pickle, state_dict

from .segmenters import with_weights
from .weights import MissingWeights, fetch

Path = str | PathLike[str]

#: The name of SSD300 with its authors' weights.
VOC = "ssd300_voc"
#: The class of persons in Pascal VOC, with the background as class 0.
VOC_PERSON = 15

#: Sizes of SSD300's boxes on VOC as shares of the picture; torchvision has those of COCO, which are smaller.
_VOC_SCALES = [30 / 300, 60 / 300, 111 / 300, 162 / 300, 213 / 300, 264 / 300, 315 / 300]
_RATIOS = [[2], [2, 3], [2, 3], [2, 3], [2], [2]]
_STEPS = [8, 16, 32, 64, 100, 300]

#: Torchvision's names of SSD's layers and the names in its authors' Caffe file.
_CONVOLUTIONS = {
    **{
        f"features.{number}": f"conv{name}"
        for number, name in zip(
            (0, 2, 5, 7, 10, 12, 14, 17, 19, 21),
            ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3"),
            strict=True,
        )
    },
    "extra.0.1": "conv5_1",
    "extra.0.3": "conv5_2",
    "extra.0.5": "conv5_3",
    "extra.0.7.1": "fc6",
    "extra.0.7.3": "fc7",
    **{f"extra.{block}.{layer}": f"conv{block + 5}_{layer // 2 + 1}" for block in range(1, 5) for layer in (0, 2)},
}
_SOURCES = ("conv4_3_norm", "fc7", "conv6_2", "conv7_2", "conv8_2", "conv9_2")
_HEADS = {
    f"{head}.module_list.{number}": f"{source}_mbox_{name}"
    for head, name in (("classification_head", "conf"), ("regression_head", "loc"))
    for number, source in enumerate(_SOURCES)
}

#: Torchvision's detectors whose authors trained without an epsilon in their batch norm.
_WITHOUT_EPSILON = tuple(f"{name}_resnet50_fpn" for name in ("fasterrcnn", "keypointrcnn", "maskrcnn", "retinanet"))


class PersonScore(nn.Module):
    """How sure a detector is of a person: pictures (B, 3, H, W) in [0, 1] to (B,) in [0, 1].

    It is the best score of a person in a picture, and 0 if none is detected.

    Args:
        network: Takes a list of pictures (3, H, W), and returns ``labels`` and ``scores`` of each.
        person: The label of persons.
    """

    def __init__(self, network: nn.Module, person: int) -> None:
        super().__init__()
        self.network, self.person = network.eval().requires_grad_(False), person

    def forward(self, pictures: Tensor) -> Tensor:
        found: list[dict[str, Tensor]] = self.network(list(pictures))
        persons = [F.pad(one["scores"][one["labels"] == self.person], (0, 1)) for one in found]
        return torch.stack([scores.amax() for scores in persons])


def person_score(name: str = "ssd300_vgg16", weights: Path | None = None) -> PersonScore:
    """A detector by name, asked for persons.

    Args:
        name: A detector of torchvision, trained on COCO; or ``ssd300_voc``, the SSD300 with which the field measures.
        weights: A file of weights, instead of the one that torchvision offers; for ``ssd300_voc`` its authors'
            ``VGG_VOC0712_SSD_300x300_iter_120000.caffemodel``.

    Raises:
        ZooError: If there is no such detector, or its file does not fit.
        MissingWeights: If its file cannot be fetched.
    """
    if name == VOC:
        return PersonScore(ssd300_voc(weights), VOC_PERSON)
    known = torchvision.models.list_models(module=torchvision.models.detection)
    if name not in known:
        raise ZooError(f"No detector {name!r}: choose from {', '.join([VOC, *known])}.")
    offered: Any = torchvision.models.get_model_weights(name).DEFAULT
    path = weights or fetch(offered.url)
    network = torchvision.models.get_model(name, weights=None, weights_backbone=None)
    if name in _WITHOUT_EPSILON:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 0.0
    tensors = state_dict(read_pickle(path), str(path))
    return PersonScore(with_weights(network, tensors, path), offered.meta["categories"].index("person"))


def ssd300_voc(weights: Path | None) -> nn.Module:
    """SSD300 that its authors trained on Pascal VOC 2007 and 2012 (Liu et al. 2016), from their Caffe file.

    It is torchvision's network with the boxes of ``deploy.prototxt``.  Pictures of any shape are resized to 300x300.
    """
    if weights is None:
        raise MissingWeights(
            "SSD300 of VOC has no weights here: get VGG_VOC0712_SSD_300x300_iter_120000.caffemodel from its authors "
            "(https://github.com/weiliu89/caffe/tree/ssd), and say where it is with the metric's option weights."
        )
    network = torchvision.models.detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=21)
    network.anchor_generator = DefaultBoxGenerator(_RATIOS, scales=_VOC_SCALES, steps=_STEPS, clip=False)
    given = read_caffemodel(weights)
    layers = {f"backbone.{ours}": theirs for ours, theirs in _CONVOLUTIONS.items()}
    layers |= {f"head.{ours}": theirs for ours, theirs in _HEADS.items()}
    names = {f"{ours}.{part}": f"{layers[ours]}.{part}" for ours in layers for part in ("weight", "bias")}
    names["backbone.scale_weight"] = "conv4_3_norm.weight"
    tensors = {ours: given[theirs] for ours, theirs in names.items() if theirs in given}
    first = "backbone.features.0.weight"
    if first in tensors:
        tensors[first] = tensors[first].flip(1)  # it takes blue first
    return with_weights(network, tensors, weights)
