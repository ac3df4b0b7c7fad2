"""Wrong commands: one line in plain English that names what is wrong, the closest name, and what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
        ("data fetch facads", "Unknown dataset 'facads': choose from facades, maps"),
        ("data fetch facads", "the closest is facades."),
        ("data prepare ade2k .", "the closest is ade20k."),
        ("data prepare foo .", "Unknown dataset 'foo': choose from cityscapes, cityscapes-semantic"),
        ("data prepare ade20k nosuch", "nosuch: there is no such folder; give that of the official download"),
    ],
)
def test_of_names(line: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert part in refused(capsys, line, 1)


def test_a_typo_in_a_dataset_is_found_without_torch() -> None:
    script = """
import sys
from i2i_zoo.cli.main import main
assert main(["data", "prepare", "foo", "."]) == main(["data", "fetch", "foo"]) == 1
assert "torch" not in sys.modules and "numpy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
