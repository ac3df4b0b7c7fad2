"""Comparisons: real tiny trainings, what is kept and what is done again, and what a difference must be to count."""

from __future__ import annotations

import csv
import json
import os
import re
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
from i2i_zoo.callbacks.history import History, read_history
from i2i_zoo.cli.main import main
from i2i_zoo.compare.claims import claimed
from i2i_zoo.compare.observer import resampled, spaced, state
from i2i_zoo.compare.orderings import Line, Numbers, against_paper, chain, differs
from i2i_zoo.compare.progress import words
from i2i_zoo.compare.training import find_place
from i2i_zoo.data.rendered.people_data import PeopleData
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.media.poses import displacement
from i2i_zoo.methods.monkeynet import MonkeyNet
from i2i_zoo.methods.pix2pix_pose import Pix2PixPose
from i2i_zoo.methods.tgan import TGAN
from i2i_zoo.metrics.suites import suite

SCENES = {
    "trainer": {"max_epochs": 2, "accelerator": "cpu", "enable_progress_bar": False, "log_every_n_steps": 1},
    "model": {"class_path": "Pix2Pix", "init_args": {"generator": "unet_64", "width": 4, "discriminator_width": 4}},
    "data": {"class_path": "SyntheticPairs", "init_args": {"train": 3, "val": 1, "test": 4, "size": 64}},
}
TABLE: dict[str, Any] = {
    "title": "Widths",
    "source": "Somebody 2020, table 1",
    "metrics": ["l1", "psnr"],
    "seeds": [0, 1],
    "rows": [
        {"name": "narrow", "recipe": "scenes.yaml", "paper": {"l1": 0.2}},
        {"name": "wide", "recipe": "scenes.yaml", "overrides": {"model.width": 8}, "paper": {"l1": 0.1}},
    ],
}


def write(table: dict[str, Any] = TABLE, recipe: dict[str, Any] = SCENES) -> str:
    Path("scenes.yaml").write_text(yaml.safe_dump(recipe))
    Path("table.yaml").write_text(yaml.safe_dump(table))
    return "table.yaml"


def rows(folder: str = "out") -> dict[str, Any]:
    content = json.loads(Path(folder, "table.json").read_text())
    return {row["name"]: row for row in content["rows"]}


def times(pattern: str) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in Path("out").glob(pattern)}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the table has been compared."""
    folder = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["compare", write(), "-o", "out"]) == 0
    return folder


@pytest.fixture
def _in_finished(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)


@pytest.fixture
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("_in_finished")
def test_a_table_has_means_spreads_and_the_papers_numbers() -> None:
    found = rows()
    for name, row in found.items():
        values = row["metrics"]["l1"]["values"]
        assert len(set(values)) == 2  # two seeds, two trainings
        assert row["metrics"]["l1"]["mean"] == pytest.approx(np.mean(values))
        assert row["metrics"]["l1"]["std"] == pytest.approx(np.std(values, ddof=1))
        assert row["metrics"]["l1"]["paper"] == {"narrow": 0.2, "wide": 0.1}[name]
        assert row["training_seconds"] > 0
        assert row["pictures_per_second"] > 0
    model = i2i_zoo.load(next(Path("out").glob("rows/wide-*/seed-0/run/version_0/model")))
    assert model.hparams.width == 8
    assert found["wide"]["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    text = Path("out/table.md").read_text()
    assert text.startswith("# Widths\n")
    assert re.search(r"\| narrow \| 64x64 \| .* \| 0\.\d+ ± 0\.\d+ \| 0\.2 \|", text)
    assert "Somebody 2020, table 1" in text
    lines = list(csv.DictReader(Path("out/table.csv").read_text().splitlines()))
    assert [line["name"] for line in lines] == ["narrow", "wide"]
    assert float(lines[0]["l1"]) == found["narrow"]["metrics"]["l1"]["mean"]


@pytest.mark.slow
@pytest.mark.usefixtures("_in_finished")
def test_the_numbers_are_those_of_test(capsys: pytest.CaptureFixture[str]) -> None:
    model = next(Path("out").glob("rows/narrow-*/seed-1/run/version_0/model"))
    assert main(["test", str(model), "--config", "scenes.yaml", "--trainer.logger", "false"]) == 0
    printed = capsys.readouterr().out
    for metric in ("l1", "psnr"):
        value = float(re.search(rf"test/{metric}\W+([\d.]+)", printed)[1])  # type: ignore[index]  # it is there
        assert rows()["narrow"]["metrics"][metric]["values"][1] == pytest.approx(value, rel=1e-6)


@pytest.mark.slow
@pytest.mark.usefixtures("_in_finished")
def test_sheet_and_curves_show_every_row() -> None:
    sheet, curves = read_picture("out/sheet.png"), read_picture("out/curves.png")
    # Input, two methods and the real picture across; four test pictures down.
    assert sheet.shape[2] == 4 * 192 + 5 * 8
    assert 4 * 200 < sheet.shape[1] < 4 * 200 + 60
    assert all((sheet[:, 60:, left : left + 192] < 0.9).any() for left in range(8, 4 * 200, 200))
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):
        wanted = torch.tensor(colour)[:, None, None] / 127.5 - 1
        assert ((curves - wanted).abs().amax(0) < 0.01)[: curves.shape[1] - 80].sum() > 50
    history = read_history(next(Path("out").glob("rows/narrow-*/seed-0/history.jsonl")))
    assert [moment["step"] for moment in history] == [1, 2, 3, 4, 5, 6]
    assert history[-1]["of"] == 6
    assert set(history[0]["losses"]) >= {"generator/l1", "discriminator/real"}


@pytest.mark.slow
@pytest.mark.usefixtures("_in_finished")
def test_what_is_done_is_kept_and_only_what_changed_is_done_again() -> None:
    kept, measured = times("rows/*/*/run/*/checkpoints/last.ckpt"), times("rows/*/*/result.json")
    assert len(kept) == len(measured) == 4
    assert main(["compare", "table.yaml", "-o", "out"]) == 0
    assert times("rows/*/*/run/*/checkpoints/last.ckpt") == kept
    assert times("rows/*/*/result.json") == measured
    # A new name is no new training, another width is one.
    narrow, wide = TABLE["rows"]
    changed = {**TABLE, "seeds": [0], "rows": [{**narrow, "name": "slim"}, {**wide, "overrides": {"model.width": 6}}]}
    assert main(["compare", write(changed), "-o", "out"]) == 0
    now = times("rows/*/*/run/*/checkpoints/last.ckpt")
    assert kept.items() < now.items()
    assert [path.parts[2].rpartition("-")[0] for path in now.keys() - kept.keys()] == ["wide"]
    assert {path: when for path, when in times("rows/*/*/result.json").items() if path in measured} == measured
    assert list(rows()) == ["slim", "wide"]
    assert rows()["slim"]["metrics"]["l1"]["interval"] is not None  # one seed
    # Other weights are measured again.
    model = next(Path("out").glob("rows/narrow-*/seed-0/run/version_0/model"))
    before = rows()["slim"]["metrics"]["l1"]["mean"]
    torch.manual_seed(5)
    i2i_zoo.save(tiny.model(), model)
    assert main(["compare", "table.yaml", "-o", "out"]) == 0
    assert rows()["slim"]["metrics"]["l1"]["mean"] != before


@pytest.mark.slow
@pytest.mark.usefixtures("_folder")
def test_what_was_killed_is_resumed_and_ends_the_same() -> None:
    long = {**SCENES, "trainer": {**SCENES["trainer"], "max_epochs": 8}}
    table = {**TABLE, "seeds": [3], "rows": TABLE["rows"][:1]}
    command = [sys.executable, "-m", "i2i_zoo", "compare", write(table, long), "-o"]
    with subprocess.Popen([*command, "out"]) as process:
        while not list(Path("out").glob("rows/*/*/run/*/checkpoints/last.ckpt")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
    assert not list(Path("out").glob("rows/*/*/run/*/model"))
    assert subprocess.run([*command, "out"], check=False).returncode == 0
    assert len(list(Path("out").glob("rows/*/*/run/*"))) == 1
    assert subprocess.run([*command, "whole"], check=False).returncode == 0
    assert rows("out")["narrow"]["metrics"]["l1"]["values"] == rows("whole")["narrow"]["metrics"]["l1"]["values"]
    resumed, whole = (read_history(next(Path(f).glob("rows/*/*/history.jsonl"))) for f in ("out", "whole"))
    assert [(m["step"], m["losses"]) for m in resumed] == [(m["step"], m["losses"]) for m in whole]


@pytest.mark.slow
@pytest.mark.usefixtures("_folder")
def test_processes_that_share_a_folder_share_the_work() -> None:
    table = write({**TABLE, "seeds": [0]})
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "i2i_zoo"]
    result = subprocess.run([*launch, "compare", table, "-o", "out"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert len(list(Path("out").glob("rows/*/seed-0/run/version_*"))) == 2  # one training of each row
    assert set(rows()) == {"narrow", "wide"}
    assert result.stdout.count("table.md") == 1  # the first process writes


@pytest.mark.usefixtures("_folder")
def test_a_training_that_fails_is_named_and_the_others_are_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    i2i_zoo.save(tiny.model(), "model")
    broken = {**SCENES, "model": {**SCENES["model"], "init_args": {**SCENES["model"]["init_args"], "lr": 1e30}}}
    broken["trainer"] = {**SCENES["trainer"], "callbacks": [{"class_path": "StopOnNaN"}], "max_epochs": 30}
    write(recipe=broken)
    names = ["model", "scenes.yaml", "--recipe", "scenes.yaml", "--metrics", "l1", "-o", "out"]
    assert main(["compare", *names]) == 1
    assert "scenes.yaml, seed 0 was not trained" in (error := capsys.readouterr().err)
    assert "fit.log, and start the same command again" in error
    assert list(rows()) == ["model"]
    assert "Not finished yet, and therefore not here: scenes.yaml, seed 0." in Path("out/table.md").read_text()


@pytest.fixture
def _checkpoints(_folder: None) -> None:
    write()
    for seed, name in enumerate(("a", "b")):
        torch.manual_seed(seed)
        i2i_zoo.save(tiny.model(), name)


@pytest.mark.usefixtures("_checkpoints")
def test_checkpoints_have_intervals_and_a_sheet_but_no_curves(capsys: pytest.CaptureFixture[str]) -> None:
    args = ["compare", "a", "b", "--recipe", "scenes.yaml", "-o", "out", "--pictures", "2"]
    assert main([*args, "--limit", "3"]) == 0
    assert not Path("out/curves.png").exists()
    for row in rows().values():
        low, high = row["metrics"]["l1"]["interval"]
        assert low < row["metrics"]["l1"]["mean"] < high
        assert row["test_pictures"] == 3
        assert row["metrics"]["l1"]["std"] is None
    assert "(" in next(line for line in Path("out/table.md").read_text().splitlines() if line.startswith("| a |"))
    with Image.open("out/sheet.png") as sheet:
        assert sheet.height < 3 * 200
    measured = times("rows/*/result.json")
    assert main([*args, "--limit", "3"]) == 0
    assert times("rows/*/result.json") == measured
    assert main(args) == 0
    assert times("rows/*/result.json").keys() == measured.keys()
    assert all(row["test_pictures"] == 4 for row in rows().values())
    capsys.readouterr()


@pytest.mark.usefixtures("_folder")
def test_a_sheet_of_the_people_whose_points_move_farthest() -> None:
    people = {"class_path": "PeopleData", "init_args": {"test": 6, "size": [64, 32], "num_workers": 0}}
    write(recipe={**SCENES, "data": people})
    torch.manual_seed(0)
    i2i_zoo.save(Pix2PixPose("unet_32", width=2, discriminator_width=2), "a")
    data = PeopleData(**people["init_args"])
    data.setup("test")
    pairs = [data.datasets["test"][0, index] for index in range(6)]
    moved = [float(displacement(pair["source_pose"], pair["target_pose"])) for pair in pairs]
    order = sorted(range(6), key=lambda index: -moved[index])
    assert order[:3] != [0, 2, 5]  # the evenly spaced ones

    args = ["compare", "a", "--recipe", "scenes.yaml", "--metrics", "l1", "-o", "out", "--pictures", "3"]
    for option, shown in (([], [0, 2, 5]), (["--most-changed"], order[:3])):
        assert main([*args, *option]) == 0
        result = json.loads(next(Path("out").glob("rows/*/result.json")).read_text())
        assert result["directions"][""]["names"] == [pairs[index]["name"] for index in shown]
        for number, index in enumerate(shown):
            for part in ("source", "target"):
                picture = read_picture(next(Path("out").glob(f"rows/*/pictures/{number}-{part}.png")))
                assert torch.allclose(picture, pairs[index][part], atol=1 / 127)
    with Image.open("out/sheet.png") as sheet:
        assert sheet.size == (3 * 96 + 4 * 8, 30 + 3 * 200)


@pytest.mark.usefixtures("_folder")
def test_clips_are_shown_by_some_frames(capsys: pytest.CaptureFixture[str]) -> None:
    shapes = {"class_path": "ShapesData", "init_args": {"test": 3, "size": 32, "num_workers": 0}}
    write(recipe={**SCENES, "data": shapes})
    torch.manual_seed(0)
    i2i_zoo.save(TGAN(size=32, width=2, discriminator_width=2), "made")
    narrow: dict[str, Any] = {"width": 4, "max_width": 8, "keypoints": 2, "blocks": 3, "motion_blocks": 3}
    i2i_zoo.save(MonkeyNet(**narrow, refinements=1, groups=1), "moved")
    # Noise is not shown; a picture that is moved is.
    for name, columns in (("made", (8 * 192, 8 * 192)), ("moved", (192, 8 * 192, 8 * 192))):
        args = ["compare", name, "--recipe", "scenes.yaml", "--metrics", "acd_shapes", "--pictures", "2"]
        assert main([*args, "-o", name + "-out"]) == 0
        assert rows(name + "-out")[name]["metrics"]["acd_shapes"]["mean"] >= 0
        with Image.open(f"{name}-out/sheet.png") as sheet:
            assert sheet.size == (sum(columns) + 8 * (len(columns) + 1), 30 + 2 * 200)
    capsys.readouterr()


@pytest.mark.slow
@pytest.mark.usefixtures("_checkpoints")
def test_a_run_is_measured_and_one_that_was_cut_off_is_finished_first() -> None:
    main(["fit", "--config=scenes.yaml", "--trainer.max_epochs=1"])
    run = Path("runs/scenes/version_0")
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["trainer"]["max_epochs"] = 2
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    for file in (run / "model").iterdir():  # as if it had been killed after the first epoch
        file.unlink()
    assert main(["compare", "runs/scenes", "--metrics", "l1", "-o", "out"]) == 0
    assert torch.load(run / "checkpoints/last.ckpt", weights_only=True)["epoch"] == 1
    assert [path.name for path in Path("runs/scenes").iterdir()] == ["version_0"]
    assert list(rows()) == ["runs/scenes"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": [{"recipe": "nowhere/nothing"}]}, "nowhere/nothing is no table, checkpoint, folder or recipe"),
        ({"rows": [{"checkpoint": "pix2pix-nothing"}]}, "'pix2pix-nothing' is no checkpoint"),
        ({"rows": [{"name": "x"}]}, "row x: name either a recipe to train or a checkpoint"),
        ({"rows": [{"recipe": "scenes.yaml"}] * 2}, "Two rows are called 'scenes.yaml'"),
        ({"rows": []}, r"rows cannot be \[\]"),
        ({"row": 1}, "there is no key 'row'; choose from title"),
        ({"metrics": ["l2"]}, "No metric l2: choose from"),
        ({"metrics": ["l1", "l2"]}, "No metric l2: choose from"),
        ({"metrics": {"ssim": {"windows": 3}}}, "no option 'windows'"),
        ({"overrides": {"model.widht": 3}}, "widht"),
        ({"overrides": {"model.width": 0}}, "width=0"),
        ({"overrides": {"trainer.max_epoch": 3}}, "max_epoch"),
        ({"overrides": {"width": 3}}, "has no option 'width': use names such as model.width"),
        ({"overrides": {"trainer.num_nodes": 2}}, "start the same command on each machine"),
        ({"overrides": {"data.size": 0}}, "size=0"),
        ({"overrides": {"data.class_path": "NoData"}}, "NoData"),
        ({"seeds": [0, 0]}, "the seeds 0, 0 are not all different"),
        ({"seeds": ["x"]}, "'x' is not a seed"),
        ({"rows": [{"recipe": "scenes.yaml", "paper": {"beauty": 1}}]}, "paper: beauty is no metric"),
        ({"rows": [{"recipe": "scenes.yaml", "paper": {"l1": "much"}}]}, "l1 is 'much', not a number"),
        ({"rows": [{"checkpoint": "pix2pix-camvid", "seeds": [1]}]}, "seeds change a training"),
    ],
)
@pytest.mark.usefixtures("_folder")
def test_everything_is_checked_before_the_first_training(
    changes: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", write({**TABLE, **changes}), "-o", "out"]) == 1
    sentence = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(message, sentence)
    assert sentence.startswith("i2i-zoo: ")
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nothing-at-all"], "nothing-at-all is no table, checkpoint, folder or recipe; the closest"),
        (["a", "a", "--recipe", "scenes.yaml"], "Two rows are called 'a'"),
        (["a"], "a does not say what data to measure it on: name a recipe for them with --recipe"),
        (["table.yaml", "a"], "table.yaml is a table, which is compared by itself: leave out a"),
        (["scenes.yaml", "--override", "trainer"], "give it as OPTION=VALUE"),
        (["a", "--recipe", "scenes.yaml", "--seeds", "1"], "nothing is trained here"),
        (["pix2pix-camvid", "--data", "nowhere"], "nowhere/test: there is no such folder"),
        (["pix2pix/camvid", "--data", "nowhere"], "nowhere/train: there is no such folder"),
        (["a", "--recipe", "scenes.yaml", "-o", "table.yaml"], "-o table.yaml is a file: name a folder"),
        (["a", "--recipe", "scenes.yaml", "--metrics", "fcn_score"], "a: The FCN-score needs a segmenter"),
        (["a", "--recipe", "scenes.yaml", "--most-changed"], "a: how much a picture changes is not known for Pix2Pix"),
    ],
)
@pytest.mark.usefixtures("_checkpoints")
def test_names_on_the_command_line_are_checked(
    args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *args]) == 1
    sentences = [line for line in capsys.readouterr().err.splitlines() if line.startswith("i2i-zoo: ")]
    assert len(sentences) == 1
    assert re.search(message, sentences[0])
    assert not Path("comparisons").exists()


def test_every_table_of_the_package_names_recipes_and_overrides_that_exist() -> None:
    from i2i_zoo.cli import table_checks, tables

    found = sorted((Path(__file__).parents[1] / "tables").glob("*.yaml"))
    assert len(found) >= 5
    table_checks.import_recipe_classes()
    for path in found:
        assert tables.table(f"tables/{path.stem}").read_text() == path.read_text()
        comparison = tables.read_table(path, "data/camvid", {}, metrics=None, seeds=None)
        assert len({row.name for row in comparison.rows}) == len(comparison.rows)
        for row in comparison.rows:
            assert len(row.seeds) >= 2
            model = table_checks.built(row)
            for name in row.paper:
                table_checks.check_paper(name, row, model)


# What a difference must be to count.


def line(name: str, values: list[float], noise: float = 0.0, paper: float | None = None, lower: bool = False) -> Line:
    """A line with a metric m; resampling pictures adds its own noise to each value, or None where that is unknown."""
    random = np.random.default_rng(len(name) + ord(name[0]))
    replicates = [[] if noise < 0 else list(value + noise * random.normal(size=1000)) for value in values]
    numbers = {"m": Numbers(values, replicates, "M", lower)}
    papers = {} if paper is None else {"m": paper}
    return Line(name, list(range(len(values))), {}, 4, 1, None, 1.0, "CPU", numbers, papers, (Path(), "", []))


@pytest.mark.parametrize(
    ("a", "b", "holds"),
    [
        (line("a", [0.50, 0.52]), line("b", [0.40, 0.42]), True),
        (line("a", [0.50, 0.60]), line("b", [0.40, 0.52]), False),  # within the spread of the seeds
        (line("a", [0.50]), line("b", [0.40], 0.01), True),
        (line("a", [0.50]), line("b", [0.40], 0.10), False),  # other pictures could turn it round
        (line("a", [0.50, 0.50]), line("b", [0.40, 0.40], 0.20), False),
        (line("a", [0.50], -1), line("b", [0.40], -1), False),  # nothing is known about the noise
        (line("a", [0.50, 0.51], -1), line("b", [0.40, 0.41], -1), True),
        (line("a", [0.50]), line("b", [0.50]), False),
    ],
)
def test_a_difference_within_the_noise_is_no_ordering(a: Line, b: Line, holds: bool) -> None:
    assert differs(a, b, "m") is differs(b, a, "m") is holds
    assert chain([b, a], "m") in (("a > b",) if holds else ("a ≈ b", "b ≈ a"))


def test_orderings_beyond_neighbours_and_lower_is_better() -> None:
    lines = [line("c", [0.1]), line("a", [0.3], 0.04), line("b", [0.2], 0.04)]
    assert chain(lines, "m") == "a ≈ b > c; also a > c"
    assert chain([line("x", [2.0], lower=True), line("y", [1.0], lower=True)], "m") == "y > x"


def test_the_papers_orderings_are_found_again_reversed_or_within_the_noise() -> None:
    lines = [line("a", [0.5], paper=0.7), line("b", [0.4], paper=0.8), line("c", [0.1], paper=0.2), line("d", [0.2])]
    lines.append(line("e", [0.401], 0.4, paper=0.1))
    found = against_paper(lines, "m")
    assert found["found again"] == ["a > c", "b > c"]
    assert found["reversed"] == ["b > a"]
    assert found["within the noise"] == ["a > e", "b > e", "c > e"]


def test_the_bootstrap_of_a_sum_is_that_of_the_pictures() -> None:
    torch.manual_seed(0)
    measure = suite(tiny.model(), "", {"l1": None})[0]["l1"]
    outputs, targets = (torch.rand(6, 3, 16, 16) * 2 - 1 for _ in range(2))
    sums, values = [], []
    for output, target in zip(outputs.split(1), targets.split(1), strict=True):
        before = state(measure)
        measure.metric.update(output, target)
        sums.append({key: value - before[key] for key, value in state(measure).items()})
        values.append(float(sums[-1]["total"]))
    replicates = resampled("l1", measure, sums)["l1"]
    draws = np.random.default_rng(0).multinomial(6, np.full(6, 1 / 6), 1000)
    assert np.allclose(replicates, draws @ np.array(values) / 6, atol=1e-6)


def test_the_bootstrap_knows_the_parts_of_a_metric_and_leaves_out_what_it_cannot_sum() -> None:
    model = tiny.model()
    model.adopt(tiny.data(direction="BtoA").preprocess)
    measure = suite(model, "", {"label_score": None})[0]["label_score"]
    picture = tiny.data(direction="BtoA").dataset("test")[0, 0]
    before = state(measure)
    measure.metric.update(picture["target"][None], [picture["label_map"]])
    sums = [{key: value - before[key] for key, value in state(measure).items()}]
    found = resampled("label_score", measure, sums * 2)
    assert set(found) == {f"label_score_{part}" for part in ("pixel_accuracy", "class_accuracy", "class_iou")}
    assert set(found["label_score_pixel_accuracy"]) == {1.0}
    kid = suite(model, "", {"label_score": None})[0]["label_score"]
    kid.metric.add_state("features", default=[])  # as KID keeps them
    assert state(kid) == {}


def test_spaced_indices() -> None:
    assert spaced(233, 3) == [0, 116, 232]
    assert spaced(2, 5) == [0, 1]
    assert spaced(9, 1) == [0]


def test_a_claim_excludes_others_and_passes_on_to_the_training(tmp_path: Path) -> None:
    with claimed(tmp_path) as file:
        assert file is not None
        with claimed(tmp_path) as second:
            assert second is None
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(file,))
    with claimed(tmp_path) as held:  # its starter has let go, as if it had been killed
        assert held is None
    child.communicate(b"\n")
    with claimed(tmp_path) as free:
        assert free is not None


def test_the_place_is_the_launchers_and_trainings_do_not_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "GROUP_RANK": "1", "TORCHELASTIC_RUN_ID": "x"}
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    assert find_place().rank == 3
    assert not set(names) & set(os.environ)


def test_a_history_goes_on_from_the_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    lines = [{"step": step, "of": 4, "seconds": 10.0 * step, "losses": {}} for step in (1, 2, 3)]
    file.write_text("".join(f"{json.dumps(moment)}\n" for moment in lines) + '{"step": 4, "o')
    assert [moment["step"] for moment in read_history(file)] == [1, 2, 3]
    trainer = tiny.trainer(tmp_path, History(str(file)), max_epochs=1)
    trainer.fit(tiny.model(), tiny.data())  # from the beginning
    moments = read_history(file)
    assert [moment["step"] for moment in moments] == [1, 2, 3, 4]
    assert moments[0]["seconds"] < 10


def test_times_in_words() -> None:
    assert [words(seconds) for seconds in (5, 600, 12_000)] == ["5 s", "10 min", "3 h 20 min"]
