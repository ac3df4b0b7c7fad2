"""I3D of Kinetics-400 (Carreira and Zisserman 2017), from whose features FVD is computed."""

from __future__ import annotations

import warnings
from os import PathLike
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError

from .weights import MissingWeights

_SIDE, _SHORTEST = 224, 10

#: How frames become 224x224: as TensorFlow 1 resized, with which FVD was published, or as PyTorch does.
Resize = Literal["tensorflow", "pytorch"]


class I3DFeatures(nn.Module):
    """The logits of I3D, averaged over time: clips (B, T, 3, H, W) of uint8 to (B, 400).

    Args:
        weights: ``i3d_torchscript.pt``.
        resize: How frames are resized, bilinearly without antialiasing.  The two differ by up to 39 levels of 255.

    Raises:
        MissingWeights: If the file is not given.
        ZooError: If it cannot be read.
    """

    num_features = 400

    def __init__(self, weights: str | PathLike[str] | None, resize: Resize = "tensorflow") -> None:
        super().__init__()
        if weights is None:
            raise MissingWeights(
                "I3D has no weights here: get i3d_torchscript.pt, whose address is in StyleGAN-V's code "
                "(https://github.com/universome/stylegan-v), and say where it is with the metric's option weights."
            )
        if resize not in ("tensorflow", "pytorch"):
            raise ZooError(f"FVD has no resize {resize!r}: choose tensorflow or pytorch.")
        self.resize = resize
        self.network: Any = read_torchscript(weights)

    def forward(self, clips: Tensor) -> Tensor:
        if clips.shape[1] < _SHORTEST:
            raise ZooError(f"I3D needs clips of at least {_SHORTEST} frames, not of {clips.shape[1]}.")
        frames = clips.flatten(0, 1).float()
        if self.resize == "tensorflow":
            frames = resized_as_tensorflow(frames, (_SIDE, _SIDE))
        else:
            frames = F.interpolate(frames, (_SIDE, _SIDE), mode="bilinear")
        video = frames.view(*clips.shape[:2], *frames.shape[1:]).transpose(1, 2)
        # Its own resizing does nothing to frames of this size.
        features: Tensor = self.network(video, rescale=True, resize=True, return_features=True)
        return features


def read_torchscript(path: str | PathLike[str]) -> torch.jit.ScriptModule:
    """A network in PyTorch's own language, which can compute and nothing else; in eval mode.

    Raises `ZooError` if there is no such file or it is damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the format is old, but it is the one that the file has
            network: torch.jit.ScriptModule = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]  # torch's
    except (OSError, RuntimeError, ValueError) as error:
        raise ZooError(f"{path} cannot be read as a TorchScript file; check the path, or get it again.") from error
    network.eval()
    return network


def resized_as_tensorflow(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures (B, C, H, W) resized bilinearly as TensorFlow 1 did: row i comes from row i * H / height, unshifted."""
    for axis, wanted in ((-2, size[0]), (-1, size[1])):
        length = pictures.shape[axis]
        at = torch.arange(wanted, device=pictures.device) * (length / wanted)
        first = at.long()
        second = (first + 1).clamp(max=length - 1)
        share = (at - first).to(pictures.dtype)
        if axis == -2:
            share = share[:, None]
        low, high = pictures.index_select(axis, first), pictures.index_select(axis, second)
        pictures = low + (high - low) * share
    return pictures
