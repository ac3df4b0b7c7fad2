"""The poses in photographs of people, found once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from i2i_zoo.devices import find_device
from i2i_zoo.errors import ZooError
from i2i_zoo.media.frames import Clip
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.media.pose_files import Poses, read_poses, write_poses
from i2i_zoo.pretrained.pose_estimators import pose_estimator
from i2i_zoo.pretrained.pose_sources import found_in
from i2i_zoo.store.first_use import zoo_cache


def found_poses(photographs: Sequence[Path]) -> dict[Path, Path]:
    """The pose in each photograph, as OpenPose's JSON in the package's cache; without people if nobody was found.

    Those that are missing are found now, by the estimator that is installed.  A photograph that has changed is looked
    at again.

    Raises:
        MissingWeights: If no estimator can be had; it says how to get one, or how to give the poses.
        ZooError: If a photograph cannot be read, or the cache cannot be written.
    """
    folder = zoo_cache() / "poses"
    found = {file: folder / f"{file_hash(file)}.json" for file in photographs}
    missing = {kept: file for file, kept in found.items() if not kept.is_file()}
    if missing:
        try:
            estimator = pose_estimator(device=str(find_device()))
        except ZooError as error:
            others = f" (and of {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise type(error)(
                f"{next(iter(missing.values()))}: the pose of this picture{others} is not beside it and cannot be "
                f"found: {error}"
            ) from error
        for kept, file in tqdm(missing.items(), desc="Poses, found once", unit=" pictures", disable=None):
            write_poses(kept, found_in([(file.name, read_picture(file))], estimator))
    return found


def found_clip_poses(clip: Clip) -> Poses:
    """The pose in each frame of a video or an animation, kept in the package's cache.

    Raises as `found_poses`.
    """
    kept = zoo_cache() / "poses" / f"{file_hash(clip.path)}.json"
    if not kept.is_file():
        try:
            estimator = pose_estimator(device=str(find_device()))
        except ZooError as error:
            raise type(error)(
                f"{clip.path}: its poses are not beside it ({clip.path.stem}.json) and cannot be found: {error}"
            ) from error
        frames = tqdm(clip, "Poses, found once", clip.count(), unit=" frames", disable=None)
        write_poses(kept, found_in(((clip.path.name, read_picture(frame)) for frame in frames), estimator))
    return read_poses(kept)


def file_hash(*files: Path) -> str:
    """A name for the content of files, one after the other, which is never in memory as a whole."""
    digest = hashlib.blake2s()
    for file in files:
        try:
            with file.open("rb") as content:
                while part := content.read(2**20):
                    digest.update(part)
        except OSError as error:
            raise ZooError(f"{file}: the file cannot be read ({error.strerror}); check its rights.") from None
    return digest.hexdigest()
