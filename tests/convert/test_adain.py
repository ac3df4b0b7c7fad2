"""AdaIN's checkpoints as its authors publish them for PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import i2i_zoo
from convert.layouts import State, filled
from i2i_zoo import convert
from i2i_zoo.cli import main
from i2i_zoo.errors import ZooError

#: Index of a convolution to its channels out and in, in multiples of the width, where 3 and 0 are colours.
ENCODER = {2: (1, 0), 5: (1, 1), 9: (2, 1), 12: (2, 2), 16: (4, 2), 19: (4, 4), 22: (4, 4), 25: (4, 4), 29: (8, 4)}
BEHIND = {32: (8, 8), 35: (8, 8), 38: (8, 8), 42: (8, 8), 45: (8, 8), 48: (8, 8), 51: (8, 8)}
DECODER = {1: (4, 8), 5: (4, 4), 8: (4, 4), 11: (4, 4), 14: (2, 4), 18: (2, 2), 21: (1, 2), 25: (1, 1), 28: (0, 1)}


def of_width(places: dict[int, tuple[int, int]], width: int) -> State:
    shapes = {str(i): (o * width or 3, c * width or 3, 3, 3) for i, (o, c) in places.items()}
    return filled(shapes)


@pytest.fixture
def states() -> dict[str, State]:
    """vgg_normalised.pth, which goes on to relu5_4, and decoder.pth, of width 4."""
    encoder = of_width(ENCODER | BEHIND, 4) | filled({"0": (3, 3, 1, 1)})
    return {"encoder": encoder, "decoder": of_width(DECODER, 4)}


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
    with pytest.raises(ZooError, match="This is no encoder of the authors' layout: it has no weight for 2"):
        convert("adain", saved(encoder=states["decoder"], decoder=states["decoder"]))
    with pytest.raises(ZooError, match=r"This is no decoder of the authors' layout: it has no .* and \d+ more"):
        convert("adain", saved(encoder=states["encoder"], decoder={"28.weight": states["decoder"]["28.weight"]}))
    with pytest.raises(ZooError, match="it has extra too"):
        convert("adain", saved(encoder=states["encoder"], decoder={**states["decoder"], "extra": torch.zeros(1)}))
    with pytest.raises(ZooError, match="decoder has width=8 and another network 4"):
        convert("adain", saved(encoder=states["encoder"], decoder=of_width(DECODER, 8)))
    misshapen = {**states["decoder"], "5.weight": torch.zeros(2, 2, 3, 3)}
    with pytest.raises(ZooError, match=r"do not fit the model: misshapen decoder\.layers\.5\.weight"):
        convert("adain", saved(encoder=states["encoder"], decoder=misshapen))
