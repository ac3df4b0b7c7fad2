"""Write the pictures and clips of ``i2i-zoo predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L

from i2i_zoo.annotations import CheckedArguments
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.files import save_picture
from i2i_zoo.media.pictures import to_pil


class Predictions(L.Callback, metaclass=CheckedArguments):
    """Writes each prediction as ``<folder>/<name>.png``, or as ``<folder>/<direction>/<name>.png`` for two domains.

    Clips become animated ``.webp`` files.  A name is the path of a picture below its split, so pictures of two folders
    never share a file.

    Args:
        folder: Where to write; it is made if it is missing.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_predict_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        for direction, names, pictures in pl_module.predictions(outputs, batch):
            for name, picture in zip(names, pictures, strict=True):
                path = self.folder / direction / name
                if picture.dim() == 4:
                    save_clip([to_pil(frame) for frame in picture], path.with_name(f"{path.name}.webp"))
                else:
                    save_picture(to_pil(picture), path.with_name(f"{path.name}.png"))
