"""Draws the pictures of docs/gallery.md: for each bundled checkpoint its example and what it makes of it.

``python docs/gallery.py [NAME ...]``, from the top of the repository.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from i2i_zoo import list_models
from i2i_zoo.callbacks.samples import grid
from i2i_zoo.cli.main import main
from i2i_zoo.examples import example
from i2i_zoo.media.clips import open_clip
from i2i_zoo.media.files import save_picture
from i2i_zoo.media.pictures import read_picture, to_pil, to_uint8
from i2i_zoo.media.pose_drawing import stick_figure
from i2i_zoo.media.pose_files import read_poses
from i2i_zoo.registry import ENTRIES, METHODS
from i2i_zoo.store.card import gallery_picture

FOLDER = Path(__file__).parent / "gallery"
#: The height in pixels of most examples; those of people are lower.
HEIGHT = 256


def run(*arguments: str) -> None:
    """Run a command of i2i-zoo; the program ends where it fails."""
    if main(list(arguments)):
        raise SystemExit(1)


def picture(name: str, folder: Path) -> Image.Image:
    """Input and output of a checkpoint beside each other; between them the pose, if there is one."""
    run("translate", name, "-o", str(folder), "--overwrite")
    pose = example(name, "pose")
    if pose is None:
        return Image.open(folder / f"{name}-beside.png")
    source, result = (read_picture(path) for path in (example(name), folder / f"{name}.png"))
    figure = stick_figure(read_poses(pose).fitted(source.shape[-2:])[:1], source.shape[-2:])[0]
    save_picture(grid([[to_uint8(shown) for shown in (source, figure, result)]]), folder / "beside.png")
    return Image.open(folder / "beside.png")


def samples(name: str, folder: Path) -> Image.Image:
    """The sheet of eight samples of a checkpoint."""
    run("sample", name, "-n", "8", "--seed", "0", "-o", str(folder))
    return Image.open(folder / "0-sheet.png")


def clips(name: str, folder: Path) -> Iterator[Image.Image]:
    """The frames of eight clips from noise, in two rows."""
    run("sample", name, "-n", "8", "--seed", "0", "-o", str(folder))
    made = [list(open_clip(path)) for path in sorted(folder.glob("*.webp"))]
    for frames in zip(*made, strict=True):
        arrays = [np.asarray(frame.convert("RGB")) for frame in frames]
        rows = [np.hstack(arrays[:4]), np.hstack(arrays[4:])]
        yield Image.fromarray(np.vstack(rows)).resize((2 * HEIGHT, HEIGHT), Image.Resampling.LANCZOS)


def clip(name: str, folder: Path) -> Iterator[Image.Image]:
    """The frames of a checkpoint's example, or its poses, beside those that it makes of it."""
    run("translate", name, "-o", str(folder), "--overwrite")
    source, made = example(name, "driving") or example(name), list(open_clip(next(folder.glob(f"{name}.*"))))
    if source.suffix == ".json":
        size = made[0].size[::-1]
        shown = map(to_pil, stick_figure(read_poses(source).fitted(size), size))
    else:
        shown = open_clip(source)
    for before, after in zip(shown, made, strict=True):
        height = HEIGHT // 2
        frames = [frame.resize((round(frame.width * height / frame.height), height)) for frame in (before, after)]
        yield Image.fromarray(np.hstack([np.asarray(frame.convert("RGB")) for frame in frames]))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or list_models(bundled=True):
        entry = ENTRIES[name]
        use, file = METHODS[entry.method].use, FOLDER / Path(gallery_picture(entry)[1]).name
        with TemporaryDirectory() as folder:
            if use.clip:
                first, *others = (clip if use.source else clips)(name, Path(folder))
                first.save(file, save_all=True, append_images=others, duration=80, loop=0, quality=80)
                continue
            drawn = (picture if use.source else samples)(name, Path(folder)).convert("RGB")
        size = (round(drawn.width * HEIGHT / drawn.height), HEIGHT)
        small = drawn.height < HEIGHT / 2
        drawn.resize(size, Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS).save(file, quality=88)
