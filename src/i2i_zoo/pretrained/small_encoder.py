"""The encoder of adain-small, which travels with the package, as a feature extractor."""

from __future__ import annotations

from functools import cache

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from i2i_zoo.errors import ZooError
from i2i_zoo.examples import bundle
from i2i_zoo.networks.adain import StyleEncoder
from i2i_zoo.store.format import WEIGHTS

#: The file of its weights.
SMALL = bundle("adain-small") / WEIGHTS


@cache
def small_encoder() -> nn.Sequential:
    """The encoder's layers, which take pictures (B, 3, H, W) in [0, 1]: loaded once, frozen, in eval mode.

    Raises `ZooError` if the file of its weights is missing or damaged.
    """
    encoder = StyleEncoder(32)
    try:
        tensors = load_file(SMALL)
    except (OSError, SafetensorError) as error:
        raise ZooError(
            f"The small loss network needs {SMALL}, which cannot be read ({error}); install the package again."
        ) from error
    encoder.load_state_dict({k.removeprefix("encoder."): v for k, v in tensors.items() if k.startswith("encoder.")})
    return encoder.eval().requires_grad_(False).layers
