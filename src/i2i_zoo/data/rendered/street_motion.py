"""A drive along a rendered street: pictures, label maps, instances, and the exact flow between neighbouring frames.

Each surface is flat, so the plane that a pixel shows gives its place in the world, and that place seen from the camera
of the frame before gives its flow.  The texture of a surface moves with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from .street_drawing import _CAMERA_HEIGHT, _TEXTURE, BICYCLIST, CAR, NEAR, PEDESTRIAN, Colour, Point, Span, Street
from .streets import Thing, draw_light, draw_widths, scenery, things

#: Labels whose things are instances; as in Cityscapes, their ids are 1000 times the label plus a number.
COUNTED = (CAR, PEDESTRIAN, BICYCLIST)

#: How many values the random texture has along each side.
_TILE = 256


class Camera(NamedTuple):
    """Where a frame is taken from: metres from where the drive began, and where the street vanishes."""

    x: float
    z: float
    vanishing: tuple[float, float]


class MovingStreet(Street):
    """A frame of a drive under construction, which knows the plane of each pixel.

    Args:
        size: Height and width.
        camera: The camera of this frame.
        light: The other arguments of `Street`.
    """

    scale = 4

    def __init__(self, size: tuple[int, int], camera: Camera, light: dict[str, Any]) -> None:
        super().__init__(size, np.random.default_rng(0), **{**light, "vanishing": camera.vanishing})
        self.camera = camera
        #: The thing that is drawn, a number from 1.
        self.thing = 0
        #: Of each surface: the normal of its plane, its distance from the origin along it, and its thing.
        self.surfaces: list[tuple[Point, float, int]] = [((0.0, 0.0, 0.0), 0.0, 0)]
        self._map = Image.new("I", (self.width, self.height), 0)
        self._surfaces = ImageDraw.Draw(self._map)

    def project(self, point: Point) -> tuple[float, float]:
        x, y, z = point
        return super().project((x - self.camera.x, y, z - self.camera.z))

    def hazy(self, colour: Colour, z: float) -> tuple[int, int, int]:
        return super().hazy(colour, max(z - self.camera.z, 0.0))

    def polygon(self, points: Sequence[Point], label: int | None, colour: Colour) -> None:
        a, b, c = points[:3]
        (ux, uy, uz), (vx, vy, vz) = ([end[i] - a[i] for i in range(3)] for end in (b, c))
        normal = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        behind = min(point[2] for point in points) - self.camera.z < NEAR
        if any(normal) and not (behind and normal[2]):
            # What runs along the street is cut where it comes too near; other surfaces are left out there.
            self.begin_surface(normal, a)
            super().polygon(points, label, colour)

    def disc(self, centre: Point, radius: tuple[float, float], label: int | None, colour: Colour) -> None:
        if centre[2] - self.camera.z >= NEAR:
            self.begin_surface((0.0, 0.0, 1.0), centre)
            super().disc(centre, radius, label, colour)

    def begin_surface(self, normal: Point, point: Point) -> None:
        """What is painted from now on is a surface of the current thing through this point."""
        length = math.hypot(*normal)
        x, y, z = (side / length for side in normal)
        surface = (x, y, z), x * point[0] + y * point[1] + z * point[2], self.thing
        if surface != self.surfaces[-1]:
            self.surfaces.append(surface)

    def fill(self, shape: str, corners: Sequence[Span], label: int | None, colour: tuple[int, int, int]) -> None:
        super().fill(shape, corners, label, colour)
        getattr(self._surfaces, shape)(corners, len(self.surfaces) - 1)

    def finish_frame(self, ahead: np.ndarray, tile: np.ndarray) -> Frame:
        """What the frame shows.

        Args:
            ahead: How many metres each thing has moved ahead of where it began.
            tile: Values of N(0, 1), (`_TILE`, `_TILE`), for textures.
        """
        centre = self.scale // 2
        labels = np.asarray(self.labels)[centre :: self.scale, centre :: self.scale].copy()
        height, width = labels.shape
        surfaces = np.asarray(self._map)[centre :: self.scale, centre :: self.scale]
        normals = np.array([normal for normal, _, _ in self.surfaces])[surfaces]
        offsets = np.array([offset for _, offset, _ in self.surfaces])[surfaces]
        thing = np.array([thing for _, _, thing in self.surfaces])[surfaces]
        x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
        rays = np.stack(
            np.broadcast_arrays(
                (x[None] - self.vanishing[0]) / 0.9, -(y[:, None] - self.vanishing[1]) / 1.2, np.float64(1)
            ),
            -1,
        )
        eye = np.array([self.camera.x, _CAMERA_HEIGHT, self.camera.z])
        along = (normals * rays).sum(-1)
        depth = np.where(surfaces > 0, (offsets - normals @ eye) / np.where(along == 0, 1, along), np.inf)
        depth = np.where(depth < NEAR, np.inf, depth)
        places = eye + rays * np.where(np.isfinite(depth), depth, 1)[..., None]
        slope = np.linalg.norm(rays, axis=-1) / np.maximum(np.abs(along), 0.02)
        own = places - np.stack([0 * ahead, 0 * ahead, ahead], -1)[thing]
        shown = textured(own, normals, thing, depth / (0.9 * width) * slope, tile)
        photo = np.asarray(self.photo.resize((width, height), Image.Resampling.BOX)).astype(np.float32)
        strength = _TEXTURE[labels].astype(np.float64)
        photo += (strength[..., 0] * shown[0] + strength[..., 1] * shown[1])[..., None].astype(np.float32)
        photo += self.rng.normal(0, 1.5, photo.shape).astype(np.float32)
        ids = labels.astype(np.int64)
        instances = np.where(np.isin(labels, COUNTED), ids * 1000 + thing, ids)
        return Frame(photo.clip(0, 255).astype(np.uint8), labels, instances, rays, depth, places, thing)


class Frame(NamedTuple):
    """A frame of a drive, (H, W) each."""

    #: (H, W, 3) uint8.
    photo: np.ndarray
    #: CamVid's ids, uint8.
    labels: np.ndarray
    #: int64: the label, or 1000 labels plus a number for `COUNTED` ones.
    instances: np.ndarray
    #: (H, W, 3): where each pixel looks, one metre ahead.
    rays: np.ndarray
    #: Metres ahead of the camera; infinity for the sky.
    depth: np.ndarray
    #: (H, W, 3): the place in the world that a pixel shows.
    places: np.ndarray
    #: The thing that a pixel shows; 0 for the sky.
    thing: np.ndarray


def textured(
    places: np.ndarray, normals: np.ndarray, thing: np.ndarray, metres: np.ndarray, tile: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fine and coarse noise (H, W) of unit deviation that stays on the surfaces.

    Args:
        places: Places in the world (H, W, 3), without the movement of their things.
        normals: Of their surfaces, (H, W, 3).
        thing: Their things, each of which has its own noise.
        metres: How much of its surface a pixel shows, (H, W).
        tile: Random values.
    """
    faces = np.abs(normals).argmax(-1)[..., None]
    flat = np.take_along_axis(places, np.where(faces == 0, [2, 1], np.where(faces == 1, [0, 2], [0, 1])), -1)
    flat = flat + thing[..., None] * np.array([17.3, 5.9])
    seen = np.isfinite(metres)

    def noise(cell: np.ndarray) -> np.ndarray:
        """Noise of about this many metres: a mixture of two whole octaves, so that it does not change with distance."""
        level = np.log2(np.maximum(np.where(seen, cell, 1.0), 1e-3))
        share = level % 1
        coarse, fine = (bilinear(tile, flat / 2.0 ** (np.floor(level) + k)[..., None]) for k in (1, 0))
        mixed: np.ndarray = ((1 - share) * fine + share * coarse) / np.hypot(1 - share, share) * seen
        return mixed

    return noise(metres), noise(6 * metres)


def bilinear(tile: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A tile, repeated without end, between its values at places (H, W, 2), of unit deviation again."""
    whole = np.floor(at)
    share, (x, y) = at - whole, np.moveaxis(whole.astype(np.int64), -1, 0)
    shares = (1 - share[..., 0], share[..., 0]), (1 - share[..., 1], share[..., 1])
    weights = {(i, j): shares[0][i] * shares[1][j] for i in (0, 1) for j in (0, 1)}
    values = sum(weight * tile[(y + j) % _TILE, (x + i) % _TILE] for (i, j), weight in weights.items())
    norm: np.ndarray = values / np.sqrt(sum(weight**2 for weight in weights.values()))
    return norm


class Drive(NamedTuple):
    """A rendered drive of T frames."""

    #: (T, H, W, 3) uint8.
    photos: np.ndarray
    #: (T, H, W) uint8 ids of CamVid.
    labels: np.ndarray
    #: (T, H, W) int64, as in `Frame`.
    instances: np.ndarray
    #: (T, 2, H, W) float32: from each frame back to the one before it, as in `i2i_zoo.networks.flow`; 0 in the first.
    flow: np.ndarray
    #: (T, H, W) bool: whether the frame before shows the same surface there; nowhere in the first.
    seen: np.ndarray


def render_drive(seed: int, size: tuple[int, int], frames: int, rate: float = 12.0) -> Drive:
    """A random drive along the street of a seed; the same arguments render the same drive.

    The camera drives on and sways a little.  Cars and bicyclists drive; what is parked or grows stays where it is.

    Args:
        seed: Any integer from 0.
        size: Height and width.
        frames: How many frames.
        rate: Frames a second.
    """
    rng = np.random.default_rng([seed, 2018])
    light, widths = draw_light(rng), draw_widths(rng)
    pace, phases = rng.uniform(3, 8), rng.uniform(0, 2 * math.pi, 3)
    times = np.arange(frames) / rate
    travel = float(pace * times[-1])
    vanishing = light["vanishing"]
    cameras = [
        Camera(
            0.2 * math.sin(0.9 * time + phases[0]),
            pace * time,
            (
                vanishing[0] + 0.01 * math.sin(1.1 * time + phases[1]),
                vanishing[1] + 0.004 * math.sin(2.3 * time + phases[2]),
            ),
        )
        for time in times
    ]
    lamp = MovingStreet((1, 1), cameras[0], light)
    behind = list(scenery(lamp, rng, *widths, start=-math.inf, travel=travel))
    before = things(rng, *widths, travel=travel)
    # A car in front drives about as fast as the camera.
    speeds = [thing.speed and math.copysign(1, thing.speed) * pace * rng.uniform(0.8, 1.3) for thing in before]
    tile = rng.normal(0, 1, (_TILE, _TILE))
    shown = []
    moved = []
    for number, (camera, time) in enumerate(zip(cameras, times, strict=True)):
        ahead = np.array([0.0] * (len(behind) + 1) + [speed * time for speed in speeds])
        street = MovingStreet(size, camera, light)
        draw_all(street, seed, behind, before, ahead)
        street.rng = np.random.default_rng([seed, number, 4])
        shown.append(street.finish_frame(ahead, tile))
        moved.append(ahead)
    flows, seen = [np.zeros((2, *size), np.float32)], [np.zeros(size, bool)]
    for i in range(1, frames):
        flows.append(flow_back(shown[i], moved[i] - moved[i - 1], cameras[i], cameras[i - 1]))
        seen.append(seen_before(shown[i], shown[i - 1], flows[i]))
    photos, labels, instances = (np.stack(column) for column in list(zip(*shown, strict=True))[:3])
    return Drive(photos, labels, instances, np.stack(flows), np.stack(seen))


def draw_all(
    street: MovingStreet,
    seed: int,
    behind: Sequence[Callable[[Street], None]],
    before: Sequence[Thing],
    ahead: np.ndarray,
) -> None:
    """Draw all things, from far to near; each draws the same random numbers in every frame."""
    for number, draw in enumerate(behind, 1):
        street.thing, street.rng = number, np.random.default_rng([seed, number, 3])
        draw(street)
    numbered = list(enumerate(before, len(behind) + 1))
    for number, thing in sorted(numbered, key=lambda item: -(item[1].z + ahead[item[0]])):
        street.thing, street.rng = number, np.random.default_rng([seed, number, 3])
        thing.draw(street, float(ahead[number]))


def flow_back(frame: Frame, moved: np.ndarray, camera: Camera, earlier: Camera) -> np.ndarray:
    """The flow (2, H, W) of a frame, whose things have ``moved`` ahead since the earlier frame, in metres."""
    height, width = frame.labels.shape
    seen = np.isfinite(frame.depth)
    places = frame.places - np.array([earlier.x, _CAMERA_HEIGHT, earlier.z])
    depth = np.maximum(places[..., 2] - moved[frame.thing], NEAR)
    x = np.where(seen, places[..., 0] / depth, frame.rays[..., 0])  # the sky is infinitely far
    y = np.where(seen, places[..., 1] / depth, frame.rays[..., 1])
    # Both pictures are seen by the same pinhole, so that only the difference of the rays and of their centres counts.
    dx = 0.9 * (x - frame.rays[..., 0]) + earlier.vanishing[0] - camera.vanishing[0]
    dy = -1.2 * (y - frame.rays[..., 1]) + earlier.vanishing[1] - camera.vanishing[1]
    return np.stack([dx * width, dy * height]).astype(np.float32)


def seen_before(frame: Frame, earlier: Frame, flow: np.ndarray) -> np.ndarray:
    """Where (H, W) the thing that a frame shows is also what the earlier one shows, at the place of its flow."""
    height, width = frame.labels.shape
    rows, columns = np.indices((height, width))
    x, y = (np.rint(at + along).astype(int) for at, along in zip((columns, rows), flow, strict=True))
    within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    found: np.ndarray = within & (earlier.thing[y.clip(0, height - 1), x.clip(0, width - 1)] == frame.thing)
    return found
