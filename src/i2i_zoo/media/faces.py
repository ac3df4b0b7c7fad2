"""Landmarks of faces: reading them, the box around a face, and the maps that vid2vid's networks see.

A face is (68, 2): x and y in pixels of its picture, as `i2i_zoo.data.augmentation` defines them, in the order of dlib
and iBUG 300-W.  The maps follow the code of vid2vid's authors (``data/face_dataset.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from i2i_zoo.errors import ZooError

from .files import refuse_pipe
from .geometry import resize, within
from .lines import strong_edges
from .memory import need_picture_memory

#: How many points a face has.
POINTS = 68

#: The suffixes of files that hold the landmarks of one face.
LANDMARK_SUFFIXES = (".txt", ".csv")

#: The jaw, from ear to ear; its mirror image above the ears, the points 68 to 82, closes the outline.
JAW = range(17)

#: The curves of a face, each through these points: the outline, eyebrows, nose, eyes, lips, and between the lips.
CURVES = (
    (*JAW, *range(68, 83), 0),
    tuple(range(17, 22)), tuple(range(22, 27)),
    (28, 31), tuple(range(31, 36)), (35, 28),
    (36, 37, 38, 39), (39, 40, 41, 36), (42, 43, 44, 45), (45, 46, 47, 42),
    tuple(range(48, 55)), (54, 55, 56, 57, 58, 59, 48),
    tuple(range(60, 65)), (64, 65, 66, 67, 60),
)  # fmt: skip

#: Channels of the maps: all curves together, and the distance from each.
CHANNELS = 1 + len(CURVES)

#: The side of the box around a face, in widths of the face.
BOX = 2.5

#: Farther from the corner of its picture is no point.
FARTHEST = 10**5


class Box(NamedTuple):
    """A square part of a picture, in whole pixels.  It may reach beyond the picture."""

    top: int
    left: int
    side: int

    def crop(self, picture: Tensor) -> Tensor:
        """This part of pictures (..., H, W), of which it lies within."""
        return picture[..., self.top : self.top + self.side, self.left : self.left + self.side]


def read_face(source: Any) -> Tensor:
    """The landmarks (68, 2) of a file with a line ``x,y`` for each point, or of an array or a tensor.

    Raises `ZooError` naming the file if it is missing or no such file, for another number of points, and for a point
    that is no place in a picture.
    """
    if not isinstance(source, (str, Path)):
        return as_face(source)
    path, rows = Path(source), []
    if path.suffix.lower() not in LANDMARK_SUFFIXES:
        raise ZooError(f"{path}: landmarks of a face are read from {' and '.join(LANDMARK_SUFFIXES)} files.")
    try:
        refuse_pipe(path)
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise ZooError(f"{path}: there is no such file; check the path.") from None
    except OSError as error:
        raise ZooError(f"{path}: the file cannot be read ({error.strerror}); check the path and its rights.") from None
    except UnicodeDecodeError as error:
        raise ZooError(f"{path}: byte {error.start} is no text in UTF-8; write the file again.") from None
    for number, line in enumerate(lines, 1):
        words = line.replace(",", " ").split()
        try:
            x, y = map(float, words)
        except ValueError:
            if not words:
                continue
            raise ZooError(f"{path}: line {number} is {line[:40]!r}; each line is x,y of one point.") from None
        rows.append((x, y))
    return as_face(np.array(rows).reshape(-1, 2), str(path))


def as_face(points: Any, origin: str = "The face") -> Tensor:
    """Landmarks (..., 68, 2) as floats; raises `ZooError` naming ``origin`` if they are none."""
    array = points.detach().cpu().numpy() if isinstance(points, Tensor) else np.asarray(points)
    if array.ndim < 2 or array.shape[-2:] != (POINTS, 2) or array.dtype.kind not in "iuf" or not array.size:
        found = f"{array.shape[0]} points" if array.ndim == 2 and array.shape[1] == 2 else f"shape {array.shape}"
        raise ZooError(f"{origin}: a face has {POINTS} points of x and y, in the order of dlib's, not {found}.")
    wrong = ~(np.abs(array) < FARTHEST).all(-1)  # also for NaN
    if wrong.any():
        index = tuple(int(place[0]) for place in wrong.nonzero())
        x, y = array[index]
        raise ZooError(
            f"{origin}: point {index[-1]} is at ({x:g}, {y:g}), which is no place in a picture; find the landmarks "
            "again, or remove this frame."
        )
    return torch.from_numpy(array.astype(np.float32))


def check_within(face: Tensor, size: Sequence[int], origin: str) -> None:
    """Raise `ZooError` naming ``origin`` if most points of a face are outside of its picture, whose size is given."""
    inside = int(within(face, size).sum())
    if inside * 2 < len(face):
        raise ZooError(
            f"{origin}: {len(face) - inside} of its {len(face)} points are outside of its picture of "
            f"{size[1]}x{size[0]} pixels; find the landmarks in this picture."
        )


def face_box(points: Tensor, size: Sequence[int] | None = None) -> Box:
    """The box around a face (68, 2): as wide and high as `BOX` faces, with more room above than below.

    Args:
        points: The landmarks.
        size: Height and width of the picture that it stays within; None if nobody knows them.

    Raises:
        ZooError: If the face is less than a pixel wide.
    """
    (left, top), (right, bottom) = (edge.double().tolist() for edge in (points.amin(0), points.amax(0)))
    half = int(BOX * (right - left) / 2)
    if half < 1:
        raise ZooError(f"A face that is {right - left:.2g} pixels wide was given: give landmarks in pixels.")
    half = half if size is None else min(half, *(side // 2 for side in size))
    x, y = (left + right) // 2 - half, (3 * top + bottom) // 4 - half
    if size is not None:
        x, y = (max(0, min(at, side - 2 * half)) for at, side in ((x, size[1]), (y, size[0])))
    return Box(int(y), int(x), 2 * half)


def face_maps(points: Tensor, box: Box, size: Sequence[int], picture: Tensor | None = None) -> Tensor:
    """What vid2vid's networks see of a face, (15, height, width) in [0, 1]: its curves, and the distance from each.

    Args:
        points: The landmarks (68, 2).
        box: The part of the picture to draw.
        size: Height and width to scale it to.
        picture: The picture (3, H, W) in [-1, 1], whose edges around the face are drawn beside the curves.

    Raises:
        ZooError: If the box does not fit into memory.
    """
    need_picture_memory((CHANNELS, box.side, box.side), 16, "The box around a face")
    closed = outlined(points - points.new_tensor([box.left, box.top]))
    maps = draw_face(closed, box.side)
    if picture is not None:
        outside = ~inside(closed[list(CURVES[0])], box.side)
        maps[0] = maps[0].maximum(strong_edges(box.crop(picture)) & outside)
    return resize(maps, size).clamp(0, 1)


def outlined(points: Tensor) -> Tensor:
    """A face (68, 2) with 15 points for the forehead, (83, 2): those of the jaw mirrored up, and brought nearer."""
    jaw = points[list(JAW)].trunc()
    ears = (jaw[0, 1] + jaw[-1, 1]) / 2
    above = jaw[1:-1].flip(0)
    above[:, 1] = (ears + ((ears - above[:, 1]) * 2 / 3).floor()).trunc()
    return torch.cat([points, above])


def draw_face(points: Tensor, side: int) -> Tensor:
    """The maps of an `outlined` face in a square picture, (15, side, side) in [0, 1].

    First the curves, two pixels wide.  Then for each curve a third of the distance from it in pixels, counted along
    rows and columns (L1), of 255 at most and divided by that.
    """
    numbers = points.double().numpy()
    curves = torch.zeros(len(CURVES), side, side, dtype=torch.bool)
    for curve, part in zip(curves, CURVES, strict=True):
        for start in range(0, len(part) - 1, 2):
            x, y = curved(numbers[list(part[start : start + 3])])
            for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
                row, column = torch.from_numpy(y - down), torch.from_numpy(x - across)
                shown = (row >= 0) & (row < side) & (column >= 0) & (column < side)
                curve[row[shown], column[shown]] = True
    distances = (l1_distance(curves) / 3).floor().clamp_max(255) / 255
    return torch.cat([curves.any(0, keepdim=True).float(), distances])


def curved(points: np.ndarray) -> np.ndarray:
    """Whole x and y, (2, N), along the parabola through three points, or along the line through two.

    It is a function of the coordinate in which neighbours are farther apart.  A parabola that bends too much, with more
    than 1 before its square, is left out, as in the authors' code; so are points of which two share that coordinate.
    """
    across, down = np.abs(np.diff(points, axis=0)).max(0)
    order = 1 if across >= down else -1
    along, beside = points.T[::order]
    if len(set(along)) == len(along):
        factors = np.polyfit(along, beside, len(points) - 1)
        if len(points) == 2 or abs(factors[0]) <= 1:
            low, high = sorted((along[0], along[-1]))
            places = np.linspace(low, high, int(high - low))
            # A whole number stays what it is, whatever the rounding error.
            return (np.stack([places, np.polyval(factors, places)][::order]) + 1e-6).astype(np.int64)
    return np.zeros((2, 0), np.int64)


def inside(outline: Tensor, side: int) -> Tensor:
    """Which pixels (side, side) are within a closed outline (N, 2)."""
    picture = Image.new("1", (side, side))
    ImageDraw.Draw(picture).polygon([(x, y) for x, y in outline.trunc().tolist()], fill=1)
    return torch.from_numpy(np.array(picture))


def l1_distance(mask: Tensor) -> Tensor:
    """The distance of each pixel from the nearest one of a mask (..., H, W), in steps along rows and columns.

    It is infinite if the mask is empty.
    """
    distance = torch.where(mask, 0.0, torch.inf)
    for _ in range(2):  # along rows, then along columns
        steps = torch.arange(distance.shape[-1])
        right, left = ((part - steps).cummin(-1).values + steps for part in (distance, distance.flip(-1)))
        distance = torch.minimum(right, left.flip(-1)).mT
    return distance
