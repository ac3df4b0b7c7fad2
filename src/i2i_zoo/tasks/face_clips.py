"""Landmarks of a face in a clip to a video, frame by frame, with a memory of the frames before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.faces import CHANNELS, LANDMARK_SUFFIXES, Box, check_within, face_box, face_maps, read_face
from i2i_zoo.media.memory import explained_shortage
from i2i_zoo.media.pictures import read_picture, to_pil

from .conditions import Condition
from .in_order import ClipToClipTask, InOrderTranslator
from .kinds import PictureFile
from .paired import noise
from .preprocess import FacePreprocess
from .translator import Source

PICTURE = Condition(
    "picture",
    PictureFile(),
    "the picture in which the landmarks were found, whose edges around the face are drawn too",
    per_source=True,
)


class FaceClipTranslator(InOrderTranslator):
    """Faces of a clip, one after the other, to its frames; it remembers those before.

    A face is landmarks (68, 2), or the file of them, and its frame has the size that the model was trained at.  The box
    around the face is that of the clip's first frame, as in training.  A tensor (15, H, W) is maps that are drawn
    already, as of `face_maps`, and its frame has their size.
    """

    source_suffixes = LANDMARK_SUFFIXES
    task: FaceClipsTask

    def begin(self) -> None:
        super().begin()
        self.box: Box | None = None
        self.size_of_clip: torch.Size | None = None

    def read_values(self, source: Any, **own: Any) -> Tensor:
        if not isinstance(source, Tensor):
            return read_face(source)
        if source.dim() != 3 or len(source) != CHANNELS or not (source >= 0).all() or not (source <= 1).all():
            raise ZooError(
                f"A tensor of a face holds its maps, ({CHANNELS}, H, W) in [0, 1], and one of shape "
                f"{tuple(source.shape)} was given: give landmarks as an array or a file."
            )
        return source

    def read(self, source: Any, **own: Any) -> Source:
        """The landmarks or maps, and the picture if one is needed."""
        read = super().read(source, **own)
        return read._replace(own={name: read_picture(picture) for name, picture in own.items()})

    def forward(self, source: Tensor) -> Tensor:
        """The frames (T, 3, H, W) that follow, of maps (T, 15, H, W)."""
        stream = self.started(source.shape[-2:])
        return torch.cat([stream.next(maps) for maps in source[:, None]])

    @torch.inference_mode()
    def translate_read(self, sources: Sequence[Source]) -> list[Any]:
        """The frame of each source, in their order.  Raises `ZooError` before any is made if sizes differ."""
        for source in sources:
            self.check(source)
        return [self.frame(source) for source in sources]

    def check(self, source: Source) -> None:
        """Raise `ZooError` if a source does not go on with the clip, or cannot begin it."""
        size = source.values.shape[-2:] if source.is_tensor else None
        if self.box is not None if source.is_tensor else self.box is None and self.size_of_clip is not None:
            raise ZooError("A clip has landmarks of all faces or maps of all, and both were given: draw all or none.")
        if "picture" in source.own:
            size = source.own["picture"].shape[-2:]
            check_within(source.values, size, str(source.origin or "face"))
        if self.box is None and not source.is_tensor:
            if self.task.preprocess.size is None:
                raise ZooError("The model does not know the size of its pictures: train it with FaceClipData.")
            self.box, self.size_of_clip = face_box(source.values, size), size
        self.size_of_clip = self.size_of_clip or size
        if size != self.size_of_clip:
            raise ZooError(f"{source.origin or 'face'}: the pictures of a clip have one size; scale them to one.")

    def frame(self, source: Source) -> Any:
        """The next frame: a tensor (3, H, W) for a tensor, else a PIL image."""
        maps, extent = source.values, self.task.preprocess.size
        if self.box is not None and extent is not None:
            maps = face_maps(source.values, self.box, extent, source.own.get("picture"))
        height, width = maps.shape[-2:]
        self.started((height, width))  # before it is mirrored up to the network's stride
        with explained_shortage(*self.load(1, height, width)):
            frame = self.run(maps[None].to(self.device))[0].float().clamp(-1, 1)
        return frame if source.is_tensor else to_pil(frame)


class FaceClipsTask(ClipToClipTask):
    """``face`` (B, T, 15, H, W) in [0, 1], as of `face_maps`, to ``video`` (B, T, 3, H, W) in [-1, 1]."""

    makes = "clips"
    batch_keys = ("face", "video")
    data_class = "FaceClipData"
    aligned = True
    default_metrics = ("psnr", "ssim", "l1")
    preprocess_type: ClassVar[type[FacePreprocess]] = FacePreprocess
    preprocess: FacePreprocess

    @property
    def conditions(self) -> tuple[Condition, ...]:
        background = self.preprocess.background  # None where the data did not tell
        picture = () if background is False else (replace(PICTURE, required=bool(background)),)
        return (self.first_condition, *picture)

    def make_translator(self, **chosen: Any) -> FaceClipTranslator:
        return FaceClipTranslator(self, **chosen)

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """A clip of noise."""
        frames = self.past + self.hparams.get("chunk", 1)
        video = noise(batch * frames, 3, height, width).view(batch, frames, 3, height, width)
        return {"face": torch.rand(batch, frames, CHANNELS, height, width), "video": video}

    def guides(self, batch: Mapping[str, Any]) -> Iterator[Tensor]:
        yield from batch["face"].unbind(1)

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Curves, output and target of the last frame."""
        return [clip[:, -1] for clip in self.clips(outputs)]

    def clips(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """The curves of the faces, made and real clips."""
        return [outputs["face"][:, :, :1] * 2 - 1, outputs["output"], outputs["video"]]
