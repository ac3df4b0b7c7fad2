"""Pictures of fixed inputs that show the progress of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from PIL import Image
from torch import Tensor

from i2i_zoo.annotations import CheckedArguments, Count, Positive
from i2i_zoo.media.files import save_picture
from i2i_zoo.media.pictures import to_uint8


class Samples(L.Callback, metaclass=CheckedArguments):
    """Writes a picture of the first validation samples after each validation: source, output and target side by side.

    It goes to ``<log_dir>/samples/epoch_0007.png`` and to loggers that take pictures, such as TensorBoard and W&B.

    Args:
        count: Number of samples, one per row; 0 for no picture.
        every_n_epochs: Number of epochs between two pictures.
    """

    def __init__(self, count: Count = 4, every_n_epochs: Positive = 1) -> None:
        self.count, self.every_n_epochs = count, every_n_epochs
        self.rows: list[list[Tensor]] = []

    def wanted(self, trainer: Any) -> bool:
        quiet = trainer.sanity_checking or trainer.fast_dev_run
        return self.count > 0 and not quiet and (trainer.current_epoch + 1) % self.every_n_epochs == 0

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.rows = []

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if len(self.rows) < self.count and self.wanted(trainer):
            panels = [to_uint8(panel).cpu() for panel in pl_module.panels(outputs)]
            self.rows += [list(row) for row in zip(*panels, strict=True)][: self.count - len(self.rows)]

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        log_dir = trainer.log_dir  # communicates with all processes
        if not self.rows or not trainer.is_global_zero:
            return
        picture = grid(self.rows)
        save_picture(picture, Path(log_dir or ".") / "samples" / f"epoch_{trainer.current_epoch:04d}.png")
        logger: Any
        for logger in trainer.loggers:
            if hasattr(logger, "log_image"):
                logger.log_image("samples", [picture], step=trainer.global_step)
            elif hasattr(logger.experiment, "add_image"):
                logger.experiment.add_image("samples", np.asarray(picture), trainer.global_step, dataformats="HWC")


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
