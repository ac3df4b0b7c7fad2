"""Metrics of clips: whether the content stays, whether the motion is the one asked for, and whether both look real."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_uint8
from i2i_zoo.pretrained.c3d import ClipClassifier
from i2i_zoo.seeds import numbered_generator

from .inception import FID, rgb

#: The neck, both shoulders and both hips.
_TRUNK = (1, 2, 5, 8, 11)

_SEED = 2018


def content_distance(content: Tensor) -> Tensor:
    """How much the content of each clip changes: (B, T, D) to (B,), the mean distance of two different frames.

    It is MoCoGAN's average content distance before the average over clips (Tulyakov et al. 2018, section 4.2).
    """
    frames = content.shape[1]
    distances = torch.cdist(content.double(), content.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return distances.sum((1, 2)) / (frames * (frames - 1))


def mean_colour(video: Tensor, mask: Tensor) -> Tensor:
    """The mean colour within a mask: (B, T, C, H, W), and (B, T, 1, H, W) from 0 to 1, to (B, T, C)."""
    return (video * mask).sum((3, 4)) / mask.sum((3, 4)).clamp_min(1e-6)


def shape_colour(video: Tensor) -> Tensor:
    """The colour of the shape in each frame: clips (B, T, C, H, W) in [-1, 1] to (B, T, C) in [0, 255].

    The shape is what is at least half as bright as the frame's brightest pixel.  At its edge a pixel's brightness,
    which is that of its brightest channel, says how much of it the shape covers, so that the colour of a rendered shape
    is exact wherever it is.
    """
    video = (video.clamp(-1, 1) + 1) * 127.5
    brightness = video.amax(2, keepdim=True)
    brightest = brightness.amax((3, 4), keepdim=True).clamp_min(1e-6)
    share = brightness / brightest
    inside = share >= 0.5
    return (video * inside).sum((3, 4)) / (share * inside).sum((3, 4)).clamp_min(1e-6)


def trunk_colour(video: Tensor, pose: Tensor) -> Tensor:
    """The colour of the trunk in each frame: clips (B, T, C, H, W) in [-1, 1] to (B, T, C) in [0, 255].

    The trunk is where most frames of poses (B, T, 18, 3) have it, between neck and hips and half as wide as it is tall.
    The poses may be those of other clips, if their people stand in the same place.
    """
    mask = torch.zeros_like(video[:, :1, :1])
    for clip, points in zip(mask, pose[:, :, _TRUNK], strict=True):
        visible = points[..., 2] > 0
        if not (visible[:, 0].any() and visible[:, 3:].any()):
            continue  # nowhere: a clip without neck or hips has no trunk
        x = points[..., 0][visible].median()
        top, bottom = points[:, 0, 1][visible[:, 0]].median(), points[:, 3:, 1][visible[:, 3:]].median()
        half = (bottom - top) / 4
        rows, columns = (
            slice(max(0, round(float(start))), max(0, round(float(end))) + 1)
            for start, end in ((top, bottom), (x - half, x + half))
        )
        clip[..., rows, columns] = 1
    return mean_colour((video.clamp(-1, 1) + 1) * 127.5, mask)


class ACD(Metric):
    """Average content distance in levels of 255: the mean over clips of `content_distance`; lower is better.

    It cannot stand alone: clips that show nothing, or always the same frame, have 0.

    Args:
        content: Clips, and what else `update` gets, to the content of their frames (B, T, D).
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, content: Callable[..., Tensor]) -> None:
        super().__init__()
        self.content = content
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, clips: Tensor, *known: Tensor) -> None:
        """Count clips (B, T, C, H, W) in [-1, 1].  Raises `ZooError` for clips of one frame."""
        if clips.shape[1] < 2:
            raise ZooError("The average content distance needs clips of at least 2 frames.")
        self.total += content_distance(self.content(clips, *known)).sum()
        self.count += len(clips)

    def compute(self) -> Tensor:
        """Not a number if there were no clips."""
        return (self.total / self.count).float()


def track(video: Tensor) -> Tensor:
    """How what is bright moves: clips (B, T, C, H, W) in [-1, 1] to (B, 2 * T), centres in sides of the picture.

    They are relative to their mean, and weighted by the square of the brightness, against grey in the background.
    """
    weights = (video.clamp(-1, 1) + 1).mean(2).square().double() + 1e-12
    height, width = weights.shape[-2:]
    total = weights.sum((2, 3))
    x = (weights.sum(2) @ torch.linspace(0, 1, width, dtype=torch.float64, device=video.device)) / total
    y = (weights.sum(3) @ torch.linspace(0, 1, height, dtype=torch.float64, device=video.device)) / total
    centres = torch.stack([x, y], 2)
    return (centres - centres.mean(1, keepdim=True)).flatten(1)


def motion_energy(video: Tensor) -> Tensor:
    """Where a clip moves: (B, T, C, H, W) to (B, 64), the root of each place's share of all change.

    The change is the standard deviation of the grey level in time, on a grid of 8x8 places.
    """
    energy = F.adaptive_avg_pool2d(video.double().mean(2).std(1, correction=0), 8).flatten(1)
    return (energy / energy.sum(1, keepdim=True).clamp_min(1e-9)).sqrt()


class RealMCS(Metric):
    """How well a classifier of motions works on real clips that it was not fitted to; the limit of `MCS`.

    It is ridge regression on the classes, fitted to all clips but the one that it then classifies.

    Args:
        features: Clips (B, T, C, H, W) in [-1, 1] to (B, D).
    """

    full_state_update = False
    real: list[Tensor]
    actions: list[Tensor]

    def __init__(self, features: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.features = features
        for name in ("real", "actions"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, target: Tensor, action: Tensor) -> None:
        """Count real clips (B, T, C, H, W) in [-1, 1] with their classes (B,)."""
        self.real.append(self.features(target).double())
        self.actions.append(action)

    def compute(self) -> Tensor:
        """The share of clips, in [0, 1], whose class is found.  Raises `ZooError` as `fitted`."""
        x, classes, inverse = self.fitted()
        own = torch.einsum("nd,de,ne->n", x, inverse, x) + 1 / len(x)
        scores = x @ inverse @ x.T @ (classes - classes.mean(0)) + classes.mean(0)
        without = (scores - own[:, None] * classes) / (1 - own[:, None])
        return (without.argmax(1) == classes.argmax(1)).float().mean()

    def fitted(self) -> tuple[Tensor, Tensor, Tensor]:
        """The features less their mean (N, D), the classes (N, K) as 0 and 1, and ridge regression's inverse (D, D).

        Raises `ZooError` unless there are at least two clips of at least two classes.
        """
        real, actions = dim_zero_cat(self.real), dim_zero_cat(self.actions)
        if len(set(actions.tolist())) < 2:
            raise ZooError(
                "The motion control score needs real clips of at least 2 classes: "
                "measure on data with more motions, or on more of them."
            )
        x = real - real.mean(0)
        penalty = 0.1 * x.square().sum(1).mean() + 1e-12  # clips that are all alike have an inverse too
        inverse = torch.linalg.inv(x.T @ x + penalty * torch.eye(x.shape[1], dtype=x.dtype, device=x.device))
        return x, F.one_hot(actions).double(), inverse


class MCS(RealMCS):
    """Motion control score: the share of clips that a classifier finds to show the motion asked for; higher is better.

    As in MoCoGAN (Tulyakov et al. 2018, section 4.4), but the classifier is not a network: it is `RealMCS`'s, fitted to
    all real clips that `update` gets.
    """

    made: list[Tensor]
    asked: list[Tensor]

    def __init__(self, features: Callable[[Tensor], Tensor]) -> None:
        super().__init__(features)
        for name in ("made", "asked"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, output: Tensor, asked: Tensor, target: Tensor, action: Tensor) -> None:  # type: ignore[override]  # made clips too
        """Count made clips with the classes (B,) that were asked for, and real ones with theirs."""
        super().update(target, action)
        self.made.append(self.features(output).double())
        self.asked.append(asked)

    def compute(self) -> Tensor:
        """In [0, 1].  Raises `ZooError` as `fitted`."""
        x, classes, inverse = self.fitted()
        made = dim_zero_cat(self.made) - dim_zero_cat(self.real).mean(0)
        scores = made @ inverse @ x.T @ (classes - classes.mean(0)) + classes.mean(0)
        return (scores.argmax(1) == dim_zero_cat(self.asked)).float().mean()


class ClipIS(Metric):
    """The Inception score of clips as TGAN's authors compute it (Saito et al. 2017): of all clips at once.

    Args:
        classifier: Gives the probabilities of a clip's classes.
        dropout: Leave out half of the units of its last two hidden layers, as in the authors' evaluation, which forgot
            to switch that off.  Which ones is the same in every run.
    """

    full_state_update = False
    total: Tensor
    probabilities: Tensor
    count: Tensor

    def __init__(self, classifier: ClipClassifier, dropout: bool = True) -> None:
        super().__init__()
        self.classifier, self.dropout = classifier, dropout
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("probabilities", torch.zeros(classifier.classes, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, clips: Tensor) -> None:
        """Count clips (B, T, 1 or 3, H, W) in [-1, 1]."""
        randoms = None
        if self.dropout:
            randoms = [numbered_generator(_SEED, int(self.count) + index) for index in range(len(clips))]
        found = self.classifier(rgb_clips(clips), randoms).double()
        self.total += (found * (found + 1e-7).log()).sum()
        self.probabilities += found.sum(0)
        self.count += len(found)

    def compute(self) -> Tensor:
        """From 1 to the number of classes; not a number if there were no clips."""
        marginal = self.probabilities / self.count
        return (self.total / self.count - (marginal * (marginal + 1e-7).log()).sum()).exp().float()


def rgb_clips(clips: Tensor) -> Tensor:
    """(B, T, 1 or 3, H, W) to (B, T, 3, H, W); raises `ZooError` for other numbers of channels."""
    frames = rgb(clips.flatten(0, 1))
    return frames.view(*clips.shape[:2], *frames.shape[1:])


class FVD(FID):
    """Fréchet distance of the features of clips (Unterthiner et al. 2018), with covariances divided by n - 1.

    It is FVD only with I3D's features, which take (B, T, 3, H, W) uint8.  It grows as clips become fewer, and
    depends on their length and size: compare numbers only if all three are equal.
    """

    things = "clips"

    def prepared(self, pictures: Tensor) -> Tensor:
        return to_uint8(rgb_clips(pictures))


class FrameFID(FID):
    """`FID` of the frames of clips, whatever their order."""

    def update(self, output: Tensor, target: Tensor) -> None:  # type: ignore[override]  # as in FID
        """Count output and target clips (B, T, 1 or 3, H, W) in [-1, 1]."""
        for made, real in zip(output, target, strict=True):
            super().update(made, real)
