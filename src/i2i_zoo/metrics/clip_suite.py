"""The metrics of clips by name, and how to measure each for a model.

They need of `Task.measured`: ``output`` and ``target``, made and real clips (B, T, C, H, W) in [-1, 1]; for `MCS` also
``output_action`` and ``action`` (B,), the classes that were asked for and those of the real clips; and for people
``pose`` (B, T, 18, 3), the poses of the real clips.

The warping error needs ``clip`` and ``real_clip``, since the outputs of some tasks are frames; and ``flow`` and
``seen`` of the real clips, from each frame to the one before, or it finds them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from i2i_zoo.errors import ZooError
from i2i_zoo.pretrained.c3d import c3d_ucf101
from i2i_zoo.pretrained.flow import FlowFinder, FlowNetwork
from i2i_zoo.pretrained.i3d import I3DFeatures, Resize, read_torchscript
from i2i_zoo.pretrained.inception import inception
from i2i_zoo.pretrained.mobilenet import MobileNetFeatures
from i2i_zoo.pretrained.pose_estimators import pose_estimator
from i2i_zoo.tasks import Task

from .clips import ACD, FVD, MCS, ClipIS, FrameFID, RealMCS, motion_energy, shape_colour, track, trunk_colour
from .flicker import KnownWarpingError, WarpingError
from .keypoints import Embedder, EmbeddingDistance, KeyPointDistance
from .measure import PAIR, Measure, Path


class Clips(NamedTuple):
    """How the clips of a dataset are compared: their content, what it needs, their motion, and both in words."""

    content: Callable[..., Tensor]
    needs: tuple[str, ...]
    motion: Callable[[Tensor], Tensor]
    content_title: str
    motion_title: str


#: What is compared, by the datasets that it was made for.
KINDS = {
    "shapes": Clips(shape_colour, (), track, "colour of what is bright, of 255", "track of what is bright"),
    "people": Clips(trunk_colour, ("pose",), motion_energy, "colour of the trunk, of 255", "where the clip moves, 8x8"),
}


def measure_acd(kind: str, task: Task, direction: str) -> dict[str, Measure]:
    clips, name = KINDS[kind], f"acd_{kind}"
    title = f"ACD ({clips.content_title}, pairs of different frames)"
    return {
        name: Measure(ACD(clips.content), ("output", *clips.needs), title),
        f"{name}_real": Measure(ACD(clips.content), ("target", *clips.needs), f"{title} of the real clips"),
    }


def measure_mcs(kind: str, task: Task, direction: str) -> dict[str, Measure]:
    clips, name = KINDS[kind], f"mcs_{kind}"
    title = f"MCS ({clips.motion_title}, ridge classifier fitted to the real clips)"
    return {
        name: Measure(MCS(clips.motion), ("output", "output_action", "target", "action"), title),
        f"{name}_real": Measure(
            RealMCS(clips.motion), ("target", "action"), f"{title} of the real clips, one left out"
        ),
    }


def measure_is_c3d(
    task: Task, direction: str, dropout: bool = True, weights: Path | None = None, mean: Path | None = None
) -> dict[str, Measure]:
    metric = ClipIS(c3d_ucf101(weights, mean), dropout)
    how = "with dropout as TGAN's authors" if dropout else "without dropout"
    return {"is_c3d": Measure(metric, ("output",), f"Inception score of clips (C3D, UCF-101, {how}, no splits)")}


def measure_fvd(
    task: Task, direction: str, resize: Resize = "tensorflow", weights: Path | None = None
) -> dict[str, Measure]:
    names = {"tensorflow": "TensorFlow", "pytorch": "PyTorch"}
    metric = FVD(I3DFeatures(weights, resize), "FVD")
    return {"fvd": Measure(metric, PAIR, f"FVD (I3D, Kinetics-400, {names[resize]} resize)")}


def measure_frame_fid(
    task: Task, direction: str, antialias: bool = False, weights: Path | None = None
) -> dict[str, Measure]:
    metric = FrameFID(inception("2048", antialias, weights), "frame_fid")
    how = "antialiased" if antialias else "TensorFlow"
    return {"frame_fid": Measure(metric, PAIR, f"FID of frames (Inception-2015, 2048, {how} resize)")}


def measure_frame_mobilenetv2(task: Task, direction: str, weights: Path | None = None) -> dict[str, Measure]:
    metric = FrameFID(MobileNetFeatures(weights), "frame_frechet_mobilenetv2")
    title = "Fréchet distance of MobileNetV2 features of frames (not FID)"
    return {"frame_frechet_mobilenetv2": Measure(metric, PAIR, title)}


def measure_keypoints(
    task: Task, direction: str, estimator: str | None = None, weights: Path | None = None
) -> dict[str, Measure]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    find = pose_estimator(estimator, str(weights) if weights else None, device)
    title = f"Points ({type(find).__name__}, beside those in the real clips)"
    return {"keypoints": Measure(KeyPointDistance(find), PAIR, title)}


def measure_aed(task: Task, direction: str, embedder: nn.Module | Path | None = None) -> dict[str, Measure]:
    if embedder is None:
        raise ZooError(
            "The distance of embeddings needs a network that recognises who is seen: name a TorchScript file with the "
            "metric's option embedder, or measure aed_mobilenetv2."
        )
    network = embedder if isinstance(embedder, nn.Module) else read_torchscript(embedder)
    name = type(embedder).__name__ if isinstance(embedder, nn.Module) else str(embedder)
    return {"aed": Measure(EmbeddingDistance(Embedder(network)), PAIR, f"AED ({name}, squared distance)")}


def measure_aed_mobilenetv2(task: Task, direction: str, weights: Path | None = None) -> dict[str, Measure]:
    metric = EmbeddingDistance(MobileNetFeatures(weights))
    title = "Squared distance of MobileNetV2 features of frames (not the AED of papers, which recognises persons)"
    return {"aed_mobilenetv2": Measure(metric, PAIR, title)}


def measure_warping_error(
    task: Task, direction: str, flow: FlowNetwork | None = None, weights: Path | None = None
) -> dict[str, Measure]:
    title = "Warping error (mean squared difference of frames in [0, 1]"
    if flow is not None:
        find = FlowFinder(flow, weights)
        followed = () if task.verb == "sample" else ("real_clip",)
        whose = "own flow" if task.verb == "sample" else "flow of the real clips"
        return {
            "warping_error": Measure(WarpingError(find), ("clip", *followed), f"{title}, {whose} by {flow})"),
            "warping_error_real": Measure(WarpingError(find), ("real_clip",), f"{title}, {flow}) of the real clips"),
        }
    if task.verb == "sample":
        raise ZooError(
            "Clips from noise move as none of the data do: name a network that finds their own flow, such as "
            "raft_large, with the option flow of the metric warping_error."
        )
    known = ("flow", "seen")
    return {
        "warping_error": Measure(KnownWarpingError(), ("clip", *known), f"{title}, flow of the data)"),
        "warping_error_real": Measure(
            KnownWarpingError(), ("real_clip", *known), f"{title}, flow of the data) of the real clips"
        ),
    }


#: The metrics by name, as `METRICS` of `i2i_zoo.metrics.suites`.
CLIP_METRICS: dict[str, Callable[..., dict[str, Measure]]] = {
    **{f"acd_{kind}": partial(measure_acd, kind) for kind in KINDS},
    **{f"mcs_{kind}": partial(measure_mcs, kind) for kind in KINDS},
    "is_c3d": measure_is_c3d,
    "fvd": measure_fvd,
    "frame_fid": measure_frame_fid,
    "frame_frechet_mobilenetv2": measure_frame_mobilenetv2,
    "keypoints": measure_keypoints,
    "warping_error": measure_warping_error,
    "aed": measure_aed,
    "aed_mobilenetv2": measure_aed_mobilenetv2,
}
