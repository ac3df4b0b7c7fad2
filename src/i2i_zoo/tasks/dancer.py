"""Poses of a clip to a clip of one person, in whose video the model was trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.memory import explained_shortage
from i2i_zoo.media.pictures import read_picture, to_pil
from i2i_zoo.media.pose_drawing import stick_figure
from i2i_zoo.media.pose_normalisation import Stance, normalised, smoothed

from .base import Prediction, Task
from .clips import known_motion, strip
from .conditions import Condition
from .in_order import ClipInMaking, InOrderTask
from .kinds import Switch
from .paired import noise
from .pose import held, poses_in, standing
from .preprocess import DancerPreprocess
from .translator import Source
from .videos import ClipTranslator, Stream

AS_FILMED = Condition(
    "as_filmed",
    Switch(),
    "leave the poses as they are, without moving them to where the model's person stands and without smoothing",
    label="Leave the poses where they are",
    default=False,
)


class DancerTranslator(ClipTranslator):
    """Poses (T, 18, 3) to a clip (T, 3, H, W) of the model's person, frame after frame.

    Args:
        task: The model.
        as_filmed: Whether poses stay where they are.
        **engine: See `Translator`.
    """

    task: DancerTask

    def __init__(self, task: DancerTask, as_filmed: bool = False, **engine: Any) -> None:
        super().__init__(task, **engine)
        self.as_filmed = as_filmed
        if task.preprocess.size is None:
            raise ZooError("The model does not know the size of its pictures: train it with DancerData.")
        self.extent = task.preprocess.size

    def read_values(self, source: Any, **own: Any) -> Tensor:
        """The poses (T, 18, 3) of whatever `poses_of` takes, in pixels of the model's pictures."""
        poses, extent = poses_in(source), self.extent
        if self.as_filmed:
            return held(poses.fitted(extent))
        size = next((size for size in poses.sizes if size is not None), extent)
        points = normalised(held(poses.fitted(size)), size, self.task.stance, extent)
        return smoothed(points)

    def forward(self, pose: Tensor, previous: Tensor) -> Tensor:  # type: ignore[override]  # needs the frame before
        frame: Tensor = self.task(pose, previous)
        return frame

    @torch.inference_mode()
    def next_frame(self, pose: Tensor, previous: Tensor) -> Tensor:
        """The frame (1, 3, H, W) in a pose (18, 3), after the frame before it."""
        with explained_shortage(*self.load(1, *self.extent)):
            frame: Tensor = self(pose[None].to(self.device), previous)
        return frame

    def tensors(self, poses: Tensor, previous: Tensor | None = None) -> Iterator[Tensor]:
        """The frames (3, H, W) in [-1, 1] of poses in their order, each after the one before; 0 before the first."""
        if previous is None:
            previous = torch.zeros(3, *self.extent)
        latest = previous[None].to(self.device, self.dtype)
        for pose in poses:
            latest = self.next_frame(pose, latest)
            yield latest[0].float().clamp(-1, 1)

    def stream(self, source: Any, start: int = 0, before: Image.Image | None = None, **own: Any) -> Stream:
        poses = self.read(source, **own).values
        previous = None if before is None else read_picture(before)
        return Stream(len(poses), map(to_pil, self.tensors(poses[start:], previous)))

    def translate_read(self, sources: Sequence[Source]) -> list[Any]:
        """A clip (T, 3, H, W) for a tensor of poses, else a list of PIL images."""
        clips = (self.tensors(source.values) for source in sources)
        return [
            torch.stack(list(clip)) if source.is_tensor else list(map(to_pil, clip))
            for source, clip in zip(sources, clips, strict=True)
        ]

    source_dims = 3

    def save(self, result: Any, path: Path) -> None:
        save_clip(result, path)


class DancerTask(Task):
    """``pose`` (B, T, 18, 3) in pixels to ``video`` (B, T, 3, H, W) in [-1, 1], clips of one person.

    A subclass has ``forward(pose, previous)``: poses (B, 18, 3) and the frames before (B, 3, H, W), of zeros before the
    first, to frames (B, 3, H, W).
    """

    makes = "clips"
    batch_keys = ("video", "pose")
    data_class = "DancerData"
    size_option = "size"
    point_keys = ("pose",)
    default_metrics = ("ssim", "l1")
    preprocess_type: ClassVar[type[DancerPreprocess]] = DancerPreprocess
    preprocess: DancerPreprocess

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (AS_FILMED,)

    def make_translator(self, as_filmed: bool = False, **engine: Any) -> DancerTranslator:
        return DancerTranslator(self, as_filmed, **engine)

    @property
    def stance(self) -> Stance:
        """Where the model's person stands.  Raises `ZooError` if the data did not tell it."""
        record = self.preprocess
        if record.far is None or record.close is None or not record.rows or not record.heights:
            raise ZooError(
                "The model does not know where its person stands: train it with DancerData, or leave the poses where "
                "they are (as_filmed=True, --as-filmed)."
            )
        return Stance(record.far, record.close, record.rows, record.heights)

    def figure(self, pose: Tensor, size: Sequence[int]) -> Tensor:
        """Poses (B, 18, 3) as stick figures (B, 3, H, W) in [0, 1], the range of the authors' drawings."""
        return (stick_figure(pose.float(), size) + 1) / 2

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """Two frames of noise, with standing persons."""
        pose = standing(2 * batch, height, width)
        return {
            "video": noise(2 * batch, 3, height, width).view(batch, 2, 3, height, width),
            "pose": pose.view(batch, 2, *pose.shape[1:]),
        }

    @property
    def predict_keys(self) -> tuple[str, ...]:
        return self.batch_keys

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Clips (B, T, 3, H, W), each frame made after the one before."""
        latest, frames = torch.zeros_like(batch["video"][:, 0]), []
        for pose in batch["pose"].unbind(1):
            latest = self(pose, latest)
            frames.append(latest.clamp(-1, 1))
        return torch.stack(frames, 1)

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output``; callbacks measure it and show it."""
        return {**batch, "output": self.predict_step(batch, batch_idx)}

    test_step = validation_step

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """``output`` and ``target`` as pictures with ``target_pose``; as clips ``clip`` and ``real_clip`` and, if they
        are known, ``flow`` and ``seen``.
        """
        return {
            "output": outputs["output"].flatten(0, 1),
            "target": outputs["video"].flatten(0, 1),
            "target_pose": outputs["pose"].flatten(0, 1),
            "clip": outputs["output"],
            "real_clip": outputs["video"],
            **known_motion(outputs),
        }

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Frames of the poses, of the made and of the real clips."""
        return [strip(clips) for clips in self.clips(outputs)]

    def clips(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Poses, made and real clips."""
        figures = stick_figure(outputs["pose"].float(), outputs["video"].shape[-2:])
        return [figures, outputs["output"], outputs["video"]]

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], outputs)


class InOrderDancerTranslator(DancerTranslator):
    """Poses (T, 18, 3) to a clip of a model that remembers more than the frame before.

    An interrupted clip begins anew, as what was remembered is lost.
    """

    in_order = True
    task: InOrderDancerTask

    def tensors(self, poses: Tensor, previous: Tensor | None = None) -> Iterator[Tensor]:
        making = ClipInMaking(self.task)
        for pose in poses:
            with torch.inference_mode(), explained_shortage(*self.load(1, *self.extent)):
                frame = making.next(self.task.guide(pose[None].to(self.device), self.extent))
            yield frame[0].float().clamp(-1, 1)


class InOrderDancerTask(InOrderTask, DancerTask):
    """``pose`` (B, T, 18, 3) to ``video`` (B, T, 3, H, W) as `DancerTask`, with a memory of several frames.

    A subclass has `begin` and `make` in place of a ``forward`` of a pose and a frame.
    """

    data_class = "RenderedDancer"

    @property
    def needs_first(self) -> bool:
        return False

    def make_translator(self, as_filmed: bool = False, **engine: Any) -> InOrderDancerTranslator:
        return InOrderDancerTranslator(self, as_filmed, **engine)

    def guide(self, pose: Tensor, size: Sequence[int]) -> Tensor:
        """Poses (B, 18, 3) as stick figures (B, 3, H, W) in [-1, 1]."""
        return stick_figure(pose.float(), size)

    def guides(self, batch: Mapping[str, Any]) -> Iterator[Tensor]:
        for pose in batch["pose"].unbind(1):
            yield self.guide(pose, batch["video"].shape[-2:])

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """A clip of noise, with standing persons."""
        frames = self.past + self.hparams.get("chunk", 1)
        pose = standing(frames * batch, height, width)
        return {
            "video": noise(frames * batch, 3, height, width).view(batch, frames, 3, height, width),
            "pose": pose.view(batch, frames, *pose.shape[1:]),
        }
