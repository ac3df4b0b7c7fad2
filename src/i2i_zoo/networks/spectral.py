"""Spectral normalisation (Miyato et al. 2018), with the order of operations that the authors' implementations have."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Spectral(nn.Module):
    """A layer whose weight is divided by an estimate of its largest singular value (Miyato et al. 2018, alg. 1).

    The weight is seen as a matrix with a row for each output.  In train mode, every forward pass takes one step of
    power iteration, which updates ``v``, then ``u``.  Eval mode does not change them.
    `torch.nn.utils.parametrizations` updates ``u`` first, so training with it gives other numbers.

    A subclass is a layer of torch too, and calls `add_vectors` once it has its weight.
    """

    weight: Tensor
    u: Tensor
    v: Tensor

    def add_vectors(self) -> None:
        """The estimates of the singular vectors, random at first."""
        self.register_buffer("u", F.normalize(torch.randn(len(self.weight)), dim=0, eps=1e-12))
        self.register_buffer("v", F.normalize(torch.randn(self.weight[0].numel()), dim=0, eps=1e-12))

    def normalized_weight(self) -> Tensor:
        """The weight divided by its spectral norm; in train mode after one step of power iteration."""
        matrix = self.weight.flatten(1)
        # Memory is estimated on the meta device, which has no autocast.
        with nullcontext() if matrix.is_meta else torch.autocast(matrix.device.type, enabled=False):
            u, v = self.u, self.v
            if self.training:
                with torch.no_grad():
                    v = F.normalize(matrix.T @ u, dim=0, eps=1e-12)
                    u = F.normalize(matrix @ v, dim=0, eps=1e-12)
                    self.u.copy_(u)
                    self.v.copy_(v)
            normalized: Tensor = self.weight / (u @ (matrix @ v))
        return normalized


class SpectralConv2d(Spectral, nn.Conv2d):
    """A convolution of pictures."""

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
        self.add_vectors()

    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = self._conv_forward(input, self.normalized_weight(), self.bias)
        return output


class SpectralConv3d(Spectral, nn.Conv3d):
    """A convolution of clips."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=padding, bias=bias)
        self.add_vectors()

    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = self._conv_forward(input, self.normalized_weight(), self.bias)
        return output


class SpectralLinear(Spectral, nn.Linear):
    """A linear layer."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.add_vectors()

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.normalized_weight(), self.bias)


class SpectralEmbedding(Spectral, nn.Embedding):
    """A vector for each class, (N,) to (N, features); the matrix of all of them is normalised."""

    def __init__(self, classes: int, features: int) -> None:
        super().__init__(classes, features)
        self.add_vectors()

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.normalized_weight())
