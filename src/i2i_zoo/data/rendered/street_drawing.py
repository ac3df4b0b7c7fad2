"""Drawing a street scene, thing after thing: its label map and its photograph at once.

Label ids are CamVid's (`media.palettes.PALETTES`).  Lengths are metres in front of a pinhole camera 1.4 m above the
road: x to the right, y up, z ahead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

SKY, BUILDING, POLE, ROAD, PAVEMENT, TREE, SIGN, FENCE, CAR, PEDESTRIAN, BICYCLIST, VOID = range(12)

Colour = tuple[float, float, float]
Span = tuple[float, float]
Point = tuple[float, float, float]

#: Colours of cars and shop signs.
PAINTS: list[Colour] = [(176, 30, 34), (34, 60, 128), (196, 198, 202), (40, 42, 46), (232, 232, 228), (38, 92, 70)]

NEAR = 0.7  # the nearest that is drawn
_CAMERA_HEIGHT = 1.4

# How strongly each class's surface is mottled: standard deviation of the noise in grey levels, fine and coarse.
_TEXTURE = np.array(
    [(1, 1), (7, 6), (3, 2), (5, 3), (6, 4), (13, 12), (3, 2), (5, 4), (3, 2), (6, 3), (6, 3), (5, 4)], np.float32
)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """The colour that lies ``share`` of the way from ``a`` to ``b``."""
    red, green, blue = (x + (y - x) * share for x, y in zip(a, b, strict=True))
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    """The colour, brighter or darker by a factor."""
    red, green, blue = (min(channel * factor, 255) for channel in colour)
    return red, green, blue


class Street:
    """A picture under construction: labels and photograph, painted from far to near.

    Both are drawn at `scale` times ``size`` (height, width); `finish` takes one label of each square and averages the
    colours.  ``sun`` is the side of the street, -1 or 1, whose facades lie in the light.
    """

    #: How many times larger it is drawn than shown.
    scale = 2

    def __init__(
        self,
        size: tuple[int, int],
        rng: np.random.Generator,
        vanishing: tuple[float, float] = (0.5, 0.43),
        sun: int = 1,
        overcast: float = 0.5,
    ) -> None:
        self.height, self.width = size[0] * self.scale, size[1] * self.scale
        self.rng, self.vanishing, self.sun = rng, vanishing, sun
        self.horizon_colour = mix((226, 236, 246), (222, 222, 220), overcast)
        top = np.array(mix((92, 146, 214), (176, 184, 194), overcast))
        share = np.clip(np.linspace(0, 1 / vanishing[1], self.height), 0, 1)[:, None, None] ** 0.8
        sky = np.broadcast_to(top + (np.array(self.horizon_colour) - top) * share, (self.height, self.width, 3))
        self.photo = Image.fromarray(sky.astype(np.uint8))
        self.labels = Image.new("L", (self.width, self.height), SKY)
        self._photo, self._labels = ImageDraw.Draw(self.photo), ImageDraw.Draw(self.labels)

    def project(self, point: Point) -> tuple[float, float]:
        """Metres to pixels; the field of view is that of a 4:3 camera, squeezed if the picture has another shape."""
        x, y, z = point
        z = max(z, NEAR)
        return (
            self.width * (self.vanishing[0] + 0.9 * x / z),
            self.height * (self.vanishing[1] + 1.2 * (_CAMERA_HEIGHT - y) / z),
        )

    def hazy(self, colour: Colour, z: float) -> tuple[int, int, int]:
        r, g, b = mix(colour, self.horizon_colour, 1 - math.exp(-z / 160))
        return round(r), round(g), round(b)

    def polygon(self, points: Sequence[Point], label: int | None, colour: Colour) -> None:
        """Paint a flat polygon; without a label only its colour changes, as for windows and road markings."""
        corners = [self.project(point) for point in points]
        self.fill("polygon", corners, label, self.hazy(colour, min(point[2] for point in points)))

    def fill(self, shape: str, corners: Sequence[Span], label: int | None, colour: tuple[int, int, int]) -> None:
        """Paint a shape of `ImageDraw` in both pictures."""
        getattr(self._photo, shape)(corners, colour)
        if label is not None:
            getattr(self._labels, shape)(corners, label)

    def upright(self, x: Span, y: Span, z: float, label: int | None, colour: Colour) -> None:
        """A rectangle that faces the camera."""
        self.polygon([(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)], label, colour)

    def wall(self, x: float, y: Span, z: Span, label: int | None, colour: Colour) -> None:
        """A rectangle along the street."""
        self.polygon([(x, y[0], z[0]), (x, y[0], z[1]), (x, y[1], z[1]), (x, y[1], z[0])], label, colour)

    def floor(self, x: Span, z: Span, label: int | None, colour: Colour, y: float = 0) -> None:
        """A rectangle on the ground."""
        self.polygon([(x[0], y, z[0]), (x[1], y, z[0]), (x[1], y, z[1]), (x[0], y, z[1])], label, colour)

    def disc(self, centre: Point, radius: tuple[float, float], label: int | None, colour: Colour) -> None:
        """An ellipse that faces the camera."""
        x, y, z = centre
        corners = [self.project((x + side * radius[0], y - side * radius[1], z)) for side in (-1, 1)]
        self.fill("ellipse", corners, label, self.hazy(colour, z))

    def lit(self, colour: Colour, side: float) -> Colour:
        """The colour of a surface on that side of the street, in sun or shadow."""
        return shade(colour, 1.06 if side * self.sun > 0 else 0.72)

    def ground(self, road: float, pavement: float) -> None:
        """A straight road, ``road`` metres to either side, and pavements as wide as ``pavement``, to the horizon."""
        far = 400.0
        self.floor((-60, 60), (NEAR, far), PAVEMENT, (150, 146, 138))
        for side in (-1, 1):
            x = side * road, side * (road + pavement)
            self.floor(x, (NEAR, far), PAVEMENT, self.lit((158, 154, 146), -side))
            z = 2.0
            while z < 40:
                self.floor(x, (z, z + 0.03 + z / 250), None, self.lit((128, 124, 118), -side))
                z *= 1.16
        self.floor((-road, road), (NEAR, far), ROAD, (104, 104, 108))
        shadow = -self.sun * road
        self.floor((shadow * 0.35, shadow), (NEAR, far), None, (86, 86, 92))
        for side in (-1, 1):
            self.floor((side * road, side * (road + 0.15)), (NEAR, far), None, (186, 182, 174))
            self.floor((side * (road - 0.3), side * (road - 0.42)), (NEAR, far), None, (176, 158, 84))
        for z in range(2, 120, 6):
            self.floor((-0.06, 0.06), (z, z + 3), None, (226, 226, 220))

    def building(self, x: float, z: Span, height: float, colour: Colour, roof: float = 0, shop: bool = False) -> None:
        """A house with its facade at ``x`` from ``z[0]`` to ``z[1]``, ``roof`` metres of pitched roof, shop windows."""
        side = math.copysign(1, x)
        wall = self.lit(colour, -side)
        ridge = x + side * 4
        if roof:
            slope = [(x, height, z[0]), (x, height, z[1]), (ridge, height + roof, z[1]), (ridge, height + roof, z[0])]
            self.polygon(slope, BUILDING, self.lit((104, 84, 78), -side))
            gable = [(x, height, z[0]), (ridge, height + roof, z[0]), (x + side * 8, height, z[0])]
            self.polygon(gable, BUILDING, shade(colour, 0.86))
        self.upright((x, x + side * 8), (0, height), z[0], BUILDING, shade(colour, 0.86))
        self.wall(x, (0, height), z, BUILDING, wall)
        self.wall(x, (height - 0.35, height), z, None, shade(wall, 1.12))
        if z[0] > 70:
            return
        bays = max(1, round((z[1] - z[0]) / 3))
        storeys = max(1, round((height - 0.5) / 3.1))
        bay, storey = (z[1] - z[0]) / bays, (height - 0.5) / storeys
        for row in range(storeys):
            bottom = row * storey
            if row == 0 and shop:
                self.wall(x, (0.5, storey * 0.72), (z[0] + 0.4, z[1] - 0.4), None, (62, 70, 80))
                self.wall(x, (storey * 0.76, storey * 0.98), (z[0] + 0.2, z[1] - 0.2), None, self.rng.choice(PAINTS))
                continue
            for column in range(bays):
                near = z[0] + (column + 0.28) * bay
                span = near, near + 0.44 * bay
                glass = mix((54, 62, 74), (130, 146, 164), float(self.rng.random()) ** 2)
                self.wall(x, (bottom + 0.24 * storey, bottom + 0.8 * storey), span, None, shade(wall, 1.25))
                self.wall(x, (bottom + 0.28 * storey, bottom + 0.76 * storey), span, None, glass)

    def fence(self, x: float, z: Span, height: float = 1.1) -> None:
        """Railings along the street."""
        self.wall(x, (0, height), z, FENCE, (70, 76, 74))
        step = 0.3
        for k in range(int((z[1] - z[0]) / step) if z[0] < 30 else 0):
            post = z[0] + k * step
            self.wall(x, (0.12, height - 0.1), (post, post + 0.16), None, (128, 134, 124))

    def tree(self, x: float, z: float, height: float, leaves: Colour = (84, 104, 52)) -> None:
        """A trunk below a crown of leafy blobs."""
        crown = 0.34 * height
        self.upright((x - 0.14, x + 0.14), (0, height - crown), z, TREE, (78, 64, 50))
        for _ in range(70):
            angle, distance = self.rng.uniform(0, 2 * math.pi), math.sqrt(self.rng.random())
            dx, dy = crown * distance * math.cos(angle), crown * distance * math.sin(angle)
            radius = crown * self.rng.uniform(0.12, 0.3)
            light = 0.92 + 0.3 * (dy + self.sun * dx * 0.7) / crown + self.rng.uniform(-0.14, 0.14)
            self.disc((x + dx, height - crown + dy, z), (radius, radius * 0.9), TREE, shade(leaves, light))

    def car(self, x: float, z: float, colour: Colour, oncoming: bool = False, height: float = 1.45) -> None:
        """A car whose near end is at ``z``; from behind, or from the front if ``oncoming``."""
        width, length = 1.75, 4.1
        left, right, end = x - width / 2, x + width / 2, z + length
        inner = right if x < 0 else left  # the flank that the camera sees
        waist, sill = height * 0.58, 0.22
        flank = self.lit(colour, 1 if x < 0 else -1)
        self.floor((left - 0.1, right + 0.1), (z - 0.25, end), None, (44, 44, 48), y=0.01)
        inset = 0.16 * width
        roof = z + (0.3 if not oncoming else 0.36) * length, z + (0.72 if not oncoming else 0.8) * length
        base = z + 0.1 * length, z + 0.9 * length
        top = x + math.copysign(width / 2 - inset, inner - x)
        self.wall(inner, (sill, waist), (z, end), CAR, flank)
        for wheel in (z + 0.2 * length, z + 0.8 * length):
            turn = np.linspace(0, 2 * math.pi, 14)
            self.polygon(
                [(inner, 0.3 + 0.31 * math.sin(t), wheel + 0.31 * math.cos(t)) for t in turn], CAR, (28, 28, 30)
            )
        glasshouse = [(inner, waist, base[0]), (inner, waist, base[1]), (top, height, roof[1]), (top, height, roof[0])]
        self.polygon(glasshouse, CAR, flank)
        inward = ((0.05, 0.22), (0.05, -0.22), (-0.09, -0.1), (-0.09, 0.1))
        pane = [(px, py + dy, pz + dz) for (px, py, pz), (dy, dz) in zip(glasshouse, inward, strict=True)]
        self.polygon(pane, None, (44, 50, 58))
        self.polygon(
            [(left, waist, z), (right, waist, z), (right, waist, base[0]), (left, waist, base[0])],
            CAR, shade(colour, 1.15),
        )  # fmt: skip
        window = [
            (left, waist, base[0]), (right, waist, base[0]),
            (right - inset, height, roof[0]), (left + inset, height, roof[0]),
        ]  # fmt: skip
        self.polygon(window, CAR, shade(colour, 1.05))
        pane = [(x + (px - x) * 0.86, waist + 0.06 + (py - waist) * 0.78, pz) for px, py, pz in window]
        self.polygon(pane, None, (58, 66, 76))
        for tyre in (left + 0.16, right - 0.16):
            self.upright((tyre - 0.11, tyre + 0.11), (0, 0.36), z, CAR, (28, 28, 30))
        self.upright((left, right), (sill, waist), z, CAR, colour)
        self.upright((left, right), (sill, sill + 0.16), z, None, shade(colour, 0.7))
        plate, lamps = ((236, 236, 232), (246, 242, 220)) if oncoming else ((222, 190, 70), (170, 22, 26))
        self.upright((x - 0.26, x + 0.26), (sill + 0.19, sill + 0.3), z, None, plate)
        for lamp in (left + 0.17, right - 0.17):
            self.upright((lamp - 0.13, lamp + 0.13), (waist - 0.22, waist - 0.07), z, None, lamps)

    def pedestrian(self, x: float, z: float, colour: Colour, height: float = 1.72) -> None:
        """Somebody who walks across the view."""
        stride = self.rng.uniform(0.04, 0.2)
        hip, shoulder = height * 0.5, height * 0.83
        for foot in (x - stride, x + stride):
            leg = [(x - 0.12, hip, z), (x + 0.12, hip, z), (foot + 0.07, 0, z), (foot - 0.07, 0, z)]
            self.polygon(leg, PEDESTRIAN, (38, 40, 50))
        half = ((0.17, hip - 0.1), (0.24, shoulder - 0.04), (0.1, shoulder + 0.04))
        torso = [(x + dx, y, z) for dx, y in half] + [(x - dx, y, z) for dx, y in reversed(half)]
        self.polygon(torso, PEDESTRIAN, colour)
        for arm in (-1, 1):
            self.upright(
                (x + arm * 0.2, x + arm * 0.29), (hip - 0.02, shoulder - 0.05), z, PEDESTRIAN, shade(colour, 0.8)
            )
        self.disc((x, height * 0.92, z), (0.1, 0.13), PEDESTRIAN, (206, 160, 134))
        self.disc((x, height * 0.95, z), (0.105, 0.1), None, (52, 40, 32))

    def bicyclist(self, x: float, z: float, colour: Colour) -> None:
        """A rider seen from behind on a bicycle."""
        self.upright((x - 0.06, x + 0.06), (0, 0.75), z, BICYCLIST, (30, 30, 34))
        self.upright((x - 0.3, x + 0.3), (0.98, 1.04), z, BICYCLIST, (48, 48, 52))
        for foot in (-0.14, 0.14):
            self.upright((x + foot - 0.07, x + foot + 0.07), (0.25, 0.9), z, BICYCLIST, (38, 40, 50))
        back = [(x - 0.18, 0.85, z), (x + 0.18, 0.85, z), (x + 0.23, 1.42, z), (x - 0.23, 1.42, z)]
        self.polygon(back, BICYCLIST, colour)
        self.disc((x, 1.6, z), (0.11, 0.15), BICYCLIST, (62, 50, 44))

    def lamp(self, x: float, z: float, height: float = 7.0) -> None:
        """A street lamp whose arm reaches over the road."""
        grey = (92, 98, 100)
        self.upright((x - 0.06, x + 0.06), (0, height), z, POLE, grey)
        arm = x - math.copysign(1.3, x)
        self.upright((min(x, arm), max(x, arm)), (height - 0.1, height), z, POLE, grey)
        self.upright((arm - 0.2, arm + 0.2), (height - 0.22, height - 0.02), z, POLE, (186, 186, 176))

    def sign(self, x: float, z: float, height: float = 2.5, round_plate: bool = True) -> None:
        """A traffic sign on its post."""
        self.upright((x - 0.045, x + 0.045), (0, height), z, POLE, (120, 124, 126))
        if round_plate:
            self.disc((x, height, z), (0.34, 0.34), SIGN, (190, 32, 36))
            self.disc((x, height, z), (0.24, 0.24), None, (238, 238, 234))
        else:
            self.upright((x - 0.36, x + 0.36), (height - 0.5, height + 0.3), z, SIGN, (36, 76, 150))
            self.upright((x - 0.26, x + 0.26), (height - 0.1, height + 0.02), z, None, (236, 236, 236))

    def bin(self, x: float, z: float) -> None:
        """A wheelie bin, which CamVid leaves void."""
        self.upright((x - 0.28, x + 0.28), (0, 1.05), z, VOID, (44, 62, 52))
        self.upright((x - 0.31, x + 0.31), (0.98, 1.1), z, VOID, (34, 46, 40))

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """(H, W) uint8 labels and the (H, W, 3) uint8 photograph, with the texture of each surface."""
        labels = np.asarray(self.labels)[::2, ::2].copy()
        height, width = labels.shape
        photo = np.asarray(self.photo.resize((width, height), Image.Resampling.BOX)).astype(np.float32)
        grid = self.rng.normal(0, 1, (max(height // 6, 2), max(width // 6, 2))).astype(np.float32)
        coarse = np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))
        fine = self.rng.normal(0, 1, (height, width)).astype(np.float32)
        texture = _TEXTURE[labels]
        photo += (texture[..., 0] * fine + texture[..., 1] * coarse)[..., None]
        photo += self.rng.normal(0, 1.5, photo.shape).astype(np.float32)
        return labels, photo.clip(0, 255).astype(np.uint8)
