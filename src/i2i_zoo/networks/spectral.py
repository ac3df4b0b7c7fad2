"""Spectral normalisation (Miyato et al. 2018) in the order of operations of the authors' implementations."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SpectralConv2d(nn.Conv2d):
    """A convolution whose weight is divided by an estimate of its largest singular value (Miyato et al. 2018, alg. 1).

    One step of power iteration updates ``v``, then ``u``, in every forward pass of train mode; eval mode leaves them.
    `torch.nn.utils.parametrizations` updates ``u`` first, so its training gives other numbers than the authors have.
    """

    u: Tensor
    v: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, bias=bias)
        self.register_buffer("u", F.normalize(torch.randn(out_channels), dim=0, eps=1e-12))
        self.register_buffer("v", F.normalize(torch.randn(self.weight[0].numel()), dim=0, eps=1e-12))

    def normalized_weight(self) -> Tensor:
        """The weight divided by its spectral norm; in train mode after one step of power iteration."""
        matrix = self.weight.flatten(1)
        # The meta device, on which memory is computed, knows no autocast.
        with nullcontext() if matrix.is_meta else torch.autocast(matrix.device.type, enabled=False):
            u, v = self.u, self.v
            if self.training:
                with torch.no_grad():
                    v = F.normalize(matrix.T @ u, dim=0, eps=1e-12)
                    u = F.normalize(matrix @ v, dim=0, eps=1e-12)
                    self.u.copy_(u)
                    self.v.copy_(v)
            return self.weight / (u @ (matrix @ v))

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.normalized_weight(), self.bias)
