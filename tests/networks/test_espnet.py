from __future__ import annotations

import pytest
import torch

from golden.fill import Golden
from i2i_zoo.errors import ZooError
from i2i_zoo.networks.espnet import ESPNet


def test_the_authors_scores() -> None:
    golden = Golden("espnet_camvid")
    network = ESPNet(classes=12, p=2, q=8)
    network.load_state_dict(golden.state("N"))  # under the authors' names, all of them
    with torch.no_grad():
        ok, ratio, _ = golden.check("out", network.eval()(golden.input("A"))[..., ::4, ::4])
    assert ok, ratio


def test_sides_are_multiples_of_8() -> None:
    with pytest.raises(ZooError, match="multiples of 8, not 100x64"):
        ESPNet()(torch.zeros(1, 3, 64, 100))
