"""The kind of values that say which pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image
from torch import Tensor

from i2i_zoo.media.files import PICTURE_SUFFIXES
from i2i_zoo.media.named_poses import NAMED_POSES
from i2i_zoo.media.pose_files import POSE_SUFFIXES, read_poses

from .kinds import Kind, unreadable


@dataclass(frozen=True)
class PoseSource(Kind):
    """One pose or several: an array, a file of poses, or a picture, a video or a GIF of a person.

    Args:
        named: Whether a name of `NAMED_POSES` is valid too.
    """

    named: bool = False
    #: The first is how OpenPose and ``i2i-zoo data poses`` name their files.
    endings: ClassVar[tuple[str, ...]] = ("_keypoints.json", *POSE_SUFFIXES, *PICTURE_SUFFIXES)

    def parse(self, words: Sequence[str]) -> str:
        return words[0]

    @property
    def metavar(self) -> str:
        return "POSE" if self.named else "FILE"

    def by_name(self, file: Path, names: Sequence[str]) -> list[Any] | None:
        if file.suffix.lower() not in (".csv", ".json"):
            return None
        poses = read_poses(file)
        return [poses.only(name, str(file)) for name in names] if all(poses.names) else None

    def is_valid(self, value: Any) -> bool:
        return isinstance(value, (str, Path, Image.Image, np.ndarray)) or (
            isinstance(value, Tensor) and not unreadable(value)
        )

    @property
    def wanted(self) -> str:
        poses = "a file of poses, a picture or video of a person, or an array of 18 points, each x, y and visibility"
        return f"a name ({', '.join(NAMED_POSES)}), {poses}" if self.named else poses
