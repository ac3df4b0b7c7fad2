"""Feature matching, perceptual and KL losses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch
import torchvision
from torch.nn import functional as F

from i2i_zoo.errors import ZooError
from i2i_zoo.losses.feature_matching import feature_matching_loss
from i2i_zoo.losses.kl import kl_loss
from i2i_zoo.losses.perceptual import WEIGHTS, InvariantPerceptualLoss, PerceptualLoss
from i2i_zoo.pretrained.backbones import TAPS, caffe, imagenet, pretrained_features, tapped


def test_feature_matching() -> None:
    fake = [[torch.full((1, 2, 4, 4), 1.0, requires_grad=True), torch.zeros(1, 1, 2, 2)] for _ in range(2)]
    real = [[torch.full((1, 2, 4, 4), 3.0, requires_grad=True), torch.ones(1, 1, 2, 2)] for _ in range(2)]
    loss = feature_matching_loss(fake, real)
    assert loss.item() == 2.0  # the logits, which are last, do not count; two scales are averaged
    loss.backward()
    assert fake[0][0].grad is not None
    assert real[0][0].grad is None


def test_kl_is_that_of_torch() -> None:
    mean, log_variance = torch.randn(3, 5), torch.randn(3, 5)
    ours = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    standard = torch.distributions.Normal(torch.zeros(3, 5), torch.ones(3, 5))
    expected = torch.distributions.kl_divergence(ours, standard).sum()
    torch.testing.assert_close(kl_loss(mean, log_variance), expected)


@pytest.fixture
def cached_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, torch.Tensor]]:
    """Random weights of AlexNet where torch keeps what it has fetched."""
    torch.manual_seed(0)
    network = torchvision.models.alexnet(weights=None)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    name = torchvision.models.AlexNet_Weights.DEFAULT.url.rpartition("/")[2]
    torch.save(network.state_dict(), tmp_path / "checkpoints" / name)
    pretrained_features.cache_clear()
    yield network.state_dict()
    pretrained_features.cache_clear()


def test_perceptual_loss(cached_weights: dict[str, torch.Tensor]) -> None:
    loss = PerceptualLoss("alexnet")
    assert PerceptualLoss("alexnet").features is loss.features  # loaded once
    assert not any(p.requires_grad for p in loss.features.parameters())
    fake = (torch.rand(1, 3, 64, 64) * 2 - 1).requires_grad_()
    real = torch.rand(1, 3, 64, 64) * 2 - 1
    network = torchvision.models.alexnet(weights=None).eval()
    network.load_state_dict(cached_weights)
    expected, a, b = torch.zeros(()), fake, real
    weights = dict(zip(TAPS["alexnet"], WEIGHTS, strict=True))
    for index, layer in enumerate(network.features[: max(weights) + 1]):
        a, b = (F.relu(x) if isinstance(layer, torch.nn.ReLU) else layer(x) for x in (a, b))
        if index in weights:
            expected = expected + weights[index] * F.l1_loss(a, b.detach())
    found = loss(fake, real)
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found, fake)
    assert gradient.abs().sum() > 0


@pytest.mark.usefixtures("hed")
def test_perceptual_losses_with_hed_have_four_levels() -> None:
    fake, real = (torch.rand(1, 3, 32, 32) * 2 - 1 for _ in range(2))
    fake.requires_grad_()
    features = pretrained_features("vgg16_hed", 19)
    maps = [tapped(features, TAPS["vgg16_hed"], caffe(x)) for x in (fake, real)]
    expected = sum(w * F.l1_loss(a, b) for w, a, b in zip((1 / 32, 1 / 16, 1 / 8, 1 / 4), *maps, strict=True))
    loss = PerceptualLoss("vgg16_hed")
    torch.testing.assert_close(loss(fake, real), expected)
    (gradient,) = torch.autograd.grad(loss(fake, real), fake)
    assert gradient.abs().sum() > 0
    invariant = InvariantPerceptualLoss("vgg16_hed")
    assert invariant.maps(fake).shape == (1, 512, 4, 4)
    normal = [F.instance_norm(pretrained_features("vgg16_hed", 23)(caffe(x))) for x in (fake, real)]
    torch.testing.assert_close(invariant(fake, real), F.mse_loss(*normal))


@pytest.mark.slow
def test_the_invariant_loss_compares_features_without_their_style(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = torchvision.models.vgg16(weights=None).features
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    name = torchvision.models.VGG16_Weights.DEFAULT.url.rpartition("/")[2]
    state = {f"features.{k}": v for k, v in network.state_dict().items()}
    torch.save(state, tmp_path / "checkpoints" / name)
    pretrained_features.cache_clear()
    loss = InvariantPerceptualLoss()
    pretrained_features.cache_clear()
    fake, source = (torch.rand(1, 3, 64, 64) * 2 - 1 for _ in range(2))
    fake.requires_grad_()
    maps = []
    for x in (fake, source):
        x, convolutions = imagenet(x), (layer for layer in network if isinstance(layer, torch.nn.Conv2d))
        for block, layers in enumerate((2, 2, 3, 3, 3), 1):
            for layer in islice(convolutions, layers):
                x = F.conv2d(x, layer.weight, layer.bias, padding=1).relu()
            if block <= 3:  # the authors pool after the first three blocks only
                x = F.max_pool2d(x, 2)
        maps.append(x)
    assert maps[0].shape == loss.maps(fake).shape == (1, 512, 8, 8)
    moments = [torch.var_mean(m, (2, 3), correction=0, keepdim=True) for m in maps]
    normal = [(m - mean) / (var + 1e-5).sqrt() for m, (var, mean) in zip(maps, moments, strict=True)]
    torch.testing.assert_close(loss(fake, source), (normal[0] - normal[1].detach()).square().mean())
    (gradient,) = torch.autograd.grad(loss(fake, source), fake)
    assert gradient.abs().sum() > 0
    assert loss(source, source) == 0


def test_weights_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(
        torchvision.models.VGG19_Weights.DEFAULT._value_, "url", "http://127.0.0.1:9/vgg19-dcbb9e9d.pth"
    )
    pretrained_features.cache_clear()
    with pytest.raises(ZooError, match=r"vgg19-dcbb9e9d.pth cannot be fetched .*refused.*lambda_perceptual 0"):
        PerceptualLoss("vgg19")
    with pytest.raises(ZooError, match="'resnet': choose from vgg19"):
        PerceptualLoss("resnet")
