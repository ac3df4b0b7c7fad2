"""A model with its conditions chosen: the engine that turns pictures into pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor, nn

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import save_picture
from i2i_zoo.media.geometry import pad_to_stride, resize
from i2i_zoo.media.memory import need_memory
from i2i_zoo.media.pictures import to_pil

from .kinds import Picture
from .memory import peak_bytes
from .tiles import Tiles

if TYPE_CHECKING:
    from .base import Task

#: Batches of fewer pixels than this are not worth the look at the free memory.
SMALL = 2**20


class Source(NamedTuple):
    """A source as `Translator.read` gives it."""

    #: (C, H, W): a picture in [-1, 1], or label ids.
    values: Tensor
    #: Whether it was given as a tensor: then it is never scaled, and its result is a tensor too.
    is_tensor: bool
    #: The file that it comes from, for messages; empty for what was in memory.
    origin: str = ""


class Translator(nn.Module, ABC):
    """Reads, resizes, pads, tiles, batches and writes; a task says how by the methods that are abstract here.

    Args:
        task: The model.
        direction: Which way it translates, a name in the task's ``directions``.
        size: Work at this size, (height, width) or one number for both; the results have it too.
        tile: Work in overlapping tiles of at most this many pixels a side.

    Raises:
        ZooError: If the network cannot work in such tiles.
    """

    def __init__(
        self,
        task: Task,
        *,
        direction: str = "",
        size: int | Sequence[int] | None = None,
        tile: int | None = None,
    ) -> None:
        super().__init__()
        self.task, self.direction, self.size = task, direction, size
        self.tiles = None if tile is None else Tiles.of(self.network, tile)
        trained = task.preprocess_for(direction).size
        #: The size to work at, where none was chosen and the source is a picture.
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

    # What a task says.

    @abstractmethod
    def read_values(self, source: Any, **beside: Any) -> Tensor:
        """A source, whatever form it has, as (C, H, W).

        Args:
            source: A path, a PIL image, an array or a tensor.
            **beside: What was chosen for this source: the conditions that are ``per_source``.
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
        """A result (D, h, w) of the size of its source (C, H, W), as a picture (1 or 3, H, W) in [-1, 1]."""
        return resize(output.float(), values.shape[-2:])

    def peak_memory(self, batch: Tensor) -> int:
        """Most bytes that the network will hold at once for a batch (B, C, H, W) on the meta device."""
        return peak_bytes(self, batch)

    # The engine.

    def read(self, source: Any, **beside: Any) -> Source:
        """Read one source, at the chosen size if there is one.

        Args and raises as `read_values`.
        """
        values = self.read_values(source, **beside)
        if self.size is not None:
            values = self.resize_source(values, self.size)
        return Source(values, isinstance(source, Tensor), str(source) if isinstance(source, (str, Path)) else "")

    def run(self, batch: Tensor) -> Tensor:
        """A batch (B, C, H, W) of any height and width to (B, D, H, W), in tiles where those are chosen."""
        return padded(self if self.tiles is None else self.run_tiles, batch, self.network.stride, self.network.smallest)

    def run_tiles(self, batch: Tensor) -> Tensor:
        """A batch whose sides are multiples of the stride, tile by tile."""
        assert self.tiles is not None
        return self.tiles.apply(self, batch)

    def at_working_size(self, source: Source) -> Tensor:
        """The values of a source (C, H, W) at the size that the model was trained at, where that counts."""
        if self.trained_size is None or source.is_tensor:
            return source.values
        return self.resize_source(source.values, self.trained_size)

    def prepare(self, source: Any) -> Tensor:
        """One source as `forward` takes it: (1, C, H, W), mirrored at its edges up to multiples of the stride."""
        values = self.at_working_size(self.read(source))[None].to(self.device, self.dtype)
        return pad_to_stride(values, self.network.stride, self.network.smallest)[0]

    @torch.inference_mode()
    def translate_read(self, sources: Sequence[Source]) -> list[Any]:
        """The result of each source: a PIL image for a picture, a tensor for a tensor.

        Sources of one size go through the network together.  Raises `ZooError`, before the network runs, if that takes
        more memory than is free.
        """
        worked = [self.at_working_size(source) for source in sources]
        results: list[Any] = [None] * len(sources)
        for shape in {values.shape for values in worked}:
            indices = [i for i, values in enumerate(worked) if values.shape == shape]
            self.check_memory(len(indices), shape)
            batch = torch.stack([worked[i] for i in indices]).to(self.device)
            batch = batch.to(self.dtype) if batch.is_floating_point() else batch
            for i, output in zip(indices, self.run(batch), strict=True):
                source = sources[i]
                results[i] = output if source.is_tensor else to_pil(self.finish(output, source.values))
        return results

    def translate(self, sources: Picture | Sequence[Picture], **beside: Any) -> Any:
        """Translate one source, a list of sources, or a batch of them in one tensor.

        Args:
            sources: Each a path, a PIL image, an array or a tensor.
            **beside: Conditions that each source has one of: in the same form as the sources.

        Returns:
            A PIL image for each picture, a tensor in [-1, 1] for each tensor; a list for a list.

        Raises:
            ZooError: If a source cannot be read or does not fit the model, and as `translate_read`.
        """
        stacked = isinstance(sources, Tensor) and sources.dim() == self.source_dims + 1
        many = stacked or isinstance(sources, (list, tuple))
        items: list[Any] = list(sources) if many else [sources]  # type: ignore[arg-type]  # many: it can be iterated
        columns = {}
        for name, given in beside.items():
            columns[name] = list(given) if many else [given]
            if len(columns[name]) != len(items):
                raise ZooError(f"{len(items)} sources and {len(columns[name])} of {name} were given; give one each.")
        read = [
            self.read(item, **{name: column[i] for name, column in columns.items()}) for i, item in enumerate(items)
        ]
        results = self.translate_read(read)
        return torch.stack(results) if stacked else results if many else results[0]

    #: Dimensions of a tensor that is one source.
    source_dims = 3

    def check_memory(self, count: int, shape: Sequence[int]) -> None:
        """Raise `ZooError` if the network cannot hold this many sources (C, H, W), or their tiles; small ones pass."""
        channels, height, width = shape
        if self.tiles is not None:
            height, width = min(height, self.tiles.side), min(width, self.tiles.side)
        if count * height * width <= SMALL:
            return
        batch = torch.empty(count, channels, height, width, dtype=self.dtype, device="meta")
        batch, _, _ = pad_to_stride(batch, self.network.stride, self.network.smallest)
        what = f"{count} pictures" if count > 1 else "picture"
        remedy = "work at a smaller size" if self.tiles is None else "take smaller tiles"
        remedy += " or give fewer at a time" if count > 1 else ""
        need_memory(self.peak_memory(batch), f"{what}: the network at {width}x{height} pixels", remedy, self.device)

    def translate_files(
        self,
        jobs: Mapping[Path, Path],
        batch: int = 1,
        beside: Callable[[Path], dict[str, Any]] = lambda source: {},
    ) -> Iterator[tuple[Path, str | None]]:
        """Write a PNG file for each picture file; the next batch is read while the network runs.

        Args:
            jobs: The file to write, to the file that it is made from.
            batch: Files that are translated together.
            beside: What was chosen for a source: the conditions that are ``per_source``.

        Yields:
            Each file that was to be written, and None; or the sentence that says why it could not be.
        """
        targets = list(jobs)
        batches = [targets[i : i + batch] for i in range(0, len(targets), batch)]

        def start(chunk: Sequence[Path]) -> list[Future[Source]]:
            return [readers.submit(self.read_file, jobs[target], beside) for target in chunk]

        with ThreadPoolExecutor(batch) as readers:
            ahead = start(batches[0]) if batches else []
            for current, following in zip(batches, [*batches[1:], []], strict=True):
                reads, ahead = ahead, start(following)
                yield from self.translate_batch(jobs, current, reads)

    def read_file(self, file: Path, beside: Callable[[Path], dict[str, Any]]) -> Source:
        return self.read(file, **beside(file))

    def translate_batch(
        self, jobs: Mapping[Path, Path], targets: Sequence[Path], reads: Sequence[Future[Source]]
    ) -> Iterator[tuple[Path, str | None]]:
        """Write a batch of `translate_files`: one by one if they do not work together."""
        sources: dict[Path, Source] = {}
        for target, read in zip(targets, reads, strict=True):
            try:
                sources[target] = read.result()
            except ZooError as error:
                yield target, about(error, str(jobs[target]))
        try:
            results: list[Any] = self.translate_read(list(sources.values()))
        except (ZooError, torch.cuda.OutOfMemoryError):
            results = [self.translate_alone(source) for source in sources.values()]
        for target, result in zip(sources, results, strict=True):
            if isinstance(result, str):
                yield target, result
            else:
                save_picture(result, target)
                yield target, None

    def translate_alone(self, source: Source) -> Image.Image | str:
        """The result of one source, or the sentence that says why there is none."""
        try:
            result: Image.Image = self.translate_read([source])[0]
        except ZooError as error:
            return about(error, source.origin)
        except torch.cuda.OutOfMemoryError:
            return f"{source.origin}: too large for the memory of {self.device}; work at a smaller size."
        return result


def about(error: ZooError, file: str) -> str:
    """The sentence of an error, which names the file."""
    sentence = str(error)
    return sentence if file in sentence else f"{file}: {sentence.removeprefix('picture: ')}"


def padded(function: Callable[[Tensor], Tensor], source: Tensor, stride: int, smallest: int) -> Tensor:
    """A function of pictures whose sides are multiples of a stride, for pictures of any size.

    A batch (B, C, H, W) is mirrored at its edges up to multiples of ``stride`` that are at least ``smallest``, and the
    result is cropped back.
    """
    height, width = source.shape[-2:]
    mirrored, top, left = pad_to_stride(source, stride, smallest)
    return function(mirrored)[..., top : top + height, left : left + width]
