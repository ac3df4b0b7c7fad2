"""Our convolutions against torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from i2i_zoo.networks import convolution
from i2i_zoo.networks.convolution import WIDE, Double, EnlargingConv2d, Halve, NarrowConv2d, WideConv2d


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 3, 2, 2), (2, 3, 4, 6), (2, 3, 40, 40)])
@pytest.mark.parametrize(("kind", "reference"), [(Halve, nn.Conv2d), (Double, nn.ConvTranspose2d)])
def test_the_results_and_gradients_are_those_of_torch(kind, reference, shape: tuple[int, ...], bias: bool) -> None:
    layer = kind(3, 5, bias).double()
    expected = reference(3, 5, 4, stride=2, padding=1, bias=bias).double()
    compare(layer, expected, torch.randn(shape, dtype=torch.float64))


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect"])
@pytest.mark.parametrize(("shape", "parts"), [((2, WIDE, 6, 5), 1), ((3, WIDE, 6, 5), 2), ((1, WIDE, 5, 6), 0)])
def test_wide_convolutions_are_those_of_torch(
    shape: tuple[int, ...], parts: int, padding_mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    monkeypatch.setattr(convolution, "MANY", 30)
    monkeypatch.setattr(convolution, "CACHED", 2 * WIDE * 6 * 5)  # two samples
    rows = convolution.convolve_rows
    monkeypatch.setattr(convolution, "convolve_rows", lambda x, weight: made.append(len(x)) or rows(x, weight))
    layer = WideConv2d(WIDE, WIDE + 3, padding_mode).double()
    expected = nn.Conv2d(WIDE, WIDE + 3, 3, padding=1, padding_mode=padding_mode).double()
    compare(layer, expected, torch.randn(shape, dtype=torch.float64))
    assert (len(made), sum(made)) == (parts, shape[0] if parts else 0)  # an odd height has no pairs of rows


@pytest.mark.parametrize(("kernel", "padding_mode"), [(7, "reflect"), (4, "zeros")])
@pytest.mark.parametrize("outputs", [1, 3, 5])
def test_narrow_convolutions_are_those_of_torch(outputs: int, kernel: int, padding_mode: str) -> None:
    padding = (kernel - 1) // 2
    layer = NarrowConv2d(5, outputs, kernel, padding, padding_mode).double()
    expected = nn.Conv2d(5, outputs, kernel, padding=padding, padding_mode=padding_mode).double()
    compare(layer, expected, torch.randn(2, 5, 9, 8, dtype=torch.float64))


def test_a_doubling_to_a_large_picture_is_that_of_torch() -> None:
    layer, expected = Double(5, 3).double(), nn.ConvTranspose2d(5, 3, 4, stride=2, padding=1).double()
    compare(layer, expected, torch.randn(2, 5, 20, 18, dtype=torch.float64))


def test_a_wide_convolution_rounds_no_more_coarsely_than_torch() -> None:
    layer, torchs = WideConv2d(256, 256), nn.Conv2d(256, 256, 3, padding=1)
    torchs.load_state_dict(layer.state_dict())
    x = torch.randn(1, 256, 32, 32)
    exact = torchs.double()(x.double())
    assert not torch.equal(layer(x), torchs.float()(x))  # by Winograd's algorithm
    error = (layer(x) - exact).square().mean().sqrt()
    assert error < 1.1 * (torchs.float()(x) - exact).square().mean().sqrt()


@pytest.mark.parametrize("layer", [WideConv2d(WIDE, WIDE), NarrowConv2d(5, 3, 7, 3), Double(5, 3)])
def test_translation_is_that_of_torch_bit_for_bit(layer: nn.Module) -> None:
    x = torch.randn(1, layer.in_channels, 20, 20)
    exact = {nn.Conv2d: nn.functional.conv2d, nn.ConvTranspose2d: nn.functional.conv_transpose2d}
    convolve = exact[nn.ConvTranspose2d if isinstance(layer, Double) else nn.Conv2d]
    wanted = convolve(x, layer.weight, layer.bias, layer.stride, layer.padding)
    assert torch.equal(layer.eval()(x), wanted)


@pytest.mark.parametrize("shape", [(2, 5, 4, 6), (1, 3, 2, 8)])
def test_enlarging_gives_what_torch_gives(shape: tuple[int, ...]) -> None:
    """Also where maps are too small for the faster way."""
    torch.manual_seed(0)
    expected = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(shape[1], 4, 3, padding=1)).double()
    layer = EnlargingConv2d(shape[1], 4).double()
    expected[1].load_state_dict(layer.state_dict())
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(shape[0], 4, 2 * shape[2], 2 * shape[3], dtype=torch.float64)
    found, wanted = layer(x), expected(x)
    torch.testing.assert_close(found, wanted)
    gradients, wanted_gradients = (
        torch.autograd.grad((out * weight).sum(), [x, *module.parameters()])
        for out, module in ((found, layer), (wanted, expected))
    )
    torch.testing.assert_close(gradients, wanted_gradients)


def compare(layer: nn.Module, expected: nn.Module, values: torch.Tensor) -> None:
    """Fail unless both give the same results and gradients in train mode."""
    expected.load_state_dict(layer.state_dict())
    x = values.clone().requires_grad_()
    y = x.detach().clone().requires_grad_()
    found, wanted = layer(x), expected(y)
    torch.testing.assert_close(found, wanted)
    weight = torch.randn_like(wanted)
    (found * weight).sum().backward()
    (wanted * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    for own, torchs in zip(layer.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(own.grad, torchs.grad)
