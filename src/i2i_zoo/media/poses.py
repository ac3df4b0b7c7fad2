"""Poses of persons: 18 points, in the order of OpenPose's COCO model, and how they move with their picture.

A pose is a float tensor (18, 3) of x, y and visibility.  x goes to the right and y down, in pixels, and whole numbers
are the centres of pixels.  The visibility is 1 for a point that was found, else 0, and x and y of a missing point are 0
too.  Several poses, as of a batch or a clip, are (..., 18, 3).  Left and right are those of the person.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

#: The points in order.  Much code for these poses calls 14 and 16 the left eye and ear; its files hold the right ones.
POINTS = (
    "nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist",
    "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle",
    "right eye", "left eye", "right ear", "left ear",
)  # fmt: skip

#: The points of the right side and their counterparts on the left, which change places in a mirror image.
MIRRORED = ((2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13), (14, 15), (16, 17))

#: COCO's 17 points in order; there is no neck.
COCO_POINTS = (
    "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow",
    "right elbow", "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee",
    "left ankle", "right ankle",
)  # fmt: skip

#: Where the face is: in the first of these that was seen, each a point or the middle of two.
FACE = (("nose",), ("right ear", "left ear"), ("right ear",), ("left ear",), ("neck",))

#: Where the 18 points are among the 25 of OpenPose's BODY_25, which also has the middle of the hips, toes and heels.
BODY_25 = (*range(8), *range(9, 19))

#: Farther from the picture, no point can be: a number beyond this is a mistake of the file.
FARTHEST = 1e6


def as_pose(points: Tensor, origin: str = "The pose") -> Tensor:
    """Poses of 18 points from those of 17 (COCO), 18 or 25 (BODY_25), which their number tells.

    Args:
        points: (..., 17 or 18 or 25, 3): x, y, and a visibility or confidence, which is above 0 for a point that was
            found.
        origin: What to call them in a message, such as a file and the place in it.

    Returns:
        (..., 18, 3), float32, on the CPU.  COCO has no neck: it is the middle of the shoulders, if both were found.

    Raises:
        ZooError: For another shape, and for values that are not finite or no place in a picture.
    """
    if points.dim() < 2 or points.shape[-1] != 3 or points.shape[-2] not in (17, 18, 25):
        raise ZooError(
            f"{origin} has the shape {tuple(points.shape)}; give (18, 3) or (frames, 18, 3): x, y and visibility of 18 "
            "points, or of COCO's 17 or OpenPose's 25."
        )
    points = points.detach().cpu().to(torch.float64)
    seen = points[..., 2] > 0
    wrong = ~points.isfinite().all(-1) | (seen & (points[..., :2].abs() > FARTHEST).any(-1))
    if wrong.any():
        where = wrong.nonzero()[0].tolist()
        x, y, visibility = points[tuple(where)].tolist()
        raise ZooError(
            f"{origin} has x {x:g}, y {y:g} and visibility {visibility:g} at point {where[-1]}, which is no place in a "
            "picture; give pixels, and 0, 0, 0 for a missing point."
        )
    points = torch.cat([points[..., :2], seen[..., None]], -1).where(seen[..., None], 0.0).float()
    if points.shape[-2] == 17:
        return from_coco(points)
    return points[..., BODY_25, :] if points.shape[-2] == 25 else points


def from_coco(points: Tensor) -> Tensor:
    """COCO's 17 points (..., 17, 3) as poses (..., 18, 3), with the middle of the shoulders as the neck."""
    shoulders = points[..., [COCO_POINTS.index("left shoulder"), COCO_POINTS.index("right shoulder")], :]
    both = (shoulders[..., 2] > 0).all(-1)[..., None]
    neck = shoulders.mean(-2).where(both, 0.0)
    order = [len(COCO_POINTS) if name == "neck" else COCO_POINTS.index(name) for name in POINTS]
    return torch.cat([points, neck[..., None, :]], -2)[..., order, :]


def displacement(first: Tensor, second: Tensor) -> Tensor:
    """How far points move from one pose (..., 18, 3) to another, in pixels (...): the mean of those seen in both.

    It is 0 if none is seen in both.
    """
    both = (first[..., 2] > 0) & (second[..., 2] > 0)
    moved = torch.linalg.vector_norm(second[..., :2] - first[..., :2], dim=-1)
    mean: Tensor = (moved * both).sum(-1) / both.sum(-1).clamp(min=1)
    return mean


def face_corners(pose: Tensor, size: Sequence[int], side: int) -> Tensor:
    """The top and left pixel (B, 2) of a square around the face of each pose (B, 18, 3), within a picture of ``size``.

    Where no face was seen, the square is around the neck, and without a neck in the upper left corner.
    """
    centre = torch.zeros_like(pose[:, 0, :2])
    for names in reversed(FACE):
        points = pose[:, [POINTS.index(name) for name in names]]
        seen = (points[..., 2] > 0).all(1, keepdim=True)
        centre = torch.where(seen, points[..., :2].mean(1), centre)
    corner = (centre.flip(-1) - side / 2).round().long()
    most = torch.stack([corner.new_full((), max(0, length - side)) for length in size])
    return corner.clamp(min=0).minimum(most)


def resized(points: Tensor, old: Sequence[int], new: Sequence[float]) -> Tensor:
    """Points (..., N, 3) of a picture that is resized from one height and width to another."""
    x, y, visibility = points.unbind(-1)
    y = (y + 0.5) * (new[0] / old[0]) - 0.5
    x = (x + 0.5) * (new[1] / old[1]) - 0.5
    return _without_missing(x, y, visibility)


def cropped(points: Tensor, top: float, left: float, height: int, width: int) -> Tensor:
    """Points (..., N, 3) of a picture of which a window is cut out; a point outside the window becomes a missing one.

    A negative top or left pads the picture.
    """
    x, y, visibility = points.unbind(-1)
    x, y = x - left, y - top
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return _without_missing(x, y, visibility * inside)


def mirrored(points: Tensor, width: int, pairs: Sequence[tuple[int, int]] = MIRRORED) -> Tensor:
    """Points (..., N, 3) of a picture of this width that is mirrored, left to right.

    The pairs of points change places, since a mirrored left hand looks like a right hand.
    """
    order = list(range(points.shape[-2]))
    for one, other in pairs:
        order[one], order[other] = other, one
    x, y, visibility = points[..., order, :].unbind(-1)
    return _without_missing(width - 1 - x, y, visibility)


def _without_missing(x: Tensor, y: Tensor, visibility: Tensor) -> Tensor:
    points = torch.stack([x, y, visibility], -1)
    return points.where(visibility[..., None] > 0, 0.0)
