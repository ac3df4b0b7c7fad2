"""Pictures and clips of fixed inputs, or from fixed noise, that show the progress of training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from PIL import Image
from torch import Tensor

from i2i_zoo.annotations import CheckedArguments, Count, Positive
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.files import save_picture
from i2i_zoo.media.pictures import to_uint8


class Samples(L.Callback, metaclass=CheckedArguments):
    """Writes a picture of the first validation samples after each validation: source, output and target side by side.

    It goes to ``<log_dir>/samples/epoch_0007.png`` and to loggers that take pictures, such as TensorBoard and W&B.
    A model of clips is shown by some frames of made and of real clips, and beside the picture all frames of them go to
    ``epoch_0007.gif`` and to TensorBoard and W&B.  What is made from noise is made from the same noise each time.

    Args:
        count: Number of samples, one per row; 0 for no picture.
        every_n_epochs: Number of epochs between two pictures.
    """

    def __init__(self, count: Count = 4, every_n_epochs: Positive = 1) -> None:
        self.count, self.every_n_epochs = count, every_n_epochs
        self.rows: list[list[Tensor]] = []
        self.clips: list[list[Tensor]] = []

    def wanted(self, trainer: Any) -> bool:
        quiet = trainer.sanity_checking or trainer.fast_dev_run
        return self.count > 0 and not quiet and (trainer.current_epoch + 1) % self.every_n_epochs == 0

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.rows, self.clips = [], []

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        missing = self.count - len(self.rows)
        if missing > 0 and self.wanted(trainer):
            self.rows += first_rows(pl_module.panels(outputs), missing)
            self.clips += first_rows(pl_module.clips(outputs), missing)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        log_dir = trainer.log_dir  # communicates with all processes
        if not self.rows or not trainer.is_global_zero:
            return
        picture, step = grid(self.rows), trainer.global_step
        file = Path(log_dir or ".") / "samples" / f"epoch_{trainer.current_epoch:04d}.png"
        save_picture(picture, file)
        logger: Any
        for logger in trainer.loggers:
            if hasattr(logger, "log_image"):
                logger.log_image("samples", [picture], step=step)
            elif hasattr(logger.experiment, "add_image"):
                logger.experiment.add_image("samples", np.asarray(picture), step, dataformats="HWC")
        if not self.clips:
            return
        animation = file.with_suffix(".gif")
        save_clip(moving_grid(self.clips), animation)
        for logger in trainer.loggers:
            if hasattr(logger, "log_video"):
                logger.log_video("clips", [str(animation)], step=step)
            elif hasattr(logger.experiment, "add_video"):
                log_animation(logger.experiment, animation, step)


def first_rows(batches: Sequence[Tensor], count: int) -> list[list[Tensor]]:
    """The first items of batches in [-1, 1] as uint8, those of all batches side by side."""
    return [list(row) for row in zip(*(to_uint8(batch[:count]).cpu() for batch in batches), strict=True)]


def log_animation(writer: Any, file: Path, step: int) -> None:
    """Show a GIF in TensorBoard, among the pictures.

    ``add_video`` of torch's writer needs moviepy before version 2 to make such a GIF, and otherwise only prints.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary

    with Image.open(file) as picture:
        width, height = picture.size
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=file.read_bytes())
    writer.file_writer.add_summary(Summary(value=[Summary.Value(tag="clips", image=image)]), step)


def moving_grid(rows: list[list[Tensor]]) -> Iterator[Image.Image]:
    """`grid` of each frame of rows of clips, (T, 1 or 3, H, W) uint8; a shorter clip stays at its last frame."""
    for time in range(max(len(clip) for row in rows for clip in row)):
        yield grid([[clip[min(time, len(clip) - 1)] for clip in row] for row in rows])


def grid(rows: list[list[Tensor]]) -> Image.Image:
    """One picture of rows of pictures, (1 or 3, H, W) uint8 of any sizes, on white; the tallest sets a row's height."""
    bands = []
    for row in rows:
        height = max(panel.shape[1] for panel in row)
        panels = [panel.expand(3, -1, -1).permute(1, 2, 0).numpy() for panel in row]
        bands.append(np.concatenate([on_white(panel, height, panel.shape[1]) for panel in panels], 1))
    width = max(band.shape[1] for band in bands)
    return Image.fromarray(np.concatenate([on_white(band, band.shape[0], width) for band in bands]))


def on_white(picture: np.ndarray[Any, np.dtype[np.uint8]], height: int, width: int) -> Any:
    """A picture (H, W, 3) uint8 in the upper left corner of a white one of this height and width."""
    missing = ((0, height - picture.shape[0]), (0, width - picture.shape[1]), (0, 0))
    return np.pad(picture, missing, constant_values=255)
