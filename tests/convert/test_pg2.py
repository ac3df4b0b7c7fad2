"""PG2's checkpoints as its authors' TensorFlow wrote them.  Whether the numbers are right is seen in tests/methods."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

import i2i_zoo
from i2i_zoo import convert
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.store.tensorflow import read_tensorflow
from tensorflow_files import write_tensorflow

WIDTH, CODE = 2, 5


def convolutions(scope: str, shapes: list[tuple[int, int, int]]) -> dict[str, Tensor]:
    """Of kernels' sides and channels in and out."""
    found = {}
    for number, (side, before, after) in enumerate(shapes):
        layer = f"{scope}/Conv_{number}" if number else f"{scope}/Conv"
        found |= {f"{layer}/weights": torch.randn(side, side, before, after), f"{layer}/biases": torch.randn(after)}
    return found


def checkpoint(first_skip: bool = False) -> dict[str, Tensor]:
    """Of width 2 and three blocks, for pictures of 8x4, so that the smallest map has 2x1 cells; with Adam's moments."""
    w = WIDTH
    encoder = [(3, 21, w), (3, w, w), (3, w, w), (3, w, 2 * w), (3, 2 * w, 2 * w), (3, 2 * w, 2 * w)]
    encoder += [(3, 2 * w, 3 * w), (3, 3 * w, 3 * w), (3, 3 * w, 3 * w)]
    decoder = []
    for channels, below in ((4 * w, 2 * w), (4 * w, w), (2 * w, 3)):
        decoder += [(3, channels, channels), (3, channels, channels), (1 if below != 3 else 3, channels, below)]
    state = convolutions("Pose_AE/G", encoder + decoder)
    for layer, before, after in (("fully_connected", 2 * 3 * w, CODE), ("fully_connected_1", CODE, 2 * w)):
        state |= {f"Pose_AE/G/{layer}/weights": torch.randn(before, after)}
        state |= {f"Pose_AE/G/{layer}/biases": torch.randn(after)}
    state |= convolutions(
        "UAEnoFC/G", [(3, 6, w), *[(3, w, w)] * 2, (3, (1 + first_skip) * w, w), (3, w, w), (3, w, 3)]
    )
    for number, (before, after) in enumerate(pairwise([3, 4, 8]), start=1):
        layer = f"Discriminator.{number}"  # which TensorFlow puts before the name too, as a scope
        state[f"{layer}/{layer}.Filters"] = torch.randn(5, 5, before, after)
        state[f"{layer}/{layer}.Biases"] = torch.randn(after)
    state |= {f"Discriminator.BN2.{leaf}": torch.randn(8) for leaf in ("scale", "offset", "moving_mean")}
    state |= {"Discriminator.Output.W": torch.randn(8 * 2, 1), "Discriminator.Output.b": torch.randn(1)}
    return state | {f"{name}/Adam": tensor for name, tensor in state.items()} | {"g_lr": torch.tensor(2e-5)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    write_tensorflow(tmp_path / "model.ckpt-60000.index", checkpoint())
    return tmp_path / "model.ckpt-60000.index"


def test_from_the_command_line(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "pg2", str(file), "-o", str(tmp_path / "model")]) == 0
    assert f"Use it with: i2i-zoo translate {tmp_path / 'model'} person.png --pose waving\n" in capsys.readouterr().out
    model, state = i2i_zoo.load(tmp_path / "model", discriminators=True), read_tensorflow(file)
    hp = model.hparams
    assert (hp.size, hp.width, hp.blocks, hp.code, hp.discriminator_width) == ([8, 4], WIDTH, 3, CODE, 4)
    assert torch.equal(model.refiner.last.weight.permute(2, 3, 1, 0), state["UAEnoFC/G/Conv_5/weights"])
    person = torch.rand(3, 8, 4) * 2 - 1
    pose = torch.cat([torch.rand(18, 2) * 4, torch.ones(18, 1)], 1)
    assert model.translate(person, pose).shape == person.shape


@pytest.mark.parametrize("first_skip", [True, False])
def test_the_first_skip_is_seen(tmp_path: Path, first_skip: bool) -> None:
    write_tensorflow(tmp_path / "model.index", checkpoint(first_skip))
    assert convert("pg2", tmp_path / "model.index").hparams.first_skip == first_skip


def test_the_size_may_be_told(file: Path) -> None:
    assert convert("pg2", file).hparams.size == [8, 4]
    assert convert("pg2", file, size=[4, 8]).hparams.size == [4, 8]
    with pytest.raises(ZooError, match=r"dense layers are not those of pictures 16 pixels high and 4 wide"):
        convert("pg2", file, size=[16, 4])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Pose_AE/G/Conv/weights": None}, "has no Pose_AE/G/Conv/weights"),
        ({"UAEnoFC/G/Conv_5/weights": None}, "UAEnoFC/G is not in the authors' layout: it has 5 convolutions, not 6"),
        (
            {"Discriminator.2/Discriminator.2.Filters": torch.zeros(3)},
            r"Discriminator\.2\.Filters .* it has the shape \(3,\)",
        ),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, change: dict[str, Tensor | None], words: str) -> None:
    state = {name: tensor for name, tensor in {**checkpoint(), **change}.items() if tensor is not None}
    write_tensorflow(tmp_path / "model.index", state)
    with pytest.raises(ZooError, match=words):
        convert("pg2", tmp_path / "model.index")
