from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.espnet import ESPNet
from i2i_zoo.pretrained import segmenters
from i2i_zoo.pretrained.segmenters import Segmenter, load
from i2i_zoo.pretrained.weights import MissingWeights


def test_normalisation() -> None:
    picture = torch.rand(2, 3, 4, 5) * 2 - 1
    mean, std = (10.0, 20.0, 30.0), (2.0, 3.0, 4.0)
    rgb = Segmenter(nn.Identity(), mean, std, classes=3)(picture)
    for channel in range(3):
        expected = ((picture[:, channel] + 1) / 2 * 255 - mean[channel]) / std[channel]
        assert torch.allclose(rgb[:, channel], expected, atol=1e-4)
    assert torch.equal(Segmenter(nn.Identity(), mean, std, classes=3, bgr=True)(picture), rgb.flip(1))


def test_espnet_from_a_file(tmp_path: Path) -> None:
    network = ESPNet()
    state = {k: v for k, v in network.state_dict().items() if "num_batches_tracked" not in k}  # as in the authors' file
    torch.save(state, tmp_path / "espnet.pth")
    segmenter = load("espnet_camvid", tmp_path / "espnet.pth").eval()
    assert segmenter.classes == 11
    picture = torch.rand(1, 3, 48, 64) * 2 - 1
    mean, std = torch.tensor([110.331, 108.409, 105.034]), torch.tensor([72.125, 72.688, 69.903])  # blue first
    normalised = ((picture.flip(1) + 1) * 127.5 - mean[:, None, None]) / std[:, None, None] / 255
    assert torch.allclose(segmenter(picture), network.eval()(normalised), atol=1e-6)
    del state["br.weight"]
    torch.save(state, tmp_path / "espnet.pth")
    with pytest.raises(ZooError, match=r"espnet\.pth do not fit the model: missing br\.weight"):
        load("espnet_camvid", tmp_path / "espnet.pth")


def test_a_torchvision_model_with_weights_of_ones_own(tmp_path: Path) -> None:
    name, file = "lraspp_mobilenet_v3_large", tmp_path / "own.pth"
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=5).eval()
    torch.save(model.state_dict(), file)
    segmenter = load(name, file, classes=5).eval()
    picture = torch.rand(1, 3, 64, 96) * 2 - 1
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = model(((picture + 1) / 2 - mean[:, None, None]) / std[:, None, None])["out"]
    assert torch.allclose(segmenter(picture)["out"], expected, atol=1e-4)
    with pytest.raises(ZooError, match=r"own\.pth: say how many classes this lraspp"):
        load(name, file)


def test_names() -> None:
    assert {"deeplabv3_resnet50", "fcn_resnet50"} <= set(segmenters.torchvision_names())
    with pytest.raises(ZooError, match="No segmenter 'espnet': choose from espnet_camvid, fcn8s_cityscapes, deeplab"):
        load("espnet")
    with pytest.raises(MissingWeights, match=r"FCN-8s has no weights here: download http.*\.caffemodel"):
        load("fcn8s_cityscapes")
