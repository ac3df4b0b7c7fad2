"""Files of poses: OpenPose's and COCO's JSON, the CSV of person-image datasets, and ``.npy`` arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2i_zoo.atomic import atomic_write
from i2i_zoo.errors import ZooError, closest

from .files import read_npy
from .pose_json import Record, Size, json_records, numbers, shown
from .poses import as_pose, resized

#: The suffixes of files that hold poses; a ``.npy`` file may also be a picture.
POSE_SUFFIXES = (".json", ".csv", ".npy")

#: The header of the annotations of pose-gan, PATN, ADGAN and GFLA.
CSV_HEADER = "name:keypoints_y:keypoints_x"


@dataclass(frozen=True)
class Poses:
    """The pose of one person in each of several pictures, or in each frame of a clip.

    Args:
        points: (N, 18, 3), as `i2i_zoo.media.poses` defines them; of zeros where nobody was found.
        names: The pictures' file names, empty where the file does not give them.
        sizes: Height and width of each picture, None where the file does not give them.
    """

    points: Tensor
    names: tuple[str, ...]
    sizes: tuple[Size, ...]

    @classmethod
    def join(cls, records: Iterable[Record]) -> Poses:
        """Poses of one or more records."""
        names, points, sizes = zip(*records, strict=True)
        return cls(torch.stack(points), names, sizes)

    def only(self, name: str, origin: str) -> Poses:
        """The pose of one picture; raises `ZooError` if there is none of that name."""
        if name not in self.names:
            close = closest(name, self.names)
            remedy = f"the closest name is {close}" if close else f"its names are like {self.names[0]!r}"
            raise ZooError(f"{origin}: it has no pose of {name}; {remedy}.")
        index = self.names.index(name)
        return Poses(self.points[index : index + 1], (name,), self.sizes[index : index + 1])

    def fitted(self, size: Sequence[int]) -> Tensor:
        """The points for pictures of this height and width; those whose own size is unknown stay as they are."""
        pairs = zip(self.points, self.sizes, strict=True)
        return torch.stack([points if own is None else resized(points, own, size) for points, own in pairs])

    def check_size(self, size: Sequence[int], origin: str, picture: Path) -> None:
        """Raise `ZooError` if poses whose own size is unknown reach beyond a picture of this height and width."""
        unknown = [points for points, own in zip(self.points, self.sizes, strict=True) if own is None]
        x, y = torch.stack(unknown)[..., :2].amax((0, 1)).tolist() if unknown else (0.0, 0.0)
        if x > size[1] or y > size[0]:
            raise ZooError(
                f"{origin}: its points go to x {x:g} and y {y:g}, and {picture} has {size[1]}x{size[0]} pixels; add "
                "the size of the picture in which they were found (canvas_height and canvas_width), or find them again."
            )


def read_poses(path: str | Path) -> Poses:
    """The poses of a file; of several persons in a picture, the one with the largest sum of confidences.

    - OpenPose's JSON of one picture, with 18 points or with 25; or a list of them, one for each frame of a clip, each
      with the size of its picture as ``canvas_height`` and ``canvas_width`` or without it.
    - COCO's JSON, a dataset or results, with 17 points.
    - The CSV ``name:keypoints_y:keypoints_x`` of person-image datasets, where -1 stands for a missing point.
    - A ``.npy`` array (18, 3) or (N, 18, 3) of x, y and visibility; or with 17 or 25 points.

    Raises `ZooError` if the file is missing, damaged or none of these; it names the place in the file.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".npy":
            return array_poses(read_npy(path), str(path))
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".csv":
            return Poses.join(_csv_records(text, str(path)))
        if path.suffix.lower() == ".json":
            content = json.loads(text)
            return Poses.join(json_records(content, str(path)))
    except ZooError:
        raise
    except FileNotFoundError:
        raise ZooError(f"{path}: there is no such file; check the path.") from None
    except OSError as error:
        raise ZooError(f"{path}: the file cannot be read ({error.strerror}); check the path and its rights.") from None
    except json.JSONDecodeError as error:
        raise ZooError(
            f"{path}: line {error.lineno}, column {error.colno} is no JSON ({error.msg}); write the file again."
        ) from None
    except UnicodeDecodeError as error:
        raise ZooError(f"{path}: byte {error.start} is no text in UTF-8; write the file again.") from None
    except RecursionError:
        raise ZooError(f"{path}: its lists are nested too deeply; write the file again.") from None
    except Exception as error:  # decoders raise all kinds of errors
        why = " ".join(str(error).split()).partition(";")[0].rstrip(".") or type(error).__name__
        raise ZooError(f"{path}: the file cannot be read ({why}); write it again.") from None
    raise ZooError(f"{path}: poses are read from {', '.join(POSE_SUFFIXES[:-1])} and {POSE_SUFFIXES[-1]} files.")


def array_poses(array: Any, origin: str = "The pose") -> Poses:
    """Poses of an array or tensor (18, 3) or (N, 18, 3), or with 17 or 25 points; raises `ZooError` for another."""
    if not isinstance(array, Tensor):
        array = np.asarray(array)
        if array.dtype.kind not in "biuf":
            raise ZooError(f"{origin} holds values of type {array.dtype}; give numbers: x, y and visibility.")
        array = torch.from_numpy(array.astype(np.float64))
    points = as_pose(array, origin)
    if points.dim() > 3 or 0 in points.shape:
        raise ZooError(f"{origin} has the shape {tuple(array.shape)}; give (18, 3), or (frames, 18, 3).")
    points = points.reshape(-1, 18, 3)
    return Poses(points, ("",) * len(points), (None,) * len(points))


def is_pose_array(array: np.ndarray | Tensor) -> bool:
    """Whether an array is rather poses than a picture: 17, 18 or 25 points of three numbers, none of them uint8."""
    shape = tuple(array.shape)
    points = len(shape) in (2, 3) and shape[-1] == 3 and shape[-2] in (17, 18, 25)
    return points and array.dtype not in (np.uint8, torch.uint8)


def write_poses(path: Path, poses: Poses) -> None:
    """Write OpenPose's JSON completely or not at all: an object for one pose, else a list of one for each frame.

    Raises `ZooError` if it cannot be written.
    """
    frames = []
    for points, size in zip(poses.points, poses.sizes, strict=True):
        numbers = [round(float(number), 3) for number in points.flatten()]
        people = [{"person_id": [-1], "pose_keypoints_2d": numbers}] if points[:, 2].any() else []
        canvas = {} if size is None else {"canvas_height": size[0], "canvas_width": size[1]}
        frames.append({"version": 1.3, **canvas, "people": people})
    try:
        with atomic_write(path) as partial:
            partial.write_text(json.dumps(frames[0] if len(frames) == 1 else frames) + "\n", encoding="utf-8")
    except OSError as error:
        raise ZooError(f"{path}: the poses cannot be written ({error.strerror}); choose another place.") from None


def _csv_records(text: str, origin: str) -> list[Record]:
    lines = text.splitlines()
    if not lines or lines[0].replace(" ", "") != CSV_HEADER:
        begin = shown(lines[0] if lines else "")
        raise ZooError(f"{origin}: line 1 is {begin}; it must be the header {CSV_HEADER}.")
    records: dict[str, Tensor] = {}
    for number, line in enumerate(lines[1:], 2):
        where = f"{origin}: line {number}"
        if not line.strip():
            continue
        fields = line.rsplit(":", 2)
        if len(fields) != 3 or not fields[0].strip():
            raise ZooError(f"{where} has {len(fields)} fields; give three, name:keypoints_y:keypoints_x.")
        name, axes = fields[0].strip(), {}
        for axis, field in zip("yx", fields[1:], strict=True):
            try:
                axes[axis] = json.loads(field)
            except (ValueError, RecursionError):
                axes[axis] = field.strip()
            if not isinstance(axes[axis], list) or len(axes[axis]) != 18:
                count = f"{len(axes[axis])} numbers" if isinstance(axes[axis], list) else shown(axes[axis])
                raise ZooError(
                    f"{where}, keypoints_{axis} is {count}; give a list of 18 numbers, such as [12, -1, ...]."
                )
        rows, columns = (numbers(axes[axis], f"{where}, keypoints_{axis}") for axis in "yx")
        seen = (rows != -1) & (columns != -1)
        if name in records:
            raise ZooError(f"{where} is a second pose of {name}; keep one of the lines.")
        records[name] = torch.stack([columns, rows, seen], -1)
    if not records:
        raise ZooError(f"{origin}: no line follows the header; add the poses.")
    points = as_pose(torch.stack(list(records.values())), origin)  # at once, since there may be 20,000
    return [(name, pose, None) for name, pose in zip(records, points, strict=True)]
