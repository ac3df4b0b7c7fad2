"""Losses of style."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from i2i_zoo.errors import ZooError
from i2i_zoo.losses.style import gram, gram_loss, loss_maps, total_variation
from i2i_zoo.networks.adain import StyleEncoder
from i2i_zoo.pretrained import small_encoder
from i2i_zoo.pretrained.backbones import caffe, imagenet, pretrained_features


def test_gram() -> None:
    features = torch.randn(2, 3, 4, 5)
    expected = torch.einsum("bchw,bdhw->bcd", features, features) / (3 * 4 * 5)
    torch.testing.assert_close(gram(features), expected)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(gram(features), expected)
        assert gram(features.bfloat16()).dtype == torch.float32


def test_gram_loss() -> None:
    found, wanted = [torch.randn(2, 3, 4, 4), torch.randn(2, 5, 2, 2)], [torch.randn(1, 3, 3), torch.randn(1, 5, 5)]
    expected = sum(((gram(a) - b) ** 2).mean() for a, b in zip(found, wanted, strict=True))
    torch.testing.assert_close(gram_loss(found, wanted), expected)


def test_total_variation() -> None:
    ramp = torch.arange(4.0).expand(1, 3, 5, 4)
    assert total_variation(ramp) == 1
    assert total_variation(3 * ramp.mT) == 9
    assert total_variation(torch.ones(1, 3, 4, 4)) == 0


@pytest.mark.usefixtures("vgg16")
def test_vgg_is_tapped_where_it_should_be() -> None:
    pictures = (torch.rand(1, 3, 24, 16) * 2 - 1).requires_grad_()
    maps, x, relu = loss_maps("vgg16", pictures), imagenet(pictures), []
    for layer in pretrained_features("vgg16", 23, "take a smaller network, --model.backbone small"):
        x = F.relu(x) if isinstance(layer, torch.nn.ReLU) else layer(x)
        relu += [x] if isinstance(layer, torch.nn.ReLU) else []
    for found, index in zip(maps, (1, 3, 6, 9), strict=True):  # relu1_2, relu2_2, relu3_3, relu4_3
        torch.testing.assert_close(found, relu[index])
    content = loss_maps("vgg16", pictures, content=True)
    assert [m.shape for m in content] == [(1, 64, 24, 16), (1, 128, 12, 8)]
    (gradient,) = torch.autograd.grad(maps[-1].sum(), pictures)
    assert gradient.abs().sum() > 0


@pytest.mark.usefixtures("hed")
def test_hed_is_tapped_where_vgg_is() -> None:
    pictures = torch.rand(1, 3, 24, 16) * 2 - 1
    maps = loss_maps("vgg16_hed", pictures)
    assert [m.shape[1:] for m in maps] == [(64, 24, 16), (128, 12, 8), (256, 6, 4), (512, 3, 2)]
    torch.testing.assert_close(maps[-1], pretrained_features("vgg16_hed", 23)(caffe(pictures)))


def test_the_small_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_encoder, "SMALL", tmp_path / "model.safetensors")
    small_encoder.small_encoder.cache_clear()
    with pytest.raises(ZooError, match=r"needs .*model\.safetensors, which cannot be read"):
        loss_maps("small", torch.zeros(1, 3, 16, 16))
    encoder = StyleEncoder(32)
    tensors = {f"encoder.{name}": tensor.half() for name, tensor in encoder.state_dict().items()}
    save_file({**tensors, "decoder.layers.1.weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    pictures = torch.rand(2, 3, 24, 17) * 2 - 1
    with torch.inference_mode():  # as in validation
        found = loss_maps("small", pictures)
    for a, b in zip(found, encoder.maps(pictures), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-2, atol=1e-3)
    assert len(loss_maps("small", pictures, content=True)) == 3
    pictures.requires_grad_()
    (gradient,) = torch.autograd.grad(loss_maps("small", pictures)[-1].sum(), pictures)
    assert gradient.abs().sum() > 0
    small_encoder.small_encoder.cache_clear()
