"""Metrics of animated persons, beside the numbers in ``tests/golden/clip_metrics``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from i2i_zoo.errors import ZooError
from i2i_zoo.methods.monkeynet import MonkeyNet
from i2i_zoo.metrics.keypoints import EmbeddingDistance, KeyPointDistance
from i2i_zoo.metrics.suites import suite
from methods.test_monkeynet import TINY
from metrics.test_clips import GOLDEN, checked, golden


def poses(points: Tensor) -> Tensor:
    """Points (..., 18, 2) of the authors, of which missing ones are -1, as poses (..., 18, 3)."""
    seen = (points[..., :1] != -1).float()
    return torch.cat([points * seen, seen], -1)


class Listed:
    """A pose estimator that finds the poses of a list, one after the other."""

    def __init__(self, *found: Tensor) -> None:
        self.left = [pose for each in found for pose in each.flatten(0, -3)]

    def __call__(self, picture: Tensor) -> Tensor:
        return self.left.pop(0)


def measured(found: Tensor, true: Tensor) -> dict[str, float]:
    """The metric of poses (..., 18, 3)."""
    metric, frames = KeyPointDistance(Listed(found, true)), torch.zeros(*found.shape[:-2], 3, 4, 4)
    metric.update(frames, frames)
    return {name: float(value) for name, value in metric.compute().items()}


def test_distance_and_missing_points_are_the_authors() -> None:
    found, true = (poses(golden(f"keypoints_{which}")) for which in ("pred", "gt"))
    result = measured(found, true)
    checked("akd_mkr", result["distance"], result["missing"])
    metric = KeyPointDistance(Listed(*(part for clip in zip(found, true, strict=True) for part in clip)))
    for clip in torch.zeros(3, 5, 3, 4, 4):
        metric.update(clip, clip)
    assert {name: float(value) for name, value in metric.compute().items()} == pytest.approx(result)


def test_all_points_are_found() -> None:
    found, true = (poses(golden(f"keypoints_full_{which}")) for which in ("pred", "gt"))
    result = measured(found, true)
    checked("akd_face", result["distance"])
    assert result["missing"] == 0


def test_frames_without_points_do_not_count() -> None:
    pose = torch.ones(4, 18, 3)
    pose[[1, 3]] = 0
    found = pose + torch.tensor([3.0, 5.0, 0])
    found[2] = 0
    assert measured(found, pose) == {"distance": 4.0, "missing": 0.5}


class Looked(nn.Module):
    """Embeddings of a list, one batch after the other."""

    def __init__(self, *found: Tensor) -> None:
        super().__init__()
        self.left = list(found)

    def forward(self, pictures: Tensor) -> Tensor:
        assert pictures.dtype == torch.uint8
        return self.left.pop(0)


def test_distance_of_embeddings_is_the_authors() -> None:
    found, true = (golden(f"identity_{which}").flatten(0, 1) for which in ("pred", "gt"))
    metric = EmbeddingDistance(Looked(found, true))
    frames = torch.zeros(3, 5, 3, 4, 4)
    metric.update(frames, frames)
    ok, ratio, _ = GOLDEN.check("aed", metric.compute()[None, None])
    assert ok, ratio


def test_an_embedder_of_the_users_choice(tmp_path: Path) -> None:
    network: Any = nn.Sequential(nn.AdaptiveAvgPool2d(1))
    file = tmp_path / "faces.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the format is old
        torch.jit.script(network).save(str(file))
    task = MonkeyNet(**TINY)
    black, grey = torch.full((1, 2, 3, 8, 8), -1.0), torch.zeros(1, 2, 3, 8, 8)
    for embedder in (str(file), network):
        measures, _ = suite(task, "", {"aed": {"embedder": embedder}})
        measures["aed"].metric.update(black, grey)
        # Of 8 bits, grey is 128.
        assert float(measures["aed"].metric.compute()) == pytest.approx(3 * (128 / 255) ** 2, rel=1e-5)
    with pytest.raises(ZooError, match="name a TorchScript file with the metric's option embedder"):
        suite(task, "", {"aed": None})
