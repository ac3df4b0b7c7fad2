"""Pictures that visitors bring: photographs to translate, to restyle and to animate."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from i2i_zoo.data.rendered.streets import render_scene
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import is_clip

from .inputs import import_gradio, picture_input, show_examples
from .limits import FRAME_PIXELS, check_picture, first_frames, scale_down
from .offers import Offer
from .shelf import Shelf
from .starts import STREET, picture_of, styles
from .surface import Made, Surface


class PictureSurface(Surface):
    """A picture that is uploaded, photographed or pasted; to begin with, the example of the checkpoint."""

    def show(self, number: Any, handle: Callable[..., Any]) -> None:
        gradio, offers = import_gradio(), self.activity.offers
        with gradio.Row(elem_classes="buttons"):
            first = gradio.Button("Example", size="sm", min_width=90)
            streets = offers[0].task != "animation"
            random = gradio.Button("Random street", size="sm", min_width=90, visible=streets)
        start = picture_of(offers[0], self.shelf)
        self.picture = picture_input("Picture", None, value=start, elem_classes="source", buttons=["fullscreen"])
        self.parts, self.start = [self.picture], [start]
        handle(first.click, lambda chosen: picture_of(offers[chosen], self.shelf), number, self.picture)
        handle(random.click, self.street, None, self.picture)

    def street(self) -> str:
        """Another rendered street each time."""
        _, photo = render_scene(secrets.randbelow(10**6), STREET)
        return self.shelf.put(Image.fromarray(photo), "street")

    def when_chosen(self, offer: Offer, values: Sequence[Any]) -> Sequence[Any] | None:
        """The example of the chosen checkpoint in place of that of another one."""
        names = {Path(picture_of(each, self.shelf)).name for each in self.activity.offers}
        own = values[0] is not None and Path(values[0]).name not in names
        return None if own else [picture_of(offer, self.shelf)]

    def make(self, offer: Offer, values: Sequence[Any], conditions: Mapping[str, Any]) -> Made:
        (path,) = values
        if path is None:
            raise ZooError("There is no picture yet: upload, photograph or paste one.")
        model = offer.choices.model
        if offer.task == "animation":
            path = scale_down(path, self.shelf.place(), most=FRAME_PIXELS)
        elif is_clip(Path(path)):
            frames = first_frames(path)
            return Made([[model.translate(frame, **conditions) for frame in frames]], frames[0])
        check_picture(path)
        return Made([model.translate(path, **conditions)], path)


def show_styles(style: Any, shelf: Shelf, handle: Callable[..., Any]) -> None:
    """Add a row of styles to the open `gradio.Blocks`; a click puts one into the input."""
    files = styles(shelf)
    shown = show_examples(files, "Styles", fit="cover")
    handle(shown.select, lambda place: files[place], None, style, picked=True)
