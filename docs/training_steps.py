"""The code of a method's training step for its page, and above each line that computes a loss the loss's formula."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

METHODS = Path(__file__).parents[1] / "src" / "i2i_zoo" / "methods"
#: Where a page has the code.
STEP = "<!-- training_step -->"
#: A table of losses: its head, and its rows, which are | player | `loss` | formula |.
LOSSES = re.compile(r"^\| Player \| Loss \| Formula \|\n\| --- \| --- \| --- \|\n((?:^\|.*\|\n)+)\n", re.MULTILINE)
LOSS_ROW = re.compile(r"^\| .* \| `([^`]+)` \| (.*) \|$", re.MULTILINE)


def source_of(stem: str) -> str:
    """The code of a method's file, or of the one beside it that two methods share for their training."""
    shared = METHODS / f"{stem}_training.py"
    return (shared if shared.is_file() else METHODS / f"{stem}.py").read_text(encoding="utf-8")


def step_functions(stem: str) -> Iterator[ast.FunctionDef]:
    """``training_step`` of a method, and the functions beside it that fill a dict of losses."""
    tree = ast.parse(source_of(stem))
    for cls in [node for node in tree.body if isinstance(node, ast.ClassDef)]:
        for function in [node for node in cls.body if isinstance(node, ast.FunctionDef)]:
            if function.name == "training_step" or any(losses(function)):
                yield function


def losses(function: ast.FunctionDef) -> Iterator[tuple[int, str]]:
    """The lines that set a loss, and the names of these losses as the code writes them."""
    for node in ast.walk(function):
        if isinstance(node, ast.AugAssign) and ast.unparse(node.target) == "loss":
            yield node.lineno, ast.unparse(node.value).partition("(")[0]  # loss |= distances(...)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("loss["):
            yield node.lineno, key_text(node.targets[0].slice)  # type: ignore[attr-defined]


def key_text(key: ast.expr) -> str:
    """A key as the table of losses has it: ``l1``, ``real_{domain}``, or ``{name}`` for a variable."""
    if isinstance(key, ast.Constant):
        return str(key.value)
    return ast.unparse(key)[2:-1] if isinstance(key, ast.JoinedStr) else f"{{{ast.unparse(key)}}}"


def training_step(stem: str) -> Iterator[tuple[str, str | None]]:
    """The lines of a method's step without its docstrings, each with the name of the loss that it sets, if any."""
    source = source_of(stem).splitlines()
    for function in step_functions(stem):
        names, skipped = dict(losses(function)), range(0)
        if ast.get_docstring(function) is not None:
            text = function.body[0]
            skipped = range(text.lineno, (text.end_lineno or 0) + 1)
        for line in range(function.lineno, (function.end_lineno or 0) + 1):
            if line not in skipped:
                yield source[line - 1].removeprefix("    "), names.get(line)
        yield "", None


def with_training_step(markdown: str, stem: str) -> str:
    """The page with the code of the step at its mark, and the formulas of its table as comments in that code.

    Raises `ValueError` if the table has other losses than the code.
    """
    table = LOSSES.search(markdown)
    rows = iter(LOSS_ROW.findall(table[1]) if table else [])
    code = []
    for line, loss in training_step(stem):
        if loss is not None:
            name, formula = next(rows, ("no more", ""))
            if name != loss:
                raise ValueError(
                    f"docs/methods/{stem}.md: the table of losses has {name} where training_step has {loss}."
                )
            code.append(f"{line[: len(line) - len(line.lstrip())]}# {formula}")
        code.append(line)
    if more := [name for name, _ in rows]:
        raise ValueError(
            f"docs/methods/{stem}.md: training_step lacks {', '.join(more)}, which the table of losses has."
        )
    block = "\n".join(["```python", *code]).rstrip() + "\n```"
    return LOSSES.sub("", markdown).replace(STEP, block)
