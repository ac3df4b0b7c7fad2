"""The inputs on the page for what may be chosen: made from the model's conditions."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from i2i_zoo.errors import ZooError
from i2i_zoo.methods.base import Method
from i2i_zoo.tasks.conditions import Condition
from i2i_zoo.tasks.kinds import Choice, Kind, Number, PictureFile, Switch
from i2i_zoo.tasks.preprocess import Preprocess


def import_gradio() -> Any:
    """Gradio, without its telemetry.  Raises `ZooError` if it is not installed."""
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False")
    try:
        import gradio
    except ImportError:
        raise ZooError('The page needs Gradio: pip install "i2i-zoo[demo]".') from None
    return gradio


@dataclass(frozen=True)
class Choices:
    """A model, one of its directions, and what a visitor of the page may choose for it."""

    model: Method
    direction: str = ""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Those that are inputs on the page."""
        return tuple(condition for condition in self.model.conditions if condition.label)

    @property
    def preprocess(self) -> Preprocess:
        return self.model.preprocess_for(self.direction)

    def chosen(self, values: Sequence[Any]) -> dict[str, Any]:
        """Names of conditions to what is in their inputs, without those that are empty.

        Raises `ZooError` for text that is no value, and where an input must not be empty.
        """
        chosen = {"direction": self.direction} if self.direction else dict[str, Any]()
        for condition, value in zip(self.conditions, values, strict=True):
            if isinstance(value, str) and not isinstance(condition.kind, (PictureFile, Choice)):
                value = condition.parse(value.split()) if value.strip() else None
            if value is None and condition.required:
                raise ZooError(f"{condition.label}: there is none yet; {condition.kind.wanted} is needed.")
            if value is not None:
                chosen[condition.name] = value
        return chosen

    def translate(self, picture: Any, values: Sequence[Any]) -> Image.Image:
        """The translation of a picture.

        Raises `ZooError` if there is none, and as ``translate``.
        """
        if picture is None:
            raise ZooError("There is no picture yet: upload, photograph or draw one.")
        translation: Image.Image = self.model.translate(picture, **self.chosen(values))
        return translation

    def sample(self, count: float, seed: str, values: Sequence[Any]) -> list[Image.Image]:
        """So many pictures of a seed, by default of a new one.  Raises `ZooError` as ``sample``."""
        if seed.strip() and not seed.strip().isdecimal():
            raise ZooError(f"seed={seed!r}: give a whole number of at most 18 digits.")
        number = int(seed) if seed.strip() else None
        return self.model.sample(int(count), seed=number, **self.chosen(values))


def show_inputs(choices: Choices) -> list[Any]:
    """An input for each condition, in the `gradio.Blocks` that is open."""
    return [input_for(condition) for condition in choices.conditions]


def input_for(condition: Condition) -> Any:
    """The input for a condition: of the kinds that `INPUTS` does not name, a line of text."""
    gradio = import_gradio()
    for kind, make in INPUTS.items():
        if isinstance(condition.kind, kind):
            return make(gradio, condition)
    # Text for numbers too, since a number field that is left empty would be 0.
    hint = condition.kind.wanted if condition.default is None else f"by default {condition.default}"
    return gradio.Textbox(label=condition.label, placeholder=hint, interactive=True)


def picture_input(gradio: Any, label: str, height: int = 180) -> Any:
    """A picture that is uploaded, photographed or pasted, as its file, so that it is read as on the command line."""
    sources = ["upload", "webcam", "clipboard"]
    return gradio.Image(label=label, interactive=True, sources=sources, type="filepath", image_mode=None, height=height)


def slider(gradio: Any, condition: Condition) -> Any:
    kind: Any = condition.kind
    return gradio.Slider(kind.low, kind.high, condition.default, label=condition.label, interactive=True)


def checkbox(gradio: Any, condition: Condition) -> Any:
    return gradio.Checkbox(bool(condition.default), label=condition.label, interactive=True)


def radio(gradio: Any, condition: Condition) -> Any:
    kind: Any = condition.kind
    return gradio.Radio(list(kind.options), value=condition.default, label=condition.label, interactive=True)


INPUTS: Mapping[type[Kind], Callable[[Any, Condition], Any]] = {
    PictureFile: lambda gradio, condition: picture_input(gradio, condition.label),
    Number: slider,
    Switch: checkbox,
    Choice: radio,
}
