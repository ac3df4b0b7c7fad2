"""The README.md of a checkpoint: the parts that are written from the registry, and the pictures that travel with it.

A card has a place for each part between two lines, such as ``<!-- use -->`` and ``<!-- /use -->``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import ModelCardData

from i2i_zoo.errors import ZooError
from i2i_zoo.registry import ENTRIES, METHODS, Entry
from i2i_zoo.registry.datasets import ABOUT, ON_HUB
from i2i_zoo.registry.terms import SPDX

#: What `i2i_zoo.load` is given in the folder of a checkpoint.
HERE = "."
#: How a section begins that its author has still to write.
UNSTATED = "Not stated yet"
LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(([^()\s]+)\)")


class Card(NamedTuple):
    """The text of a README.md, and the pictures that it shows: their names beside it, and where they are now."""

    text: str
    pictures: Mapping[str, Path]


def shipped(folder: str) -> Path:
    """The folder ``recipes`` or ``model_cards``: inside an installed package, at the top of a checkout."""
    package = Path(__file__).parents[1]
    return next((path for path in (package / folder, package.parents[1] / folder) if path.is_dir()), package / folder)


def card_path(entry: Entry) -> Path:
    return shipped("model_cards") / f"{entry.name}.md"


# The parts.


def use_part(
    method: str,
    name: str,
    *,
    both_ways: bool = False,
    left_out: Sequence[str] = (),
    example: bool = False,
    extras: str = "",
) -> str:
    """How to install the zoo and to use a model, on the command line and in Python.

    Args:
        method: A name of `i2i_zoo.registry.METHODS`.
        name: What `i2i_zoo.load` is given.
        both_ways: Whether the model also translates from B to A.
        left_out: Conditions in the method's use that this model does not need.
        example: Whether an example comes with it.
        extras: Extras of the package that it needs beside those of its use, with commas between them.
    """
    use = METHODS[method].use
    extras = ",".join((*use.extras, *filter(None, [extras])))
    shell, needed = [], {key: value for key, value in use.conditions.items() if key not in left_out}
    if use.source:
        options = "".join(f" --{key.replace('_', '-')} {value}" for key, value in needed.items())
        if example:
            shell += [f"i2i-zoo translate {name}  # the example that comes with it"]
        shell += [f"i2i-zoo translate {name} {use.source}{options} -o results"]
        if both_ways:
            shell += [f"i2i-zoo translate {name} b.png --direction ba -o results"]
        arguments = ", ".join([json.dumps(use.source), *(f'{key}="{value}"' for key, value in needed.items())])
        call = f"model.translate({arguments})"
    else:
        shell += [f"i2i-zoo sample {name} -n 4 -o results"]
        call = "model.sample(1)[0]"
    if use.clip:
        python = [f"first, *others = {call}"]
        python += ['first.save("output.webp", save_all=True, append_images=others, duration=40)']
    else:
        python = [f'{call}.save("output.png")']
    if both_ways:
        python += ['model.translate("b.png", direction="ba").save("output-a.png")']
    lines = ["Install i2i-zoo from a checkout of its repository (Python 3.10 or later):", ""]
    lines += ["```sh", f'pip install ".[{extras}]"' if extras else "pip install .", "```", ""]
    lines += ["On the command line:", "", "```sh", *shell, "```", ""]
    lines += ["In Python:", "", "```python", "from i2i_zoo import load", "", f'model = load("{name}")', *python, "```"]
    return "\n".join(lines)


def citation_part(method: str) -> str:
    return f"```bibtex\n{METHODS[method].citation.strip()}\n```"


def picture_part(entry: Entry) -> str:
    """The example and what is made of it; of official weights, why there is none."""
    if entry.origin == "official":
        return (
            "There is no picture: these weights are not this project's, and could not be fetched where this card was "
            "written, so they have not been run."
        )
    text, file = gallery_picture(entry)
    sampled = f"What `i2i-zoo sample {entry.name} -n 8 --seed 0` makes."
    how = (
        "The example that ships with i2i-zoo, and what it makes of it." if METHODS[entry.method].use.source else sampled
    )
    return f"![{text}](../{file})\n\n*{how}*"


def gallery_picture(entry: Entry) -> tuple[str, str]:
    """What the picture of a bundled checkpoint in the gallery shows, and its path from the top of the repository."""
    use = METHODS[entry.method].use
    text = (
        f"The example of {entry.name}, and what it makes of it" if use.source else f"What {entry.name} makes of noise"
    )
    return text, f"docs/gallery/{entry.name}.{'webp' if use.clip else 'jpg'}"


def licence_part(entry: Entry) -> str:
    notice = re.sub(r"(https?://[^\s;]+[^\s;,.])", r"<\1>", entry.license_notice.removesuffix("."))
    name = f"`{SPDX.get(entry.license, entry.license)}`"
    return f"{f'[{name}]({entry.license_link})' if entry.license_link else name}. {notice}."


def parts_of(entry: Entry, name: str) -> dict[str, str]:
    """The parts of a checkpoint's card by their names in the markers; ``name`` is what `i2i_zoo.load` is given."""
    here = name == entry.name
    drive = "drive" if here and any("drive.google" in address for address in entry.official.values()) else ""
    example = here and entry.bundled
    parts = {
        "use": use_part(
            *(entry.method, name),
            both_ways=entry.both_ways,
            left_out=entry.left_out,
            example=example,
            extras=drive,
        ),
        "licence": licence_part(entry),
        "citation": citation_part(entry.method),
    }
    if entry.bundled or entry.origin == "official":
        parts["picture"] = picture_part(entry)
    if entry.dataset in ABOUT:
        parts["data"] = ABOUT[entry.dataset]
    return parts


def filled(text: str, parts: Mapping[str, str]) -> str:
    """A text with the parts for which it has a place.  Raises `ZooError` if a place has no end."""
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        head, begun, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if begun and not closed:
            raise ZooError(f"{begin} has no end: add a line {end} after it.")
        if begun:
            text = f"{head}{begin}\n{part}\n{end}{tail}"
    return text


# Whole cards.


def front_matter(method: str, **more: Any) -> str:
    pipeline = METHODS[method].use.pipeline
    tags = [method, pipeline, "i2i-zoo"]
    return str(ModelCardData(library_name="i2i-zoo", pipeline_tag=pipeline, tags=tags, **more).to_yaml())


def written(front: str, title: str, intro: str, sections: Mapping[str, str]) -> str:
    """A card of front matter, title and sections.  A section that is a part has its place, to be filled again."""
    texts = [f"---\n{front}\n---\n", f"# {title}\n", f"{intro}\n"]
    for heading, text in sections.items():
        name = heading.lower()
        place = f"<!-- {name} -->\n{text}\n<!-- /{name} -->" if name in ("use", "licence", "citation") else text
        texts.append(f"## {heading}\n\n{place}\n")
    return "\n".join(texts)


def official_card(entry: Entry) -> str:
    """The card of a checkpoint that has none in ``model_cards``: what the registry knows of others' weights."""
    method, parts = METHODS[entry.method], parts_of(entry, entry.name)
    limits = [f"It was made for pictures like those it was trained on, {entry.dataset}; others may come out badly."]
    if not entry.both_ways and method.task == "unpaired":
        limits += ["It translates in this one direction."]
    if "size" in entry.preprocess:
        height, width = entry.preprocess["size"]
        limits += [f"It works at {width}x{height} (width x height) and scales the result to the size of the source."]
    limits += ["This project has measured nothing with these weights."]
    more: dict[str, Any] = {"license": entry.license}
    if entry.license_link:
        more["license_link"] = entry.license_link
    if entry.license == "other":
        more["license_name"] = "none-stated"
    if entry.dataset in ON_HUB:
        more["datasets"] = [ON_HUB[entry.dataset]]
    description = f"{entry.description[0].upper()}{entry.description[1:]}"
    return written(
        front_matter(entry.method, **more),
        entry.name,
        f"{description}, by [{method.title}]({method.paper}).\n\n{parts['picture']}",
        {
            "Use": parts["use"],
            "Data": f"It was trained on {entry.dataset}, by others: the licence below names them.",
            "Limits": " ".join(limits),
            "Licence": parts["licence"],
            "Citation": parts["citation"],
        },
    )


def card_text(entry: Entry) -> str:
    """The card of a checkpoint of the zoo."""
    path = card_path(entry)
    return path.read_text(encoding="utf-8") if path.is_file() else official_card(entry)


def own_card(method: str, both_ways: bool, left_out: Sequence[str] = ()) -> str:
    """The card of a model that is no checkpoint of the zoo, in the folder that holds it."""
    use = METHODS[method].use
    return written(
        front_matter(method, license="unknown"),
        METHODS[method].title,
        f"A model that {use.what}, trained with i2i-zoo. The commands below work in the folder that holds this file.",
        {
            "Use": use_part(method, HERE, both_ways=both_ways, left_out=left_out),
            "Data": f"{UNSTATED}: say here what it was trained on, and where that comes from.",
            "Limits": f"{UNSTATED}: say here what it does badly, and what it was not made for.",
            "Licence": f"{UNSTATED}: name the licence here and in the first lines of this file (`license`). That of "
            "the data may restrict it.",
            "Citation": citation_part(method),
        },
    )


# Cards in another place.


def addressed(text: str, repo: str, method: str, both_ways: bool, left_out: Sequence[str] = ()) -> str:
    """A card whose lines of code name the repository ``org/name`` that it is in."""
    title = re.search(r"^# (\S+)$", text, re.MULTILINE)
    entry = ENTRIES.get(title[1]) if title else None
    name = f"hf:{repo}"
    use = parts_of(entry, name)["use"] if entry else use_part(method, name, both_ways=both_ways, left_out=left_out)
    text = filled(text, {"use": use}).replace(" The commands below work in the folder that holds this file.", "")
    for old in (HERE, "hf:<you>/<this repository>", *([entry.name] if entry else [])):
        text = text.replace(f'load("{old}"', f'load("{name}"')
        verbs = r"i2i-zoo (?:translate|sample|demo|export|info)|--init_from"
        text = re.sub(rf"((?:{verbs}) ){re.escape(old)}(?=[\s`])", lambda match: match[1] + name, text)
    if entry:
        text = text.replace(f"https://huggingface.co/i2i-zoo/{entry.name}", f"https://huggingface.co/{repo}")
    return text


def movable(text: str, folder: Path) -> Card:
    """A card that can leave a folder: with the pictures that it shows, and without its links to other files.

    Raises `ZooError` if it shows a picture that is not there.
    """
    pictures: dict[str, Path] = {}

    def moved(match: re.Match[str]) -> str:
        shown, label, target = match.groups()
        if re.match(r"\w+:|#", target):
            return match[0]
        if not shown:
            return label
        path = (folder / target).resolve()
        if not path.is_file():
            raise ZooError(f"The card shows {target}, and there is no such file: add it, or take it out of the card.")
        name = path.name if ".." in Path(target).parts or Path(target).is_absolute() else target
        while pictures.setdefault(name, path) != path:
            name = f"other-{name}"
        return f"![{label}]({name})"

    parts = re.split(r"(^```.*?^```)", text, flags=re.DOTALL | re.MULTILINE)
    parts[::2] = [LINK.sub(moved, part) for part in parts[::2]]
    return Card("".join(parts), pictures)
