from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
import yaml
from PIL import Image

import tiny
from i2i_zoo.callbacks.ema import EMA
from i2i_zoo.callbacks.resume import ExactResume, LastCheckpoint, WholeCheckpoints
from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.rendered.streets import render_scene
from i2i_zoo.errors import ZooError


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    for split, count in (("train", 6), ("val", 1)):
        (root / split).mkdir()
        for i in range(count):
            Image.fromarray(render_scene(i, (80, 80))[1]).save(root / split / f"{i}.png")
    return root


class Everywhere(LastCheckpoint):
    """Checkpoints at every moment at which Lightning writes one, each under a name of its own."""

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        trainer.save_checkpoint(f"{trainer.default_root_dir}/batch{trainer.fit_loop.total_batch_idx}.ckpt")

    def on_validation_end(self, trainer: Any, *_: Any) -> None:
        trainer.save_checkpoint(f"{trainer.default_root_dir}/validation{trainer.current_epoch}.ckpt")

    def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
        trainer.save_checkpoint(f"{trainer.default_root_dir}/epoch{trainer.current_epoch}.ckpt")


@pytest.mark.parametrize(("workers", "length"), [(0, {"max_epochs": 2}), (2, {"max_epochs": 2}), (0, {"max_steps": 4})])
def test_a_run_continues_from_any_moment_to_the_same_end(workers, length, photos: Path, tmp_path: Path) -> None:
    def fit(folder: Path, *callbacks: L.Callback, checkpoint: Path | None = None) -> dict[str, Any]:
        torch.manual_seed(0)
        model = tiny.model(dropout=True, norm="batch", pool_size=3, epochs=1, decay_epochs=3)
        data = PairedData(
            str(photos), made_from="edges", load_size=72, crop_size=64, test_size=64, batch_size=2, num_workers=workers
        )
        options = {"max_epochs": -1, "num_sanity_val_steps": 0, "enable_checkpointing": bool(callbacks), **length}
        trainer = tiny.trainer(folder, ExactResume(), EMA(0.9), *callbacks, **options)
        trainer.fit(model, data, ckpt_path=checkpoint)
        moments = [{k: v for k, v in o.state_dict().items() if k == "state"} for o in trainer.optimizers]
        # With EMA, the generator holds the average in the end.
        return {"weights": model.state_dict(), "pool": model.pool.state_dict(), "moments": moments}

    uninterrupted = fit(tmp_path, Everywhere())
    checkpoints = sorted(tmp_path.glob("*.ckpt"))
    assert {path.stem for path in checkpoints} >= {"batch0", "batch1", "batch2", "validation0", "epoch0", "batch3"}
    for path in checkpoints:
        assert equal(fit(tmp_path / "resumed", checkpoint=path), uninterrupted), path.stem


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    ends = []
    for seed in (0, 0, 1):
        torch.manual_seed(0)
        model = tiny.model(dropout=True)
        tiny.trainer(tmp_path, ExactResume(seed)).fit(model, tiny.data())
        ends.append(model.state_dict())
    assert equal(ends[0], ends[1])
    assert not equal(ends[0], ends[2])


def test_within_a_long_epoch_checkpoints_follow_the_clock(tmp_path: Path) -> None:
    epochs = []

    class Watch(L.Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if last.exists():
                loops = torch.load(last, weights_only=True)["loops"]["fit_loop"]
                epochs.append(
                    (
                        loops["epoch_progress"]["current"]["processed"],
                        loops["epoch_loop.batch_progress"]["current"]["processed"],
                    )
                )

    last = tmp_path / "checkpoints" / "last.ckpt"
    trainer = tiny.trainer(tmp_path, Watch(), LastCheckpoint(minutes=0), max_epochs=2, enable_checkpointing=True)
    trainer.fit(tiny.model(), tiny.data(train=3))
    assert epochs == [(0, 1), (0, 2), (1, 3), (1, 1), (1, 2)]
    assert [path.name for path in last.parent.iterdir()] == ["last.ckpt"]


def test_a_full_disk_costs_one_sentence_and_no_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints" / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"weights": torch.arange(4)}, file)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ZooError, match=r"last\.ckpt: the checkpoint cannot be written \(File too large\)"):
            WholeCheckpoints().save_checkpoint({"weights": torch.zeros(100_000)}, file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert torch.equal(WholeCheckpoints().load_checkpoint(file)["weights"], torch.arange(4))
    assert list(file.parent.iterdir()) == [file]


def test_one_flipped_byte_is_seen_anywhere(tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    weights = torch.arange(1000.0)
    WholeCheckpoints().save_checkpoint({"weights": weights}, file)
    assert torch.equal(torch.load(file, weights_only=True)["weights"], weights)
    content = file.read_bytes()
    for place in (*range(0, len(content) - 100, 97), *range(len(content) - 100, len(content))):
        damaged = bytearray(content)
        damaged[place] ^= 1
        file.write_bytes(damaged)
        with pytest.raises(ZooError, match=r"last\.ckpt is damaged: .* give another checkpoint"):
            WholeCheckpoints().load_checkpoint(file)
    torch.save({"weights": weights}, file)  # by an earlier version
    assert torch.equal(WholeCheckpoints().load_checkpoint(file)["weights"], weights)


LAUNCHER = """
import json, os, sys
import i2i_zoo.cli.training
from i2i_zoo.cli.main import main

for line in sys.stdin:
    folder, *args = json.loads(line)
    process = os.fork()
    if not process:
        os.dup2(2, 1)
        os.chdir(folder)
        os._exit(main(args))
    print(process, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


@pytest.fixture
def launcher() -> Iterator[Any]:
    """Runs the command in new processes as a shell does, but imports everything once."""
    command = [sys.executable, "-c", LAUNCHER]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 1}
    with subprocess.Popen(command, **pipes, text=True, env=environment) as process:
        yield process
        process.stdin.close()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_killed_at_any_moment_ends_as_one_that_was_not(workers: int, launcher: Any, tmp_path: Path) -> None:
    config = {
        "trainer": {
            "max_epochs": 3,
            "log_every_n_steps": 1,
            "callbacks": [{"class_path": "LastCheckpoint", "init_args": {"minutes": 0}}],
            **{"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False},
        },
        "model": {
            "class_path": "Pix2Pix",
            "init_args": {"generator": "unet_64", "width": 4, "discriminator_width": 4, "pool_size": 3},
        },
        "data": {
            "class_path": "SyntheticPairs",
            "init_args": {"train": 8, "val": 2, "size": 64, "num_workers": workers},
        },
    }
    (tmp_path / "scenes.yaml").write_text(yaml.safe_dump(config))
    runs = tmp_path / "runs" / "scenes"

    def run(*args: str, until: Callable[[], bool] = lambda: False) -> int:
        launcher.stdin.write(json.dumps([str(tmp_path), "fit", "--config=scenes.yaml", *args]) + "\n")
        process, killed = int(launcher.stdout.readline()), False
        while not select.select([launcher.stdout], [], [], 0.003)[0]:
            if not killed and until():
                os.kill(process, signal.SIGKILL)
                killed = True
        return int(launcher.stdout.readline())

    def last() -> dict[str, Any]:
        (file,) = runs.glob("version_*/checkpoints/last.ckpt")
        return torch.load(file, weights_only=True)

    def checkpoints(count: int, writing: bool = False) -> Callable[[], bool]:
        """Whether so many checkpoints of this run have been written, or the next of them is being written."""
        seen: set[int] = set()

        def reached() -> bool:
            seen.update(path.stat().st_mtime_ns for path in runs.glob("version_*/checkpoints/last.ckpt"))
            return len(seen) > count and (not writing or any(runs.glob("version_*/checkpoints/.*")))

        return reached

    # Before there is a checkpoint; within an epoch; while a checkpoint is written.
    for moment in (runs.exists, checkpoints(4), checkpoints(6, writing=True)):
        assert run("--ckpt_path=last", until=moment) == -signal.SIGKILL
    assert run("--ckpt_path=last") == 0
    resumed = last()
    runs.rename(tmp_path / "killed")
    assert run() == 0
    uninterrupted = last()
    for key in ("state_dict", "optimizer_states", "lr_schedulers", "pool", "epoch", "global_step"):
        assert equal(resumed[key], uninterrupted[key]), key
