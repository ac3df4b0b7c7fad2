from __future__ import annotations

import pytest
import torch

from i2i_zoo.networks.fcn8s import FCN8s


def test_the_size_of_the_authors_network() -> None:
    with torch.device("meta"):
        network = FCN8s(classes=20)
        scores = network(torch.empty(1, 3, 1024, 2048))
    assert sum(p.numel() for p in network.parameters()) == 134_473_084
    assert scores.shape == (1, 20, 1024, 2048)


@pytest.mark.parametrize("path", ["score_fr", "score_pool4", "score_pool3"])
@torch.no_grad()
def test_scores_lie_where_the_picture_has_what_they_score(path: str) -> None:
    """Every layer hands its first channel on, and one of the three paths counts: a bright square is found in place."""
    network = FCN8s(classes=2, width=1)
    for name, module in network.named_modules():
        if not name:
            continue
        for parameter in module.parameters():
            parameter.zero_()
        if name.startswith("upscore"):
            size = module.kernel_size[0]
            ramp = 1 - (torch.arange(size) - (size - 1) / 2).abs() / (size / 2)
            module.weight[0, 0] = torch.outer(ramp, ramp)  # bilinear
        elif not name.startswith("score") or name == path:
            module.weight[0, 0, module.weight.shape[2] // 2, module.weight.shape[3] // 2] = 1
    picture = torch.zeros(1, 3, 128, 192)
    picture[..., 32:64, 96:128] = 1
    scores = network(picture)[0, 0]
    assert scores.shape == (128, 192)
    y, x = torch.meshgrid(torch.arange(128) + 0.5, torch.arange(192) + 0.5, indexing="ij")
    centre = (y * scores).sum() / scores.sum(), (x * scores).sum() / scores.sum()
    # A pooling of 32 pixels can be half of them off.
    assert centre[0].item() == pytest.approx(48, abs=17)
    assert centre[1].item() == pytest.approx(112, abs=17)
