"""Which numbers judge which task, and how each of them is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from os import PathLike
from typing import Any, NamedTuple

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanMetric, Metric
from torchmetrics.functional.image import structural_similarity_index_measure

from i2i_zoo.errors import ZooError
from i2i_zoo.media.labels import palette_colours
from i2i_zoo.media.pictures import to_uint8
from i2i_zoo.pretrained import segmenters
from i2i_zoo.pretrained.inception import inception
from i2i_zoo.pretrained.weights import MissingWeights
from i2i_zoo.tasks import OneStyleTask, PairedTask, SemanticTask, StyleTask
from i2i_zoo.tasks.unpaired import Direction

from .fcn_score import FCNScore, LabelScore
from .inception import FID, IS, KID, Perceptual

Path = str | PathLike[str]

#: Names of metrics to their options.
Chosen = Mapping[str, Mapping[str, Any] | None]

#: Palette to how many of its labels count; those behind them are void.
COUNTED = {"camvid": 11}

#: Palette to the segmenter that finds its labels in photographs.
SEGMENTERS = {"camvid": "espnet_camvid"}


#: Losses that a validation step may give, as numbers, to what their means are called.
LOSSES = {"content_loss": "Content loss", "style_loss": "Style loss"}


class Measure(NamedTuple):
    """A metric; what it takes, of ``output`` and ``target`` (pictures), ``label`` (ids) and `LOSSES`; its title."""

    metric: Metric
    takes: tuple[str, ...]
    title: str


class PictureMean(Metric):
    """The mean over all pictures of a number that each picture has, on all processes alike.

    Args:
        measure: Takes outputs and targets, (B, C, H, W) in [0, 1], and returns (B,).
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, measure: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.measure = measure
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, output: Tensor, target: Tensor) -> None:
        """Count pictures (B, C, H, W) in [-1, 1]; they are rounded to 8 bits first, as files would hold them."""
        values = self.measure(to_uint8(output).float() / 255, to_uint8(target).float() / 255)
        self.total += values.sum()
        self.count += len(values)

    def compute(self) -> Tensor:
        return (self.total / self.count).float()


def psnr(output: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture, in dB; infinite for equal ones.  (B, C, H, W) in [0, 1] to (B,)."""
    return -10 * (output - target).square().mean((1, 2, 3)).log10()


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of each picture.  (B, C, H, W) in [0, 1] to (B,)."""
    return (output - target).abs().mean((1, 2, 3))


def ssim(output: Tensor, target: Tensor, window: str = "gaussian") -> Tensor:
    """Structural similarity of each picture, channel by channel.  (B, C, H, W) in [0, 1] to (B,).

    It is averaged where the window lies inside the picture.  torchmetrics averages over the mirrored margin too, which
    is up to 0.03 lower.

    Args:
        output: Pictures.
        target: What they should be.
        window: ``gaussian``, as Wang et al. (2004) define it, of 11 pixels and sigma 1.5; or ``uniform``, the default
            of scikit-image, of 7 pixels and with the covariances of a sample.

    Raises:
        ZooError: For pictures smaller than the window, and for another window.
    """
    if window not in ("gaussian", "uniform"):
        raise ZooError(f"SSIM has no window {window!r}: choose gaussian or uniform.")
    size = 11 if window == "gaussian" else 7
    if min(output.shape[-2:]) < size:
        raise ZooError(f"SSIM needs pictures of at least {size}x{size} pixels, not {tuple(output.shape[-2:])}.")
    if window == "gaussian":
        _, similarity = structural_similarity_index_measure(output, target, data_range=1.0, return_full_image=True)
        return similarity[..., 5:-5, 5:-5].mean((1, 2, 3))
    x, y = output.double(), target.double()
    mean_x, mean_y, xx, yy, xy = (F.avg_pool2d(z, size, 1) for z in (x, y, x * x, y * y, x * y))
    sample = size**2 / (size**2 - 1)
    variances = sample * (xx - mean_x**2 + yy - mean_y**2)
    covariance = sample * (xy - mean_x * mean_y)
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return (similarity / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))).mean((1, 2, 3)).float()


PAIR = ("output", "target")


def measure_psnr(model: Any) -> dict[str, Measure]:
    return {"psnr": Measure(PictureMean(psnr), PAIR, "PSNR (dB, mean over pictures)")}


def measure_l1(model: Any) -> dict[str, Measure]:
    return {"l1": Measure(PictureMean(l1), PAIR, "L1 (pixels in [0, 1])")}


def measure_ssim(model: Any, window: str = "gaussian") -> dict[str, Measure]:
    return {"ssim": Measure(PictureMean(partial(ssim, window=window)), PAIR, f"SSIM ({window} window, interior)")}


def measure_lpips(model: Any, net: str = "alex") -> dict[str, Measure]:
    return {"lpips": Measure(PictureMean(Perceptual(net)), PAIR, f"LPIPS ({net})")}


def measure_fid(
    model: Any, feature: int = 2048, antialias: bool = False, weights: Path | None = None
) -> dict[str, Measure]:
    metric = FID(inception(str(feature), antialias, weights))
    return {"fid": Measure(metric, PAIR, f"FID ({variant(feature, antialias)})")}


def measure_kid(
    model: Any,
    feature: int = 2048,
    subsets: int = 100,
    subset_size: int = 1000,
    antialias: bool = False,
    weights: Path | None = None,
) -> dict[str, Measure]:
    metric = KID(inception(str(feature), antialias, weights), subsets, subset_size)
    title = f"KID ({variant(feature, antialias)}, {subsets} subsets of {subset_size})"
    return {"kid": Measure(metric, PAIR, title)}


def measure_is(
    model: Any, splits: int = 10, antialias: bool = False, weights: Path | None = None
) -> dict[str, Measure]:
    metric = IS(inception("logits_unbiased", antialias, weights), splits)
    return {"is": Measure(metric, ("output",), f"Inception score ({variant('logits', antialias)}, {splits} splits)")}


def variant(feature: int | str, antialias: bool) -> str:
    """What an Inception metric's number depends on, to be reported with it."""
    return f"Inception-2015, {feature}, {'antialiased' if antialias else 'TensorFlow'} resize"


def measure_fcn_score(
    model: Any,
    segmenter: str | nn.Module | None = None,
    weights: Path | None = None,
    classes: int | None = None,
    strict_reference: bool = False,
) -> dict[str, Measure]:
    palette = model.preprocess.get("source_palette")
    chosen = segmenter or SEGMENTERS.get(palette)
    if chosen is None:
        raise ZooError(
            "The FCN-score needs a segmenter that knows the labels: name one with the metric's option segmenter."
        )
    network: Any = segmenters.load(chosen, weights, classes) if isinstance(chosen, str) else chosen
    classes = classes or getattr(network, "classes", None)
    if classes is None:
        raise ZooError("Say how many classes of the segmenter count, with the metric's option classes.")
    label_classes = getattr(network, "label_classes", None)
    title = f"FCN-score ({chosen if isinstance(chosen, str) else type(chosen).__name__})"
    # The segmenter is one; each has its own counts.
    outputs, targets = (FCNScore(network, classes, label_classes, strict_reference) for _ in PAIR)
    return {
        "fcn_score": Measure(outputs, ("output", "label"), title),
        "fcn_score_real": Measure(targets, ("target", "label"), f"{title} of the real photographs at the same size"),
    }


def measure_label_score(model: Any) -> dict[str, Measure]:
    palette = model.preprocess.get("target_palette")
    if palette is None:
        raise ZooError("The label score is for models that make label maps, whose target_palette says the colours.")
    metric = LabelScore(palette, COUNTED.get(palette, len(palette_colours(palette))))
    return {"label_score": Measure(metric, ("output", "label"), "Labels (nearest colour)")}


def measure_loss(loss: str, model: Any) -> dict[str, Measure]:
    return {loss: Measure(MeanMetric(), (loss,), LOSSES[loss])}


#: The metrics by name.  Each makes its measures for a model, and takes its options as keywords.
METRICS: dict[str, Callable[..., dict[str, Measure]]] = {
    "psnr": measure_psnr,
    "ssim": measure_ssim,
    "l1": measure_l1,
    "label_score": measure_label_score,
    "fcn_score": measure_fcn_score,
    "lpips": measure_lpips,
    "fid": measure_fid,
    "kid": measure_kid,
    "is": measure_is,
    **{loss: partial(measure_loss, loss) for loss in LOSSES},
}

_COMPARED: Chosen = {"psnr": {}, "ssim": {}, "l1": {}}

#: Task to the metrics that it is judged by unless others are chosen: quick ones, which need no weights.
#: What is translated without pairs has nothing to be compared with.
SUITES: dict[type, Chosen] = {
    Direction: {},
    OneStyleTask: dict.fromkeys(LOSSES),
    PairedTask: _COMPARED,
    SemanticTask: _COMPARED,
    StyleTask: dict.fromkeys(LOSSES),
}

#: Part of a result to what it is called in full.
PARTS = {
    "pixel_accuracy": "per-pixel accuracy",
    "class_accuracy": "per-class accuracy",
    "class_iou": "class IoU",
    "mean": "mean",
    "std": "standard deviation",
}


def default_suite(model: LightningModule) -> Chosen:
    """The metrics of the model's task; for label maps also how well they agree with the labels."""
    chosen = next(chosen for task, chosen in SUITES.items() if isinstance(model, task))
    preprocess: Mapping[str, Any] = getattr(model, "preprocess", {})
    return {**chosen, "label_score": {}} if "target_palette" in preprocess else chosen


def applies(name: str, direction: Direction) -> bool:
    """Whether a metric judges this direction: the labels of what is made as a label map, or found in a photograph."""
    labels = "target_palette" in direction.preprocess
    return {"label_score": labels, "fcn_score": not labels}.get(name, True)


def suite(model: LightningModule, chosen: Chosen) -> tuple[dict[str, Measure], list[str]]:
    """Fresh measures by name, and a sentence for each metric that cannot be had.

    Args:
        model: What will be measured.
        chosen: Names of `METRICS` to their options.

    Raises:
        ZooError: For an unknown metric or option.
    """
    if unknown := sorted(set(chosen) - set(METRICS)):
        raise ZooError(f"No metric {', '.join(unknown)}: choose from {', '.join(METRICS)}.")
    measures: dict[str, Measure] = {}
    missing = []
    for name, options in chosen.items():
        if isinstance(model, Direction) and not applies(name, model):
            continue
        options, valid = options or {}, list(signature(METRICS[name]).parameters)[1:]
        if wrong := [option for option in options if option not in valid]:
            raise ZooError(
                f"The metric {name} has no option {wrong[0]!r}: choose from {', '.join(valid)}."
                if valid
                else f"The metric {name} has no options, and {wrong[0]!r} was given."
            )
        try:
            measures.update(METRICS[name](model, **options))
        except MissingWeights as error:
            missing.append(f"{name} is not measured: {error}")
    return measures, missing
