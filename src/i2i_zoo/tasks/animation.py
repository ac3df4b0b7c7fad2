"""A picture that moves as a clip does."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.frames import RATE
from i2i_zoo.media.geometry import pad_to_stride
from i2i_zoo.media.memory import explained_shortage
from i2i_zoo.media.pictures import read_picture, to_pil
from i2i_zoo.networks.keypoints import KeyPoints, transferred

from .base import Prediction, Task
from .clips import strip
from .conditions import Condition
from .driving import ABSOLUTE, DRIVING, FRAMES, Driving
from .graph import Graph
from .kinds import Picture
from .paired import noise
from .translator import Source, Translator

#: Frames of the clips of an example.
EXAMPLE_FRAMES = 4


class AnimationTranslator(Translator):
    """Pictures (B, 3, H, W) to clips (T, 3, H, W) of each, with as many frames as the driving clip.

    The driving clip is scaled to the size at which the picture is worked on.  A few of its frames are in memory at a
    time, and frames of a picture that is no tensor are made as they are asked for.

    Args:
        task: The model.
        driving: The clip to move as; None if the model predicts how the picture moves.
        absolute: Go to the places of its key points, and do not only move as they do.
        predicted: How many frames there are without a clip to move as.
        **engine: See `Translator`.
    """

    task: AnimationTask

    #: How many frames go through the network together.
    FRAMES = 8

    def __init__(
        self,
        task: AnimationTask,
        driving: Driving | None,
        absolute: bool = False,
        predicted: int = 0,
        **engine: Any,
    ) -> None:
        super().__init__(task, **engine)
        self.driving, self.absolute, self.predicted = driving, absolute, predicted
        self.suffix = driving.suffix if driving else ".webp"

    def read_values(self, source: Any, **own: Any) -> Tensor:
        return read_picture(source)

    def save(self, result: Any, path: Path) -> None:
        save_clip(result, path, self.driving.rate if self.driving else RATE)

    def forward(self, source: Tensor) -> Tensor:
        """Each picture as its own key points are: what takes memory in `frames`."""
        output: Tensor = self.task(source, source)
        return output

    def translate_read(self, sources: Sequence[Source]) -> list[Any]:
        """For each source an iterator of PIL images; (T, 3, H, W) for a tensor.  Raises `ZooError` if memory is short,
        and a PIL image's iterator if a frame cannot be read."""
        return [
            torch.stack(list(self.frames(source)))
            if source.is_tensor
            else (to_pil(self.finish(frame, source.values)) for frame in self.frames(source))
            for source in sources
        ]

    def translate(self, sources: Picture | Sequence[Picture], **own: Any) -> Any:
        """A list of PIL images for each picture, (T, 3, H, W) for each tensor; a list for a list."""
        results = super().translate(sources, **own)
        if isinstance(results, list):
            return [result if isinstance(result, Tensor) else list(result) for result in results]
        return results if isinstance(results, Tensor) else list(results)

    def frames(self, source: Source) -> Iterator[Tensor]:
        """The frames (3, H, W) in [-1, 1] of a source, one after the other."""
        values = self.at_working_size(source)
        height, width = size = values.shape[-2:]
        self.check_memory(self.FRAMES, values.shape)
        with torch.inference_mode():
            picture, top, left = self.padded(values[None])
            own, maps = self.task.detect(picture), self.task.encode(picture)
        for goal in self.goals(own, size):
            with torch.inference_mode(), explained_shortage(*self.load(len(goal.mean), height, width)):
                outputs = self.task.animate(maps, own, goal)
            yield from outputs[..., top : top + height, left : left + width].clamp(-1, 1)

    def goals(self, own: KeyPoints, size: Sequence[int]) -> Iterator[KeyPoints]:
        """Where the key points (1, K, ...) of a picture of this size go, a few frames (B, K, ...) at a time."""
        if self.driving is None:
            with torch.inference_mode():
                points = KeyPoints(*(part[0] for part in self.task.predicted(own, self.predicted)))
            yield from (points.part(slice(at, at + self.FRAMES)) for at in range(0, self.predicted, self.FRAMES))
            return
        first: KeyPoints | None = None
        for part in self.driving.parts(self.FRAMES, size):
            with torch.inference_mode(), explained_shortage(*self.load(len(part), *size)):
                points = self.task.detect(self.padded(part)[0])
            first = points.part(slice(1)) if first is None else first
            yield points if self.absolute else transferred(points, first, own)
        if first is None:
            raise ZooError("The driving clip has no frames: give one with at least one.")

    def padded(self, pictures: Tensor) -> tuple[Tensor, int, int]:
        """`pad_to_stride` of pictures, where the network is."""
        moved = pictures.to(self.device, self.dtype)
        return pad_to_stride(moved, self.network.stride, self.network.smallest)


class AnimatedFrame(nn.Module):
    """A picture as a frame of a clip moves it: what `export` writes.

    Args:
        task: The model.
    """

    def __init__(self, task: AnimationTask) -> None:
        super().__init__()
        self.task = task

    def forward(self, source: Tensor, driving: Tensor, first: Tensor | None = None) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1] with the key points of frames of clips, or, if the clips' first frames are
        given, as far from their own as the key points of the frames are from those."""
        own, goal = self.task.detect(source), self.task.detect(driving)
        if first is not None:
            goal = transferred(goal, self.task.detect(first), own)
        return self.task.animate(self.task.encode(source), own, goal)


class AnimationTask(Task):
    """``video`` (B, T, 3, H, W) in [-1, 1] teaches to animate a picture by a clip.

    A validation step reconstructs each clip from its first frame and the key points of all.
    """

    batch_keys: ClassVar[tuple[str, ...]] = ("video",)
    makes = "clips"
    data_class = "ClipData"
    size_option = "size"
    default_metrics = ("reconstruction",)
    measured_losses: ClassVar[Mapping[str, str]] = {
        "reconstruction": "L1 of clips in [0, 1], reconstructed from their first frames"
    }

    #: Whether the model can also predict how a picture moves.
    predicts: bool = False

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (replace(DRIVING, required=False), ABSOLUTE, FRAMES) if self.predicts else (DRIVING, ABSOLUTE)

    def make_translator(
        self, driving: Any = None, absolute: bool = False, frames: int = 0, **engine: Any
    ) -> AnimationTranslator:
        """Raises `ZooError` if the driving clip cannot be read, and if there is none where it is needed."""
        if absolute and driving is None:
            raise ZooError("absolute goes to the places of a clip: give it, with driving (--driving).")
        if driving is None and not frames:
            raise ZooError(
                "Give a clip to move as, driving (--driving), or how many frames to predict, frames (--frames)."
            )
        return AnimationTranslator(self, None if driving is None else Driving(driving), absolute, frames, **engine)

    def graph(self, **conditions: Any) -> Graph:
        """`AnimatedFrame` of a source, a frame and, unless ``absolute``, the first frame of a clip."""
        absolute = conditions.pop("absolute", False)
        if conditions:
            self.checked({**conditions, "driving": conditions.get("driving", [])})
            raise ZooError(f"The exported graph takes frames of clips as inputs: leave out {', '.join(conditions)}.")
        names = ("source", "driving") if absolute else ("source", "driving", "first")

        def inputs(batch: int, height: int, width: int) -> dict[str, Tensor]:
            return {name: noise(batch, 3, height, width) for name in names}

        facts = {"in_channels": 3, "out_channels": 3, "preprocess": self.preprocess.to_json()}
        network = self.main_network
        return Graph(AnimatedFrame(self), inputs, network.stride, network.smallest, facts=facts)

    @abstractmethod
    def detect(self, pictures: Tensor) -> KeyPoints:
        """The key points of pictures (B, 3, H, W) in [-1, 1]; H and W are multiples of the network's stride."""

    @abstractmethod
    def encode(self, source: Tensor) -> list[Tensor]:
        """What `animate` needs of such a source, the same for all frames."""

    @abstractmethod
    def animate(self, maps: Sequence[Tensor], source_points: KeyPoints, driving_points: KeyPoints) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1] with the driving key points, made from one source, or from B."""

    def predicted(self, first: KeyPoints, frames: int) -> KeyPoints:
        """The key points (B, T, K, ...) of clips that begin with these (B, K, ...); only if the model `predicts`."""
        raise NotImplementedError

    def forward(self, source: Tensor, driving: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1] with the key points of other pictures; H and W as for `detect`."""
        return self.animate(self.encode(source), self.detect(source), self.detect(driving))

    def reconstructed(self, video: Tensor, predicted: bool = False) -> Tensor:
        """Clips (B, T, 3, H, W) made from their first frames and the key points of every frame, or predicted ones."""
        (height, width), network = video.shape[-2:], self.main_network
        padded, top, left = pad_to_stride(video, network.stride, network.smallest)
        maps, own = self.encode(padded[:, 0]), self.detect(padded[:, 0])
        goals: Iterable[KeyPoints] = map(self.detect, padded.unbind(1))
        if predicted:
            points = self.predicted(own, video.shape[1])
            goals = (KeyPoints(*(part[:, time] for part in points)) for time in range(video.shape[1]))
        frames = [self.animate(maps, own, goal) for goal in goals]
        return torch.stack(frames, 1)[..., top : top + height, left : left + width].clamp(-1, 1)

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        video = noise(batch * EXAMPLE_FRAMES, 3, height, width)
        return {"video": video.view(batch, EXAMPLE_FRAMES, *video.shape[1:])}

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        return self.reconstructed(batch["video"])

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output`` and the loss of the reconstruction; callbacks measure it and show clips.

        A model that `predicts` adds the clip ``predicted`` that it makes of the first frame alone.
        """
        video = batch["video"]
        output = self.predict_step(batch, batch_idx)
        loss = (output.float() - video).abs().mean() / 2
        predicted = {"predicted": self.reconstructed(video, predicted=True)} if self.predicts else {}
        return {**batch, "output": output, "reconstruction": loss, **predicted}

    test_step = validation_step

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """``output`` and ``target``, the real ones, as clips (B, T, 3, H, W), and what else the batch has."""
        return {**outputs, "target": outputs["video"], "clip": outputs["output"], "real_clip": outputs["video"]}

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """The first frame, and frames of reconstructed, of real and perhaps of predicted clips."""
        return [outputs["video"][:, 0], *(strip(clips) for clips in self.clips(outputs))]

    def clips(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Reconstructed, real and perhaps predicted clips."""
        return [outputs[key] for key in ("output", "video", "predicted") if key in outputs]

    def predictions(self, outputs: Tensor, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        yield Prediction("", batch["name"], outputs)
