"""The laws of the house: who may import whom, how long a file may be, and where Lightning's private names are."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "i2i_zoo"
FILES = sorted(PACKAGE.rglob("*.py"))

#: Rooms from the ground up: one may import those of the floors below it, and nothing of its own floor but itself.
FLOORS = (
    {"errors"},
    {"annotations", "atomic", "devices", "examples", "lightning_private", "registry", "seeds"},
    {"store", "networks", "media"},
    {"pretrained"},
    {"losses"},
    {"tasks"},
    {"methods", "metrics", "data"},
    {"callbacks", "convert"},
    {"hub"},
    {"export", "benchmark", "cards", "normalization_figure"},
    {"demo"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

#: Longer files, and why each is one subject all the same.
LONG = {
    "methods/pix2pixhd.py": 320,  # the method of label maps, and the same of pictures
    "networks/normalization.py": 330,  # every layer in one form, to compare them
}
LIMIT = 300


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, *, running: bool = True) -> Iterator[str]:
    """Absolute names of what a file imports; ``running``: at its top, inside functions, but not for types alone."""
    here = path.relative_to(PACKAGE.parent).parent.parts
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if running and id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join((*here[: len(here) - node.level + 1], *filter(None, [node.module])))
            base = base if node.level else str(node.module)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room_of(name: str) -> str | None:
    """The room that an absolute name of the package is in."""
    parts = name.split(".")
    return parts[1] if parts[0] == "i2i_zoo" and len(parts) > 1 and parts[1] in FLOOR else None


def test_every_file_is_in_a_room() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert rooms - {"__init__", "__main__"} == set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return
    wrong = [
        name
        for name in imported(path)
        if (room := room_of(name)) is not None and room != own and FLOOR[room] >= FLOOR[own]
    ]
    assert wrong == []


def test_no_import_goes_in_a_circle() -> None:
    names = {module_name(path): path for path in FILES}
    graph = {
        module: {
            target
            for name in imported(path)
            for target in (name, name.rpartition(".")[0])
            if target in names and target != module and target != "i2i_zoo"
        }
        for module, path in names.items()
    }
    # A package that is imported on the way to its module is no use of it.
    graph = {m: {t for t in targets if not any(o.startswith(f"{t}.") for o in targets)} for m, targets in graph.items()}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle: {' > '.join((*path[path.index(module) :], module))}"
        if module not in done:
            for target in sorted(graph[module]):
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize(
    ("room", "others"),
    [
        ("methods", ("data", "metrics", "hub", "store", "registry")),
        ("networks", ("lightning", "pytorch_lightning", "lightning_utilities")),
        ("cli", ("argparse",)),
    ],
)
def test_what_a_room_never_imports(room: str, others: tuple[str, ...]) -> None:
    if room == "cli":  # nothing below it knows the command line
        files = [path for path in FILES if path.relative_to(PACKAGE).parts[0] != "cli"]
    else:
        files = [path for path in FILES if path.relative_to(PACKAGE).parts[0] == room]
    tops = {
        name.split(".")[1] if name.startswith("i2i_zoo.") else name.split(".")[0] for p in files for name in imported(p)
    }
    assert tops & set(others) == set()


@pytest.mark.parametrize("room", ["registry", "errors", "atomic", "examples", "annotations", "__init__"])
def test_the_standard_library_is_enough(room: str) -> None:
    files = [path for path in FILES if path.relative_to(PACKAGE).parts[0].removesuffix(".py") == room]
    assert files
    tops = {name.partition(".")[0] for path in files for name in imported(path)}
    assert tops - {"i2i_zoo"} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_long(path: Path) -> None:
    name = str(path.relative_to(PACKAGE))
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONG.get(name, LIMIT)


#: Names of Lightning's that its documentation does not promise: private ones, and what lies inside its loops.
PRIVATE = re.compile(
    r"(trainer|strategy|optimizer|self)\._(on_before_step|on_after_step|lightning_optimizers|ddp_kwargs|save_checkpoint"
    r"|should_skip_saving_checkpoint|last_time_checked)|fit_loop|epoch_loop|batch_progress|epoch_progress"
)


def test_lightnings_private_names_are_in_one_file() -> None:
    found = {path.name for path in FILES if PRIVATE.search(path.read_text(encoding="utf-8"))}
    assert found == {"lightning_private.py"}


def test_shared_code_does_not_ask_which_task_it_has() -> None:
    tasks = {"PairedTask", "SemanticTask", "UnpairedTask", "StyleTask", "OneStyleTask"}
    outside = [path for path in FILES if path.relative_to(PACKAGE).parts[0] not in ("tasks", "methods")]
    named = {path.name: tasks & set(re.findall(r"\w+", path.read_text(encoding="utf-8"))) for path in outside}
    assert {name: found for name, found in named.items() if found} == {}
