"""Landmarks of faces and their maps, against the numbers of vid2vid's authors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from golden.fill import Golden
from i2i_zoo.data.rendered.faces import Speech, landmarks
from i2i_zoo.errors import ZooError
from i2i_zoo.media.faces import (
    CHANNELS,
    CURVES,
    Box,
    as_face,
    curved,
    draw_face,
    face_box,
    face_maps,
    inside,
    l1_distance,
    outlined,
    read_face,
)


@pytest.fixture(scope="module")
def stored() -> Golden:
    return Golden("vid2vid_faces", str(Path(__file__).parents[1] / "golden" / "vid2vid"))


def speaking(seconds: float = 0.0) -> Tensor:
    return torch.from_numpy(landmarks(Speech(1, (60, 60), 20).at(seconds))).float()


@pytest.mark.parametrize("number", [0, 1, 2])
def test_maps_are_the_authors(stored: Golden, number: int) -> None:
    points, wanted = as_face(stored["points"][number]), torch.from_numpy(stored[f"maps{number}"])
    top, left = stored["boxes"][number].tolist()
    side = wanted.shape[-1]
    closed = outlined(points - points.new_tensor([left, top]))
    maps = draw_face(closed, side).mul(255).round().byte()
    assert maps.shape == wanted.shape == (15, side, side)
    assert torch.equal(maps[2:], wanted[2:])  # all but the outline
    # Their rounding errors decide where single points of the forehead, which are whole numbers, are drawn.
    assert (maps[0] != wanted[0]).sum() < 0.04 * (wanted[0] > 0).sum()
    assert (maps[1].int() - wanted[1].int()).abs().max() <= 1
    assert (maps[1] != wanted[1]).float().mean() < 0.03
    box = face_box(points, (190, 200))
    assert abs(box.top - top) <= 1  # they round the sides of the box one by one
    assert abs(box.left - left) <= 1
    scaled = face_maps(points, Box(top, left, side), (side, side))
    assert torch.equal(scaled, draw_face(closed, side))


def test_the_box_of_whole_numbers_is_the_authors() -> None:
    points = torch.zeros(68, 2)
    points[0], points[1], points[2:] = (
        torch.tensor([30.0, 50.0]),
        torch.tensor([70.0, 90.0]),
        torch.tensor([50.0, 60.0]),
    )
    # 100 = 2.5 * 40 around x = 50 and y = (3 * 50 + 90) / 4 = 60.
    assert face_box(points) == face_box(points, (200, 200)) == Box(10, 0, 100)
    assert face_box(points - 20) == Box(-10, -20, 100)
    assert face_box(points - 20, (200, 200)) == Box(0, 0, 100)
    assert face_box(points + 100, (200, 160)) == Box(100, 60, 100)
    assert face_box(points, (90, 300)) == Box(0, 5, 90)  # no larger than the picture


def test_distances_count_steps_along_rows_and_columns() -> None:
    mask = torch.zeros(2, 5, 7, dtype=torch.bool)
    mask[0, 1, 2] = mask[0, 4, 6] = True
    rows, columns = torch.meshgrid(torch.arange(5), torch.arange(7), indexing="ij")
    steps = [(rows - row).abs() + (columns - column).abs() for row, column in ((1, 2), (4, 6))]
    assert torch.equal(l1_distance(mask)[0], torch.minimum(*steps).float())
    assert l1_distance(mask)[1].isinf().all()


def test_curves_go_through_their_points() -> None:
    x, y = curved(np.array([[10.0, 5], [20, 12], [31, 6]]))
    assert (x[0], y[0], x[-1], y[-1]) == (10, 5, 31, 6)
    assert x.max() - x.min() == 21
    assert (y[x == 20] - 12).item() in (-1, 0)
    turned = curved(np.array([[5.0, 10], [12, 20], [6, 31]]))  # along y
    assert np.array_equal(turned, [y, x])
    assert curved(np.array([[0, 0], [10, 9.9], [10.5, 0]])).shape == (2, 0)  # bends too much
    assert curved(np.array([[10.0, 5], [10, 7], [30, 6]])).shape == (2, 0)  # no function of x
    assert curved(np.array([[3.0, 3], [3, 3]])).shape == (2, 0)


def test_a_face_has_all_its_curves() -> None:
    assert len(CURVES) == CHANNELS - 1 == 14
    assert set(sum(CURVES, ())) == set(range(83)) - {27, 29, 30}
    face = speaking()
    maps = face_maps(face, face_box(face), (64, 64))
    assert maps.shape == (15, 64, 64)
    assert maps.min() >= 0
    assert maps.max() <= 1
    assert maps[0].max() == 1
    assert all(distance.min() < 1 / 255 for distance in maps[1:])


def test_edges_of_the_picture_are_drawn_around_the_face() -> None:
    face = speaking()
    picture = torch.full((3, 120, 120), -1.0)
    picture[:, :, 60:] = 0.5  # an edge from top to bottom, through the face
    box = face_box(face, (120, 120))
    plain, drawn = face_maps(face, box, (box.side,) * 2), face_maps(face, box, (box.side,) * 2, picture)
    added = (drawn[0] > 0) & (plain[0] == 0)
    outline = inside(outlined(face - face.new_tensor([box.left, box.top]))[list(CURVES[0])], box.side)
    assert not (added & outline).any()
    rows, columns = added.nonzero().unbind(1)
    assert ((columns + box.left - 60).abs() <= 2).all()
    assert set(rows.tolist()) >= set(range(8, int(outline.any(1).nonzero()[0]) - 2))
    assert torch.equal(plain[1:], drawn[1:])


def write(path: Path, points: np.ndarray) -> Path:
    np.savetxt(path, points, fmt="%.2f", delimiter=",")
    return path


def test_files_of_landmarks(tmp_path: Path) -> None:
    points = speaking().numpy()
    expected = torch.from_numpy(np.round(points, 2))
    torch.testing.assert_close(read_face(write(tmp_path / "a.txt", points)), expected, rtol=0, atol=0.006)
    (tmp_path / "b.csv").write_text("\n\n".join(f"{x} {y}" for x, y in points.tolist()))
    torch.testing.assert_close(read_face(tmp_path / "b.csv"), speaking())
    torch.testing.assert_close(read_face(points), speaking())
    assert read_face(speaking()).dtype == torch.float32


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    points = speaking().numpy()
    with pytest.raises(ZooError, match=r"a\.txt: a face has 68 points of x and y, .*, not 67 points"):
        read_face(write(tmp_path / "a.txt", points[1:]))
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(ZooError, match=r"empty\.txt: a face has 68 points of x and y, .*, not 0 points"):
        read_face(tmp_path / "empty.txt")
    points[7, 1] = np.nan
    with pytest.raises(ZooError, match=r"b\.txt: point 7 is at \(.*, nan\), which is no place in a picture"):
        read_face(write(tmp_path / "b.txt", points))
    points[7, 1] = 1e30
    with pytest.raises(ZooError, match=r"point 7 is at \(.*, 1e\+30\), which is no place"):
        read_face(points)
    (tmp_path / "c.txt").write_text("1,2\n3,4,5\n")
    with pytest.raises(ZooError, match=r"c\.txt: line 2 is '3,4,5'; each line is x,y of one point"):
        read_face(tmp_path / "c.txt")
    (tmp_path / "d.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ZooError, match=r"d\.txt: byte 0 is no text in UTF-8"):
        read_face(tmp_path / "d.txt")
    with pytest.raises(ZooError, match=r"none\.txt: there is no such file"):
        read_face(tmp_path / "none.txt")
    with pytest.raises(ZooError, match=r"face\.png: landmarks of a face are read from \.txt and \.csv files"):
        read_face(tmp_path / "face.png")
    with pytest.raises(ZooError, match=r"of x and y, .*, not shape \(68, 3\)"):
        read_face(np.zeros((68, 3)))
    with pytest.raises(ZooError, match=r"0\.\d+ pixels wide was given: give landmarks in pixels"):
        face_box(speaking() / 120)
    with pytest.raises(ZooError, match="The box around a face"):
        face_maps(speaking(), Box(0, 0, 10**6), (64, 64))
