"""Runs of the command line: where they write, how they end, and how they continue."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
import yaml

import i2i_zoo
import tiny
from i2i_zoo.callbacks.resume import LastCheckpoint
from i2i_zoo.cli.main import main
from i2i_zoo.cli.runs import RunFolder
from i2i_zoo.errors import ZooError
from i2i_zoo.store.runs import last_checkpoint

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
    assert (RUNS / "version_0/run.lock").exists()
    assert main(again) == 0
    assert last()["global_step"] == 8
    assert not (RUNS / "version_0/run.lock").exists()


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


#: The command, also where the tests run in the background and so ignore Ctrl-C.
HEEDING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
from i2i_zoo.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_ended_by_a_signal_says_how_to_continue(number: signal.Signals, workers: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", HEEDING, *FIT, f"--data.num_workers={workers}", "--trainer.max_epochs=100000"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, start_new_session=True, **pipes) as process:
        while last_checkpoint(RUNS) is None:
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, number)  # a queue sends it to all processes
        _, error = process.communicate(timeout=180)
    assert process.returncode == 128 + number, error
    *_, sentence = error.splitlines()
    path = RUNS / "version_0/checkpoints/last.ckpt"
    what = "interrupted" if number == signal.SIGINT else "ended by SIGTERM"
    assert sentence == f"i2i-zoo: {what}; the same command with --ckpt_path last continues the run from {path}"
    assert "Traceback" not in error
    assert not (RUNS / "version_0/model").exists()
    step = last()["global_step"]
    assert main([*FIT, "--ckpt_path=last", f"--trainer.max_epochs={step // 4 + 1}"]) == 0
    assert last()["global_step"] == step + 4


LOST = """
import os, signal, time
from i2i_zoo.cli.runs import EndedBySignal, ended_by_signals

class Loader:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)

try:
    with ended_by_signals(lambda: "; go on"):
        Loader()
        time.sleep(60)
except EndedBySignal as end:
    print(end, end.status)
"""


WORKER = """
import signal
from i2i_zoo.cli.runs import EndedBySignal, ended_by_signals

class Loader:
    def __init__(self, pid):
        self.pid = pid

    def __del__(self):
        raise RuntimeError(f"DataLoader worker (pid {self.pid}) is killed by signal: Terminated. ")

try:
    with ended_by_signals(lambda: "; go on"):
        Loader(1)
        signal.raise_signal(signal.SIGTERM)
except EndedBySignal as end:
    print(end, end.status)
Loader(2)
"""


def test_the_end_of_a_worker_is_told_unless_the_same_signal_ended_the_run() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", WORKER], env=environment, capture_output=True, text=True)
    assert ended.stdout == "ended by SIGTERM; go on 143\n"
    assert "pid 1" in ended.stderr, "before the signal, a worker's end is news"
    assert "pid 2" not in ended.stderr


def test_a_signal_is_not_lost_in_a_destructor() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", LOST], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("ended by SIGTERM; go on 143\n", "")


def test_optimisers_take_a_new_rate_when_a_run_continues(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(FIT) == 0
    before = last()
    more = ["--ckpt_path=last", "--trainer.max_epochs=2", "--model.lr=0.00001", "--model.betas=[0.9,0.99]"]
    assert main([*FIT, *more]) == 0
    path = RUNS / "version_0/checkpoints/last.ckpt"
    said = "continues with --model.lr 1e-05 (was 0.0002), --model.betas [0.9, 0.99] (was [0.5, 0.999])."
    assert f"{path}: the run {said}" in capsys.readouterr().out
    after = last()
    for state, schedule in zip(after["optimizer_states"], after["lr_schedulers"], strict=True):
        (group,) = state["param_groups"]
        assert group["lr"] == group["initial_lr"] == schedule["base_lrs"][0] == 1e-5
        assert tuple(group["betas"]) == (0.9, 0.99)
        assert state["state"][0]["step"] == 8
    moved = max((after["state_dict"][key] - value).abs().max() for key, value in parameters(before).items())
    assert 0 < moved < 1e-3, "four steps of Adam at this rate"
    config = json.loads((RUNS / "version_0/model/config.json").read_text())
    assert config["hparams"]["lr"] == 1e-5


def test_a_callback_takes_a_new_patience_when_a_run_continues(capsys: pytest.CaptureFixture[str]) -> None:
    stopping = ["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/l1"]
    assert main([*FIT, *stopping, "--trainer.callbacks.patience=1"]) == 0
    more = ["--ckpt_path=last", "--trainer.max_epochs=2"]
    capsys.readouterr()
    assert main([*FIT, *stopping, "--trainer.callbacks.patience=7", *more]) == 0
    assert "continues with the EarlyStopping of val/l1 with patience 7 (was 1)." in capsys.readouterr().out
    (state,) = (value for name, value in last()["callbacks"].items() if name.startswith("EarlyStopping"))
    assert state["patience"] == 7


def parameters(checkpoint: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights in a checkpoint, without the statistics of layers."""
    return {key: value for key, value in checkpoint["state_dict"].items() if key.endswith(("weight", "bias"))}


def test_a_new_schedule_counts_from_the_first_epoch() -> None:
    model = tiny.model(epochs=2, decay_epochs=0)
    torch.manual_seed(0)
    first = tiny.trainer("first", LastCheckpoint(), enable_checkpointing=True)
    first.fit(model, tiny.data())
    other = tiny.model(epochs=1, decay_epochs=3, lr=1e-3)
    rates = []

    class Watch(L.Callback):
        def on_train_batch_start(self, trainer: L.Trainer, module: Any, batch: Any, batch_idx: int) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    second = tiny.trainer("second", Watch(), max_epochs=3)
    second.fit(other, tiny.data(), ckpt_path="first/checkpoints/last.ckpt")
    assert rates[::4] == [1e-3 * other.lr_factor("generator", epoch) for epoch in (1, 2)]
    assert rates[0] != rates[-1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--model.width=8"], "trained with --model.width 4, and this run asks for --model.width 8: "),
        (
            ["--model.generator=resnet_6", "--model.lr=0.1"],
            "with --model.generator unet_64, and this run asks for --model",
        ),
        (["--model.lambda_adversarial=0"], "trained with --model.lambda_adversarial 1.0, and this run asks for"),
    ],
)
def test_another_architecture_is_refused_by_name(
    options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(FIT) == 0
    capsys.readouterr()
    for verb in ("fit", "test"):
        assert main([verb, *tiny.ARGS, *options, "--ckpt_path=last", "--trainer.max_epochs=2"]) == 1
        *_, error = capsys.readouterr().err.splitlines()
        assert error.startswith(f"i2i-zoo: {RUNS}/version_0/checkpoints/last.ckpt: The checkpoint was trained with ")
        assert sentence in error
        assert "--model.lr" not in error


def test_another_method_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(FIT) == 0
    capsys.readouterr()
    path = f"--ckpt_path={RUNS}/version_0/checkpoints/last.ckpt"
    assert main(["fit", "--model=GcGAN", "--model.lr=0.1", *tiny.ARGS[4:], path]) == 1
    *_, error = capsys.readouterr().err.splitlines()
    assert "last.ckpt: The checkpoint is that of another model than GcGAN: " in error


def test_without_a_limit_a_run_ends_with_its_schedule() -> None:
    endless = [arg for arg in FIT if "max_epochs" not in arg]
    assert main([*endless, "--model.epochs=1", "--model.decay_epochs=2"]) == 0
    assert last()["epoch"] == 2
    saved = yaml.safe_load((RUNS / "version_0/config.yaml").read_text())
    assert saved["trainer"]["max_epochs"] == 3
    assert main([*endless, "--model.epochs=1", "--trainer.max_steps=2"]) == 0
    assert last()["global_step"] == 2


@pytest.mark.filterwarnings("ignore:Total length of")
@pytest.mark.parametrize("option", ["--trainer.limit_train_batches=0", "--data.train=0"])
def test_a_run_without_data_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FIT, option]) == 1
    *_, error = capsys.readouterr().err.splitlines()
    assert error.startswith("i2i-zoo: ")
    assert not list(Path().rglob("model.safetensors"))


def test_a_run_of_no_epoch_saves_no_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FIT, "--trainer.max_epochs=0"]) == 0
    assert "Nothing was trained" in capsys.readouterr().out
    assert not list(Path().rglob("model.safetensors"))


CHANGES: dict[str, Any] = {
    "no optimisers": lambda content: content.pop("optimizer_states"),
    "no schedules": lambda content: content.pop("lr_schedulers"),
    "no loops": lambda content: content.pop("loops"),
    "no pool": lambda content: content.pop("pool"),
    "no preprocess": lambda content: content.pop("preprocess"),
    "no weights": lambda content: content.pop("state_dict"),
    "empty loops": lambda content: content.update(loops={}),
    "one optimiser": lambda content: content["optimizer_states"].pop(),
    "foreign optimisers": lambda content: content.update(optimizer_states=[{"state": {}, "param_groups": []}] * 2),
    "optimisers of another kind": lambda content: content.update(optimizer_states="Adam"),
    "foreign schedules": lambda content: content.update(lr_schedulers=[3, 4]),
    "one schedule": lambda content: content["lr_schedulers"].pop(),
    "a pool of another kind": lambda content: content.update(pool=3),
    "hyper-parameters of another kind": lambda content: content.update(hyper_parameters=3),
    "ema of other networks": lambda content: content.update(ema={"unet": {"weight": torch.zeros(1)}}),
    "ema of another kind": lambda content: content.update(ema=torch.zeros(1)),
    "incomplete ema": lambda content: content.update(ema={"generator": {}}),
    "callbacks of another kind": lambda content: content.update(callbacks=3),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    tiny.trainer(folder, LastCheckpoint(), enable_checkpointing=True).fit(tiny.model(), tiny.data())
    return folder / "checkpoints/last.ckpt"


@pytest.mark.parametrize("change", CHANGES)
def test_a_checkpoint_in_part_is_one_sentence(change: str, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = torch.load(whole, weights_only=True)
    CHANGES[change](content)
    torch.save(content, "part.ckpt")
    ema = ["--trainer.callbacks+=EMA"] if "ema" in change else []
    assert main([*FIT, *ema, "--ckpt_path=part.ckpt", "--trainer.max_epochs=2"]) == 1
    *_, error = capsys.readouterr().err.splitlines()
    assert "part.ckpt" in error
    assert error.startswith("i2i-zoo: ")


def test_a_checkpoint_of_weights_only_is_tested_but_not_continued(capsys: pytest.CaptureFixture[str]) -> None:
    weights = "--trainer.callbacks+=ModelCheckpoint", "--trainer.callbacks.save_weights_only=true"
    assert main([*FIT, *weights, "--trainer.callbacks.filename=best"]) == 0
    path = RUNS / "version_0/checkpoints/best.ckpt"
    assert main(["test", *tiny.ARGS, f"--ckpt_path={path}"]) == 0
    capsys.readouterr()
    assert main([*FIT, f"--ckpt_path={path}", "--trainer.max_epochs=2"]) == 1
    *_, error = capsys.readouterr().err.splitlines()
    assert error.startswith(
        f"i2i-zoo: {path}: The checkpoint has no optimizer_states, so a run cannot continue from it; "
    )
    with pytest.raises(ZooError, match="has no optimizer_states, so a run cannot continue"):
        tiny.trainer(".", max_epochs=2).fit(tiny.model(dropout=True), tiny.data(), ckpt_path=path)


def test_the_folder_of_a_run_is_a_name_for_load_and_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FIT, "--model.lr=0.001"]) == 0
    model = i2i_zoo.load(RUNS / "version_0")
    assert model.hparams["lr"] == 0.001
    assert model.hparams == i2i_zoo.load(RUNS).hparams == i2i_zoo.load(RUNS / "version_0/model").hparams
    capsys.readouterr()
    assert main(["info", str(RUNS)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == str(RUNS)
    for part in ("pix2pix\n", "lr=0.001", "size=[64, 64]", f"{RUNS}/version_0/model/model.safetensors (0."):
        assert part in out
    (RUNS / "version_0/model/config.json").unlink()
    with pytest.raises(
        ZooError, match=r"has not saved a model yet: .* convert METHOD .*/checkpoints/last\.ckpt -o FOLDER"
    ):
        i2i_zoo.load(RUNS)
    assert main(["info", str(RUNS)]) == 1
