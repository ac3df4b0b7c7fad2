"""The metrics by name, and how to measure each for a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from i2i_zoo.errors import ZooError
from i2i_zoo.media.labels import palette_colours
from i2i_zoo.media.pose_drawing import limb_mask, metric_mask
from i2i_zoo.pretrained import segmenters
from i2i_zoo.pretrained.detectors import person_score
from i2i_zoo.pretrained.inception import inception
from i2i_zoo.pretrained.mobilenet import MobileNetFeatures
from i2i_zoo.pretrained.pose_estimators import pose_estimator
from i2i_zoo.pretrained.weights import MissingWeights
from i2i_zoo.tasks import Task

from .clip_suite import CLIP_METRICS
from .fcn_score import FCNScore, LabelScore
from .inception import FID, IS, KID, Perceptual
from .measure import PAIR, Path
from .measure import Measure as Measure  # callers find it here
from .people import Mask, PCKh, PersonIS, PersonMean
from .pictures import PictureMean, l1, psnr, ssim, ssim_deformable

#: Names of metrics to their options.
Chosen = Mapping[str, Mapping[str, Any] | None]

#: Palette to how many of its labels count; the rest are void.
COUNTED = {"camvid": 11}

#: Palette to the segmenter that finds its labels in photographs.
SEGMENTERS = {"camvid": "espnet_camvid"}


PERSON = ("output", "target", "target_pose")


class Protocol(NamedTuple):
    """How a paper on persons computes SSIM, its mask of a person, and both in words."""

    ssim: Callable[..., Tensor]
    mask: Mask
    title: str


#: The mask of the person, in words.
LIMBS = "limbs of the target's pose"

#: The protocols by the names of their methods: Siarohin et al. 2018, Ma et al. 2017.  PG2's released script takes the
#: mask of the source's pose, although it calls it the target's; here it is the target's.
PROTOCOLS = {
    "deformable": Protocol(ssim_deformable, metric_mask, "Gaussian window of 13 pixels, range of each output"),
    "pg2": Protocol(partial(ssim, window="uniform"), limb_mask, "uniform window of 7 pixels, covariances of a sample"),
}


def measure_psnr(task: Task, direction: str) -> dict[str, Measure]:
    return {"psnr": Measure(PictureMean(psnr), PAIR, "PSNR (dB, mean over pictures)")}


def measure_l1(task: Task, direction: str) -> dict[str, Measure]:
    return {"l1": Measure(PictureMean(l1), PAIR, "L1 (pixels in [0, 1])")}


def measure_ssim(task: Task, direction: str, window: str = "gaussian") -> dict[str, Measure]:
    return {"ssim": Measure(PictureMean(partial(ssim, window=window)), PAIR, f"SSIM ({window} window, interior)")}


def measure_paper_ssim(paper: str, task: Task, direction: str) -> dict[str, Measure]:
    measure, _, how = PROTOCOLS[paper]
    return {f"ssim_{paper}": Measure(PictureMean(measure, truncate=True), PAIR, f"SSIM ({paper}, {how})")}


def measure_paper_mask_ssim(paper: str, task: Task, direction: str) -> dict[str, Measure]:
    measure, mask, how = PROTOCOLS[paper]
    metric = PersonMean(measure, mask, truncate=True)
    return {f"mask_ssim_{paper}": Measure(metric, PERSON, f"mask-SSIM ({paper}, {how}, {LIMBS})")}


def measure_mask_ssim(task: Task, direction: str, window: str = "gaussian") -> dict[str, Measure]:
    metric = PersonMean(partial(ssim, window=window))
    return {"mask_ssim": Measure(metric, PERSON, f"mask-SSIM ({window} window, interior, {LIMBS})")}


def measure_ds(
    task: Task, direction: str, detector: str = "ssd300_vgg16", weights: Path | None = None
) -> dict[str, Measure]:
    score = person_score(detector, weights)
    title = f"detection score ({detector}, best score of a person)"
    return {
        "ds": Measure(PictureMean(score), ("output",), title),
        "ds_real": Measure(PictureMean(score), ("target",), f"{title} of the real pictures"),
    }


def measure_pckh(
    task: Task, direction: str, estimator: str | None = None, weights: Path | None = None
) -> dict[str, Measure]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    find = pose_estimator(estimator, str(weights) if weights else None, device)
    title = f"PCKh ({type(find).__name__}, within half a head)"
    return {
        "pckh": Measure(PCKh(find), ("output", "target_pose"), title),
        "pckh_real": Measure(PCKh(find), PERSON[1:], f"{title} of the real pictures"),
    }


def measure_lpips(task: Task, direction: str, net: str = "alex") -> dict[str, Measure]:
    return {"lpips": Measure(PictureMean(Perceptual(net)), PAIR, f"LPIPS ({net})")}


def measure_fid(
    task: Task, direction: str, feature: int = 2048, antialias: bool = False, weights: Path | None = None
) -> dict[str, Measure]:
    metric = FID(inception(str(feature), antialias, weights))
    return {"fid": Measure(metric, PAIR, f"FID ({variant(feature, antialias)})")}


def measure_frechet_mobilenetv2(task: Task, direction: str, weights: Path | None = None) -> dict[str, Measure]:
    metric = FID(MobileNetFeatures(weights), "frechet_mobilenetv2")
    return {"frechet_mobilenetv2": Measure(metric, PAIR, "Fréchet distance of MobileNetV2 features (not FID)")}


def measure_kid(
    task: Task,
    direction: str,
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
    task: Task, direction: str, splits: int = 10, antialias: bool = False, weights: Path | None = None
) -> dict[str, Measure]:
    metric = IS(inception("logits_unbiased", antialias, weights), splits)
    return {"is": Measure(metric, ("output",), f"Inception score ({variant('logits', antialias)}, {splits} splits)")}


def measure_mask_is(
    task: Task, direction: str, splits: int = 10, antialias: bool = False, weights: Path | None = None
) -> dict[str, Measure]:
    metric = PersonIS(inception("logits_unbiased", antialias, weights), splits)
    title = f"mask-IS ({variant('logits', antialias)}, {splits} splits, {LIMBS})"
    return {"mask_is": Measure(metric, ("output", "target_pose"), title)}


def variant(feature: int | str, antialias: bool) -> str:
    """The variant of an Inception metric, for its title: numbers of different variants cannot be compared."""
    return f"Inception-2015, {feature}, {'antialiased' if antialias else 'TensorFlow'} resize"


def measure_fcn_score(
    task: Task,
    direction: str,
    segmenter: str | nn.Module | None = None,
    weights: Path | None = None,
    classes: int | None = None,
    strict_reference: bool = False,
) -> dict[str, Measure]:
    preprocess = task.preprocess_for(direction)
    if preprocess.target_palette and len(task.directions) > 1:
        return {}  # this direction makes label maps, which have the label score
    palette = preprocess.source_palette
    chosen = segmenter or SEGMENTERS.get(palette or "")
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
    # Both use the same segmenter, but count separately.
    outputs, targets = (FCNScore(network, classes, label_classes, strict_reference) for _ in PAIR)
    return {
        "fcn_score": Measure(outputs, ("output", "label"), title),
        "fcn_score_real": Measure(targets, ("target", "label"), f"{title} of the real photographs at the same size"),
    }


def measure_label_score(task: Task, direction: str) -> dict[str, Measure]:
    palette = task.preprocess_for(direction).target_palette
    if palette is None and len(task.directions) > 1:
        return {}  # this direction makes photographs
    if palette is None:
        raise ZooError("The label score is for models that make label maps: set target_palette to their colours.")
    metric = LabelScore(palette, COUNTED.get(palette, len(palette_colours(palette))))
    return {"label_score": Measure(metric, ("output", "label"), "Labels (nearest colour)")}


#: The metrics by name.  Each function makes the measures for a direction of a model; its keywords are the options.
METRICS: dict[str, Callable[..., dict[str, Measure]]] = {
    "psnr": measure_psnr,
    "ssim": measure_ssim,
    "l1": measure_l1,
    "label_score": measure_label_score,
    "fcn_score": measure_fcn_score,
    "lpips": measure_lpips,
    "fid": measure_fid,
    "frechet_mobilenetv2": measure_frechet_mobilenetv2,
    "kid": measure_kid,
    "is": measure_is,
    "ssim_deformable": partial(measure_paper_ssim, "deformable"),
    "ssim_pg2": partial(measure_paper_ssim, "pg2"),
    "mask_ssim": measure_mask_ssim,
    "mask_ssim_deformable": partial(measure_paper_mask_ssim, "deformable"),
    "mask_ssim_pg2": partial(measure_paper_mask_ssim, "pg2"),
    "mask_is": measure_mask_is,
    "ds": measure_ds,
    "pckh": measure_pckh,
    **CLIP_METRICS,
}

#: The parts of results to their full names.
PARTS = {
    "pixel_accuracy": "per-pixel accuracy",
    "class_accuracy": "per-class accuracy",
    "class_iou": "class IoU",
    "distance": "average keypoint distance (mean difference in x and y, pixels)",
    "missing": "missing keypoint rate",
    "mean": "mean",
    "std": "standard deviation",
}


def measure_loss(loss: str, task: Task, direction: str) -> dict[str, Measure]:
    return {loss: Measure(MeanMetric(), (loss,), task.measured_losses[loss])}


def suite(task: Task, direction: str, chosen: Chosen) -> tuple[dict[str, Measure], list[str]]:
    """New measures by name, and a sentence for each metric that is not available.

    Args:
        task: The model to measure.
        direction: One of its directions.
        chosen: Names of `METRICS`, or of losses that the task measures, to their options.

    Raises:
        ZooError: For an unknown metric or option.
    """
    possible: dict[str, Callable[..., dict[str, Measure]]] = dict(METRICS)
    possible |= {loss: partial(measure_loss, loss) for loss in task.measured_losses}
    if unknown := sorted(set(chosen) - set(possible)):
        raise ZooError(f"No metric {', '.join(unknown)}: choose from {', '.join(possible)}.")
    measures: dict[str, Measure] = {}
    missing = []
    for name, options in chosen.items():
        options, valid = options or {}, list(signature(possible[name]).parameters)[2:]
        if wrong := [option for option in options if option not in valid]:
            raise ZooError(
                f"The metric {name} has no option {wrong[0]!r}: choose from {', '.join(valid)}."
                if valid
                else f"The metric {name} has no options, and {wrong[0]!r} was given."
            )
        try:
            measures.update(possible[name](task, direction, **options))
        except MissingWeights as error:
            missing.append(f"{name} is not measured: {error}")
    return measures, missing
