"""Wrong commands: one line in plain English that names what is wrong, the closest name, and what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import tiny
from i2i_zoo.cli.main import main

#: Words of the libraries that parse and build, which mean nothing to a user.
JARGON = (
    "Union",
    "ubtypes",
    "jsonargparse",
    "Traceback",
    "NoneType",
    "<class",
    "typing.",
    "Parser key",
    "class_path",
    "NestedArg",
    "invalid choice",
    "unrecognized",
    "expected one",
    "Namespace",
    "init_args",
    "import path",
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(capsys: pytest.CaptureFixture[str], line: str, status: int) -> str:
    """The message of a command that is refused with this status, checked for what holds of all messages."""
    capsys.readouterr()
    try:
        found = main(line.split())
    except SystemExit as stop:
        found = stop.code
    error = capsys.readouterr().err
    assert found == status
    assert error.startswith("i2i-zoo")
    assert error.count("\n") == 1
    assert [word for word in JARGON if word in error] == []
    return error


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("", "COMMAND is missing"),
        ("trian", "the closest is fit"),
        ("train", "the closest is fit"),
        ("transalte x", "the closest is translate"),
        ("Translate x", "the closest is translate"),
        ("xyzzy", "choose from translate, sample, list, info, fit"),
        ("--vresion", "did you mean --version?"),
        ("translate", "NAME and INPUT are missing"),
        ("translate pix2pix-camvid x --outptu y", "did you mean --output?"),
        ("translate nosuch x --overwrit", "did you mean --overwrite?"),
        ("translate pix2pix-camvid x --batch 0", "--batch: '0' is not a positive whole number"),
        ("translate pix2pix-camvid x --batch many", "--batch: 'many' is not a positive whole number"),
        ("translate pix2pix-camvid x --devices -1", "--devices"),
        ("translate pix2pix-camvid x --batch", "--batch needs a value"),
        ("sample --cuont 3", "did you mean --count?"),
        ("sample x --count 0", "--count: '0' is not a positive whole number"),
        ("sample x --seed y", "--seed: 'y' is not a seed: give a whole number"),
        ("list --mehtod pix2pix", "did you mean --method?"),
        ("list --method pix2pixx", "--method pix2pixx: it has no such value; choose from adain"),
        ("list --task pared", "the closest is paired"),
        ("list --license mti", "the closest is mit"),
        ("list --xyzzy", "there is no option --xyzzy; leave it out"),
        ("list a b", "b: there is no place for this argument; leave it out"),
        ("info", "NAME is missing"),
        ("info x y", "y: there is no place"),
        ("convert pix2pix a.pth", "-o/--output is missing"),
        ("convert pix2pix a.pth -o b --hparm labels=3", "did you mean --hparam?"),
        ("export x", "-o/--output is missing"),
        ("export x -o y --fromat onnx", "did you mean --format?"),
        ("export x -o y --format onx", "--format onx: it has no such value; choose from onnx, torch; the closest is"),
        ("benchmark", "NAME is missing"),
        ("benchmark x --szie 64", "did you mean --size?"),
        ("benchmark x --size y", "--size: 'y' is not a positive whole number"),
        ("benchmark x --precision 17", "--precision 17: it has no such value; choose from 32, bf16, 16"),
        ("push x", "REPO is missing"),
        ("push x y --privat", "did you mean --private?"),
        ("demo --prot 80", "did you mean --port?"),
        ("demo --port x", "--port: 'x' is not a port: give a whole number from 1 to 65535"),
        ("demo --port 70000", "--port: '70000' is not a port: give a whole number from 1 to 65535"),
        ("normalization --outptu x", "did you mean --output?"),
        ("data", "COMMAND is missing"),
        ("data prepar x y", "the closest is prepare"),
        ("data prepare", "DATASET and SOURCE are missing"),
        ("data prepare ade20k", "SOURCE is missing"),
        ("data prepare ade20k . --rot x", "did you mean --root?"),
        ("data fetch facades --rooot x", "did you mean --root?"),
        ("data chekc x", "the closest is check"),
        ("data check x --outptu y", "did you mean --output?"),
        ("data check x y", "y: there is no place for this argument"),
        ("list --jsno", "did you mean --json?"),
    ],
)
def test_of_the_plain_verbs(line: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, line, 2)
    assert part in error
    assert "--help)" in error


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("info pix2pix-camvd", "pix2pix-camvid"),
        ("translate pix2pix-camvd", "pix2pix-camvid"),
        ("sample pix2pix-camvd", "pix2pix-camvid"),
        ("export pix2pix-camvd -o x.onnx", "pix2pix-camvid"),
        ("convert pix2pixx a.pth -o x", "the closest is pix2pix."),
        ("push pix2pix-camvd org/name", "pix2pix-camvid"),
        ("benchmark pix2pix-camvd", "pix2pix-camvid"),
        ("benchmark pix2pixx", "the closest is pix2pix"),
        ("benchmark pix2pixx --data .", "the closest is pix2pix"),
        ("demo pix2pix-camvd", "pix2pix-camvid"),
        ("test pix2pix-camvd", "pix2pix-camvid"),
        ("list pix2pix-camvd", "did you mean pix2pix-camvid?"),
        ("validate pix2pix-camvd", "pix2pix-camvid"),
        ("test pix2pix/camvid", "pix2pix/camvid is a recipe and no checkpoint: did you mean --config pix2pix/camvid?"),
        ("fit pix2pix/camvid", "pix2pix/camvid: there is no place for this argument; did you mean --config pix2pix/"),
        ("data check", "Name a recipe, such as pix2pix/camvid, or give --data PairedData --data.root photos"),
        ("data check pix2pix/camvd", "the closest is pix2pix/camvid"),
        ("data check --data PairedDat --data.root x", "the closest is PairedData."),
        ("data check --data PairedData --data.rot x", "the closest is --data.root."),
        ("data check --data PairedData", "PairedData needs root: give --data.root."),
        ("data check --data.root x", "--data.root x: name the datamodule first, with --data."),
        ("data check pix2pix/camvid --data.batch_size 0", "PairedData cannot have batch_size=0: give a whole number"),
        ("data check pix2pix/camvid -o .", "-o . is a folder: name a file for the sheet."),
        ("data fetch facads", "Unknown dataset 'facads': choose from facades, maps"),
        ("data fetch facads", "the closest is facades."),
        ("data prepare ade2k .", "the closest is ade20k."),
        ("data prepare foo .", "Unknown dataset 'foo': choose from cityscapes, cityscapes-semantic"),
        ("data prepare ade20k nosuch", "nosuch: there is no such folder; give that of the official download"),
    ],
)
def test_of_names(line: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert part in refused(capsys, line, 1)


@pytest.mark.parametrize("named", ["", "/last.ckpt"])
@pytest.mark.parametrize(
    "line",
    [
        *("translate {} run/config.yaml", "sample {}", "info {}", "test {}", "validate {}", "predict {}"),
        *("export {} -o x.onnx", "compare {}", "benchmark {}"),
    ],
)
def test_of_the_checkpoints_of_a_run(
    line: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run has a folder of checkpoints beside its model; the message says what to name."""
    monkeypatch.chdir(tmp_path)
    Path("run/checkpoints").mkdir(parents=True)
    Path("run/checkpoints/last.ckpt").touch()
    Path("run/config.yaml").touch()
    error = refused(capsys, line.format(f"run/checkpoints{named}"), 1)
    assert "name the folder of the model or of the run, run, or make a model of them with i2i-zoo convert" in error
    assert "convert METHOD run/checkpoints/last.ckpt -o FOLDER." in error


def test_a_typo_in_a_dataset_is_found_without_torch() -> None:
    script = """
import sys
from i2i_zoo.cli.main import main
assert main(["data", "prepare", "foo", "."]) == main(["data", "fetch", "foo"]) == 1
assert "torch" not in sys.modules and "numpy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


#: A run that would be small, if its other arguments were right.
FIT = "--model Pix2Pix --data PairedData --data.root data --trainer.accelerator cpu --trainer.max_epochs 1"

RECIPES = {
    "class.yaml": "model: {class_path: Pix2Pixx}\ndata: {class_path: PairedData, init_args: {root: data}}",
    "short.yaml": "model: Pix2Pix\ndata: PairedDataa",
    "option.yaml": "model: {class_path: Pix2Pix, init_args: {widht: 8}}\ndata: {class_path: PairedData}",
    "type.yaml": "model: {class_path: Pix2Pix, init_args: {width: wide}}",
    "size.yaml": "data: {class_path: PairedData, init_args: {root: data, crop_size: [a, b]}}",
    "section.yaml": "modell: {class_path: Pix2Pix}",
    "trainer.yaml": "trainer: {max_epcohs: 3}",
    "many.yaml": "trainer: {max_epochs: many}",
    "callback.yaml": "trainer: {callbacks: [{class_path: EMAA}]}",
    "decay.yaml": "trainer: {callbacks: [{class_path: EMA, init_args: {decayy: 0.5}}]}",
    "text.yaml": "trainer: {callbacks: [{class_path: EMA, init_args: {decay: abc}}]}",
    "monitor.yaml": "trainer: {callbacks: [{class_path: EarlyStopping}]}",
    "logger.yaml": "trainer: {logger: {class_path: CSVLoger}}",
    "range.yaml": "trainer: {limit_val_batches: -3}",
    "broken.yaml": "model: [Pix2Pix\n",
    "list.yaml": "- a list",
    "names.yaml": "model: {class_path: 'Pix\\x1b[2J2Pix'}",
}


@pytest.mark.parametrize("verb", ["fit", "validate", "test", "predict"])
@pytest.mark.parametrize(
    ("options", "part"),
    [
        ("--model Pix2Pixx", "--model Pix2Pixx: there is no such method; choose from AdaIN"),
        ("--model Pix2Pixx", "the closest is Pix2Pix."),
        ("--model pix2pix", "the closest is Pix2Pix."),
        ("--model os.system", "--model os.system: there is no such method"),
        ("--model 3", "--model 3: there is no such method"),
        ("--model", "--model needs a value"),
        ("--model.widht 8", "--model.widht 8: Pix2Pix has no option widht; the closest is --model.width."),
        ("--model.width abc", "--model.width abc: give a whole number of at least 1"),
        ("--model.width 1.5", "--model.width 1.5: give a whole number of at least 1"),
        ("--model.width 0", "Pix2Pix cannot have width=0: give a whole number of at least 1"),
        ("--model.generator unet_65", "choose from unet_256, unet_128, unet_64"),
        ("--model.betas 0.5", "--model.betas 0.5: give a list of 2"),
        ("--data PairedDataa", "the closest is PairedData."),
        ("--data.crop_sise 64", "the closest is --data.crop_size."),
        ("--data.crop_size x", "--data.crop_size x: give a whole number of at least 1 or a list of 2"),
        ("--data.batch_size 1.5", "--data.batch_size 1.5: give a whole number"),
        ("--trainer.max_epochs many", "--trainer.max_epochs many: give a whole number of at least -1 or null"),
        ("--trainer.max_epcohs 3", "the closest is --trainer.max_epochs."),
        ("--trainer.max_epoch 3", "There is no option --trainer.max_epoch; the closest is --trainer.max_epochs."),
        ("--seed 3", "There is no option --seed; the closest is --seed_everything."),
        ("--conf x.yaml", "There is no option --conf; the closest is --config."),
        ("--trainer.max_epochs -2", "--trainer.max_epochs -2: give a whole number of at least -1"),
        ("--trainer.limit_val_batches 1.5", "--trainer.limit_val_batches 1.5: give"),
        ("--trainer.log_every_n_steps 0", "--trainer.log_every_n_steps 0: give a whole number of at least 1"),
        ("--trainer.accelerator gpuu", "choose from auto, cpu, gpu"),
        ("--trainer.strategy dpp", "the closest is ddp"),
        ("--trainer.devices x", "--trainer.devices x: give auto, how many"),
        ("--trainer.precision 17", "--trainer.precision 17: give one of 32-true"),
        ("--trainer.enable_progress_bar maybe", "--trainer.enable_progress_bar maybe: give true or false"),
        ("--trainer.callbacks EMAA", "the closest is EMA."),
        ("--trainer.callbacks+=EMAA", "the closest is EMA."),
        ("--trainer.callbacks+=EMA --trainer.callbacks.decayy 3", "the closest is --trainer.callbacks.decay."),
        ("--trainer.callbacks+=EMA --trainer.callbacks.decay x", "--trainer.callbacks.decay x: give a number"),
        ("--trainer.callbacks.decay 3", "name the callback first"),
        ("--trainer.callbacks+=EarlyStopping", "EarlyStopping needs monitor: give --trainer.callbacks.monitor."),
        ("--trainer.logger CSVLoggerr", "the closest is CSVLogger."),
        ("--trainer.logger CSVLogger --trainer.logger.save_dirr x", "the closest is --trainer.logger.save_dir."),
        ("--trainer.overfit_batches 1", "--trainer.overfit_batches 1: the datamodules keep their own order"),
        ("--seed_everything x", "--seed_everything x: give"),
        ("--seed_everything -1", "--seed_everything -1: give a whole number of at least 0 and below 4294967296"),
        (f"--seed_everything {2**70}", "give a whole number of at least 0 and below 4294967296"),
        ("--compile maybe", "--compile maybe: give true or false"),
        ("--nonsense 3", "There is no option --nonsense"),
        ("--ckpt_paht x", "the closest is --ckpt_path."),
        ("--ckpt_path", "--ckpt_path needs a value"),
        ("--config", "--config needs the name of a file"),
        ("--config nosuch.yaml", "nosuch.yaml: there is no such file"),
        ("--config pix2pix/camvd", "the closest is pix2pix/camvid."),
        ("--config broken.yaml", "broken.yaml, line 2: this cannot be read as YAML"),
        ("--config list.yaml", "list.yaml is not a recipe"),
        ("--config class.yaml", "class.yaml: model Pix2Pixx: there is no such method"),
        ("--config short.yaml", "short.yaml: data PairedDataa: there is no such datamodule"),
        (
            "--config option.yaml",
            "model.widht 8: Pix2Pix has no option widht; the closest is model.width.",
        ),
        ("--config type.yaml", "type.yaml: model.width wide: give a whole number of at least 1"),
        ("--config size.yaml", "size.yaml: data.crop_size ['a', 'b']: give"),
        ("--config section.yaml", "the closest is model."),
        (
            "--config trainer.yaml",
            "trainer.max_epcohs 3: the trainer has no such option; the closest is max_epochs.",
        ),
        ("--config many.yaml", "many.yaml: trainer.max_epochs many: give a whole number"),
        ("--config callback.yaml", "callback.yaml: trainer.callbacks EMAA: there is no such callback"),
        ("--config decay.yaml", "EMA has no option decayy; the closest is trainer.callbacks.decay."),
        ("--config text.yaml", "text.yaml: trainer.callbacks.decay abc: give a number of at least 0"),
        ("--config monitor.yaml", "EarlyStopping needs monitor"),
        ("--config logger.yaml", "the closest is CSVLogger."),
        ("--config range.yaml", "--trainer.limit_val_batches -3: give"),
        ("--config names.yaml", r"model Pix\x1b[2J2Pix: there is no such method"),
    ],
)
def test_of_the_training_verbs(verb: str, options: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in RECIPES.items():
        Path(name).write_text(text)
    assert part in refused(capsys, f"{verb} {FIT} {options}", 1)
    assert not Path("runs").exists()


@pytest.mark.parametrize("verb", ["fit", "validate", "test", "predict"])
def test_of_missing_sections(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--model and --data are missing: give a recipe" in refused(capsys, verb, 1)
    assert "--data is missing: give a recipe" in refused(capsys, f"{verb} --model Pix2Pix", 1)
    assert "PairedData needs root: give --data.root." in refused(capsys, f"{verb} --model UNIT --data PairedData", 1)
    assert "foo: there is no place for this argument" in refused(capsys, f"{verb} {FIT} foo", 1)


@pytest.mark.parametrize("callback", ["EarlyStopping", "ModelCheckpoint"])
@pytest.mark.parametrize(
    ("monitor", "close"),
    [
        ("val/sism", "val/ssim"),
        ("train/generator/l2", "train/generator/l1"),
        ("epoch/generator/l2", "epoch/generator/l1"),
    ],
)
def test_of_a_monitor_that_nobody_logs(
    callback: str, monitor: str, close: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"--trainer.callbacks+={callback}", f"--trainer.callbacks.monitor={monitor}"]
    assert main(["fit", *tiny.ARGS, *options]) == 1
    out, err = capsys.readouterr()
    *_, error = err.splitlines()
    assert error.startswith(f"i2i-zoo: monitor {monitor}: this run does not log it; choose from ")
    assert error.endswith(f"the closest is {close}.")
    assert "epoch 1" not in out, "it is found at once"


def test_that_a_class_refuses_is_told_in_its_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/l1"]
    assert main(["fit", *tiny.ARGS, *options, "--trainer.callbacks.mode=mni"]) == 1
    *_, error = capsys.readouterr().err.splitlines()
    assert "`mode` can be min, max, got mni" in error
    assert [word for word in JARGON if word in error] == []


def test_that_a_monitor_found_late_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=train/generator/l1"]
    assert main(["fit", *tiny.ARGS, *options, "--trainer.log_every_n_steps=50"]) == 1
    out, err = capsys.readouterr()
    assert "no epoch has the 50 steps after which losses are logged; monitor epoch/generator/l1, the mean" in err
    path = Path("runs/pix2pix-syntheticpairs/version_0/checkpoints/last.ckpt")
    assert f"Saved {path}. Continue from it with --ckpt_path last." in out
    assert main(["fit", *tiny.ARGS, "--ckpt_path=last", "--trainer.max_epochs=2"]) == 0
    assert torch.load(path, weights_only=True)["global_step"] == 8
