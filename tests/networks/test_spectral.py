from __future__ import annotations

import torch
from torch import nn

from i2i_zoo.networks.spectral import SpectralConv2d


def test_the_largest_singular_value_becomes_one() -> None:
    torch.manual_seed(0)
    layer = SpectralConv2d(3, 8, 3, padding=1)
    for _ in range(200):
        weight = layer.normalized_weight()
    assert torch.allclose(torch.linalg.svdvals(weight.flatten(1))[0], torch.ones(()), atol=1e-4)


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
