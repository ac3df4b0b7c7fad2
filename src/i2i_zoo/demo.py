"""A page to draw on: paint a label map and see the photograph, or give a picture and see its translation."""

from __future__ import annotations

import html
import inspect
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from . import hub, images, registry
from .errors import ZooError

#: Side of the canvas of a model that was not trained at one size, in pixels.
CANVAS = 256


def serve(names: Sequence[str] = (), port: int | None = None, share: bool = False, wait: bool = True) -> str:
    """Open the page of `build` in a web server on this machine, until it is interrupted.

    Args:
        names: As of `build`.
        port: Port to listen on; by default the first free one from 7860 on.
        share: Make it reachable from elsewhere, through Gradio's servers.
        wait: Return when the server stops; if not, at once, while it runs on.

    Returns:
        The page's address.

    Raises:
        ZooError: As `build`; if the port is taken.
    """
    gradio = _gradio()
    page = build(names)
    # Letters of this machine, so that nothing is fetched from elsewhere.
    theme = gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    try:
        _, address, _ = page.launch(server_port=port, share=share, theme=theme, prevent_thread_lock=True)
    except OSError as error:
        raise ZooError(f"The page cannot be served ({error}); choose another --port.") from error
    if wait:
        page.block_thread()
    return address


def build(names: Sequence[str] = ()) -> Any:
    """The page, a `gradio.Blocks` with a tab for each checkpoint.

    A model of label maps has a canvas with its palette, which begins with the checkpoint's example; another takes
    pictures that are uploaded, photographed or sketched.

    Args:
        names: Names for `i2i_zoo.load`; by default all that are bundled.

    Raises:
        ZooError: If Gradio is not installed, or as `i2i_zoo.load`.
    """
    gradio = _gradio()
    names = names or registry.list_models(bundled=True)
    with gradio.Blocks(title="i2i-zoo", fill_width=True) as page:
        for name in names:
            with gradio.Tab(name):
                model = hub.load(name)
                if model.preprocess.get("source_palette"):
                    _canvas(gradio, name, model)
                else:
                    _picture(gradio, model)
    return page


def _gradio() -> Any:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    try:
        import gradio
    except ImportError:
        raise ZooError('The page needs Gradio: pip install "i2i-zoo[demo]".') from None
    return gradio


def _canvas(gradio: Any, name: str, model: Any) -> None:
    palette = model.preprocess["source_palette"]
    height, width = model.preprocess.get("size", (CANVAS, CANVAS))
    start = beginning(name, palette, (height, width))
    colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in dict.fromkeys(map(tuple, images.palette(palette)))]
    with gradio.Row():
        with gradio.Column():
            canvas = gradio.ImageEditor(
                value={"background": start, "layers": [], "composite": start},
                label="Paint a scene",
                brush=gradio.Brush(colors=colours, default_color=colours[0], default_size=12, color_mode="fixed"),
                sources=["upload", "clipboard"],
                transforms=[],
                layers=False,
                image_mode="RGB",
                format="png",
                canvas_size=(width, height),
                fixed_canvas=True,
                height=440,
            )
            gradio.HTML(legend(palette))
        with gradio.Column():
            result = gradio.Image(label="Photograph", interactive=False, format="png", height=440)
            conditions = _conditions(gradio, model)
            button = gradio.Button("Translate", variant="primary")
    names = list(conditions)

    def run(drawing: Mapping[str, Any], *values: Any) -> Image.Image:
        return _told(gradio, lambda: paint(model, drawing, **dict(zip(names, values, strict=True))))

    button.click(run, [canvas, *conditions.values()], result)


def _picture(gradio: Any, model: Any) -> None:
    with gradio.Row():
        with gradio.Column():
            with gradio.Tab("Photograph"):
                photograph = gradio.Image(label="Picture", sources=["upload", "webcam", "clipboard"], height=400)
                translate_photograph = gradio.Button("Translate", variant="primary")
            with gradio.Tab("Sketch"):
                sketch = gradio.Sketchpad(label="Sketch", image_mode="RGB", height=400)
                translate_sketch = gradio.Button("Translate", variant="primary")
        with gradio.Column():
            result = gradio.Image(label="Translation", interactive=False, format="png", height=440)

    def run(picture: np.ndarray | Mapping[str, Any] | None) -> Image.Image:
        pixels = picture["composite"] if isinstance(picture, Mapping) else picture
        return _told(gradio, lambda: translated(model, pixels))

    translate_photograph.click(run, photograph, result)
    translate_sketch.click(run, sketch, result)


def _conditions(gradio: Any, model: Any) -> dict[str, Any]:
    """Inputs for what else the model's ``translate`` takes, by its arguments."""
    takes = inspect.signature(model.translate).parameters
    hparams = model.hparams
    if "style" not in takes or not (hparams.get("latent") or hparams.get("features")):
        return {}
    return {
        "style": gradio.Image(label="Style of this photograph", sources=["upload", "clipboard"], height=160),
        "seed": gradio.Number(label="Or a style at random, by its number", precision=0, value=None),
    }


def _told(gradio: Any, work: Any) -> Image.Image:
    """The result of the work; what is wrong is shown on the page."""
    try:
        return work()
    except ZooError as error:
        raise gradio.Error(str(error)) from error


def beginning(name: str, palette: str, size: tuple[int, int]) -> np.ndarray:
    """What the canvas shows first, (H, W, 3) in the palette's colours: the checkpoint's example, or its first label."""
    example = Path(__file__).parent / "checkpoints" / name / "example.png"
    if not example.is_file():
        return np.broadcast_to(images.palette(palette)[0], (*size, 3)).copy()
    ids = images.read_labels(example, len(images.palette(palette)), palette)
    return images.colour_labels(images.resize(ids[None].double(), size, nearest=True)[0].long().numpy(), palette)


def legend(palette: str) -> str:
    """HTML that names the palette's colours."""
    names = images.LABELS.get(palette, tuple(map(str, range(len(images.palette(palette))))))
    swatches = [
        '<span style="display:inline-flex;align-items:center;margin:0 12px 4px 0">'
        f'<span style="width:16px;height:16px;margin-right:5px;border-radius:3px;background:rgb{tuple(colour)}"></span>'
        f"{html.escape(label)}</span>"
        for label, colour in zip(names, images.palette(palette).tolist(), strict=True)
    ]
    return f"<div>{''.join(swatches)}</div>"


def paint(model: Any, drawing: Mapping[str, Any], **conditions: Any) -> Image.Image:
    """The photograph of what was drawn.

    Args:
        model: A model of label maps.
        drawing: What the canvas gives; its ``composite`` (H, W, 3) is in the palette's colours, mixed at the edges of
            strokes, each of which becomes the nearest.
        **conditions: ``style`` and ``seed`` of its ``translate``; None for neither.

    Raises:
        ZooError: If nothing is drawn, or as ``translate``.
    """
    pixels = drawing and drawing.get("composite")
    if pixels is None:
        raise ZooError("The canvas is empty: paint something first.")
    ids = images.label_ids(np.asarray(pixels)[..., :3], model.preprocess["source_palette"])
    return model.translate(ids, **{key: value for key, value in conditions.items() if value is not None})


def translated(model: Any, pixels: np.ndarray | None) -> Image.Image:
    """The translation of a picture (H, W, 3).  Raises `ZooError` if there is none, or as ``translate``."""
    if pixels is None:
        raise ZooError("There is no picture: upload, photograph or sketch one first.")
    return model.translate(np.asarray(pixels)[..., :3])
