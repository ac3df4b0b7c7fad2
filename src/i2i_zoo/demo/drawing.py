"""Painting with a few colours: a canvas with its brush, its colours beside it, and undo."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from i2i_zoo.errors import ZooError
from i2i_zoo.media.labels import palette_colours
from i2i_zoo.media.palettes import LABEL_NAMES

from .inputs import import_gradio
from .limits import PIXELS, UPLOAD

#: How the pictures of a canvas travel.
_HEAD = "data:image/png;base64,"

#: The pen and the rubber of sketches.
PEN = {"pen": "#000000", "rubber": "#ffffff"}


def show_drawing(start: np.ndarray, colours: Mapping[str, str], label: str, brush: int) -> Any:
    """Add a canvas to the open `gradio.Blocks`.  Its value is the drawing as text, see `drawn`.

    Args:
        start: What it shows first, (H, W, 3) uint8.
        colours: Names to CSS colours; one may paint with these only.
        label: What it is for people who cannot see it.
        brush: Width of the brush in pixels, to begin with.
    """
    return import_gradio().HTML(
        as_text(start),
        html_template=markup(colours, label, brush, start.shape[1], start.shape[0]),
        js_on_load=Path(__file__).with_name("drawing.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_classes="drawing",
    )


def markup(colours: Mapping[str, str], label: str, brush: int, width: int, height: int) -> str:
    """The HTML of the canvas with its tools, which stand below it."""
    pressed = ["true", *["false"] * (len(colours) - 1)]
    swatches = "".join(
        f'<button type="button" data-colour="{colour}" aria-pressed="{is_first}">'
        f'<span style="background:{colour}"></span>{html.escape(name)}</button>'
        for (name, colour), is_first in zip(colours.items(), pressed, strict=True)
    )
    return (
        f'<canvas width="{width}" height="{height}" aria-label="{html.escape(label)}"></canvas>'
        f'<div class="tools"><label>Brush <input class="brush-size" type="range" min="1" max="80" value="{brush}">'
        '</label><button type="button" class="fill" aria-pressed="false">Fill</button>'
        '<button type="button" class="undo" disabled>Undo</button></div>'
        f'<div class="colours">{swatches}</div>'
    )


def as_text(picture: np.ndarray) -> str:
    """A picture (H, W, 3) uint8 as the value of a canvas."""
    file = BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return _HEAD + base64.b64encode(file.getvalue()).decode()


def drawn(value: Any) -> np.ndarray:
    """The picture (H, W, 3) uint8 on a canvas.  Raises `ZooError` for what no canvas of the page sends."""
    try:
        if not value.startswith(_HEAD) or len(value) > UPLOAD:
            raise ValueError
        with Image.open(BytesIO(base64.b64decode(value.removeprefix(_HEAD), validate=True)), formats=["PNG"]) as file:
            if file.width * file.height > PIXELS:
                raise ValueError
            return np.asarray(file.convert("RGB"))
    except Exception:  # whatever is wrong with it
        raise ZooError("The drawing cannot be read: draw it again.") from None


def legend(palette: str) -> dict[str, str]:
    """The CSS colours of a palette, by the name of the first label with the colour."""
    colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in palette_colours(palette)]
    names = LABEL_NAMES.get(palette, tuple(map(str, range(len(colours)))))
    first = dict(zip(reversed(colours), reversed(names), strict=True))
    return {first[colour]: colour for colour in dict.fromkeys(colours)}


def legend_html(labels: Mapping[str, str]) -> str:
    """The legend as swatches with names."""
    entries = (
        f'<span><span style="background:{colour}"></span>{html.escape(label)}</span>'
        for label, colour in labels.items()
    )
    return f'<div class="legend">{"".join(entries)}</div>'
