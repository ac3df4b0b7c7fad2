"""A tab: what the visitor works on at the left, the result at the right, and below them what else may be chosen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from i2i_zoo.errors import ZooError
from i2i_zoo.registry import METHODS, method_name
from i2i_zoo.tasks.kinds import PictureFile

from .about import about
from .clips import FilmSurface, NoiseSurface
from .drawing import legend, legend_html
from .inputs import import_gradio, show_inputs
from .limits import TooLargeError, deadline, scale_down
from .offers import Activity, Offer
from .painting import LabelSurface, SketchSurface
from .photos import PictureSurface, show_styles
from .posing import PoseSurface
from .sentences import sentence, shown
from .shelf import Shelf
from .starts import start_of
from .surface import Surface

SURFACES: dict[str, type[Surface]] = {
    "labels": LabelSurface,
    "sketch": SketchSurface,
    "picture": PictureSurface,
    "pose": PoseSurface,
    "film": FilmSurface,
    "noise": NoiseSurface,
}

#: How many results of a visit are shown again.
VISIT = 24

#: Results that follow each other faster than this, in seconds, are steps to one, of which the last is shown again.
STEP = 4.0

#: How events become work: one at a time for all visitors, and of one visitor only the newest that waits.
WORK = {"concurrency_id": "work", "concurrency_limit": 1, "trigger_mode": "always_last", "api_visibility": "private"}

#: How files are opened and scenes are drawn: beside that work.
READ = {"concurrency_id": "read", "concurrency_limit": 1, "api_visibility": "private"}


class Kept(NamedTuple):
    """A result of this visit."""

    offer: int
    made: float
    file: str


class Bench:
    """A tab of the page.

    Args:
        activity: What one does here.
        shelf: Where files go.
    """

    def __init__(self, activity: Activity, shelf: Shelf) -> None:
        self.activity, self.offers, self.shelf = activity, activity.offers, shelf
        self.surface = SURFACES[activity.surface](activity, shelf)
        #: For each offer the values with which the inputs of its conditions begin, and these inputs.
        self.starts = [
            [start_of(each, condition, shelf) for condition in each.choices.conditions] for each in self.offers
        ]
        self.inputs: list[list[Any]] = []

    def show(self) -> None:
        """Add the tab's content to the open `gradio.Blocks`."""
        gradio, surface = import_gradio(), self.surface
        gradio.Markdown(self.activity.sentence, elem_classes="sentence")
        titles = [(offer.title, number) for number, offer in enumerate(self.offers)]
        self.message = gradio.HTML(elem_classes="message", apply_default_css=False, render=False)
        self.number = gradio.Dropdown(titles, value=0, label="Model", render=False)
        with gradio.Row(elem_classes="bench"):
            with gradio.Column(min_width=300):
                surface.show(self.number, self.handle)
                self.shrink = gradio.Button("Scale it down", visible=False, variant="primary")
            with gradio.Column(min_width=300):
                self.show_results(*self.first())
                self.message.render()
        with gradio.Row():
            with gradio.Column(min_width=300):
                surface.show_more(self.handle)
                self.number.render()
                groups = [self.show_conditions(offer, number == 0) for number, offer in enumerate(self.offers)]
            with gradio.Column(min_width=300):
                with gradio.Accordion("Licence and limits", open=False):
                    terms = gradio.Markdown(about(self.offers[0]))
                if not surface.many:
                    gradio.Markdown("Your results of this visit")
                self.gallery = gradio.Gallery(
                    show_label=False,
                    label="Your results of this visit",
                    interactive=False,
                    columns=4,
                    fit_columns=False,
                    height=180,
                    visible=not surface.many,
                )
        self.visit = gradio.State(list[Kept]())
        outputs = [self.message, *self.results, self.gallery, self.visit, self.shrink]
        values = [self.number, self.visit, *surface.parts, *(each for inputs in self.inputs for each in inputs)]
        changes = [each.change for each in values[2:]]
        gradio.on(
            [*changes, self.number.change],
            self.run,
            values,
            outputs,
            show_progress="minimal",
            show_progress_on=self.results[:1],
            **WORK,
        )
        chosen = [*groups, terms, self.legend, *surface.parts]
        self.number.change(self.choose, [self.number, *surface.parts], chosen, show_progress="hidden", **READ)
        if surface.picture is not None:
            self.handle(
                self.shrink.click, lambda path: scale_down(path, self.shelf.place()), surface.picture, surface.picture
            )

    def show_results(self, text: str, values: Sequence[Any]) -> None:
        """Add what shows the results, with a sentence and the values to begin with."""
        gradio = import_gradio()
        self.message.value = shown(text)
        if self.surface.many:
            what = self.offers[0].choices.model.makes.capitalize()
            options = {"columns": 4, "height": "auto", "object_fit": "contain", "format": "png", "interactive": False}
            self.results = [gradio.Gallery(values[0], label=what, elem_classes="many", **options)]
            self.legend = gradio.HTML(visible=False)
            return
        buttons = ["download", "fullscreen"]
        options = {"interactive": False, "format": "png", "buttons": buttons, "elem_classes": "result"}
        result = gradio.Image(values[0], label="Result", **options)
        slider = gradio.ImageSlider(values[1], label="Before and after", visible=False, **options)
        moves = METHODS[method_name(type(self.offers[0].choices.model))].use.clip
        label = "Before and after in one picture"
        compare = gradio.Checkbox(label=label, container=False, visible=not moves)
        self.legend = gradio.HTML(self.legend_of(self.offers[0]))
        self.results = [result, slider]

        def switch(both: bool) -> tuple[Any, Any]:
            return gradio.Image(visible=not both), gradio.ImageSlider(visible=both)

        compare.change(switch, compare, self.results, queue=False, api_visibility="private")

    def show_conditions(self, offer: Offer, is_first: bool) -> Any:
        """Add the inputs of an offer, which are seen while it is chosen."""
        with import_gradio().Column(visible=is_first) as group:
            inputs = show_inputs(offer.choices, self.starts[len(self.inputs)])
            for condition, made in zip(offer.choices.conditions, inputs, strict=True):
                if isinstance(condition.kind, PictureFile) and condition.name == "style":
                    show_styles(made, self.shelf, self.handle)
            self.inputs.append(inputs)
        return group

    def legend_of(self, offer: Offer) -> str:
        """The colours of the label maps that an offer makes, as HTML; empty if it makes none."""
        palette = offer.choices.preprocess.target_palette
        return legend_html(legend(palette)) if palette else ""

    def handle(
        self, event: Callable[..., Any], work: Callable[..., Any], inputs: Any, outputs: Any, picked: bool = False
    ) -> None:
        """See `Surface.show`."""
        gradio = import_gradio()
        targets = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]

        def handled(*values: Any) -> list[Any]:
            try:
                with deadline():
                    found = work(*values)
            except Exception as error:  # the page goes on
                return [shown(sentence(error)), *[gradio.skip()] * len(targets)]
            return ["", *(found if len(targets) > 1 else [found])]

        def handled_pick(event: Any) -> list[Any]:
            return handled(event.index)

        handled_pick.__annotations__["event"] = gradio.SelectData
        event(handled_pick if picked else handled, inputs, [self.message, *targets], show_progress="hidden", **READ)

    def run(self, number: int, visit: list[Kept], *values: Any) -> list[Any]:
        """The outputs for the values of all inputs."""
        gradio = import_gradio()
        try:
            files, before = self.files(number, values)
        except TooLargeError as error:
            offered = gradio.Button("Scale it down to {}x{}".format(*error.size), visible=True)
            return [shown(sentence(error)), *[gradio.skip()] * (len(self.results) + 2), offered]
        except Exception as error:  # the page goes on
            kept = [gradio.skip()] * (len(self.results) + 2)
            return [shown(sentence(error)), *kept, gradio.Button(visible=False)]
        results = [files] if self.surface.many else [files[0], (before or files[0], files[0])]
        now, before_now = time.time(), visit
        if visit and visit[0].offer == number and now - visit[0].made < STEP:
            before_now = visit[1:]
        visit = [Kept(number, now, files[0]), *before_now][:VISIT]
        visit = [kept for kept in visit if Path(kept.file).is_file()]  # the shelf keeps only the newest of all
        gallery = gradio.skip() if self.surface.many else [kept.file for kept in visit]
        return ["", *results, gallery, visit, gradio.Button(visible=False)]

    def files(self, number: int, values: Sequence[Any]) -> tuple[list[str], str | None]:
        """Files of the results for the values of the surface's parts and of all conditions, and of what they were.

        Raises `ZooError` as `Surface.make`.
        """
        offer, parts = self.offers[number], len(self.surface.start)
        place = parts + sum(map(len, self.starts[:number]))
        own = values[place : place + len(self.starts[number])]
        with deadline():
            made = self.surface.make(offer, values[:parts], offer.choices.chosen(own))
        name = offer.title.partition(":")[0].replace("/", "-")
        before = made.before
        if before is not None and not isinstance(before, str):
            before = self.shelf.put(before, f"{name}-source")
        return [self.shelf.put(each, name) for each in made.after], before

    def choose(self, number: int, *values: Any) -> list[Any]:
        """What changes when a checkpoint is chosen."""
        gradio, offer = import_gradio(), self.offers[number]
        groups = [gradio.Column(visible=each == number) for each in range(len(self.offers))]
        parts = self.surface.when_chosen(offer, values) or [gradio.skip()] * len(values)
        return [*groups, about(offer), self.legend_of(offer), *parts]

    def first(self) -> tuple[str, list[Any]]:
        """What the tab begins with: a sentence if that failed, and the values of what shows results."""
        starts = [value for values in self.starts for value in values]
        try:
            files, before = self.files(0, [*self.surface.start, *starts])
        except ZooError as error:
            return sentence(error), [None] * 2
        return "", [files if self.surface.many else files[0], (before or files[0], files[0])]
