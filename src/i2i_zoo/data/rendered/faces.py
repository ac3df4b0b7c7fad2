"""A rendered face that turns, nods, blinks and speaks, with exact landmarks and flow.

The head is a spheroid around an upright axis.  Its surface is told apart by two coordinates: ``across`` in [-1, 1], the
sine of the angle from the middle of the face, and ``down``, from the crown at -1 to the chin at 1.  Features are drawn
in these, so that they turn with the head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

#: Half the height of the head below and above its middle, in half widths of the head.
CHIN, CROWN = 1.15, 1.3

#: How much longer the lower half is where the mouth is wide open.
JAW_DROP = 0.15

#: Where features are: across and down, and their half widths.
EYE, EYE_WIDTH = (0.4, -0.08), 0.17
BROW, BROW_WIDTH = (0.4, -0.26), 0.22
NOSE, NOSE_WIDTH = 0.27, 0.14
MOUTH, MOUTH_WIDTH = 0.56, 0.32

#: Between skin and hair.
HAIRLINE = -0.52

#: Edges between colours are so soft, in half widths of the head.
SOFT = 0.02


class Moment(NamedTuple):
    """What a face does: angles in radians, places and lengths in pixels, openings from 0 to 1."""

    turn: float
    tilt: float
    #: x and y of the middle of the head.
    centre: tuple[float, float]
    #: Half the width of the head.
    width: float
    eyes: float
    mouth: float
    brows: float


class Speech:
    """How a face moves in time.

    Args:
        seed: Of the movements.
        centre: x and y of the middle of the head, about.
        width: Half the width of the head in pixels, about.
    """

    def __init__(self, seed: int, centre: tuple[float, float], width: float) -> None:
        rng = np.random.default_rng([seed, 68])
        self.pace, self.phase = rng.uniform(0.9, 2, 8), rng.uniform(0, 2 * math.pi, 8)
        self.centre, self.width = centre, width

    def at(self, seconds: float) -> Moment:
        """What the face does at a time."""
        waves = np.sin(self.pace * seconds + self.phase)
        speed = np.sin(seconds * (6 + 3 * self.pace[4]) + self.phase[4]) * np.sin(2.3 * seconds + self.phase[5])
        blink = abs((seconds * self.pace[6] / 2.5 + self.phase[6]) % 1 - 0.5) * 2  # once in some seconds
        return Moment(
            turn=0.5 * waves[0],
            tilt=0.12 * waves[1],
            centre=(
                self.centre[0] + 0.1 * self.width * waves[2],
                self.centre[1] + 0.08 * self.width * waves[3],
            ),
            width=self.width,
            eyes=float(np.clip((1 - blink) * 12, 0, 1)) if blink > 0.5 else 1.0,
            mouth=float(np.clip(speed, 0, 1)),
            brows=float(max(0.0, waves[7])),
        )


def projected(angle: np.ndarray, down: np.ndarray, moment: Moment) -> np.ndarray:
    """x and y, (..., 2), of places on the surface, whether they are seen or behind the head.

    Args:
        angle: From the middle of the face, in radians.
        down: As of this module.
        moment: What the face does.
    """
    x = np.sqrt(np.clip(1 - down**2, 0, None)) * np.sin(angle + moment.turn)
    y = down * np.where(down > 0, CHIN + JAW_DROP * moment.mouth, CROWN)
    cosine, sine = math.cos(moment.tilt), math.sin(moment.tilt)
    return np.array(moment.centre) + moment.width * np.stack([cosine * x - sine * y, sine * x + cosine * y], -1)


def seen_surface(x: np.ndarray, y: np.ndarray, moment: Moment) -> tuple[np.ndarray, np.ndarray]:
    """What the pixels at x and y show: the angle from the middle of the face and ``down``; NaN beside the head."""
    x, y = (x - moment.centre[0]) / moment.width, (y - moment.centre[1]) / moment.width
    cosine, sine = math.cos(moment.tilt), math.sin(moment.tilt)
    x, y = cosine * x + sine * y, cosine * y - sine * x
    down = y / np.where(y > 0, CHIN + JAW_DROP * moment.mouth, CROWN)
    radius = np.sqrt(np.clip(1 - down**2, 0, None))
    there = (np.abs(down) < 1) & (np.abs(x) < radius)
    angle = np.arcsin(np.clip(x / np.maximum(radius, 1e-6), -1, 1)) - moment.turn
    return np.where(there, angle, np.nan), np.where(there, down, np.nan)


def bow(share: np.ndarray) -> np.ndarray:
    """How high a curve is between its ends at -1 and 1: 1 in the middle."""
    return 1 - share**2


def lips(share: np.ndarray, moment: Moment) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The upper lip's upper and lower edge and the lower lip's, at places from -1 to 1 between the mouth's corners."""
    inner = bow(share / 0.85).clip(0)
    opened = MOUTH + (0.012 + 0.16 * moment.mouth) * inner
    return (
        MOUTH - 0.07 * bow(share),
        MOUTH - 0.012 * inner,
        opened,
        MOUTH + (0.1 + 0.16 * moment.mouth) * bow(share),
    )


def lids(share: np.ndarray, moment: Moment) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower edge of an eye at places from -1 to 1 between its corners."""
    return EYE[1] - (0.002 + 0.088 * moment.eyes) * bow(share) + 0.03 * (1 - moment.eyes), EYE[1] + 0.04 * bow(share)


def brow(share: np.ndarray, moment: Moment) -> np.ndarray:
    """The height of an eyebrow at places from -1 to 1 between its ends."""
    return BROW[1] - 0.06 * bow(share) - 0.05 * moment.brows


def landmarks(moment: Moment) -> np.ndarray:
    """The 68 points in dlib's order, (68, 2), x and y in pixels."""

    def points(across: Sequence[float] | np.ndarray, down: Sequence[float] | np.ndarray) -> np.ndarray:
        return np.stack([np.asarray(across, float), np.asarray(down, float)], -1)

    angle = np.pi * np.arange(17) / 16
    five, seven, six = np.linspace(-1, 1, 5), np.linspace(-1, 1, 7), np.array([-1, -1 / 3, 1 / 3, 1, 1 / 3, -1 / 3])
    brows, eyes = [], []
    for side in (-1, 1):
        brows.append(points(side * BROW[0] + BROW_WIDTH * five, brow(five, moment)))
        upper, lower = lids(six, moment)
        eyes.append(points(side * EYE[0] + EYE_WIDTH * six, [*upper[:4], *lower[4:]]))
    outer, inner = 0.85 * five, 0.85 * five
    upper, _, _, lower = lips(seven, moment)
    _, inner_upper, inner_lower, _ = lips(outer, moment)
    parts = [
        points(-0.95 * np.cos(angle), -0.05 + 0.95 * np.sin(angle)),
        *brows,
        points(np.zeros(4), np.linspace(EYE[1], NOSE - 0.08, 4)),
        points(NOSE_WIDTH * five, NOSE + 0.03 * bow(five)),
        *eyes,
        points(MOUTH_WIDTH * seven, upper),
        points(MOUTH_WIDTH * seven[5:0:-1], lower[5:0:-1]),
        points(MOUTH_WIDTH * inner, inner_upper),
        points(MOUTH_WIDTH * inner[3:0:-1], inner_lower[3:0:-1]),
    ]
    across, down = np.concatenate(parts).T
    return projected(np.arcsin(across), down, moment)


class Person:
    """The colours of a person and of what is behind them.

    Args:
        seed: Of the person.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 17])
        shade = rng.uniform(0.35, 1)
        self.skin = np.array([0.98, 0.8, 0.68]) * shade
        self.hair = np.array([0.55, 0.38, 0.22]) * rng.uniform(0.2, 1.3)
        self.iris, self.shirt, self.wall = rng.uniform(0.1, 0.6, 3), rng.uniform(0.1, 0.9, 3), rng.uniform(0.5, 0.9, 3)
        self.lips = self.skin * np.array([0.85, 0.5, 0.5])

    def background(self, x: np.ndarray, y: np.ndarray, speech: Speech) -> np.ndarray:
        """A wall, the neck and a shirt, (..., 3) in [0, 1]."""
        x, y = (x - speech.centre[0]) / speech.width, (y - speech.centre[1]) / speech.width
        picture = self.wall * (1 - 0.12 * y[..., None].clip(-2, 2))
        shirt = (x / 2.2) ** 2 + ((y - 2.6) / 1.15) ** 2
        picture = blended(picture, self.shirt, 1 - shirt)
        neck = np.minimum.reduce([0.5 - np.abs(x), 1.75 - y - x**2, y])
        return blended(picture, self.skin * 0.75, neck).clip(0, 1)

    def frame(self, x: np.ndarray, y: np.ndarray, moment: Moment, speech: Speech) -> np.ndarray:
        """The colours (..., 3) in [0, 1] of pixels at x and y."""
        picture = self.background(x, y, speech)
        angle, down = seen_surface(x, y, moment)
        head = ~np.isnan(angle)
        picture[head] = self.surface(angle[head], down[head], moment)
        return picture

    def surface(self, angle: np.ndarray, down: np.ndarray, moment: Moment) -> np.ndarray:
        """The colours (N, 3) of the head."""
        across = np.where(np.cos(angle) > 0, np.sin(angle), np.sign(np.sin(angle)) * 2)
        light = np.sqrt(np.clip(1 - down**2, 0, 1)) * np.cos(angle + moment.turn + 0.35)
        colour = np.broadcast_to(self.skin, (*angle.shape, 3))
        # The nose: its shadow on one side, and beneath it.
        colour = blended(colour, self.skin * 0.8, 0.05 - np.abs(across - 0.05) - (down - NOSE / 2) ** 2)
        share = across / NOSE_WIDTH
        beneath = 0.02 - np.abs(down - NOSE - 0.03 * bow(share)) - (np.abs(share) > 1)
        colour = blended(colour, self.skin * 0.55, beneath)
        for side in (-1, 1):
            share = (across - side * EYE[0]) / EYE_WIDTH
            upper, lower = lids(share, moment)
            within = np.minimum(down - upper, lower - down)
            colour = blended(colour, np.array([0.96, 0.96, 0.94]), within)
            iris = 0.07 - np.hypot(across - side * EYE[0], (down - EYE[1] + 0.015) * 1.15)
            colour = blended(colour, self.iris, np.minimum(iris, within))
            colour = blended(colour, np.zeros(3), np.minimum(iris - 0.04, within))
            colour = blended(colour, self.hair * 0.6, 0.014 - np.abs(down - upper) - (np.abs(share) > 1))
            share = (across - side * BROW[0]) / BROW_WIDTH
            colour = blended(colour, self.hair * 0.8, 0.035 - np.abs(down - brow(share, moment)) - (np.abs(share) > 1))
        share = across / MOUTH_WIDTH
        top, upper, lower, bottom = lips(share, moment)
        colour = blended(colour, self.lips, np.minimum(down - top, bottom - down) - (np.abs(share) > 1))
        opening = np.minimum(down - upper, lower - down) - (np.abs(share) > 0.85)
        colour = blended(colour, np.array([0.25, 0.05, 0.06]), opening)
        teeth = np.minimum.reduce([down - upper, upper + 0.06 - down, lower - down])
        colour = blended(colour, np.array([0.95, 0.94, 0.9]), teeth - (np.abs(share) > 0.7))
        hair = np.maximum(HAIRLINE + 0.35 * np.minimum(across**2, 4) - down, np.abs(across) - 0.97 - 0.6 * down.clip(0))
        colour = blended(colour, self.hair, hair)
        shaded: np.ndarray = colour * (0.62 + 0.42 * light.clip(0))[..., None]
        return shaded.clip(0, 1)


def blended(below: np.ndarray, colour: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Colours (..., 3) under another, which covers where ``within`` is positive, with a soft edge."""
    cover = (within / SOFT + 0.5).clip(0, 1)[..., None]
    return np.asarray(below * (1 - cover) + colour * cover)


def features(angle: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Where the surface moves by itself, and not only with the head: around the eyes and the mouth."""
    across = np.sin(angle)
    eyes = (np.abs(np.abs(across) - EYE[0]) < EYE_WIDTH + 0.1) & (down > BROW[1] - 0.18) & (down < EYE[1] + 0.1)
    mouth = (np.abs(across) < MOUTH_WIDTH + 0.05) & (np.abs(down - MOUTH) < 0.3)
    found: np.ndarray = (np.cos(angle) > 0) & (eyes | mouth)
    return found


def flow_back(x: np.ndarray, y: np.ndarray, moment: Moment, before: Moment) -> tuple[np.ndarray, np.ndarray]:
    """From pixels at x and y to where their surface was a moment before, (2, ...), and whether it was seen there.

    The head moves as a whole; what the eyes and the mouth do by themselves counts as not seen.
    """
    angle, down = seen_surface(x, y, moment)
    head = ~np.isnan(angle)
    angle, down = np.where(head, angle, 0), np.where(head, down, 0)
    flow = np.where(head, np.moveaxis(projected(angle, down, before), -1, 0) - np.stack([x, y]), 0.0)
    covered = ~np.isnan(seen_surface(x, y, before)[0])
    seen = np.where(head, (np.cos(angle + before.turn) > 0) & ~features(angle, down), ~covered)
    return flow, seen
