"""The clip that a picture moves as, and what else may be chosen for its motion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import is_clip, open_clip, suffix_of_result
from i2i_zoo.media.frames import RATE
from i2i_zoo.media.geometry import resize
from i2i_zoo.media.pictures import read_picture

from .clips import LONGEST
from .conditions import Condition
from .kinds import ClipFile, Switch, Whole

DRIVING = Condition(
    "driving",
    ClipFile(),
    "the clip to move as: a video, an animation, a folder of frames or a strip of them",
    label="Clip to move as",
    required=True,
)

ABSOLUTE = Condition(
    "absolute",
    Switch(),
    "go to the places of the clip's key points; by default move as they do, from where the source has its own",
    label="Go to the places of the clip",
    default=False,
)

FRAMES = Condition(
    "frames",
    Whole(1, LONGEST),
    "without a clip to move as, how many frames to make: the motion is predicted from the picture",
    label="Or how many frames to predict",
    excludes="driving",
)


class Driving:
    """A clip to move as; its frames are read as they are needed.

    Args:
        clip: What `ClipFile` takes.

    Raises:
        ZooError: If it cannot be read, or is empty.
    """

    def __init__(self, clip: Any) -> None:
        self.rate: Fraction | float = RATE
        #: How a file of the result ends.
        self.suffix = ".webp"
        self.frames: Iterable[Any] = clip
        if isinstance(clip, (str, Path)):
            opened = open_clip(clip)
            self.frames, self.rate = opened, opened.rate
            if is_clip(Path(clip)):
                self.suffix = suffix_of_result(Path(clip))
        elif isinstance(clip, Tensor) and clip.dim() != 4:
            raise ZooError(f"driving of shape {tuple(clip.shape)}: give a clip (T, 3, H, W) in [-1, 1].")
        elif len(clip) == 0:
            raise ZooError("driving is empty: give a clip of at least one frame.")

    def parts(self, count: int, size: Sequence[int]) -> Iterator[Tensor]:
        """The frames at this size, so many at a time: (up to ``count``, 3, H, W) in [-1, 1].

        Raises `ZooError` if they have several sizes.
        """
        left, own = iter(self.frames), None
        while part := [read_picture(frame) for frame in islice(left, count)]:
            own = own or part[0].shape
            if other := next((frame.shape for frame in part if frame.shape != own), None):
                raise ZooError(
                    f"driving has frames of {own[-1]}x{own[-2]} and of {other[-1]}x{other[-2]} pixels: scale them to "
                    "one size."
                )
            yield torch.stack([resize(frame, size) for frame in part])
