"""The documentation: its commands are understood and run, its notebooks run, and what is made from code is current."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import i2i_zoo
from i2i_zoo.cli.main import TRAINING, WITH_CONDITIONS, build_parser, main
from i2i_zoo.data.rendered.faces import Speech, landmarks
from i2i_zoo.examples import example
from i2i_zoo.media.files import height_width
from i2i_zoo.registry import ENTRIES, METHODS
from i2i_zoo.store.sources import official_folder
from i2i_zoo.tasks.preprocess import FacePreprocess, SemanticPreprocess
from methods.every import by_method

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
METHOD_PAGES = sorted((ROOT / "docs" / "methods").glob("*.md"))
FIGURES = sorted((ROOT / "docs" / "methods" / "networks").glob("*.svg"))
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
#: A method of its parser that jsonargparse has renamed; versions before do not know the new name.
pytestmark = pytest.mark.filterwarnings(r"ignore:\s*(By default only one Jsonargparse|``instantiate_classes`` was)")

#: What stands for the checkpoints of people's own, and for official ones: the method, and options beside the tiny ones.
STAND_INS: dict[str, tuple[str, dict[str, Any]]] = {
    "my-model": ("pix2pix", {}),
    "my-mocogan": ("mocogan", {}),
    "my-vgan": ("vgan", {"variant": "conditional"}),
    "my-vid2vid": ("vid2vid", {"labels": 12, "first_frame": "nothing"}),
    "my-dancer": ("edn", {}),
    "my-face": ("vid2vid_face", {"first_frame": "nothing"}),
    "vid2vid_face-faceforensics": ("vid2vid_face", {}),
    "cyclegan-horse2zebra": ("cyclegan", {}),
    "munit-edges2shoes": ("munit", {}),
}


def commands(page: Path) -> Iterator[list[str]]:
    """The commands in a page's shell blocks as lists of words, without comments."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^ *```(?:sh|console)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words:
                end = words.index("&&") if "&&" in words else len(words)
                yield words[:end]
                words = words[end + 1 :]


def after_its_name(words: list[str]) -> tuple[str, ...]:
    """The words after ``i2i-zoo``, or after ``python -m i2i_zoo`` under a launcher."""
    return tuple(words[words.index("i2i_zoo" if "i2i_zoo" in words else "i2i-zoo") + 1 :])


#: Each command of the zoo once, as the words after its name.
ZOO = list(
    dict.fromkeys(
        after_its_name(words)
        for page in PAGES
        for words in commands(page)
        if words[0] == "i2i-zoo" or "i2i_zoo" in words
    )
)
#: Those that need no data, no weights, no other devices and no time that a test lacks.
RUN = [
    argv
    for argv in ZOO
    if argv[0] in ("list", "info", "translate", "sample")
    and "--devices" not in argv
    and argv[1:2] != ("my-dancer",)  # a video and its poses
    and not any(word.startswith("runs/") for word in argv)  # of a training
]


def name_of(argv: tuple[str, ...]) -> str:
    return " ".join(argv)[:70]


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with what the commands name: checkpoints, pictures, clips and poses, all tiny."""
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("I2I_ZOO_CACHE", str(folder / "cache"))
        for name, (method, options) in STAND_INS.items():
            tester = by_method()[method]
            torch.manual_seed(0)
            place = official_folder(ENTRIES[name]) if name in ENTRIES else Path(name)
            model = tester.method(**tester.tiny | options)
            if method == "vid2vid":
                model.adopt(SemanticPreprocess((16, 32), source_palette="camvid"))
            if method == "vid2vid_face":
                model.adopt(FacePreprocess((32, 32), name in ENTRIES))
            i2i_zoo.save(model, place)
        write_inputs()
        yield folder


def write_inputs() -> None:
    random = np.random.default_rng(0)

    def picture(height: int = 48, width: int = 64) -> Image.Image:
        return Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8))

    for folder in ("labels", "instances", "photos", "edges", "landmarks", "pictures"):
        Path(folder).mkdir()
    labels = example("pix2pix-camvid")
    for name in ("labels/1.png", "labels/2.png", "scene.png"):
        shutil.copy(str(labels), name)
    height, width = height_width(Path("scene.png"))
    for name in ("instances/1.png", "instances/2.png"):
        Image.fromarray(random.integers(0, 9, (height, width), np.uint8)).save(name)
    for name in ("photos/1.png", "edges/1.png", "painting.jpg", "beach.jpg"):
        picture().save(name)
    for number in range(2):
        face = landmarks(Speech(0, (32, 32), 10).at(number))
        np.savetxt(f"landmarks/{number}.txt", face, fmt="%.2f", delimiter=",")
        picture(32, 32).save(f"pictures/{number}.png")
    picture(32, 32).save("first.png")
    frames = [picture() for _ in range(3)]
    frames[0].save("ride.gif", save_all=True, append_images=frames[1:], duration=100)
    for name, condition in (("me.png", ""), ("me.json", "source_pose"), ("dance.json", "pose")):
        shutil.copy(str(example("pix2pix_pose-people", condition)), name)


@pytest.mark.parametrize("argv", ZOO, ids=name_of)
def test_a_command_is_understood(argv: tuple[str, ...], stand_ins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each word: the verb and its options, those of the checkpoint and, in training, of model, data and trainer."""
    verb, *args = argv
    for word in argv:
        if word.startswith(("recipes/", "tables/")):
            assert (ROOT / word).is_file()
    if verb in TRAINING:
        if "runs/deformable-market1501/version_0/config.yaml" in args:  # a run's record of its recipe
            args[args.index("--config") + 1] = "recipes/deformable/market1501.yaml"
        args = [str(ROOT / word) if word.startswith("recipes/") else word for word in args]
        if args and not args[0].startswith("-"):
            assert args[0] in ENTRIES or args[0] == "my-model" or args[0].startswith("runs/")
            recipe = ENTRIES[args[0]].recipe if args[0] in ENTRIES else None
            args = [*(["--config", str(ROOT / f"recipes/{recipe}.yaml")] if recipe else []), *args[1:]]
        args = [word for number, word in enumerate(args) if not is_of_a_run(args, number)]
        with pytest.raises(SystemExit) as end:
            main([verb, *args, "--print_config"])
        assert end.value.code in (0, None), capsys.readouterr().err
        assert "trainer:" in capsys.readouterr().out
        return
    _, known = build_parser()
    words = 2 if " ".join(argv[:2]) in known else 1
    _, unknown = known[" ".join(argv[:words])].parse_known_intermixed_args(
        [word for word in argv[words:] if word != "--help"]
    )
    if unknown:
        assert verb in WITH_CONDITIONS
        model = i2i_zoo.load(args[0])
        offered = {c.option for c in (model.sampling_conditions if verb == "sample" else model.conditions)}
        assert {word for word in unknown if word.startswith("--")} <= offered


def is_of_a_run(args: list[str], number: int) -> bool:
    """Whether a word is of an option that names a run or a checkpoint, which is looked for before options are read."""
    options = ("--init_from", "--ckpt_path", "--card")
    return args[number] in options or (number > 0 and args[number - 1] in options[:2])


@pytest.mark.slow
@pytest.mark.parametrize("argv", RUN, ids=name_of)
def test_a_command_runs(argv: tuple[str, ...], stand_ins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if "--help" in argv:
        with pytest.raises(SystemExit) as end:
            main(argv)
        assert end.value.code == 0
    else:
        assert main(argv) == 0, capsys.readouterr().err
    assert capsys.readouterr().out


def test_other_commands_name_what_is_there() -> None:
    options = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "benchmarks").glob("*.py"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = set(re.findall(r"^(\w+) = \[", project.partition("[project.optional-dependencies]")[2], re.MULTILINE))
    for page in PAGES:
        for words in commands(page):
            if words[0] == "python" and words[1].endswith(".py"):
                assert (ROOT / words[1]).is_file()
                for option in [word for word in words if word.startswith("--")]:  # given as "--size" or as size=...
                    assert f'"{option}"' in options or f"{option.removeprefix('--')}=" in options, words
        for names in re.findall(r"pip install \"(?:\.|i2i-zoo)\[([\w,]+)\]\"", page.read_text(encoding="utf-8")):
            assert set(names.split(",")) <= extras, page


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells one after the other, as Jupyter would; trainings are cut to an epoch."""
    monkeypatch.chdir(tmp_path)
    shown: list[object] = []
    names: dict[str, Any] = {"__name__": "__main__", "display": shown.append}
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert all(not cell.get("outputs") for cell in cells), "clear the outputs before you commit a notebook"
    for cell in (cell for cell in cells if cell["cell_type"] == "code"):
        code = re.sub(r"^EPOCHS = \d+", "EPOCHS = 1", "".join(cell["source"]), flags=re.MULTILINE)
        exec(compile(code, str(notebook), "exec"), names)
    assert any(isinstance(picture, Image.Image) for picture in shown)


def script(name: str) -> ModuleType:
    """A script of docs/, imported."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_method_has_a_page_and_a_figure() -> None:
    stems = {method.implementation.partition(":")[0].rpartition(".")[2] for method in METHODS.values()}
    assert {path.stem for path in METHOD_PAGES} - {"index"} == stems
    assert {path.stem for path in FIGURES} == stems, "run python docs/networks.py"


@pytest.mark.parametrize("file", FIGURES, ids=lambda path: path.stem)
def test_a_figure_shows_the_networks_as_they_are(file: Path) -> None:
    networks = script("networks")
    assert file.read_text(encoding="utf-8") == networks.drawn(networks.traced(file.stem)), (
        f"run python docs/networks.py {file.stem}"
    )


@pytest.mark.parametrize("page", [path for path in METHOD_PAGES if path.stem != "index"], ids=lambda path: path.stem)
def test_each_loss_has_its_formula_in_the_code_of_the_training_step(page: Path) -> None:
    steps, text = script("training_steps"), page.read_text(encoding="utf-8")
    table, rows = steps.LOSSES.search(text).group(0, 1)
    shown = steps.with_training_step(text, page.stem)
    code = [line.strip() for line in shown.partition("```python\n")[2].partition("\n```")[0].splitlines()]
    places = [number for number, line in enumerate(code) if line.startswith("# $")]
    assert [code[place] for place in places] == [f"# {formula}" for _, formula in steps.LOSS_ROW.findall(rows)]
    assert all(code[place + 1].startswith(("loss[", "loss |= ")) for place in places)
    assert rows not in shown
    with pytest.raises(ValueError, match="the table of losses has no more where training_step has"):
        steps.with_training_step(text.replace(table, ""), page.stem)
    with pytest.raises(ValueError, match="training_step lacks none, which the table of losses has"):
        steps.with_training_step(text.replace(rows, rows + "| generator | `none` | $0$ |\n"), page.stem)
