"""Who may import whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "i2i_zoo"
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Absolute names of what a file imports, at its top or inside a function."""
    here = ("i2i_zoo", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join((*here[: len(here) - node.level + 1], *filter(None, [node.module])))
            base = base if node.level else str(node.module)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def forbidden(part: str, *names: str) -> list[str]:
    """Imports of any of the names, in the file or folder ``part``."""
    files = [path for path in FILES if path.relative_to(PACKAGE).parts[0] in (part, f"{part}.py")]
    assert files
    return [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in files
        for name in imported(path)
        if any(f"{name}.".startswith(f"{prefix}.") for prefix in names)
    ]


def zoo(*parts: str) -> list[str]:
    return [f"i2i_zoo.{part}" for part in parts]


ALL = sorted({path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES} - {"__init__"})


def test_a_method_imports_no_data_metrics_hub_store_or_registry() -> None:
    assert forbidden("methods", *zoo("data", "metrics", "hub", "store", "registry")) == []


def test_a_network_imports_no_lightning() -> None:
    assert forbidden("networks", "lightning", "pytorch_lightning", "lightning_utilities") == []


def test_the_registry_imports_nothing_of_the_project_but_its_error() -> None:
    assert forbidden("registry", *zoo(*(part for part in ALL if part not in ("registry", "errors")))) == []


@pytest.mark.parametrize("part", ["registry", "errors", "atomic", "__init__"])
def test_the_standard_library_is_enough(part: str) -> None:
    files = [path for path in FILES if path.relative_to(PACKAGE).parts[0] in (part, f"{part}.py")]
    names = {name.partition(".")[0] for path in files for name in imported(path)}
    assert names - {"i2i_zoo"} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    ("part", "allowed"),
    [
        ("atomic", set()),
        ("media", {"errors", "atomic"}),
        ("networks", {"errors"}),
        ("store", {"errors", "atomic", "registry"}),
        ("pretrained", {"errors", "networks", "media", "store"}),
        ("losses", {"errors", "networks", "pretrained"}),
        ("metrics", {"errors", "media", "pretrained", "tasks"}),
        ("tasks", {"errors", "media"}),
        ("data", {"errors", "media", "store", "tasks"}),
        ("methods", {"errors", "tasks", "networks", "losses"}),
        ("callbacks", {"errors", "metrics", "media"}),
        ("convert", {"errors", "registry", "networks", "store"}),
        ("hub", {"errors", "registry", "store", "convert"}),
        ("cards", {"errors", "registry", "atomic"}),
    ],
)
def test_the_layers(part: str, allowed: set[str]) -> None:
    assert forbidden(part, *zoo(*(other for other in ALL if other not in {*allowed, part}))) == []
