"""What networks for clips share."""

from __future__ import annotations

from i2i_zoo.errors import ZooError

from .dcgan import SHRINKAGE, smallest_map


def smallest_clip(frames: int, size: int) -> tuple[int, int, int]:
    """Frames, height and width of the smallest map for clips of a length and a size.

    Raises `ZooError` if these are not whole numbers.
    """
    if frames % SHRINKAGE:
        raise ZooError(
            f"frames={frames}: these networks make clips of a multiple of 16 frames; choose one, such as 16."
        )
    side = smallest_map(size)
    return frames // SHRINKAGE, side, side
