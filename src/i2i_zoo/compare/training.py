"""Training what a comparison lacks: one job per device, each `i2i-zoo fit` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import torch
import yaml

from i2i_zoo.atomic import atomic_write
from i2i_zoo.callbacks.history import Moment, read_history
from i2i_zoo.devices import find_launched
from i2i_zoo.errors import ZooError

from .claims import claimed
from .progress import Progress, words
from .rows import Job

#: Seconds between two looks at the running jobs.
LOOK = 1.0


@dataclass
class Place:
    """This process among those that a launcher such as torchrun or Slurm has started for one command.

    Args:
        rank: Its number; the process of rank 0 writes the table.
        devices: What each of its jobs sees: the value of ``CUDA_VISIBLE_DEVICES``, or an empty string for a CPU.
    """

    rank: int = 0
    devices: list[str] = field(default_factory=lambda: [""])


def find_place() -> Place:
    """Find which process this is, and then hide the launcher: every job trains by itself."""
    rank, _, local, alone = find_launched()
    for name in ("RANK", "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID", "SLURM_NTASKS"):
        os.environ.pop(name, None)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    gpus = [visible[i] if visible != [""] else str(i) for i in range(torch.cuda.device_count())]
    if not gpus:
        return Place(rank)
    return Place(rank, gpus if alone else [gpus[local % len(gpus)]])


@dataclass
class Running:
    """A job that trains."""

    job: Job
    process: subprocess.Popen[bytes]
    device: str
    claim: ExitStack


class Trainings:
    """Trains jobs until none is left that this process can do.

    Args:
        jobs: All jobs of a comparison; processes that share its folder may be at the same ones.
        place: This process.
        done: Called with each job that is trained, while its claim is held.
        progress: Where to say how far it is.
    """

    def __init__(self, jobs: Sequence[Job], place: Place, done: Callable[[Job], None], progress: Progress) -> None:
        self.waiting, self.place, self.done, self.progress = list(jobs), place, done, progress
        self.total = len(jobs)
        self.running: list[Running] = []
        self.failed: list[str] = []

    def run(self) -> None:
        """Train and wait; at the end the jobs of other processes are finished too.

        Raises:
            ZooError: If trainings have failed, after all others.
        """
        try:
            while self.waiting or self.running:
                self.start()
                self.look()
                if self.running or self.waiting:
                    self.progress.tick(self.report)
                    time.sleep(LOOK)
        finally:
            self.stop()
        if self.failed:
            raise ZooError("; ".join(self.failed))

    def start(self) -> None:
        """Start what the free devices can do, and pass on what is trained already."""
        for job in list(self.waiting):
            free = [device for device in self.place.devices if device not in [r.device for r in self.running]]
            whole = job.row.all_devices
            blocked = any(one.job.row.all_devices for one in self.running) or (self.running if whole else not free)
            if job.checkpoint is None and blocked:
                continue
            claim = ExitStack()
            file = claim.enter_context(claimed(job.folder))
            if file is None:  # another process is at it
                claim.close()
                continue
            self.waiting.remove(job)
            if job.checkpoint is not None:
                with claim:
                    self.done(job)
            else:
                device = ",".join(self.place.devices) if whole else free[0]
                self.running.append(Running(job, launch(job, device, file), device, claim))

    def look(self) -> None:
        """Pass on the jobs that have ended."""
        for one in list(self.running):
            status = one.process.poll()
            if status is None:
                continue
            self.running.remove(one)
            with one.claim:
                if one.job.checkpoint is not None:
                    self.done(one.job)
                else:
                    self.failed.append(failure(one.job, status))

    def stop(self) -> None:
        """End the trainings that still run; the same command continues them."""
        for one in self.running:
            one.process.terminate()
        for one in self.running:
            one.process.wait()
            one.claim.close()
        self.running = []

    def report(self) -> str:
        """How far the running jobs are, and when everything will be done."""
        moments = {one.job.title: next(reversed(read_history(one.job.history)), None) for one in self.running}
        finished = self.total - len(self.waiting) - len(self.running)
        parts = [f"{finished} of {self.total} done", *(describe(name, moment) for name, moment in moments.items())]
        if not self.running:
            parts.append(f"{len(self.waiting)} in the hands of other processes")
        elif left := time_left(list(moments.values()), self.waiting, len(self.place.devices)):
            parts.append(f"all in about {words(left)}")
        return "; ".join(parts)


def launch(job: Job, device: str, claim: int) -> subprocess.Popen[bytes]:
    """Start the training of a job in a process that holds its claim; what it prints goes to ``fit.log``."""
    if job.row.unfinished is None:
        with atomic_write(job.config) as partial:
            partial.write_text(yaml.safe_dump(job.recipe, sort_keys=False), encoding="utf-8")
    environment = {**os.environ, **({"CUDA_VISIBLE_DEVICES": device} if device else {})}
    inherited = () if sys.platform == "win32" else (claim,)
    with open(job.folder / "fit.log", "wb") as log:
        return subprocess.Popen(
            job.command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=inherited
        )


def failure(job: Job, status: int) -> str:
    """What to say about a training that left no model."""
    log = job.folder / "fit.log"
    lines = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").split("\n")
    reasons = [line.removeprefix("i2i-zoo: ") for line in lines if line.startswith("i2i-zoo: ")]
    reason = reasons[-1].rstrip(".") if reasons else f"it ended with status {status}"
    return f"{job.title} was not trained ({reason}); see {log}, and start the same command again to continue"


def describe(name: str, moment: Moment | None) -> str:
    """How far a training is."""
    if moment is None:
        return f"{name} begins"
    if moment["of"] is None:
        return f"{name}: step {moment['step']} after {words(moment['seconds'])}"
    left = moment["seconds"] / max(moment["step"], 1) * (moment["of"] - moment["step"])
    return f"{name}: step {moment['step']} of {moment['of']}, {words(left)} left"


def time_left(moments: Sequence[Moment | None], waiting: Sequence[Job], devices: int) -> float | None:
    """Seconds until everything is trained, if the jobs that wait take as long as those that run; None if unknown."""
    known = [(m["seconds"] / m["step"], m["step"], m["of"]) for m in moments if m and m["of"] and m["step"]]
    if not known:
        return None
    running = sum(pace * (of - step) for pace, step, of in known)
    whole = sum(pace * of for pace, _, of in known) / len(known)
    return (running + whole * sum(job.checkpoint is None for job in waiting)) / min(devices, max(1, len(known)))
