"""The page in a real browser.  Chromium has to be installed; `.ci/run` installs it."""

from __future__ import annotations

import shutil
import socket
import struct
import threading
import wave
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.modules.module import register_module_forward_pre_hook

import i2i_zoo
from i2i_zoo.demo import limits, page
from i2i_zoo.demo.figure import as_text, pose_in
from i2i_zoo.demo.posing import first_person
from i2i_zoo.media.named_poses import named_pose
from i2i_zoo.methods.mocogan import MoCoGAN
from i2i_zoo.methods.monkeynet import MonkeyNet

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("there is no Chromium: apt-get install chromium", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api")

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
NAMES = ["pix2pix-camvid", "pix2pix-edges2emoji", "faststyle-strokes", "pix2pix_pose-people"]
TREE = "#808000"

#: Milliseconds to wait for what has to come, on a machine that does much else.
TIMEOUT = 600_000
playwright.expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page with a model for each kind of tab."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    i2i_zoo.save(MoCoGAN(frames=13, size=64, width=2).eval(), folder / "mocogan-tiny")
    i2i_zoo.save(
        MonkeyNet(keypoints=2, width=2, max_width=4, blocks=2, motion_blocks=2, refinements=1).eval(),
        folder / "monkeynet-tiny",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "SECONDS", TIMEOUT / 1000)  # a slow machine may need more than a visitor gets
        built = page.build([*NAMES, str(folder / "mocogan-tiny"), str(folder / "monkeynet-tiny")])
        yield page.launch(built, prevent_thread_lock=True, quiet=True)
        built.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any, site: str) -> Iterator[Callable[..., Any]]:
    """Opens the page for a new visitor, at a tab.  In the end no script has failed, and nothing has become red."""
    visitors: list[Any] = []
    failures: list[str] = []

    def open_page(tab: str, width: int = 1280, height: int = 900, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        visitor = context.new_page()
        visitor.set_default_timeout(TIMEOUT)
        visitor.on("pageerror", lambda error: failures.append(str(error)))
        visitor.goto(site)
        visitors.append(visitor)
        open_tab(visitor, tab)
        return visitor

    yield open_page
    for visitor in visitors:
        assert visitor.locator(".toast-body").count() == 0
        visitor.context.close()
    assert failures == []


def open_tab(visitor: Any, name: str) -> None:
    """Open a tab, and wait until its pictures and canvases have their sizes."""
    settle(visitor)
    tab = visitor.get_by_role("tab", name=name, exact=True)
    if tab.count() == 0:  # the tabs that do not fit are in a menu
        visitor.locator(".overflow-menu > button").click()
        visitor.locator(".overflow-dropdown button", has_text=name).click()
    else:
        tab.click()
    opened = visitor.get_by_role("tab", name=name, exact=True, selected=True)
    in_menu = visitor.locator(".overflow-dropdown button.selected", has_text=name)
    opened.or_(in_menu).first.wait_for(state="attached")
    settle(visitor)


def settle(visitor: Any) -> None:
    """Wait until the pictures and canvases of the open tab have their sizes."""
    visitor.wait_for_function(
        """() => {
            const seen = (kind) => [...document.querySelectorAll(kind)].filter((each) => each.offsetParent);
            const shown = seen(".result img, .source img, .many img");
            return shown.length && shown.every((each) => each.complete && each.naturalWidth)
                && seen(".drawing canvas").every((each) => each.style.width);
        }"""
    )


def address(visitor: Any) -> str:
    """Where the result of the open tab is."""
    return str(visitor.locator(".result img:visible").first.get_attribute("src"))


def next_result(visitor: Any, old: str) -> np.ndarray:
    """The pixels of the next result."""
    new = visitor.wait_for_function(
        """old => [...document.querySelectorAll('.result img')]
            .filter(e => e.offsetParent && e.src && e.src !== old).map(e => e.src)[0]""",
        arg=old,
    )
    return pixels(visitor, new.json_value())


def pixels(visitor: Any, url: str) -> np.ndarray:
    with Image.open(BytesIO(visitor.request.get(url).body())) as picture:
        return np.asarray(picture.convert("RGB"), int)


def message(visitor: Any, part: str) -> str:
    """The sentence of the open tab, once it has this part."""
    return str(visitor.locator("[role=alert]:visible", has_text=part).first.inner_text())


def wait_for_result(visitor: Any, fits: Callable[[np.ndarray], bool]) -> None:
    """Look at the result until it is as it should be."""
    for _ in range(TIMEOUT // 500):
        if fits(pixels(visitor, address(visitor))):
            return
        visitor.wait_for_timeout(500)
    pytest.fail("the result never became what it should be")


def corner(visitor: Any, selector: str) -> tuple[float, float, float, float]:
    """Left, top, right and lower edge on the screen."""
    box = visitor.locator(selector).locator("visible=true").first.bounding_box()
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def test_the_picture_follows_the_brush(visit: Callable[..., Any]) -> None:
    visitor = visit("Paint a street")
    assert visitor.locator("h1").inner_text() == page.TITLE
    start = address(visitor)  # the result of the example is there
    first = pixels(visitor, start)
    assert first.shape == (360, 480, 3)
    tree = visitor.locator(f"[data-colour='{TREE}']")
    tree.click()
    assert visitor.locator(".colours [aria-pressed=true]").all_inner_texts() == ["tree"]
    left, top, right, bottom = corner(visitor, "canvas")
    visitor.mouse.move(left + 0.3 * (right - left), top + 0.1 * (bottom - top))
    visitor.mouse.down()
    visitor.mouse.move(left + 0.8 * (right - left), top + 0.1 * (bottom - top), steps=8)
    next_result(visitor, start)  # before the brush is lifted
    visitor.mouse.up()

    def painted(result: np.ndarray) -> bool:
        change = np.abs(result - first).mean(-1)
        return bool(change[20:52, 150:380].mean() > 2 * change[250:].mean())

    wait_for_result(visitor, painted)
    visitor.get_by_role("button", name="Undo").first.click()
    wait_for_result(visitor, lambda result: np.array_equal(result, first))


def test_scenes_undo_download_gallery_and_slider(visit: Callable[..., Any], tmp_path: Path) -> None:
    visitor = visit("Paint a street")
    start = address(visitor)
    visitor.get_by_role("button", name="Random scene").click()
    scene = next_result(visitor, start)
    with visitor.expect_download() as download:
        visitor.locator(".result a[download]:visible, .result button[aria-label*=ownload]:visible").first.click()
    download.value.save_as(tmp_path / "saved.png")
    assert download.value.suggested_filename.startswith("pix2pix-camvid")
    with Image.open(tmp_path / "saved.png") as saved:
        np.testing.assert_array_equal(np.asarray(saved.convert("RGB"), int), scene)
    visitor.locator(".thumbnail-item img:visible, .grid-wrap img:visible").first.wait_for()
    visitor.get_by_label("Before and after in one picture").locator("visible=true").check()
    playwright.expect(visitor.locator(".result img:visible")).to_have_count(2)
    visitor.locator("button", has_text="Licence and limits").locator("visible=true").click()
    playwright.expect(visitor.get_by_text("states no licence").first).to_be_visible()


def test_a_sketch_of_the_examples_becomes_another_emoji(visit: Callable[..., Any]) -> None:
    visitor = visit("Sketch to emoji")
    start = address(visitor)
    visitor.locator(".examples button:visible img").nth(1).click()
    cake = next_result(visitor, start)
    start = address(visitor)
    visitor.get_by_role("button", name="Clear").locator("visible=true").click()
    assert np.abs(next_result(visitor, start) - cake).mean() > 5


def test_a_joint_is_dragged_and_the_person_follows(visit: Callable[..., Any]) -> None:
    visitor = visit("Copy a pose")
    start = address(visitor)
    wrist = visitor.locator("[data-joint='7']:not(.joint):visible").first
    box = wrist.bounding_box()
    visitor.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visitor.mouse.down()
    visitor.mouse.move(box["x"] + 40, box["y"] - 160, steps=6)
    visitor.mouse.up()
    visitor.wait_for_function(
        """top => [...document.querySelectorAll("[data-joint='7']:not(.joint)")]
            .some(joint => joint.checkVisibility() && joint.getBoundingClientRect().top < top)""",
        arg=box["y"] - 140,
    )
    assert next_result(visitor, start).shape == (256, 128, 3)
    visitor.get_by_label("arms-up").check(force=True)
    person, own, _ = first_person()
    poses = [pose_in(as_text(pose, (256, 128)))[0] for pose in (named_pose("arms-up", own), own)]
    made = i2i_zoo.load("pix2pix_pose-people").translate(person, poses[0], source_pose=poses[1])
    wait_for_result(visitor, lambda result: np.abs(result - np.asarray(made, int)).mean() < 0.5)
    start = address(visitor)
    visitor.get_by_role("button", name="Random person").click()
    next_result(visitor, start)


def test_clips_loop_and_content_and_motion_have_seeds(visit: Callable[..., Any]) -> None:
    visitor = visit("Make clips")
    clips = visitor.locator(".grid-wrap img:visible")
    playwright.expect(clips).to_have_count(4)
    first = clips.first.get_attribute("src")
    with Image.open(BytesIO(visitor.request.get(first).body())) as clip:
        assert clip.n_frames == 13
        assert clip.info["loop"] == 0
    visitor.get_by_label("Seed of one content").fill("3")
    playwright.expect(clips.first).not_to_have_attribute("src", first)
    visitor.get_by_label("Seed of one content").fill("three")
    message(visitor, "--content-seed three: give a whole number")
    moving = visit("Animate")
    playwright.expect(moving.get_by_label("Before and after in one picture").locator("visible=true")).to_have_count(0)
    with Image.open(BytesIO(moving.request.get(address(moving)).body())) as clip:
        assert clip.n_frames == 16


def test_two_visitors_at_once_get_each_their_own(visit: Callable[..., Any], tmp_path: Path) -> None:
    photo, painter = visit("Restyle a photo"), visit("Paint a street")
    starts = address(photo), address(painter)
    Image.effect_noise((1000, 1000), 60).convert("RGB").save(tmp_path / "photo.png")
    upload(photo, tmp_path / "photo.png")
    painter.get_by_role("button", name="Random scene").click()
    styled, painted = next_result(photo, starts[0]), next_result(painter, starts[1])
    assert styled.shape == (1000, 1000, 3)
    assert painted.shape == (360, 480, 3)


def test_who_waits_sees_the_place_in_the_queue(visit: Callable[..., Any]) -> None:
    visitors = [visit("Paint a street") for _ in range(3)]
    start = address(visitors[2])
    working, go_on = threading.Event(), threading.Event()

    def wait(*_: Any) -> None:
        working.set()
        go_on.wait()

    hook = register_module_forward_pre_hook(wait)
    try:
        for number, visitor in enumerate(visitors):
            visitor.get_by_role("button", name="Random scene").click()
            if number == 0:
                assert working.wait(TIMEOUT / 1000)
            else:
                place = visitor.locator(".result").get_by_text(f"queue: {number}/{number}").locator("visible=true")
                playwright.expect(place).to_have_count(1)
    finally:
        hook.remove()
        go_on.set()
    next_result(visitors[2], start)


def test_a_full_page_says_so(visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    visitor = visit("Restyle a photo")
    start = address(visitor)
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "small.png")
    with monkeypatch.context() as full:
        full.setattr(limits, "DISK", -1)
        for work in (
            lambda: upload(visitor, tmp_path / "small.png"),
            lambda: visitor.get_by_role("button", name="Random street").locator("visible=true").click(),
        ):
            work()
            playwright.expect(visitor.locator(".toast-body")).to_contain_text(limits.FULL)
            visitor.locator(".toast-close").first.click()
            playwright.expect(visitor.locator(".toast-body")).to_have_count(0)
    assert address(visitor) == start
    upload(visitor, tmp_path / "small.png")
    assert next_result(visitor, start).shape == (64, 64, 3)


def upload(visitor: Any, file: Path) -> None:
    """Put a file in the place of the picture."""
    visitor.locator(".tabitem:visible .source input[type=file]").first.set_input_files(file)


def promise(width: int, height: int) -> bytes:
    """A PNG file whose header promises pixels that it does not hold."""
    header = struct.pack(">4sIIBBBBB", b"IHDR", width, height, 8, 2, 0, 0, 0)
    chunks = [
        struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in (header, b"IDAT")
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def bad_files(folder: Path) -> dict[str, str]:
    """Names of bad pictures, and what the page says about each."""
    noise = BytesIO()
    Image.effect_noise((400, 300), 80).save(noise, "JPEG")
    (folder / "words.png").write_text("not a picture")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(noise.getvalue()[: len(noise.getvalue()) // 2])
    Image.new("RGBA", (64, 64), (255, 0, 0, 90)).save(folder / "clear.png")
    (folder / "sound.png").write_bytes(b"")
    with wave.open(str(folder / "sound.png"), "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(8000))
    (folder / "huge.png").write_bytes(promise(9000, 8000))
    (folder / "bomb.png").write_bytes(promise(2**30, 2**30))
    return {
        "words.png": "words.png is not a picture that can be read",
        "empty.jpg": "empty.jpg is not a picture that can be read",
        "cut.jpg": "cut.jpg: the picture cannot be read (image file is truncated",
        "clear.png": "clear.png: the picture has transparent pixels",
        "sound.png": "sound.png is not a picture that can be read",
        "huge.png": "huge.png has more than 64 million pixels",
        "bomb.png": "bomb.png has more than 64 million pixels",
    }


def test_every_kind_of_bad_file_gets_its_sentence(
    visit: Callable[..., Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    visitor = visit("Restyle a photo")
    start = address(visitor)
    for name, sentence in bad_files(tmp_path).items():
        upload(visitor, tmp_path / name)
        assert str(tmp_path) not in message(visitor, sentence)
        assert address(visitor) == start  # the result before it is still there
    Image.new("RGB", (6000, 4000), "teal").save(tmp_path / "camera.jpg")
    upload(visitor, tmp_path / "camera.jpg")
    message(visitor, "camera.jpg has 6000x4000 pixels, 24 million")
    visitor.get_by_role("button", name="Scale it down to 1254x836").click()
    assert next_result(visitor, start).shape == (836, 1254, 3)
    playwright.expect(visitor.locator("[role=alert]:visible")).to_have_count(0)
    with open(tmp_path / "long.png", "wb") as file:
        file.truncate(limits.UPLOAD + 1)
    upload(visitor, tmp_path / "long.png")
    refusal = visitor.locator(".toast-body")
    playwright.expect(refusal).to_contain_text('exceed the maximum allowed size of 30.0 Mb: "long.png"')
    playwright.expect(refusal.get_by_text("Error", exact=True)).not_to_be_visible()
    visitor.locator(".toast-close").first.click()

    painter = visit("Paint a street")
    Image.effect_noise((64, 64), 80).convert("RGB").save(tmp_path / "photo.png")
    for name, sentence in {
        "words.png": "words.png is not a picture",
        "photo.png": "of the pixels have no colour of the palette",
    }.items():
        painter.locator("input[type=file]:not(.source input)").first.set_input_files(tmp_path / name)
        message(painter, sentence)

    poser = visit("Copy a pose")
    (tmp_path / "pose.json").write_text('{"people": "nobody"}')
    (tmp_path / "film.mp4").write_bytes(b"not a film")
    for name in ("pose.json", "film.mp4", "words.png"):
        poser.locator(".tabitem:visible .buttons input[type=file]").first.set_input_files(tmp_path / name)
        assert str(tmp_path) not in message(poser, name)

    animator = visit("Animate")
    animator.locator(".driving [aria-label=Clear], .driving [aria-label*=emove]").locator("visible=true").first.click()
    animator.locator(".tabitem:visible .driving input[type=file]").first.set_input_files(tmp_path / "film.mp4")
    message(animator, "film.mp4")
    log = "".join(capfd.readouterr())
    assert "Traceback" not in log


def test_it_works_on_a_phone(visit: Callable[..., Any]) -> None:
    visitor = visit("Paint a street", 390, 844, has_touch=True, is_mobile=True)
    assert visitor.evaluate("document.documentElement.scrollWidth") == 390
    start, canvas, result = address(visitor), corner(visitor, "canvas"), corner(visitor, ".result img")
    tools, colours = corner(visitor, ".tools"), corner(visitor, ".colours")
    buttons = corner(visitor, ".buttons")
    assert buttons[3] <= canvas[1] < canvas[3] <= tools[1] < tools[3] <= colours[1] < colours[3] <= result[1]
    assert result[3] <= 844  # one sees both at once
    assert canvas[2] - canvas[0] > 340
    for left, _, right, _ in (canvas, tools, buttons, result):
        assert left >= 0
        assert right <= 390
    visitor.locator(f"[data-colour='{TREE}']").tap()
    visitor.touchscreen.tap(canvas[0] + 150, canvas[1] + 30)
    next_result(visitor, start)
    open_tab(visitor, "Sketch to emoji")
    assert corner(visitor, "canvas")[2] <= 390
    assert visitor.evaluate("document.documentElement.scrollWidth") == 390
    open_tab(visitor, "Copy a pose")
    person, figure, result = (corner(visitor, part) for part in (".source img", ".figure svg", ".result img"))
    assert person[2] <= figure[0]
    assert max(person[3], figure[3]) <= result[1]
    assert result[3] <= 844
    assert visitor.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize(("host", "reached"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_only_this_machine_sees_the_page_unless_one_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, host: str, reached: bool
) -> None:
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")  # which others may have set for their own pages
    built = page.build(["pix2pix-edges2emoji"])
    options = {} if host == page.HOST else {"host": host}
    port = int(page.launch(built, prevent_thread_lock=True, quiet=True, **options).rstrip("/").rpartition(":")[2])
    try:
        for other in ("127.0.0.1", "127.0.0.2"):  # Linux has all of 127.*
            with socket.socket() as connection:
                assert (connection.connect_ex((other, port)) == 0) == (reached or other == "127.0.0.1")
    finally:
        built.close()
