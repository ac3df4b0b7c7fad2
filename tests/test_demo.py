from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import i2i_zoo
import tiny
from i2i_zoo.cli.main import main
from i2i_zoo.demo import canvas
from i2i_zoo.demo import page as demo
from i2i_zoo.demo.inputs import Choices, import_gradio, show_inputs
from i2i_zoo.errors import ZooError
from i2i_zoo.media.labels import LABEL_NAMES, colour_labels, label_ids, palette_colours
from i2i_zoo.media.pose_files import Poses, write_poses
from i2i_zoo.methods.adain import AdaIN
from i2i_zoo.methods.cyclegan import CycleGAN
from i2i_zoo.methods.deformable import Deformable
from i2i_zoo.methods.munit import MUNIT
from i2i_zoo.methods.spade import SPADE
from i2i_zoo.networks.initialization import init_kaiming

SKY, ROAD = 0, 3


def drawing(height: int = 64, width: int = 64, soft: int = 0) -> dict[str, Any]:
    """Road, painted on an empty canvas whose upper rows stay transparent; its colour is off by ``soft``."""
    composite = np.zeros((height, width, 4), np.uint8)
    composite[20:, :, :3] = palette_colours("camvid")[ROAD] + np.uint8(soft)
    composite[20:, :, 3] = 255
    return {"background": None, "layers": [composite], "composite": composite}


def camvid_model(**hparams: Any) -> SPADE:
    torch.manual_seed(0)
    model = SPADE(
        labels=12, width=2, upsampling="normal", hidden=4, latent_size=[64, 64], encoder_width=2, **hparams
    ).eval()
    model.preprocess = model.preprocess_type.from_json({"source_palette": "camvid", "size": [64, 64]}, "test")
    return model


def handlers(page: Any) -> dict[str, Any]:
    """The functions behind the page's buttons, by name."""
    return {block.name: block.fn for block in page.fns.values()}


def kinds(page: Any) -> list[str]:
    return [type(block).__name__ for block in page.blocks.values()]


def labels_of(model: Any) -> list[str]:
    """The labels of the inputs on the page."""
    with import_gradio().Blocks():
        return [block.label for block in show_inputs(Choices(model))]


@pytest.mark.parametrize("soft", [0, 3])
def test_a_drawing_is_translated_as_its_labels(soft: int) -> None:
    model = camvid_model()
    labels = np.full((64, 64), ROAD, np.uint8)
    labels[:20] = SKY
    expected = np.asarray(model.translate(labels))
    painted = canvas.painted_labels(drawing(soft=soft), "camvid")
    np.testing.assert_array_equal(np.asarray(Choices(model).translate(painted, [None])), expected)


def test_half_transparent_paint_is_laid_on_the_ground() -> None:
    composite = np.array([[(200, 0, 0, 255), (200, 0, 0, 0), (200, 0, 0, 51)]], np.uint8)
    flat = canvas.flatten({"composite": composite}, (0, 100, 0))
    assert flat is not None
    np.testing.assert_array_equal(flat, [[(200, 0, 0), (0, 100, 0), (40, 80, 0)]])


def test_style_and_seed_are_passed() -> None:
    model, photo = camvid_model(latent=4), Image.effect_noise((64, 64), 80)
    labels, choices = canvas.painted_labels(drawing(), "camvid"), Choices(model)
    plain, first, again, other, styled = (
        np.asarray(choices.translate(labels, [None, style, seed]))
        for style, seed in ((None, ""), (None, "1"), (None, " 1"), (None, "2"), (photo, ""))
    )
    np.testing.assert_array_equal(first, again)
    assert len({picture.tobytes() for picture in (plain, first, other, styled)}) == 4
    for seed in ("one", "-1", "1.5", "9" * 19):
        with pytest.raises(ZooError, match="a whole number of at most 18 digits"):
            choices.translate(labels, [None, None, seed])


def test_only_what_a_model_takes_is_asked() -> None:
    style = ["Style of this photograph", "Or a style at random: its seed"]
    assert labels_of(camvid_model(latent=4)) == ["Instance map", *style]
    assert labels_of(camvid_model()) == ["Instance map"]
    assert labels_of(tiny.model()) == []


def test_an_instance_map_is_passed(tmp_path: Path) -> None:
    model, objects = camvid_model(), np.zeros((64, 64), np.uint8)
    objects[:, 32:] = 1
    Image.fromarray(objects).save(tmp_path / "objects.png")
    labels = canvas.painted_labels(drawing(), "camvid")
    found = np.asarray(Choices(model).translate(labels, [str(tmp_path / "objects.png")]))
    np.testing.assert_array_equal(found, np.asarray(model.translate(labels, instance=objects)))
    assert not np.array_equal(found, np.asarray(model.translate(labels)))


def test_page_of_a_model_of_any_style(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = init_kaiming(AdaIN(width=2)).eval()
    assert labels_of(model) == ["Style of this picture", "Strength of the style", "Keep the colours"]
    photo, style = (Image.effect_noise((40, 32), sigma) for sigma in (60, 90))
    result = Choices(model).translate(photo, [style, 0.5, False])
    np.testing.assert_array_equal(result, model.translate(photo, style, alpha=0.5))
    with pytest.raises(ZooError, match="Style of this picture: there is none yet"):
        Choices(model).translate(photo, [None, 1.0, False])
    i2i_zoo.save(model, tmp_path / "any")
    demo.build([str(tmp_path / "any")])


def test_page_of_a_model_of_poses(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Deformable(width=4, downs=3).eval()
    assert labels_of(model) == ["Pose", "Pose of the person, if it should not be found in the picture"]
    poses = model.example_batch(3, 64, 32)["source_pose"]
    for name, chosen in (("own", poses[:1]), ("clip", poses)):
        write_poses(tmp_path / f"{name}.json", Poses(chosen, ("",) * len(chosen), ((64, 32),) * len(chosen)))
    own, clip, person = (str(tmp_path / name) for name in ("own.json", "clip.json", "person.png"))
    Image.effect_noise((32, 64), 80).convert("RGB").save(person)
    i2i_zoo.save(model, tmp_path / "poses")
    page = demo.build([str(tmp_path / "poses")])
    assert kinds(page).count("MultimodalTextbox") == 2
    assert not any(block.visible for block in page.blocks.values() if getattr(block, "label", "") == "Sketch")
    translate, given = handlers(page)["translate"], {"text": "", "files": [own]}
    result = translate(person, {"text": " waving ", "files": []}, given)
    np.testing.assert_array_equal(result, model.translate(person, "waving", source_pose=own))
    with Image.open(translate(person, {"text": "", "files": [clip]}, given)) as file:
        assert file.n_frames == 3
    with pytest.raises(import_gradio().Error, match="Pose: there is none yet; a name "):
        translate(person, {"text": "", "files": []}, given)


@pytest.mark.usefixtures("keypoint_rcnn")
def test_a_pose_may_be_a_picture_on_the_page(tmp_path: Path) -> None:
    model, person, other = Deformable(width=4, downs=3).eval(), tmp_path / "person.png", tmp_path / "other.png"
    for seed, file in enumerate((person, other)):
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)).save(file)
    result = Choices(model).translate(str(person), [{"text": "", "files": [str(other)]}, None])
    np.testing.assert_array_equal(result, model.translate(person, other))


def test_the_canvas_begins_with_the_example() -> None:
    model = i2i_zoo.load("pix2pix-camvid")
    scene = canvas.first_scene("pix2pix-camvid", Choices(model), "camvid")
    assert scene.shape == (360, 480, 3)
    np.testing.assert_array_equal(colour_labels(label_ids(scene, "camvid"), "camvid"), scene)
    blank = canvas.first_scene("elsewhere", Choices(model), "camvid")
    assert blank.shape == (256, 256, 3)
    assert (blank == palette_colours("camvid")[SKY]).all()


def test_labels_that_share_a_colour_are_one() -> None:
    labels = canvas.legend("cityscapes")
    assert labels["unlabeled"] == "#000000"
    assert "car" in labels
    assert not {"ego vehicle", "license plate"} & set(labels)
    assert len(set(labels.values())) == len(labels)


def test_page_of_a_model_of_label_maps() -> None:
    page = demo.build(["pix2pix-camvid"])
    assert kinds(page).count("ImageEditor") == 1
    assert kinds(page).count("Button") == 1 + len(LABEL_NAMES["camvid"])
    picture = handlers(page)["translate"](drawing(96, 80))
    assert picture.size == (80, 96)


def test_a_label_of_the_legend_becomes_the_brush() -> None:
    labels = canvas.legend("camvid")
    brush = canvas.choose(labels, "tree").brush
    assert brush.default_color == "#808000"
    assert (brush.colors, brush.color_mode) == (list(labels.values()), "fixed")


def test_page_of_a_model_of_pictures(tmp_path: Path) -> None:
    i2i_zoo.save(tiny.model(), tmp_path / "model")
    page = demo.build([str(tmp_path / "model")])
    assert {"Image", "Sketchpad"} <= set(kinds(page))
    file = tmp_path / "picture.png"
    Image.new("L", (70, 50)).save(file)
    assert handlers(page)["translate"](str(file)).size == (70, 50)
    assert handlers(page)["translate_sketch"](drawing()).size == (64, 64)


def test_page_of_a_model_of_two_domains(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = CycleGAN(generator="resnet_6", width=2).eval()
    model.preprocess = model.preprocess_type.from_json({"source_palette": "camvid", "size": [64, 64]}, "test")
    i2i_zoo.save(model, tmp_path / "model")
    page = demo.build([str(tmp_path / "model")])
    tabs = [block.label for block in page.blocks.values() if type(block).__name__ == "Tab"]
    assert tabs == [str(tmp_path / "model"), "A to B", "B to A", "Picture", "Sketch"]
    assert kinds(page).count("ImageEditor") == 1  # A is label maps
    paint, translate, _ = (block.fn for block in page.fns.values() if block.name.startswith("translate"))
    labels = np.full((64, 64), ROAD, np.uint8)
    labels[:20] = SKY
    np.testing.assert_array_equal(np.asarray(paint(drawing())), np.asarray(model.translate(labels)))
    file = tmp_path / "picture.png"
    Image.effect_noise((70, 50), 80).convert("RGB").save(file)
    np.testing.assert_array_equal(np.asarray(translate(str(file))), np.asarray(model.translate(file, direction="ba")))
    assert canvas.first_scene("pix2pix-camvid", Choices(model, "ab"), "camvid").shape == (360, 480, 3)


def test_label_maps_on_the_other_side(tmp_path: Path) -> None:
    model = CycleGAN(generator="resnet_6", width=2).eval()
    model.preprocess = model.preprocess_type.from_json({"target_palette": "camvid", "size": [32, 48]}, "test")
    i2i_zoo.save(model, tmp_path / "model")
    assert kinds(demo.build([str(tmp_path / "model")])).count("ImageEditor") == 1
    # The example of a checkpoint is of its other side.
    assert canvas.first_scene("pix2pix-camvid", Choices(model, "ba"), "camvid").shape == (32, 48, 3)


def test_a_model_of_two_domains_with_styles() -> None:
    torch.manual_seed(0)
    model = MUNIT(width=2, blocks=1, style=3, hidden=4).eval()
    with torch.no_grad():
        model.autoencoder_a.perceptron[-1].weight.mul_(20)
    assert labels_of(model) == ["Style of this picture", "Or a style at random: its seed"]
    picture = Image.effect_noise((32, 32), 80).convert("RGB")
    found = np.asarray(Choices(model, "ba").translate(picture, [None, "2"]))
    np.testing.assert_array_equal(found, np.asarray(model.translate(picture, direction="ba", seed=2)))
    assert not np.array_equal(found, np.asarray(Choices(model, "ba").translate(picture, [None, "3"])))


def test_a_checkpoint_is_loaded_when_its_tab_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    load = i2i_zoo.load
    monkeypatch.setattr("i2i_zoo.hub.load", lambda name, device: loaded.append(name) or load(name))
    names = ["pix2pix-camvid", "pix2pix-camvid-photo2labels", "missing"]
    page = demo.build(names)
    assert loaded == names[:1]
    assert [block.label for block in page.blocks.values() if type(block).__name__ == "Tab"] == names
    with import_gradio().Blocks() as shown:
        for renderable in page.renderables:
            renderable.fn(False)
        assert loaded == names[:1]
        for renderable in page.renderables:
            renderable.fn(True)
    assert loaded == names
    assert "Sketchpad" in kinds(shown)
    sentences = [block.value for block in shown.blocks.values() if type(block).__name__ == "HTML"]
    assert any("&#x27;missing&#x27; is neither a checkpoint" in sentence for sentence in sentences)


def test_what_is_wrong_is_shown_in_a_sentence(tmp_path: Path) -> None:
    gradio = import_gradio()
    page = demo.build(["pix2pix-camvid-photo2labels"])
    for name, value, sentence in (
        ("translate", None, "no picture yet"),
        ("translate_sketch", None, "no picture yet"),
        ("translate_sketch", {"composite": None}, "no picture yet"),
        ("translate", str(tmp_path / "missing.png"), "no such file"),
    ):
        with pytest.raises(gradio.Error, match=sentence) as raised:
            handlers(page)[name](value)
        assert not raised.value.print_exception


@pytest.mark.parametrize("name", ["spade-camvid", "pix2pix-camvid"])
def test_a_photograph_on_the_canvas_is_refused_as_elsewhere(name: str) -> None:
    model = i2i_zoo.load(name)
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    sentence = "of the pixels have no colour of the palette 'camvid', .* give a label map"
    with pytest.raises(ZooError, match=sentence):
        model.translate(photo)
    opaque = np.dstack([photo, np.full((64, 64), 255, np.uint8)])
    with pytest.raises(import_gradio().Error, match=sentence):
        handlers(demo.build([name]))["translate"]({"composite": opaque}, *[None] * len(labels_of(model)))


def test_a_port_that_is_taken() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ZooError, match="choose another --port"):
        demo.serve(["pix2pix-camvid"], taken.getsockname()[1])


def test_without_gradio(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["demo", "pix2pix-camvid"]) == 1
    assert capsys.readouterr().err == "i2i-zoo: The page needs Gradio: pip install gradio.\n"
