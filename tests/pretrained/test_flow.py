"""RAFT as a finder of flow: its weights are found and checked, and sizes that it does not take are scaled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from i2i_zoo.errors import ZooError
from i2i_zoo.pretrained.flow import FlowFinder, pretrained_flow

FILE = torchvision.models.get_model_weights("raft_small").DEFAULT.url.rpartition("/")[2]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where torch keeps what it has fetched: random weights of RAFT."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    torch.manual_seed(0)
    torch.save(torchvision.models.get_model("raft_small", weights=None).state_dict(), folder / FILE)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    pretrained_flow.cache_clear()
    yield folder
    pretrained_flow.cache_clear()


@pytest.mark.usefixtures("cache", "accept_any_file")
def test_a_flow_of_any_size() -> None:
    finder = FlowFinder("raft_small")
    pictures = torch.rand(2, 3, 60, 100) * 2 - 1
    flow = finder(pictures, pictures.flip(0))
    assert flow.shape == (2, 2, 60, 100)
    assert not flow.requires_grad
    assert torch.isfinite(flow).all()
    assert not any(p.requires_grad or p.grad is not None for p in finder.network.parameters())
    assert not finder.network.training
    scaled = [torch.nn.functional.interpolate(p, (128, 128), mode="bilinear") for p in (pictures, pictures.flip(0))]
    with torch.no_grad():
        expected = finder.network(*scaled)[-1]
    expected = torch.nn.functional.interpolate(expected, (60, 100), mode="bilinear")
    torch.testing.assert_close(flow, expected * torch.tensor([100 / 128, 60 / 128])[:, None, None])


@pytest.fixture
def accept_any_file(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Take the file of the cache for the published one, whose digest it does not have."""

    def found(url: str, **options: Any) -> Path:
        return cache / url.rpartition("/")[2]

    monkeypatch.setattr("i2i_zoo.pretrained.flow.fetch", found)


def test_another_file_is_refused(cache: Path, accept_any_file: None) -> None:
    torch.save({"feature_encoder.convnormrelu.0.weight": torch.zeros(1)}, cache / FILE)
    with pytest.raises(ZooError, match=r"raft_small.*do not fit the model: misshapen"):
        FlowFinder("raft_small")
