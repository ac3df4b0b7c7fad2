"""The inputs on the page for the model's conditions."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from PIL import Image

from i2i_zoo.errors import ZooError, install
from i2i_zoo.media.clips import save_clip
from i2i_zoo.methods.base import Method
from i2i_zoo.tasks.conditions import Condition
from i2i_zoo.tasks.kinds import Choice, Kind, Number, PictureFile, Switch
from i2i_zoo.tasks.pose_kind import PoseSource
from i2i_zoo.tasks.preprocess import Preprocess


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
    """A model, one of its directions, and the conditions that a visitor of the page may choose."""

    model: Method
    direction: str = ""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions that are inputs on the page."""
        return tuple(condition for condition in self.model.conditions if condition.label)

    @property
    def preprocess(self) -> Preprocess:
        return self.model.preprocess_for(self.direction)

    def chosen(self, values: Sequence[Any]) -> dict[str, Any]:
        """Names of conditions to the values of their inputs, without empty ones.

        Raises `ZooError` for an invalid text and for an empty input of a required condition.
        """
        chosen = {"direction": self.direction} if self.direction else dict[str, Any]()
        for condition, value in zip(self.conditions, values, strict=True):
            if isinstance(condition.kind, PoseSource) and value is not None:
                value = next(iter(value["files"]), None) or value["text"].strip() or None
            elif isinstance(value, str) and not isinstance(condition.kind, (PictureFile, Choice)):
                value = condition.parse(value.split()) if value.strip() else None
            if value is None and condition.required:
                raise ZooError(f"{condition.label}: there is none yet; {condition.kind.wanted} is needed.")
            if value is not None:
                chosen[condition.name] = value
        return chosen

    def translate(self, picture: Any, values: Sequence[Any]) -> Image.Image | str:
        """The translation of a picture; for a clip, an animated file of it.

        Raises `ZooError` if there is no picture, and as ``Task.translate``.
        """
        if picture is None:
            raise ZooError("There is no picture yet: upload, photograph or draw one.")
        return picture_or_file(self.model.translate(picture, **self.chosen(values)))

    def sample(self, count: float, seed: str, values: Sequence[Any]) -> list[Image.Image | str]:
        """Pictures, or animated files of clips, from a seed, by default a new one.

        Raises `ZooError` as ``Task.sample``.
        """
        if seed.strip() and not seed.strip().isdecimal():
            raise ZooError(f"seed={seed!r}: give a whole number of at most 18 digits.")
        number = int(seed) if seed.strip() else None
        return [picture_or_file(made) for made in self.model.sample(int(count), seed=number, **self.chosen(values))]


def picture_or_file(result: Image.Image | list[Image.Image]) -> Image.Image | str:
    """A picture as it is; for a clip, an animated file of it."""
    if isinstance(result, Image.Image):
        return result
    file = Path(mkdtemp(), "clip.webp")
    save_clip(result, file)
    return str(file)


def show_inputs(choices: Choices) -> list[Any]:
    """Add an input for each condition to the open `gradio.Blocks`."""
    return [input_for(condition) for condition in choices.conditions]


def input_for(condition: Condition) -> Any:
    """The input for a condition: see `INPUTS`; for other kinds a line of text."""
    gradio = import_gradio()
    for kind, make in INPUTS.items():
        if isinstance(condition.kind, kind):
            return make(gradio, condition)
    # Text also for numbers, because an empty number field would be 0.
    hint = condition.kind.wanted if condition.default is None else f"by default {condition.default}"
    return gradio.Textbox(label=condition.label, placeholder=hint, interactive=True)


def picture_input(gradio: Any, label: str, height: int = 180) -> Any:
    """An input for an uploaded, photographed or pasted picture.  Its file is read as on the command line."""
    sources = ["upload", "webcam", "clipboard"]
    return gradio.Image(label=label, interactive=True, sources=sources, type="filepath", image_mode=None, height=height)


def pose_input(gradio: Any, condition: Condition) -> Any:
    """A line for the name of a pose, to which a file may be attached in its place."""
    return gradio.MultimodalTextbox(
        label=condition.label,
        placeholder=f"attach {condition.kind.wanted}",
        file_types=[".json", ".csv", ".npy", "image"],
        sources=["upload"],
        submit_btn=False,
        max_plain_text_length=1000,
        interactive=True,
    )


def slider(gradio: Any, condition: Condition) -> Any:
    kind: Any = condition.kind
    return gradio.Slider(kind.low, kind.high, condition.default, label=condition.label, interactive=True)


def checkbox(gradio: Any, condition: Condition) -> Any:
    return gradio.Checkbox(bool(condition.default), label=condition.label, interactive=True)


def radio(gradio: Any, condition: Condition) -> Any:
    kind: Any = condition.kind
    return gradio.Radio(list(kind.options), value=condition.default, label=condition.label, interactive=True)


INPUTS: Mapping[type[Kind], Callable[[Any, Condition], Any]] = {
    PoseSource: pose_input,
    PictureFile: lambda gradio, condition: picture_input(gradio, condition.label),
    Number: slider,
    Switch: checkbox,
    Choice: radio,
}
