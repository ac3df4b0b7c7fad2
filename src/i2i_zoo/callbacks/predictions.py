"""What ``i2i-zoo predict`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L

from i2i_zoo import images


class Predictions(L.Callback):
    """Writes each prediction as ``<folder>/<name>.png``.

    Args:
        folder: Made if it is not there.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_predict_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        pictures = pl_module.as_picture(outputs, batch.get("source"))
        for name, picture in zip(batch["name"], pictures, strict=True):
            images.save(images.to_pil(picture), self.folder / f"{name}.png")
