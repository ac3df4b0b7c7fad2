"""Street scenes: one for every seed, and the example of the CamVid checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

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


def render_scene(seed: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A random street; the same seed renders the same street.

    Args:
        seed: Any integer from 0.
        size: Height and width.

    Returns:
        (H, W) uint8 label ids of CamVid, and the (H, W, 3) uint8 RGB photograph of the same scene.
    """
    rng = np.random.default_rng(seed)
    street = Street(
        size,
        rng,
        vanishing=(rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.47)),
        sun=int(rng.choice([-1, 1])),
        overcast=rng.random(),
    )
    road, pavement = rng.uniform(3.2, 4.6), rng.uniform(1.8, 3.2)

    def paint(choices: list[Colour]) -> Colour:
        return shade(choices[rng.integers(len(choices))], rng.uniform(0.85, 1.1))

    street.ground(road, pavement)
    # What stands behind the pavements hides nothing in front of them: it comes first, each side from far to near.
    street.upright((-60, 60), (0, rng.uniform(3, 9)), 150, BUILDING, (150, 142, 136))
    for side in (-1, 1):
        x = side * (road + pavement)
        blocks: list[tuple[float, float]] = []
        z = float(rng.uniform(-6, 2))
        while z < 120:
            blocks.append((z, z + float(rng.uniform(6, 16))))
            z = blocks[-1][1]
        storeys = int(rng.integers(2, 4))
        for near, far in reversed(blocks):
            if far < 2:
                continue
            span = max(near, NEAR), far
            if rng.random() < 0.7:
                height = 3.1 * max(1, storeys + int(rng.integers(-1, 2))) + 0.5
                roof = float(rng.uniform(1.5, 3)) if rng.random() < 0.5 else 0.0
                street.building(x, span, height, paint(_FACADES), roof, shop=rng.random() < 0.4)
            else:
                street.wall(x + side, (0, 1.6), span, TREE, street.lit((70, 88, 48), -side))
                for tree_z in np.arange(far, span[0] + 2, -4):
                    leaves = mix((84, 104, 52), (120, 98, 60), rng.random())
                    street.tree(x + side * rng.uniform(2, 4), tree_z, rng.uniform(5, 9), leaves)
                street.fence(x, span)

    things: list[tuple[float, Callable[[], None]]] = []

    def place(draw: Callable[..., None], x: float, z: float, *rest: Any, **options: Any) -> None:
        things.append((z, partial(draw, x, z, *rest, **options)))

    for side in (-1, 1):
        z = float(rng.uniform(6, 14)) if rng.random() < 0.7 else 70
        while z < 70:  # parked cars
            if rng.random() < 0.6:
                height = rng.choice([1.42, 1.5, 1.95])
                place(street.car, side * (road - 1.0), z, paint(PAINTS), oncoming=side > 0, height=height)
            z += rng.uniform(5.5, 9)
        z = float(rng.uniform(8, 30))
        while z < 90:  # the edge of the pavement
            kind = rng.choice(["tree", "lamp", "sign", "bin"], p=[0.25, 0.35, 0.3, 0.1])
            if kind == "tree":
                place(street.tree, side * (road + 0.5), z, rng.uniform(5, 9))
            elif kind == "sign":
                place(street.sign, side * (road + 0.5), z, round_plate=rng.random() < 0.5)
            else:
                place(street.lamp if kind == "lamp" else street.bin, side * (road + 0.5), z)
            z += rng.uniform(5, 18)
        for _ in range(rng.integers(0, 4)):
            x = side * rng.uniform(road + 0.8, road + pavement - 0.2)
            place(street.pedestrian, x, rng.uniform(5, 40), paint(_CLOTHES))
    if rng.random() < 0.7:
        place(street.car, -0.3 * road, rng.uniform(9, 40), paint(PAINTS))
    if rng.random() < 0.7:
        place(street.car, 0.3 * road, rng.uniform(12, 60), paint(PAINTS), oncoming=True)
    if rng.random() < 0.35:
        place(street.bicyclist, -0.62 * road, rng.uniform(6, 20), paint(_CLOTHES))
    for _, draw in sorted(things, key=lambda thing: -thing[0]):
        draw()
    return street.finish()


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
