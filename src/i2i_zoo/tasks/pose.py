"""A person in another pose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.geometry import pad_to_stride
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.media.pose_drawing import stick_figure
from i2i_zoo.media.pose_files import Poses
from i2i_zoo.media.poses import resized
from i2i_zoo.pretrained.pose_sources import poses_of

from .base import Prediction, Task
from .conditions import Condition
from .kinds import Kind, unreadable
from .paired import noise
from .translator import Source, Translator

#: How many points a pose has, and the numbers of each: x, y and visibility.
POSE_SHAPE = (18, 3)

#: A standing person: x and y of the 18 points as shares of the width and the height.
STANDING = (
    (0.50, 0.12), (0.50, 0.20), (0.35, 0.21), (0.28, 0.34), (0.25, 0.46), (0.65, 0.21), (0.72, 0.34), (0.75, 0.46),
    (0.41, 0.48), (0.40, 0.68), (0.39, 0.88), (0.59, 0.48), (0.60, 0.68), (0.61, 0.88), (0.46, 0.10), (0.54, 0.10),
    (0.41, 0.12), (0.59, 0.12),
)  # fmt: skip


@dataclass(frozen=True)
class PoseValue(Kind):
    """A pose, or several of them: see `read_pose`."""

    metavar: ClassVar[str] = "FILE"

    def parse(self, words: Sequence[str]) -> str:
        return words[0]

    def is_valid(self, value: Any) -> bool:
        return isinstance(value, (str, Path, Image.Image, np.ndarray)) or (
            isinstance(value, Tensor) and not unreadable(value)
        )

    @property
    def wanted(self) -> str:
        return "a file of a pose, a picture of a person, or an array of 18 points, each x, y and visibility"


CONDITIONS = (
    Condition("pose", PoseValue(), "the pose to take, in pixels of the source", required=True),
    Condition(
        "source_pose",
        PoseValue(),
        "the pose of the person in the source, in its pixels; by default it is found in the picture",
        per_source=True,
    ),
)


def read_pose(pose: Any) -> Poses:
    """Read one pose, with the size of its picture if its file tells it.

    Args:
        pose: What `poses_of` takes: an array or a tensor (18, 3) of x, y and visibility, a file of a pose, or a picture
            of a person.

    Raises:
        ZooError: As `poses_of`; for several poses.
    """
    poses = poses_of(pose.detach().cpu() if isinstance(pose, Tensor) else pose)
    if len(poses.points) != 1:
        where = f"{pose}: the file" if isinstance(pose, (str, Path)) else "The pose"
        raise ZooError(f"{where} holds {len(poses.points)} poses: give one, of a single picture.")
    return poses


def shifted(poses: Tensor, offset: Tensor) -> Tensor:
    """Poses (B, 18, 3) whose visible points are moved by x and y (2,)."""
    return torch.cat([(poses[..., :2] + offset) * poses[..., 2:], poses[..., 2:]], -1)


class PoseTranslator(Translator):
    """Persons (B, 3, H, W) to the same in another pose.

    A pose is in pixels of its picture, so both poses travel with the picture through the engine: as 54 channels each,
    which are constant over the picture.

    Args:
        task: The model.
        pose: The pose to take.
        **engine: See `Translator`.
    """

    task: PoseTask

    def __init__(self, task: PoseTask, pose: Poses, **engine: Any) -> None:
        super().__init__(task, **engine)
        self.pose = pose

    def read_values(self, source: Any, **own: Any) -> Tensor:
        return read_picture(source)

    def read(self, source: Any, **own: Any) -> Source:
        """The picture and its pose, which is found in the picture if it is not given."""
        read = super().read(source, **own)
        if "source_pose" in own:
            return read._replace(own={"source_pose": read_pose(own["source_pose"])})
        if not self.task.needs_source_pose:
            return read._replace(own={"source_pose": self.pose})  # any will do
        try:
            return read._replace(own={"source_pose": read_pose(source)})
        except ZooError as error:
            raise type(error)(
                f"{str(error).removesuffix('.')}; or give the pose in the source yourself, as source_pose "
                "(--source-pose)."
            ) from error

    def at_working_size(self, source: Source) -> Tensor:
        """The picture and both poses, (3 + 54 + 54, H, W), at the size that the model was trained at."""
        picture = super().at_working_size(source)
        old, new = source.values.shape[-2:], picture.shape[-2:]
        poses = [resized(pose.fitted(old)[0], old, new).flatten() for pose in (source.own["source_pose"], self.pose)]
        return torch.cat([picture, torch.cat(poses).to(picture)[:, None, None].expand(-1, *new)])

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
    aligned = True
    point_keys = ("source_pose", "target_pose")
    #: Whether the output depends on the source pose.  If not, nobody looks for the person in the source.
    needs_source_pose: ClassVar[bool] = True
    default_metrics = ("psnr", "ssim", "l1")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return CONDITIONS

    def make_translator(self, pose: Any, **engine: Any) -> PoseTranslator:
        return PoseTranslator(self, read_pose(pose), **engine)

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

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], outputs)


def standing(batch: int, height: int, width: int) -> Tensor:
    """Poses (B, 18, 3) of persons who stand in a picture, and whose points differ a little."""
    points = torch.tensor(STANDING) + 0.02 * torch.randn(batch, POSE_SHAPE[0], 2)
    return torch.cat([points * torch.tensor([width, height]), torch.ones(batch, POSE_SHAPE[0], 1)], -1)
