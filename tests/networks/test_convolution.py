"""The U-Net's convolutions against torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from i2i_zoo.networks.convolution import Double, Halve


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 3, 2, 2), (2, 3, 4, 6), (2, 3, 40, 40)])
@pytest.mark.parametrize(("kind", "reference"), [(Halve, nn.Conv2d), (Double, nn.ConvTranspose2d)])
def test_the_results_and_gradients_are_those_of_torch(kind, reference, shape: tuple[int, ...], bias: bool) -> None:
    layer = kind(3, 5, bias).double()
    expected = reference(3, 5, 4, stride=2, padding=1, bias=bias).double()
    expected.load_state_dict(layer.state_dict())
    x = torch.randn(shape, dtype=torch.float64).requires_grad_()
    y = x.detach().clone().requires_grad_()
    found, wanted = layer(x), expected(y)
    torch.testing.assert_close(found, wanted)
    weight = torch.randn_like(wanted)
    (found * weight).sum().backward()
    (wanted * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    torch.testing.assert_close(layer.weight.grad, expected.weight.grad)
