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


def in_our_layout(tensor: Tensor) -> Tensor:
    """A tensor of Keras in torch's layout: kernels are (height, width, in, out) there."""
    return tensor.permute(3, 2, 0, 1) if tensor.dim() == 4 else tensor


def theirs(tensor: Tensor) -> Tensor:
    """A tensor of ours in Keras' layout."""
    return tensor.permute(2, 3, 1, 0) if tensor.dim() == 4 else tensor


def our_name(key: str) -> str:
    """Our name of a tensor of the authors' generator (app.00.conv.kernel) or discriminator (00.conv.kernel)."""
    *part, number, layer, kind = key.split(".")
    encoder = {"enc": "appearance.", "app": "appearance.", "pose": "pose.", "dec": ""}[part[0]] if part else ""
    level = int(number)
    leaf = "bias" if kind in ("bias", "beta") else "weight"
    if part == ["dec"]:
        place = "last" if layer == "conv" else f"{'up' if layer == 'convt' else 'norm'}.{level}"
    else:
        place = f"norm.{level - 1}" if layer == "norm" else f"down.{level - 1}" if level else "first"
    return f"{encoder}{place}.{leaf}"


def our_state(stored: Golden, network: str) -> dict[str, Tensor]:
    """The filled weights of a network of a case, for ours."""
    return {our_name(key): in_our_layout(tensor) for key, tensor in stored.state(network).items()}
