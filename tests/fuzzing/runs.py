"""Damaged recipes, and damaged folders of runs."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml

import i2i_zoo
import tiny
from fuzzing.damage import Case, Fuzzer, damaged_bytes, damaged_tree
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError

RECIPE = {
    "seed_everything": 3,
    "trainer": {
        "max_epochs": 1,
        "accelerator": "cpu",
        "callbacks": [{"class_path": "EMA", "init_args": {"decay": 0.9}}],
    },
    "model": {"class_path": "Pix2Pix", "init_args": {"generator": "unet_64", "width": 4, "betas": [0.5, 0.9]}},
    "data": {"class_path": "SyntheticPairs", "init_args": {"train": 4, "size": 64}},
}


def command(*argv: str | Path) -> None:
    """Run a command of the command line; raises `ZooError` with what it says if it fails."""
    errors = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        try:
            status = main([str(argument) for argument in argv])
        except SystemExit as end:  # --print_config
            status = int(end.code or 0)
    said = [line.removeprefix("i2i-zoo: ") for line in errors.getvalue().splitlines() if line.startswith("i2i-zoo: ")]
    assert "Traceback" not in errors.getvalue(), errors.getvalue()
    assert status in (0, 1), f"status {status}"
    if status:
        assert len(said) == 1, errors.getvalue()
        raise ZooError(said[0])


def recipes(folder: Path, random: np.random.Generator) -> Iterator[Case]:
    """Recipes with damaged bytes, and recipes with other keys and values."""
    file = folder / "recipe.yaml"
    while True:
        text = yaml.safe_dump(RECIPE, default_flow_style=bool(random.random() < 0.5)).encode()
        if random.random() < 0.3:
            text = damaged_bytes(text, random)
        else:
            text = yaml.safe_dump(damaged_tree(RECIPE, random), allow_unicode=True).encode()
        file.write_bytes(text)
        yield Case(f"{text!r:.900}", lambda: command("fit", "--config", file, "--print_config"))


def runs(folder: Path, random: np.random.Generator) -> Iterator[Case]:
    """A run in which one file is damaged, missing, of another kind or another file's, used in every way."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        root = Path("runs", "pix2pix-syntheticpairs")
        command("fit", *tiny.ARGS)
        run = root / "version_0"
        shutil.copytree(root, "whole")
        names = sorted(path.relative_to(run) for path in run.rglob("*") if path.is_file())
        uses = {
            "load": lambda: i2i_zoo.load(run),
            "convert": lambda: i2i_zoo.convert("pix2pix", run / "checkpoints" / "last.ckpt"),
            "info": lambda: command("info", run),
            "continue": lambda: command("fit", *tiny.ARGS, "--ckpt_path=last"),
            "config": lambda: command("test", "--config", run / "config.yaml", "--ckpt_path=last"),
            "init_from": lambda: command("fit", *tiny.ARGS, f"--init_from={run}", "--trainer.limit_train_batches=1"),
        }
        while True:
            name = names[random.integers(len(names))]
            file = run / name
            data = file.read_bytes()
            match random.integers(8):
                case 0:
                    file.unlink()
                    damage = "missing"
                case 1:
                    file.write_bytes(b"")
                    damage = "empty"
                case 2:
                    file.unlink()
                    file.mkdir()
                    damage = "a folder"
                case 3:
                    file.unlink()
                    file.symlink_to(file.name)
                    damage = "a link to itself"
                case 4:
                    other = names[random.integers(len(names))]
                    file.write_bytes((Path("whole") / run.name / other).read_bytes())
                    damage = f"the content of {other}"
                case _:
                    file.write_bytes(damaged_bytes(data, random))
                    damage = "damaged"
            use = list(uses)[random.integers(len(uses))]
            yield Case(f"{use} of a run whose {name} is {damage}", uses[use])
            shutil.rmtree(root)
            shutil.copytree("whole", root)
    finally:
        os.chdir(here)


FUZZERS: dict[str, Fuzzer] = {"recipes": recipes, "runs": runs}
