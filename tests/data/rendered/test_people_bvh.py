"""Motion capture in BVH files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from i2i_zoo.data.rendered.people_data import PeopleData
from i2i_zoo.data.rendered.people_mocap import read_motion
from i2i_zoo.data.rendered.people_skeleton import POINTS, make_skeleton
from i2i_zoo.errors import ZooError

#: A person in the T-pose, in inches: each joint with its place in its parent and what hangs on it.
TREE = {
    "Hips": ((0, 0, 0), ("LowerBack", "LHipJoint", "RHipJoint")),
    "LowerBack": ((0, 1, 0), ("Spine1",)),
    "Spine1": ((0, 4, 0), ("Neck", "LeftShoulder", "RightShoulder")),
    "Neck": ((0, 3, 0), ("Head",)),
    "Head": ((0, 2, 0), ()),
}
for name, sign in (("Left", 1), ("Right", -1)):
    TREE |= {
        f"{name[0]}HipJoint": ((0, 0, 0), (f"{name}UpLeg",)),
        f"{name}UpLeg": ((sign * 1.5, -1, 0), (f"{name}Leg",)),
        f"{name}Leg": ((sign * 2, -7, 0), (f"{name}Foot",)),  # the legs are apart
        f"{name}Foot": ((sign * 2, -7, 0), ()),
        f"{name}Shoulder": ((0, 2, 0), (f"{name}Arm",)),
        f"{name}Arm": ((sign * 3, 0, 0), (f"{name}ForeArm",)),
        f"{name}ForeArm": ((sign * 5, 0, 0), (f"{name}Hand",)),
        f"{name}Hand": ((sign * 4, 0, 0), ()),
    }
CHANNELS = ("Zrotation", "Yrotation", "Xrotation")


def joint(name: str, kind: str = "JOINT") -> str:
    offset, below = TREE[name]
    channels = (*("Xposition", "Yposition", "Zposition"), *CHANNELS) if kind == "ROOT" else CHANNELS
    inside = [joint(child) for child in below] or ["End Site { OFFSET 0 -1 0 }"]
    header = f"OFFSET {' '.join(map(str, offset))} CHANNELS {len(channels)} {' '.join(channels)}"
    return "\n".join([f"{kind} {name}", "{", header, *inside, "}"])


def order(name: str = "Hips") -> list[str]:
    return [name, *(found for child in TREE[name][1] for found in order(child))]


def clip(file: Path, *frames: dict[str, tuple[float, float, float]], height: float = 16.0) -> Path:
    """A BVH file; each frame has angles in degrees about z, y and x of some joints."""
    lines = []
    for frame in frames:
        root = frame.get("position", (0.0, height, 0.0))
        angles = [angle for name in order() for angle in frame.get(name, (0.0, 0.0, 0.0))]
        lines.append(" ".join(map(str, [*root, *angles])))
    head = f"MOTION\nFrames: {len(frames)}\nFrame Time: 0.00833333"
    file.write_text("\n".join(["HIERARCHY", joint("Hips", "ROOT"), head, *lines]))
    return file


#: The angles that bring the arms and the legs of the T-pose down.
DOWN = {
    "LeftArm": (-90.0, 0.0, 0.0),
    "RightArm": (90.0, 0.0, 0.0),
    "LeftUpLeg": (-np.degrees(np.arctan2(2, 7)), 0.0, 0.0),
    "RightUpLeg": (np.degrees(np.arctan2(2, 7)), 0.0, 0.0),
}


def test_a_clip_moves_the_skeleton(tmp_path: Path) -> None:
    frames = [
        DOWN,
        {},
        DOWN | {"RightForeArm": (0.0, 90.0, 0.0)},  # about the y axis of the T-pose
        DOWN | {"LeftLeg": (0.0, 0.0, 90.0)},
        DOWN | {"Hips": (0.0, 90.0, 0.0)},
        DOWN | {"position": (3.0, 20.0, 5.0)},
    ]
    poses, seconds = read_motion(clip(tmp_path / "walk.bvh", *frames))
    assert seconds == pytest.approx(1 / 120, rel=1e-4)
    skeleton = make_skeleton()
    point = {name: number for number, name in enumerate(POINTS)}
    still, spread, elbow, knee, turned, jump = (skeleton.moved_points(pose) for pose in poses)
    assert np.allclose(still, skeleton.points, atol=0.02)  # arms hang straight, not a little bent
    for side, sign in (("left", 1), ("right", -1)):
        arm = spread[point[f"{side}_wrist"]] - spread[point[f"{side}_shoulder"]]
        assert np.allclose(arm, [sign * 0.318, 0, 0], atol=0.01)
        leg = spread[point[f"{side}_ankle"]] - spread[point[f"{side}_hip"]]
        assert leg[0] * sign / -leg[1] == pytest.approx(2 / 7, rel=0.01)
    assert elbow[point["right_wrist"], 2] - elbow[point["right_elbow"], 2] == pytest.approx(0.148, abs=0.01)
    assert knee[point["left_ankle"], 2] < -0.2  # the shin goes back
    assert turned[0, 0] - turned[1, 0] == pytest.approx(0.064, abs=0.01)  # looks to the person's left
    assert np.allclose(jump, still)
    inches = 0.475 / (2 * np.hypot(2, 7))
    assert poses[5].lift - poses[0].lift == pytest.approx(4 * inches, rel=0.01)


def test_a_folder_of_clips_is_rendered(tmp_path: Path) -> None:
    clip(tmp_path / "knee.BVH", DOWN | {"RightLeg": (0.0, 0.0, 115.0)})
    data = PeopleData(motions=str(tmp_path), num_workers=0)
    data.setup("fit")
    dataset = data.datasets["train"]
    rng = np.random.default_rng(0)
    bent = [np.trace(dataset.pose(rng).rotations["right_knee"]) < 0.3 for _ in range(60)]
    assert 20 < sum(bent) < 45
    assert dataset[0, 0]["source"].shape == (3, 128, 64)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("HIERARCHY", "HIERARCHIE"), "'HIERARCHIE' is where HIERARCHY belongs"),
        (
            ("RightForeArm", "RightLowerArm"),
            "the motion has no joint RightForeArm; give a clip with the names of CMU's",
        ),
        (("RightHand", "RightPalm"), "the motion has no joint RightHand"),
        (("Frames: 1", "Frames: 2"), r"2 frames of \d+ numbers are announced, and \d+ numbers follow"),
        (("Frame Time: 0.00833333", "Frame Time:"), "cannot be read as BVH"),
        (("OFFSET 0 4 0", "OFFSET 0 4 x"), "could not convert string to float"),
        (("JOINT Head", "Head"), "'Head' is where a joint belongs"),
    ],
)
def test_a_file_that_is_no_such_clip(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    file = clip(tmp_path / "walk.bvh", DOWN)
    assert change[0] in file.read_text()
    file.write_text(file.read_text().replace(*change))
    with pytest.raises(ZooError, match=words) as error:
        read_motion(file)
    assert str(file) in str(error.value)
    with pytest.raises(ZooError, match="No such file"):
        read_motion(tmp_path / "gone.bvh")
