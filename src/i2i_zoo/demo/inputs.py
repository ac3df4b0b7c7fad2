"""The inputs on the page for the model's conditions."""

from __future__ import annotations

import math
import os
from abc import ABCMeta
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from i2i_zoo.errors import ZooError, install
from i2i_zoo.methods.base import Method
from i2i_zoo.tasks.conditions import Condition
from i2i_zoo.tasks.kinds import Choice, ClipFile, Kind, Number, PictureFile, Switch
from i2i_zoo.tasks.preprocess import Preprocess

from .limits import FRAMES, check_picture, first_frames


def import_gradio() -> Any:
    """Gradio, without its telemetry.  Raises `ZooError` if it is not installed."""
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False")
    try:
        import gradio
    except ImportError:
        raise ZooError(f"The page needs Gradio: {install('gradio')}.") from None
    return gradio


@dataclass(frozen=True)
class Choices:
    """A model, what it does here, and the conditions that a visitor of the page may choose."""

    model: Method
    direction: str = ""
    #: Whether the model makes pictures from noise here, and does not translate.
    samples: bool = False

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions that are inputs on the page."""
        conditions = self.model.sampling_conditions if self.samples else self.model.conditions
        return tuple(condition for condition in conditions if condition.label)

    @property
    def preprocess(self) -> Preprocess:
        return self.model.preprocess_for(self.direction)

    def chosen(self, values: Sequence[Any]) -> dict[str, Any]:
        """Names of conditions to the values of their inputs, without empty ones.

        Raises `ZooError` for an invalid text, for an empty input of a required condition, for a file that the page does
        not take and for a clip that is too long for it.
        """
        chosen = {"direction": self.direction} if self.direction else dict[str, Any]()
        for condition, value in zip(self.conditions, values, strict=True):
            if isinstance(value, str) and isinstance(condition.kind, PictureFile):
                check_picture(value)
            elif isinstance(value, str) and isinstance(condition.kind, ClipFile):
                value = first_frames(value)
            elif isinstance(value, str) and not isinstance(condition.kind, Choice):
                value = condition.parse(value.split()) if value.strip() else None
            if value is None and condition.required:
                raise ZooError(f"{condition.label}: there is none yet; {condition.kind.wanted} is needed.")
            if condition.name == "frames" and value is not None and value > FRAMES:
                raise ZooError(f"{condition.label}: this page makes at most {FRAMES}.")
            if value is not None:
                chosen[condition.name] = value
        return chosen


def show_inputs(choices: Choices, starts: Sequence[Any]) -> list[Any]:
    """Add an input for each condition to the open `gradio.Blocks`, with its value to begin with.

    Files that need not be chosen are in a fold.
    """
    gradio = import_gradio()
    pairs = list(zip(choices.conditions, starts, strict=True))
    made = {each.name: input_for(each, start) for each, start in pairs if not is_extra(each)}
    if extras := [each for each in choices.conditions if is_extra(each)]:
        with gradio.Accordion("More to choose", open=False):
            made |= {each.name: input_for(each, None) for each in extras}
    return [made[condition.name] for condition in choices.conditions]


def is_extra(condition: Condition) -> bool:
    """Whether a condition is a file that may be left out."""
    return isinstance(condition.kind, (PictureFile, ClipFile)) and not condition.required


def input_for(condition: Condition, start: Any) -> Any:
    """The input for a condition: see `INPUTS`; for other kinds a line of text."""
    gradio = import_gradio()
    for kind, make in INPUTS.items():
        if isinstance(condition.kind, kind):
            return make(gradio, condition, start)
    return text_input(gradio, condition, start)


def text_input(gradio: Any, condition: Condition, start: Any) -> Any:
    """A line of text: also for numbers, because an empty number field would be 0."""
    hint = condition.kind.wanted if condition.default is None else f"by default {condition.default}"
    return gradio.Textbox(start or "", label=condition.label, placeholder=hint, interactive=True)


@cache
def unread(name: str) -> Any:
    """A class like Gradio's of this name that passes on the path of a file, and never opens the file itself.

    So a broken file comes to us, and gets its sentence on the page.
    """
    base = getattr(import_gradio(), name)

    def preprocess(self: Any, payload: Any) -> Any:
        return payload and payload.path

    # Not by a class statement, after which Gradio would write a .pyi file beside this one.
    return ABCMeta.__new__(type(base), name, (base,), {"preprocess": preprocess})


def picture_input(label: str, height: int | None = 180, **options: Any) -> Any:
    """An input for an uploaded, photographed or pasted picture.  Its file is read as on the command line."""
    sources = ["upload", "webcam", "clipboard"]
    return unread("Image")(
        label=label, interactive=True, sources=sources, type="filepath", image_mode=None, height=height, **options
    )


def file_input(label: str, **options: Any) -> Any:
    """An input for any uploaded file."""
    return unread("File")(label=label, interactive=True, height=120, **options)


def file_button(label: str, **options: Any) -> Any:
    """A button that uploads a file."""
    return unread("UploadButton")(label, size="sm", min_width=90, **options)


def slider(gradio: Any, condition: Condition, start: Any) -> Any:
    kind: Any = condition.kind
    if not (math.isfinite(kind.low) and math.isfinite(kind.high)):
        return text_input(gradio, condition, "")
    return gradio.Slider(kind.low, kind.high, start, label=condition.label, interactive=True)


def checkbox(gradio: Any, condition: Condition, start: Any) -> Any:
    return gradio.Checkbox(bool(start), label=condition.label, interactive=True)


def radio(gradio: Any, condition: Condition, start: Any) -> Any:
    kind: Any = condition.kind
    return gradio.Radio(list(kind.options), value=start, label=condition.label, interactive=True)


INPUTS: Mapping[type[Kind], Callable[[Any, Condition, Any], Any]] = {
    PictureFile: lambda gradio, condition, start: picture_input(condition.label, value=start),
    ClipFile: lambda gradio, condition, start: file_input(condition.label, value=start, elem_classes=condition.name),
    Number: slider,
    Switch: checkbox,
    Choice: radio,
}


def show_examples(files: Sequence[str], label: str, fit: str) -> Any:
    """Add a row of pictures to click on; ``fit`` is CSS's ``object-fit`` of each."""
    return import_gradio().Gallery(
        list(files),
        label=label,
        show_label=False,
        columns=len(files),
        height=110,
        allow_preview=False,
        interactive=False,
        object_fit=fit,
        buttons=[],
        elem_classes="examples",
    )
