"""Poses and motions of rendered people, made by formula: standing, walking and dancing."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from .people_skeleton import Pose, limb, rotation

SIDES: tuple[Literal["right", "left"], ...] = ("right", "left")


def walk(phase: float, stride: float = 1.0, yaw: float = 0.0) -> Pose:
    """A moment of a walk on the spot.

    Args:
        phase: Where in the gait, in cycles of two steps: 0.25 and 1.25 are the same moment.
        stride: 1 is a brisk walk, 0.5 a stroll, 0 stands.
        yaw: Direction in radians: 0 walks towards the viewer, pi / 2 to the right of the picture.
    """
    angle = 2 * math.pi * phase
    sway = math.sin(angle)
    rotations = {
        "root": rotation("y", yaw - 0.08 * stride * sway) @ rotation("x", 0.04 * stride),
        "chest": rotation("y", 0.16 * stride * sway),
        "neck": rotation("y", -0.08 * stride * sway),
    }
    for side, offset in zip(SIDES, (0.0, math.pi), strict=True):
        swing = math.sin(angle + offset)
        # The knee bends most shortly before the leg, on its way to the front, passes below the hip.
        bend = 0.12 + 0.95 * stride * max(0.0, math.sin(angle + offset + 1.8)) ** 2
        rotations[f"{side}_hip"] = limb(side, forward=0.06 * stride + 0.46 * stride * swing, outward=0.02)
        rotations[f"{side}_knee"] = rotation("x", bend)
        rotations[f"{side}_ankle"] = rotation("x", -0.1 * stride * swing)
        rotations[f"{side}_shoulder"] = limb(side, forward=-0.5 * stride * swing + 0.03, outward=0.12)
        rotations[f"{side}_elbow"] = rotation("x", -(0.25 + 0.3 * stride * (1 - swing) / 2))
    return Pose(rotations)


def dance(time: float, seed: int, yaw: float = 0.0) -> Pose:
    """A moment of a dance: every joint follows its own sum of two sines, and the seed chooses them.

    Args:
        time: Seconds.
        seed: Which dance.
        yaw: The direction about which the dancer turns, in radians.
    """
    rng = np.random.default_rng(seed)

    def between(low: float, high: float) -> float:
        slow, fast = rng.uniform(1.5, 4.0), rng.uniform(4.0, 7.0)
        wave = 0.7 * math.sin(slow * time + rng.uniform(0, 6.3)) + 0.3 * math.sin(fast * time + rng.uniform(0, 6.3))
        return (low + high) / 2 + (high - low) / 2 * wave

    rotations = {
        "root": rotation("y", yaw + between(-0.6, 0.6)) @ rotation("z", between(-0.08, 0.08)),
        "chest": rotation("y", between(-0.35, 0.35))
        @ rotation("x", between(-0.1, 0.25))
        @ rotation("z", between(-0.2, 0.2)),
        "neck": rotation("y", between(-0.4, 0.4)) @ rotation("x", between(-0.15, 0.2)),
    }
    for side in SIDES:
        step = between(-0.1, 0.85)
        rotations[f"{side}_hip"] = limb(side, forward=step, outward=between(0.03, 0.35))
        rotations[f"{side}_knee"] = rotation("x", max(0.08, step * between(1.0, 1.8)))
        rotations[f"{side}_shoulder"] = limb(
            side, forward=between(-0.5, 1.2), outward=between(0.1, 1.9), inward_turn=between(-0.6, 0.9)
        )
        rotations[f"{side}_elbow"] = rotation("x", -between(0.1, 2.0))
    return Pose(rotations, lift=max(0.0, between(-0.12, 0.04)))


def stand(rng: np.random.Generator, yaw: float = 0.0) -> Pose:
    """A random everyday pose: the weight on either leg, and each arm hanging, bent, raised or at the hip."""
    lean, turn = rng.normal(0, 0.05, 2)
    rotations = {
        "root": rotation("y", yaw) @ rotation("z", lean / 2),
        "chest": rotation("y", 3 * turn) @ rotation("x", rng.normal(0.04, 0.07)) @ rotation("z", -lean),
        "neck": rotation("y", rng.normal(0, 0.3)) @ rotation("x", rng.normal(0.04, 0.12)),
    }
    for side in SIDES:
        forward = rng.normal(0.02, 0.1)
        rotations[f"{side}_hip"] = limb(side, forward=forward, outward=abs(rng.normal(0.05, 0.06)), inward_turn=-0.1)
        rotations[f"{side}_knee"] = rotation("x", abs(rng.normal(0.04, 0.1)))
        arm = rng.choice(["hang", "bend", "raise", "hip"], p=[0.55, 0.2, 0.15, 0.1])
        forward, outward, inward, elbow = {
            "hang": (rng.normal(0, 0.15), rng.uniform(0.06, 0.25), 0.2, rng.uniform(0.05, 0.4)),
            "bend": (rng.uniform(-0.1, 0.5), rng.uniform(0.05, 0.4), rng.uniform(0, 1.0), rng.uniform(0.9, 2.2)),
            "raise": (rng.uniform(0.3, 2.6), rng.uniform(0.1, 1.0), rng.uniform(-0.5, 0.5), rng.uniform(0.1, 1.3)),
            "hip": (-0.35, 0.75, 1.15, 1.5),
        }[str(arm)]
        rotations[f"{side}_shoulder"] = limb(side, forward=forward, outward=outward, inward_turn=inward)
        rotations[f"{side}_elbow"] = rotation("x", -elbow)
    return Pose(rotations)


def any_pose(rng: np.random.Generator, yaw: float) -> Pose:
    """A random pose: half of them walk, one in three stands and the rest dances."""
    kind = rng.choice(["walk", "stand", "dance"], p=[0.5, 0.33, 0.17])
    if kind == "walk":
        return walk(rng.uniform(), rng.uniform(0.3, 1.1), yaw)
    return stand(rng, yaw) if kind == "stand" else dance(rng.uniform(0, 60), int(rng.integers(2**31)), yaw)
