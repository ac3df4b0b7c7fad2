from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from i2i_zoo.data.rendered.people import Person, Rendering, View, flow
from i2i_zoo.data.rendered.people_body import Capsules, Part
from i2i_zoo.data.rendered.people_motion import any_pose, dance, stand, walk
from i2i_zoo.data.rendered.people_places import draw_place
from i2i_zoo.data.rendered.people_rays import cast
from i2i_zoo.data.rendered.people_skeleton import BONES, POINTS, Pose, limb, make_skeleton, rotation

GREY = np.full((128, 64, 3), 128, np.uint8)
POINT = {name: number for number, name in enumerate(POINTS)}


def shown(seed: int, yaw: float = 0.0, view: View = View(), background: np.ndarray = GREY) -> Rendering:  # noqa: B008
    return Person(seed).render(stand(np.random.default_rng(seed), yaw), view, background)


def some() -> list[Rendering]:
    """People of many kinds in many poses, from all sides."""
    rng = np.random.default_rng(0)
    poses = [any_pose(rng, yaw) for yaw in np.linspace(-3, 3, 12)]
    return [Person(seed).render(pose, View(), GREY) for seed, pose in enumerate(poses)]


def test_the_same_seed_is_the_same_picture() -> None:
    first, second = shown(3), shown(3)
    assert np.array_equal(first.picture, second.picture)
    assert np.array_equal(first.keypoints, second.keypoints)
    assert not np.array_equal(first.picture, shown(4).picture)


def test_rays_meet_the_hull_of_two_balls() -> None:
    """Against many balls along the axis, from the side, nearly along the axis and flattened."""
    x, y = np.linspace(-2, 2, 81), np.linspace(2, -2, 81)
    for turn, radii, flat in ((0.3, (0.6, 0.3), 1.0), (1.45, (0.7, 0.35), 1.0), (-1.4, (0.3, 0.7), 0.5)):
        matrix = rotation("z", 0.4) @ rotation("x", turn) * [1, 1, flat]
        one = Capsules(
            matrix[None], np.array([[0.1, -0.3, 0.2]]), np.array([0.9]), np.array([radii]), np.array([False])
        )
        found = cast(one, x.astype(np.float32), y.astype(np.float32)).depth
        expected = np.full_like(found, -1e9)
        shape = np.linalg.inv(matrix @ matrix.T)  # a ball becomes an ellipsoid: p @ shape @ p = radius ** 2
        a = shape[2, 2]
        for share in np.linspace(0, 1, 2000):
            centre = one.shifts[0] + share * 0.9 * matrix[:, 1]
            dx, dy = x[None] - centre[0], y[:, None] - centre[1]
            b = shape[0, 2] * dx + shape[1, 2] * dy
            c = shape[0, 0] * dx**2 + 2 * shape[0, 1] * dx * dy + shape[1, 1] * dy**2
            c = c - (radii[0] + share * (radii[1] - radii[0])) ** 2
            inside = b * b > a * c
            z = centre[2] + (np.sqrt(np.where(inside, b * b - a * c, 0)) - b) / a
            expected = np.where(inside, np.maximum(expected, z), expected)
        both = (found > -1e8) & (expected > -1e8)
        assert both.sum() > 300
        assert ((found > -1e8) != (expected > -1e8)).mean() < 0.002
        assert np.quantile(np.abs(found - expected)[both], 0.99) < 2e-3


def test_the_mask_is_what_is_drawn() -> None:
    pose, person = walk(0.2, yaw=0.7), Person(5)
    dark, light = (person.render(pose, View(), np.full_like(GREY, value)) for value in (0, 255))
    # The person hides the background where it covers the pixel, so that black and white cannot be told apart.
    hidden = (dark.picture == light.picture).all(2)
    assert np.array_equal(hidden, dark.coverage == 1)
    untouched = dark.coverage == 0
    assert (dark.picture[untouched] == 0).all()
    assert np.array_equal(dark.mask, dark.coverage >= 0.5)
    assert 0.1 < dark.mask.mean() < 0.4


def test_parts_and_materials_fill_the_mask() -> None:
    for rendering in some():
        assert np.array_equal(rendering.parts > 0, rendering.mask)
        assert np.array_equal(rendering.materials > 0, rendering.mask)
    every = set().union(*(np.unique(rendering.parts) for rendering in some()))
    assert every == set(map(int, Part))


def test_visible_joints_lie_on_the_person() -> None:
    count = 0
    for rendering in some():
        for x, y, visible in rendering.keypoints:
            assert visible in (0, 1)
            if visible:
                assert rendering.mask[round(float(y)), round(float(x))]
                count += 1
    assert 100 < count < 12 * 18


def test_joints_lie_on_their_own_parts() -> None:
    """The middle of a visible limb belongs to it, or to what is worn over it."""
    limbs = {
        Part.RIGHT_LOWER_ARM: ("right_elbow", "right_wrist"),
        Part.LEFT_LOWER_ARM: ("left_elbow", "left_wrist"),
        Part.RIGHT_LOWER_LEG: ("right_knee", "right_ankle"),
        Part.LEFT_LOWER_LEG: ("left_knee", "left_ankle"),
    }
    right = []
    for rendering in some():
        for part, names in limbs.items():
            first, last = (rendering.keypoints[POINT[name]] for name in names)
            if first[2] and last[2]:
                x, y = ((first + last) / 2)[:2].round().astype(int)
                right.append(rendering.parts[y, x] == part)
    assert len(right) > 20
    assert np.mean(right) > 0.85


def test_left_and_right_front_and_back() -> None:
    """Who faces us has the right shoulder on our left; from behind, the face is hidden."""
    for seed in range(4):
        front, back = (Person(seed).render(walk(0, 0, yaw), View(), GREY).keypoints for yaw in (0, np.pi))
        for side in ("shoulder", "hip", "wrist"):
            assert front[POINT[f"right_{side}"], 0] < front[POINT[f"left_{side}"], 0]
            assert back[POINT[f"right_{side}"], 0] > back[POINT[f"left_{side}"], 0]
        assert front[POINT["right_eye"], 0] < front[POINT["left_eye"], 0]
        assert front[[0, 14, 15], 2].all()
        assert not back[[0, 14, 15], 2].any()
        assert back[[POINT["right_knee"], POINT["left_knee"]], 2].any()


def test_the_far_arm_is_hidden_from_the_side() -> None:
    """Seen from the person's left."""
    keypoints = Person(1).render(walk(0, 0, -np.pi / 2), View(), GREY).keypoints
    assert keypoints[POINT["left_shoulder"], 2] == 1
    assert keypoints[POINT["right_shoulder"], 2] == 0


def test_a_point_outside_the_picture_is_missing() -> None:
    keypoints = Person(1).render(Pose(), View(floor=0.5), GREY).keypoints
    assert (keypoints[0] == 0).all()
    assert (keypoints[POINT["right_ankle"]] != 0).all()


def test_a_person_may_be_partly_or_wholly_outside() -> None:
    for seed in range(60):
        person = Person(seed)
        whole = person.render(Pose(), View(centre=3), GREY)
        assert not whole.mask.any()
        assert not whole.keypoints.any()
        for floor in (0.3, 0.6, 1.5):
            assert person.render(Pose(), View(floor=floor), GREY[:64]).mask.any()


def test_a_skeleton_keeps_its_lengths() -> None:
    skeleton = make_skeleton()
    for pose in (walk(0.3), dance(4.0, 1), stand(np.random.default_rng(2))):
        moved = skeleton.moved_points(pose)
        for first, last in (
            ("right_shoulder", "right_elbow"),
            ("left_knee", "left_ankle"),
            ("left_elbow", "left_wrist"),
        ):
            a, b = POINT[first], POINT[last]
            length = np.linalg.norm(skeleton.points[a] - skeleton.points[b])
            assert np.linalg.norm(moved[a] - moved[b]) == pytest.approx(length)
    assert np.allclose(skeleton.moved_points(Pose()), skeleton.points)
    assert set(skeleton.joints) == set(BONES)


def test_a_limb_is_lifted_to_its_own_side() -> None:
    skeleton = make_skeleton()
    for side, sign in (("right", -1), ("left", 1)):
        wrist, shoulder = POINT[f"{side}_wrist"], POINT[f"{side}_shoulder"]
        for how, axis, towards in (({"forward": 1.5}, 2, 1), ({"outward": 1.5}, 0, sign)):
            moved = skeleton.moved_points(Pose({f"{side}_shoulder": limb(side, **how)}))
            assert towards * (moved[wrist] - moved[shoulder])[axis] > 0.3


def test_people_stand_on_the_floor() -> None:
    for rendering in some():
        lowest = np.nonzero(rendering.mask.any(1))[0].max()
        assert abs(lowest - 0.95 * 128) < 6
    jump = Person(1).render(Pose(lift=0.2), View(), GREY)
    assert np.nonzero(jump.mask.any(1))[0].max() == pytest.approx(128 * (0.95 - 0.84 * 0.2), abs=4)


def test_flow_follows_a_shift_exactly() -> None:
    person, pose = Person(7), walk(0.1, yaw=0.4)
    source = person.render(pose, View(), GREY)
    target = person.render(pose, replace(View(), centre=0.5 + 5 / 64, floor=0.95 - 3 / 128), GREY)
    shift, visible = flow(source, target)
    assert np.allclose(shift[visible], [5, -3], atol=1e-3)
    assert visible.sum() > 0.97 * (source.surface >= 0).sum()
    assert (shift[source.surface < 0] == 0).all()
    assert not visible[source.surface < 0].any()


@pytest.mark.parametrize("seed", [2, 14, 21])  # trousers, a skirt and a rucksack
def test_flow_moves_source_pixels_onto_target_pixels(seed: int) -> None:
    person = Person(seed)
    light = (0.0, 0.1, 1.0)
    source = person.render(walk(0.05, 0.8, 0.3), View(light=light), GREY)
    target = person.render(walk(0.45, 0.8, -0.3), View(light=light), GREY)
    shift, visible = flow(source, target)
    assert visible.sum() > 400
    rows, columns = np.nonzero(visible & source.mask)
    y, x = (np.rint(v + shift[rows, columns, i]).astype(int) for v, i in ((rows, 1), (columns, 0)))
    assert target.mask[y, x].mean() > 0.97
    assert (target.parts[y, x] == source.parts[rows, columns]).mean() > 0.9
    assert (target.materials[y, x] == source.materials[rows, columns]).mean() > 0.9
    # The person has the same colours in both, up to their shading.
    moved, still = (
        np.abs(source.picture[rows, columns].astype(float) - target.picture[at]).mean(1)
        for at in ((y, x), (rows, columns))
    )
    assert np.median(moved) < 12
    assert moved.mean() < 0.6 * still.mean()


def test_flow_and_back() -> None:
    person = Person(9)
    source, target = (person.render(dance(time, 3), View(), GREY) for time in (1.0, 1.3))
    forward, visible = flow(source, target)
    backward, seen = flow(target, source)
    rows, columns = np.nonzero(visible)
    y, x = (np.rint(v + forward[rows, columns, i]).astype(int) for v, i in ((rows, 1), (columns, 0)))
    again = seen[y, x]
    error = np.linalg.norm(forward[rows, columns] + backward[y, x], axis=1)[again]
    assert again.mean() > 0.8
    assert np.median(error) < 0.8


def test_a_place_is_its_seeds_and_has_any_size() -> None:
    for seed in range(6):
        assert np.array_equal(draw_place(seed, 64, 48), draw_place.__wrapped__(seed, 64, 48))
    assert draw_place(1, 30, 70).shape == (30, 70, 3)
    for seed in range(40):
        assert draw_place(seed, 16, 8).shape == (16, 8, 3)
    assert not np.array_equal(draw_place(1, 64, 64), draw_place(2, 64, 64))


@pytest.mark.parametrize("size", [(64, 64), (96, 72), (33, 17)])
def test_any_size(size: tuple[int, int]) -> None:
    rendering = shown(1, view=View(elevation=0.4, turn=1.0), background=draw_place(1, *size))
    assert rendering.picture.shape == (*size, 3)
    assert rendering.mask.any()
    assert rendering.keypoints.dtype == np.float32
