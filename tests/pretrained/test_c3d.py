"""C3D, its preparation of clips, and the files of TGAN's authors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.errors import ZooError
from i2i_zoo.pretrained.c3d import C3D, c3d_ucf101
from i2i_zoo.pretrained.weights import MissingWeights


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A small network in Chainer's names, and a mean whose every column has its own value."""
    torch.manual_seed(0)
    arrays = {
        name.replace(".weight", "/W").replace(".bias", "/b"): tensor.numpy()
        for name, tensor in C3D(classes=5, divisor=64).state_dict().items()
    }
    np.savez(tmp_path / "weights.npz", **arrays)
    mean = np.arange(171.0) + 1000 * np.arange(128.0)[:, None] + 1e6 * np.arange(3.0)[:, None, None, None]
    np.savez(tmp_path / "mean.npz", mean=np.broadcast_to(mean, (3, 16, 128, 171)))
    return tmp_path / "weights.npz", tmp_path / "mean.npz"


def clips(size: int = 64) -> Tensor:
    return torch.rand(2, 16, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_as_many_parameters_as_the_authors_network() -> None:
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in C3D().parameters()) == 78_409_573


def test_the_preparation_of_the_authors(files: tuple[Path, Path]) -> None:
    network = C3D(classes=5, divisor=64)
    network.load(*files)
    video = clips()
    prepared = network.prepared(video)
    assert prepared.shape == (2, 3, 16, 112, 112)
    levels = F.interpolate(video[1, 7][None] * 128 + 128, (128, 128), mode="bicubic", align_corners=False)[0]
    for channel, row, column in ((0, 0, 0), (1, 50, 100), (2, 111, 111)):
        # Blue comes first; a margin of 8 is cut off, and of the mean 21 columns before.
        expected = levels[2 - channel, row + 8, column + 8] - (1e6 * channel + 1000 * (row + 8) + column + 29)
        assert prepared[1, channel, 7, row, column] == pytest.approx(float(expected), rel=1e-6)
    assert levels.max() > 255  # nothing is cut off


def test_the_layers(files: tuple[Path, Path]) -> None:
    network = C3D(classes=5, divisor=64)
    network.load(*files)
    network.mean = torch.full_like(network.mean, 128.0)
    arrays = {name: torch.from_numpy(array) for name, array in np.load(files[0]).items()}
    x = network.prepared(clips())
    for layers, pool in (("1a", 1), ("2a", 2), ("3a 3b", 2), ("4a 4b", 2), ("5a 5b", 2)):
        for layer in layers.split():
            x = F.conv3d(x, arrays[f"conv{layer}/W"], arrays[f"conv{layer}/b"], padding=1).relu()
        x = F.max_pool3d(x, (pool, 2, 2), (pool, 2, 2), ceil_mode=True)
    assert x.shape == (2, 8, 1, 4, 4)
    x = x.flatten(1)
    for layer in ("fc6", "fc7"):
        x = (x @ arrays[f"{layer}/W"].T + arrays[f"{layer}/b"]).relu()
    expected = (x @ arrays["fc8/W"].T + arrays["fc8/b"]).softmax(1)
    found = network(clips())
    torch.testing.assert_close(found, expected)
    randoms = [torch.Generator().manual_seed(number) for number in range(2)]
    assert not torch.allclose(network(clips(), randoms), expected)


def test_clips_of_another_length() -> None:
    with pytest.raises(ZooError, match="C3D knows clips of 16 frames, not of 8"):
        C3D(classes=5, divisor=64)(clips()[:, :8])


def test_files_that_do_not_fit(files: tuple[Path, Path], tmp_path: Path) -> None:
    weights, mean = files
    network = C3D(classes=5, divisor=64)
    with pytest.raises(ZooError, match="fc8"):
        C3D(classes=6, divisor=64).load(weights, mean)
    with pytest.raises(ZooError, match=r"weights\.npz"):
        network.load(weights, weights)
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "objects.npz", mean=np.array([{}], dtype=object))
    for name in ("text.npz", "objects.npz"):
        with pytest.raises(ZooError, match=r"is not an \.npz file of arrays"):
            network.load(tmp_path / name, mean)
    with pytest.raises(ZooError, match="check the path"):
        network.load(tmp_path / "none.npz", mean)
    for given in ((None, mean), (weights, None)):
        with pytest.raises(MissingWeights, match=r"conv3d_deepnetA_ucf\.npz and mean2\.npz"):
            c3d_ucf101(*given)
