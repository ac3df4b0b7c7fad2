from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from i2i_zoo.media.labels import colour_labels
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.metrics.fcn_score import FCNScore, LabelAccuracy, LabelScore
from i2i_zoo.pretrained.segmenters import CITYSCAPES_CLASSES


def maps(seed: int, count: int, top: int, shape: tuple[int, int] = (9, 14)) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(top, shape, generator=generator) for _ in range(count)]


def by_hand(predicted: list[Tensor], labels: list[Tensor], classes: int) -> dict[str, float]:
    """The three numbers, class by class."""
    p, t = (torch.cat([m.flatten() for m in group]).numpy() for group in (predicted, labels))
    p, t = p[t < classes], t[t < classes]
    accuracies, ious = [], []
    for c in range(classes):
        hits = ((p == c) & (t == c)).sum()
        accuracies.append(hits / max((t == c).sum(), 1))
        ious.append(hits / max(((p == c) | (t == c)).sum(), 1))
    return {
        "pixel_accuracy": float((p == t).mean()),
        "class_accuracy": float(np.mean(accuracies)),
        "class_iou": float(np.mean(ious)),
    }


def numbers(metric: Any) -> dict[str, float]:
    return {key: value.item() for key, value in metric.compute().items()}


def test_three_numbers_over_all_pixels_of_all_pictures() -> None:
    labels = [label.where(label != 2, 5) for label in maps(0, 4, 7)]  # 2 is absent; 5 and 6 are void
    predicted = [
        torch.where(torch.rand(label.shape, generator=torch.Generator().manual_seed(9)) < 0.6, label, other)
        for label, other in zip(labels, maps(1, 4, 6), strict=True)
    ]
    metric = LabelAccuracy(classes=5)
    for pair in zip(predicted, labels, strict=True):
        metric.update(*pair)
    expected = by_hand(predicted, labels, 5)
    assert numbers(metric) == pytest.approx(expected, rel=1e-6)
    assert expected["class_accuracy"] < 0.81 * expected["pixel_accuracy"]  # the absent class is 0 in the mean


def test_the_references_histogram() -> None:
    """The authors add up ``bincount(n * label + prediction)``, where a prediction of n runs into the next row."""
    label, predicted = torch.tensor([[0, 0, 1, 2]]), torch.tensor([[0, 3, 1, 2]])
    own, reference = LabelAccuracy(3), LabelAccuracy(3, strict_reference=True)
    for metric in (own, reference):
        metric.update(predicted, label)
    assert numbers(own) == pytest.approx({"pixel_accuracy": 3 / 4, "class_accuracy": 2.5 / 3, "class_iou": 2.5 / 3})
    # Booked as label 1 seen as 0.
    assert numbers(reference) == pytest.approx({"pixel_accuracy": 3 / 4, "class_accuracy": 2.5 / 3, "class_iou": 2 / 3})
    before = numbers(reference)
    reference.update(torch.tensor([[0, 3]]), torch.tensor([[1, 2]]))  # beyond the last row: the picture is dropped
    assert numbers(reference) == before


class Brightness(nn.Module):
    """A segmenter of four classes from dark to bright; ``shrink`` makes its scores smaller than the picture."""

    def __init__(self, shrink: int = 1, mapping: bool = False) -> None:
        super().__init__()
        self.shrink, self.mapping = shrink, mapping
        self.weight = nn.Parameter(torch.tensor([-0.9, -0.3, 0.3, 0.9]))

    def forward(self, pictures: Tensor) -> Any:
        grey = nn.functional.avg_pool2d(pictures.mean(1, keepdim=True), self.shrink)
        scores = -((grey - self.weight[:, None, None]) ** 2)
        return {"out": scores, "aux": None} if self.mapping else scores


def test_pictures_are_enlarged_as_files_of_8_bits() -> None:
    random = np.random.default_rng(0)
    metric = FCNScore(Brightness(), classes=3)
    pictures = random.uniform(-1.1, 1.1, (3, 3, 8, 12)).astype(np.float32)
    labels = maps(3, 2, 4, (20, 30)) + maps(4, 1, 4, (31, 17))  # each has its own size
    predicted = []
    for picture, label in zip(pictures, labels, strict=True):
        file = Image.fromarray(((picture.clip(-1, 1) + 1) * 127.5).round().astype(np.uint8).transpose(1, 2, 0))
        large = np.asarray(file.resize(label.shape[::-1], Image.Resampling.BILINEAR)).astype(np.float32)
        predicted.append(Brightness()(torch.from_numpy(large / 127.5 - 1).permute(2, 0, 1)[None])[0].argmax(0))
    metric.update(torch.from_numpy(pictures[:2]), labels[:2])
    metric.update(torch.from_numpy(pictures[2:]), labels[2:])
    assert numbers(metric) == pytest.approx(by_hand(predicted, labels, 3), rel=1e-6)


def test_scores_may_be_smaller_and_in_a_mapping() -> None:
    label = torch.arange(4).repeat_interleave(8).expand(16, 32)
    picture = (label / 3 * 1.8 - 0.9).expand(1, 3, -1, -1)
    metric = FCNScore(Brightness(shrink=4, mapping=True), classes=4)
    metric.update(picture, [label])
    assert numbers(metric)["pixel_accuracy"] > 0.8


def test_label_ids_of_cityscapes() -> None:
    """Train ids are counted through the road, the first class; ids without one, and unknown ones, do not count."""
    assert len(CITYSCAPES_CLASSES) == 34
    assert sorted(c for c in CITYSCAPES_CLASSES if c >= 0) == list(range(19))
    assert [CITYSCAPES_CLASSES[i] for i in (7, 11, 21, 26, 33)] == [0, 2, 8, 13, 18]
    metric = FCNScore(Brightness(), classes=19, label_classes=CITYSCAPES_CLASSES)
    dark = torch.full((1, 3, 2, 3), -1.0)  # class 0
    metric.update(dark, [torch.tensor([[7, 7, 8], [0, 255, -1]], dtype=torch.int16)])
    assert numbers(metric)["pixel_accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("form", ["colours", "channels"])
def test_label_maps_by_their_nearest_colours(form: str) -> None:
    label, found = maps(5, 1, 12)[0], maps(6, 1, 12)[0]
    if form == "colours":
        picture = read_picture(colour_labels(found.numpy(), "camvid")) + 0.05
    else:
        picture = nn.functional.one_hot(found, 12).movedim(-1, 0) * 0.7
    metric = LabelScore("camvid", classes=11)
    metric.update(picture[None], [label])
    assert numbers(metric) == pytest.approx(by_hand([found], [label], 11), rel=1e-6)
    larger = label.repeat_interleave(2, 0).repeat_interleave(2, 1)
    twice = LabelScore("camvid", classes=11)
    twice.update(picture[None], [larger])
    assert numbers(twice) == pytest.approx(numbers(metric), rel=1e-6)
