"""What the tabs begin with, apart from the checkpoints' own examples: streets, styles, people and drives.

Everything is rendered at its first use.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from PIL import Image

from i2i_zoo.data.rendered.people_clips import PeopleClips
from i2i_zoo.data.rendered.street_clips import StreetClips
from i2i_zoo.data.rendered.streets import render_scene
from i2i_zoo.data.rendered.styles import draw_style
from i2i_zoo.examples import example
from i2i_zoo.media.labels import colour_labels
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.tasks.conditions import Condition
from i2i_zoo.tasks.kinds import Choice, ClipFile, Number, PictureFile, Switch

from .offers import Offer
from .shelf import Shelf

#: Height and width of rendered streets.
STREET = (360, 480)

#: Length of a side of a drawn style, in pixels.
STYLE = 256

#: Height and width of the frames of a rendered clip, and their number.
CLIP, FRAMES = (128, 128), 16


def start_of(offer: Offer, condition: Condition, shelf: Shelf) -> Any:
    """The value of a condition's input to begin with: a file for files that are required."""
    if isinstance(condition.kind, (PictureFile, ClipFile)):
        if not condition.required:
            return None
        if (shipped := example(offer.name, condition.name)) is not None:
            return str(shipped)
        if isinstance(condition.kind, ClipFile):
            return person_clip(shelf)[1]
        if condition.name == "first":
            return first_street(shelf)
        return styles(shelf)[0] if condition.name == "style" else person_clip(shelf)[0]
    return condition.default if isinstance(condition.kind, (Number, Switch, Choice)) else ""


def picture_of(offer: Offer, shelf: Shelf) -> str:
    """The checkpoint's example, if it has one for this direction; else a rendered person to animate, or a street."""
    source = example(offer.name)
    if source is not None and offer.choices.direction in ("", offer.choices.model.directions[0]):
        return str(source)
    return person_clip(shelf)[0] if offer.task == "animation" else first_street(shelf)


@cache
def first_street(shelf: Shelf) -> str:
    """The file of one rendered street, always the same."""
    return shelf.put(Image.fromarray(render_scene(0, STREET)[1]), "street", stays=True)


@cache
def styles(shelf: Shelf) -> list[str]:
    """Files of styles to choose from."""
    shipped = [str(file) for name in ("adain-small",) if (file := example(name, "style")) is not None]
    return [*shipped, shelf.put(draw_style("glass", STYLE), "glass", stays=True), first_street(shelf)]


@cache
def person_clip(shelf: Shelf) -> tuple[str, str]:
    """Files of the first frame of a rendered clip of a person, and of the clip of another one."""
    people = PeopleClips(size=CLIP, frames=FRAMES).dataset("test")
    first, other = ([to_pil(frame) for frame in people[0, number]["video"]] for number in (0, 1))
    return shelf.put(first[0], "person", stays=True), shelf.put(other, "moving", stays=True)


@cache
def drive(shelf: Shelf) -> str:
    """The file of a rendered clip of CamVid's label maps."""
    maps = StreetClips(size=list(CLIP), frames=FRAMES).dataset("test")[0, 0]["label"]
    return shelf.put([Image.fromarray(colour_labels(ids.numpy(), "camvid")) for ids in maps], "drive", stays=True)
