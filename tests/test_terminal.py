"""What reaches the terminal: one printable line, whatever the names, the encoding and the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import i2i_zoo
import tiny
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError, printable

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}


def command(*argv: str, **options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        f'"{sys.executable}" -m i2i_zoo {" ".join(argv)}',
        shell=True,
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, **options},
        check=False,
    )


def test_invisible_characters_are_written_out() -> None:
    assert printable("a\nb\x1b[31m\x9b\u202e\udcff") == r"a\nb\x1b[31m\x9b\u202e\udcff"
    assert printable("Ä名 é.png") == "Ä名 é.png"
    assert str(ZooError("\x1b]0;title\x07.png: no\r\n picture.")) == r"\x1b]0;title\x07.png: no\r\n picture."


@pytest.mark.parametrize("verb", ["list", "--help", "info pix2pix-facades"])
def test_output_onto_a_full_disk_is_one_sentence(verb: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    result = command(verb, "> /dev/full")
    assert result.returncode == 1
    assert result.stderr.startswith("i2i-zoo: The output cannot be written (No space left on device)")
    assert result.stderr.count("\n") == 1


def test_names_that_the_terminal_cannot_show_are_written_out(tmp_path: Path) -> None:
    i2i_zoo.save(tiny.model(norm="instance", width=1), tmp_path / "model")
    Image.new("RGB", (8, 8)).save(tmp_path / "Ä.png")
    folder = str(tmp_path)
    result = command("translate", f"{folder}/model", f"{folder}/Ä.png", "-o", f"{folder}/Ö", PYTHONIOENCODING="ascii")
    assert result.stdout == f"1 translated: {folder}/\\xd6\n", result.stderr
    assert (tmp_path / "Ö" / "Ä.png").is_file()


def test_a_nul_in_an_argument_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["translate", "pix2pix-facades", "a.png", "-o", "a\0b"], ["fit", "--data.root", "a\0b"]):
        assert main(argv) == 1
        assert capsys.readouterr().err == "i2i-zoo: a\\x00b: an argument cannot hold a NUL character; remove it.\n"


def test_terminal_codes_in_names_of_files_are_written_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\x1b[31m"
    i2i_zoo.save(tiny.model(norm="instance", width=1), tmp_path / name)
    Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    (tmp_path / f"{name}-broken.png").write_bytes(b"no picture")
    inputs = [str(tmp_path / end) for end in (name, f"{name}.png", f"{name}-broken.png")]
    assert main(["translate", *inputs, "-o", str(tmp_path / f"{name}-out")]) == 1
    assert main(["fit", *tiny.ARGS, f"--trainer.default_root_dir={tmp_path / name}", "--ckpt_path=last"]) == 0
    (tmp_path / name / "facades").mkdir()
    assert main(["data", "fetch", "facades", "--root", str(tmp_path / name)]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in (out + err)
    for text in (out, err):
        assert r"a\x1b[31m" in text


def test_terminal_codes_in_arguments_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["list", "--\x1b[31m\nx"])
    assert r"--\x1b[31m\nx" in capsys.readouterr().err
