"""Sheets of pictures, inputs down and methods across."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from i2i_zoo.callbacks.loss_curves import INK
from i2i_zoo.media.files import save_picture

from .observer import picture_file
from .orderings import Line

#: Height of a picture and gap between pictures on a sheet, in pixels.
HEIGHT, GAP = 192, 8

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_sheets(lines: Sequence[Line], folder: Path) -> list[Path]:
    """Write a sheet for each kind of translation, such as label maps to photographs and the other way round.

    The first seed of each line is shown.  A line without a picture of a name leaves its place white.
    """
    groups: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        kind = tuple(str(line.preprocess.get(key)) for key in ("source_palette", "target_palette", "made_from"))
        groups.setdefault(kind, []).append(line)
    written = []
    for number, group in enumerate(groups.values(), 1):
        path = folder / ("sheet.png" if number == 1 else f"sheet-{number}.png")
        save_picture(sheet(group), path)
        written.append(path)
    return written


def sheet(lines: Sequence[Line]) -> Image.Image:
    """One sheet: the source, what each line makes of it, and the target if there is one."""
    names = list(dict.fromkeys(name for line in lines for name in line.pictures[2]))
    columns: list[tuple[str, list[Image.Image | None]]] = [
        ("input", [first(lines, name, "source") for name in names]),
        *((line.name, [first([line], name, "output") for name in names]) for line in lines),
        ("real", [first(lines, name, "target") for name in names]),
    ]
    columns = [column for column in columns if any(column[1])]
    widths = [max(picture.width for picture in pictures if picture) for _, pictures in columns]
    font = ImageFont.load_default(17)
    titles = [wrapped(title, width, font) for (title, _), width in zip(columns, widths, strict=True)]
    top = GAP + 22 * max(title.count("\n") + 1 for title in titles)
    canvas = Image.new("RGB", (sum(widths) + GAP * (len(widths) + 1), top + (HEIGHT + GAP) * len(names)), "white")
    draw = ImageDraw.Draw(canvas)
    left = GAP
    for (_, pictures), width, title in zip(columns, widths, titles, strict=True):
        draw.multiline_text((left, 2), title, INK, font)
        for row, picture in enumerate(pictures):
            if picture is not None:
                canvas.paste(picture, (left, top + row * (HEIGHT + GAP)))
        left += width + GAP
    return canvas


def first(lines: Sequence[Line], name: str, part: str) -> Image.Image | None:
    """The first picture that a line has of a name, `HEIGHT` pixels high."""
    for line in lines:
        folder, direction, names = line.pictures
        if name in names and (file := picture_file(folder, direction, names.index(name), part)).is_file():
            with Image.open(file) as picture:
                size = round(picture.width * HEIGHT / picture.height), HEIGHT
                return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    return None


def wrapped(text: str, width: int, font: Font) -> str:
    """The text in lines that fit into a width in pixels."""
    characters = max(4, int(width / font.getlength("n")))
    return "\n".join(textwrap.wrap(text, characters))
