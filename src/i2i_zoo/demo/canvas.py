"""Painting label maps: the canvas, its legend and its brush."""

from __future__ import annotations

import functools
import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from i2i_zoo.examples import example
from i2i_zoo.media.labels import LABEL_NAMES, check_colours, colour_labels, label_ids, palette_colours, read_labels

from .inputs import Choices, import_gradio

#: Height and width of the canvas for a checkpoint without an example and without a training size.
CANVAS = (256, 256)

#: Height of canvas and result on the page, in CSS pixels.
HEIGHT = 470


def show_canvas(name: str, choices: Choices, palette: str) -> Any:
    """Add the canvas and the buttons of its labels to the open `gradio.Blocks`."""
    gradio = import_gradio()
    start, labels = first_scene(name, choices, palette), legend(palette)
    canvas = gradio.ImageEditor(
        {"background": start, "layers": [], "composite": start},
        label="Label map: choose a label below and paint",
        placeholder="Choose the brush at the left and a label below, and paint",
        interactive=True,
        brush=brush(labels, next(iter(labels))),
        sources=["upload", "clipboard"],
        transforms=[],
        layers=False,
        format="png",
        canvas_size=(start.shape[1], start.shape[0]),
        height=HEIGHT,
        buttons=["download"],
    )
    with gradio.Row(elem_classes="labels"):
        for label, colour in labels.items():
            button = gradio.Button(label, size="sm", scale=0, elem_classes=f"label-{colour[1:]}")
            button.click(functools.partial(choose, labels, label), None, canvas, show_progress="hidden")
    gradio.HTML(style(labels))
    return canvas


def painted_labels(drawing: Mapping[str, Any] | None, palette: str) -> np.ndarray | None:
    """The label ids (H, W) of a drawing; None if there is none.

    Args:
        drawing: The value of `gradio.ImageEditor`: ``composite`` is the canvas (H, W, 4).
        palette: The colours of the labels.  Mixed colours at the edges of strokes become the nearest label.

    Raises:
        ZooError: If it is no label map, such as a photograph that was laid on the canvas.
    """
    canvas = flatten(drawing, palette_colours(palette)[0])
    return None if canvas is None else label_ids(check_colours(canvas, palette), palette)


def flatten(drawing: Mapping[str, Any] | None, ground: Sequence[int] | np.ndarray) -> np.ndarray | None:
    """A drawing on a ground of one colour, (H, W, 3) uint8; None if there is none."""
    if drawing is None or drawing["composite"] is None:
        return None
    painted = Image.fromarray(drawing["composite"]).convert("RGBA")
    below = Image.new("RGBA", painted.size, (*map(int, ground), 255))
    return np.asarray(Image.alpha_composite(below, painted))[..., :3]


def first_scene(name: str, choices: Choices, palette: str) -> np.ndarray:
    """The first content of the canvas, (H, W, 3) in colours: the checkpoint's example, or only the first label."""
    source = example(name)
    if source is not None and choices.direction in ("", choices.model.directions[0]):
        return colour_labels(read_labels(source, len(palette_colours(palette)), palette).numpy(), palette)
    return colour_labels(np.zeros(choices.preprocess.size or CANVAS, np.uint8), palette)


def legend(palette: str) -> dict[str, str]:
    """The CSS colours of a palette, by the name of the first label with the colour."""
    colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in palette_colours(palette)]
    names = LABEL_NAMES.get(palette, tuple(map(str, range(len(colours)))))
    first = dict(zip(reversed(colours), reversed(names), strict=True))
    return {first[colour]: colour for colour in dict.fromkeys(colours)}


def legend_html(labels: Mapping[str, str]) -> str:
    """The legend as swatches with names."""
    swatch = '<span style="display:inline-block;width:14px;height:14px;border-radius:3px;background:{}"></span> {}'
    entries = [f"<span>{swatch.format(colour, html.escape(label))}</span>" for label, colour in labels.items()]
    return f'<div style="display:flex;flex-wrap:wrap;gap:4px 14px">{"".join(entries)}</div>'


def style(labels: Mapping[str, str]) -> str:
    """CSS for the swatches on the buttons of the labels, and for results as large as the canvas."""
    swatch = "content:'';flex:none;width:14px;height:14px;border-radius:3px;margin-right:6px"
    rules = [
        ".labels{flex-wrap:wrap;gap:6px!important}",
        ".labels button{display:flex;flex:none;min-width:max-content!important}",
        f".labels button::before{{{swatch}}}",
        *(f".label-{colour[1:]}::before{{background:{colour}}}" for colour in labels.values()),
        ".result img{width:100%;height:100%;padding:32px;object-fit:contain!important}",
    ]
    return f"<style>{''.join(rules)}</style>"


def brush(labels: Mapping[str, str], label: str) -> Any:
    """The brush that paints a label."""
    colours = list(labels.values())
    return import_gradio().Brush(default_size=20, colors=colours, default_color=labels[label], color_mode="fixed")


def choose(labels: Mapping[str, str], label: str) -> Any:
    """The update of the canvas after a label is chosen."""
    return import_gradio().ImageEditor(brush=brush(labels, label), label=f"Label map: painting {label}")
