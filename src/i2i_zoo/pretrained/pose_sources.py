"""The poses that people give: as numbers, as files of poses, or as pictures and clips in which they are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import is_clip, open_clip
from i2i_zoo.media.files import find_files, read_array
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.media.pose_files import Poses, array_poses, is_pose_array, read_poses

from .pose_estimators import PoseEstimator, pose_estimator


def poses_of(source: Any, estimator: Callable[[], PoseEstimator] = pose_estimator) -> Poses:
    """The poses of whatever a person gives where a pose is expected, at least one of them with a visible point.

    Args:
        source: `Poses`; an array or tensor (18, 3) or (N, 18, 3); a file of poses, as `read_poses` takes it, or a
            folder of them in the order of their names, as OpenPose writes one for each frame; or a picture, as
            `read_picture` takes it, a video, a GIF, or a folder of pictures, in which the person is found.
        estimator: Called when the first picture has to be looked at; by default the estimator that is installed.

    Raises:
        ZooError: If it cannot be read, or nobody is in it.
        MissingWeights: If a picture is given and no estimator can be had; it says how to get one.
    """
    origin = str(source) if isinstance(source, (str, Path)) else "The pose"
    poses = source if isinstance(source, Poses) else _read(source, origin, estimator)
    if not poses.points[..., 2].any():
        raise ZooError(
            f"{origin}: nobody was found in it; give a picture of a whole person, or a pose with visible points."
        )
    return poses


def _read(source: Any, origin: str, estimator: Callable[[], PoseEstimator]) -> Poses:
    if not isinstance(source, (str, Path)):
        if not isinstance(source, (Tensor, Image.Image)):
            source = np.asarray(source)
        if not isinstance(source, Image.Image) and (source.ndim < 3 or is_pose_array(source)):
            return array_poses(source, origin)
        return found_in([("", read_picture(source))], estimator())
    path = Path(source)
    try:
        there = path.exists()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    if not there:
        raise ZooError(f"{path}: there is no such file; check the path.")
    if path.is_dir():
        if files := find_files(path, (".json",)):
            parts = [read_poses(file) for file in files]
            for file, part in zip(files, parts, strict=True):
                if len(files) > 1 and len(part.points) > 1:
                    raise ZooError(
                        f"{file}: it holds {len(part.points)} poses, and there are other files in {path}; a folder "
                        "has a file for each frame of one clip, so give files of clips one by one."
                    )
            names = sum((part.names for part in parts), ())
            return Poses(torch.cat([part.points for part in parts]), names, sum((part.sizes for part in parts), ()))
        if not (files := find_files(path)):
            raise ZooError(f"{path}: the folder holds neither JSON files nor pictures; check the path.")
        return found_in(((file.name, read_picture(file)) for file in files), estimator())
    suffix = path.suffix.lower()
    if suffix in (".json", ".csv") or (suffix == ".npy" and path.is_file() and is_pose_array(read_array(path))):
        return read_poses(path)
    return found_in(((path.name, frame) for frame in frames(path)), estimator())


def found_in(pictures: Iterable[tuple[str, Tensor]], estimator: PoseEstimator) -> Poses:
    """The poses in pictures (3, H, W) with their names, one or more."""
    return Poses.join((name, estimator(picture), (picture.shape[-2], picture.shape[-1])) for name, picture in pictures)


def frames(path: Path) -> Iterator[Tensor]:
    """The frames (3, H, W) of a video or an animation one after the other, or the one picture of another file.

    Raises `ZooError` for a file that cannot be read, and for a video if PyAV is not installed.
    """
    if not is_clip(path):
        yield read_picture(path)
        return
    for frame in open_clip(path):
        yield read_picture(frame)
