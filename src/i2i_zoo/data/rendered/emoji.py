"""Sketches and emoji: pairs like those of pix2pix's edges2handbags, drawn from the font Noto Color Emoji (SIL OFL)."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from i2i_zoo.devices import find_device
from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import save_picture
from i2i_zoo.media.lines import thin_lines
from i2i_zoo.pretrained.hed import hed_edges
from i2i_zoo.seeds import numbered_generator
from i2i_zoo.store.archives import new_folder

#: The code points of emoji that show things, living beings and faces; signs, clocks and letters are left out.
_SHOWN = (
    range(0x1F300, 0x1F3FB),
    range(0x1F400, 0x1F4F9),
    range(0x1F525, 0x1F52D),
    range(0x1F56F, 0x1F650),
    range(0x1F680, 0x1F6AB),
    range(0x1F6CB, 0x1F7E0),
    range(0x1F90C, 0x1FB00),
)
#: The only size in pixels in which the font has bitmaps.
_FONT_SIZE = 109
_EVERY = 10  # one emoji of ten is for the test


def emoji(font: str | Path) -> dict[str, Image.Image]:
    """The emoji of a font by the hexadecimal number of their character: RGBA pictures, cropped to what is drawn.

    Args:
        font: ``NotoColorEmoji.ttf``.

    Raises:
        ZooError: If the file is no font with coloured bitmaps of 109 pixels.
    """
    try:
        face = ImageFont.truetype(str(font), _FONT_SIZE)
    except OSError as error:
        raise ZooError(f"{font}: no emoji can be read here ({error}); give the file NotoColorEmoji.ttf.") from error
    found = {}
    for number in chain(*_SHOWN):
        canvas = Image.new("RGBA", (2 * _FONT_SIZE, 2 * _FONT_SIZE))
        ImageDraw.Draw(canvas).text((20, 20), chr(number), font=face, embedded_color=True)
        if (box := canvas.getbbox()) is not None:  # the font draws nothing for other characters
            found[f"{number:x}"] = canvas.crop(box)
    return found


def place(picture: Image.Image, size: int, random: torch.Generator) -> Image.Image:
    """An emoji (RGBA) on a white square, turned by up to 15 degrees and scaled to 75 to 95 % of it; RGB."""
    turn, scale, left, top = torch.rand(4, generator=random).tolist()
    turned = picture.rotate(30 * turn - 15, Image.Resampling.BICUBIC, expand=True)
    turned = turned.crop(turned.getbbox())
    longest = (0.75 + 0.2 * scale) * size
    factor = longest / max(turned.size)
    width, height = (max(1, round(factor * length)) for length in turned.size)
    square = Image.new("RGB", (size, size), "white")
    turned = turned.resize((width, height), Image.Resampling.LANCZOS)
    square.paste(turned, (round(left * (size - width)), round(top * (size - height))), turned)
    return square


def sketch(picture: Tensor, random: torch.Generator, hed: bool = False) -> Tensor:
    """A drawing (1, H/2, W/2) of a picture (3, H, W), both in [0, 1]: dark lines on white, as if drawn by hand.

    Lines run where a colour changes or, with ``hed``, where HED finds an edge, as in pix2pix's own sketches.  How weak
    a change still makes a line, how thick lines are and how much they waver is drawn for each sketch, and in every
    second one some lines are interrupted.
    """
    weakest, thickness, waver, gaps = torch.rand(4, generator=random).tolist()
    size = picture.shape[-2:]
    threshold = 0.1 + 0.25 * weakest
    lines = hed_lines(picture, threshold) if hed else crests(picture) > threshold
    ink = lines.float()[None, None]
    ink = F.max_pool2d(ink, 3, 1, 1)
    if thickness > 0.5:
        ink = F.max_pool2d(ink, 3, 1, 1)
    if gaps > 0.5:
        ink = ink * (smooth_noise(1, size, 12, random) > -1.5)
    grid = F.affine_grid(torch.eye(2, 3)[None], [1, 1, *size], align_corners=False)
    wavering = grid + 0.02 * waver * smooth_noise(2, size, 7, random).movedim(1, -1)
    return 1 - F.avg_pool2d(F.grid_sample(ink, wavering, align_corners=False), 2)[0]


def hed_lines(picture: Tensor, threshold: float) -> Tensor:
    """HED's edges in a picture (3, H, W) in [0, 1], found at half the size, which is faster: booleans (H, W)."""
    small = F.avg_pool2d(picture[None], 2)[0]
    strength = hed_edges(2 * small - 1, find_device())[None, None]
    return thin_lines(F.interpolate(strength, scale_factor=2, mode="bilinear")[0, 0], threshold, smallest=10)


def crests(picture: Tensor) -> Tensor:
    """How strongly the colour of a picture (3, H, W) changes, (H, W), where it changes most, and 0 beside it.

    That is Sobel's gradient of the colour that changes most, kept where both neighbours along it are smaller.
    """
    kernel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 4
    padded = F.pad(picture[:, None], (1, 1, 1, 1), mode="replicate")
    gradients = F.conv2d(padded, torch.stack([kernel, kernel.T])[:, None])
    strength, colour = gradients.norm(dim=1).max(0)
    across, down = gradients.gather(0, colour[None, None].expand(1, 2, -1, -1))[0]
    # The direction to the nearest of the eight neighbours; opposite directions are the same.
    direction = (torch.atan2(down, across) / (math.pi / 4)).round().long() % 4
    around = F.pad(strength[None, None], (1, 1, 1, 1))[0, 0]
    height, width = strength.shape
    kept = torch.zeros_like(strength)
    for number, (dy, dx) in enumerate([(0, 1), (1, 1), (1, 0), (1, -1)]):
        ahead = around[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        behind = around[1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width]
        kept += strength * ((direction == number) & (strength >= ahead) & (strength > behind))
    return kept


def smooth_noise(channels: int, size: tuple[int, int] | torch.Size, cells: int, random: torch.Generator) -> Tensor:
    """(1, channels, H, W), near N(0, 1), that changes slowly: ``cells`` random values across, interpolated."""
    values = torch.randn(1, channels, cells, cells, generator=random)
    return F.interpolate(values, tuple(size), mode="bicubic", align_corners=True)


def draw_pair(picture: Image.Image, size: int, random: torch.Generator, hed: bool = False) -> Image.Image:
    """A sketch of an emoji (RGBA) and the emoji, placed alike, side by side: RGB, ``2 * size`` by ``size`` pixels."""
    large = place(picture, 2 * size, random)
    lines = sketch(torch.from_numpy(np.array(large)).movedim(-1, 0) / 255, random, hed)
    pair = Image.new("RGB", (2 * size, size))
    pair.paste(Image.fromarray((255 * lines[0]).round().byte().numpy()), (0, 0))
    pair.paste(large.resize((size, size), Image.Resampling.LANCZOS), (size, 0))
    return pair


def write_pairs(
    pictures: Mapping[str, Image.Image],
    root: str | Path,
    size: int = 128,
    sketches: int = 4,
    hed: int = 1,
    seed: int = 0,
) -> None:
    """Write ``root/{train,test}/<name>-<number>.png``: the sketch on the left, the emoji on the right.

    Every tenth emoji is for the test, with one sketch.  The same arguments write the same pictures.

    Args:
        pictures: Name to emoji (RGBA), as from `emoji`.
        root: Folder to make, which appears when it is complete; `PairedData` reads it.
        size: Length of a side of each of the two pictures, in pixels.
        sketches: How often an emoji is placed and drawn for training.
        hed: How many of these sketches have HED's edges.
        seed: Seed of places and sketches.

    Raises:
        MissingWeights: If HED is asked for and its weights are not here.
        ZooError: If the folder exists or cannot be written.
    """
    with new_folder(Path(root)) as folder:
        for index, (name, picture) in enumerate(tqdm(pictures.items(), desc="emoji", disable=None)):
            test = index % _EVERY == 0
            for number in range(1 if test else sketches):
                random = numbered_generator(seed, number, index)
                pair = draw_pair(picture, size, random, hed=number >= sketches - hed)
                save_picture(pair, folder / ("test" if test else "train") / f"{name}-{number}.png")


if __name__ == "__main__":  # python -m i2i_zoo.data.rendered.emoji NotoColorEmoji.ttf data/emoji
    write_pairs(emoji(sys.argv[1]), sys.argv[2])
