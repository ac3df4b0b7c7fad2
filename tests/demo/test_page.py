from __future__ import annotations

import json
import logging
import socket
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
from i2i_zoo.demo import drawing, limits, page
from i2i_zoo.demo.about import about
from i2i_zoo.demo.bench import Bench
from i2i_zoo.demo.figure import as_text, pose_in
from i2i_zoo.demo.inputs import Choices, import_gradio, show_inputs
from i2i_zoo.demo.offers import activities, by_speed, generates
from i2i_zoo.demo.painting import first_scene, random_scene
from i2i_zoo.demo.posing import copied, frames_of, named
from i2i_zoo.demo.sentences import sentence
from i2i_zoo.demo.shelf import Shelf, size_of
from i2i_zoo.errors import ZooError
from i2i_zoo.examples import example
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.labels import check_colours, colour_labels, label_ids, palette_colours
from i2i_zoo.media.named_poses import named_pose
from i2i_zoo.media.pose_files import Poses, read_poses, write_poses
from i2i_zoo.methods.adain import AdaIN
from i2i_zoo.methods.cyclegan import CycleGAN
from i2i_zoo.methods.deformable import Deformable
from i2i_zoo.methods.mocogan import MoCoGAN
from i2i_zoo.methods.monkeynet import MonkeyNet
from i2i_zoo.methods.munit import MUNIT
from i2i_zoo.methods.spade import SPADE
from i2i_zoo.methods.vgan import VGAN
from i2i_zoo.methods.vid2vid import Vid2Vid
from i2i_zoo.networks.initialization import init_kaiming

SKY, ROAD = 0, 3


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine may need more time than a visitor gets."""
    monkeypatch.setattr(limits, "SECONDS", 3600.0)


def benches(*names: str | Path) -> dict[str, Bench]:
    """The tabs of a page by their titles."""
    with import_gradio().Blocks():
        made = {activity.title: Bench(activity, Shelf()) for activity in activities(page.loaded(list(map(str, names))))}
        for bench in made.values():
            bench.show()
    return made


def saved(model: Any, folder: Path) -> Path:
    i2i_zoo.save(model.eval(), folder)
    return folder


def street() -> np.ndarray:
    labels = np.full((64, 64), ROAD, np.uint8)
    labels[:20] = SKY
    return labels


def camvid_model(**hparams: Any) -> SPADE:
    torch.manual_seed(0)
    model = SPADE(
        labels=12, width=2, upsampling="normal", hidden=4, latent_size=[64, 64], encoder_width=2, **hparams
    ).eval()
    model.preprocess = model.preprocess_type.from_json({"source_palette": "camvid", "size": [64, 64]}, "test")
    return model


def labels_of(choices: Choices) -> list[str]:
    """The labels of the inputs on the page."""
    with import_gradio().Blocks():
        return [block.label for block in show_inputs(choices, [None] * len(choices.conditions))]


def picture(folder: Path, name: str = "picture.png", size: tuple[int, int] = (40, 32)) -> str:
    Image.effect_noise(size, 80).convert("RGB").save(folder / name)
    return str(folder / name)


def pixels(file: str) -> np.ndarray:
    with Image.open(file) as opened:
        return np.asarray(opened.convert("RGB"))


def test_a_tab_for_each_thing_that_one_can_do(tmp_path: Path) -> None:
    clips = saved(VGAN(frames=16, size=16, width=2), tmp_path / "clips")
    names = [
        "unit-camvid",
        "pix2pix-edges2emoji",
        "faststyle-strokes",
        "pix2pix_pose-people",
        "cogan-digits",
        "pix2pix-camvid",
    ]
    offers = page.loaded([*names, str(clips)])
    tabs = {activity.title: [offer.name for offer in activity.offers] for activity in activities(offers)}
    assert tabs == {
        "Paint a street": ["unit-camvid", "pix2pix-camvid"],
        "Sketch to emoji": ["pix2pix-edges2emoji"],
        "Restyle a photo": ["faststyle-strokes"],
        "Translate a photo": ["unit-camvid", "cogan-digits", "cogan-digits"],
        "Copy a pose": ["pix2pix_pose-people"],
        "Make clips": [str(clips)],
        "Make pictures": ["cogan-digits"],
    }
    fast = [offer.name for offer in by_speed(offers)]
    assert fast.index("pix2pix-camvid") < fast.index("unit-camvid") < fast.index("cogan-digits")
    assert [offer.name for offer in offers if generates(offer.choices.model)] == ["cogan-digits"] * 3 + [str(clips)]
    titles = [offer.title for activity in activities(offers) for offer in activity.offers]
    assert "unit-camvid: street scene to label map" in titles
    assert "clips" in titles  # and not where it is


def test_a_model_that_nobody_described_takes_sketches_and_photos(tmp_path: Path) -> None:
    tabs = benches(saved(tiny.model(), tmp_path / "model"))
    assert list(tabs) == ["Sketch to picture", "Translate a photo"]
    with Image.open(tabs["Translate a photo"].files(0, [picture(tmp_path, size=(70, 50))])[0][0]) as result:
        assert result.size == (70, 50)
    white = drawing.as_text(np.full((64, 64, 3), 255, np.uint8))
    assert pixels(tabs["Sketch to picture"].files(0, [white])[0][0]).shape == (64, 64, 3)


def test_a_drawing_is_translated_as_its_labels(tmp_path: Path) -> None:
    model = camvid_model()
    bench = benches(saved(model, tmp_path / "model"))["Paint a street"]
    (result,), before = bench.files(0, [drawing.as_text(colour_labels(street(), "camvid")), None])
    np.testing.assert_array_equal(pixels(result), model.translate(street()))
    assert before is not None
    np.testing.assert_array_equal(pixels(before), colour_labels(street(), "camvid"))


@pytest.mark.parametrize("value", [None, 7, "", "data:image/png;base64,AAAA", "data:image/jpeg;base64,", "x" * 10**5])
def test_what_no_canvas_sends_is_refused(value: Any) -> None:
    with pytest.raises(ZooError, match="The drawing cannot be read"):
        drawing.drawn(value)


def test_a_huge_drawing_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ZooError, match="The drawing cannot be read"):
        drawing.drawn(drawing.as_text(np.zeros((1025, 1025, 3), np.uint8)))


def test_the_canvas_begins_with_the_example_and_shows_random_streets() -> None:
    offers = page.loaded(["pix2pix-camvid"])
    scene = first_scene(offers, "camvid")
    assert scene.shape == (360, 480, 3)
    np.testing.assert_array_equal(colour_labels(label_ids(scene, "camvid"), "camvid"), scene)
    for palette in ("camvid", "cityscapes"):
        streets = [random_scene(palette, seed) for seed in (1, 2)]
        assert not np.array_equal(*streets)
        check_colours(streets[0], palette)
    names = drawing.legend("cityscapes")
    colours = {"#{:02x}{:02x}{:02x}".format(*colour) for colour in random_scene("cityscapes", 1).reshape(-1, 3)[::7]}
    assert {names["road"], names["sky"]} < colours <= set(names.values())


def test_labels_that_share_a_colour_are_one() -> None:
    labels = drawing.legend("cityscapes")
    assert labels["unlabeled"] == "#000000"
    assert "car" in labels
    assert not {"ego vehicle", "license plate"} & set(labels)
    assert len(set(labels.values())) == len(labels)


def test_style_and_seed_are_passed(tmp_path: Path) -> None:
    model, photo = camvid_model(latent=4), picture(tmp_path, size=(64, 64))
    choices = Choices(model)
    plain, first, again, other, styled = (
        np.asarray(model.translate(street(), **choices.chosen([None, style, seed])))
        for style, seed in ((None, ""), (None, "1"), (None, " 1"), (None, "2"), (photo, ""))
    )
    np.testing.assert_array_equal(first, again)
    assert len({result.tobytes() for result in (plain, first, other, styled)}) == 4
    for seed in ("one", "-1", "1.5", "9" * 19):
        with pytest.raises(ZooError, match="a whole number of at most 18 digits"):
            choices.chosen([None, None, seed])


def test_only_what_a_model_takes_is_asked() -> None:
    style = ["Style of this photograph", "Or a style at random: its seed"]
    assert labels_of(Choices(camvid_model(latent=4))) == ["Instance map", *style]
    assert labels_of(Choices(camvid_model())) == ["Instance map"]
    assert labels_of(Choices(tiny.model())) == []
    assert labels_of(Choices(Deformable(width=4, downs=3))) == []  # its poses have figures
    cogan = i2i_zoo.load("cogan-digits")
    assert labels_of(Choices(cogan, "ab")) == ["Seed of the search"]
    assert labels_of(Choices(cogan, samples=True)) == []


def test_a_style_is_there_to_begin_with(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = init_kaiming(AdaIN(width=2)).eval()
    assert labels_of(Choices(model)) == ["Style of this picture", "Strength of the style", "Keep the colours"]
    bench = benches(saved(model, tmp_path / "any"))["Restyle a photo"]
    assert Path(bench.starts[0][0]).is_file()
    photo, style = picture(tmp_path, "photo.png"), picture(tmp_path, "style.png")
    (result,), before = bench.files(0, [photo, style, 0.5, False])
    np.testing.assert_array_equal(pixels(result), model.translate(photo, style, alpha=0.5))
    assert before == photo
    with pytest.raises(ZooError, match="Style of this picture: there is none yet"):
        bench.files(0, [photo, None, 1.0, False])
    with pytest.raises(ZooError, match="There is no picture yet"):
        bench.files(0, [None, style, 1.0, False])


def test_two_directions_are_two_offers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = CycleGAN(generator="resnet_6", width=2).eval()
    model.preprocess = model.preprocess_type.from_json({"source_palette": "camvid", "size": [64, 64]}, "test")
    tabs = benches(saved(model, tmp_path / "model"))
    assert [tab.offers[0].title for tab in tabs.values()] == ["model: A to B", "model: B to A", "model: B to A"]
    paint, photo = tabs["Paint a street"], tabs["Translate a photo"]
    result = paint.files(0, [drawing.as_text(colour_labels(street(), "camvid"))])[0][0]
    np.testing.assert_array_equal(pixels(result), np.asarray(model.translate(street()).convert("RGB")))
    file = picture(tmp_path)
    expected = np.asarray(model.translate(file, direction="ba"))
    np.testing.assert_array_equal(pixels(photo.files(0, [file])[0][0]), expected)
    assert "#804080" in photo.legend_of(photo.offers[0])
    assert paint.legend_of(paint.offers[0]) == ""


def test_a_model_of_two_domains_with_styles() -> None:
    torch.manual_seed(0)
    model = MUNIT(width=2, blocks=1, style=3, hidden=4).eval()
    choices = Choices(model, "ba")
    assert labels_of(choices) == ["Style of this picture", "Or a style at random: its seed"]
    assert choices.chosen([None, "2"]) == {"direction": "ba", "seed": 2}


def test_an_animation_is_restyled_frame_by_frame(tmp_path: Path) -> None:
    bench = benches(saved(tiny.model(), tmp_path / "model"))["Translate a photo"]
    frames = [Image.effect_noise((32, 32), 20 + 30 * i).convert("RGB") for i in range(3)]
    save_clip(frames, tmp_path / "clip.webp")
    (result,), before = bench.files(0, [str(tmp_path / "clip.webp")])
    with Image.open(result) as clip:
        assert clip.n_frames == 3
    assert before is not None
    np.testing.assert_array_equal(pixels(before), frames[0])


def test_the_example_follows_the_model_but_a_picture_of_ones_own_stays(tmp_path: Path) -> None:
    bench = benches("pix2pix-camvid-colour", "pix2pix-people-cutout")["Translate a photo"]
    first, second = (str(example(offer.name)) for offer in bench.offers)
    assert bench.choose(1, first)[-1] == second
    assert bench.choose(1, picture(tmp_path, "mine.png"))[-1] == import_gradio().skip()
    assert "rendered" in bench.choose(1, first)[2].lower()  # licence and limits are those of the chosen one


def test_a_figure_says_which_pose_to_take(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Deformable(width=4, downs=3).eval()
    bench = benches(saved(model, tmp_path / "poses"))["Copy a pose"]
    poses = model.example_batch(3, 64, 32)["source_pose"]
    person = picture(tmp_path, "person.png", (32, 64))
    own, figure = (as_text(pose, (64, 32)) for pose in poses[:2])
    (result,), before = bench.files(0, [person, figure, own])
    poses = poses.mul(10).round().div(10)  # a figure is exact to a tenth of a pixel
    np.testing.assert_array_equal(pixels(result), model.translate(person, poses[1], source_pose=poses[0]))
    assert before == person
    waving = pose_in(named("waving", person, figure, own))[0]
    torch.testing.assert_close(waving, named_pose("waving", poses[0]), atol=0.06, rtol=0)
    write_poses(tmp_path / "clip.json", Poses(poses, ("",) * 3, ((64, 32),) * 3))
    clip = copied(str(tmp_path / "clip.json"), person, figure, own)
    torch.testing.assert_close(frames_of(clip), poses, atol=0.06, rtol=0)
    with Image.open(bench.files(0, [person, clip, own])[0][0]) as file:
        assert file.n_frames == 3
        assert file.info["loop"] == 0  # for ever
    for value in (None, "", "{}", json.dumps({"size": [64, 32], "points": [[1, 2]]}), own.replace("1.0", "NaN")):
        with pytest.raises(ZooError, match="The pose cannot be read"):
            bench.files(0, [person, value, own])


@pytest.mark.usefixtures("keypoint_rcnn")
def test_the_pose_of_a_picture_and_of_a_clip(tmp_path: Path) -> None:
    figure = as_text(read_poses(str(example("deformable-people", "pose"))).points[0], (64, 64))
    files = [tmp_path / "other.png", tmp_path / "dance.gif"]
    frames = [Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)) for seed in range(3)]
    frames[0].save(files[0])
    save_clip(frames, files[1])
    assert [len(frames_of(copied(str(file), None, figure, figure))) for file in files] == [1, 3]


def test_clips_from_noise_with_seeds_for_content_and_motion(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = MoCoGAN(frames=13, size=64, width=2).eval()
    bench = benches(saved(model, tmp_path / "clips"))["Make clips"]
    assert [component.label for component in bench.inputs[0]][1:] == ["Seed of one content", "Seed of one motion"]
    files, before = bench.files(0, [2, 5, "", "3", "4"])
    assert before is None
    expected = model.sample(2, seed=5, content_seed=3, motion_seed=4)
    for file, clip in zip(files, expected, strict=True):
        with Image.open(file) as opened:
            assert opened.n_frames == 13
            np.testing.assert_array_equal(opened.convert("RGB"), clip[0].convert("RGB"))
    with pytest.raises(ZooError, match=r"^Frames: this page makes at most 64\.$"):
        bench.files(0, [2, 5, "65", "3", "4"])
    for values in ([13, 0], ["2", 0], [2, 10**9]):
        with pytest.raises(ZooError, match="Choose a whole number up to"):
            bench.files(0, [*values, "", "", ""])


def test_clips_that_begin_with_a_picture(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = VGAN(frames=16, size=16, width=2, variant="conditional").eval()
    bench = benches(saved(model, tmp_path / "clips"))["Make clips"]
    first = picture(tmp_path)
    with Image.open(bench.files(0, [1, 3, first, "clip"])[0][0]) as clip:
        np.testing.assert_array_equal(clip.convert("RGB"), model.sample(1, seed=3, frame=first)[0][0])
    with pytest.raises(ZooError, match="First frame: there is none yet; a picture is needed"):
        bench.files(0, [1, 3, None, "clip"])


def test_pairs_of_pictures_from_noise() -> None:
    bench = benches("cogan-digits")["Make pictures"]
    left, right = i2i_zoo.load("cogan-digits").sample(3, seed=2)
    files, _ = bench.files(0, [3, 2])
    assert [pixels(file).shape for file in files] == [(28, 56, 3)] * 3
    assert left.shape == right.shape


def test_a_picture_moves_as_a_clip_does(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = MonkeyNet(keypoints=2, width=2, max_width=4, blocks=2, motion_blocks=2, refinements=1).eval()
    bench = benches(saved(model, tmp_path / "moving"))["Animate"]
    (source,), (driving, absolute) = bench.surface.start, bench.starts[0]
    with Image.open(bench.files(0, [source, driving, absolute])[0][0]) as clip:
        assert clip.n_frames == 16
    with pytest.raises(ZooError, match=r"picture\.png is no clip: give a video"):
        bench.files(0, [source, picture(tmp_path), False])


def test_a_clip_of_label_maps_becomes_a_video(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Vid2Vid(labels=12, width=4, blocks=2, downs=1, foreground=(3,), lambda_perceptual=0.0).eval()
    model.preprocess = model.preprocess_type.from_json({"source_palette": "camvid", "size": [32, 32]}, "test")
    bench = benches(saved(model, tmp_path / "model"))["Make a video"]
    (drive,) = bench.surface.start
    (result,), before = bench.files(0, [drive, *bench.starts[0]])
    assert before is None
    with Image.open(result) as clip:
        assert clip.n_frames == 16
        assert clip.size == (128, 128)
    with pytest.raises(ZooError, match="There is no clip yet"):
        bench.files(0, [None, *bench.starts[0]])


def test_a_clip_of_a_large_picture_is_made_at_a_smaller_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Deformable(width=4, downs=3).eval()
    bench = benches(saved(model, tmp_path / "poses"))["Copy a pose"]
    poses = model.example_batch(2, 512, 512)["source_pose"]
    figure = as_text(poses[0], (512, 512))
    person = picture(tmp_path, "person.png", (512, 512))
    assert pixels(bench.files(0, [person, figure, figure])[0][0]).shape == (512, 512, 3)
    write_poses(tmp_path / "clip.json", Poses(poses, ("",) * 2, ((512, 512),) * 2))
    clip = copied(str(tmp_path / "clip.json"), person, figure, figure)
    with Image.open(bench.files(0, [person, clip, figure])[0][0]) as file:
        assert (file.n_frames, file.size) == (2, (362, 362))


def test_the_page_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["fit", *tiny.ARGS, "--trainer.limit_test_batches=1", "--trainer.logger=false"]) == 0
    bench = benches("runs/pix2pix-syntheticpairs")["Paint a street"]
    assert [offer.title for offer in bench.offers] == ["pix2pix-syntheticpairs"]
    assert about(bench.offers[0]).startswith("This checkpoint has no card that states")  # only one to be filled in
    text, (result, _) = bench.first()
    assert text == ""
    scene = drawing.drawn(bench.surface.start[0])
    made = i2i_zoo.load("runs/pix2pix-syntheticpairs").translate(label_ids(scene, "camvid"))
    np.testing.assert_array_equal(pixels(result), np.asarray(made.convert("RGB")))


def test_the_shelf_keeps_the_newest_files(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, drawn = Shelf(), Image.effect_noise((100, 100), 80)
    stays = Path(shelf.put(drawn, "street", stays=True))
    files = [Path(shelf.put(drawn, "result")) for _ in range(4)]
    monkeypatch.setattr("i2i_zoo.demo.shelf.BYTES", 4 * size_of([stays]))
    files.append(Path(shelf.put(drawn, "result")))
    assert [file.is_file() for file in files] == [False, True, True, True, True]
    monkeypatch.setattr("i2i_zoo.demo.shelf.KEPT", 2)
    files.append(Path(shelf.put(drawn, "result")))
    assert [file.is_file() for file in files] == [False] * 4 + [True] * 2
    assert stays.is_file()
    for folder in (*shelf._folders, shelf._folder):
        folder.cleanup()


def test_what_goes_wrong_is_a_sentence_and_the_result_stays(tmp_path: Path) -> None:
    bench, skip = benches("faststyle-strokes")["Restyle a photo"], import_gradio().skip()
    message, result, slider, gallery, visit, _ = bench.run(0, [], str(tmp_path / "missing.png"))
    assert "missing.png is not a picture" in message
    assert str(tmp_path) not in message
    assert result == slider == gallery == visit == skip
    large = tmp_path / "large.png"
    Image.new("RGB", (1500, 1000)).save(large)
    *_, button = bench.run(0, [], str(large))
    assert button.visible
    assert button.value == "Scale it down to 1254x836"


def test_results_of_a_visit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bench, clock = benches(saved(tiny.model(), tmp_path / "model"))["Translate a photo"], [0.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    visit: list[Any] = []
    lengths = []
    for seconds in (0, 1, 10, 20):
        clock[0] = seconds
        _, result, (before, after), gallery, visit, _ = bench.run(0, visit, picture(tmp_path))
        assert result == after == gallery[0]
        assert before.endswith("picture.png")
        lengths.append(len(gallery))
    assert lengths == [1, 1, 2, 3]  # what follows at once is a step to the same picture
    Path(visit[-1].file).unlink()  # as the shelf does once others have made many more
    clock[0] = 30
    *_, gallery, visit, _ = bench.run(0, visit, picture(tmp_path))
    assert len(visit) == 3
    assert gallery == [kept.file for kept in visit]


def test_no_sentence_shows_a_folder(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    folder = tmp_path / "a folder with spaces" / "more"
    texts = (
        f"{folder}/photo.png: the file is empty.",
        "/srv/page/photo.png: the file is empty.",
        f"{Path.home()}/photo.png: the file is empty.",
    )
    for text in texts:
        assert sentence(ZooError(text)) == "photo.png: the file is empty."
    assert sentence(ZooError("Give 1/2 or https://example.org/a/b.")) == "Give 1/2 or https://example.org/a/b."
    assert not caplog.records
    with caplog.at_level(logging.ERROR):
        assert sentence(KeyError(str(folder))) == (
            "That did not work, and it is not your fault. The log of the page says why."
        )
    assert len(caplog.records) == 1


def test_line_drawings_are_drawn_and_a_tab_that_cannot_begin_says_why(tmp_path: Path) -> None:
    model = CycleGAN(generator="resnet_6", width=2).eval()
    model.preprocess = model.preprocess_type.from_json({"source_palette": "lines"}, "test")
    bench = benches(saved(model, tmp_path / "model"))["Draw lines"]
    assert (drawing.drawn(bench.surface.start[0]) == palette_colours("lines")[0]).all()
    bench.surface.start = ["nothing"]
    text, values = bench.first()
    assert text == "The drawing cannot be read: draw it again."
    assert values == [None, None]


def test_a_missing_checkpoint_is_named_before_the_page_opens(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "pix2pix-edges2emoji", "pix2pix-edges2emojo"]) == 1
    assert "pix2pix-edges2emoji" in capsys.readouterr().err


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ZooError, match="another --port or --host"):
        page.serve(["pix2pix-edges2emoji"], taken.getsockname()[1])


def test_without_gradio(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["demo", "pix2pix-camvid"]) == 1
    assert capsys.readouterr().err == "i2i-zoo: The page needs Gradio: pip install gradio.\n"
