"""A page to draw on: paint a label map and see the photograph, or give a picture and see its translation."""

from __future__ import annotations

import functools
import html
import os
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from i2i_zoo.media.labels import LABEL_NAMES, colour_labels, label_ids, palette_colours, read_labels

from .errors import ZooError
from .registry import list_models
from .tasks.unpaired import Direction

if TYPE_CHECKING:
    import gradio as gr

#: Height and width of the canvas for a checkpoint that has neither an example nor a size that it was trained at.
CANVAS = (256, 256)

#: Width and height of the canvas for sketches.
SKETCH = (512, 512)

#: Height on the page of canvas and result, in CSS pixels.
HEIGHT = 470


def serve(names: Sequence[str] = (), port: int | None = None, share: bool = False) -> None:
    """Serve the page of `build` on this machine, until it is interrupted.

    Args:
        names: As of `build`.
        port: Port to listen on; by default the first free one from 7860 on.
        share: Make it reachable from elsewhere, through Gradio's servers.

    Raises:
        ZooError: As `build`; if the port is taken.
    """
    gradio = import_gradio()
    page = build(names)
    # The machine's own letters, so that none are fetched.
    theme = gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    try:
        page.launch(server_port=port, share=share, theme=theme, footer_links=[], ssr_mode=False)
    except OSError as error:
        raise ZooError(f"The page cannot be served ({error}); choose another --port.") from None


def import_gradio() -> Any:
    """Gradio, without its telemetry.  Raises `ZooError` if it is not installed."""
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False")
    try:
        import gradio
    except ImportError:
        raise ZooError('The page needs Gradio: pip install "i2i-zoo[demo]".') from None
    return gradio


def build(names: Sequence[str] = ()) -> gr.Blocks:
    """The page.  A tab for each checkpoint; the first is loaded at once, another when its tab is opened.

    A model of label maps has a canvas with its palette, which begins with the checkpoint's example; another takes
    pictures that are uploaded, photographed or sketched.  One of two domains has a tab for each direction.

    Args:
        names: Names for `i2i_zoo.load`; by default all that are bundled.

    Raises:
        ZooError: If Gradio is not installed, or the first checkpoint cannot be loaded.
    """
    gradio = import_gradio()
    from .cli.main import load_for

    names = list(dict.fromkeys(names or list_models(bundled=True)))
    load = functools.cache(lambda name: load_for(name, None))
    load(names[0])
    with gradio.Blocks(title="i2i-zoo", analytics_enabled=False, fill_width=True) as page:
        for name in names:
            with gradio.Tab(name) as tab:
                if name == names[0]:
                    show(name, load(name))
                else:
                    show_when_opened(tab, name, load)
    return page


def show_when_opened(tab: Any, name: str, load: Callable[[str], Any]) -> None:
    """Load a checkpoint and fill its tab when that is opened for the first time."""
    gradio = import_gradio()
    opened = gradio.State(False)
    tab.select(lambda: True, None, opened, show_progress="hidden")

    @gradio.render(opened)
    def fill(is_open: bool) -> None:
        if not is_open:
            return
        try:
            show(name, load(name))
        except ZooError as error:
            gradio.HTML(html.escape(str(error)))


def show(name: str, model: Any) -> None:
    """The part of the page for one checkpoint, in the `gradio.Blocks` that is open."""
    directions = model.directions
    for direction in directions.values():
        with import_gradio().Tab(direction.title) if len(directions) > 1 else nullcontext():
            if direction.preprocess.get("source_palette"):
                show_canvas(name, direction)
            else:
                show_pictures(direction)


def show_canvas(name: str, model: Any) -> None:
    gradio = import_gradio()
    palette = model.preprocess["source_palette"]
    start, labels = first_scene(name, model), legend(palette)
    with gradio.Row():
        with gradio.Column():
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
        with gradio.Column():
            result = show_result("Photograph")
            go = gradio.Button("Translate", variant="primary")
            conditions = show_conditions(model)

    def translate(drawing: Mapping[str, Any], *values: Any) -> Image.Image:
        return told(paint, model, drawing, **dict(zip(conditions, values, strict=True)))

    go.click(translate, [canvas, *conditions.values()], result, concurrency_id="translate")


def show_pictures(model: Any) -> None:
    gradio = import_gradio()
    with gradio.Row():
        with gradio.Column():
            with gradio.Tab("Picture"):
                # The file as it is, so that the model reads what `i2i-zoo translate` would.
                upload = gradio.Image(
                    label="Picture",
                    interactive=True,
                    sources=["upload", "webcam", "clipboard"],
                    type="filepath",
                    image_mode=None,
                    height=HEIGHT,
                )
                go = gradio.Button("Translate", variant="primary")
                conditions = show_conditions(model)
            with gradio.Tab("Sketch", visible="source" in model.batch_keys):
                sketch = gradio.Sketchpad(
                    label="Sketch: choose the brush at the left and draw",
                    interactive=True,
                    layers=False,
                    format="png",
                    canvas_size=SKETCH,
                    height=HEIGHT,
                )
                go_sketch = gradio.Button("Translate", variant="primary")
        with gradio.Column():
            result = show_result("Translation")
            if target := model.preprocess.get("target_palette"):
                gradio.HTML(legend_html(legend(target)))
            gradio.HTML(style({}))

    def translate(picture: str | None, *values: Any) -> Image.Image:
        return told(translated, model, picture, **dict(zip(conditions, values, strict=True)))

    def translate_sketch(drawing: Mapping[str, Any]) -> Image.Image:
        return told(translated, model, flatten(drawing, (255, 255, 255)))

    go.click(translate, [upload, *conditions.values()], result, concurrency_id="translate")
    go_sketch.click(translate_sketch, sketch, result, concurrency_id="translate")


def show_result(label: str) -> Any:
    return import_gradio().Image(
        label=label,
        interactive=False,
        format="png",
        height=HEIGHT,
        buttons=["download", "fullscreen"],
        elem_classes="result",
    )


def show_conditions(model: Any) -> dict[str, Any]:
    """Inputs for what else ``translate`` takes, by its arguments' names; none for a model without styles."""
    from .cli.main import needs_style, options_of

    gradio = import_gradio()
    taken = options_of(model.method if isinstance(model, Direction) else model)
    inputs: dict[str, Any] = {}
    if "style" in taken:
        inputs["style"] = gradio.Image(
            label="Style of this picture" if needs_style(model) else "Style of this photograph",
            interactive=True,
            sources=["upload", "webcam", "clipboard"],
            type="filepath",
            image_mode=None,
            height=180,
        )
    if "alpha" in taken:
        inputs["alpha"] = gradio.Slider(0, 1, 1, label="From the content to the style", interactive=True)
    if "seed" in taken:
        # Text, since a number that is left empty would be 0.
        inputs["seed"] = gradio.Textbox(
            label="Or a style at random: its seed", placeholder="a whole number, such as 1", interactive=True
        )
    return inputs


def told(work: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The result of the work; what is wrong with the input, or too large, is shown on the page."""
    import torch

    try:
        return work(*args, **options)
    except ZooError as error:
        message = str(error)
    except torch.cuda.OutOfMemoryError:
        message = "The picture is too large for the GPU's memory: give a smaller one."
    raise import_gradio().Error(message, print_exception=False)


def paint(model: Any, drawing: Mapping[str, Any] | None, **conditions: Any) -> Image.Image:
    """The photograph of what is drawn.

    Args:
        model: A model of label maps, or a direction that begins with them.
        drawing: What `gradio.ImageEditor` gives: ``composite`` is the canvas (H, W, 4).
        **conditions: ``style`` and ``seed`` as of `translated`.

    Raises:
        ZooError: If there is no drawing, or as ``translate``.
    """
    palette = model.preprocess["source_palette"]
    canvas = flatten(drawing, palette_colours(palette)[0])
    # Colours are mixed at the edges of strokes.
    return translated(model, None if canvas is None else label_ids(canvas, palette), **conditions)


def translated(model: Any, picture: Any, style: Any = None, seed: str = "", alpha: float | None = None) -> Image.Image:
    """The translation of a picture by a model or one of its directions, with a style or a seed if it is given.

    Raises `ZooError` if there is no picture, or no style for a model that needs one, if the seed is no number, or as
    ``translate``.
    """
    from .cli.main import needs_style

    if picture is None:
        raise ZooError("There is no picture yet: upload, photograph or draw one.")
    if style is None and needs_style(model):
        raise ZooError("There is no style yet: upload a picture that has it.")
    options = {"style": style, "seed": read_seed(seed), "alpha": alpha}
    if isinstance(model, Direction):
        model, options = model.method, {**options, "direction": model.way}
    return model.translate(picture, **{key: value for key, value in options.items() if value is not None})


def read_seed(text: str) -> int | None:
    """The number that was typed, None if there is none; raises `ZooError` for anything else."""
    from .cli.main import seed

    try:
        return seed(text.strip()) if text.strip() else None
    except ArgumentTypeError as error:
        raise ZooError(f"{error}.") from None


def flatten(drawing: Mapping[str, Any] | None, ground: Sequence[int] | np.ndarray) -> np.ndarray | None:
    """The composite of a drawing on a ground of one colour, (H, W, 3) uint8; None if there is none."""
    if drawing is None or drawing["composite"] is None:
        return None
    painted = Image.fromarray(drawing["composite"]).convert("RGBA")
    below = Image.new("RGBA", painted.size, (*map(int, ground), 255))
    return np.asarray(Image.alpha_composite(below, painted))[..., :3]


def first_scene(name: str, model: Any) -> np.ndarray:
    """What the canvas shows first, (H, W, 3) in the palette's colours: the checkpoint's example, or its first label."""
    from .cli.main import bundle

    palette, example = model.preprocess["source_palette"], bundle(name) / "example.png"
    if example.is_file() and getattr(model, "way", "ab") == "ab":  # an example is of A
        return colour_labels(read_labels(example, len(palette_colours(palette)), palette).numpy(), palette)
    return colour_labels(np.zeros(model.preprocess.get("size", CANVAS), np.uint8), palette)


def legend(palette: str) -> dict[str, str]:
    """The colours of a palette as CSS has them, by the name of the first label that has the colour."""
    colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in palette_colours(palette)]
    names = LABEL_NAMES.get(palette, tuple(map(str, range(len(colours)))))
    first = dict(zip(reversed(colours), reversed(names), strict=True))
    return {first[colour]: colour for colour in dict.fromkeys(colours)}


def legend_html(labels: Mapping[str, str]) -> str:
    """The legend as a line of swatches with names."""
    swatch = '<span style="display:inline-block;width:14px;height:14px;border-radius:3px;background:{}"></span> {}'
    entries = [f"<span>{swatch.format(colour, html.escape(label))}</span>" for label, colour in labels.items()]
    return f'<div style="display:flex;flex-wrap:wrap;gap:4px 14px">{"".join(entries)}</div>'


def style(labels: Mapping[str, str]) -> str:
    """CSS that gives the button of each label its swatch, and shows a small result as large as the canvas."""
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
    """The change to the canvas when a label is chosen."""
    return import_gradio().ImageEditor(brush=brush(labels, label), label=f"Label map: painting {label}")
