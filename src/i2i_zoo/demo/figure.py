"""A stick figure whose joints are dragged, over a picture."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from i2i_zoo.errors import ZooError
from i2i_zoo.media.pose_drawing import LIMBS
from i2i_zoo.media.poses import POINTS, as_pose

from .inputs import import_gradio
from .limits import UPLOAD

#: Longer side of the picture behind a figure, in pixels.
BEHIND = 512


def show_figure(value: str, label: str) -> Any:
    """Add a figure to the open `gradio.Blocks`.

    Args:
        value: See `as_text`.
        label: What it is for people who cannot see it.
    """
    facts = {"limbs": LIMBS, "names": POINTS}
    data = " ".join(f'data-{key}="{html.escape(json.dumps(fact))}"' for key, fact in facts.items())
    return import_gradio().HTML(
        value,
        html_template=(
            f'<svg {data} role="img" aria-label="{html.escape(label)}"><image preserveAspectRatio="none"></image>'
            '<g></g></svg><div class="tools"><button type="button" class="undo" disabled>Undo</button></div>'
        ),
        js_on_load=Path(__file__).with_name("figure.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_classes="figure",
    )


def as_text(pose: Tensor, size: Sequence[int], behind: Image.Image | None = None) -> str:
    """A figure's value.

    Args:
        pose: (18, 3) in pixels.
        size: Height and width of the picture.
        behind: What shows through; None for an empty ground.
    """
    picture = ""
    if behind is not None:
        small, file = behind.convert("RGB"), BytesIO()
        small.thumbnail((BEHIND, BEHIND))
        small.save(file, "JPEG", quality=85)
        picture = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    points = [[round(number, 1) for number in point] for point in pose.tolist()]
    return json.dumps({"size": list(map(int, size)), "points": points, "picture": picture})


def pose_in(value: Any) -> tuple[Tensor, tuple[int, int]]:
    """The pose (18, 3) of a figure, and height and width of its picture.

    Raises `ZooError` for what no figure of the page sends.
    """
    try:
        if len(value) > UPLOAD:
            raise ValueError
        content = json.loads(value)
        height, width = map(int, content["size"])
        if not (0 < height < 10**5 and 0 < width < 10**5):
            raise ValueError
        return as_pose(torch.tensor(content["points"], dtype=torch.float64).reshape(len(POINTS), 3)), (height, width)
    except Exception:  # whatever is wrong with it
        raise ZooError("The pose cannot be read: load the page again.") from None
