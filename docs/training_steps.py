"""The code of a method's training step for its page, and its losses with their lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

METHODS = Path(__file__).parents[1] / "src" / "i2i_zoo" / "methods"
#: Where a page has the code.
STEP = "<!-- training_step -->"
#: A row of a table of losses: | player | `loss` | formula |
LOSS_ROW = re.compile(r"^\| .* \| `([^`]+)` \| .* \|$", re.MULTILINE)


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


def losses(function: ast.FunctionDef) -> Iterator[tuple[str, int]]:
    """The names of the losses that a function sets, as it writes them, and their lines, in order."""
    for node in ast.walk(function):
        if isinstance(node, ast.AugAssign) and ast.unparse(node.target) == "loss":
            yield ast.unparse(node.value).partition("(")[0], node.lineno  # loss |= distances(...)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("loss["):
            yield key_text(node.targets[0].slice), node.lineno  # type: ignore[attr-defined]


def key_text(key: ast.expr) -> str:
    """A key as the table of losses has it: ``l1``, ``real_{domain}``, or ``{name}`` for a variable."""
    if isinstance(key, ast.Constant):
        return str(key.value)
    return ast.unparse(key)[2:-1] if isinstance(key, ast.JoinedStr) else f"{{{ast.unparse(key)}}}"


def training_step(stem: str) -> tuple[str, list[tuple[str, int]]]:
    """The code of a method's step without its docstrings, and the losses in it with their lines in that code."""
    source = source_of(stem).splitlines()
    code: list[str] = []
    found: list[tuple[str, int]] = []
    for function in step_functions(stem):
        skipped = range(0)
        if ast.get_docstring(function) is not None:
            text = function.body[0]
            skipped = range(text.lineno, (text.end_lineno or 0) + 1)
        numbers = {}
        for line in [line for line in range(function.lineno, (function.end_lineno or 0) + 1) if line not in skipped]:
            code.append(source[line - 1].removeprefix("    "))
            numbers[line] = len(code)
        code.append("")
        found += [(name, numbers[line]) for name, line in sorted(losses(function), key=lambda pair: pair[1])]
    return "\n".join(code).rstrip(), found


def with_training_step(markdown: str, stem: str) -> str:
    """The page with the code of the step at its mark, and at each loss of its table a link to the loss's line."""
    code, found = training_step(stem)
    lines = iter(found)

    def linked(match: re.Match[str]) -> str:
        name, line = next(lines, ("nothing more", 0))
        if name != match[1]:
            raise ValueError(
                f"docs/methods/{stem}.md: the table of losses has {match[1]} where training_step has {name}."
            )
        return f'{match[0]} <a href="#__codelineno-0-{line}">{line}</a> |'

    table = LOSS_ROW.sub(
        linked, markdown.replace("| Formula |\n| --- | --- | --- |", "| Formula | Line |\n| --- | --- | --- | --- |")
    )
    if missing := [name for name, _ in lines]:
        raise ValueError(f"docs/methods/{stem}.md: the table of losses lacks {', '.join(missing)}.")
    return table.replace(STEP, f'```python linenums="1"\n{code}\n```')
