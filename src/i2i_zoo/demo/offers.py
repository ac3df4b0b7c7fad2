"""What visitors of the page can do, and which checkpoints serve it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from i2i_zoo.methods.base import Method
from i2i_zoo.registry import ENTRIES, METHODS, Entry, method_name
from i2i_zoo.tasks.base import Task

from .inputs import Choices

#: What a visitor works on in a tab.
Surface = Literal["labels", "sketch", "picture", "pose", "film", "noise"]

#: Palettes to what one does with a canvas in their colours.
PAINTING = {"camvid": "Paint a street", "cityscapes": "Paint a street", "lines": "Draw lines"}


@dataclass(frozen=True)
class Offer:
    """One thing that a checkpoint can do.  A model of two domains does two.

    Args:
        name: The checkpoint's name for `i2i_zoo.load`.
        choices: The model and its direction.
    """

    name: str
    choices: Choices

    @property
    def entry(self) -> Entry | None:
        """The checkpoint's record in the registry, if it has one."""
        return ENTRIES.get(self.name)

    @property
    def task(self) -> str:
        """The task of its method."""
        return METHODS[method_name(type(self.choices.model))].task

    @property
    def description(self) -> str:
        """What goes in and what comes out, as the registry says it; of an unknown model, the letters of its domains."""
        model, direction = self.choices.model, self.choices.direction
        if self.entry is None:
            return model.title(direction) if len(model.directions) > 1 else ""
        there = self.entry.description.removesuffix(" and back")
        source, _, target = there.partition(" to ")
        return f"{target} to {source}" if direction and direction != model.directions[0] else there

    @property
    def title(self) -> str:
        """Name and description.  Of a folder it is only the last part: no visitor sees where it is."""
        name = self.name if self.entry or self.name.startswith("hf:") else Path(self.name).resolve().name
        return f"{name}: {self.description}" if self.description else name


@dataclass
class Activity:
    """A tab of the page.

    Args:
        title: What one does here.
        sentence: How.
        surface: What one works on.
        offers: The checkpoints that serve it.
    """

    title: str
    sentence: str
    surface: Surface
    offers: list[Offer] = field(default_factory=list)


PAINT = "Choose a label, paint on the map, and watch the photograph follow."
SKETCH = Activity("Sketch to picture", "Draw with the pen, and watch the picture follow.", "sketch")
RESTYLE = Activity("Restyle a photo", "Choose a photo and a style, and see the photo in that style.", "picture")
PICTURE = Activity("Translate a photo", "Choose a photo, and see what the model makes of it.", "picture")
POSE = Activity("Copy a pose", "Drag the joints of the figure, and watch the person follow.", "pose")
ANIMATE = Activity("Animate", "Choose a picture and a clip: the picture moves like the clip.", "picture")
FILM = Activity("Make a video", "Choose a clip of label maps or poses, and watch it become a video.", "film")
CLIPS = Activity("Make clips", "Clips from noise: each seed gives another one.", "noise")
PICTURES = Activity("Make pictures", "Pictures from noise: each seed gives another one.", "noise")


def activities(offers: Iterable[Offer]) -> list[Activity]:
    """The tabs that the checkpoints serve, each with its checkpoints in their order."""
    paint: dict[str, Activity] = {}
    others = [
        Activity(kind.title, kind.sentence, kind.surface)
        for kind in (SKETCH, RESTYLE, PICTURE, POSE, ANIMATE, FILM, CLIPS, PICTURES)
    ]
    by_title = {activity.title: activity for activity in others}
    for offer in offers:
        palette = offer.choices.preprocess.source_palette
        if palette and offer.task != "semantic-clips" and not offer.choices.samples:
            scene = Activity(PAINTING[palette], PAINT, "labels")
            paint.setdefault(palette, scene).offers.append(offer)
        else:
            for kind in kinds(offer):
                by_title[kind.title].offers.append(offer)
    tabs = [*named_apart(paint), *(activity for activity in others if activity.offers)]
    for activity in tabs:
        goals = {offer.description.partition(" to ")[2] for offer in activity.offers}
        if activity.surface == "sketch" and len(goals) == 1 and goals != {""}:
            activity.title = f"Sketch to {goals.pop()}"
    return tabs


def named_apart(paint: dict[str, Activity]) -> list[Activity]:
    """The tabs of label maps, one for each palette; the palette tells those of one title apart."""
    titles = [activity.title for activity in paint.values()]
    for palette, activity in paint.items():
        if titles.count(activity.title) > 1:
            activity.title = f"{activity.title} ({palette})"
    return list(paint.values())


def kinds(offer: Offer) -> list[Activity]:
    """What one does with a checkpoint that takes no label maps to paint.  One that may take sketches has two tabs."""
    model, task = offer.choices.model, offer.task
    if offer.choices.samples:
        return [CLIPS if model.makes == "clips" else PICTURES]
    if task in ("pose", "animation", "style"):
        return [{"pose": POSE, "animation": ANIMATE, "style": RESTYLE}[task]]
    if task in ("semantic-clips", "dancer"):
        return [FILM]
    source = offer.description.partition(" to ")[0]
    if ("sketch" in source or "edges" in source) and not generates(model):
        return [SKETCH]
    unknown = offer.entry is None and not any(condition.required for condition in offer.choices.conditions)
    return [SKETCH, PICTURE] if unknown else [PICTURE]


def offers_of(name: str, model: Method) -> list[Offer]:
    """What a checkpoint can do."""
    if model.verb == "sample":
        return [Offer(name, Choices(model, samples=True))]
    translations = [Offer(name, Choices(model, direction)) for direction in model.directions]
    return [*translations, *([Offer(name, Choices(model, samples=True))] if generates(model) else [])]


def generates(model: Task) -> bool:
    """Whether a model makes pictures from noise, be it beside translations, which it then has to search for."""
    return type(model).make_sampler is not Task.make_sampler


def by_speed(offers: Iterable[Offer]) -> list[Offer]:
    """Those that follow a brush best first: what is trained on pairs, and last what searches."""
    order = ("paired", "semantic", "style", "unpaired")
    return sorted(offers, key=lambda offer: (generates(offer.choices.model), (*order, offer.task).index(offer.task)))
