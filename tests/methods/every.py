"""The tester of each method, found by itself: for tests of all methods that are not in this folder."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from i2i_zoo.registry import method_name
from methods.base import MethodTester


@cache
def by_method() -> dict[str, type[MethodTester]]:
    """The registry's name of a method to the one tester of it that says how its networks become narrow."""
    found: dict[str, type[MethodTester]] = {}
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        for tester in vars(import_module(f"methods.{file.stem}")).values():
            if isinstance(tester, type) and issubclass(tester, MethodTester) and "narrow" in vars(tester):
                name = method_name(tester.method)
                assert found.setdefault(name, tester) is tester, f"more than one tester of {name} has `narrow`"
    return found
