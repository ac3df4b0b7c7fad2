"""The metrics of clips by name, and how to measure each for a model.

They need of `Task.measured`: ``output`` and ``target``, made and real clips (B, T, C, H, W) in [-1, 1]; for `MCS` also
``output_action`` and ``action`` (B,), the classes that were asked for and those of the real clips; and for people
``pose`` (B, T, 18, 3), the poses of the real clips.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import Tensor

from i2i_zoo.pretrained.c3d import c3d_ucf101
from i2i_zoo.pretrained.i3d import I3DFeatures, Resize
from i2i_zoo.pretrained.inception import inception
from i2i_zoo.pretrained.mobilenet import MobileNetFeatures
from i2i_zoo.tasks import Task

from .clips import ACD, FVD, MCS, ClipIS, FrameFID, RealMCS, motion_energy, shape_colour, track, trunk_colour
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


#: The metrics by name, as `METRICS` of `i2i_zoo.metrics.suites`.
CLIP_METRICS: dict[str, Callable[..., dict[str, Measure]]] = {
    **{f"acd_{kind}": partial(measure_acd, kind) for kind in KINDS},
    **{f"mcs_{kind}": partial(measure_mcs, kind) for kind in KINDS},
    "is_c3d": measure_is_c3d,
    "fvd": measure_fvd,
    "frame_fid": measure_frame_fid,
    "frame_frechet_mobilenetv2": measure_frame_mobilenetv2,
}
