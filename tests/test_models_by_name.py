"""The names of models on the command line: a folder of runs, of a run or of a checkpoint, and one on the Hub."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import i2i_zoo
import tiny
from i2i_zoo.cli.benchmark import data_and_model
from i2i_zoo.cli.main import main
from i2i_zoo.cli.names import Named, find
from i2i_zoo.data.paired import PairedData
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.pix2pix_pose import Pix2PixPose
from servers import Hub, Repo

RUNS = "runs/pix2pix-syntheticpairs"
#: One run, as the folder of all runs, by itself, and as its model.
OF_A_RUN = (RUNS, f"{RUNS}/version_0", f"{RUNS}/version_0/model")
#: The same model without its run.
ALONE = ("copied", "hf:org/copied")
#: What the preprocess of rendered scenes says.
PALETTES = {"source_palette": "camvid"}
CPU = ["--trainer.accelerator=cpu", "--data.num_workers=0"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of one epoch, a copy of its model, a run that was cut off, and pairs of pictures."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # How it is trained does not matter later: the test is on all pictures, and nothing is logged.
        options = ["--trainer.limit_test_batches=1", "--trainer.logger=CSVLogger", "--trainer.logger.save_dir=logs"]
        assert main(["fit", *tiny.ARGS, *options]) == 0
    shutil.copytree(folder / OF_A_RUN[2], folder / "copied")
    shutil.copytree(folder / OF_A_RUN[1], folder / "stopped/version_0", ignore=shutil.ignore_patterns("model"))
    shutil.rmtree(folder / "logs")
    for i in range(2):
        pixels = np.random.default_rng(i).integers(0, 256, (64, 128, 3), np.uint8)
        (folder / "pairs/test").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"pairs/test/{i}.png")
    return folder


@pytest.fixture(autouse=True)
def _home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


@pytest.fixture(autouse=True)
def _hub(home: Path) -> Iterator[None]:
    hub, repo = Hub(), Repo()
    repo.commit(**{file.name.replace(".", "__"): file.read_bytes() for file in (home / "copied").iterdir()})
    hub.repos["org/copied"] = repo
    yield
    hub.stop()


def numbers_in(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """The numbers in Lightning's table."""
    rows = [line.strip("│ ").split("│") for line in capsys.readouterr().out.splitlines() if "│" in line]
    return {name.strip(): float(value) for name, value in rows}


def test_a_name_means_a_model_and_what_was_saved_with_it() -> None:
    for name in OF_A_RUN:
        found = find(name)
        assert found.unfinished is None
        assert found.recipe == Path(RUNS, "version_0/config.yaml").resolve()
        assert found.content()["data"]["class_path"].endswith("SyntheticPairs")
    for name in ALONE:
        assert find(name) == Named(name, None)
        sections = find(name).content()
        assert sections["model"]["class_path"] == "Pix2Pix"
        assert sections["model"]["init_args"]["width"] == 4
        assert sections["data"] == {
            "class_path": "PairedData",
            "init_args": {"in_channels": 3, "out_channels": 3, "test_size": [64, 64], **PALETTES},
        }
    assert find("stopped").unfinished == Path("stopped/version_0/checkpoints/last.ckpt")
    assert find("pix2pix-camvid").content()["model"]["class_path"] == "Pix2Pix"


def test_a_run_is_measured_on_its_own_data(capsys: pytest.CaptureFixture[str]) -> None:
    with_config = [f"--config={RUNS}/version_0/config.yaml", f"--ckpt_path={RUNS}/version_0/checkpoints/last.ckpt"]
    assert main(["test", *with_config, "--trainer.logger=false", "--trainer.limit_test_batches=1.0"]) == 0
    numbers = numbers_in(capsys)
    assert set(numbers) == {"test/psnr", "test/ssim", "test/l1"}
    for name in OF_A_RUN:
        assert main(["test", name, "--trainer.accelerator=cpu"]) == 0
        assert numbers_in(capsys) == numbers
    assert main(["validate", RUNS, "--trainer.accelerator=cpu"]) == 0
    assert {"val/psnr", "val/ssim", "val/l1"} <= numbers_in(capsys).keys()
    assert main(["predict", RUNS, "--trainer.accelerator=cpu"]) == 0
    assert len(list(Path(RUNS, "predictions").glob("*.png"))) == 3
    assert not Path("logs").exists()


def test_a_run_that_was_cut_off_is_measured_as_far_as_it_got(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "stopped", "--trainer.accelerator=cpu"]) == 0
    assert set(numbers_in(capsys)) == {"test/psnr", "test/ssim", "test/l1"}
    for line in (
        "info stopped",
        "export stopped -o x.onnx",
        "benchmark stopped --device cpu",
        "translate stopped pairs/test/0.png",
        "test stopped --card",
    ):
        assert main(line.split()) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "has not saved a model yet: continue it with --ckpt_path last" in error or "--card writes into" in error


@pytest.mark.parametrize("name", ALONE)
def test_a_model_alone_needs_only_the_folder_of_its_data(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", name, *CPU]) == 1
    assert capsys.readouterr().err == (
        f"i2i-zoo: {name} does not say what data to measure it on: give a recipe with --config, or --data.root.\n"
    )
    assert main(["test", name, "--data.root=pairs", *CPU]) == 0
    pairs = numbers_in(capsys)
    if name in ALONE[1:]:
        return  # the rest is the same for all
    assert main(["test", name, *tiny.ARGS[4:9]]) == 0  # on other data
    assert numbers_in(capsys) != pairs
    assert main(["predict", name, "--data.root=pairs", *CPU]) == 0
    assert len(list(Path("runs/copied/predictions").glob("*.png"))) == 2
    assert main(["test", name, "--data.root=pairs", "--model.width=8"]) == 1
    assert "is a finished model, which --model.width does not change: leave it out" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more than there are cores
def test_compare_and_benchmark_use_the_same_data(capsys: pytest.CaptureFixture[str]) -> None:
    data, model = data_and_model("copied", Path("pairs"), 1, 1)
    assert isinstance(data, PairedData)
    assert data.trained_size == (64, 64)
    assert model.hparams["width"] == 4
    assert isinstance(data_and_model(RUNS, Path("pairs"), 1, 1)[0], PairedData), "rendered scenes have no folder"
    assert main(["compare", *ALONE, RUNS, "--data", "pairs", "--metrics", "l1", "-o", "out"]) == 0
    rows = {row["name"]: row for row in json.loads(Path("out/table.json").read_text())["rows"]}
    assert list(rows) == [*ALONE, RUNS]
    assert main(["compare", "copied"]) == 1
    assert "name a recipe for them with --recipe, or their folder with --data" in capsys.readouterr().err


def test_info_shows_what_was_saved_and_measured(capsys: pytest.CaptureFixture[str]) -> None:
    for name in (*OF_A_RUN, *ALONE):
        assert main(["info", name]) == 0
        out = capsys.readouterr().out
        assert "method       pix2pix\n" in out
        assert "width=4" in out
        assert "measured     SyntheticPairs, val: " in out
        assert ("data         SyntheticPairs train=4" in out) == (name in OF_A_RUN)
    shutil.copytree("copied", "with-card")
    assert main(["test", "with-card", "--data.root=pairs", "--card", *CPU]) == 0
    numbers = numbers_in(capsys)
    assert main(["info", "with-card"]) == 0
    out = capsys.readouterr().out
    assert f"ssim {round(numbers['test/ssim'], 4):.4g}" in out.partition("measured     pairs, test: ")[2]
    assert "measured     SyntheticPairs, val: " in out
    card = yaml.safe_load(Path("with-card/README.md").read_text().split("---")[1])
    assert [r["dataset"]["split"] for r in card["model-index"][0]["results"]] == ["val", "test"]
    Path("with-card/README.md").write_text("---\n: [\n---\nnotes of mine")
    assert main(["info", "with-card"]) == 0, "a card that cannot be read leaves the other facts"
    assert main(["info", "pix2pix-camvid"]) == 0
    assert "  measured     CamVid, test: " in capsys.readouterr().out


def test_what_is_no_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("test", "validate", "predict"):
        assert main([verb, "pairs"]) == 1
        assert "pairs' is no checkpoint and no folder of one or of a run; the closest are" in capsys.readouterr().err
    Path("empty/version_0").mkdir(parents=True)
    shutil.copy(f"{RUNS}/version_0/config.yaml", "empty/version_0")
    with pytest.raises(ZooError, match="this run has left no checkpoint; start it again with its recipe"):
        find("empty")
    above = str(Path(RUNS).parent)
    message = f"{above} is a folder above runs: give {RUNS}"
    for call in (find, i2i_zoo.load):
        with pytest.raises(ZooError, match=message):
            call(above)


def test_data_that_need_no_folder_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    i2i_zoo.save(Pix2PixPose(width=1), "posed")
    assert main(["test", "posed"]) == 1
    assert "posed does not say what data to measure it on: give a recipe with --config" in capsys.readouterr().err
    Path("streets").mkdir()
    Path("streets/config.json").write_text('{"method": "vid2vid", "hparams": {}, "preprocess": {}}')
    assert main(["test", "streets"]) == 1, "streets are rendered by default, and not those that it was trained on"
    assert "or --data CLASS.\n" in capsys.readouterr().err
