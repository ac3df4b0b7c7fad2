"""What is rendered once, and kept in the memory of each process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Remembered(Generic[Result]):
    """A function whose results are kept.  A copy that is sent to a worker begins with none, as a cache cannot be sent.

    Args:
        function: The function; its arguments can be hashed.
    """

    def __init__(self, function: Callable[..., Result]) -> None:
        self.function, self.kept = function, cache(function)

    def __call__(self, *args: Any) -> Result:
        return self.kept(*args)

    def __reduce__(self) -> tuple[Any, ...]:
        return Remembered, (self.function,)
