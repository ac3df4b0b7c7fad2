"""A tiny Keypoint R-CNN of torchvision's, which is sure of a person in every picture."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torchvision.models.detection import KeypointRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor


def network(**options: Any) -> KeypointRCNN:
    """Takes the options of ``keypointrcnn_resnet50_fpn`` and heeds none."""
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Conv2d(3, 4, 16, 16), nn.BatchNorm2d(4))
    backbone.out_channels = 4  # type: ignore[assignment]  # torchvision asks for this attribute
    rcnn = KeypointRCNN(
        backbone,
        min_size=64,
        max_size=64,
        rpn_anchor_generator=AnchorGenerator(((32,),), ((1.0,),)),
        box_head=TwoMLPHead(4 * 7 * 7, 8),
        box_predictor=FastRCNNPredictor(8, 2),
        keypoint_head=KeypointRCNNHeads(4, (8,)),
        keypoint_predictor=KeypointRCNNPredictor(8, 17),
    )
    with torch.no_grad():
        rcnn.roi_heads.box_predictor.cls_score.bias.copy_(torch.tensor([-5.0, 5.0]))
        rcnn.roi_heads.keypoint_predictor.kps_score_lowres.bias.fill_(5.0)
    return rcnn
