"""Networks that find the pose of a person in a picture: MediaPipe's BlazePose, and torchvision's Keypoint R-CNN."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError, choices, install
from i2i_zoo.media.geometry import resize
from i2i_zoo.media.pictures import to_uint8
from i2i_zoo.media.poses import POINTS, cropped, from_coco, resized
from i2i_zoo.store.tensors import read_pickle, state_dict

from .segmenters import with_weights
from .weights import MissingWeights, fetch

#: The environment variable that names a file of weights, in place of the one that its authors offer.
VARIABLE = "I2I_ZOO_POSE"

#: The estimators and how the names of their files end.
ESTIMATORS = {"mediapipe": ".task", "keypointrcnn": ".pth"}

#: Google's model of BlazePose (Bazarevsky et al. 2020, arXiv:2006.10204), Apache-2.0.
_LANDMARKER = (
    "https://storage.googleapis.com/mediapipe-models/pose_landmarker/pose_landmarker_full/float16/1/"
    "pose_landmarker_full.task"
)

#: Where the 18 points are among MediaPipe's 33 landmarks; the neck is made from the shoulders, 12 and 11.
_LANDMARKS = (0, 12, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7)
_SHOULDERS = (12, 11)

#: MediaPipe's landmarks are missing below this visibility.
VISIBILITY = 0.3

#: Small pictures are enlarged to this longer side, and pictures are padded to squares by this share of it; of
#: persons at 128x64, MediaPipe finds no more than with twice the size, and fewer without the padding.
LONGER, MARGIN = 512, 0.25

#: Keypoint R-CNN's persons and points are missing below these scores; a point's is a logit.
PERSON_SCORE, POINT_SCORE = 0.5, 2.0

_ONE_AT_A_TIME = Lock()


class PoseEstimator(Protocol):
    """Finds one person, the most prominent one."""

    def __call__(self, picture: Tensor) -> Tensor:
        """The pose (18, 3) in a picture (3, H, W) in [-1, 1]; of zeros if there is nobody in it."""


def pose_estimator(name: str | None = None, weights: str | Path | None = None, device: str = "cpu") -> PoseEstimator:
    """A pose estimator, loaded once.

    Args:
        name: ``mediapipe`` or ``keypointrcnn``; by default the one that ``weights`` is for, else MediaPipe if it is
            installed.
        weights: A file of weights, by default ``$I2I_ZOO_POSE``, else the authors' file, which is fetched at the first
            use: a ``.task`` of MediaPipe's pose landmarker, or a ``.pth`` of ``keypointrcnn_resnet50_fpn``.
        device: Where Keypoint R-CNN runs; MediaPipe runs on the CPU.

    Raises:
        ZooError: If there is no such estimator, or the file does not fit it.
        MissingWeights: If the package or the file is missing; it says how to get it.
    """
    if name is not None and name not in ESTIMATORS:
        raise ZooError(f"{name}: there is no such pose estimator; {choices(name, ESTIMATORS)}.")
    given, file = ("weights", str(weights)) if weights else (VARIABLE, os.environ.get(VARIABLE))
    if not file:
        return _loaded(name or ("mediapipe" if find_spec("mediapipe") else "keypointrcnn"), None, device)
    kind = next((kind for kind, ending in ESTIMATORS.items() if file.lower().endswith(ending)), None)
    if kind is None or name not in (None, kind):
        if kind is not None and given == VARIABLE:  # it is for the other estimator
            return _loaded(str(name), None, device)
        endings = " or ".join(
            f"{ending} file for {kind}" for kind, ending in ESTIMATORS.items() if name in (None, kind)
        )
        raise ZooError(f"{given} {file}: this is no file of a pose estimator's weights; give a {endings}.")
    path = Path(file).expanduser()
    if not path.is_file():
        raise MissingWeights(f"{given} {file}: there is no such file; check the path.")
    return _loaded(kind, str(path), device)


@cache
def _loaded(name: str, weights: str | None, device: str) -> PoseEstimator:
    return MediaPipe(weights) if name == "mediapipe" else KeypointRCNN.pretrained(weights, device)


class MediaPipe:
    """MediaPipe's pose landmarker, which is made for one person in the middle of a picture.

    Args:
        weights: A ``.task`` file; fetched if it is None.

    Raises `MissingWeights` if the package or its file is missing, and `ZooError` if the file is damaged.
    """

    def __init__(self, weights: str | None = None) -> None:
        if find_spec("mediapipe") is None:
            raise MissingWeights(f"MediaPipe, which finds poses, is not installed: {install('mediapipe')}.")
        file = weights or str(fetch(_LANDMARKER, otherwise=f"set {VARIABLE} to a pose_landmarker_full.task"))
        try:
            from mediapipe.tasks.python import BaseOptions, vision
        except (ImportError, OSError, AttributeError) as error:
            raise MissingWeights(
                f"MediaPipe cannot be used ({error}): install it again, {install('mediapipe')}."
            ) from None
        try:
            # Its contents and not its path, which MediaPipe would look for beside its own files.
            options = vision.PoseLandmarkerOptions(BaseOptions(model_asset_buffer=Path(file).read_bytes()))
            with unlogged():
                self.landmarker: Any = vision.PoseLandmarker.create_from_options(options)
        except (OSError, RuntimeError, ValueError) as error:
            why = " ".join(str(error).split())[:200].rstrip(".")
            raise ZooError(f"{file}: this is no model of MediaPipe's pose landmarker ({why}); get it again.") from None

    def __call__(self, picture: Tensor) -> Tensor:
        import mediapipe

        square, scaled, (top, left) = padded_square(picture)
        array = np.ascontiguousarray(to_uint8(square).permute(1, 2, 0).cpu().numpy())
        with unlogged():
            found = self.landmarker.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, array)).pose_landmarks
        if not found:
            return torch.zeros(18, 3)
        side = square.shape[-1]
        # MediaPipe's coordinates are fractions of the picture from edge to edge.
        landmarks = torch.tensor([[mark.x * side - 0.5, mark.y * side - 0.5, mark.visibility] for mark in found[0]])
        points = cropped(from_landmarks(landmarks), top, left, *scaled)
        return resized(points, scaled, picture.shape[-2:])


@contextmanager
def unlogged() -> Iterator[None]:
    """Silence for what MediaPipe's C++ writes to the standard error: dozens of lines that no option turns off."""
    with _ONE_AT_A_TIME:  # else a second thread would take the silence for what it has to restore
        sys.stderr.flush()
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def padded_square(picture: Tensor) -> tuple[Tensor, tuple[int, int], tuple[int, int]]:
    """A picture (3, H, W) in the middle of a square, whose rest continues the picture's edges.

    A small picture is enlarged first.  Returns the square, the height and width of the picture in it, and its top and
    left.
    """
    height, width = picture.shape[-2:]
    scale = max(1.0, LONGER / max(height, width))
    scaled = (max(1, round(height * scale)), max(1, round(width * scale)))
    side = round(max(scaled) * (1 + MARGIN))
    top, left = ((side - length) // 2 for length in scaled)
    margins = (left, side - scaled[1] - left, top, side - scaled[0] - top)
    square = F.pad(resize(picture, scaled)[None], margins, mode="replicate")[0]
    return square, scaled, (top, left)


def from_landmarks(landmarks: Tensor) -> Tensor:
    """MediaPipe's 33 landmarks (33, 3) of x, y and visibility as a pose (18, 3)."""
    points = landmarks[list(_LANDMARKS)]
    points[POINTS.index("neck")] = landmarks[list(_SHOULDERS)].mean(0)
    points[POINTS.index("neck"), 2] = landmarks[list(_SHOULDERS), 2].amin()
    seen = points[:, 2:] >= VISIBILITY
    return torch.cat([points[:, :2], seen], 1).where(seen, 0.0)


class KeypointRCNN:
    """Torchvision's Keypoint R-CNN (He et al. 2017, arXiv:1703.06870), or one that is built like it.

    Args:
        network: Takes a list of pictures (3, H, W) in [0, 1] and returns the persons of each, with COCO's 17 points.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval().requires_grad_(False)

    @classmethod
    def pretrained(cls, weights: str | None, device: str) -> KeypointRCNN:
        """With weights of ``keypointrcnn_resnet50_fpn`` from a file; fetched if it is None (226 MB)."""
        offered: Any = torchvision.models.detection.KeypointRCNN_ResNet50_FPN_Weights.COCO_V1
        file = weights or fetch(offered.url, otherwise=f"install the other estimator of poses: {install('mediapipe')}")
        network = torchvision.models.detection.keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 0.0  # with which its authors trained
        tensors = state_dict(read_pickle(file), str(file))
        return cls(with_weights(network, tensors, file).to(device))

    @torch.inference_mode()
    def __call__(self, picture: Tensor) -> Tensor:
        device = next(self.network.parameters()).device
        found: list[dict[str, Tensor]] = self.network([picture.to(device).add(1).div(2).clamp(0, 1)])
        points = most_prominent({key: value.float().cpu() for key, value in found[0].items()})
        return cropped(points, 0, 0, *picture.shape[-2:])


def most_prominent(found: dict[str, Tensor]) -> Tensor:
    """The pose (18, 3) of the largest of the persons that Keypoint R-CNN is sure of; of zeros if there is none.

    Args:
        found: ``boxes`` (N, 4) of left, top, right and bottom, ``scores`` (N,), ``keypoints`` (N, 17, 3) and
            ``keypoints_scores`` (N, 17), as torchvision's network returns them.
    """
    sure = found["scores"] >= PERSON_SCORE
    if not sure.any():
        return torch.zeros(18, 3)
    sides = found["boxes"][:, 2:] - found["boxes"][:, :2]
    person = int((sides.prod(1) * sure).argmax())
    points, seen = found["keypoints"][person], found["keypoints_scores"][person, :, None] > POINT_SCORE
    # Its coordinates begin at the edge of the first pixel, not in its middle.
    return from_coco(torch.cat([points[:, :2] - 0.5, seen], 1).where(seen, 0.0))
