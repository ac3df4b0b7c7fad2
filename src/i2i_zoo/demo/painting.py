"""Painting label maps and drawing sketches."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from i2i_zoo.data.rendered.streets import render_scene
from i2i_zoo.errors import ZooError
from i2i_zoo.examples import example
from i2i_zoo.media.files import read_array
from i2i_zoo.media.labels import check_colours, colour_labels, label_ids, palette_colours, read_labels
from i2i_zoo.media.palettes import LABEL_NAMES

from .drawing import PEN, as_text, drawn, legend, show_drawing
from .inputs import file_button, import_gradio, show_examples
from .limits import scale_down
from .offers import Offer
from .surface import Made, Surface

#: Height and width of a canvas of label maps.
CANVAS = (360, 480)

#: Height and width of a sketch.
SKETCH = (256, 256)

#: What CamVid's labels are called in Cityscapes.
_CITYSCAPES = {
    "pavement": "sidewalk", "tree": "vegetation", "sign": "traffic sign", "pedestrian": "person", "bicyclist": "rider",
    "void": "unlabeled",
}  # fmt: skip


class LabelSurface(Surface):
    """A canvas on which label maps are painted."""

    def show(self, number: Any, handle: Callable[..., Any]) -> None:
        gradio = import_gradio()
        palette = self.activity.offers[0].choices.preprocess.source_palette
        assert palette is not None
        scene = first_scene(self.activity.offers, palette)
        with gradio.Row(elem_classes="buttons"):
            random = gradio.Button("Random scene", size="sm", min_width=90) if has_streets(palette) else None
            first = gradio.Button("Example", size="sm", min_width=90)
            clear = gradio.Button("Clear", size="sm", min_width=90)
            upload = file_button("Open a map")
        canvas = show_drawing(scene, legend(palette), "Label map to paint on", 20)
        self.parts, self.start = [canvas], [as_text(scene)]
        blank = colour_labels(np.zeros(scene.shape[:2], np.uint8), palette)
        if random is not None:
            handle(random.click, lambda: as_text(random_scene(palette)), None, canvas)
        handle(first.click, lambda: as_text(scene), None, canvas)
        handle(clear.click, lambda: as_text(blank), None, canvas)
        handle(upload.upload, lambda path: as_text(self.opened(path, palette)), upload, canvas)

    def opened(self, path: str | None, palette: str) -> np.ndarray:
        """The colours (H, W, 3) of a file of a label map.  Raises `ZooError` if it cannot be read."""
        if path is None:
            raise ZooError("No file arrived: choose it again.")
        small = scale_down(path, self.shelf.place(), smooth=False)
        return colour_labels(read_labels(small, len(palette_colours(palette)), palette).numpy(), palette)

    def make(self, offer: Offer, values: Sequence[Any], conditions: Mapping[str, Any]) -> Made:
        colours, palette = drawn(values[0]), offer.choices.preprocess.source_palette
        assert palette is not None
        labels = label_ids(check_colours(colours, palette), palette)
        return Made([offer.choices.model.translate(labels, **conditions)], Image.fromarray(colours))


class SketchSurface(Surface):
    """A canvas for a pen."""

    def show(self, number: Any, handle: Callable[..., Any]) -> None:
        gradio = import_gradio()
        files = [file for offer in self.activity.offers if (file := example(offer.name)) is not None]
        files += sorted(Path(__file__).with_name("sketches").glob("*.png"))
        scene = sketch(files[0])
        with gradio.Row(elem_classes="buttons"):
            clear = gradio.Button("Clear", size="sm", min_width=90)
            upload = file_button("Open a sketch")
        canvas = show_drawing(scene, PEN, "Sketch to draw on", 4)
        shown = show_examples([str(file) for file in files], "Examples", fit="contain")
        self.parts, self.start = [canvas], [as_text(scene)]
        handle(clear.click, lambda: as_text(np.full((*SKETCH, 3), 255, np.uint8)), None, canvas)
        handle(upload.upload, lambda path: as_text(self.opened(path)), upload, canvas)
        handle(shown.select, lambda place: as_text(sketch(files[place])), None, canvas, picked=True)

    def opened(self, path: str | None) -> np.ndarray:
        """The pixels (H, W, 3) of a file.  Raises `ZooError` if it cannot be read."""
        if path is None:
            raise ZooError("No file arrived: choose it again.")
        return sketch(Path(scale_down(path, self.shelf.place())))

    def make(self, offer: Offer, values: Sequence[Any], conditions: Mapping[str, Any]) -> Made:
        picture = drawn(values[0])
        return Made([offer.choices.model.translate(picture, **conditions)], Image.fromarray(picture))


def sketch(file: Path) -> np.ndarray:
    """A sketch as a canvas has it, (H, W, 3) uint8.  Raises `ZooError` if the file cannot be read."""
    array = read_array(file)
    picture = Image.fromarray(array if array.dtype == np.uint8 else (255.0 * array / array.max()).astype(np.uint8))
    picture.thumbnail((2 * SKETCH[1], 2 * SKETCH[0]))
    return np.asarray(picture.convert("RGB"))


def first_scene(offers: Sequence[Offer], palette: str) -> np.ndarray:
    """What a canvas shows first, (H, W, 3) in colours: an example of the checkpoints, a street, or the first label."""
    for offer in offers:
        source = example(offer.name)
        if source is not None and offer.choices.direction in ("", offer.choices.model.directions[0]):
            return colour_labels(read_labels(source, len(palette_colours(palette)), palette).numpy(), palette)
    return random_scene(palette, 0) if has_streets(palette) else colour_labels(np.zeros(CANVAS, np.uint8), palette)


def has_streets(palette: str) -> bool:
    """Whether there are rendered streets in these colours."""
    return palette in ("camvid", "cityscapes")


def random_scene(palette: str, seed: int | None = None) -> np.ndarray:
    """The label map of a rendered street, (H, W, 3) in colours; by default another one each time."""
    labels, _ = render_scene(secrets.randbelow(10**6) if seed is None else seed, CANVAS)
    if palette == "cityscapes":
        names = [_CITYSCAPES.get(name, name) for name in LABEL_NAMES["camvid"]]
        labels = np.array([LABEL_NAMES["cityscapes"].index(name) for name in names], np.uint8)[labels]
    return colour_labels(labels, palette)
