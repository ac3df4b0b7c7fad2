from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torchmetrics.functional.image import learned_perceptual_image_patch_similarity

from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_uint8
from i2i_zoo.metrics.inception import FID, IS, KID, Perceptual
from tiny import Features


def pictures(seed: int, count: int, size: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, 3, 4, 4, generator=generator) * (0.3 + 0.2 * seed)
    return nn.functional.interpolate(noise, (size, size), mode="bicubic").clamp(-1, 1)


@pytest.fixture
def two_sets() -> tuple[Tensor, Tensor]:
    return pictures(1, 30), pictures(2, 30)


def features(group: Tensor) -> Tensor:
    return Features()(to_uint8(group))


def test_fid_of_torch_fidelity(two_sets: tuple[Tensor, Tensor]) -> None:
    metric = FID(Features())
    for begin in (0, 7):
        metric.update(*(group[begin : 7 if begin == 0 else None] for group in two_sets))
    statistics = [fid_features_to_statistics(features(group)) for group in two_sets]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert expected > 0.1
    assert metric.compute().item() == pytest.approx(expected, rel=1e-3)


def test_kid_of_torch_fidelity(two_sets: tuple[Tensor, Tensor]) -> None:
    metric = KID(Features(), subsets=5, subset_size=12)
    metric.update(*two_sets)
    state = torch.get_rng_state()
    found = metric.compute()
    assert torch.equal(torch.get_rng_state(), state)  # validation leaves the training's randomness alone
    expected = kid_features_to_metric(
        *map(features, two_sets), kid_subsets=5, kid_subset_size=12, kid_kernel="poly", rng_seed=2020, verbose=False
    )
    assert found["mean"].item() == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-3)
    assert found["std"].item() == pytest.approx(expected["kernel_inception_distance_std"], rel=1e-3)
    assert found["std"] > 0


def test_inception_score_of_torch_fidelity(two_sets: tuple[Tensor, Tensor]) -> None:
    metric = IS(Features(), splits=4)
    metric.update(two_sets[0][:11])
    metric.update(two_sets[0][11:])
    expected = isc_features_to_metric(features(two_sets[0]), splits=4)
    assert metric.compute()["mean"].item() == pytest.approx(expected["inception_score_mean"], rel=1e-3)
    assert metric.compute()["std"].item() == pytest.approx(expected["inception_score_std"], rel=1e-3)
    assert expected["inception_score_mean"] > 1.05


def test_too_few_pictures(two_sets: tuple[Tensor, Tensor]) -> None:
    few = [group[:1] for group in two_sets]
    for metric, message in (
        (FID(Features()), "at least 2 pictures"),
        (KID(Features()), "subsets of 1000 pictures, and there are 1"),
        (IS(Features()), "10 splits needs more than 1 pictures"),
    ):
        metric.update(*few[: 1 if isinstance(metric, IS) else 2])
        with pytest.raises(ZooError, match=message):
            metric.compute()
    with pytest.raises(ZooError, match="1 or 3 channels, not 2"):
        FID(Features()).update(torch.zeros(2, 2, 8, 8), torch.zeros(2, 2, 8, 8))


def test_lpips(two_sets: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub/checkpoints"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(torchvision.models.squeezenet1_1().state_dict(), folder / "squeezenet1_1-b8a52dc0.pth")
    output, target = (nn.functional.interpolate(group[:3], scale_factor=4) for group in two_sets)
    found = Perceptual("squeeze")((output + 1) / 2, (target + 1) / 2)
    expected = learned_perceptual_image_patch_similarity(output, target, "squeeze", reduction="none")
    assert torch.allclose(found, expected, atol=1e-6)
    assert found.shape == (3,)
    assert (found > 0).all()
    with pytest.raises(ZooError, match="no net 'resnet': choose from alex, vgg, squeeze"):
        Perceptual("resnet")
