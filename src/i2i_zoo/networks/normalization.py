"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError

#: The constructor of a normalisation layer, of a number of channels.
MakeNorm = Callable[[int], nn.Module]


class BatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that can normalise each image by its own statistics in eval mode.

    pix2pix and its relatives are trained with a batch of one and tested in train mode (Isola et al. 2017, sec. 3.4 and
    the authors' ``test.py``): an image is normalised by its own mean and variance.  ``inference="image"`` does that in
    eval mode for a batch of any size, so an image's result does not depend on its neighbours; ``inference="running"``
    uses the running statistics (the authors' ``--eval``).  Train mode is ordinary batch normalisation.

    Shapes: (B, C, H, W) to the same; ``inference="image"`` needs more than one pixel.
    """

    def __init__(self, num_features: int, inference: str = "image") -> None:
        super().__init__(num_features)
        self.inference = inference

    def forward(self, input: Tensor) -> Tensor:
        if self.training or self.inference == "running":
            return super().forward(input)
        # Groups of one channel: what `instance_norm` computes, faster.
        return F.group_norm(input, self.num_features, self.weight, self.bias, self.eps)


def norm_layer(name: str, inference: str = "image") -> tuple[MakeNorm, bool]:
    """The constructor ``channels -> layer`` of a normalisation, and whether a convolution before it has a bias.

    ``batch``: affine, running statistics; its own shift replaces the bias.  ``instance``: neither affine nor running
    statistics; the convolution keeps its bias as in the authors' code, although the mean removes it again.  ``none``:
    the identity, and no bias either (authors' ``networks.py``).  ``inference`` is that of `BatchNorm2d`.

    Raises `ZooError` for another name.
    """
    if name == "batch":
        return partial(BatchNorm2d, inference=inference), False
    if name == "instance":
        return nn.InstanceNorm2d, True
    if name == "none":
        return lambda channels: nn.Identity(), False
    raise ZooError(f"Unknown normalisation {name!r}: choose batch, instance or none.")
