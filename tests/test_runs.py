"""Runs of the command line: where they write, how they end, and how they continue."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from i2i_zoo.cli.main import main
from i2i_zoo.cli.runs import RunFolder, last_checkpoint

FIT = ["fit", *tiny.ARGS]
RUNS = Path("runs/pix2pix-syntheticpairs")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def last(runs: Path = RUNS) -> dict[str, Any]:
    """The content of the newest ``last.ckpt``."""
    path = last_checkpoint(runs)
    assert path is not None
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


@pytest.mark.parametrize(
    "where",
    [
        ["--trainer.logger=CSVLogger", "--trainer.logger.save_dir=logs"],
        ["--trainer.logger=TensorBoardLogger", "--trainer.logger.save_dir=logs", "--trainer.logger.name=mine"],
        ["--trainer.logger=false"],
        ["--trainer.default_root_dir=else/where"],
    ],
)
def test_last_is_found_whatever_the_logger_and_the_root(where: list[str]) -> None:
    runs = Path("else/where" if "else" in where[0] else "runs") / RUNS.name
    assert main([*FIT, *where]) == 0
    assert main([*FIT, *where, "--ckpt_path=last", "--trainer.max_epochs=2"]) == 0
    assert [path.name for path in runs.iterdir()] == ["version_0"]
    assert {path.name for path in (runs / "version_0").iterdir()} >= {"checkpoints", "config.yaml", "model"}
    assert last(runs)["global_step"] == 8
    root = where if "root" in where[0] else []
    assert main(["test", f"--config={runs}/version_0/config.yaml", "--ckpt_path=last", *root]) == 0


def hold(runs: Path, version: str | None, ready: Any, end: Any) -> None:
    folder = RunFolder(runs, version)
    ready.put(folder.path.name)
    end.wait()


def test_one_process_at_a_time_trains_in_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(FIT) == 0
    context = multiprocessing.get_context("fork")
    ready, end = context.Queue(), context.Event()
    process = context.Process(target=hold, args=(RUNS, "version_0", ready, end))
    process.start()
    assert ready.get() == "version_0"
    again = [*FIT, "--ckpt_path=last", "--trainer.max_epochs=2"]
    capsys.readouterr()
    assert main(again) == 1
    error = capsys.readouterr().err
    assert f"{RUNS}/version_0: another process (number {process.pid} on " in error
    assert "wait for its end, or start a run of its own without --ckpt_path" in error
    process.kill()  # the lock of a dead process is none
    process.join()
    assert main(again) == 0
    assert last()["global_step"] == 8


def test_runs_started_at_once_have_folders_of_their_own() -> None:
    context = multiprocessing.get_context("fork")
    ready, end = context.Queue(), context.Event()
    processes = [context.Process(target=hold, args=(Path("runs/one"), None, ready, end)) for _ in range(8)]
    for process in processes:
        process.start()
    assert sorted(ready.get() for _ in processes) == [f"version_{i}" for i in range(8)]
    end.set()
    for process in processes:
        process.join()


def test_a_folder_that_nothing_was_written_to_is_removed() -> None:
    RunFolder(Path("runs/one")).release()
    assert list(Path("runs/one").iterdir()) == []


@pytest.mark.parametrize("verb", ["validate", "test", "predict"])
def test_other_verbs_take_the_saved_configuration_of_a_run(verb: str) -> None:
    assert main(FIT) == 0
    assert main([verb, f"--config={RUNS}/version_0/config.yaml", "--ckpt_path=last"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_ended_by_a_signal_says_how_to_continue(number: signal.Signals, workers: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "i2i_zoo", *FIT, f"--data.num_workers={workers}", "--trainer.max_epochs=100000"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, start_new_session=True, **pipes) as process:
        while last_checkpoint(RUNS) is None:
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, number)  # a queue sends it to all processes
        _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    *_, sentence = error.splitlines()
    path = RUNS / "version_0/checkpoints/last.ckpt"
    what = "interrupted" if number == signal.SIGINT else "ended by SIGTERM"
    assert sentence == f"i2i-zoo: {what}; the same command with --ckpt_path last continues the run from {path}"
    assert "Traceback" not in error
    assert not (RUNS / "version_0/model").exists()
    step = last()["global_step"]
    assert main([*FIT, "--ckpt_path=last", f"--trainer.max_epochs={step // 4 + 1}"]) == 0
    assert last()["global_step"] == step + 4
