"""Sheets of pictures, inputs down and methods across, and loss curves."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from i2i_zoo.callbacks.history import Moment
from i2i_zoo.media.files import save_picture

from .observer import picture_file
from .orderings import Line

INK, GREY, RULE = (30, 30, 30), (110, 110, 110), (225, 225, 225)
#: Height of a picture and gap between pictures on a sheet, in pixels.
HEIGHT, GAP = 192, 8
#: Width and height of a plot of losses, and the margin for its numbers.
PLOT, MARGIN = (520, 260), (70, 60)
#: Colours that people with colour-blindness can tell apart (Okabe and Ito 2008), and two more.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")

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


def draw_curves(histories: Mapping[str, Sequence[Sequence[Moment]]], path: Path) -> bool:
    """Write a plot for each loss, with the curves of each row in one colour, a thin line for each seed.

    Args:
        histories: For each row, the moments of each of its trainings.
        path: The file to write.

    Returns:
        Whether there was anything to draw.
    """
    curves: dict[str, list[tuple[int, np.ndarray]]] = {}
    for number, trainings in enumerate(histories.values()):
        for moments in trainings:
            for loss in dict.fromkeys(name for moment in moments for name in moment["losses"]):
                points = [(m["step"], m["losses"][loss]) for m in moments if loss in m["losses"]]
                curves.setdefault(loss, []).append((number, np.array(points, float)))
    if not curves:
        return False
    across = min(3, len(curves))
    width, height = (length + margin for length, margin in zip(PLOT, MARGIN, strict=True))
    legend = 30 + 24 * len(histories)
    canvas = Image.new("RGB", (across * width + 20, -(-len(curves) // across) * height + legend), "white")
    for place, (loss, found) in enumerate(sorted(curves.items())):
        plot(canvas, (place % across * width + MARGIN[0], place // across * height + 34), loss, found)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(17)
    for number, name in enumerate(histories):
        y = canvas.height - legend + 18 + 24 * number
        draw.line((MARGIN[0], y + 10, MARGIN[0] + 34, y + 10), COLOURS[number % len(COLOURS)], 4)
        draw.text((MARGIN[0] + 46, y), name, INK, font)
    save_picture(canvas, path)
    return True


def plot(canvas: Image.Image, corner: tuple[int, int], title: str, curves: Sequence[tuple[int, np.ndarray]]) -> None:
    """Draw curves (steps and losses, each smoothed over a fiftieth of its length) with their axes."""
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(15)
    curves = [(number, np.stack([points[:, 0], smoothed(points[:, 1])], 1)) for number, points in curves]
    finite = np.concatenate([points[np.isfinite(points[:, 1])] for _, points in curves])
    low, high = (finite[:, 1].min(), finite[:, 1].max()) if len(finite) else (0.0, 1.0)
    high = high if high > low else low + 1
    steps = max(points[-1, 0] for _, points in curves) or 1
    left, top = corner
    width, height = PLOT[0] - 20, PLOT[1] - 24
    draw.text((left, top - 26), title, INK, ImageFont.load_default(18))
    for share in (0, 0.5, 1):
        y = top + height * (1 - share)
        draw.line((left, y, left + width, y), RULE, 1)
        draw.text((left - 8, y), f"{low + share * (high - low):.3g}", GREY, font, anchor="rm")
    for share, anchor in ((0, "la"), (1, "ra")):
        draw.text((left + share * width, top + height + 6), f"{share * steps:.0f}", GREY, font, anchor=anchor)
    draw.text((left + width / 2, top + height + 6), "training step", GREY, font, anchor="ma")
    for number, points in curves:
        shown = points[np.isfinite(points[:, 1])]
        x, y = left + shown[:, 0] / steps * width, top + (1 - (shown[:, 1] - low) / (high - low)) * height
        colour = COLOURS[number % len(COLOURS)]
        if len(shown) == 1:
            draw.ellipse((x[0] - 3, y[0] - 3, x[0] + 3, y[0] + 3), colour)
        draw.line([*zip(x.tolist(), y.tolist(), strict=True)], colour, 2)


def smoothed(values: np.ndarray) -> np.ndarray:
    """The mean over a window of a fiftieth of the values, which is shorter at both ends."""
    window = max(1, len(values) // 50)
    kernel = np.ones(window)
    sums: np.ndarray = np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
    return sums
