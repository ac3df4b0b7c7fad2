"""Poses in JSON: OpenPose's and COCO's."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError

from .poses import FARTHEST, as_pose

#: Height and width of a picture, if they are known.
Size = tuple[int, int] | None

#: The picture's name, empty if it is unknown; its pose (18, 3); its size.
Record = tuple[str, Tensor, Size]


def json_records(content: Any, origin: str) -> list[Record]:
    """The record of each picture or frame; raises `ZooError` that names the place where the content is not right."""
    if isinstance(content, dict) and "annotations" in content:
        return _coco_dataset(content, origin)
    if isinstance(content, dict) and "people" in content:
        return [_openpose(content, origin)]
    if isinstance(content, list) and content:
        if all(isinstance(item, dict) and "people" in item for item in content):
            return [_openpose(item, f"{origin}: frame {number}") for number, item in enumerate(content)]
        if all(isinstance(item, dict) and "image_id" in item for item in content):
            return _coco_people(content, {}, origin, "result")
    raise ZooError(
        f'{origin}: this is neither OpenPose\'s JSON ("people") nor COCO\'s ("annotations", or a list of results, each '
        'with "image_id"); write it in one of these forms.'
    )


def _openpose(record: dict[str, Any], origin: str) -> Record:
    people = _typed(record, "people", list, origin)
    size = None
    if "canvas_height" in record or "canvas_width" in record:
        size = _size(record, "canvas_height", "canvas_width", origin)
    best, most = torch.zeros(18, 3), 0.0
    for number, person in enumerate(people):
        where = f"{origin}: people[{number}]"
        if not isinstance(person, dict):
            raise ZooError(f"{where} is {shown(person)}; it must be an object with pose_keypoints_2d.")
        key = "pose_keypoints" if "pose_keypoints" in person else "pose_keypoints_2d"  # OpenPose's until 2017
        values = _points(person, key, (18, 25), where)
        points = as_pose(values, f"{where}.{key}")
        if (total := float(values[:, 2].sum())) > most:
            best, most = points, total
    seen = best[:, 2:] > 0
    if seen.sum() > 2 and best[:, :2].max() <= 1:  # no person is as small; OpenPose's keypoint_scale 3 writes fractions
        if size is None:
            raise ZooError(
                f"{origin}: the points are fractions of the picture; add its canvas_height and canvas_width."
            )
        best = torch.cat([best[:, :2] * torch.tensor([size[1], size[0]]) - 0.5, best[:, 2:]], 1).where(seen, 0.0)
    return "", best, size


def _coco_dataset(content: dict[str, Any], origin: str) -> list[Record]:
    pictures: dict[Any, tuple[str, Size]] = {}
    for number, picture in enumerate(_typed(content, "images", list, origin)):
        where = f"{origin}: images[{number}]"
        if not isinstance(picture, dict):
            raise ZooError(f"{where} is {shown(picture)}; it must be an object with id and file_name.")
        size = _size(picture, "height", "width", where) if "height" in picture and "width" in picture else None
        key = _key(picture, "id", where)
        if key in pictures:
            raise ZooError(f"{where}.id is {shown(key)}, as that of another picture; give each its own.")
        pictures[key] = (_typed(picture, "file_name", str, where), size)
    if not pictures:
        raise ZooError(f"{origin}: images is empty; list the pictures with id and file_name.")
    return _coco_people(_typed(content, "annotations", list, origin), pictures, origin, "annotations")


def _coco_people(people: list[Any], pictures: dict[Any, tuple[str, Size]], origin: str, what: str) -> list[Record]:
    """The poses of a dataset's annotations, or of results, which name their pictures only by ``image_id``.

    Pictures are in the order of the dataset, or else, if they have numbers, in the order of these: results may be in
    the order of their scores.
    """
    best = {key: (torch.zeros(18, 3), 0.0) for key in pictures}
    for number, person in enumerate(people):
        where = f"{origin}: {what}[{number}]"
        if not isinstance(person, dict):
            raise ZooError(f"{where} is {shown(person)}; it must be an object with image_id and keypoints.")
        key = _key(person, "image_id", where)
        if pictures and key not in pictures:
            raise ZooError(f"{where}.image_id is {shown(key)}, and images has no such id; add the picture.")
        values = _points(person, "keypoints", (17,), where)
        points, total = as_pose(values, f"{where}.keypoints"), float(values[:, 2].sum())
        if total > best.setdefault(key, (torch.zeros(18, 3), 0.0))[1]:
            best[key] = points, total
    if not pictures and all(isinstance(key, int) for key in best):
        best = dict(sorted(best.items()))
    known = {key: pictures.get(key, (str(key), None)) for key in best}
    return [(known[key][0], pose, known[key][1]) for key, (pose, _) in best.items()]


def _points(record: dict[str, Any], key: str, counts: tuple[int, ...], where: str) -> Tensor:
    """(N, 3) in float64, of a flat list of x, y and confidence."""
    values = _typed(record, key, list, where)
    if len(values) not in [3 * count for count in counts]:
        wanted = " or ".join(f"{3 * count} ({count} points of x, y and confidence)" for count in counts)
        raise ZooError(f"{where}.{key} has {len(values)} numbers; give {wanted}.")
    return numbers(values, f"{where}.{key}").view(-1, 3)


def numbers(values: list[Any], where: str) -> Tensor:
    """A list of numbers in float64; raises `ZooError` for a value that is no place in a picture, naming its index."""
    for number, value in enumerate(values):
        # Also NaN and infinity, which are JSON to Python; and integers that are too long for a float.
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= FARTHEST:
            raise ZooError(f"{where}[{number}] is {shown(value)}; give a number, a place in pixels or a confidence.")
    return torch.tensor(values, dtype=torch.float64)


def _typed(record: dict[str, Any], key: str, kind: type[list[Any]] | type[str], where: str) -> Any:
    words = "text" if kind is str else "a list"
    if key not in record:
        raise ZooError(f"{where} lacks {key}; add it, {words}.")
    if not isinstance(record[key], kind):
        raise ZooError(f"{where}.{key} is {shown(record[key])}; it must be {words}.")
    return record[key]


def _key(record: dict[str, Any], key: str, where: str) -> int | str:
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ZooError(f"{where}.{key} is {shown(value)}; it must be the number or name of a picture.")
    return value


def _size(record: dict[str, Any], height: str, width: str, where: str) -> tuple[int, int]:
    sides = []
    for key in (height, width):
        value = record.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= FARTHEST:
            raise ZooError(f"{where}: {key} is {shown(value)}; give the picture's {key.split('_')[-1]} in pixels.")
        sides.append(value)
    return sides[0], sides[1]


def shown(value: Any) -> str:
    """A value for a message, cut off if it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits; lists in lists in lists
        text = "something very large"
    return text if len(text) <= 40 else f"{text[:40]}..."
