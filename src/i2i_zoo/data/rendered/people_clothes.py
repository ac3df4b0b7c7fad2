"""Colouring rendered people: skin, hair and the patterns of clothes, painted on the body at rest.

A point of the surface has the same colour in every pose, since the colour depends on where it lies at rest.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from .people_body import Body
from .people_identity import Identity


class Material(IntEnum):
    """The values of a map of materials."""

    BACKGROUND = 0
    HAIR = 1
    SKIN = 2
    TOP = 3
    BOTTOM = 4
    SHOES = 5
    HAT = 6
    BAG = 7


_EYES, _BELT = (38, 28, 24), (46, 36, 30)


class Painter:
    """The colours of one person's surface."""

    def __init__(self, who: Identity, body: Body) -> None:
        self.who, self.body = who, body
        joints, points = body.skeleton.joints, body.skeleton.points
        self.face = joints["neck"] + [0, 0.094 * who.head, 0]
        self.chest = joints["left_shoulder"][1] - 0.062
        self.collar = joints["left_shoulder"][1] + 0.004
        self.waist = joints["root"][1] + 0.02
        self.eyes = points[14:16]

    def paint(self, surfaces: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Colours (N, 3) from 0 to 255 and materials (N,) uint8.

        Args:
            surfaces: (N,), the numbers of the capsules.
            rest: (N, 3), the points at rest.
        """
        colours = np.zeros(rest.shape, np.float32)
        materials = np.zeros(len(rest), np.uint8)
        names = np.array(self.body.surfaces)
        brushes = {
            "head": self._head,
            "nose": self._skin,
            "ear": self._skin,
            "neck": self._neck,
            "arm": self._skin,
            "hand": self._skin,
            "leg": self._leg,
            "hair": self._hair,
            "hat": self._hat,
            "top": self._top,
            "hem": self._top,
            "sleeve": self._sleeve,
            "hips": self._hips,
            "trousers": self._trousers,
            "skirt": self._skirt,
            "shoe": self._shoe,
            "bag": self._bag,
        }
        for name, brush in brushes.items():
            chosen = np.isin(surfaces, np.nonzero(names == name)[0])
            if chosen.any():
                colours[chosen], materials[chosen] = brush(rest[chosen])
        return colours, materials

    def _skin(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _plain(rest, self.who.skin, Material.SKIN)

    def _hair(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        colours, materials = _plain(rest, self.who.hair, Material.HAIR)
        colours *= 1 + 0.09 * np.sin(rest[:, :1] * 520 + rest[:, 1:2] * 40)  # strands
        return colours, materials

    def _head(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        who = self.who
        colours, materials = self._skin(rest)
        x, y, z = ((rest - self.face) / who.head).T
        front = z > 0.0
        skin = np.array(who.skin, np.float32)
        if who.haircut != "bald":
            hairline = 0.046 - 0.6 * np.abs(x)  # higher in the middle of the forehead
            fringe = (y > hairline) | (z < -0.012)
            colours[fringe], materials[fringe] = who.hair, Material.HAIR
        cheeks = front & (np.abs(np.abs(x) - 0.026) < 0.012) & (np.abs(y + 0.016) < 0.01)
        colours[cheeks] = colours[cheeks] * (1.0, 0.94, 0.93)
        if who.beard:
            beard = (y < -0.024 + 0.3 * np.abs(x)) & (z > -0.012) & ~((np.abs(x) < 0.013) & (np.abs(y + 0.036) < 0.005))
            colours[beard], materials[beard] = who.hair, Material.HAIR
        for eye in self.eyes:
            ex, ey, _ = (eye - self.face) / who.head
            around = front & (((x - ex) / 0.0115) ** 2 + ((y - ey) / 0.0065) ** 2 < 1)
            colours[around] = (232, 228, 222)
            pupil = front & ((x - ex) ** 2 + (y - ey) ** 2 < 0.0062**2)
            colours[pupil] = _EYES
            brow = front & (np.abs(x - ex) < 0.013) & (np.abs(y - ey - 0.0135) < 0.0028)
            colours[brow] = (np.array(who.hair) + skin * 0.3) / 1.3
            if who.glasses:
                ring = (z > 0.022) & (np.abs(np.hypot((x - ex) / 1.2, y - ey) - 0.0135) < 0.0019)
                colours[ring] = (30, 28, 30)
        mouth = front & (np.abs(x) < 0.0165) & (np.abs(y + 0.0385 - 9 * x**2) < 0.0038)  # a slight smile
        colours[mouth] = skin * (0.78, 0.5, 0.5)
        return colours, materials

    def _neck(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        colours, materials = self._skin(rest)
        collar = (rest[:, 2] < 0.01) & (rest[:, 1] < self.collar + 0.022)
        colours[collar], materials[collar] = self._pattern(rest[collar]), Material.TOP
        if self.who.haircut in ("long", "bob"):
            hidden = rest[:, 2] < -0.02
            colours[hidden], materials[hidden] = self.who.hair, Material.HAIR
        return colours, materials

    def _pattern(self, rest: np.ndarray) -> np.ndarray:
        """The cloth of the top: (N, 3)."""
        who = self.who
        x, y, _ = rest.T
        step = who.pattern_step
        top, accent = np.array(who.top, np.float32), np.array(who.top_accent, np.float32)
        colours = np.broadcast_to(top, rest.shape).copy()
        if who.pattern == "stripes":
            colours[y / step % 1 < 0.45] = accent
        elif who.pattern == "pinstripes":
            colours[(x / step * 1.3 + 0.16) % 1 < 0.32] = accent
        elif who.pattern == "checks":
            rows, columns = y / step % 1 < 0.5, (x / step + 0.25) % 1 < 0.5
            colours[rows ^ columns] = 0.5 * top + 0.5 * accent
            colours[rows & columns] = accent
        elif who.pattern == "dots":
            shifted = x / step + 0.5 * (np.floor(y / step) % 2)
            colours[(shifted % 1 - 0.5) ** 2 + (y / step % 1 - 0.5) ** 2 < 0.075] = accent
        elif who.pattern == "yoke":
            colours[y > self.chest] = accent
        elif who.pattern == "band":
            colours[np.abs(y - self.chest + 0.015) < 0.028] = accent
        return colours

    def _top(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        who = self.who
        x, y, z = rest.T
        colours = self._pattern(rest)
        materials = np.full(len(rest), Material.TOP, np.uint8)
        front = z > 0
        below = self.chest - y
        if who.jacket:
            gap = front & (np.abs(x) < 0.022 + 0.1 * np.clip(-below, 0, 1) + 0.03 * np.clip(below, 0, 1))
            colours[gap] = who.shirt
            lapel = front & ~gap & (np.abs(x) < 0.034 + 0.12 * np.clip(-below, 0, 1))
            colours[lapel] *= 0.8
        if who.chest_print == "badge":  # on the heart's side
            colours[front & (np.abs(x - 0.05) < 0.019) & (np.abs(below) < 0.021)] = who.print_colour
        elif who.chest_print == "disc":
            colours[front & (x**2 + (below - 0.02) ** 2 < 0.04**2)] = who.print_colour
        elif who.chest_print == "letters":
            letters = front & (np.abs(x) < 0.062) & (np.abs(below - 0.01) < 0.017) & ((x + 0.062) % 0.031 < 0.02)
            colours[letters] = who.print_colour
        if who.back_print:
            back = ~front & (np.abs(x) < 0.05) & (np.abs(below - 0.01) < 0.045)
            colours[back] = who.print_colour
        depth = 0.05 if who.sleeves == "none" or who.jacket else 0.028
        neckline = front & (y > self.collar - depth + 0.9 * np.abs(x)) & (np.abs(x) < 0.045)
        bare = who.shirt if who.jacket else who.skin
        colours[neckline] = bare
        materials[neckline] = Material.TOP if who.jacket else Material.SKIN
        if who.tucked:
            below_belt = y < self.waist
            colours[below_belt], materials[below_belt] = who.bottom, Material.BOTTOM
            if who.lower != "skirt":
                colours[np.abs(y - self.waist) < 0.0075] = _BELT
        self._straps(colours, materials, rest)
        return colours, materials

    def _straps(self, colours: np.ndarray, materials: np.ndarray, rest: np.ndarray) -> None:
        x, y, z = rest.T
        if self.who.bag == "rucksack":
            strap = (np.abs(np.abs(x) - 0.066) < 0.013) & (z > -0.03) & (y > self.chest - 0.09)
        elif self.who.bag == "shoulder bag":  # from the right shoulder to the left hip
            strap = np.abs(y - self.chest - 0.035 + 1.35 * (x + 0.03)) < 0.018
        else:
            return
        colours[strap], materials[strap] = np.array(self.who.bag_colour) * 0.8, Material.BAG

    def _sleeve(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        who = self.who
        colours = self._pattern(rest)
        if who.sleeve_colour != who.top:
            colours[:] = who.sleeve_colour
        return colours, np.full(len(rest), Material.TOP, np.uint8)

    def _hips(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Trousers or skirt, and the lower end of the top."""
        colours, materials = self._bottom(rest)
        self._cover(colours, materials, rest)
        return colours, materials

    def _cover(self, colours: np.ndarray, materials: np.ndarray, rest: np.ndarray) -> None:
        """Paint the top over what is above its hem."""
        above = rest[:, 1] > self.waist - (0.01 if self.who.tucked else 0.054)
        colours[above], materials[above] = self._top(rest[above])

    def _bottom(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _plain(rest, self.who.bottom, Material.BOTTOM)

    def _trousers(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        colours, materials = self._bottom(rest)
        if self.who.stripe:
            # On the outer side, where the leg's own z is nearly 0.
            hip = self.body.skeleton.joints["left_hip"][0]
            stripe = (np.abs(rest[:, 2] - 0.002) < 0.0115) & (np.abs(rest[:, 0]) > hip)
            colours[stripe] = self.who.stripe
        if not self.who.tucked:
            self._cover(colours, materials, rest)
        return colours, materials

    def _skirt(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        colours, materials = self._bottom(rest)
        colours *= 1 - 0.1 * (np.sin(rest[:, :1] * 150) > 0.55)  # pleats
        return colours, materials

    def _leg(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        colours, materials = self._skin(rest)
        if self.who.lower == "skirt":  # the waist of the skirt is narrower than the hips
            covered = rest[:, 1] > self.waist - 0.15
            colours[covered], materials[covered] = self.who.bottom, Material.BOTTOM
        sock = rest[:, 1] < 0.085
        colours[sock], materials[sock] = self.who.socks, Material.SHOES
        return colours, materials

    def _shoe(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        colours, materials = _plain(rest, self.who.shoes, Material.SHOES)
        sole = rest[:, 1] < 0.011
        colours[sole] = colours[sole] * 0.4 + 100
        return colours, materials

    def _hat(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        colours, materials = _plain(rest, self.who.hat_colour, Material.HAT)
        if self.who.hat == "beanie":
            rim = rest[:, 1] < self.face[1] + 0.03 * self.who.head
            colours[rim] *= 0.82
        return colours, materials

    def _bag(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        colours, materials = _plain(rest, self.who.bag_colour, Material.BAG)
        if self.who.bag == "rucksack":  # a pocket
            pocket = (np.abs(rest[:, 0]) < 0.05) & (np.abs(rest[:, 1] - self.chest + 0.1) < 0.03) & (rest[:, 2] < -0.1)
            colours[pocket] *= 0.75
        return colours, materials


def _plain(rest: np.ndarray, colour: tuple[float, float, float], material: Material) -> tuple[np.ndarray, np.ndarray]:
    return np.broadcast_to(np.array(colour, np.float32), rest.shape).copy(), np.full(len(rest), material, np.uint8)
