"""What is found of a model's outputs in validation, and the sentence that warns of a failure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric

from i2i_zoo.media.colours import rgb_to_lab

#: Pictures are compared at this height and width, where noise and texture are gone.
SIDE = 32

#: Outputs have collapsed if they differ from each other by less than this share of how much they should.
COLLAPSED = 0.1

#: One grey level of a range of 2: pictures that differ by less are all the same.
GREY_LEVEL = 1 / 127.5


class Finding(NamedTuple):
    """A number about one direction, whether it shows a failure, and the sentence to warn with."""

    name: str
    value: float
    failed: bool
    sentence: str


class Comparison(Metric):
    """Compares the outputs of one direction with what they should be like."""

    #: The names of its findings.
    names: ClassVar[tuple[str, ...]]
    #: Whether the outputs of every model are alike when its training begins.
    starts_alike: ClassVar[bool] = False

    @abstractmethod
    def compared(self, model: Any, outputs: Mapping[str, Any], direction: str) -> tuple[Tensor, ...]:
        """What ``update`` takes, from the outputs of a validation step."""

    @abstractmethod
    def findings(self, model: Any, direction: str) -> Iterator[Finding]:
        """What is found after all updates."""


def small_luminance(pictures: Tensor) -> Tensor:
    """The L of CIE Lab in [-1, 1], at ``SIDE`` pixels: pictures (B, 1 or 3, H, W) to (B, SIDE**2)."""
    small = F.adaptive_avg_pool2d(pictures.float(), SIDE)
    return rgb_to_lab(small.expand(-1, 3, -1, -1))[:, 0].flatten(1)


def remedies(model: Any, failure: str, direction: str) -> str:
    """What helps against a failure: the method's advice, and another seed."""
    return " or ".join([*model.remedies(failure, direction), "start again with another --seed_everything"])
