"""Plots of losses over the steps of trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from i2i_zoo.media.files import save_picture

INK, GREY, RULE = (30, 30, 30), (110, 110, 110), (225, 225, 225)
#: Width and height of a plot of losses, and the margin for its numbers.
PLOT, MARGIN = (520, 260), (70, 60)
#: Colours that people with colour-blindness can tell apart (Okabe and Ito 2008), and two more.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")


def draw_curves(histories: Mapping[str, Sequence[Sequence[tuple[int, Mapping[str, float]]]]], path: Path) -> bool:
    """Write a plot for each loss, with the curves of each row in one colour, a thin line for each seed.

    Args:
        histories: For each row, the steps of each of its trainings, with their losses.  A row without a name is not
            in the legend.
        path: The file to write.

    Returns:
        Whether there was anything to draw.
    """
    curves: dict[str, list[tuple[int, np.ndarray]]] = {}
    for number, trainings in enumerate(histories.values()):
        for moments in trainings:
            for loss in dict.fromkeys(name for _, losses in moments for name in losses):
                points = [(step, losses[loss]) for step, losses in moments if loss in losses]
                curves.setdefault(loss, []).append((number, np.array(points, float)))
    if not curves:
        return False
    across = min(3, len(curves))
    width, height = (length + margin for length, margin in zip(PLOT, MARGIN, strict=True))
    legend = 30 + 24 * len(histories) if any(histories) else 0
    canvas = Image.new("RGB", (across * width + 20, -(-len(curves) // across) * height + legend), "white")
    for place, (loss, found) in enumerate(sorted(curves.items())):
        plot(canvas, (place % across * width + MARGIN[0], place // across * height + 34), loss, found)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(17)
    for number, name in enumerate(histories if legend else ()):
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
