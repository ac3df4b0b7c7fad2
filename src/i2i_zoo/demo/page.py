"""The page: paint a label map and see the photograph, or upload a picture and see its translation."""

from __future__ import annotations

import functools
import html
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, TypeVar

from PIL import Image

from i2i_zoo import hub
from i2i_zoo.devices import find_device
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.base import Method
from i2i_zoo.registry import list_models

from .canvas import HEIGHT, flatten, legend, legend_html, painted_labels, show_canvas, style
from .inputs import Choices, import_gradio, picture_input, show_inputs

Result = TypeVar("Result")

#: Width and height of the canvas for sketches.
SKETCH = (512, 512)


def serve(names: Sequence[str] = (), port: int | None = None, share: bool = False) -> None:
    """Serve the page on this machine until it is interrupted.

    Args:
        names: See `build`.
        port: Port to listen on; by default the first free one from 7860 on.
        share: Whether to make the page public through Gradio's servers.

    Raises:
        ZooError: As `build`; also if the port is taken.
    """
    gradio = import_gradio()
    page = build(names)
    # Fonts of the system: none are downloaded.
    theme = gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    try:
        page.launch(server_port=port, share=share, theme=theme, footer_links=[], ssr_mode=False)
    except OSError as error:
        raise ZooError(f"The page cannot be served ({error}); choose another --port.") from None


def build(names: Sequence[str] = ()) -> Any:
    """The page (`gradio.Blocks`): a tab for each checkpoint.

    The first checkpoint is loaded at once, another when its tab is opened.

    A model of label maps has a canvas that starts with the checkpoint's example.  Other models take pictures that are
    uploaded, photographed or sketched.  A model that samples has a button.  A model of two domains has a tab for each
    direction.

    Args:
        names: Names for `i2i_zoo.load`; by default all bundled checkpoints.

    Raises:
        ZooError: If Gradio is not installed, or the first checkpoint cannot be loaded.
    """
    gradio = import_gradio()
    names = list(dict.fromkeys(names or list_models(bundled=True)))
    load = functools.cache(lambda name: hub.load(name, device=find_device()))
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
    """Load a checkpoint and fill its tab when the tab is first opened."""
    gradio = import_gradio()
    opened = gradio.State(False)
    tab.select(lambda: True, None, opened, show_progress="hidden")

    def fill(is_open: bool) -> None:
        if not is_open:
            return
        try:
            show(name, load(name))
        except ZooError as error:
            gradio.HTML(html.escape(str(error)))

    gradio.render(opened)(fill)


def show(name: str, model: Method) -> None:
    """Add the part of the page for one checkpoint to the open `gradio.Blocks`."""
    if model.verb == "sample":
        show_sampler(Choices(model))
        return
    for direction in model.directions:
        with import_gradio().Tab(model.title(direction)) if len(model.directions) > 1 else nullcontext():
            choices = Choices(model, direction)
            if palette := choices.preprocess.source_palette:
                show_painting(name, choices, palette)
            else:
                show_pictures(choices)


def show_painting(name: str, choices: Choices, palette: str) -> None:
    """Add a canvas and the photograph that is made from it."""
    gradio = import_gradio()
    with gradio.Row():
        with gradio.Column():
            canvas = show_canvas(name, choices, palette)
        with gradio.Column():
            result = show_result("Photograph")
            go = gradio.Button("Translate", variant="primary")
            inputs = show_inputs(choices)

    def translate(drawing: Mapping[str, Any], *values: Any) -> Image.Image | str:
        return or_message(lambda: choices.translate(painted_labels(drawing, palette), values))

    go.click(translate, [canvas, *inputs], result, concurrency_id="translate")


def show_pictures(choices: Choices) -> None:
    """Add a picture or a sketch and its translation."""
    gradio = import_gradio()
    with gradio.Row():
        with gradio.Column():
            with gradio.Tab("Picture"):
                upload = picture_input(gradio, "Picture", HEIGHT)
                go = gradio.Button("Translate", variant="primary")
                inputs = show_inputs(choices)
            # No sketches if the model needs further inputs.
            with gradio.Tab("Sketch", visible=not any(c.required for c in choices.conditions)):
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
            if target := choices.preprocess.target_palette:
                gradio.HTML(legend_html(legend(target)))
            gradio.HTML(style({}))

    def translate(picture: str | None, *values: Any) -> Image.Image | str:
        return or_message(choices.translate, picture, values)

    def translate_sketch(drawing: Mapping[str, Any], *values: Any) -> Image.Image | str:
        return or_message(choices.translate, flatten(drawing, (255, 255, 255)), values)

    go.click(translate, [upload, *inputs], result, concurrency_id="translate")
    go_sketch.click(translate_sketch, [sketch, *inputs], result, concurrency_id="translate")


def show_sampler(choices: Choices) -> None:
    """Add a button and the pictures, or the clips, that it makes."""
    gradio = import_gradio()
    title = choices.model.makes.capitalize()
    with gradio.Row():
        with gradio.Column():
            count = gradio.Slider(1, 32, 8, step=1, label=title, interactive=True)
            seed = gradio.Textbox(label="Seed", placeholder="a whole number, such as 1", interactive=True)
            inputs = show_inputs(choices)
            go = gradio.Button("Make", variant="primary")
        with gradio.Column():
            gallery = gradio.Gallery(label=title, interactive=False, format="png", height=HEIGHT)

    def sample(number: float, text: str, *values: Any) -> list[Image.Image | str]:
        return or_message(choices.sample, number, text, values)

    go.click(sample, [count, seed, *inputs], gallery, concurrency_id="translate")


def show_result(label: str) -> Any:
    return import_gradio().Image(
        label=label,
        interactive=False,
        format="png",
        height=HEIGHT,
        buttons=["download", "fullscreen"],
        elem_classes="result",
    )


def or_message(work: Callable[..., Result], *args: Any) -> Result:
    """The result of the work.  Bad input and too large pictures become messages on the page."""
    try:
        return work(*args)
    except ZooError as error:
        raise import_gradio().Error(str(error), print_exception=False) from None
