"""The body of rendered people and the shape of their clothes, as tapered capsules that hang on the bones.

A tapered capsule is the hull of two balls.  Each lies in a space of its own, where the first ball is at the origin and
the second at (0, length, 0); a matrix, which may flatten it, and a shift lead from there to the world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from .people_skeleton import BONES, Pose, Skeleton


class Part(IntEnum):
    """The values of a part map: the ten rigid parts of deformable GANs (Siarohin et al. 2018), and a bag."""

    BACKGROUND = 0
    HEAD = 1
    TORSO = 2
    RIGHT_UPPER_ARM = 3
    RIGHT_LOWER_ARM = 4
    LEFT_UPPER_ARM = 5
    LEFT_LOWER_ARM = 6
    RIGHT_UPPER_LEG = 7
    RIGHT_LOWER_LEG = 8
    LEFT_UPPER_LEG = 9
    LEFT_LOWER_LEG = 10
    BAG = 11


@dataclass(frozen=True)
class Capsules:
    """The capsules of a body in one pose, as arrays with one entry for each.

    Args:
        matrices: (N, 3, 3), from a capsule's own space to the world.
        shifts: (N, 3).
        lengths: (N,), the distance between the two balls in the capsule's own space.
        radii: (N, 2), of the balls at the origin and at the end.
        open_end: (N,), whether the end is cut off flat, as that of a sleeve.
    """

    matrices: np.ndarray
    shifts: np.ndarray
    lengths: np.ndarray
    radii: np.ndarray
    open_end: np.ndarray

    def lowest(self) -> float:
        """The height of the lowest point."""
        ends = self.shifts[:, 1] + self.matrices[:, 1, 1] * self.lengths
        reach = np.linalg.norm(self.matrices[:, 1], axis=1)
        closed = ends - reach * self.radii[:, 1]
        return float(min((self.shifts[:, 1] - reach * self.radii[:, 0]).min(), closed[~self.open_end].min()))

    def moved(self, rotation: np.ndarray, shift: np.ndarray) -> Capsules:
        """All of them turned and then shifted."""
        return replace(self, matrices=rotation @ self.matrices, shifts=self.shifts @ rotation.T + shift)


class Body:
    """The capsules of one person: their shapes at rest, and where a pose moves them.

    ``surfaces`` names what each capsule is made of, ``parts`` its body part, and ``rest`` is all of them at rest.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self.surfaces: list[str] = []
        self.parts: list[Part] = []
        self._bones: list[int] = []
        self._matrices: list[np.ndarray] = []
        self._shifts: list[np.ndarray] = []
        self._shapes: list[tuple[float, float, float]] = []
        self._open: list[bool] = []
        self._skirt: list[tuple[int, float, float]] = []

    def add(
        self,
        surface: str,
        part: Part,
        bone: str,
        start: Sequence[float] | np.ndarray,
        end: Sequence[float] | np.ndarray,
        radii: tuple[float, float],
        stretch: tuple[float, float] = (1.0, 1.0),
        open_end: bool = False,
    ) -> None:
        """Add a capsule between two points at rest; ``stretch`` makes it wider and deeper than round."""
        first, last = np.asarray(start, float), np.asarray(end, float)
        self.surfaces.append(surface)
        self.parts.append(part)
        self._bones.append(BONES.index(bone))
        self._matrices.append(_axes(last - first, np.eye(3)) * [stretch[0], 1, stretch[1]])
        self._shifts.append(first)
        self._shapes.append((float(np.linalg.norm(last - first)), *radii))
        self._open.append(open_end)

    def add_skirt(self, surface: str, length: float, radii: tuple[float, float], pieces: int = 7) -> None:
        """Add a skirt over ``length`` of the thighs: open capsules side by side, from the right thigh to the left."""
        rotations, shifts = self.skeleton.move(Pose())
        for share in np.linspace(0, 1, pieces):
            part = Part.RIGHT_UPPER_LEG if share < 0.5 else Part.LEFT_UPPER_LEG
            self._skirt.append((len(self.surfaces), float(share), length))
            start, end = self._skirt_ends(rotations, shifts, float(share), length)
            self.add(surface, part, "root", start, end, radii, open_end=True)

    def _skirt_ends(
        self, rotations: np.ndarray, shifts: np.ndarray, share: float, length: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where a piece of the skirt begins and ends, ``share`` of the way from the right thigh to the left."""
        above = rotations[0] @ [0, 0.05, 0]
        ends = []
        for side in ("right", "left"):
            hip, knee = (
                rotations[b] @ self.skeleton.joints[BONES[b]] + shifts[b]
                for b in (BONES.index(f"{side}_hip"), BONES.index(f"{side}_knee"))
            )
            ends.append((hip + above, hip + length * (knee - hip)))
        (right_start, right_end), (left_start, left_end) = ends
        # The waist is narrower than the hem.
        start = right_start + (0.1 + 0.8 * share) * (left_start - right_start)
        return start, right_end + share * (left_end - right_end)

    def rest(self) -> Capsules:
        """The capsules at rest."""
        lengths, start_radii, end_radii = np.array(self._shapes).T
        return Capsules(
            np.stack(self._matrices),
            np.stack(self._shifts),
            lengths,
            np.stack([start_radii, end_radii], 1),
            np.array(self._open),
        )

    def posed(self, pose: Pose) -> tuple[Capsules, np.ndarray]:
        """The capsules and the 18 points (18, 3) in a pose, on the floor."""
        rotations, shifts = self.skeleton.move(pose)
        rest = self.rest()
        bones = np.array(self._bones)
        matrices = rotations[bones] @ rest.matrices
        starts = np.einsum("nij,nj->ni", rotations[bones], rest.shifts) + shifts[bones]
        for index, share, length in self._skirt:
            start, end = self._skirt_ends(rotations, shifts, share, length)
            # Cloth stretches along the thigh only.
            matrices[index] = _axes(end - start, rotations[0])
            matrices[index][:, 1] *= np.linalg.norm(end - start) / rest.lengths[index]
            starts[index] = start
        capsules = replace(rest, matrices=matrices, shifts=starts)
        shift = np.array([pose.place[0], pose.lift - capsules.lowest(), pose.place[1]])
        return capsules.moved(np.eye(3), shift), self.skeleton.moved_points(pose) + shift


def _axes(direction: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The rotation whose y axis has a direction and whose x axis is as near as can be to that of a reference."""
    y = direction / np.linalg.norm(direction)
    x = reference[:, 0] if abs(y @ reference[:, 0]) < 0.9 else reference[:, 2]
    x = x - (x @ y) * y
    x = x / np.linalg.norm(x)
    return np.stack([x, y, np.cross(x, y)], 1)
