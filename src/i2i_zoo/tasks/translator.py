"""A model with its conditions chosen: the engine that turns pictures into pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from i2i_zoo.errors import ZooError, printable
from i2i_zoo.media.files import PICTURE_SUFFIXES, save_picture
from i2i_zoo.media.geometry import pad_to_stride, resize
from i2i_zoo.media.memory import explained_shortage, need_memory
from i2i_zoo.media.pictures import to_pil

from .conditions import for_each
from .kinds import Picture, unreadable
from .memory import peak_bytes
from .model import Model
from .tiles import Tiles

#: For batches of at most this many pixels, free memory is not checked.
SMALL = 2**20


class Source(NamedTuple):
    """A source that `Translator.read` has read."""

    #: (C, H, W): a picture in [-1, 1], or label ids.
    values: Tensor
    #: Whether it was passed as a tensor: then it is never scaled, and its result is a tensor too.
    is_tensor: bool
    #: Its file, for messages; empty if it was in memory.
    origin: str = ""
    #: Its own conditions, for a task that needs them after the source has been read.
    own: Mapping[str, Any] = {}


class Translator(nn.Module, ABC):
    """Reads, resizes, pads, tiles, batches and writes.  A task's subclass says how sources are read and translated.

    Args:
        task: The model.
        direction: One of the task's ``directions``.
        size: Work at this size, (height, width) or one number for both.  The results have this size too.
        tile: Work in overlapping tiles of at most this many pixels a side.

    Raises:
        ZooError: If the network cannot work in tiles of this size.
    """

    def __init__(
        self,
        task: Model,
        *,
        direction: str = "",
        size: int | Sequence[int] | None = None,
        tile: int | None = None,
    ) -> None:
        super().__init__()
        self.task, self.direction, self.size = task, direction, size
        self.tiles = None if tile is None else Tiles.of(self.network, tile)
        trained = task.preprocess_for(direction).size
        #: The size to work at if none is chosen and the source is not a tensor.
        self.trained_size = None if size is not None or tile is not None else trained

    @property
    def network(self) -> Any:
        """The network whose ``stride`` and ``smallest`` say which sizes `forward` takes."""
        return self.task.main_network

    @property
    def device(self) -> torch.device:
        return self.task.device

    @property
    def dtype(self) -> torch.dtype:
        return self.task.dtype

    # What a task defines.
    @abstractmethod
    def read_values(self, source: Any, **own: Any) -> Tensor:
        """Read one source: (C, H, W).

        Args:
            source: A path, a PIL image, an array or a tensor.
            **own: This source's own conditions (``per_source``).
        """

    @abstractmethod
    def forward(self, source: Tensor) -> Tensor:
        """A batch (B, C, H, W) to (B, D, H, W) in [-1, 1]; H and W are multiples of the network's stride."""

    def resize_source(self, values: Tensor, size: int | Sequence[int]) -> Tensor:
        """Scale a source (C, H, W)."""
        return resize(values, size)

    def show_source(self, values: Tensor) -> Tensor:
        """A batch of sources as pictures (B, 1 or 3, H, W) in [-1, 1] to look at."""
        return values

    def finish(self, output: Tensor, values: Tensor) -> Tensor:
        """Turn an output (D, h, w) into a picture (1 or 3, H, W) in [-1, 1], as large as its source (C, H, W)."""
        return resize(output.float(), values.shape[-2:])

    #: How the names of result files end, and those of sources in a folder.
    suffix = ".png"
    source_suffixes: ClassVar[tuple[str, ...]] = PICTURE_SUFFIXES
    #: Whether each result is a clip whose frames depend on each other (`ClipTranslator`).
    takes_clips: ClassVar[bool] = False
    #: Whether a result depends on the sources before it.
    in_order: ClassVar[bool] = False

    def save(self, result: Any, path: Path) -> None:
        """Write a result whose source was no tensor.  Raises `ZooError` if that fails."""
        save_picture(result, path)

    def peak_memory(self, batch: Tensor) -> int:
        """The most bytes that the network holds at once for a batch (B, C, H, W) on the meta device."""
        return peak_bytes(self, batch)

    def begin(self) -> None:
        """Forget the sources before: those that follow are another clip."""

    # The engine.
    def read(self, source: Any, **own: Any) -> Source:
        """Read one source, and scale it to the chosen size if there is one.

        Takes the same arguments as `read_values`.
        """
        if why := unreadable(source):
            raise ZooError(f"The tensor of a source cannot be read, since {why}: give a dense one of float32 or int64.")
        origin = str(source) if isinstance(source, (str, Path)) else ""
        with explained_shortage(f"{origin or 'picture'}: reading it", "scale it down or cut it up"):
            values = self.read_values(source, **own)
            if self.size is not None:
                values = self.resize_source(values, self.size)
        return Source(values, isinstance(source, Tensor), origin)

    def run(self, batch: Tensor) -> Tensor:
        """A batch (B, C, H, W) of any height and width to (B, D, H, W), in tiles if they are chosen."""
        return padded(self if self.tiles is None else self.run_tiles, batch, self.network.stride, self.network.smallest)

    def run_tiles(self, batch: Tensor) -> Tensor:
        """Run a batch, whose sides are multiples of the stride, tile by tile."""
        assert self.tiles is not None
        return self.tiles.apply(self, batch)

    def at_working_size(self, source: Source) -> Tensor:
        """The values of a source (C, H, W), scaled to the size that the model was trained at unless it is a tensor."""
        if self.trained_size is None or source.is_tensor:
            return source.values
        return self.resize_source(source.values, self.trained_size)

    def prepare(self, source: Any) -> Tensor:
        """Read one source for `forward`: (1, C, H, W), mirrored at its edges up to multiples of the stride."""
        values = self.at_working_size(self.read(source))[None].to(self.device, self.dtype)
        return pad_to_stride(values, self.network.stride, self.network.smallest)[0]

    @torch.inference_mode()
    def translate_read(self, sources: Sequence[Source]) -> list[Any]:
        """The result of each source: a PIL image for a picture, a tensor for a tensor.

        Sources of equal size go through the network together.  Raises `ZooError` before the network runs if that would
        take more memory than is free.
        """
        worked = [self.at_working_size(source) for source in sources]
        results: list[Any] = [None] * len(sources)
        for shape in {values.shape for values in worked}:
            indices = [i for i, values in enumerate(worked) if values.shape == shape]
            self.check_memory(len(indices), shape)
            with explained_shortage(*self.load(len(indices), *shape[-2:])):
                batch = torch.stack([worked[i] for i in indices]).to(self.device)
                batch = batch.to(self.dtype) if batch.is_floating_point() else batch
                for i, output in zip(indices, self.run(batch), strict=True):
                    source = sources[i]
                    results[i] = output if source.is_tensor else to_pil(self.finish(output, source.values))
        return results

    def translate(self, sources: Picture | Sequence[Picture], **own: Any) -> Any:
        """Translate one source, a list of sources, or a batch of them in one tensor.

        Args:
            sources: Each a path, a PIL image, an array or a tensor.
            **own: Conditions of which each source has its own: one value, or a list as long as that of the sources.

        Returns:
            A PIL image of 8 bits a channel for each picture, a tensor in [-1, 1] for each tensor; a list for a list.

        Raises:
            ZooError: If a source cannot be read or does not fit the model, or if memory is short.
        """
        stacked = isinstance(sources, Tensor) and sources.dim() == self.source_dims + 1
        many = stacked or isinstance(sources, (list, tuple))
        if isinstance(sources, Tensor) and stacked and not len(sources):
            raise ZooError(f"An empty batch of shape {tuple(sources.shape)} was given: give at least one source.")
        items: list[Any] = list(sources) if many else [sources]  # type: ignore[arg-type]  # many: it can be iterated
        rows = for_each(own, len(items)) if many else [own]
        results = self.translate_read([self.read(item, **row) for item, row in zip(items, rows, strict=True)])
        return torch.stack(results) if stacked else results if many else results[0]

    #: How many dimensions a tensor of one source has.
    source_dims = 3

    def check_memory(self, count: int, shape: Sequence[int]) -> None:
        """Raise `ZooError` if memory is too short for this many sources (C, H, W), or for their tiles."""
        channels, height, width = shape
        if self.tiles is not None:
            height, width = min(height, self.tiles.side), min(width, self.tiles.side)
        if count * height * width <= SMALL:
            return
        batch = torch.empty(count, channels, height, width, dtype=self.dtype, device="meta")
        batch, _, _ = pad_to_stride(batch, self.network.stride, self.network.smallest)
        what, remedy = self.load(count, height, width)
        need_memory(self.peak_memory(batch), what, remedy, self.device)

    def load(self, count: int, height: int, width: int) -> tuple[str, str]:
        """What takes memory when the network runs, and what to do where it is short; for messages."""
        what = f"{count} pictures" if count > 1 else "picture"
        remedy = "work at a smaller size" if self.tiles is None else "take smaller tiles"
        remedy += " or give fewer at a time" if count > 1 else ""
        return f"{what}: the network at {width}x{height} pixels", remedy

    def translate_files(
        self,
        jobs: Mapping[Path, Path],
        batch: int = 1,
        own: Callable[[Path], dict[str, Any]] = lambda source: {},
    ) -> Iterator[tuple[Path, str | None]]:
        """Translate picture files, and write the results, such as PNG files of 8 bits a channel.

        The next batch is read while the network runs.

        Args:
            jobs: File to write to its source.
            batch: How many files are translated together.
            own: Gives a source's own conditions (``per_source``).

        Yields:
            Each file to write, with None if it was written, else with the sentence that says why not.
        """
        targets = list(jobs)
        batches = [targets[i : i + batch] for i in range(0, len(targets), batch)]

        def start(chunk: Sequence[Path]) -> list[Future[Source]]:
            return [readers.submit(self.read, jobs[target], **own(jobs[target])) for target in chunk]

        with ThreadPoolExecutor(batch) as readers:
            ahead = start(batches[0]) if batches else []
            for current, following in zip(batches, [*batches[1:], []], strict=False):
                reads, ahead = ahead, start(following)
                yield from self.translate_batch(jobs, current, reads)

    def translate_batch(
        self, jobs: Mapping[Path, Path], targets: Sequence[Path], reads: Sequence[Future[Source]]
    ) -> Iterator[tuple[Path, str | None]]:
        """Write one batch of `translate_files`.  If it fails as a whole, its files are translated one by one."""
        there: dict[Path, Source] = {}
        for target, future in zip(targets, reads, strict=True):
            try:
                there[target] = future.result()
            except ZooError as error:
                yield target, about(error, str(jobs[target]))
        try:
            results: list[Any] = self.translate_read(list(there.values()))
        except ZooError as error:
            results = [self.translate_alone(s) if len(there) > 1 else about(error, s.origin) for s in there.values()]
        for target, result in zip(there, results, strict=True):
            if isinstance(result, str):
                yield target, result
            else:
                self.save(result, target)
                yield target, None

    def translate_alone(self, source: Source) -> Any:
        """The result of one source, or the sentence that says why it failed."""
        try:
            return self.translate_read([source])[0]
        except ZooError as error:
            return about(error, source.origin)


def about(error: ZooError, file: str) -> str:
    """The sentence of an error; it names the file."""
    sentence, file = str(error), printable(file)
    return sentence if file in sentence else f"{file}: {sentence.removeprefix('picture: ')}"


def padded(function: Callable[[Tensor], Tensor], source: Tensor, stride: int, smallest: int) -> Tensor:
    """Apply a function that takes only multiples of ``stride`` of at least ``smallest`` to a batch of any size.

    The batch (B, C, H, W) is mirrored at its edges up to such a size, and the result is cropped back.
    """
    height, width = source.shape[-2:]
    mirrored, top, left = pad_to_stride(source, stride, smallest)
    return function(mirrored)[..., top : top + height, left : left + width]
