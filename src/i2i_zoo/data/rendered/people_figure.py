"""The figure of a rendered person: which capsules an identity's body, hair and clothes consist of."""

from __future__ import annotations

import numpy as np

from .people_body import Body, Part
from .people_identity import Identity
from .people_skeleton import make_skeleton

Point = tuple[float, float, float]

_PARTS = {
    "right": (Part.RIGHT_UPPER_ARM, Part.RIGHT_LOWER_ARM, Part.RIGHT_UPPER_LEG, Part.RIGHT_LOWER_LEG),
    "left": (Part.LEFT_UPPER_ARM, Part.LEFT_LOWER_ARM, Part.LEFT_UPPER_LEG, Part.LEFT_LOWER_LEG),
}


def make_body(who: Identity) -> Body:
    """The capsules of a person and of what the person wears."""
    body = Body(make_skeleton(who.shoulders, who.hips, who.legs, who.head))
    _head(body, who)
    _trunk(body, who)
    for side in ("right", "left"):
        _arm(body, who, side)
        _leg(body, who, side)
    if who.lower == "skirt":
        width = who.weight**0.5
        body.add_skirt("skirt", who.lower_length, (0.066 * width, 0.088 * width))
    _bag(body, who)
    return body


def _head(body: Body, who: Identity) -> None:
    middle = body.skeleton.joints["neck"] + [0, 0.094 * who.head, 0]

    def add(
        surface: str, start: Point, end: Point, radii: tuple[float, float], stretch: tuple[float, float] = (1.0, 1.0)
    ) -> None:
        """Add a capsule in coordinates about the middle of the head, which grow with it."""
        first, last = (middle + who.head * np.array(point) for point in (start, end))
        body.add(surface, Part.HEAD, "neck", first, last, (who.head * radii[0], who.head * radii[1]), stretch)

    add("head", (0, 0.016, -0.004), (0, -0.036, 0.014), (0.057, 0.038), stretch=(0.84, 1.0))
    add("nose", (0, 0.0, 0.052), (0, -0.02, 0.058), (0.006, 0.0095))
    for sign in (-1, 1):
        add("ear", (sign * 0.047, -0.004, -0.002), (sign * 0.046, -0.018, 0.0), (0.011, 0.008), stretch=(0.6, 1.0))
    if who.haircut != "bald":
        puff = 1.1 if who.haircut in ("curly", "bob") else 1.0
        add("hair", (0, 0.024, -0.012), (0, -0.008, -0.02), (0.058 * puff, 0.05 * puff), stretch=(0.88, 1.0))
    if who.haircut == "long":
        add("hair", (0, 0.0, -0.024), (0, -0.135, -0.052), (0.052, 0.04), stretch=(1.05, 0.7))
    elif who.haircut == "bob":
        add("hair", (0, 0.0, -0.022), (0, -0.055, -0.022), (0.058, 0.054), stretch=(0.98, 0.85))
    elif who.haircut == "tail":
        add("hair", (0, 0.02, -0.068), (0, -0.1, -0.088), (0.022, 0.014))
    elif who.haircut == "bun" and who.hat == "none":
        add("hair", (0, 0.062, -0.04), (0, 0.064, -0.046), (0.027, 0.027))
    if who.hat != "none":
        add("hat", (0, 0.034, -0.008), (0, 0.024, -0.01), (0.062, 0.062), stretch=(0.88, 1.0))
    if who.hat == "cap":
        add("hat", (0, 0.038, 0.03), (0, 0.03, 0.084), (0.034, 0.03), stretch=(1.2, 0.22))


def _trunk(body: Body, who: Identity) -> None:
    joints, torso = body.skeleton.joints, Part.TORSO
    neck, pivot, root = joints["neck"][1], joints["chest"][1], joints["root"][1]
    shoulder = joints["left_shoulder"]
    w = who.weight**0.6
    wide = who.shoulders / 0.105
    body.add("neck", Part.HEAD, "chest", (0, neck - 0.03, -0.008), (0, neck + 0.05, 0), (0.031 * w, 0.029 * w))
    for sign in (-1, 1):
        body.add(
            "top",
            torso,
            "chest",
            (sign * 0.018, neck - 0.012, -0.012),
            (sign * (shoulder[0] - 0.01), shoulder[1] - 0.01, -0.006),
            (0.03 * w, 0.037 * w),
        )
    upper = (shoulder[1] - 0.048, 0.064 * w)
    body.add("top", torso, "chest", (0, upper[0], -0.002), (0, pivot, 0), (upper[1], 0.056 * w), (1.62 * wide, 1.0))
    if who.bust:
        start, end = (0, upper[0] + 0.012, 0.01), (0, upper[0] - 0.026, 0.018 + 0.006 * who.bust)
        body.add("top", torso, "chest", start, end, (0.045, 0.049), (1.75 * wide, 1.0))
    waist = 1.5 if who.bust else 1.62
    body.add("top", torso, "root", (0, pivot, 0), (0, root + 0.02, 0), (0.056 * w, 0.06 * who.weight), (waist, 1.0))
    wide_hips = who.hips / 0.053 * 1.6
    body.add(
        "hips",
        torso,
        "root",
        (0, root + 0.012, 0),
        (0, root - 0.02, -0.002),
        (0.061 * who.weight, 0.063 * w),
        (wide_hips, 1),
    )
    for sign in (-1, 1) if who.lower != "skirt" else ():
        at = np.array([sign * 0.046, root - 0.012, -0.018])
        body.add("hips", torso, "root", at, at - np.array([0, 0.012, 0]), (0.06 * w, 0.058 * w))
    if not who.tucked:
        body.add(
            "hem",
            torso,
            "root",
            (0, pivot - 0.03, 0),
            (0, root - 0.035, 0),
            (0.057 * w, 0.071 * who.weight),
            (1.6, 1.17),
            True,
        )


def _arm(body: Body, who: Identity, side: str) -> None:
    upper, lower = _PARTS[side][:2]
    shoulder, elbow = (body.skeleton.joints[f"{side}_{name}"] for name in ("shoulder", "elbow"))
    top = shoulder * [0.95, 1, 1] - [0, 0.014, 0]  # below the joint's skin, so that the shoulder slopes
    wrist = body.skeleton.points[4 if side == "right" else 7]
    w = who.weight**0.6 * (0.94 if who.bust else 1.0)
    long = who.sleeves == "long"
    cloth = 1.1 if long else 1.0
    bone = f"{side}_shoulder"
    body.add("sleeve" if long else "arm", upper, bone, top, elbow, (0.039 * w * cloth, 0.031 * w * cloth))
    if who.sleeves == "short":
        end = top + 0.55 * (elbow - top)
        body.add("sleeve", upper, bone, top, end, (0.043 * w, 0.043 * w), open_end=True)
    bone = f"{side}_elbow"
    if long:
        body.add("sleeve", lower, bone, elbow, wrist, (0.033 * w, 0.0265 * w), open_end=True)
    else:
        body.add("arm", lower, bone, elbow, wrist, (0.031 * w, 0.02 * w))
    down = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    body.add("hand", lower, bone, wrist, wrist + 0.05 * down, (0.018, 0.02), (0.7, 1.1))
    body.add("hand", lower, bone, wrist + 0.055 * down, wrist + 0.078 * down, (0.017, 0.011), (0.6, 1.0))
    thumb = wrist + 0.02 * down + [0, 0, 0.014]
    body.add("hand", lower, bone, thumb, thumb + 0.034 * down + [0, 0, 0.012], (0.009, 0.007))


def _leg(body: Body, who: Identity, side: str) -> None:
    upper, lower = _PARTS[side][2:]
    hip, knee, ankle = (body.skeleton.joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    w = who.weight**0.8
    trousers = who.lower == "trousers"
    thigh = "trousers" if trousers else "leg"
    body.add(thigh, upper, f"{side}_hip", hip, knee, (0.063 * w, 0.044 * w if trousers else 0.041 * w))
    if who.lower == "shorts":
        end = hip + 0.85 * who.lower_length * (knee - hip)
        body.add("trousers", upper, f"{side}_hip", hip, end, (0.068 * w, 0.06 * w), open_end=True)
    bone = f"{side}_knee"
    if trousers:
        body.add(
            "trousers", lower, bone, knee, ankle + np.array([0, 0.004, 0]), (0.045 * w, 0.035 * w**0.5), (1, 1.05), True
        )
    else:
        calf = knee + 0.32 * (ankle - knee) + [0, 0, -0.01]
        body.add("leg", lower, bone, knee, calf, (0.04 * w, 0.042 * w))
        body.add("leg", lower, bone, calf, ankle, (0.042 * w, 0.024))
    sign = 1 if side == "left" else -1
    heel = np.array([ankle[0], 0.024, ankle[2] - 0.018])
    toe = np.array([ankle[0] + sign * 0.012, 0.018, ankle[2] + 0.098])
    body.add("shoe", lower, f"{side}_ankle", heel, toe, (0.026, 0.02), (1.05, 1.0))
    body.add("shoe", lower, f"{side}_ankle", ankle, heel + np.array([0, 0.004, 0.03]), (0.026, 0.026))


def _bag(body: Body, who: Identity) -> None:
    shoulder, hip = body.skeleton.joints["left_shoulder"], body.skeleton.joints["left_hip"]
    if who.bag == "rucksack":
        high, low = shoulder[1] - 0.04, shoulder[1] - 0.17
        body.add("bag", Part.BAG, "chest", (0, high, -0.1), (0, low, -0.11), (0.052, 0.06), (1.45, 0.85))
    elif who.bag == "shoulder bag":
        x = hip[0] + 0.075
        body.add("bag", Part.BAG, "root", (x, hip[1] + 0.03, 0), (x, hip[1] - 0.035, 0), (0.05, 0.056), (0.5, 1.2))
