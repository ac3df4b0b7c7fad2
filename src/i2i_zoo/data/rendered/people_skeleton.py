"""The skeleton of rendered people: bones, joints, rotations, and how a pose moves them.

Lengths are in body heights.  At rest a person stands on the floor (y = 0), faces the viewer along z and lets the arms
hang; y points up and x to the person's own left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

#: Every bone's parent.  A bone turns about the joint where it begins.
PARENTS = {
    "root": None,
    "chest": "root",
    "neck": "chest",
    "right_shoulder": "chest",
    "right_elbow": "right_shoulder",
    "right_hip": "root",
    "right_knee": "right_hip",
    "right_ankle": "right_knee",
    "left_shoulder": "chest",
    "left_elbow": "left_shoulder",
    "left_hip": "root",
    "left_knee": "left_hip",
    "left_ankle": "left_knee",
}
BONES = tuple(PARENTS)

#: The 18 points of OpenPose in its order.
POINTS = (
    *("nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist"),
    *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear"),
)
#: The bone that carries each point.
POINT_BONES = (
    *("neck", "chest", "right_shoulder", "right_elbow", "right_elbow", "left_shoulder", "left_elbow", "left_elbow"),
    *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("neck", "neck", "neck", "neck"),
)


def rotation(axis: str, angle: float | np.ndarray) -> np.ndarray:
    """The matrices (..., 3, 3) that turn by angles (...) in radians about ``x``, ``y`` or ``z``, counter-clockwise."""
    one, other = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    turned = np.zeros((*np.shape(angle), 3, 3))
    turned[..., range(3), range(3)] = 1
    turned[..., one, one] = turned[..., other, other] = np.cos(angle)
    turned[..., other, one] = np.sin(angle)
    turned[..., one, other] = -np.sin(angle)
    return turned


@dataclass(frozen=True)
class Pose:
    """How the bones are turned.

    Args:
        rotations: Bone to its (3, 3) rotation relative to its parent; a bone that is missing stays as at rest.
        lift: Height of the lowest point of the body above the floor, as in a jump.
        place: Where the person stands on the floor: x and z.
    """

    rotations: Mapping[str, np.ndarray] = field(default_factory=dict)
    lift: float = 0.0
    place: tuple[float, float] = (0.0, 0.0)


def limb(side: str, *, forward: float = 0, outward: float = 0, inward_turn: float = 0) -> np.ndarray:
    """The rotation of a shoulder or a hip, in radians: lifted to the front, to the side, and turned about itself."""
    sign = 1 if side == "left" else -1
    turned: np.ndarray = rotation("x", -forward) @ rotation("z", sign * outward) @ rotation("y", -sign * inward_turn)
    return turned


@dataclass(frozen=True)
class Skeleton:
    """The joints of one person at rest.

    Args:
        joints: Bone to the (3,) joint where it begins.
        points: (18, 3), the points of OpenPose.
    """

    joints: Mapping[str, np.ndarray]
    points: np.ndarray

    def move(self, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (13, 3, 3) and shifts (13, 3) of all bones: ``rotation @ rest + shift`` is where a point goes."""
        turned: dict[str, np.ndarray] = {}
        placed: dict[str, np.ndarray] = {}
        for bone, parent in PARENTS.items():
            own = pose.rotations.get(bone, np.eye(3))
            if parent is None:
                turned[bone], placed[bone] = own, self.joints[bone]
            else:
                turned[bone] = turned[parent] @ own
                placed[bone] = placed[parent] + turned[parent] @ (self.joints[bone] - self.joints[parent])
        rotations = np.stack([turned[bone] for bone in BONES])
        shifts = np.stack([placed[bone] - turned[bone] @ self.joints[bone] for bone in BONES])
        return rotations, shifts

    def moved_points(self, pose: Pose) -> np.ndarray:
        """Where the pose moves the 18 points: (18, 3), before the body is put on the floor."""
        rotations, shifts = self.move(pose)
        bones = [BONES.index(bone) for bone in POINT_BONES]
        moved: np.ndarray = np.einsum("nij,nj->ni", rotations[bones], self.points) + shifts[bones]
        return moved


def make_skeleton(shoulders: float = 0.105, hips: float = 0.053, legs: float = 1.0, head: float = 1.0) -> Skeleton:
    """A skeleton of usual proportions.

    Args:
        shoulders: Half the distance between the shoulders.
        hips: Half the distance between the hips.
        legs: The legs' length, 1 as usual.
        head: The head's size, 1 as usual.
    """
    hip = 0.045 + 0.475 * legs
    knee = 0.045 + 0.238 * legs
    neck = hip + 0.312
    joints: dict[str, tuple[float, float, float]] = {
        "root": (0, hip + 0.01, 0),
        "chest": (0, hip + 0.112, 0),
        "neck": (0, neck, 0),
    }
    ends: dict[str, tuple[float, float, float]] = {}
    for side, sign in (("right", -1), ("left", 1)):
        joints[f"{side}_shoulder"] = (sign * shoulders, hip + 0.282, -0.004)
        joints[f"{side}_elbow"] = (sign * (shoulders + 0.004), hip + 0.112, -0.006)
        joints[f"{side}_hip"] = (sign * hips, hip, 0)
        joints[f"{side}_knee"] = (sign * (hips - 0.004), knee, 0.006)
        joints[f"{side}_ankle"] = (sign * (hips - 0.006), 0.045, -0.004)
        ends[f"{side}_wrist"] = (sign * (shoulders + 0.006), hip - 0.036, -0.002)
        ends[f"{side}_eye"] = (sign * 0.0205 * head, neck + 0.094 * head, 0.05 * head)
        ends[f"{side}_ear"] = (sign * 0.046 * head, neck + 0.08 * head, -0.002)
    ends["nose"] = (0, neck + 0.072 * head, 0.064 * head)
    ends["neck"] = (0, hip + 0.282, 0)
    points = np.array([ends.get(name) or joints[name] for name in POINTS], float)
    return Skeleton({bone: np.array(joint, float) for bone, joint in joints.items()}, points)
