"""Street scenes: one for every seed, and the example of the CamVid checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import methodcaller
from typing import Any, NamedTuple

import numpy as np

from .street_drawing import BUILDING, NEAR, PAINTS, TREE, Colour, Street, mix, shade

_FACADES: list[Colour] = [
    (158, 104, 82),
    (206, 190, 158),
    (146, 146, 150),
    (122, 86, 72),
    (218, 214, 204),
    (176, 150, 112),
]
_CLOTHES: list[Colour] = [(40, 44, 60), (126, 48, 48), (70, 82, 66), (166, 150, 120), (52, 76, 120)]


class Thing(NamedTuple):
    """Something that stands or moves along a street.

    Args:
        kind: The method of `Street` that draws it at ``x`` and ``z``.
        x: Metres to the right of the middle of the road.
        z: Metres ahead of the camera, at the beginning.
        rest: The other arguments.
        options: Arguments with names.
        speed: Metres a second ahead, roughly.
    """

    kind: str
    x: float
    z: float
    rest: tuple[Any, ...]
    options: dict[str, Any]
    speed: float = 0.0

    def draw(self, street: Street, ahead: float = 0.0) -> None:
        """Draw it this many metres ahead of where it began."""
        getattr(street, self.kind)(self.x, self.z + ahead, *self.rest, **self.options)


def render_scene(seed: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A random street; the same seed renders the same street.

    Args:
        seed: Any integer from 0.
        size: Height and width.

    Returns:
        (H, W) uint8 label ids of CamVid, and the (H, W, 3) uint8 RGB photograph of the same scene.
    """
    rng = np.random.default_rng(seed)
    street = Street(size, rng, **draw_light(rng))
    widths = draw_widths(rng)
    for draw in scenery(street, rng, *widths):
        draw(street)
    for thing in sorted(things(rng, *widths), key=lambda thing: -thing.z):
        thing.draw(street)
    return street.finish()


def draw_light(rng: np.random.Generator) -> dict[str, Any]:
    """A random camera and light, as arguments of `Street`."""
    return {
        "vanishing": (rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.47)),
        "sun": int(rng.choice([-1, 1])),
        "overcast": rng.random(),
    }


def draw_widths(rng: np.random.Generator) -> tuple[float, float]:
    """Random widths of a road, to either side, and of its pavements."""
    return rng.uniform(3.2, 4.6), rng.uniform(1.8, 3.2)


def paint(rng: np.random.Generator, choices: list[Colour]) -> Colour:
    """One of the colours, a bit brighter or darker."""
    return shade(choices[rng.integers(len(choices))], rng.uniform(0.85, 1.1))


def scenery(
    street: Street, rng: np.random.Generator, road: float, pavement: float, start: float = NEAR, travel: float = 0.0
) -> Iterator[Callable[[Street], None]]:
    """What draws all that stands behind the pavements, from far to near, and the ground.

    Args:
        street: Says how its light falls.
        rng: Draws what it looks like.
        road: Width of the road to either side.
        pavement: Width of the pavements.
        start: Where facades begin at the nearest.
        travel: How far the camera will move ahead.
    """
    yield methodcaller("ground", road, pavement)
    # What stands behind the pavements hides nothing in front of them: it comes first, each side from far to near.
    yield methodcaller("upright", (-60, 60), (0, rng.uniform(3, 9)), 150 + travel, BUILDING, (150, 142, 136))
    for side in (-1, 1):
        x = side * (road + pavement)
        blocks: list[tuple[float, float]] = []
        z = float(rng.uniform(-6, 2))
        while z < 120 + travel:
            blocks.append((z, z + float(rng.uniform(6, 16))))
            z = blocks[-1][1]
        storeys = int(rng.integers(2, 4))
        for near, far in reversed(blocks):
            if far < 2:
                continue
            span = max(near, start), far
            if rng.random() < 0.7:
                height = 3.1 * max(1, storeys + int(rng.integers(-1, 2))) + 0.5
                roof = float(rng.uniform(1.5, 3)) if rng.random() < 0.5 else 0.0
                colour = paint(rng, _FACADES)
                yield methodcaller("building", x, span, height, colour, roof, shop=rng.random() < 0.4)
            else:
                yield methodcaller("wall", x + side, (0, 1.6), span, TREE, street.lit((70, 88, 48), -side))
                for tree_z in np.arange(far, span[0] + 2, -4):
                    leaves = mix((84, 104, 52), (120, 98, 60), rng.random())
                    yield methodcaller("tree", x + side * rng.uniform(2, 4), tree_z, rng.uniform(5, 9), leaves)
                yield methodcaller("fence", x, span)


def things(rng: np.random.Generator, road: float, pavement: float, travel: float = 0.0) -> list[Thing]:
    """What stands or moves on the road and its pavements; arguments as of `scenery`."""
    found: list[Thing] = []

    def place(kind: str, x: float, z: float, *rest: Any, speed: float = 0.0, **options: Any) -> None:
        found.append(Thing(kind, x, z, rest, options, speed))

    for side in (-1, 1):
        z = float(rng.uniform(6, 14)) if rng.random() < 0.7 else 70 + travel
        while z < 70 + travel:  # parked cars
            if rng.random() < 0.6:
                height = rng.choice([1.42, 1.5, 1.95])
                place("car", side * (road - 1.0), z, paint(rng, PAINTS), oncoming=side > 0, height=height)
            z += rng.uniform(5.5, 9)
        z = float(rng.uniform(8, 30))
        while z < 90 + travel:  # the edge of the pavement
            kind = rng.choice(["tree", "lamp", "sign", "bin"], p=[0.25, 0.35, 0.3, 0.1])
            if kind == "tree":
                place("tree", side * (road + 0.5), z, rng.uniform(5, 9))
            elif kind == "sign":
                place("sign", side * (road + 0.5), z, round_plate=rng.random() < 0.5)
            else:
                place(str(kind), side * (road + 0.5), z)
            z += rng.uniform(5, 18)
        for _ in range(rng.integers(0, 4)):
            x = side * rng.uniform(road + 0.8, road + pavement - 0.2)
            place("pedestrian", x, rng.uniform(5, 40), paint(rng, _CLOTHES))
    if rng.random() < 0.7:
        place("car", -0.3 * road, rng.uniform(9, 40), paint(rng, PAINTS), speed=8)
    if rng.random() < 0.7:
        place("car", 0.3 * road, rng.uniform(12, 60), paint(rng, PAINTS), oncoming=True, speed=-8)
    if rng.random() < 0.35:
        place("bicyclist", -0.62 * road, rng.uniform(6, 20), paint(rng, _CLOTHES), speed=5)
    return found


def example_scene() -> np.ndarray:
    """The label map that ships as the example of the CamVid checkpoints: (360, 480) uint8 ids.

    Drawn by hand to look like a frame of CamVid: horizon at 43 % of the height, road to the lower edge.
    """
    street = Street((360, 480), np.random.default_rng(7), vanishing=(0.5, 0.46))
    brick = _FACADES[0]
    street.ground(4.2, 2.6)
    street.upright((-60, 60), (0, 5), 150, BUILDING, brick)
    for z in (120, 105, 92):
        street.tree(-3.5, z, 8)
        street.tree(5, z, 9)
    street.building(-7, (46, 80), 8.5, brick, roof=2)
    street.building(-7, (27, 46), 7, brick, roof=2.4)
    street.building(-6.8, (14, 27), 8.6, brick)
    street.building(-6.8, (NEAR, 14), 6.4, brick, roof=2.2)
    street.building(7.2, (50, 85), 8, brick, roof=2)
    street.building(6.8, (36, 50), 6, brick, roof=2)
    street.building(14, (12, 36), 5, brick, roof=2)
    for x, z, height in ((9.5, 33, 6.4), (9, 26, 6), (9.4, 20, 6.6)):
        street.tree(x, z, height)
    street.fence(6.8, (13, 36))
    street.building(6.8, (NEAR, 13), 7.2, brick)
    street.lamp(4.8, 40)
    street.tree(-4.9, 36, 6.2)
    street.car(3.1, 33, PAINTS[0], oncoming=True)
    street.pedestrian(-5.6, 30, _CLOTHES[0])
    street.lamp(-4.7, 24)
    street.pedestrian(5.9, 19, _CLOTHES[1])
    street.car(2.8, 18, PAINTS[3], oncoming=True)
    street.tree(5.2, 15, 5)
    street.car(-3.3, 14, PAINTS[1])
    street.sign(-4.8, 11.5)
    street.pedestrian(-5.5, 11, _CLOTHES[2])
    street.lamp(4.8, 10.5)
    street.car(-0.2, 9.5, PAINTS[2])
    return street.finish()[0]
