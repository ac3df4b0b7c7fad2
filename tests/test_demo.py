from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

import i2i_zoo
from i2i_zoo import demo, images
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.spade import SPADE


def drawing(size: tuple[int, int] = (64, 64)) -> dict[str, np.ndarray]:
    pixels = np.broadcast_to(images.palette("camvid")[3], (*size, 3)).copy()
    pixels[:20] = images.palette("camvid")[0] + np.uint8(3)  # as at a stroke's soft edge
    return {"composite": pixels}


def test_painted_colours_become_the_nearest_label() -> None:
    model = i2i_zoo.load("pix2pix-camvid")
    exact = np.full((64, 64), 3, np.uint8)
    exact[:20] = 0
    picture = demo.paint(model, drawing())
    assert picture.size == (64, 64)
    assert np.array_equal(np.asarray(picture), np.asarray(model.translate(exact)))


def test_styles_are_passed_on() -> None:
    model = SPADE(
        labels=12, width=2, upsampling="normal", hidden=4, latent=4, latent_size=[64, 64], encoder_width=2
    ).eval()
    model.preprocess = {"source_palette": "camvid", "size": [64, 64]}
    pictures = [np.asarray(demo.paint(model, drawing(), style=None, seed=seed)) for seed in (1, 1, 2)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_nothing_drawn_is_told() -> None:
    model = i2i_zoo.load("pix2pix-camvid")
    with pytest.raises(ZooError, match="canvas is empty"):
        demo.paint(model, {"composite": None})
    with pytest.raises(ZooError, match="no picture"):
        demo.translated(model, None)


def test_a_canvas_begins_with_the_example() -> None:
    shown = demo.beginning("pix2pix-camvid", "camvid", (96, 128))
    assert shown.shape == (96, 128, 3)
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 5
    assert {tuple(c) for c in shown.reshape(-1, 3)} <= {tuple(c) for c in images.palette("camvid")}
    assert len(np.unique(demo.beginning("elsewhere", "camvid", (4, 4)))) == 1


def test_the_page_has_what_a_model_takes() -> None:
    page = demo.build(["pix2pix-camvid", "pix2pix-camvid-photo2labels"])
    kinds = [type(block).__name__ for block in page.blocks.values()]
    assert kinds.count("ImageEditor") == 1
    assert kinds.count("Sketchpad") == 1
    assert kinds.count("Button") == 3
    paint = next(f for f in page.fns.values() if f.name == "run")
    assert isinstance(paint.fn(drawing()), Image.Image)


def test_legend_names_the_labels() -> None:
    assert "bicyclist" in demo.legend("camvid")


def test_without_gradio(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    from i2i_zoo.cli import main

    assert main(["demo", "pix2pix-camvid"]) == 1
    assert 'pip install "i2i-zoo[demo]"' in capsys.readouterr().err
