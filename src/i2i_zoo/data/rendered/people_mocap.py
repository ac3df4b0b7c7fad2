"""Motion capture for rendered people: BVH files, and clips in the format of DeepMimic and PyBullet.

Such a clip, ``humanoid3d_*.txt``, is a JSON object.  Its ``Frames`` are lists of 44 numbers: the seconds that the frame
lasts, the root's position in metres, then quaternions (w, x, y, z) of joints and the angles of hinges.  The person
walks along x; y points up.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from i2i_zoo.errors import ZooError

from .people_bvh import read_bvh
from .people_skeleton import Pose, make_skeleton, rotation

#: Bones in a frame's order after the root's position, and how many numbers each has.
_LAYOUT = {
    "root": 4,
    "chest": 4,
    "neck": 4,
    "right_hip": 4,
    "right_knee": 1,
    "right_ankle": 4,
    "right_shoulder": 4,
    "right_elbow": 1,
    "left_hip": 4,
    "left_knee": 1,
    "left_ankle": 4,
    "left_shoulder": 4,
    "left_elbow": 1,
}
_NUMBERS = 4 + sum(_LAYOUT.values())
_AXES = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]])  # the file's axes to those of `people_skeleton`
_METRES = 1.62  # the height of the person in the files


#: How the names of clips end.
SUFFIXES = (".txt", ".bvh")


def read_motion(file: Path) -> tuple[list[Pose], float]:
    """The poses of a clip and the seconds between two of them.

    Raises:
        ZooError: If the file cannot be read, or is no such clip.
    """
    if file.suffix.lower() == ".bvh":
        tracks = read_bvh(file)
        poses = [
            Pose({bone: rotations[frame] for bone, rotations in tracks.rotations.items()})
            for frame in range(len(tracks.heights))
        ]
        return on_floor(poses, tracks.heights), tracks.seconds
    try:
        clip = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not JSON"
        raise ZooError(
            f"{file}: the motion cannot be read ({reason}); give a clip such as PyBullet's humanoid3d_walk.txt."
        ) from None
    frames = clip.get("Frames") if isinstance(clip, dict) else None
    if not isinstance(frames, list) or not frames:
        raise ZooError(f"{file}: the motion has no Frames; give a clip such as PyBullet's humanoid3d_walk.txt.")
    for number, frame in enumerate(frames):
        if not isinstance(frame, list) or len(frame) != _NUMBERS or not all(type(v) in (int, float) for v in frame):
            raise ZooError(f"{file}: frame {number} of the motion is not a list of {_NUMBERS} numbers; check the file.")
    values = np.array(frames, float)
    if not np.isfinite(values).all():
        raise ZooError(f"{file}: the motion has numbers that are not finite; check the file.")
    poses = [_pose(frame, f"{file}: frame {number}") for number, frame in enumerate(values)]
    return on_floor(poses, values[:, 2] / _METRES), float(values[0, 0])


def on_floor(poses: Sequence[Pose], root_heights: np.ndarray) -> list[Pose]:
    """Poses above a floor that lies under the lowest point of all frames; heights of the root are in body heights."""
    skeleton = make_skeleton()
    above_root = [skeleton.moved_points(pose)[:, 1].min() - skeleton.joints["root"][1] for pose in poses]
    heights = root_heights + above_root
    return [replace(pose, lift=lift) for pose, lift in zip(poses, heights - heights.min(), strict=True)]


def _pose(frame: np.ndarray, where: str) -> Pose:
    rotations, start = {}, 4
    for bone, count in _LAYOUT.items():
        turn = frame[start : start + count]
        start += count
        matrix = rotation("z", turn[0]) if count == 1 else _from_quaternion(turn, f"{where}: the {bone}")
        rotations[bone] = _AXES @ matrix @ _AXES.T
    return Pose(rotations)


def _from_quaternion(quaternion: np.ndarray, where: str) -> np.ndarray:
    length = np.linalg.norm(quaternion)
    if length < 1e-6:
        raise ZooError(f"{where} has a quaternion of length 0, which is no rotation; check the file.")
    w, x, y, z = quaternion / length
    # The axis' cross product as a matrix K: the rotation is I + 2 w K + 2 K K.
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: np.ndarray = np.eye(3) + 2 * w * cross + 2 * cross @ cross
    return turned
