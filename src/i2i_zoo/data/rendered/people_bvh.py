"""Motion capture in BVH files, with the joints' names of CMU's motion capture library, for rendered people.

A file has a tree of joints, each with its place in its parent at rest, then a line of numbers for each frame: the
root's position and the angles of each joint in degrees.  y points up, and at rest a person looks along z.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from i2i_zoo.errors import ZooError

from .people_skeleton import PARENTS, POINTS, make_skeleton, rotation

#: Our bones to the joints that may move them, the best first.  Programs put prefixes such as mixamorig: before them.
JOINTS = {
    "root": ("Hips",),
    "chest": ("Spine1", "Spine2", "Spine"),
    "neck": ("Head", "Neck1", "Neck"),
    **{
        f"{side.lower()}_{bone}": (f"{side}{joint}",)
        for side, (bone, joint) in itertools.product(
            ("Right", "Left"),
            {"shoulder": "Arm", "elbow": "ForeArm", "hip": "UpLeg", "knee": "Leg", "ankle": "Foot"}.items(),
        )
    },
}
#: Where limbs lead to: their direction at rest is not the same in all files (arms hang, or are held out).
LIMBS = {
    f"{side}_{bone}": (f"{side}_{after}", f"{side.title()}{end}")
    for side, (bone, after, end) in itertools.product(
        ("right", "left"),
        (
            ("shoulder", "elbow", "ForeArm"),
            ("elbow", "wrist", "Hand"),
            ("hip", "knee", "Leg"),
            ("knee", "ankle", "Foot"),
        ),
    )
}


class Joint(NamedTuple):
    """A joint: the number of its parent, None for the root; its place in that at rest; and its channels in order."""

    parent: int | None
    offset: np.ndarray
    channels: tuple[str, ...]


class Tracks(NamedTuple):
    """A clip: bones to rotations (T, 3, 3) relative to their parents, heights (T,) of the root, seconds of a frame."""

    rotations: dict[str, np.ndarray]
    heights: np.ndarray
    seconds: float


def read_bvh(file: Path) -> Tracks:
    """The rotations of our bones in a clip; heights are in body heights of our person, above any floor.

    Raises `ZooError` if the file is damaged, or lacks a joint of CMU's names.
    """
    try:
        words = iter(file.read_text(encoding="utf-8").split())
        joints, values, seconds = parse(words)
    except (OSError, ValueError, StopIteration, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error) or "it ends early"
        raise ZooError(f"{file}: the motion cannot be read as BVH ({reason}); get the file again.") from None
    chosen = {bone: next((name for name in names if name in joints), None) for bone, names in JOINTS.items()}
    for bone, name in [*chosen.items(), *((bone, end if end in joints else None) for bone, (_, end) in LIMBS.items())]:
        if name is None:
            wanted = LIMBS[bone][1] if chosen[bone] else JOINTS[bone][0]
            raise ZooError(f"{file}: the motion has no joint {wanted}; give a clip with the names of CMU's library.")
    order, turned = list(joints), dict[str, np.ndarray]()
    root_height, column = np.zeros(len(values)), 0
    for name, joint in joints.items():
        world = np.eye(3) if joint.parent is None else turned[order[joint.parent]]
        for channel in joint.channels:
            if channel.endswith("rotation"):
                world = world @ rotation(channel[0].lower(), np.radians(values[:, column]))
            elif joint.parent is None and channel == "Yposition":
                root_height = joint.offset[1] + values[:, column]
            column += 1
        turned[name] = world
    skeleton = make_skeleton()
    rest = dict(zip(POINTS, skeleton.points, strict=True)) | dict(skeleton.joints)
    ours: dict[str, np.ndarray] = {}
    for bone, joint_name in chosen.items():
        aligned = np.eye(3)
        if bone in LIMBS:
            after, end = LIMBS[bone]
            aligned = between(rest[after] - rest[bone], joints[end].offset)
        ours[bone] = np.broadcast_to(turned[str(joint_name)] @ aligned, (len(values), 3, 3))
    rotations = {
        bone: ours[bone] if parent is None else ours[parent].transpose(0, 2, 1) @ ours[bone]
        for bone, parent in PARENTS.items()
    }
    leg = sum(float(np.linalg.norm(joints[f"Left{name}"].offset)) for name in ("Leg", "Foot"))
    hip, knee, ankle = (rest[f"left_{name}"] for name in ("hip", "knee", "ankle"))
    own = float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
    return Tracks(rotations, root_height * own / leg, seconds)


def parse(words: Iterator[str]) -> tuple[dict[str, Joint], np.ndarray, float]:
    """The joints by name, the numbers (T, channels) and the seconds of a frame.

    Raises `ValueError`, or StopIteration at an early end.
    """
    joints: dict[str, Joint] = {}
    names: list[str] = []
    above: list[int | None] = [None]
    expect(next(words), "HIERARCHY")
    for word in words:
        if word in ("ROOT", "JOINT"):
            name = next(words).rpartition(":")[2]
            names.append(name)
            joints[name] = Joint(above[-1], np.zeros(3), ())
        elif word == "{":
            above.append(len(names) - 1)
        elif word == "}":
            above.pop()
        elif word == "End":  # of a limb: a site that nothing moves
            for inside in words:
                if inside == "}":
                    break
        elif word == "OFFSET":
            joints[names[-1]] = joints[names[-1]]._replace(offset=np.array([float(next(words)) for _ in range(3)]))
        elif word == "CHANNELS":
            channels = tuple(next(words) for _ in range(int(next(words))))
            joints[names[-1]] = joints[names[-1]]._replace(channels=channels)
        elif word == "MOTION":
            break
        else:
            wrong(word, "a joint")
    if not joints:
        raise ValueError("it has no joints")
    expect(next(words), "Frames:")
    frames = int(next(words))
    expect(next(words), "Frame")
    expect(next(words), "Time:")
    seconds = float(next(words))
    values, columns = np.array([float(word) for word in words]), sum(len(joint.channels) for joint in joints.values())
    if frames < 1 or len(values) != frames * columns or not np.isfinite(values).all():
        raise ValueError(f"{frames} frames of {columns} numbers are announced, and {len(values)} numbers follow")
    return joints, values.reshape(frames, columns), seconds


def expect(word: str, wanted: str) -> None:
    if word != wanted:
        wrong(word, wanted)


def wrong(word: str, wanted: str) -> NoReturn:
    raise ValueError(f"{word[:30]!r} is where {wanted} belongs")


def between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The smallest rotation (3, 3) that turns one direction into another that is not its opposite."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: np.ndarray = np.eye(3) + cross + cross @ cross / (1 + start @ end)
    return turned
