"""Clips and pictures from noise, and videos of clips of label maps or of poses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.examples import example
from i2i_zoo.media.clips import is_clip
from i2i_zoo.media.frames import write_folder
from i2i_zoo.media.pictures import to_pil

from .inputs import file_input, import_gradio
from .limits import first_frames
from .offers import Offer
from .starts import drive
from .surface import Made, Surface

#: How many clips, or pictures, one seed makes at most on the page.
MOST = 12

#: The seeds of the slider.
SEEDS = 999


class NoiseSurface(Surface):
    """A seed, and how many."""

    many = True

    def show(self, number: Any, handle: Callable[..., Any]) -> None:
        gradio = import_gradio()
        what = self.activity.offers[0].choices.model.makes
        self.start = [4 if what == "clips" else 8, 0]
        count = gradio.Slider(1, MOST, self.start[0], step=1, label=what.capitalize(), interactive=True)
        seed = gradio.Slider(0, SEEDS, self.start[1], step=1, label="Seed", interactive=True)
        self.parts = [count, seed]

    def make(self, offer: Offer, values: Sequence[Any], conditions: Mapping[str, Any]) -> Made:
        count, seed = (whole(value, most) for value, most in zip(values, (MOST, SEEDS), strict=True))
        made = offer.choices.model.sample(count, seed=seed, **conditions)
        # A model of two domains makes pairs.
        return Made([side_by_side(*pair) for pair in zip(*made, strict=True)] if isinstance(made, tuple) else made)


def whole(value: Any, most: int) -> int:
    """The value of a slider.  Raises `ZooError` for what no slider of the page sends."""
    if not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise ZooError(f"Choose a whole number up to {most}.")
    return int(value)


def side_by_side(left: Tensor, right: Tensor) -> Image.Image:
    """Two pictures (1 or 3, H, W) of one size as one."""
    pictures = to_pil(left).convert("RGB"), to_pil(right).convert("RGB")
    pair = Image.new("RGB", (2 * pictures[0].width, pictures[0].height))
    for place, picture in enumerate(pictures):
        pair.paste(picture, (place * picture.width, 0))
    return pair


class FilmSurface(Surface):
    """A clip of label maps or of poses."""

    def show(self, number: Any, handle: Callable[..., Any]) -> None:
        first = self.activity.offers[0]
        streets = first.choices.preprocess.source_palette == "camvid"
        shipped = example(first.name)
        start = str(shipped) if shipped else drive(self.shelf) if streets else None
        source = file_input("Clip: a video, an animation, or a file of poses", value=start)
        self.parts, self.start = [source], [start]

    def make(self, offer: Offer, values: Sequence[Any], conditions: Mapping[str, Any]) -> Made:
        (path,) = values
        if path is None:
            raise ZooError("There is no clip yet: upload a video or an animation; for poses, a file of them will do.")
        if is_clip(Path(path)):
            folder = self.shelf.place() / "clip"
            folder.mkdir()
            write_folder(first_frames(path), folder)
            path = str(folder)
        return Made([offer.choices.model.translate(path, **conditions)])
