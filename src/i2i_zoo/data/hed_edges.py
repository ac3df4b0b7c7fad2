"""Line drawings of photographs by HED, drawn once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2s
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from i2i_zoo.atomic import atomic_write
from i2i_zoo.devices import find_device
from i2i_zoo.errors import ZooError
from i2i_zoo.media.geometry import resize
from i2i_zoo.media.lines import thin_lines
from i2i_zoo.media.pictures import decode_picture, to_float, to_pil
from i2i_zoo.pretrained.hed import hed_edges
from i2i_zoo.store.first_use import zoo_cache

from .augmentation import Size, extent


def line_drawings(photographs: Sequence[Path], size: Size, threshold: float | None, smallest: int) -> dict[Path, Path]:
    """The line drawing of each photograph, black on white, as a PNG in the package's cache.

    Those that are missing are drawn now, on a GPU if there is one.  A photograph that has changed is drawn again.

    Args:
        photographs: Their files.
        size: Size that photographs are resized to first; None keeps theirs.
        threshold: See `thin_lines`; None for soft edges as HED finds them.
        smallest: See `thin_lines`.

    Raises:
        MissingWeights: If the weights of HED are not here.
        ZooError: If a photograph cannot be read, or the cache cannot be written.
    """
    folder = zoo_cache() / "hed"
    style = f"{size} {threshold} {smallest if threshold is not None else ''}".encode()
    drawings = {
        file: folder / f"{blake2s(file.read_bytes(), key=blake2s(style).digest()).hexdigest()}.png"
        for file in photographs
    }
    missing = {drawing: file for file, drawing in drawings.items() if not drawing.is_file()}
    silent = None if missing else True  # None draws a bar on a terminal only
    for drawing, file in tqdm(missing.items(), desc="HED's edges, once", unit=" pictures", disable=silent):
        picture = to_pil(draw(to_float(read_resized(file, size)), threshold, smallest))
        try:
            with atomic_write(drawing) as partial:
                picture.save(partial, "PNG")
        except OSError as error:
            raise ZooError(f"{folder}: the cache cannot be written ({error.strerror}); set I2I_ZOO_CACHE.") from error
    return drawings


def read_resized(file: Path, size: Size) -> Tensor:
    """A photograph (3, H, W) at the size that it is loaded at."""
    photo = decode_picture(file, 3)
    return resize(photo, extent(size, photo.shape[-2:]))


def draw(photo: Tensor, threshold: float | None, smallest: int) -> Tensor:
    """The drawing (1, H, W) of a photograph (3, H, W), in [-1, 1]: black on white."""
    strength = hed_edges(photo, find_device())
    if threshold is not None:
        strength = thin_lines(strength, threshold, smallest).float()
    return 1 - 2 * strength[None]
