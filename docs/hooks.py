"""What the site shows beside the files of docs/: cards with their numbers, formulas, and the training steps of methods.

MkDocs calls the functions ``on_...`` (``hooks`` in mkdocs.yml).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert as mathml
from mkdocs.structure.files import File, Files
from training_steps import STEP, with_training_step

from i2i_zoo.registry import ENTRIES, METHODS
from i2i_zoo.registry.entry import Method

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
#: Pages and files of the site that lie beside docs/.
BESIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "LICENSE")

CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
FORMULA = re.compile(r"\$([^$\n]+)\$")
LINK = re.compile(r"(\]\()(?!\w+:|#)([^)#\s]+)")
FACTS = "<!-- facts -->"


def on_files(files: Files, config: Any) -> Files:
    cards = [f"model_cards/{path.name}" for path in sorted((ROOT / "model_cards").glob("*.md"))]
    for name in (*BESIDE, *cards):
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    uri = page.file.src_uri
    markdown = "".join(part if code else with_links(part, uri) for part, code in parts(markdown))
    if "model-index" in page.meta:
        markdown += results(page.meta["model-index"])
    if FACTS in markdown:
        markdown = markdown.replace(FACTS, facts(Path(uri).stem))
    page.formulas = []

    def kept(match: re.Match[str]) -> str:
        page.formulas.append(mathml(match[1]))
        return f"FORMULA{len(page.formulas) - 1}END"

    markdown = "".join(part if code else FORMULA.sub(kept, part) for part, code in parts(markdown))
    return with_training_step(markdown, Path(uri).stem) if STEP in markdown else markdown


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:
    return re.sub(r"FORMULA(\d+)END", lambda match: page.formulas[int(match[1])], html)


def parts(markdown: str) -> Iterator[tuple[str, bool]]:
    """The parts of a text, and whether each is code."""
    for number, part in enumerate(CODE.split(markdown)):
        yield part, number % 2 == 1


def with_links(markdown: str, uri: str) -> str:
    """The text with links as the site has them: files of docs/ are at its top, and so are those beside docs/."""
    here = posixpath.dirname(f"docs/{uri}" if (DOCS / uri).is_file() else uri)

    def moved(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(here, match[2])).removeprefix("docs/")
        return match[1] + posixpath.relpath(target, posixpath.dirname(uri) or ".")

    return LINK.sub(moved, markdown)


def results(index: list[dict[str, Any]]) -> str:
    """The numbers of a card, which are in its front matter, as tables with their commands."""
    lines = ["", "## Numbers", ""]
    for result in [result for model in index for result in model["results"]]:
        dataset, source = result["dataset"], result.get("source", {})
        lines += [f"{dataset['name']}, split `{dataset['split']}`, measured by `{source.get('name', '')}`:", ""]
        lines += ["| Metric | Value |", "| --- | --- |"]
        lines += [f"| {metric['name']} | {metric['value']} |" for metric in result["metrics"]]
        lines += [""]
    return "\n".join(lines)


# Pages of methods.


def described(stem: str) -> list[Method]:
    """The methods that a page is about: those in the file of the same name."""
    return [m for m in METHODS.values() if m.implementation.partition(":")[0].rpartition(".")[2] == stem]


def facts(stem: str) -> str:
    """A list of what the registry and the folder of recipes say about the methods of a page."""
    methods = described(stem)
    names = {method.name for method in methods}
    cards = [
        f"[`{e.name}`](../gallery.md#{e.name})" if e.bundled else f"`{e.name}`"
        for e in ENTRIES.values()
        if e.method in names
    ]
    folders = [ROOT / "recipes" / name for name in sorted(names)]
    recipes = [f"`{p.relative_to(ROOT)}`" for folder in folders for p in sorted(folder.glob("*.yaml"))]
    lines = [
        f"- Paper: <{methods[0].paper}>",
        f"- Name: {', '.join(f'`{method.name}`' for method in methods)}; task: {methods[0].task}",
        f"- Code: `src/i2i_zoo/methods/{stem}.py`",
        f"- Checkpoints: {', '.join(cards) or 'none yet'}",
        f"- Recipes: {', '.join(recipes) or 'none yet'}",
    ]
    return "\n".join(lines)
