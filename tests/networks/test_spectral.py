from __future__ import annotations

import pytest
import torch
from torch import nn

from i2i_zoo.networks.initialization import init_orthogonal
from i2i_zoo.networks.spectral import Spectral, SpectralConv2d, SpectralConv3d, SpectralEmbedding, SpectralLinear

LAYERS = {
    "conv2d": lambda: SpectralConv2d(3, 8, 3, padding=1),
    "conv3d": lambda: SpectralConv3d(3, 8, 3, padding=1),
    "linear": lambda: SpectralLinear(5, 8),
    "embedding": lambda: SpectralEmbedding(4, 6),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_largest_singular_value_becomes_one(name: str) -> None:
    torch.manual_seed(0)
    layer = LAYERS[name]()
    for _ in range(200):
        weight = layer.normalized_weight()
    assert torch.allclose(torch.linalg.svdvals(weight.flatten(1))[0], torch.ones(()), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "input", "plain"),
    [
        ("conv3d", torch.randn(2, 3, 4, 5, 6), lambda x, layer, w: nn.functional.conv3d(x, w, layer.bias, padding=1)),
        ("linear", torch.randn(7, 5), lambda x, layer, w: x @ w.T + layer.bias),
        ("embedding", torch.tensor([3, 0, 3]), lambda x, layer, w: w[x]),
    ],
)
def test_layers_use_the_normalised_weight(name: str, input: torch.Tensor, plain: object) -> None:
    layer = LAYERS[name]().eval()
    assert callable(plain)
    torch.testing.assert_close(layer(input), plain(input, layer, layer.normalized_weight()))


@pytest.mark.parametrize("name", LAYERS)
def test_orthogonal_weights_are_their_own_normalised_ones(name: str) -> None:
    layer: Spectral = init_orthogonal(LAYERS[name]())
    singular = torch.linalg.svdvals(layer.weight.detach().flatten(1))
    torch.testing.assert_close(singular, torch.ones_like(singular))
    for mode in (False, True):
        torch.testing.assert_close(layer.train(mode).normalized_weight(), layer.weight)
    assert getattr(layer, "bias", None) is None or not layer.bias.any()


def test_outputs_and_vectors_are_those_of_torchs_hook() -> None:
    torch.manual_seed(0)
    ours, theirs = SpectralConv2d(3, 4, 3, padding=1), nn.utils.spectral_norm(nn.Conv2d(3, 4, 3, padding=1))
    state = {"weight": theirs.weight_orig, "bias": theirs.bias, "u": theirs.weight_u, "v": theirs.weight_v}
    ours.load_state_dict({name: tensor.detach().clone() for name, tensor in state.items()})
    x = torch.randn(2, 3, 6, 6)
    for mode in (True, True, False):
        torch.testing.assert_close(ours.train(mode)(x), theirs.train(mode)(x))
    torch.testing.assert_close(ours.u, theirs.weight_u)
    torch.testing.assert_close(ours.v, theirs.weight_v)


def test_eval_mode_leaves_the_estimate_alone() -> None:
    layer = SpectralConv2d(3, 4, 3).eval()
    before = layer.u.clone()
    layer(torch.randn(1, 3, 5, 5))
    assert torch.equal(layer.u, before)
