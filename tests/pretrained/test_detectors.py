from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.errors import ZooError
from i2i_zoo.pretrained.detectors import PersonScore, person_score, ssd300_voc

#: SSD300's priors in its authors' ``deploy.prototxt``: layer, smallest and largest size, aspect ratios, step, and side.
PRIORS = (
    ("conv4_3_norm", 30, 60, (2,), 8, 38),
    ("fc7", 60, 111, (2, 3), 16, 19),
    ("conv6_2", 111, 162, (2, 3), 32, 10),
    ("conv7_2", 162, 213, (2, 3), 64, 5),
    ("conv8_2", 213, 264, (2,), 100, 3),
    ("conv9_2", 264, 315, (2,), 300, 1),
)


def ssd_layers() -> dict[str, tuple[int, int, int, int, int]]:
    """SSD300 of VOC in Caffe: inputs, outputs, kernel, stride and padding of its convolutions in their order."""
    layers: dict[str, tuple[int, int, int, int, int]] = {}
    channels = 3
    for block, (width, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for number in range(1, count + 1):
            layers[f"conv{block}_{number}"] = (channels, width, 3, 1, 1)
            channels = width
    layers |= {"fc6": (512, 1024, 3, 1, 6), "fc7": (1024, 1024, 1, 1, 0)}
    for block, (before, half, after) in enumerate(
        ((1024, 256, 512), (512, 128, 256), (256, 128, 256), (256, 128, 256))
    ):
        layers[f"conv{block + 6}_1"] = (before, half, 1, 1, 0)
        layers[f"conv{block + 6}_2"] = (half, after, 3, *((2, 1) if block < 2 else (1, 0)))
    return layers


def weights() -> dict[str, list[Tensor]]:
    """Weights and biases of each layer, the same each time; most boxes look like persons."""
    generator = torch.Generator().manual_seed(0)
    found: dict[str, list[Tensor]] = {"conv4_3_norm": [torch.rand(512, generator=generator) * 10 + 10]}
    for name, (before, after, kernel, _, _) in ssd_layers().items():
        scale = (2 / (before * kernel**2)) ** 0.5
        weight = torch.randn(after, before, kernel, kernel, generator=generator) * scale
        found[name] = [weight / 100 if name == "conv1_1" else weight, torch.randn(after, generator=generator) * 0.1]
    channels = {"conv4_3_norm": 512, "fc7": 1024, "conv6_2": 512, "conv7_2": 256, "conv8_2": 256, "conv9_2": 256}
    for name, _, _, ratios, _, _ in PRIORS:
        boxes = 2 + 2 * len(ratios)
        for head, numbers in (("conf", 21), ("loc", 4)):
            shape = (boxes * numbers, channels[name], 3, 3)
            weight = torch.randn(shape, generator=generator) * 0.3 / channels[name] ** 0.5
            bias = torch.randn(boxes, numbers, generator=generator) * 0.1
            bias[:, 15:16] += 2  # only for classes
            found[f"{name}_mbox_{head}"] = [weight, bias.flatten()]
    return found


def varint(number: int) -> bytes:
    low, high = number & 127, number >> 7
    return bytes([low | 128]) + varint(high) if high else bytes([low])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def write_caffemodel(path: Path, layers: Mapping[str, list[Tensor]]) -> None:
    with path.open("wb") as file:
        for name, blobs in layers.items():
            parts = [field(1, name.encode())]
            for blob in blobs:
                shape = field(7, field(1, b"".join(map(varint, blob.shape))))
                parts.append(field(7, shape + field(5, blob.numpy().astype("<f4").tobytes())))
            file.write(field(100, b"".join(parts)))


def caffe_scores(layers: Mapping[str, list[Tensor]], picture: Tensor) -> tuple[Tensor, Tensor]:
    """What Caffe computes of a picture (3, 300, 300) in [0, 255], blue first: scores (N, 21) and corners (N, 4)."""
    x, sources = picture[None] - torch.tensor([104.0, 117, 123])[:, None, None], []
    for name, (_, _, _, stride, padding) in ssd_layers().items():
        if name in ("conv2_1", "conv3_1", "conv4_1", "conv5_1"):
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
        if name == "fc6":
            x = F.max_pool2d(x, 3, 1, 1)
        x = F.relu(F.conv2d(x, *layers[name], stride=stride, padding=padding, dilation=6 if name == "fc6" else 1))
        if name == "conv4_3":
            norm = x.square().sum(1, keepdim=True).sqrt()
            sources.append(x / norm * layers["conv4_3_norm"][0][:, None, None])
        if name in ("fc7", "conv6_2", "conv7_2", "conv8_2", "conv9_2"):
            sources.append(x)
    scores, corners = [], []
    for source, (name, small, large, ratios, step, side) in zip(sources, PRIORS, strict=True):
        assert source.shape[-2:] == (side, side)
        sizes = [(small, small), ((small * large) ** 0.5,) * 2]
        for ratio in ratios:
            sizes += [(small * ratio**0.5, small / ratio**0.5), (small / ratio**0.5, small * ratio**0.5)]
        places = [(x + 0.5, y + 0.5) for y in range(side) for x in range(side)]
        prior = torch.tensor([(x * step, y * step, *size) for x, y in places for size in sizes])
        conf, loc = (
            F.conv2d(source, *layers[f"{name}_mbox_{head}"], padding=1).permute(0, 2, 3, 1) for head in ("conf", "loc")
        )
        scores.append(conf.reshape(-1, 21).softmax(1))
        moved = loc.reshape(-1, 4)
        centre = prior[:, :2] + moved[:, :2] * 0.1 * prior[:, 2:]
        half = prior[:, 2:] * (moved[:, 2:] * 0.2).exp() / 2
        corners.append(torch.cat([centre - half, centre + half], 1))
    return torch.cat(scores), torch.cat(corners)


def test_ssd300_of_voc_is_that_of_its_authors(tmp_path: Path) -> None:
    layers = weights()
    write_caffemodel(tmp_path / "ssd.caffemodel", layers)
    network = ssd300_voc(tmp_path / "ssd.caffemodel").eval()
    picture = torch.rand(3, 300, 300, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        scores, corners = caffe_scores(layers, picture.flip(0) * 255)
        found = network([picture])[0]
        score = PersonScore(network, 15)(picture[None])
    assert score.item() == pytest.approx(scores[:, 15].max().item(), abs=2e-4)
    assert score.item() > 0.1
    for box, label, value in zip(found["boxes"][:20], found["labels"], found["scores"], strict=False):
        prior = (scores[:, label] - value).abs().argmin()
        assert scores[prior, label].item() == pytest.approx(value.item(), abs=2e-4)
        assert torch.allclose(box, corners[prior].clamp(0, 300), atol=0.05)


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    layers = {name: blobs for name, blobs in weights().items() if name != "conv8_1"}
    write_caffemodel(tmp_path / "other.caffemodel", layers)
    with pytest.raises(ZooError, match=r"other\.caffemodel do not fit .* missing backbone\.extra\.3\.0"):
        person_score("ssd300_voc", tmp_path / "other.caffemodel")
    with pytest.raises(ZooError, match=r"No detector 'ssd': choose from ssd300_voc, .*ssd300_vgg16"):
        person_score("ssd")


def test_a_detector_of_torchvision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    name = "ssdlite320_mobilenet_v3_large"
    network = torchvision.models.get_model(name, weights=None, weights_backbone=None).eval()
    for head in network.head.classification_head.module_list:
        head[-1].bias.data.view(-1, 91)[:, 1] += 3  # persons
    torch.save(network.state_dict(), tmp_path / "ssdlite.pth")
    pictures = torch.rand(2, 3, 128, 64)
    with torch.inference_mode():
        found = [one["scores"][one["labels"] == 1] for one in network(list(pictures))]
        assert all(len(scores) for scores in found)
        score = person_score(name, tmp_path / "ssdlite.pth")
        assert torch.equal(score(pictures), torch.stack([scores.max() for scores in found]))
        network.score_thresh = 1.0
        assert torch.equal(PersonScore(network, 1)(pictures), torch.zeros(2))  # nothing is found
