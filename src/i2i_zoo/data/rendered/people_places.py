"""Backgrounds of rendered people: rooms, streets and parks, one for every seed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .street_drawing import Colour, mix, shade

_WALLS: list[Colour] = [
    *((214, 206, 192), (186, 176, 160), (158, 110, 88), (150, 156, 160), (196, 200, 204), (178, 186, 172)),
    *((126, 98, 80), (200, 178, 140), (104, 110, 118), (222, 216, 208)),
]
_FLOORS: list[Colour] = [
    (128, 124, 118),
    (150, 144, 134),
    (96, 96, 98),
    (142, 112, 84),
    (112, 120, 84),
    (176, 166, 150),
]
_THINGS: list[Colour] = [(58, 70, 88), (110, 80, 60), (160, 172, 180), (46, 48, 52), (196, 186, 168), (126, 58, 50)]


@lru_cache(maxsize=8)  # both pictures of a pair share a background
def draw_place(seed: int, height: int, width: int, studio: bool = False) -> np.ndarray:
    """The background of a seed: (height, width, 3) uint8, read-only.  In a studio there are only a wall and a floor."""
    rng = np.random.default_rng([seed, 1602])
    picture = Image.new("RGB", (width, height))
    horizon = float(rng.uniform(0.6, 0.8) * height)
    kind = ("bricks", "plain", "windows", "park", "shelves")[rng.choice(5, p=[0.2, 0.2, 0.25, 0.2, 0.15])]
    draw = ImageDraw.Draw(picture)
    wall = _WALLS[rng.integers(len(_WALLS))]
    floor = _FLOORS[rng.integers(len(_FLOORS))]
    if kind == "park":
        wall, floor = (150, 178, 204), (104, 122, 70)
    draw.rectangle((0, 0, width, horizon), _whole(wall))
    draw.rectangle((0, horizon, width, height), _whole(floor))
    if not studio:
        _WALLPAPERS[kind](draw, rng, (width, horizon), wall)
        if kind != "park":
            draw.rectangle((0, horizon - height * 0.012, width, horizon), _whole(shade(wall, 0.62)))
            _floor(draw, rng, (width, height), horizon, floor)
    picture = picture.filter(ImageFilter.GaussianBlur(height / 320))
    # Light falls off from one side, the floor is brighter in front, and everything has a grain.
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    slope = rng.uniform(-0.25, 0.25)
    light = 1 + slope * (x - 0.5) + 0.22 * (y - 0.7)
    grain = rng.normal(0, 2.5, (height, width, 1)) + rng.normal(0, 1, (height, width, 3))
    place: np.ndarray = np.clip(np.asarray(picture, np.float32) * light[..., None] + grain, 0, 255).astype(np.uint8)
    place.setflags(write=False)
    return place


def _whole(colour: Colour) -> tuple[int, int, int]:
    r, g, b = (int(channel) for channel in colour)
    return r, g, b


def _plain(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[float, float], wall: Colour) -> None:
    """A wall with a panel and a picture or two."""
    width, bottom = size
    if rng.random() < 0.6:
        draw.rectangle((0, bottom * 0.62, width, bottom), _whole(shade(wall, rng.uniform(0.75, 0.92))))
    for _ in range(rng.integers(0, 3)):
        x, y = rng.uniform(-0.1, 0.9) * width, rng.uniform(0.02, 0.3) * bottom
        w, h = rng.uniform(0.2, 0.4) * width, rng.uniform(0.12, 0.25) * bottom
        draw.rectangle((x, y, x + w, y + h), _whole(shade(wall, 0.5)))
        inner = mix(_THINGS[rng.integers(len(_THINGS))], wall, 0.3)
        if min(w, h) > 4:  # not in a tiny picture
            draw.rectangle((x + 2, y + 2, x + w - 2, y + h - 2), _whole(inner))


def _bricks(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[float, float], wall: Colour) -> None:
    width, bottom = size
    base: Colour = mix((154, 96, 74), wall, rng.uniform(0, 0.7))
    course = bottom / rng.integers(16, 26)
    draw.rectangle((0, 0, width, bottom), _whole(mix(base, (200, 194, 184), 0.55)))
    for row in range(int(bottom / course) + 1):
        for column in range(-1, int(width / course / 2.4) + 2):
            x = (column + 0.5 * (row % 2)) * course * 2.4
            y, end = row * course, x + course * 2.4 - 1.4
            corners = (x, y, max(x, end), max(y, (row + 1) * course - 1.4))
            draw.rectangle(corners, _whole(shade(base, rng.uniform(0.85, 1.12))))


def _windows(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[float, float], wall: Colour) -> None:
    """A facade: windows in a row or two, perhaps a door."""
    width, bottom = size
    pitch, wide = width * rng.uniform(0.5, 0.9), width * rng.uniform(0.28, 0.42)
    start = rng.uniform(-1, 0) * pitch
    glass = mix((70, 88, 106), (150, 170, 186), rng.uniform())
    frame = shade(wall, rng.choice([0.6, 1.2]))
    for y, tall in ((0.05, 0.3), (0.48, 0.34)):
        for column in range(4):
            x = start + column * pitch
            top, foot = y * bottom, (y + tall) * bottom
            if y > 0.4 and rng.random() < 0.3:
                draw.rectangle((x, top, x + wide, bottom), _whole(_THINGS[rng.integers(len(_THINGS))]))
                continue
            draw.rectangle((x - 2, top - 2, x + wide + 2, foot + 2), _whole(frame))
            draw.rectangle((x, top, x + wide, foot), _whole(shade(glass, rng.uniform(0.8, 1.15))))
            draw.line((x + wide / 2, top, x + wide / 2, foot), _whole(frame), 2)


def _park(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[float, float], wall: Colour) -> None:
    """Trees before the sky, bushes, and a lawn with a path."""
    width, bottom = size
    for _ in range(3):
        x = rng.uniform(0, width)
        draw.rectangle((x, bottom * 0.4, x + width * rng.uniform(0.03, 0.07), bottom), (78, 62, 48))
    for number in range(150):
        y = bottom * rng.beta(1.4, 1.4) if number < 110 else bottom * rng.uniform(0.82, 1.0)
        x, r = rng.uniform(-0.1, 1.1) * width, bottom * rng.uniform(0.02, 0.07)
        leaf = shade(mix((52, 78, 40), (122, 146, 74), rng.uniform()), rng.uniform(0.75, 1.15))
        draw.ellipse((x - r, y - r, x + r, min(y + r, bottom + 2)), _whole(leaf))
    if rng.random() < 0.6:
        x, w = rng.uniform(0.2, 0.8) * width, width * rng.uniform(0.5, 1.4)
        draw.polygon([(x, bottom), (x + 3, bottom), (x + w, bottom * 2), (x - w, bottom * 2)], (176, 166, 146))


def _shelves(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[float, float], wall: Colour) -> None:
    """Boards with books or goods."""
    width, bottom = size
    wood = mix((128, 94, 64), (208, 204, 196), rng.uniform())
    draw.rectangle((0, 0, width, bottom), _whole(shade(wood, 0.5)))
    pitch = bottom / rng.integers(5, 8)
    for row in range(int(bottom / pitch) + 1):
        foot, x = (row + 1) * pitch, rng.uniform(-0.1, 0) * width
        while x < width:
            w = rng.uniform(0.03, 0.09) * width
            colour = mix(_THINGS[rng.integers(len(_THINGS))], _WALLS[rng.integers(len(_WALLS))], rng.uniform(0, 0.7))
            if rng.random() < 0.85:
                draw.rectangle((x, foot - pitch * rng.uniform(0.45, 0.8), x + w, foot), _whole(colour))
            x += w
        draw.rectangle((0, foot - pitch * 0.08, width, foot), _whole(wood))


def _floor(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[int, int], horizon: float, floor: Colour
) -> None:
    """Joints of slabs or boards, which run to a vanishing point."""
    width, height = size
    line = _whole(shade(floor, rng.uniform(0.78, 0.94)))
    if rng.random() < 0.7:
        for depth in range(1, 7):
            y = horizon + (height - horizon) / depth**1.3
            draw.line((0, y, width, y), line, 1)
    if rng.random() < 0.7:
        eye = horizon - height * 0.35
        for column in range(-8, 9):
            x = width * (0.5 + 0.35 * column)
            share = (horizon - eye) / (height - eye)
            draw.line((width / 2 + (x - width / 2) * share, horizon, x, height), line, 1)


_WALLPAPERS = {"plain": _plain, "bricks": _bricks, "windows": _windows, "park": _park, "shelves": _shelves}
