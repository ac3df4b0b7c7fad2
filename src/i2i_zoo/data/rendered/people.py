"""Rendered people: pictures of articulated persons, and everything that is known of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .people_body import Capsules
from .people_clothes import Painter
from .people_figure import make_body
from .people_identity import draw_identity
from .people_rays import cast
from .people_skeleton import Pose, rotation

#: Rays along each side of a pixel.
_RAYS = 2

#: How far before a joint the surface may lie that shows it, in body heights, for each of the 18 points.
_FLESH = np.array([0.03, 0.16, *[0.085, 0.06, 0.045] * 2, *[0.115, 0.075, 0.06] * 2, 0.03, 0.03, 0.035, 0.035])


@dataclass(frozen=True)
class View:
    """From where and in which light a person is seen, through a camera of parallel rays.

    Args:
        turn: By how much the camera goes around the person, in radians.
        elevation: The camera's angle above the horizon, in radians.
        scale: Height of a standing person in picture heights.
        centre: Where the person stands across the picture, from 0 (left) to 1.
        floor: Where the feet stand in the picture, from 0 (top) to 1.
        light: The direction towards the light: right, up, towards the viewer.
    """

    turn: float = 0.0
    elevation: float = 0.08
    scale: float = 0.84
    centre: float = 0.5
    floor: float = 0.95
    light: tuple[float, float, float] = (0.4, 0.6, 0.75)


@dataclass(frozen=True)
class Rendering:
    """A picture of a person, and what is known of it.

    Args:
        picture: (H, W, 3) uint8.
        keypoints: (18, 3) float32: x and y in pixels, where whole numbers are the centres of pixels, and the
            visibility, 0 or 1, in OpenPose's order.  A hidden point keeps its place; a point outside the picture is
            0, 0, 0.
        mask: (H, W) bool, where the person covers at least half of the pixel.
        parts: (H, W) uint8, the `Part` that is seen, 0 outside the mask.
        materials: (H, W) uint8, the `Material` that is seen, 0 outside the mask.
        coverage: (H, W) float32, the share of each pixel that the person covers.
        surface: (H, W) int16, the number of the capsule that the first ray of each pixel meets, -1 for none.
        local: (H, W, 3) float32, where it meets the capsule, in the capsule's own space.
        depth: (H, W) float32, the same point's depth in body heights, greater towards the viewer; -1e9 for none.
        capsules: All capsules as the camera sees them.
        view: The view.
    """

    picture: np.ndarray
    keypoints: np.ndarray
    mask: np.ndarray
    parts: np.ndarray
    materials: np.ndarray
    coverage: np.ndarray
    surface: np.ndarray
    local: np.ndarray
    depth: np.ndarray
    capsules: Capsules
    view: View


class Person:
    """The person of a seed, who looks the same in every pose and view."""

    def __init__(self, seed: int) -> None:
        self.identity = draw_identity(seed)
        self.body = make_body(self.identity)
        self.painter = Painter(self.identity, self.body)
        self.rest = self.body.rest()

    def points(self, pose: Pose, view: View, size: tuple[int, int]) -> np.ndarray:
        """All 18 points (18, 3) of the person in a picture of this height and width: x and y in pixels, and 1.

        Hidden ones are among them, as pose estimators guess them.  Those outside the picture are 0, 0, 0.
        """
        _, points = self.body.posed(pose)
        points = points @ (rotation("x", view.elevation) @ rotation("y", view.turn)).T
        pixels = _pixels(points, view, size) - 0.5
        inside = ((pixels >= -0.5) & (pixels < np.array(size[::-1]) - 0.5)).all(1, keepdims=True)
        return np.where(inside, np.concatenate([pixels, np.ones_like(pixels[:, :1])], 1), 0).astype(np.float32)

    def render(self, pose: Pose, view: View, background: np.ndarray) -> Rendering:
        """A picture of the person in a pose before a background (H, W, 3) uint8, which gives the size."""
        height, width = background.shape[:2]
        capsules, points = self.body.posed(pose)
        camera = rotation("x", view.elevation) @ rotation("y", view.turn)
        capsules, points = capsules.moved(camera, np.zeros(3)), points @ camera.T
        unit, left, floor = view.scale * height, view.centre * width, view.floor * height
        x = (((np.arange(width * _RAYS) + 0.5) / _RAYS - left) / unit).astype(np.float32)
        y = ((floor - (np.arange(height * _RAYS) + 0.5) / _RAYS) / unit).astype(np.float32)
        hits = cast(capsules, x, y)
        inside = hits.index >= 0
        chosen = hits.index[inside]
        rest = np.einsum("nij,nj->ni", self.rest.matrices.astype(np.float32)[chosen], hits.local)
        rest += self.rest.shifts.astype(np.float32)[chosen]
        colours, materials = self.painter.paint(chosen, rest)
        towards = np.array(view.light) / np.linalg.norm(view.light)
        brightness = 0.66 + 0.4 * (hits.normals @ towards.astype(np.float32))
        canvas = np.zeros((*inside.shape, 3), np.float32)
        canvas[inside] = np.minimum(colours * (brightness * _openness(hits.depth, unit * _RAYS)[inside])[:, None], 255)
        coverage = _rays(inside).mean(0, dtype=np.float32)
        shaded = background * (1 - _shadow(points, unit, left, floor, camera, (height, width)))[..., None]
        picture = _rays(canvas).mean(0) + shaded * (1 - coverage)[..., None]
        mask = coverage >= 0.5
        local = np.zeros((*inside.shape, 3), np.float32)
        local[inside] = hits.local
        pixels = _pixels(points, view, (height, width))
        return Rendering(
            (np.clip(picture, 0, 255) + 0.5).astype(np.uint8),
            _keypoints(pixels, points[:, 2], hits.depth, mask),
            mask,
            _most(inside, np.array(self.body.parts, np.uint8)[chosen]),
            _most(inside, materials),
            coverage,
            hits.index[::_RAYS, ::_RAYS],
            local[::_RAYS, ::_RAYS],
            hits.depth[::_RAYS, ::_RAYS],
            capsules,
            view,
        )


def flow(source: Rendering, target: Rendering) -> tuple[np.ndarray, np.ndarray]:
    """Where the surface that the source shows is in the target; both show the same person at the same size.

    Returns:
        The shift (H, W, 2) float32 in pixels, x and y, from a source pixel to the same point of the person in the
        target, 0 outside the person; and (H, W) bool, where that point is visible in both.
    """
    height, width = source.mask.shape
    rows, columns = np.nonzero(source.surface >= 0)
    chosen = source.surface[rows, columns]
    moved = np.einsum("nij,nj->ni", target.capsules.matrices[chosen], source.local[rows, columns])
    moved += target.capsules.shifts[chosen]
    view, first = target.view, 0.5 / _RAYS  # where the first ray of a pixel is
    x = view.centre * width + moved[:, 0] * view.scale * height - first
    y = view.floor * height - moved[:, 1] * view.scale * height - first
    shift, visible = np.zeros((height, width, 2), np.float32), np.zeros((height, width), bool)
    shift[rows, columns] = np.stack([x - columns, y - rows], 1)
    nearest = np.stack([np.rint(y), np.rint(x)]).astype(int)
    within = (nearest >= 0).all(0) & (nearest[0] < height) & (nearest[1] < width)
    row, column = np.where(within, nearest, 0)
    # Half a pixel beside the point, the surface may be a little nearer or farther.
    same = np.abs(target.depth[row, column] - moved[:, 2]) < 0.015
    visible[rows, columns] = within & same
    return shift, visible


def flow_back(frame: Rendering, earlier: Rendering) -> tuple[np.ndarray, np.ndarray]:
    """The flow of a frame of a clip, as in `i2i_zoo.networks.flow`; the place and the camera stand still.

    Returns:
        The flow (2, H, W) float32 back to the earlier frame, and (H, W) bool, where that one shows the same surface.
        At the outline, where pixels show the person and the place, it does not.
    """
    shift, visible = flow(frame, earlier)
    place = (frame.coverage == 0) & (earlier.coverage == 0)
    return shift.transpose(2, 0, 1), visible & (frame.coverage == 1) | place


def _pixels(points: np.ndarray, view: View, size: tuple[int, int]) -> np.ndarray:
    """Where points (N, 3) that the camera sees are in a picture of this height and width: x and y (N, 2)."""
    across = view.centre * size[1] + points[:, 0] * view.scale * size[0]
    return np.stack([across, view.floor * size[0] - points[:, 1] * view.scale * size[0]], 1)


def _rays(samples: np.ndarray) -> np.ndarray:
    """The values of each pixel's rays: (R * H, R * W, ...) to (R * R, H, W, ...)."""
    return np.stack([samples[row::_RAYS, column::_RAYS] for row in range(_RAYS) for column in range(_RAYS)])


def _most(inside: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The label in the middle of those that a pixel's rays meet: not 0 where at least half of the rays meet any."""
    every = np.zeros(inside.shape, np.uint8)
    every[inside] = labels
    middle: np.ndarray = np.sort(_rays(every), 0)[_RAYS * _RAYS // 2]
    return middle


def _openness(depth: np.ndarray, unit: float) -> np.ndarray:
    """How much light reaches each ray's point, from 0 to 1: less where something near stands out in front of it.

    ``unit`` is a body height in rays.
    """
    covered = np.zeros_like(depth)
    height, width = depth.shape
    for share, weight in ((0.009, 0.09), (0.023, 0.06)):
        reach = max(1, round(share * unit))
        around = np.pad(depth, reach, mode="edge")
        # From above, things hide more of the light.
        for down, right, more in ((-1, 0, 1.3), (1, 0, 1.0), (0, -1, 1.0), (0, 1, 1.0)):
            top, left = reach * (1 + down), reach * (1 + right)
            step = around[top : top + height, left : left + width] - depth
            covered += np.float32(weight * more) * np.clip(step * 12 - 0.25, 0, 1)
    return 1 - covered


def _shadow(
    points: np.ndarray, unit: float, left: float, floor: float, camera: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """How dark the shadow on the floor is, (H, W) from 0 to 1: soft spots below the hips, knees and feet."""
    world = points @ camera
    x, y = np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5
    light = np.ones(size)
    for joint, wide, dark in (
        (10, 0.055, 0.5),
        (13, 0.055, 0.5),
        (9, 0.1, 0.18),
        (12, 0.1, 0.18),
        (8, 0.16, 0.14),
        (11, 0.16, 0.14),
    ):
        ground = camera @ [world[joint, 0], 0, world[joint, 2] + (0.03 if joint in (10, 13) else 0)]
        height = max(0.0, world[joint, 1] - 0.045)
        wide = (wide + 0.12 * height) * unit
        flat = wide * max(0.3, abs(camera[1, 2]) * 1.2)
        dark = dark / (1 + 4 * height)
        across = np.exp(-(((x - left - ground[0] * unit) / wide) ** 2))
        down = np.exp(-(((y - floor + ground[1] * unit) / flat) ** 2))
        light *= 1 - dark * down[:, None] * across[None]
    return (1 - light).astype(np.float32)


def _keypoints(pixels: np.ndarray, depth: np.ndarray, surface: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The 18 points (18, 3); visible is what no surface hides, except the flesh and the clothes around the joint."""
    keypoints = np.zeros((18, 3), np.float32)
    height, width = mask.shape
    for number, (x, y) in enumerate(pixels):
        if 0 <= x < width and 0 <= y < height:
            before = surface[int(y * _RAYS), int(x * _RAYS)] - depth[number]
            keypoints[number] = x - 0.5, y - 0.5, mask[int(y), int(x)] and before < _FLESH[number]
    return keypoints
