"""Casting parallel rays at tapered capsules: which one is seen at each pixel, how far away, and where on it.

Rays run along z and the viewer is at positive z, so that of two points the one with the greater z hides the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .people_body import Capsules

_NOTHING = np.float32(-1e9)


@dataclass(frozen=True)
class Hits:
    """What is seen of some capsules in a picture of H x W rays.

    Args:
        depth: (H, W), the z of what is seen, and -1e9 where nothing is.
        index: (H, W), the number of the capsule that is seen, and -1 where none is.
        local: (N, 3), the points that are seen, row by row, each in the own space of its capsule.
        normals: (N, 3), the surface's normals there, of length 1.
    """

    depth: np.ndarray
    index: np.ndarray
    local: np.ndarray
    normals: np.ndarray


def cast(capsules: Capsules, x: np.ndarray, y: np.ndarray) -> Hits:
    """What rays at all columns ``x`` (W), ascending, and rows ``y`` (H), descending, see of the capsules."""
    depth = np.full((len(y), len(x)), _NOTHING, np.float32)
    index = np.full(depth.shape, -1, np.int16)
    inverses = np.linalg.inv(capsules.matrices)
    ends = capsules.shifts + capsules.matrices[:, :, 1] * capsules.lengths[:, None]
    reach = np.linalg.norm(capsules.matrices, axis=2)
    # A capsule is seen within the box around its two balls.
    low = np.minimum(capsules.shifts - reach * capsules.radii[:, :1], ends - reach * capsules.radii[:, 1:])
    high = np.maximum(capsules.shifts + reach * capsules.radii[:, :1], ends + reach * capsules.radii[:, 1:])
    left, right = np.searchsorted(x, low[:, 0]), np.searchsorted(x, high[:, 0])
    top, bottom = np.searchsorted(-y, -high[:, 1]), np.searchsorted(-y, -low[:, 1])
    for number in range(len(inverses)):
        box = slice(top[number], bottom[number]), slice(left[number], right[number])
        if box[0].start >= box[0].stop or box[1].start >= box[1].stop:
            continue
        seen = _entry(
            inverses[number],
            capsules.shifts[number],
            float(capsules.lengths[number]),
            capsules.radii[number],
            bool(capsules.open_end[number]),
            x[box[1]],
            y[box[0]],
        )
        nearer = seen > depth[box]
        depth[box][nearer] = seen[nearer]
        index[box][nearer] = number
    rows, columns = np.nonzero(index >= 0)
    chosen = index[rows, columns]
    points = np.stack([x[columns], y[rows], depth[rows, columns]], 1) - capsules.shifts[chosen]
    local = np.einsum("nij,nj->ni", inverses[chosen].astype(np.float32), points.astype(np.float32))
    return Hits(depth, index, local, _normals(capsules, inverses, chosen, local))


def _entry(
    inverse: np.ndarray,
    shift: np.ndarray,
    length: float,
    radii: np.ndarray,
    open_end: bool,
    x: np.ndarray,
    y: np.ndarray,
) -> np.ndarray:
    """The greatest z at which each ray (H, W) meets a capsule, or -1e9.

    In the capsule's own space a ray is ``o + z d``.  The hull of two balls is bounded by the balls and by the cone that
    touches both.  It is convex, so that the greatest z of all three is what the viewer sees.
    """
    dx, dy, dz = (float(v) for v in inverse[:, 2])
    start = -inverse @ shift
    columns, rows = (
        (inverse[:, 0, None] * x).astype(np.float32),
        (inverse[:, 1, None] * y + start[:, None]).astype(np.float32),
    )
    ox, oy, oz = (columns[i][None] + rows[i][:, None] for i in range(3))
    first, last = float(radii[0]), float(radii[1])
    sine = min(max((first - last) / length, -0.99), 0.99)  # of half the cone's opening angle
    cosine2 = 1 - sine * sine
    across = ox * ox + oz * oz
    along = ox * dx + oz * dz
    steep = dx * dx + dz * dz

    def ball(at: float, radius: float) -> np.ndarray:
        away = oy - np.float32(at)
        half, rest = along + away * dy, across + away * away - radius * radius
        squared = half * half - (steep + dy * dy) * rest
        root = (np.sqrt(np.maximum(squared, 0)) - half) / (steep + dy * dy)
        met: np.ndarray = np.where(squared > 0, root, _NOTHING)
        return met

    # The cone: its radius at height y is (first - sine y) / cosine.
    radius, change = first - sine * oy, -sine * dy
    a = steep - change * change / cosine2
    b = along - radius * (change / cosine2)
    squared = b * b - a * (across - radius * radius / cosine2)
    a = a if abs(a) > 1e-6 else 1e-6
    root = np.sqrt(np.maximum(squared, 0))
    z = (root - b if a > 0 else -root - b) / a
    height = oy + z * dy
    top = length if open_end else length + last * sine
    seen: np.ndarray = np.where((squared > 0) & (height >= first * sine) & (height <= top), z, _NOTHING)
    if a < 0:  # looking along the axis: the ray meets both halves of the double cone
        z = (root - b) / a
        height = oy + z * dy
        seen = np.maximum(seen, np.where((squared > 0) & (height >= first * sine) & (height <= top), z, _NOTHING))
    seen = np.maximum(seen, ball(0.0, first))
    if not open_end:
        seen = np.maximum(seen, ball(length, last))
    elif dy > 1e-6:  # the flat end is turned to the viewer
        z = (length - oy) / dy
        inside = (ox + z * dx) ** 2 + (oz + z * dz) ** 2 < (first - sine * length) ** 2 / cosine2
        seen = np.maximum(seen, np.where(inside, z, _NOTHING))
    return seen


def _normals(capsules: Capsules, inverses: np.ndarray, chosen: np.ndarray, local: np.ndarray) -> np.ndarray:
    lengths, radii = capsules.lengths[chosen], capsules.radii[chosen]
    sine = np.clip((radii[:, 0] - radii[:, 1]) / lengths, -0.99, 0.99)
    # The foot on the axis of the normal, which is inclined by the cone's angle.
    distance = np.hypot(local[:, 0], local[:, 2])
    foot = np.clip(local[:, 1] - distance * sine / np.sqrt(1 - sine * sine), 0, lengths)
    inside = local.copy()
    inside[:, 1] -= foot
    flat = capsules.open_end[chosen] & (local[:, 1] > lengths - 1e-4)
    inside[flat] = 0, 1, 0
    normals = np.einsum("nij,ni->nj", inverses[chosen].astype(np.float32), inside)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    result: np.ndarray = normals
    return result
