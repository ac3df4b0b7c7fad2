"""TensorFlow's Inception network."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from i2i_zoo.errors import ZooError
from i2i_zoo.pretrained.inception import inception


class Blank(FeatureExtractorInceptionV3):
    """torch-fidelity's network without weights, to which random ones are given."""

    def load_state_dict(self, state: dict[str, Tensor], *args: object, **options: object) -> None:  # type: ignore[override]
        if state:
            super().load_state_dict(state)


@pytest.mark.slow
def test_the_network_is_torch_fidelitys(tmp_path: Path) -> None:
    empty = BytesIO()
    torch.save({}, empty)
    layers = ["2048", "logits_unbiased"]
    network = Blank("reference", layers, BytesIO(empty.getvalue()))
    generator = torch.Generator().manual_seed(0)
    for name, parameter in network.named_parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=math.sqrt(2 / parameter[0].numel()), generator=generator)
        elif name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1, generator=generator)
    torch.save(network.state_dict(), tmp_path / "inception.pth")
    picture = (torch.rand(1, 3, 400, 400, generator=generator) * 255).to(torch.uint8)
    expected = dict(zip(layers, network(picture), strict=True))
    found = inception("logits_unbiased", weights=tmp_path / "inception.pth")(picture)
    assert torch.allclose(found, expected["logits_unbiased"], rtol=1e-4, atol=1e-5 * float(found.abs().max()))
    smoothed = inception("2048", antialias=True, weights=tmp_path / "inception.pth")(picture)
    assert smoothed.shape == (1, 2048)
    assert not torch.allclose(smoothed, expected["2048"], rtol=1e-3)
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ZooError, match=r"other\.pth holds no Inception network"):
        inception("2048", weights=tmp_path / "other.pth")
