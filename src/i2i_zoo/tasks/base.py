"""What tasks share: the record of their pictures, and the directions that metrics judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .preprocess import check_preprocess


class Task:
    """A mixin for a LightningModule of one direction; `UnpairedTask` has two."""

    #: What the direction is called beside others.
    title = ""

    check_preprocess = staticmethod(check_preprocess)

    @property
    def directions(self: Any) -> Mapping[str, Any]:
        """What is judged by itself, by name: the whole model, which has one direction."""
        return {"": self}

    def judged(self, outputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """What metrics compare, of what a validation step gave: its ``output``, ``target`` and ``label_map``."""
        return outputs
