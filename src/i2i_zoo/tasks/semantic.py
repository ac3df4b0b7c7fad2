"""Label maps to photographs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.geometry import pad_to_stride, resize
from i2i_zoo.media.labels import instance_edges, palette_colours, read_instances, read_labels
from i2i_zoo.media.memory import need_memory
from i2i_zoo.media.pictures import read_picture, to_pil

from .base import Task
from .memory import peak_bytes
from .paired import Picture
from .preprocess import is_size


class SemanticTask(Task):
    """``label`` (B, H, W) ids, with ``instance`` (B, H, W) ids where a model uses them, to ``target`` (B, 3, H, W).

    A mixin for a LightningModule that has ``translator``, ``preprocess``, the hyper-parameters ``labels`` (how many
    there are) and ``edges`` (whether it sees the boundaries of instances), ``forward(segmentation, style)``, and
    ``choose_style``.
    """

    batch_keys = ("label", "target")

    @property
    def label_channels(self: Any) -> int:
        """Channels of the segmentation that the networks see: the labels, and the edges."""
        return self.hparams["labels"] + self.hparams["edges"]

    def random_batch(self: Any, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """A training batch of noise, for what looks at shapes and times alone."""
        label = torch.randint(self.hparams["labels"], (batch, height, width))
        return {"label": label, "instance": label, "target": torch.rand(batch, 3, height, width) * 2 - 1}

    def segmentation(self: Any, label: Tensor, instance: Tensor | None = None) -> Tensor:
        """(B, label_channels, H, W): one-hot labels, and the edges of the instances behind them if the model has those.

        Without instances the labels' own boundaries are the edges.  Ids must be in range, which `read_labels`
        sees to.
        """
        batch, height, width = label.shape
        kind = label.device.type
        # Under autocast at once in the type of the convolutions, which would each convert it.
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
        channels = torch.zeros(batch, self.label_channels, height, width, device=label.device, dtype=dtype)
        channels.scatter_(1, label[:, None], 1.0)
        if self.hparams["edges"]:
            channels[:, -1:] = instance_edges(label if instance is None else instance)
        return channels

    def forward_inputs(self: Any, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """What ``forward`` needs for label maps of noise, by name."""
        return {"segmentation": self.segmentation(self.random_batch(batch, height, width)["label"])}

    def apply_padded(
        self: Any, label: Tensor, instance: Tensor | None = None, style: Any = None, seed: int | None = None
    ) -> Tensor:
        """Label maps (B, H, W) of any height and width to pictures: mirrored up to the stride, and cropped back."""
        height, width = label.shape[-2:]
        stride, smallest = self.translator.stride, self.translator.smallest
        padded, top, left = pad_to_stride(label, stride, smallest)
        objects = None if instance is None else pad_to_stride(instance, stride, smallest)[0]
        segmentation = self.segmentation(padded, objects).to(self.dtype)
        output = self(segmentation, self.choose_style(padded, objects, style, seed))
        return output[..., top : top + height, left : left + width]

    @torch.inference_mode()
    def translate(
        self: Any,
        labels: Picture | Sequence[Picture],
        *,
        instance: Picture | Sequence[Picture] | None = None,
        style: Any = None,
        seed: int | None = None,
        size: int | tuple[int, int] | None = None,
    ) -> Any:
        """Make photographs of label maps.

        A result has its label map's size.  A model that was trained at one size (``size`` of `preprocess`) works at
        that size and the result is scaled back; another works at the map's own, mirrored up to the network's stride and
        cropped back.  A tensor is taken as it is, never scaled.

        Args:
            labels: One label map or a list: a path, a PIL image or an array of ids or of the colours of the model's
                palette, or a tensor of ids (H, W) or (B, H, W).
            instance: The instances, in the same forms, for a model that uses them; by default each label is one.
            style: A photograph whose style to take, or what else the method's ``choose_style`` understands.
            seed: Draw a style at random with this seed.
            size: Work at this size instead, (height, width) or one number for both; the result has it too.

        Returns:
            A PIL image for each map, a tensor (3, H, W) in [-1, 1] for each tensor; a list for a list.

        Raises:
            ZooError: If a map cannot be read, an id is out of range, sizes differ, or the model has no styles; before
                the network runs, if that takes more memory than is free.
        """
        if size is not None and not is_size(size):
            raise ZooError(f"size={size!r}: give a positive whole number, or two of them, height and width.")
        many = isinstance(labels, (list, tuple))
        stacked = isinstance(labels, Tensor) and labels.dim() == 3
        pictures: list[Any] = list(labels) if many or stacked else [labels]  # type: ignore[arg-type]
        objects: list[Any] = [None] * len(pictures)
        if instance is not None:
            objects = list(instance) if many or stacked else [instance]  # type: ignore[arg-type]
            if len(objects) != len(pictures):
                raise ZooError(
                    f"{len(pictures)} label maps and {len(objects)} instance maps were given; give one each."
                )
        results = self._translate_many(pictures, objects, style, seed, size)
        return torch.stack(results) if stacked else results if many else results[0]

    def _translate_many(
        self: Any, pictures: list[Any], objects: list[Any], style: Any, seed: int | None, size: Any
    ) -> list[Any]:
        trained, sources, worked = self.preprocess.get("size"), [], []
        for picture, instance in zip(pictures, objects, strict=True):
            maps = self.read_maps(picture, instance)
            if size is not None:
                maps = self.resize_source(maps, size)
            sources.append(maps)
            keep = size is not None or not trained or isinstance(picture, Tensor)
            worked.append(maps if keep else self.resize_source(maps, trained))
        results: list[Any] = [None] * len(pictures)
        for shape in {maps.shape for maps in worked}:
            indices = [i for i, maps in enumerate(worked) if maps.shape == shape]
            self.check_memory(len(indices), shape)
            batch = torch.stack([worked[i] for i in indices]).to(self.device)
            outputs = self.apply_padded(batch[:, 0], batch[:, 1] if shape[0] == 2 else None, style, seed)
            for i, output in zip(indices, outputs, strict=True):
                if isinstance(pictures[i], Tensor):
                    results[i] = output
                else:
                    results[i] = to_pil(resize(output.float(), sources[i].shape[-2:]))
        return results

    def check_memory(self: Any, count: int, shape: Sequence[int]) -> None:
        """Raise `ZooError` if the network cannot hold this many label maps (..., H, W); small ones pass."""
        height, width = shape[-2:]
        if count * height * width > 2**20:
            label = torch.empty(count, self.label_channels, height, width, dtype=self.dtype, device="meta")
            padded, _, _ = pad_to_stride(label, self.translator.stride, self.translator.smallest)
            what = f"{count} label maps: the network at {width}x{height} pixels"
            remedy = "work at a smaller size or give fewer at a time"
            need_memory(peak_bytes(self, padded), what, remedy, self.device)

    def read_maps(self: Any, picture: Picture, instance: Picture | None = None) -> Tensor:
        """A label map, and instances behind it if they are given: (1 or 2, H, W) ids."""
        label = self.read_source(picture)
        if instance is None:
            return label[None]
        objects = read_instances(instance)
        if objects.shape != label.shape:
            raise ZooError(
                f"The instance map has {objects.shape[1]}x{objects.shape[0]} pixels and the label map "
                f"{label.shape[1]}x{label.shape[0]}: give maps of one size."
            )
        return torch.stack([label, objects])

    def read_source(self: Any, picture: Picture, size: int | tuple[int, int] | None = None) -> Tensor:
        """A label map as ids (H, W), at a size or its own."""
        label = read_labels(
            picture, self.hparams["labels"], self.preprocess.get("source_palette"), self.preprocess.get("dont_care")
        )
        return label if size is None else self.resize_source(label[None], size)[0]

    def read_style(self: Any, photo: Picture, size: int | Sequence[int]) -> Tensor:
        """A photograph whose style to take, at a size: (1, 3, H, W) in [-1, 1]."""
        return resize(read_picture(photo), size)[None].to(self.device)

    def resize_source(self: Any, maps: Tensor, size: int | Sequence[int]) -> Tensor:
        """Scale maps of ids (C, H, W): the nearest of them, none in between."""
        return resize(maps.double(), size, nearest=True).long()

    def as_picture(self: Any, image: Tensor, source: Tensor | None = None) -> Tensor:
        """A batch of targets or outputs as pictures in [-1, 1]."""
        return image

    def panels(self: Any, outputs: dict[str, Any]) -> list[Tensor]:
        """What to look at, side by side: label map, output and target as batches (B, 3, H, W) in [-1, 1]."""
        return [self.source_picture(outputs["label"]), outputs["output"], outputs["target"]]

    def source_picture(self: Any, label: Tensor) -> Tensor:
        """Label maps (B, H, W) in their palette's colours, (B, 3, H, W) in [-1, 1]; in grey levels without one."""
        name = self.preprocess.get("source_palette")
        if name is None:
            grey = label.float() / max(self.hparams["labels"] - 1, 1) * 2 - 1
            return grey[:, None].expand(-1, 3, -1, -1)
        colours = torch.from_numpy(palette_colours(name)).to(label.device) / 127.5 - 1
        return colours[label].movedim(-1, 1)

    def validation_step(self: Any, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output``; metrics and sample pictures are callbacks."""
        return {**batch, "output": self.predict_step(batch, batch_idx)}

    test_step = validation_step

    def predict_step(self: Any, batch: dict[str, Any], batch_idx: int) -> Tensor:
        return self.apply_padded(batch["label"], batch.get("instance"))
