"""C3D, a classifier of clips (Tran et al. 2015), fine-tuned to UCF-101: the Inception score of clips is its."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from os import PathLike
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError
from i2i_zoo.store.tensors import fitting

from .weights import MissingWeights

#: Convolutions by the stage that max-pooling ends, with their widths.
_STAGES = (
    {"conv1a": 64},
    {"conv2a": 128},
    {"conv3a": 256, "conv3b": 256},
    {"conv4a": 512, "conv4b": 512},
    {"conv5a": 512, "conv5b": 512},
)

_FRAMES, _RESIZED, _CROP = 16, 128, 112
_MARGIN = (_RESIZED - _CROP) // 2


class ClipClassifier(Protocol):
    """Gives the probabilities (B, ``classes``) of clips (B, T, 3, H, W) in [-1, 1].

    With a random generator for each clip, it drops units at random.
    """

    classes: int

    def __call__(self, clips: Tensor, randoms: Sequence[torch.Generator] | None) -> Tensor: ...


class C3D(nn.Module):
    """C3D with the preparation of TGAN's authors (Saito et al. 2017, ``evaluation/calc_inception.py``).

    Clips have 16 frames.  Levels are x * 128 + 128, neither rounded nor cut off; frames are resized to 128x128,
    bicubically without antialiasing, lose the mean of the training clips, and are cropped to 112x112, blue first.

    Args:
        classes: Number of classes.
        divisor: What all widths are divided by; 1 is C3D.
    """

    mean: Tensor

    def __init__(self, classes: int = 101, divisor: int = 1) -> None:
        super().__init__()
        self.classes = classes
        width = 3
        for stage in _STAGES:
            for name, wide in stage.items():
                setattr(self, name, nn.Conv3d(width, wide // divisor, 3, padding=1))
                width = wide // divisor
        # Pooling five times with what is left at the edges makes 4 of 112.
        for name, inputs, outputs in (
            ("fc6", width * 16, 4096 // divisor),
            ("fc7", 4096 // divisor, 4096 // divisor),
            ("fc8", 4096 // divisor, classes),
        ):
            setattr(self, name, nn.Linear(inputs, outputs))
        self.register_buffer("mean", torch.zeros(3, _FRAMES, _CROP, _CROP), persistent=False)
        self.eval().requires_grad_(False)

    def prepared(self, clips: Tensor) -> Tensor:
        """Clips (B, 16, 3, H, W) in [-1, 1] to (B, 3, 16, 112, 112).  Raises `ZooError` for another length."""
        if clips.shape[1] != _FRAMES:
            raise ZooError(f"C3D knows clips of {_FRAMES} frames, not of {clips.shape[1]}: give it those.")
        levels = F.interpolate(clips.float().flatten(0, 1) * 128 + 128, (_RESIZED, _RESIZED), mode="bicubic")
        cropped = levels[..., _MARGIN : _MARGIN + _CROP, _MARGIN : _MARGIN + _CROP]
        video = cropped.reshape(*clips.shape[:2], *cropped.shape[1:])
        return video.flip(2).transpose(1, 2) - self.mean

    def forward(self, clips: Tensor, randoms: Sequence[torch.Generator] | None = None) -> Tensor:
        x = self.prepared(clips)
        for number, stage in enumerate(_STAGES):
            for name in stage:
                x = F.relu(self.get_submodule(name)(x))
            x = F.max_pool3d(x, (1 if number == 0 else 2, 2, 2), ceil_mode=True)
        x = x.flatten(1)
        for name in ("fc6", "fc7"):
            x = F.relu(self.get_submodule(name)(x))
            if randoms is not None:
                kept = torch.stack([torch.rand(x.shape[1], generator=random) >= 0.5 for random in randoms])
                x = x * kept.to(x) * 2
        probabilities: Tensor = self.get_submodule("fc8")(x).softmax(1)
        return probabilities

    def load(self, weights: str | PathLike[str], mean: str | PathLike[str]) -> None:
        """Read the files that `c3d_ucf101` explains.  Raises `ZooError` if one cannot be read or does not fit."""
        parts = {"W": "weight", "b": "bias"}
        tensors = {}
        for name, tensor in read_npz(weights).items():
            layer, _, part = name.rpartition("/")
            tensors[f"{layer}.{parts.get(part, part)}"] = tensor
        self.load_state_dict(fitting(self.state_dict(), tensors, str(weights)))
        expected = {"mean": torch.zeros(3, _FRAMES, _RESIZED, 171)}
        found = fitting(expected, read_npz(mean), str(mean))["mean"]
        # Of 171 columns the 128 from the 22nd count, and of them the middle that is left of a frame.
        self.mean = found[..., _MARGIN : _MARGIN + _CROP, 21 + _MARGIN : 21 + _MARGIN + _CROP]


def c3d_ucf101(weights: str | PathLike[str] | None, mean: str | PathLike[str] | None) -> C3D:
    """C3D of UCF-101 from TGAN's authors' files.

    Args:
        weights: ``conv3d_deepnetA_ucf.npz``, the network in Chainer's names.
        mean: ``mean2.npz``, the mean of the training clips: ``mean``, (3, 16, 128, 171) with blue first.

    Raises:
        MissingWeights: If one of them is not given.
        ZooError: If one cannot be read or does not fit.
    """
    if weights is None or mean is None:
        raise MissingWeights(
            "C3D of UCF-101 has no weights here: get conv3d_deepnetA_ucf.npz and mean2.npz from their authors "
            "(https://github.com/pfnet-research/tgan2), and say where they are with the metric's options weights and "
            "mean."
        )
    network = C3D()
    network.load(weights, mean)
    return network


def read_npz(path: str | PathLike[str]) -> dict[str, Tensor]:
    """The arrays of an ``.npz`` file in single precision; runs no code that it holds.

    Raises `ZooError` if the file cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files}
    except OSError as error:
        raise ZooError(f"{path}: the file cannot be read ({error.strerror or error}); check the path.") from error
    except (AttributeError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ZooError(f"{path} is not an .npz file of arrays, or is damaged; get it again.") from error
