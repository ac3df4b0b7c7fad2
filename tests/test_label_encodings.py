"""One label map in every encoding, translated from the command line and from Python: the same pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

import i2i_zoo
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.media.labels import palette_colours
from i2i_zoo.methods.base import Method
from i2i_zoo.methods.pix2pix import Pix2Pix
from i2i_zoo.methods.spade import SPADE

COLOURS = palette_colours("camvid")
#: All 12 labels, each in several places.
IDS = np.random.default_rng(0).integers(0, 12, (8, 16)).repeat(8, 0).repeat(8, 1).astype(np.uint8)


def indexed(ids: np.ndarray, colours: np.ndarray) -> Image.Image:
    picture = Image.fromarray(ids)
    picture.putpalette(colours.astype(np.uint8).tobytes())
    return picture


def opaque(picture: Image.Image) -> Image.Image:
    picture.putalpha(255)
    return picture


def write_picture(make: Callable[[], Image.Image], file: Path, **options: Any) -> None:
    make().save(file, **options)


def write_array(array: np.ndarray, file: Path) -> None:
    np.save(file, array)


def write_tiff(array: np.ndarray, file: Path) -> None:
    tifffile.imwrite(file, array)


def grey() -> Image.Image:
    return Image.fromarray(IDS)


def coloured() -> Image.Image:
    return Image.fromarray(COLOURS[IDS])


#: File name to what writes the label map there.
ENCODINGS: dict[str, Callable[[Path], None]] = {
    "grey.png": partial(write_picture, grey),
    "grey-alpha.png": partial(write_picture, lambda: opaque(grey())),
    "grey-16-bit.png": partial(write_picture, lambda: Image.fromarray(IDS.astype(np.uint16))),
    "indexed-other-colours.png": partial(write_picture, lambda: indexed(IDS, 255 - 7 * np.arange(36).reshape(12, 3))),
    "indexed-own-colours.png": partial(write_picture, lambda: indexed(IDS, COLOURS)),
    "indexed-colours-elsewhere.png": partial(write_picture, lambda: indexed(11 - IDS, COLOURS[::-1])),
    "rgb.png": partial(write_picture, coloured),
    "rgba.png": partial(write_picture, lambda: opaque(coloured())),
    "uint8.npy": partial(write_array, IDS),
    "int64.npy": partial(write_array, IDS.astype(np.int64)),
    "uint16.npy": partial(write_array, IDS.astype(np.uint16)),
    "rgb.npy": partial(write_array, COLOURS[IDS]),
    "grey.tif": partial(write_tiff, IDS),
    "grey-16-bit.tif": partial(write_tiff, IDS.astype(np.uint16)),
    "grey-32-bit.tif": partial(write_tiff, IDS.astype(np.int32)),
    "rgb.tif": partial(write_picture, coloured),
    "indexed.tif": partial(write_picture, lambda: indexed(IDS, 255 - 7 * np.arange(36).reshape(12, 3))),
    "grey.bmp": partial(write_picture, grey),
    "rgb.bmp": partial(write_picture, coloured),
    "indexed.bmp": partial(write_picture, lambda: indexed(IDS, 255 - 7 * np.arange(36).reshape(12, 3))),
    "indexed.gif": partial(write_picture, lambda: indexed(IDS, COLOURS)),
    "rgb.webp": partial(write_picture, coloured, lossless=True),
    "grey.pgm": partial(write_picture, grey),
}

#: File name to what writes something that is no label map, or one with ids that are not there.
REFUSED: dict[str, Callable[[Path], None]] = {
    "id-12.png": partial(write_picture, lambda: Image.fromarray(IDS + 1)),
    "id-300.png": partial(write_picture, lambda: Image.fromarray(IDS.astype(np.uint16) + 300)),
    "indexed-id-12.png": partial(write_picture, lambda: indexed(IDS + 1, 255 - 7 * np.arange(39).reshape(13, 3))),
    "negative.npy": partial(write_array, IDS.astype(np.int64) - 1),
    "floats.npy": partial(write_array, IDS / 11),
    "transparent.png": partial(write_picture, lambda: Image.merge("LA", (grey(), grey()))),
}


def spade() -> Method:
    return SPADE(labels=12, width=2, upsampling="normal", hidden=4, edges=False)


def one_hot() -> Method:
    return Pix2Pix(generator="unet_64", width=4, in_channels=12)


def in_colours() -> Method:
    return Pix2Pix(generator="unet_64", width=4)


@pytest.fixture(scope="module", params=[spade, one_hot, in_colours], ids=lambda build: build.__name__)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Method]:
    """The folder of a model that takes label maps in CamVid's colours, and the model."""
    torch.manual_seed(0)
    made = request.param()
    made.preprocess = made.preprocess_type.from_json({"source_palette": "camvid"}, "test")
    with torch.no_grad():  # weights that make pictures of contrast, so that one wrong label shows
        for parameter in made.parameters():
            parameter.mul_(4)
    folder = str(tmp_path_factory.mktemp("model"))
    i2i_zoo.save(made, folder)
    return folder, i2i_zoo.load(folder)


@pytest.mark.parametrize("name", ENCODINGS)
def test_both_doors_read_the_same_labels(model: tuple[str, Method], name: str, tmp_path: Path) -> None:
    folder, loaded = model
    ENCODINGS[name](tmp_path / name)
    expected = np.asarray(loaded.translate(IDS)).astype(int)
    assert expected.std() > 10
    python = np.asarray(loaded.translate(tmp_path / name)).astype(int)
    assert main(["translate", folder, str(tmp_path / name), "-o", str(tmp_path / "out"), "--device", "cpu"]) == 0
    command = np.asarray(Image.open(tmp_path / "out" / Path(name).with_suffix(".png"))).astype(int)
    assert np.abs(python - expected).max() == 0
    assert np.abs(command - expected).max() == 0


@pytest.mark.parametrize("name", REFUSED)
def test_both_doors_refuse_with_the_same_sentence(
    model: tuple[str, Method], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, loaded = model
    file = tmp_path / name
    REFUSED[name](file)
    with pytest.raises(ZooError, match="^" + str(file)) as refusal:
        loaded.translate(file)
    assert main(["translate", folder, str(file), "-o", str(tmp_path / "out"), "--device", "cpu"]) == 1
    assert f"i2i-zoo: {refusal.value}" in capsys.readouterr().err.splitlines()
    assert not (tmp_path / "out").exists()
