"""Style pictures drawn by a program, free of anyone's rights, for examples and training."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import save_picture

#: Colours of strokes, from the ground up to the lights.
_NIGHT = np.array([(16, 27, 66), (24, 52, 112), (38, 92, 158), (86, 150, 190), (190, 205, 160), (244, 204, 72)])
#: Colours of glass.
_GLASS = np.array([(178, 34, 52), (224, 122, 36), (240, 196, 64), (46, 125, 90), (32, 88, 160), (96, 52, 124)])


def draw_style(name: str, size: int = 512, seed: int = 0) -> Image.Image:
    """A square picture; the same seed draws the same picture.

    Args:
        name: ``strokes``, short thick ones that swirl as on a night sky; or ``glass``, panes of many colours in lead.
        size: Length of a side, in pixels.
        seed: Seed of all that is random.

    Raises:
        ZooError: If no style has this name.
    """
    if name not in STYLES:
        raise ZooError(f"No style is called {name!r}: choose from {', '.join(STYLES)}.")
    # Drawn large, so that edges are smooth.
    return STYLES[name](2 * size, np.random.default_rng(seed)).resize((size, size), Image.Resampling.LANCZOS)


def strokes(size: int, rng: np.random.Generator) -> Image.Image:
    """Strokes along the lines of a flow that turns around a few centres, lighter towards them."""
    picture = Image.new("RGB", (size, size), tuple(_NIGHT[0]))
    draw = ImageDraw.Draw(picture)
    centres, turns = rng.uniform(0, size, (7, 2)), rng.choice([-1.0, 1.0], 7)
    count = 9000
    for number, start in enumerate(rng.uniform(-0.05, 1.05, (count, 2)) * size):
        points = [start]
        for _ in range(7):
            offsets = points[-1] - centres
            distances = np.hypot(*offsets.T) / size
            pull = turns * np.exp(-((distances / 0.16) ** 2))
            flow = (pull[:, None] * np.stack([-offsets[:, 1], offsets[:, 0]], 1) / (size * distances[:, None])).sum(0)
            flow = flow + np.array([0.35, 0.1])
            points.append(points[-1] + 0.006 * size * flow / np.hypot(*flow))
        light = np.exp(-((distances.min() / 0.09) ** 2)) * 5 + rng.normal(1.3, 0.8)
        colour = _NIGHT[int(np.clip(light, 0, 5))] + rng.normal(0, 12, 3)
        thick = int(size * 0.011 * (1.5 - number / count))  # broad ones first
        draw.line([tuple(p) for p in points], tuple(np.clip(colour, 0, 255).astype(int)), thick, joint="curve")
    return picture


def glass(size: int, rng: np.random.Generator) -> Image.Image:
    """The cells around points of a shaken grid, each of one colour with a little grain, and dark lines between them."""
    across = 11
    steps = (np.arange(-1, across + 1) + 0.5) * size / across
    points = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    points = points + rng.uniform(-0.42, 0.42, points.shape) * size / across
    colours = _GLASS[rng.integers(0, len(_GLASS), len(points))] + rng.normal(0, 14, (len(points), 3))
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    first = second = np.full((size, size), np.inf, np.float32)
    panes = np.zeros((size, size), int)
    for number, (x, y) in enumerate(points):
        distance = np.hypot(columns - np.float32(x), rows - np.float32(y))
        panes[distance < first] = number
        second = np.minimum(second, np.maximum(first, distance))
        first = np.minimum(first, distance)
    light = 1.12 - 4 * first / size + rng.normal(0, 0.03, (size, size))
    picture = np.where((second - first < 0.011 * size)[..., None], (22, 20, 24), colours[panes] * light[..., None])
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


STYLES = {"strokes": strokes, "glass": glass}


if __name__ == "__main__":  # python -m i2i_zoo.data.rendered.styles data/styles
    for style in STYLES:
        save_picture(draw_style(style), Path(sys.argv[1]) / f"{style}.png")
