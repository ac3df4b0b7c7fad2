"""What pose-gan, the code of the authors of deformable GANs, computed; `tests/golden/posegan` holds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from golden.fill import Golden

FOLDER = str(Path(__file__).parents[1] / "golden" / "posegan")


def golden(case: str) -> Golden:
    """A case of pose-gan."""
    return Golden(f"posegan_{case}", FOLDER)


def poses(keypoints: np.ndarray) -> Tensor:
    """Poses (B, 18, 3) from the authors' keypoints (B, 18, 2) of rows and columns, -1 if missing."""
    points = torch.from_numpy(keypoints.astype(np.float32))
    seen = (points != -1).all(-1, keepdim=True)
    return torch.cat([points.flip(-1), torch.ones_like(points[..., :1])], -1) * seen


def unpacked(bits: np.ndarray, *shape: int) -> Tensor:
    """Masks of 0 and 1 that the authors' fixtures hold as bits."""
    return torch.from_numpy(np.unpackbits(bits.astype(np.uint8), axis=-1).reshape(shape).astype(np.float32))
