"""From one person's poses to another's place and size: global pose normalisation, and smoothing over time.

Chan et al. 2019 (arXiv:1808.07371), section 3.1 and appendix; the authors' ``graph_posenorm.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .poses import POINTS, resized

NOSE = POINTS.index("nose")
EARS = [POINTS.index("right ear"), POINTS.index("left ear")]
ANKLES = [POINTS.index("right ankle"), POINTS.index("left ankle")]

#: The part of the way from the median to the closest ankle, within which the farthest place above the median is sought:
#: the default of the authors' code, where the paper has 0.7 (eq. 9).
FRACTION = 0.5

#: The part of a range around one of its ends, within which heights are compared.
NEAR = 0.05


@dataclass(frozen=True)
class Stance:
    """Where a person stands in a video, and how tall they are there; all in pixels.

    Args:
        far: The row of the lower ankle where the person is far from the camera.
        close: The row where they are close to it, which is farther down.
        rows: Whole rows in which the lower ankle was seen, ascending.
        heights: The tallest that the person was seen in each of these rows.
    """

    far: float
    close: float
    rows: tuple[int, ...]
    heights: tuple[float, ...]

    @classmethod
    def of(cls, poses: Tensor, origin: str = "The poses") -> Stance:
        """The stance of poses (T, 18, 3) of one person.

        Raises `ZooError` if no pose shows the head and both ankles; ``origin`` names the poses.
        """
        ankle, height, seen = ankles_and_heights(poses)
        ankle, height = ankle[seen].double(), height[seen].double()
        if not len(ankle):
            raise ZooError(
                f"{origin}: no pose shows the head and both ankles, which say where the person stands; give a video "
                "of the whole person."
            )
        close, middle = ankle.max(), ankle.quantile(0.5)
        above = ankle[(ankle < middle) & (middle - ankle < FRACTION * (close - middle))]
        far = above.min() if len(above) else middle
        rows = ankle.round().long()
        tallest = {int(row): float(height[rows == row].max()) for row in torch.unique(rows)}
        return cls(float(far), float(close), tuple(tallest), tuple(tallest.values()))

    def moved_to(self, far: float, close: float) -> Stance:
        """The same person between other rows."""
        return Stance(far, close, self.rows, self.heights)

    def height_at(self, row: float) -> float:
        """The tallest that the person was seen near a row; if they never were there, in the nearest row."""
        reach = NEAR * (self.close - self.far)
        near = [tall for at, tall in zip(self.rows, self.heights, strict=True) if abs(at - row) <= reach]
        return max(near) if near else min(zip(self.rows, self.heights, strict=True), key=lambda p: abs(p[0] - row))[1]

    @property
    def close_height(self) -> float:
        """The height where the person is close; if somebody stooped there, the largest of all."""
        here, largest = self.height_at(self.close), max(self.heights)
        return largest if largest - here > 0.1 * largest else here


def ankles_and_heights(poses: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The row of the lower ankle, the distance from the head to the middle of the ankles, and whether all were seen.

    The head is the nose, or the middle of the ears.  Poses (T, 18, 3) give three tensors (T,).  The authors' code
    looks whether the left ear was seen where it means the left ankle; here both ankles count.
    """
    points, seen = poses[..., :2], poses[..., 2] > 0
    nose = seen[:, NOSE]
    head = torch.where(nose[:, None], points[:, NOSE], points[:, EARS].mean(1))
    height = torch.linalg.vector_norm(head - points[:, ANKLES].mean(1), dim=-1)
    whole = (nose | seen[:, EARS].all(1)) & seen[:, ANKLES].all(1)
    return points[:, ANKLES, 1].amax(1), height, whole


def normalised(poses: Tensor, size: Sequence[int], target: Stance, target_size: Sequence[int]) -> Tensor:
    """The poses of a clip (T, 18, 3), moved and scaled to where another person stands.

    The place of the lower ankle between far and close becomes the same place between the other person's rows, and the
    scale is between the ratios of both heights there (the paper's b and c).  x is scaled about the middle of the
    picture.  The authors' code scales y about the ankle of the first frame, so that later feet come off their rows;
    here it is scaled about the ankle of each frame.  A frame without head or ankles takes the place and the scale of
    the frame before it, or of the first that has one.

    Args:
        poses: In pixels of pictures of ``size``.
        size: Their height and width.
        target: Of the person whose place is taken.
        target_size: Height and width of their pictures.

    Raises:
        ZooError: As `Stance.of`.
    """
    # First in pixels of the same size: pictures of equal height.
    width = size[1] * target_size[0] / size[0]
    poses = resized(poses, size, (target_size[0], width))
    source = Stance.of(poses)
    if source.close - source.far < target.close - target.far:
        middle, half = (target.far + target.close) / 2, (source.close - source.far) / 2
        target = target.moved_to(middle - half, middle + half)
    ankle, _, seen = ankles_and_heights(poses)
    latest = torch.where(seen, torch.arange(len(poses), device=poses.device), -1).cummax(0).values
    ankle = ankle[latest.where(latest >= 0, seen.int().argmax())]
    extent = source.close - source.far
    share = (ankle - source.far) / extent if extent > 0 else torch.ones_like(ankle)
    row = target.far + share * (target.close - target.far)
    far_ratio = target.height_at(target.far) / source.height_at(source.far)
    close_ratio = target.close_height / source.close_height
    scale = far_ratio + share * (close_ratio - far_ratio)
    x = (target_size[1] - 1) / 2 + scale[:, None] * (poses[..., 0] - (width - 1) / 2)
    y = row[:, None] + scale[:, None] * (poses[..., 1] - ankle[:, None])
    visible = poses[..., 2:]
    return torch.cat([torch.stack([x, y], -1) * visible, visible], -1)


def smoothed(poses: Tensor, window: int = 7) -> Tensor:
    """Each point of a clip's poses (T, 18, 3) as the median of where it was seen within a window of frames.

    A point that was missing in half of the window or more is missing.  At both ends the window is shorter, where the
    authors' code leaves frames out.
    """
    half = window // 2
    seen = poses[..., 2:] > 0
    points = torch.where(seen, poses[..., :2], torch.nan)
    beyond = points.new_full((half, *points.shape[1:]), torch.nan)
    padded = torch.cat([beyond, points, beyond]).unfold(0, window, 1)  # (T, 18, 2, window)
    there = torch.arange(len(poses), device=poses.device)
    frames = (there + half).clamp(max=len(poses) - 1) - (there - half).clamp(min=0) + 1
    visible = 2 * padded[..., 0, :].isfinite().sum(-1) > frames[:, None]
    middle = padded.nanquantile(0.5, dim=-1)
    return torch.cat([middle, torch.ones_like(middle[..., :1])], -1).where(visible[..., None], 0.0)
