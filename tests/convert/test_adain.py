"""AdaIN's checkpoints as its authors publish them for PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import i2i_zoo
from convert.layouts import State, adain
from i2i_zoo import convert
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError


@pytest.fixture
def states() -> dict[str, State]:
    """vgg_normalised.pth and decoder.pth, of width 4."""
    return {network: adain(network) for network in ("encoder", "decoder")}


def test_from_the_command_line(saved: Any, states: dict[str, State], tmp_path: Path) -> None:
    files = [f"{network}={path}" for network, path in saved(**states).items()]
    assert main(["convert", "adain", *files, "-o", str(tmp_path / "model")]) == 0
    model = i2i_zoo.load(tmp_path / "model")
    assert model.hparams.width == 4
    for network, state in states.items():
        kept = {key: tensor for key, tensor in state.items() if int(key.split(".")[0]) <= 29}
        found = getattr(model, network).layers.state_dict()
        assert found.keys() == kept.keys()
        assert all(torch.equal(found[key], tensor) for key, tensor in kept.items())
    picture = torch.rand(3, 32, 40, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert model.translate(picture, picture.flip(1)).shape == (3, 32, 40)


def test_files_that_do_not_fit(saved: Any, states: dict[str, State]) -> None:
    with pytest.raises(ZooError, match=r"Both files are needed: encoder=vgg_normalised\.pth"):
        convert("adain", saved(encoder=states["encoder"])["encoder"])
    with pytest.raises(ZooError, match="This encoder is not in the authors' layout: it has no weight for 2"):
        convert("adain", saved(encoder=states["decoder"], decoder=states["decoder"]))
    with pytest.raises(ZooError, match=r"This decoder is not in the authors' layout: it has no .* and \d+ more"):
        convert("adain", saved(encoder=states["encoder"], decoder={"28.weight": states["decoder"]["28.weight"]}))
    with pytest.raises(ZooError, match="it has extra too"):
        convert("adain", saved(encoder=states["encoder"], decoder={**states["decoder"], "extra": torch.zeros(1)}))
    with pytest.raises(ZooError, match="decoder has width=8 and another network 4"):
        convert("adain", saved(encoder=states["encoder"], decoder=adain("decoder", 8)))
    misshapen = {**states["decoder"], "5.weight": torch.zeros(2, 2, 3, 3)}
    with pytest.raises(ZooError, match=r"do not fit the model: misshapen decoder\.layers\.5\.weight"):
        convert("adain", saved(encoder=states["encoder"], decoder=misshapen))
