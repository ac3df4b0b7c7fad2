"""What each normalisation layer does, measured at the layers themselves: a figure and a table.

A batch of three pictures goes through each: a street, the same with low contrast, and another at sunset.  They have
four channels, red, green, blue and blue again, so that two groups of channels exist.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.media.files import save_picture
from i2i_zoo.media.labels import colour_labels, palette_colours
from i2i_zoo.media.pictures import read_picture, to_pil

from .data.rendered.streets import render_scene
from .networks.normalization import (
    SPADE,
    AdaIN,
    BatchNorm2d,
    ConditionalNorm,
    GroupNorm,
    InstanceNorm2d,
    LayerNorm,
    Normalization,
)

#: Height and width of the pictures, and of the activations at which layers are measured.
PICTURE, CELLS = (156, 208), (6, 8)
CHANNELS = [0, 1, 2, 2]
#: The element whose companions are drawn: picture, channel, row, column.
ELEMENT = (0, 1, 2, 3)

SUNSET, NIGHT, SNOW = (1.2, 0.8, 0.5), (0.3, 0.4, 0.8), (1.25, 1.3, 1.4)


@dataclass(frozen=True)
class Example:
    """A layer, and how the figure shows it.

    Args:
        title: Its name.
        notes: What to see, in lines.
        layer: On four channels.
        condition: Of the batch of three pictures.
        gain: From what the layer gives to colours in [-1, 1].
        insets: Pictures or words that show the condition of each picture.
    """

    title: str
    notes: Sequence[str]
    layer: Normalization
    condition: Tensor | None = None
    gain: float = 0.45
    insets: Sequence[Image.Image | str] = ()


def scene(seed: int, light: Sequence[float] = (1, 1, 1)) -> Tensor:
    """A street in a light of this colour: (4, H, W) in [-1, 1]."""
    photo = render_scene(seed, (2 * PICTURE[0], 2 * PICTURE[1]))[1] * np.asarray(light)
    picture = read_picture(photo.clip(0, 255).astype(np.uint8))
    return F.avg_pool2d(picture, 2)[CHANNELS]  # less grain than at half the size


def batch() -> Tensor:
    """The three pictures, (3, 4, H, W)."""
    street = scene(13)
    return torch.stack([street, 0.3 * street + 0.15, scene(4, SUNSET)])


def examples() -> list[Example]:
    """All layers, ready for `batch`."""
    running = BatchNorm2d(4, inference="running")
    running.momentum = None  # the mean of all batches
    for seed in range(100, 108):
        running(scene(seed)[None])
    labels = np.stack([render_scene(seed, PICTURE)[0] for seed in (13, 13, 4)])
    styles = torch.stack([scene(21, SUNSET), scene(21, NIGHT), scene(21, SNOW)])
    spade = SPADE(4, 12, hidden=12)
    classes = ConditionalNorm(4, 2)
    with torch.no_grad():  # as training could leave them
        for parameter in spade.parameters():
            parameter.zero_()
        spade.shared.weight[:, :, 1, 1] = torch.eye(12)
        colours = torch.from_numpy(palette_colours("camvid")[:12, CHANNELS]) / 127.5 - 1
        spade.modulation.weight[4:, :, 1, 1] = 0.9 * colours.T
        classes.scale[1] = 0.6
        classes.shift.copy_(torch.tensor([[0.8, 0.2, -0.8, -0.9], [-0.7, -0.1, 0.7, 0.9]]))
    return [
        Example("Batch", ["One picture's result", "depends on the others"], BatchNorm2d(4)),
        Example("Batch, eval", ["Running statistics; a low", "contrast stays low"], running.eval()),
        Example("Layer", ["Contrast is removed,", "the colour cast stays"], LayerNorm(4)),
        Example("Instance", ["Contrast and colour", "cast are removed"], InstanceNorm2d(4)),
        Example("Group", ["Red with green, blue", "by itself"], GroupNorm(4, 2)),
        Example(
            "AdaIN",
            ["Scale and shift from", "a style picture"],
            AdaIN(),
            styles,
            gain=1,
            insets=[to_pil(style[:3]) for style in styles],
        ),
        Example(
            "SPADE",
            ["Batch, then scale and shift", "from a segmentation"],
            spade,
            F.one_hot(torch.from_numpy(labels).long(), 12).movedim(-1, 1).float(),
            insets=[Image.fromarray(colour_labels(ids, "camvid")) for ids in labels],
        ),
        Example(
            "Conditional batch",
            ["Batch, then scale and shift", "from a class"],
            classes,
            torch.tensor([0, 1, 0]),
            insets=["class 0", "class 1", "class 0"],
        ),
    ]


def in_double(layer: Normalization, x: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
    """x as a leaf, and what a copy of the layer gives for it, in float64, where no gradient vanishes by rounding."""
    x = x.detach().double().requires_grad_()
    condition = condition.double() if condition is not None and condition.is_floating_point() else condition
    return x, copy.deepcopy(layer).double()(x, condition)


def statistics_set(x: Tensor, y: Tensor, element: Sequence[int]) -> Tensor:
    """Which elements of x this element of y depends on: (N, C, H, W), those of nonzero gradient.

    Args:
        x: Of `in_double`.
        y: Likewise.
        element: Picture, channel, row, column.
    """
    (gradient,) = torch.autograd.grad(y[tuple(element)], x, retain_graph=True)
    return gradient != 0


def statistics_sets(layer: Normalization, x: Tensor, condition: Tensor | None) -> Tensor:
    """The number of the set of each element: (N, C, H, W)."""
    sets = torch.full(x.shape, -1)
    x, y = in_double(layer, x, condition)
    while (left := (sets < 0).nonzero()).numel():
        sets[statistics_set(x, y, left[0].tolist())] = sets.max() + 1
    return sets


def shifts(layer: Normalization, x: Tensor, condition: Tensor | None) -> Tensor:
    """The shift of each element: (N, C, H, W).  Parameters that a layer has by channel are drawn at random before.

    A norm is odd: what is the same for x and -x is the shift.
    """
    layer = copy.deepcopy(layer)
    generator = torch.Generator().manual_seed(0)
    if isinstance(bias := getattr(layer, "bias", None), nn.Parameter):
        nn.init.normal_(bias, generator=generator)
    with torch.no_grad():
        shift: Tensor = (layer(x, condition) + layer(-x, condition)) / 2
    return shift


def small(x: Tensor) -> Tensor:
    """The batch as the activation that is measured."""
    return F.adaptive_avg_pool2d(x, CELLS)


def table(rows: Sequence[Example], x: Tensor) -> str:
    """Axes, measured sets, and mean and deviation of the result in each set, for every layer."""
    lines = [("LAYER", "AXES", "SETS", "ELEMENTS", "SHIFTS", "MEAN IN A SET", "DEVIATION IN A SET")]
    x = small(x)
    for row in rows:
        sets = statistics_sets(row.layer, x, row.condition).flatten()
        count = int(sets.max()) + 1
        with torch.no_grad():
            y = copy.deepcopy(row.layer)(x, row.condition).flatten()
        groups = [y[sets == n] for n in range(count)]
        means = [float(group.mean()) for group in groups]
        deviations = [float(group.std(correction=0)) for group in groups]
        values = len(torch.unique(shifts(row.layer, x, row.condition).mul(1e4).round()))
        lines.append(
            (
                row.title,
                row.layer.axes or "none",
                str(count),
                str(len(sets) // count),
                str(values),
                f"{min(means):5.2f} to {max(means):5.2f}",
                f"{min(deviations):4.2f} to {max(deviations):4.2f}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


INK, GREY, SHARED, CHOSEN = (28, 32, 40), (104, 110, 120), (240, 146, 48), (150, 24, 24)
EMPTY, RULE = (226, 229, 234), (205, 209, 216)
#: Of shifts, from the smallest to the largest.
COLOURS = np.array([(38, 56, 120), (34, 136, 150), (138, 190, 96), (246, 192, 70), (204, 62, 52)])

#: Pixels: side of a cell, space between blocks, and the left edges of the columns of the figure.
CELL, GAP = 8, 8
TEXT, SETS, SHIFTS, PICTURES = 32, 400, 740, 1050
ROW, HEAD, WIDTH = PICTURE[0] + 28, 96, PICTURES + 3 * (PICTURE[1] + 12) + 20


def set_colours(layer: Normalization, x: Tensor, condition: Tensor | None) -> np.ndarray:
    """(N, C, H, W, 3) uint8: `ELEMENT`, and those with which it shares its statistics."""
    members = statistics_set(*in_double(layer, x, condition), ELEMENT).numpy()
    colours = np.where(members[..., None], SHARED, EMPTY)
    colours[ELEMENT] = CHOSEN
    return colours.astype(np.uint8)


def shift_colours(layer: Normalization, x: Tensor, condition: Tensor | None) -> np.ndarray:
    """(N, C, H, W, 3) uint8: a colour for each value of the shift, in their order; grey if there is but one."""
    values, where = np.unique(shifts(layer, x, condition).numpy().round(4), return_inverse=True)
    if len(values) == 1:
        return np.full((*x.shape, 3), EMPTY, np.uint8)
    places = np.linspace(0, len(COLOURS) - 1, len(values))
    ramp = np.stack([np.interp(places, range(len(COLOURS)), channel) for channel in COLOURS.T], 1)
    return ramp.astype(np.uint8)[where.reshape(x.shape)]


def draw_blocks(canvas: Image.Image, colours: np.ndarray, left: int, top: int) -> None:
    """(N, C, H, W, 3) as N rows and C columns of H x W cells."""
    draw = ImageDraw.Draw(canvas)
    height, width = (length * CELL + GAP for length in colours.shape[2:4])
    for (n, c, y, x), _ in np.ndenumerate(colours[..., 0]):
        corner = left + c * width + x * CELL, top + n * height + y * CELL
        draw.rectangle((*corner, corner[0] + CELL - 2, corner[1] + CELL - 2), tuple(colours[n, c, y, x].tolist()))


def figure(rows: Sequence[Example], x: Tensor) -> Image.Image:
    """A row for each layer: the elements that share statistics, their shifts, and the pictures behind it."""
    canvas = Image.new("RGB", (WIDTH, HEAD + (len(rows) + 1) * ROW + 12), "white")
    draw = ImageDraw.Draw(canvas)
    big, middle, little = (ImageFont.load_default(size) for size in (32, 23, 20))

    def pictures(batch: Tensor, top: int, insets: Sequence[Image.Image | str] = ()) -> None:
        for n, picture in enumerate(batch):
            left = PICTURES + n * (PICTURE[1] + 12)
            canvas.paste(to_pil(picture[:3]), (left, top))
            inset = insets[n] if insets else None
            if isinstance(inset, Image.Image):
                thumb = inset.resize((68, 51), Image.Resampling.LANCZOS)
                draw.rectangle((left, top + PICTURE[0] - 54, left + 70, top + PICTURE[0] - 1), "white")
                canvas.paste(thumb, (left, top + PICTURE[0] - 51))
            elif inset:
                draw.rectangle((left, top + PICTURE[0] - 32, left + 82, top + PICTURE[0] - 1), "white")
                draw.text((left + 2, top + PICTURE[0] - 28), inset, INK, little)

    def lines(texts: Sequence[str], left: int, top: int, colour: tuple[int, int, int] = GREY) -> None:
        for n, text in enumerate(texts):
            draw.text((left, top + 29 * n), text, colour, middle)

    draw.text((TEXT, 24), "What a normalisation layer does, measured", INK, ImageFont.load_default(40))
    for left, text in zip(range(PICTURES, WIDTH, PICTURE[1] + 12), ("street", "low contrast", "sunset"), strict=False):
        draw.text((left, 56), text, INK, middle)
    lines(
        ["A batch of N = 3 pictures", "in C = 4 channels: a row for", "each picture, a column for", "each channel"],
        TEXT,
        HEAD,
    )
    lines(["What shares its mean", "and variance with", "the dark element"], SETS, HEAD)
    lines(["Same colour, same shift;", "grey: none"], SHIFTS, HEAD)
    for left in (SETS, SHIFTS):
        for n, letter in enumerate("RGBB"):
            draw.text((left + n * (CELLS[1] * CELL + GAP) + 24, HEAD + ROW - 46), letter, INK, middle)
    pictures(x, HEAD)
    for number, row in enumerate(rows, 1):
        top = HEAD + number * ROW
        draw.line((TEXT, top - 15, WIDTH - TEXT, top - 15), RULE, 2)
        draw.text((TEXT, top - 4), row.title, INK, big)
        lines([f"over {row.layer.axes}" if row.layer.axes else "over nothing: constants"], TEXT, top + 40, CHOSEN)
        lines(row.notes, TEXT, top + 76)
        draw_blocks(canvas, set_colours(row.layer, small(x), row.condition), SETS, top)
        draw_blocks(canvas, shift_colours(row.layer, small(x), row.condition), SHIFTS, top)
        with torch.no_grad():
            pictures(copy.deepcopy(row.layer)(x, row.condition) * row.gain, top, row.insets)
    return canvas


def demonstrate(folder: Path) -> tuple[str, Path]:
    """Write ``normalization.png`` into the folder; returns `table` and the file."""
    rows, x = examples(), batch()
    path = folder / "normalization.png"
    # 256 colours make a file of a quarter of the size.
    save_picture(figure(rows, x).quantize(256, dither=Image.Dither.NONE), path)
    return table(rows, x), path
