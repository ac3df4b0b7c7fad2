"""What the engines need to know of a model."""

from __future__ import annotations

from typing import Any, Protocol

import torch

from .preprocess import Preprocess


class Model(Protocol):
    """A `Task`, as a `Translator` or a `Sampler` sees it."""

    @property
    def device(self) -> torch.device: ...

    @property
    def dtype(self) -> torch.dtype: ...

    @property
    def main_network(self) -> Any: ...

    def preprocess_for(self, direction: str = "") -> Preprocess: ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
