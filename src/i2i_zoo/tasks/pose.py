"""A person in another pose."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError, choices
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.geometry import pad_to_stride, within
from i2i_zoo.media.named_poses import NAMED_POSES, named_pose
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.media.pose_drawing import stick_figure
from i2i_zoo.media.pose_files import Poses
from i2i_zoo.media.poses import POINTS, displacement, resized
from i2i_zoo.pretrained.pose_sources import poses_of

from .base import Prediction, Task
from .conditions import Condition
from .graph import Graph
from .paired import noise
from .pose_kind import PoseSource
from .translator import Source, Translator

#: How many points a pose has, and the numbers of each: x, y and visibility.
POSE_SHAPE = (18, 3)

#: A standing person: x and y of the 18 points as shares of the width and the height.
STANDING = (
    (0.50, 0.12), (0.50, 0.20), (0.35, 0.21), (0.28, 0.34), (0.25, 0.46), (0.65, 0.21), (0.72, 0.34), (0.75, 0.46),
    (0.41, 0.48), (0.40, 0.68), (0.39, 0.88), (0.59, 0.48), (0.60, 0.68), (0.61, 0.88), (0.46, 0.10), (0.54, 0.10),
    (0.41, 0.12), (0.59, 0.12),
)  # fmt: skip

CONDITIONS = (
    Condition(
        "pose",
        PoseSource(named=True),
        "the pose to take: a file of poses in pixels of the source, a picture, a video, or a name such as waving",
        required=True,
    ),
    Condition(
        "source_pose",
        PoseSource(),
        "the pose of the person in the source, in its pixels; by default it is found in the picture",
        per_source=True,
    ),
)


def read_target(pose: Any) -> Poses | str:
    """The poses to take, each with the size of its picture if its file tells it; or a name of `NAMED_POSES`.

    Raises `ZooError` as `poses_of`; for a word that is neither a name nor a file, it suggests names.
    """
    if isinstance(pose, str) and pose in NAMED_POSES:
        return pose
    if isinstance(pose, str) and not os.path.splitext(pose)[1] and not os.path.lexists(pose):
        raise ZooError(f"{pose}: there is neither a pose of this name nor such a file; {choices(pose, NAMED_POSES)}.")
    return poses_in(pose)


def poses_in(pose: Any) -> Poses:
    """`poses_of`, also of a tensor on a GPU or with a gradient."""
    return poses_of(pose.detach().cpu() if isinstance(pose, Tensor) else pose)


def read_own(pose: Any, source: Any) -> Poses:
    """The one pose of a source.  A file of many pictures' poses gives that of the source's file name.

    Raises `ZooError` as `poses_of`; for several poses, none of which has that name.
    """
    poses = poses_in(pose)
    if len(poses.points) == 1:
        return poses
    origin = str(pose) if isinstance(pose, (str, Path)) else "The pose"
    name = Path(source).name if isinstance(source, (str, Path)) else ""
    if poses.names.count(name) == 1:
        return poses.only(name, origin)
    raise ZooError(f"{origin} holds {len(poses.points)} poses, and none under the source's name: give one pose.")


def held(poses: Tensor) -> Tensor:
    """The poses of a clip (T, 18, 3), in which frames without a person repeat the pose before, or the first one."""
    seen = poses[..., 2].amax(1) > 0
    latest = torch.where(seen, torch.arange(len(poses)), -1).cummax(0).values
    return poses[latest.where(latest >= 0, seen.int().argmax())]


def check_inside(poses: Tensor, size: Sequence[int], name: str) -> None:
    """Raise `ZooError` if most visible points (..., 18, 3) are more than a pixel outside of a picture of this size."""
    visible = poses[..., 2]
    inside = visible[within(poses[..., :2], size)].sum()
    if inside * 2 < (seen := visible.sum()):
        raise ZooError(
            f"{name}: {int(seen - inside)} of its {int(seen)} points are outside of the picture of {size[1]}x{size[0]} "
            "pixels; give the points in its pixels."
        )


def shifted(poses: Tensor, offset: Tensor) -> Tensor:
    """Poses (B, 18, 3) whose visible points are moved by x and y (2,)."""
    return torch.cat([(poses[..., :2] + offset) * poses[..., 2:], poses[..., 2:]], -1)


class PoseTranslator(Translator):
    """Persons (B, 3, H, W) to the same in another pose.  Several poses give a clip (T, 3, H, W) of each person.

    A pose is in pixels of its picture, so both poses travel with the picture through the engine: as 54 channels each,
    which are constant over the picture.

    Args:
        task: The model.
        pose: The poses to take, or the name of one.
        **engine: See `Translator`.
    """

    task: PoseTask

    #: How many frames of a clip go through the network together.
    FRAMES = 8

    def __init__(self, task: PoseTask, pose: Poses | str, **engine: Any) -> None:
        super().__init__(task, **engine)
        self.pose = pose
        self.is_clip = not isinstance(pose, str) and len(pose.points) > 1
        if self.is_clip:
            self.suffix = ".webp"

    def save(self, result: Any, path: Path) -> None:
        if self.is_clip:
            save_clip(result, path)
        else:
            super().save(result, path)

    def read_values(self, source: Any, **own: Any) -> Tensor:
        return read_picture(source)

    def read(self, source: Any, **own: Any) -> Source:
        """The picture, its pose, which is found in the picture if it is not given, and the poses to take."""
        read = super().read(source, **own)
        size = read.values.shape[-2:]
        if not isinstance(self.pose, str):
            poses = held(self.pose.fitted(size))
            if not self.task.needs_source_pose and "source_pose" not in own:
                return read._replace(own={"source_pose": poses[0], "poses": poses})  # any will do
        try:
            person = read_own(own.get("source_pose", source), source).fitted(size)[0]
        except ZooError as error:
            if "source_pose" in own:
                raise
            raise type(error)(
                f"{str(error).removesuffix('.')}; or give the pose in the source yourself, as source_pose "
                "(--source-pose)."
            ) from error
        if isinstance(self.pose, str):
            poses = named_pose(self.pose, person)[None]
        check_inside(poses, size, "pose")
        check_inside(person, size, "source_pose")
        return read._replace(own={"source_pose": person, "poses": poses})

    def at_working_size(self, source: Source) -> Tensor:
        """The picture, its pose and the first of the poses to take, (3 + 54 + 54, H, W), at the size that the model was
        trained at."""
        picture = super().at_working_size(source)
        old, new = source.values.shape[-2:], picture.shape[-2:]
        poses = torch.stack([source.own["source_pose"], source.own["poses"][0]])
        constant = resized(poses, old, new).flatten().to(picture)
        return torch.cat([picture, constant[:, None, None].expand(-1, *new)])

    def translate_read(self, sources: Sequence[Source]) -> list[Any]:
        if not self.is_clip:
            return super().translate_read(sources)
        return [self.clip(source) for source in sources]

    def clip(self, source: Source) -> Any:
        """A list of PIL images, one for each pose, for a picture; (T, 3, H, W) for a tensor."""
        frames = [source._replace(own={**source.own, "poses": pose[None]}) for pose in source.own["poses"]]
        results: list[Any] = []
        for start in range(0, len(frames), self.FRAMES):
            results += super().translate_read(frames[start : start + self.FRAMES])
        return torch.stack(results) if source.is_tensor else results

    def forward(self, source: Tensor) -> Tensor:
        picture, constant = source[:, :3], source[:, 3:, 0, 0].float()
        return self.task.fitted(picture, *constant.view(len(source), 2, *POSE_SHAPE).unbind(1))

    def run(self, batch: Tensor) -> Tensor:
        output: Tensor = self(batch)
        return output


class PoseTask(Task):
    """``source`` (B, 3, H, W) in ``source_pose`` (B, 18, 3) to ``target`` (B, 3, H, W) in ``target_pose`` (B, 18, 3).

    Pictures are in [-1, 1], and poses in pixels.  ``mask`` (B, 1, H, W) is 1 where the person is in the target, else 0.
    A subclass has ``forward(source, source_pose, target_pose)``.
    """

    batch_keys = ("source", "source_pose", "target", "target_pose", "mask")
    data_class = "PeopleData"
    size_option = "size"
    aligned = True
    point_keys = ("source_pose", "target_pose")
    #: Whether the output depends on the source pose.  If not, nobody looks for the person in the source.
    needs_source_pose: ClassVar[bool] = True
    default_metrics = ("ssim", "mask_ssim", "l1")
    knows_change = True

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return CONDITIONS

    def make_translator(self, pose: Any, **engine: Any) -> PoseTranslator:
        return PoseTranslator(self, read_target(pose), **engine)

    def fitted(self, source: Tensor, source_pose: Tensor, target_pose: Tensor) -> Tensor:
        """``forward`` for any height and width: the picture is mirrored up to the network's stride, and the result is
        cropped back."""
        (height, width), network = source.shape[-2:], self.main_network
        mirrored, top, left = pad_to_stride(source, network.stride, network.smallest)
        offset = source_pose.new_tensor([left, top])
        output: Tensor = self(mirrored, *(shifted(pose, offset) for pose in (source_pose, target_pose)))
        return output[..., top : top + height, left : left + width].clamp(-1, 1)

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """Noise, with standing persons."""
        pictures = {key: noise(batch, 3, height, width) for key in ("source", "target")}
        poses = {key: standing(batch, height, width) for key in self.point_keys}
        return {**pictures, **poses, "mask": (noise(batch, 1, height, width) > 0).float()}

    def graph(self, **conditions: Any) -> Graph:
        """``forward`` of a source and both poses, which are in pixels of the source."""
        if self.only_size:
            raise ZooError(f"A {type(self).__name__} takes pictures of one size, and cannot be exported yet.")
        if conditions:
            self.checked(conditions)
            raise ZooError(f"The exported graph takes both poses as inputs: leave out {', '.join(conditions)}.")

        def inputs(batch: int, height: int, width: int) -> dict[str, Tensor]:
            example = self.example_batch(batch, height, width)
            return {key: example[key] for key in self.predict_keys}

        facts = {"in_channels": 3, "out_channels": 3, "points": list(POINTS), "preprocess": self.preprocess.to_json()}
        network = self.main_network
        return Graph(self, inputs, network.stride, network.smallest, self.point_keys, self.point_keys, facts)

    @property
    def predict_keys(self) -> tuple[str, ...]:
        return ("source", "source_pose", "target_pose")

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        return self.fitted(batch["source"], batch["source_pose"], batch["target_pose"])

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output``; callbacks measure it and show pictures."""
        return {**batch, "output": self.predict_step(batch, batch_idx)}

    test_step = validation_step

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """``source``, ``output`` and ``target`` as pictures, ``mask`` of the person in the target, and both poses."""
        return {key: outputs[key] for key in (*self.batch_keys, "output")}

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Source, the pose to take, output and target."""
        target = outputs["target"]
        figure = stick_figure(outputs["target_pose"].float(), target.shape[-2:])
        return [outputs["source"], figure, outputs["output"], target]

    def change(self, outputs: Mapping[str, Any]) -> Tensor:
        """How far the points of each person move, (B,), in pixels."""
        return displacement(*(outputs[key].float() for key in self.point_keys))

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], outputs)


def standing(batch: int, height: int, width: int) -> Tensor:
    """Poses (B, 18, 3) of persons who stand in a picture, and whose points differ a little."""
    return in_pixels(torch.tensor(STANDING) + 0.02 * torch.randn(batch, POSE_SHAPE[0], 2), height, width)


def in_pixels(points: Tensor, height: int, width: int) -> Tensor:
    """Points (..., 2) at shares of the width and of the height as (..., 3) in pixels, all of them visible."""
    return torch.cat([points * torch.tensor([width, height]), torch.ones_like(points[..., :1])], -1)
