"""TensorFlow's Inception network, from whose features FID, KID and the Inception score are computed."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from os import PathLike

import torch
from torch import nn
from torchmetrics.image.fid import NoTrainInceptionV3

from i2i_zoo.errors import ZooError, install
from i2i_zoo.store.tensors import read_pickle, state_dict

from .weights import MissingWeights, fetch

# TensorFlow's Inception of 2015, on which the literature's numbers are measured.
_INCEPTION = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
)


def inception(layer: str, antialias: bool = False, weights: str | PathLike[str] | None = None) -> nn.Module:
    """TensorFlow's Inception network, from pictures (B, 3, H, W) of uint8 to the features (B, D) of one layer.

    Args:
        layer: ``64``, ``192``, ``768``, ``2048`` or ``logits_unbiased``.
        antialias: Shrink pictures to its 299x299 with antialiasing, as torchmetrics does by default, and not as
            TensorFlow and torch-fidelity do.
        weights: A file of weights, instead of the one that torch-fidelity offers.

    Raises:
        MissingWeights: If torch-fidelity is not installed or its file cannot be fetched.
        ZooError: If the file does not fit.
    """
    if find_spec("torch_fidelity") is None:
        raise MissingWeights(f"Inception features need torch-fidelity: {install('torch-fidelity')}.")
    weights = weights or fetch(_INCEPTION)
    # torch-fidelity would unpickle anything that the file holds, so it gets a copy that was read safely.
    file = BytesIO()
    torch.save(state_dict(read_pickle(weights), str(weights)), file)
    file.seek(0)
    try:
        # It says that it takes a path, but hands it to `torch.load`, which takes a file too.
        network = NoTrainInceptionV3("inception", [layer], file, antialias)  # type: ignore[arg-type]
    except RuntimeError as error:
        raise ZooError(f"{weights} holds no Inception network of torch-fidelity's.") from error
    if layer.isdigit():
        network.num_features = int(layer)
    return network
