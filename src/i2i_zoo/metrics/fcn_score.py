"""FCN-score: how well a segmenter of photographs finds the labels in pictures that were made from label maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric

from i2i_zoo.media.geometry import resize
from i2i_zoo.media.labels import label_ids, palette_colours
from i2i_zoo.media.pictures import to_float, to_uint8


class LabelAccuracy(Metric):
    """Per-pixel accuracy, per-class accuracy and class IoU of label maps.

    All pixels of all maps make one confusion matrix.  Pixels whose label is not one of the classes do not count.  A
    class that never occurs counts as 0 in the means, as in pix2pix's evaluation (``scripts/eval_cityscapes``).

    Args:
        classes: How many classes count, from 0 on.  A prediction beyond them is wrong, but not a false positive of any
            class.
        strict_reference: Count predictions beyond the classes as that evaluation does: as class 0 predicted for the
            next class; and ignore the picture if this happens for the last class.
    """

    full_state_update = False
    confusion: Tensor

    def __init__(self, classes: int, strict_reference: bool = False) -> None:
        super().__init__()
        self.classes, self.strict_reference = classes, strict_reference
        self.add_state("confusion", torch.zeros(classes, classes + 1, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, label: Tensor) -> None:
        """Compare a map of predictions with a map of labels, both (H, W) integers."""
        n = self.classes
        counted = (label >= 0) & (label < n)
        label, predicted = label[counted].long(), predicted[counted].long()
        if self.strict_reference:
            matrix = torch.bincount(label * n + predicted, minlength=n * n)
            if len(matrix) == n * n:
                self.confusion[:, :n] += matrix.view(n, n)
        else:
            index = label * (n + 1) + predicted.clamp_max(n)
            self.confusion += torch.bincount(index, minlength=n * (n + 1)).view(n, n + 1)

    def compute(self) -> dict[str, Tensor]:
        """``pixel_accuracy``, ``class_accuracy`` and ``class_iou``, each in [0, 1]."""
        matrix = self.confusion.double()
        right, label, predicted = matrix.diagonal(), matrix.sum(1), matrix[:, : self.classes].sum(0)
        return {
            "pixel_accuracy": (right.sum() / label.sum()).float(),
            "class_accuracy": (right / label.clamp_min(1)).mean().float(),
            "class_iou": (right / (label + predicted - right).clamp_min(1)).mean().float(),
        }


class FCNScore(LabelAccuracy):
    """How well the classes that a segmenter finds in pictures agree with their labels (Isola et al. 2017, sec. 4.1).

    As in pix2pix's protocol, pictures of 8 bits are enlarged bilinearly to the size of the labels, as Pillow does it;
    labels never change size.  Real photographs are first scaled to the size of the outputs; their score is the ceiling.
    Only predictions beyond the classes are counted differently, unless ``strict_reference`` is set.

    Args:
        segmenter: RGB pictures (B, 3, H, W) in [-1, 1] to class scores (B, C, h, w), C >= ``classes``, or to a mapping
            with the scores as ``out``.  Scores of another size are resized bilinearly.
        classes: How many classes count, from 0 on.
        label_classes: Class of each id in the label maps, -1 if it does not count; by default ids are classes.
        strict_reference: See `LabelAccuracy`.
    """

    def __init__(
        self,
        segmenter: nn.Module,
        classes: int,
        label_classes: Sequence[int] | None = None,
        strict_reference: bool = False,
    ) -> None:
        super().__init__(classes, strict_reference)
        self.segmenter = segmenter.eval().requires_grad_(False)
        self.label_classes = label_classes

    @torch.no_grad()
    def update(self, pictures: Tensor, labels: Sequence[Tensor]) -> None:  # type: ignore[override]  # a list of maps
        """Compare pictures (B, 3, h, w) in [-1, 1] with their label maps, (H, W) integers each."""
        for picture, label in zip(to_uint8(pictures), labels, strict=True):
            # On CPUs torch computes as Pillow does.
            resized = F.interpolate(picture[None].cpu(), label.shape, mode="bilinear", antialias=True)
            scores = self.segmenter(to_float(resized).to(self.confusion.device))
            if isinstance(scores, Mapping):
                scores = scores["out"]
            if scores.shape[-2:] != label.shape:
                scores = F.interpolate(scores, label.shape, mode="bilinear", align_corners=False)
            label = label.to(scores.device).long()
            if self.label_classes is not None:
                classes = torch.tensor([*self.label_classes, -1], device=label.device)  # the last one for unknown ids
                known = (label >= 0) & (label < len(self.label_classes))
                label = classes[label.where(known, torch.full_like(label, len(self.label_classes)))]
            super().update(scores[0].argmax(0), label)


class LabelScore(LabelAccuracy):
    """How well pictures of label maps agree with the labels.  A pixel has the label of the nearest colour.

    Args:
        palette: Name of the colours in `i2i_zoo.media.palettes.PALETTES`.
        classes: See `LabelAccuracy`.
    """

    def __init__(self, palette: str, classes: int) -> None:
        super().__init__(classes)
        self.palette = palette

    def update(self, pictures: Tensor, labels: Sequence[Tensor]) -> None:  # type: ignore[override]  # a list of maps
        """Compare pictures (B, C, h, w) in [-1, 1], in colours or one channel per label, with maps (H, W) of ids."""
        for picture, label in zip(pictures, labels, strict=True):
            if len(picture) == len(palette_colours(self.palette)):
                ids = picture.argmax(0)
            else:
                colours = to_uint8(picture).permute(1, 2, 0).cpu().numpy()
                ids = torch.from_numpy(label_ids(colours, self.palette))
            resized = resize(ids[None].float(), label.shape, nearest=True)[0]
            super().update(resized.to(self.confusion.device), label.to(self.confusion.device))
