from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import i2i_zoo
import tiny
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import height_width
from i2i_zoo.methods.adain import AdaIN
from i2i_zoo.methods.cyclegan import CycleGAN
from i2i_zoo.methods.munit import MUNIT
from i2i_zoo.methods.spade import SPADE
from i2i_zoo.networks.initialization import init_kaiming

#: What an AdaIN takes.
ADAIN = "style, alpha, weights, masks, preserve_colour, style_size, size"
MUNITS = "direction, style, seed, size, tile"

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A checkpoint whose outputs have the sizes and nothing else of interest."""
    torch.manual_seed(0)
    i2i_zoo.save(tiny.model(norm="instance"), tmp_path / "model")
    return "model"


def picture(path: str, size: tuple[int, int] = (64, 64), seed: int = 0) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(file)
    return file


def files(folder: str) -> set[str]:
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def test_help_lists_and_facts_answer_without_torch() -> None:
    """Importing it would take seconds."""
    script = """
import sys
from i2i_zoo.cli.main import main
assert main(["list"]) == main(["info", "pix2pix-facades"]) == 0 and main(["info", "nothing"]) == 1
try:
    main(["--help"])
except SystemExit as stop:
    assert stop.code == 0
assert "torch" not in sys.modules
"""
    run = [sys.executable, "-c", script]
    result = subprocess.run(run, capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert "translate" in result.stdout
    assert "fit" in result.stdout


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"i2i-zoo {i2i_zoo.__version__}\n"


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["trnslate"],
        ["translate"],
        ["list", "--nothing"],
        ["translate", "pix2pix-camvid", "x", "--batch", "0"],
        ["data", "x"],
    ],
)
def test_a_wrong_command_is_one_line_and_status_2(argv, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("i2i-zoo")
    assert error.count("\n") == 1


def test_a_mistake_is_one_sentence_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "pix2pix-camvd"]) == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("i2i-zoo: ")
    assert "pix2pix-camvid" in error
    assert error.count("\n") == 1


def test_list_and_its_filters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["NAME", "TASK", "METHOD", "DATASET", "LICENCE", "SIZE", "WEIGHTS"]
    assert [row.split()[0] for row in rows] == i2i_zoo.list_models()

    for argv, names in {
        ("*shoes*",): i2i_zoo.list_models("*shoes*"),
        ("--bundled",): i2i_zoo.list_models(bundled=True),
        ("--license", "other", "--method", "pix2pix", "--task", "paired"): [
            "pix2pix-camvid",
            "pix2pix-camvid-colour",
            "pix2pix-camvid-photo2labels",
        ],
    }.items():
        assert main(["list", *argv]) == 0
        assert [row.split()[0] for row in capsys.readouterr().out.splitlines()[1:]] == names
        assert names
    assert main(["list", "nothing-*"]) == 1


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "pix2pix-*", "--json"]) == 0
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert list(found) == i2i_zoo.list_models("pix2pix-*")
    camvid = found["pix2pix-camvid"]
    assert camvid["dataset"] == "CamVid"
    assert camvid["recipe"] == "pix2pix/camvid"
    assert camvid["bytes"] > 1e6
    assert (found["pix2pix-facades"]["weights"], found["pix2pix-facades"]["bytes"]) == ("official", None)
    assert main(["list", "pix2pix-camvd", "--json"]) == 1
    out, error = capsys.readouterr()
    assert json.loads(out) == []
    assert error == "i2i-zoo: No checkpoint matches pix2pix-camvd; did you mean pix2pix-camvid?\n"


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_tables_and_facts_fit_the_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["list", "pix2pix-*"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == i2i_zoo.list_models("pix2pix-*"), "each has its row"
    assert max(map(len, (header, *rows))) <= columns
    assert header.split()[0] == "NAME"
    assert len(header.split()) == {40: 2, 60: 4, 80: 4, 200: 7}[columns]
    assert main(["info", "pix2pix-camvid"]) == 0
    facts, _, _ = capsys.readouterr().out.partition("\n\n")
    assert columns == 40 or all(len(line) <= columns or "://" in line for line in facts.splitlines()), (
        "but for an address"
    )
    assert "Trained on CamVid (Brostow, Fauqueur, Cipolla 2009)" in " ".join(facts.split()), "nothing is lost"


@pytest.mark.parametrize("verb", ["fit", "validate", "test", "predict"])
def test_help_of_training_is_short_and_has_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--help", "-h"):
        assert main([verb, "--config", "pix2pix/camvid", option]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith(f"usage: i2i-zoo {verb} ")
        assert len(lines) < 30
        assert max(map(len, lines)) <= 80
        assert sum(line.startswith(f"  i2i-zoo {verb} ") for line in lines) >= 3
        assert any(line.startswith("  --help-all ") for line in lines)


def test_all_options_are_under_help_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--help-all"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert "--trainer.max_epochs" in out
    assert "--trainer.gradient_clip_val" in out
    assert "--init_from" in out


def test_data_are_checked_before_training(capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("train", "val", "test"):
        for i in range(2):
            picture(f"pairs/{split}/{i}.png", (64, 32), seed=i + 2 * len(split))
    line = "data check --data PairedData --data.root pairs --data.load_size=32 --data.crop_size=32 --rows 1 -o a.png"
    assert main(line.split()) == 0
    out, error = capsys.readouterr()
    assert out.startswith("PairedData\n  train        2 items\n")
    assert out.endswith("a.png  what training will see: source, target\n")
    assert error == ""
    assert height_width(Path("a.png")) == (32, 64)

    picture("pairs/val/0.png", (64, 32), seed=2 * len("train"))
    assert main(line.split()) == 0, "a warning is no error"
    assert capsys.readouterr().err.startswith("i2i-zoo: warning: 1 file of val is also in train")
    Path("pairs/train/0.png").write_text("no picture")
    assert main([*line.split(), "--data.flip", "false"]) == 1
    assert capsys.readouterr().err.startswith(
        "i2i-zoo: error: train: 1 file is broken or cannot be used: pairs/train/0"
    )

    recipe = {"model": "Pix2Pix", "data": {"class_path": "SyntheticPairs", "init_args": {"train": 1, "size": 64}}}
    Path("scenes.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["data", "check", "scenes.yaml", "--data.val", "1", "--data.test=1", "--data.size", "32"]) == 0
    facts = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" " * 15)]
    assert facts[:4] == ["SyntheticPairs", "  train        1 item", "  val          1 item", "  test         1 item"]
    assert height_width(Path("data-check.png"))[0] == 32


def test_files_folders_and_globs_keep_their_places(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    single = picture("single.jpg", (70, 50))
    for name in ("a.png", "b/a.JPG", "b/c/d.webp"):
        picture(f"folder/{name}")
    Path("folder/notes.txt").write_text("no picture")
    for name in ("x/1.png", "x/2.png", "y/1.png"):
        picture(f"globbed/{name}")
    # Options before, between and behind the inputs.
    assert main(["translate", model, "-o", "out", str(single), "--batch", "2", "folder", "globbed/*/1.png"]) == 0
    assert files("out") == {"single.png", "a.png", "b/a.png", "b/c/d.png", "x/1.png", "y/1.png"}
    assert "6 translated" in capsys.readouterr().out
    assert height_width(Path("out/single.png")) == (50, 70)
    expected = i2i_zoo.load(model, device="cpu").translate(single)
    assert np.abs(np.asarray(Image.open("out/single.png")).astype(int) - np.asarray(expected)).max() <= 1


def test_a_batch_of_mixed_sizes_gives_what_each_gives_alone(model: str) -> None:
    sizes = [(64, 64), (80, 48), (64, 64), (33, 97), (80, 48)]
    sources = [str(picture(f"in/{i}.png", size, seed=i)) for i, size in enumerate(sizes)]
    assert main(["translate", model, "in", "-o", "out", "--batch", "4", "--device", "cpu"]) == 0
    loaded = i2i_zoo.load(model)
    for i, source in enumerate(sources):
        found = np.asarray(Image.open(f"out/{i}.png")).astype(int)
        assert np.abs(found - np.asarray(loaded.translate(source))).max() <= 1


def test_size(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture("a.png", (100, 90))
    assert main(["translate", model, "a.png", "--size", "48", "80"]) == 0
    assert height_width(Path("translated/a.png")) == (48, 80)
    assert main(["translate", model, "a.png", "--size", "70", "--overwrite"]) == 0
    assert height_width(Path("translated/a.png")) == (70, 70)
    assert main(["translate", model, "a.png", "--size", "1", "2", "3"]) == 1
    assert "size=(1, 2, 3): give a positive whole number, or two of them" in capsys.readouterr().err


def test_what_is_done_is_skipped_unless_told_otherwise(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture("in/a.png")
    picture("in/b.png")
    Path("out").mkdir()
    Path("out/a.png").write_text("done before")
    assert main(["translate", model, "in", "-o", "out"]) == 0
    assert "1 translated, 1 were there already" in capsys.readouterr().out
    assert Path("out/a.png").read_text() == "done before"
    assert main(["translate", model, "in", "-o", "out", "--overwrite"]) == 0
    assert height_width(Path("out/a.png")) == (64, 64)
    assert main(["translate", model, "in", "-o", "out"]) == 0
    assert main(["translate", "nothing", "in", "-o", "out"]) == 1  # although there is nothing to do


def test_carries_on_past_what_cannot_be_read(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(5):
        picture(f"in/{i}.png", seed=i)
    whole = Path("in/1.png").read_bytes()
    Path("in/1.png").write_bytes(whole[: len(whole) // 2])
    Path("in/3.png").write_text("")
    np.save("in/5.npy", np.full((64, 64, 3), 7.0))  # floats, but not in [0, 1]
    assert main(["translate", model, "in", "-o", "out", "--batch", "2"]) == 1
    assert files("out") == {"0.png", "2.png", "4.png"}
    out, error = capsys.readouterr()
    assert "3 translated, 3 could not be: out" in out
    for name in ("1.png", "3.png", "5.npy"):
        assert error.count(f"i2i-zoo: in/{name}: ") == 1


def test_one_result_is_written_under_a_name_of_its_own(model: str) -> None:
    picture("in/a.png")
    assert main(["translate", model, "in/a.png", "-o", "out"]) == 0
    assert main(["translate", model, "in/a.png", "-o", "new/b.png"]) == 0
    assert Path("new/b.png").read_bytes() == Path("out/a.png").read_bytes()
    assert [path.name for path in Path("new").iterdir()] == ["b.png"]


@pytest.mark.parametrize(
    ("inputs", "output", "sentence"),
    [
        (["in/a.png", "in/sub/a.jpg"], "out", "would both be written to out/a.png"),
        (["in"], "in", "choose a folder outside it"),
        (["in"], "in/results", "choose a folder outside it"),
        (["in/a.png"], "in", "the result would replace an input"),
        (["missing.png"], "out", "missing.png: there is no such file or folder"),
        (["in/*.gif"], "out", "in/*.gif: there is no such file or folder"),
        (["empty"], "out", "empty: the folder holds no pictures"),
        (["in"], "out.png", "-o out.png: this is one file, and there are 2 results; name a folder"),
        (["in/a.png"], "out.jpg", "-o out.jpg: the result for in/a.png is written as .png; name such a file"),
        (["in/a.png"], "in/a.png", "the result would replace an input"),
        (["in/a.png"], "model/config.json", "-o model/config.json: the result for in/a.png is written as .png"),
    ],
)
def test_refused_before_anything_is_done(
    inputs, output, sentence, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    picture("in/a.png")
    picture("in/sub/a.jpg")
    Path("empty").mkdir()
    before = files(".")
    assert main(["translate", model, *inputs, "-o", output]) == 1
    assert sentence in capsys.readouterr().err
    assert files(".") == before


def test_a_folder_that_cannot_be_made(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture("a.png")
    assert main(["translate", model, "a.png", "-o", "model/config.json/out"]) == 1
    assert "a.png: the picture cannot be written (Not a directory)" in capsys.readouterr().err


def test_a_device_that_is_not_there(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture("a.png")
    assert main(["translate", model, "a.png", "--device", "toaster"]) == 1
    assert "device 'toaster' cannot be used here" in capsys.readouterr().err


def test_no_input_and_no_example(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", model]) == 1
    assert "ships no example" in capsys.readouterr().err


def test_convert_a_checkpoint_of_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *tiny.ARGS]) == 0
    run = Path("runs/pix2pix-syntheticpairs/version_0")
    assert main(["convert", "pix2pix", str(run / "checkpoints/last.ckpt"), "-o", "converted"]) == 0
    one, other = i2i_zoo.load("converted").state_dict(), i2i_zoo.load(run / "model").state_dict()
    assert all(torch.equal(value, one[key]) for key, value in other.items())
    assert main(["convert", "pix2pix", "a.pth", "b.pth", "-o", "converted"]) == 1
    assert "Say which network each file is for" in capsys.readouterr().err


def test_convert_files_by_network() -> None:
    source = tiny.model(norm="batch")
    source.configure_model()
    cli_files = []
    for name in ("generator", "discriminator"):
        # Not the authors' layout, so that the mistake is found and named.
        torch.save(getattr(source, name).state_dict(), f"{name}.pth")
        cli_files.append(f"{name}={name}.pth")
    assert main(["convert", "pix2pix", *cli_files, "-o", "converted"]) == 1
    assert not Path("converted").exists()


def test_data_knows_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "fetch", "nothing"]) == 1
    assert "facades" in capsys.readouterr().err
    assert main(["data", "prepare", "nothing", "."]) == 1
    assert "camvid" in capsys.readouterr().err


@pytest.mark.slow
def test_several_processes_translate_as_one_does(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(5):
        picture(f"in/{i}.png", size=(64, 48 + i), seed=i)
    Path("in/broken.png").write_text("no picture")
    results = []
    for out, devices in (("one", "1"), ("two", "2")):
        command = ["translate", model, "in", "-o", out, "--device", "cpu", "--batch", "2", "--devices", devices]
        assert main(command) == 1
        captured = capsys.readouterr()
        results.append((captured.out.replace(out, ""), captured.err.splitlines()[-1]))
        assert files(out) == {f"{i}.png" for i in range(5)}
    assert results[0] == results[1]
    assert "in/broken.png" in results[0][1]
    for name in files("one"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()


@pytest.mark.slow
def test_processes_end_with_the_first_one(model: str) -> None:
    for i in range(40):
        picture(f"in/{i}.png", size=(256, 256), seed=i)
    command = [sys.executable, "-m", "i2i_zoo", "translate", model, "in", "--device=cpu", "--devices=2", "--batch=1"]
    # Every process of the command holds the end of this pipe.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT) as process:
        while not any(Path().glob("translated/*.png")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert select.select([process.stdout], [], [], 20)[0], "a process is still there"
        assert process.stdout is not None
        assert process.stdout.read() == b""
    assert len(list(Path().glob("translated/*.png"))) < 40


@pytest.fixture
def two_domains() -> str:
    """A CycleGAN, both ways."""
    torch.manual_seed(0)
    i2i_zoo.save(CycleGAN(generator="resnet_6", width=2), "two")
    return "two"


@pytest.fixture
def styled() -> str:
    """A MUNIT whose styles show."""
    torch.manual_seed(0)
    made = MUNIT(width=2, blocks=1, style=3, hidden=4)
    with torch.no_grad():
        for coder in (made.autoencoder_a, made.autoencoder_b):
            coder.perceptron[-1].weight.mul_(20)
    i2i_zoo.save(made, "styled")
    return "styled"


def pixels(path: str | Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def check_translations(name: str, options: list[str], expected: dict[str, Any], devices: int = 1) -> None:
    """The pictures in ``in`` are translated by the command line as by ``translate``."""
    command = ["translate", name, "in", "-o", "out", "--overwrite", "--device", "cpu", "--batch", "2"]
    assert main([*command, "--devices", str(devices), *options]) == 0
    model = i2i_zoo.load(name)
    for source in sorted(Path("in").iterdir()):
        assert np.abs(pixels(f"out/{source.name}") - np.asarray(model.translate(source, **expected))).max() <= 1


def test_direction_style_and_seed_reach_the_model(two_domains: str, styled: str) -> None:
    sources = [picture(f"in/{i}.png", (32, 24), seed=i) for i in range(3)]
    example = picture("style.png", (40, 40), seed=9)
    for name, options, expected in (
        (two_domains, ["--direction", "ba"], {"direction": "ba"}),
        (two_domains, ["--direction", "ab", "--size", "16"], {"size": 16}),
        (styled, ["--seed", "3"], {"seed": 3}),
        (styled, ["--style", str(example), "--direction", "ba"], {"style": example, "direction": "ba"}),
    ):
        check_translations(name, options, expected)
        plain = i2i_zoo.load(name).translate(sources[0])
        found = pixels("out/0.png")
        assert found.shape[:2] != plain.size[::-1] or np.abs(found - np.asarray(plain)).max() > 3


@pytest.mark.slow
def test_conditions_reach_the_model_in_several_processes(styled: str, any_style: str) -> None:
    for i in range(3):
        picture(f"in/{i}.png", (32, 24), seed=i)
    example = str(picture("style.png", (40, 40), seed=9))
    check_translations(styled, ["--seed", "3", "--direction", "ba"], {"seed": 3, "direction": "ba"}, devices=2)
    options = ["--style", example, "--style", "in/0.png", "--weights", "1", "3", "--alpha", "0.3", "--size", "16"]
    expected = {"style": [example, "in/0.png"], "weights": [1, 3], "alpha": 0.3, "size": 16}
    check_translations(any_style, options, expected, devices=2)


def test_a_seed_is_one_style_whatever_the_batch() -> None:
    torch.manual_seed(0)
    made = SPADE(labels=3, width=2, upsampling="normal", hidden=4, latent=4, latent_size=[32, 32], encoder_width=2)
    made.preprocess = made.preprocess_type.from_json({"size": [32, 32]}, "test")
    i2i_zoo.save(made, "spade")
    for name in "ab":
        Image.fromarray(np.eye(32, dtype=np.uint8)).save(f"{name}.png")
    assert main(["translate", "spade", "a.png", "b.png", "-o", "out", "--seed", "5"]) == 0
    assert np.array_equal(pixels("out/a.png"), pixels("out/b.png"))
    assert main(["translate", "spade", "a.png", "-o", "other", "--seed", "6"]) == 0
    assert not np.array_equal(pixels("out/a.png"), pixels("other/a.png"))


@pytest.fixture
def any_style() -> str:
    """An AdaIN whose encoder is random."""
    torch.manual_seed(0)
    i2i_zoo.save(init_kaiming(AdaIN(width=2)), "any-style")
    return "any-style"


def test_styles_reach_the_model(any_style: str) -> None:
    for i in range(3):
        picture(f"in/{i}.png", (32, 24), seed=i)
    one, other = (str(picture(f"{name}.png", (40, 30), seed=seed)) for name, seed in (("one", 8), ("other", 9)))
    mask, rest = np.zeros((24, 32), np.uint8), np.full((24, 32), 255, np.uint8)
    mask[:, 16:] = 255
    for name, array in (("mask.png", mask), ("rest.png", rest - mask)):
        Image.fromarray(array).save(name)
    both = ["--style", one, "--style", other]
    for options, expected in (
        (["--style", one], {"style": one}),
        (
            ["--style", one, "--alpha", "0.3", "--size", "16", "--style-size", "20"],
            {"style": one, "alpha": 0.3, "size": 16, "style_size": 20},
        ),
        ([*both, "--weights", "1", "3"], {"style": [one, other], "weights": [1, 3]}),
        (
            [*both, "--mask", "mask.png", "--mask", "rest.png"],
            {"style": [one, other], "masks": ["mask.png", "rest.png"]},
        ),
        (["--style", one, "--preserve-colour"], {"style": one, "preserve_colour": True}),
    ):
        check_translations(any_style, options, expected)


def test_a_model_of_any_style_needs_one(any_style: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture("a.png")
    for options, sentence in (
        ([], "This AdaIN needs style (--style): a picture whose style to take; several are mixed."),
        (["--seed", "1"], f"This AdaIN takes no seed: leave it out; it takes {ADAIN}."),
        (["--preserve_colour"], "AdaIN: there is no option --preserve_colour; did you mean --preserve-colour?"),
        (["--style", "missing.png"], "missing.png: there is no such file; check the path."),
        (["--style", "a.png", "--mask", "missing.png"], "missing.png: there is no such file; check the path."),
        (["--style", "a.png", "--weights", "1", "2"], "1 styles and 2 weights were given; give one each."),
        (["--style", "a.png", "--tile", "64"], f"This AdaIN takes no tile: leave it out; it takes {ADAIN}."),
    ):
        assert main(["translate", any_style, "a.png", *options]) == 1
        assert capsys.readouterr().err == f"i2i-zoo: {sentence}\n"
        assert not Path("translated").exists()


def test_a_checkpoint_with_an_example_of_a_style() -> None:
    assert main(["translate", "adain-small", "--device", "cpu"]) == 0
    result = pixels("translated/adain-small.png")
    height, width = result.shape[:2]
    assert height_width(Path("translated/adain-small-beside.png")) == (height, 3 * width)
    folder = Path(i2i_zoo.__file__).parent / "checkpoints" / "adain-small"
    expected = i2i_zoo.load("adain-small").translate(folder / "example.png", folder / "example-style.png")
    assert np.abs(result - np.asarray(expected)).max() <= 1


def test_large_pictures_in_tiles(two_domains: str, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    i2i_zoo.save(CycleGAN(generator="resnet_6", width=2, norm="none"), "local")
    source = picture("large.png", (300, 200))
    whole = np.asarray(i2i_zoo.load("local").translate(source)).astype(int)
    assert main(["translate", "local", str(source), "-o", "out", "--tile", "160"]) == 0
    assert np.abs(pixels("out/large.png") - whole).max() <= 1
    assert main(["translate", two_domains, str(source), "-o", "other", "--tile", "160"]) == 1
    assert "instance norm" in capsys.readouterr().err


def test_options_that_a_model_does_not_take(
    model: str, two_domains: str, styled: str, capsys: pytest.CaptureFixture[str]
) -> None:
    picture("a.png")
    torch.manual_seed(0)
    i2i_zoo.save(CycleGAN(generator="resnet_6", width=2, directions="ab"), "one-way")
    for name, options, sentence in (
        (model, ["--direction", "ba"], "This Pix2Pix takes no direction: leave it out; it takes size, tile."),
        (model, ["--style", "a.png"], "This Pix2Pix takes no style: leave it out; it takes size, tile."),
        (model, ["--alpha", "0.5"], "This Pix2Pix takes no alpha: leave it out; it takes size, tile."),
        (
            styled,
            ["--mask", "a.png"],
            "This MUNIT takes no mask: leave it out; it takes direction, style, seed, size, tile.",
        ),
        (
            *(styled, ["--style", "a.png", "--style", "a.png"]),
            "--style was given 2 times: this model takes one.",
        ),
        (two_domains, ["--seed", "1"], "This CycleGAN takes no seed: leave it out; it takes direction, size, tile."),
        ("one-way", ["--direction", "ba"], "direction='ba': give 'ab', which is the only one."),
        (styled, ["--style", "missing.png"], "missing.png: there is no such file; check the path."),
        (styled, ["--seed", "-1"], "--seed -1: give a whole number of at most 18 digits."),
        (styled, ["--seed", "1" * 19], f"seed={'1' * 19}: give a whole number of at most 18 digits."),
        (styled, ["--seed", "1", "--style", "a.png"], "Both seed and style were given: give one of them."),
        (styled, ["--direction", "up"], "direction='up': give 'ab' or 'ba'."),
    ):
        assert main(["translate", name, "a.png", *options]) == 1
        assert capsys.readouterr().err == f"i2i-zoo: {sentence}\n"
        assert not Path("translated").exists()
    # The same sentence in Python.
    with pytest.raises(ZooError, match="This Pix2Pix takes no direction: leave it out; it takes size, tile"):
        i2i_zoo.load(model).translate("a.png", direction="ba")
    # A slip in one of the command's own options.
    with pytest.raises(SystemExit) as stop:
        main(["translate", model, "a.png", "--ouput", "x"])
    assert stop.value.code == 2
    assert "did you mean --output?" in capsys.readouterr().err


def test_devices_that_are_not_there(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture("in.png")
    count = torch.cuda.device_count() + 1
    assert main(["translate", model, "in.png", "--devices", str(count + 1)]) == 1
    assert f"there are {count - 1} GPUs here" in capsys.readouterr().err
    assert main(["translate", model, "in.png", "--device", "mps", "--devices", "2"]) == 1
    assert not Path("translated").exists()
