"""Where a model runs."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import torch

from i2i_zoo.errors import ZooError


class Launched(NamedTuple):
    """This process among those that a launcher such as torchrun or Slurm has started for one command.

    Args:
        rank: Its number among all, from 0.
        processes: How many there are.
        local_rank: Its number among those of this machine.
        alone: Whether there is no launcher.
    """

    rank: int = 0
    processes: int = 1
    local_rank: int = 0
    alone: bool = True

    def share(self, jobs: dict[Any, Any]) -> dict[Any, Any]:
        """The jobs of this process: every ``processes``-th.  Together the processes do all, and none twice."""
        return {job: value for number, (job, value) in enumerate(jobs.items()) if number % self.processes == self.rank}

    @property
    def said(self) -> str:
        """Which process this is, for people; empty without a launcher."""
        return "" if self.alone else f" (process {self.rank} of {self.processes})"

    def device(self, name: str | None) -> str | None:
        """The name of this process's device: if it may choose one of several GPUs, that of its local rank."""
        gpus = torch.cuda.device_count()
        return f"cuda:{self.local_rank % gpus}" if name in (None, "cuda") and gpus and not self.alone else name


#: For each launcher, the variable that it sets, and those with rank, number of processes, and rank on the machine.
LAUNCHERS = {
    "TORCHELASTIC_RUN_ID": ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
    "SLURM_PROCID": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
}


def find_launched() -> Launched:
    """Which process this is, from the variables of torchrun or of Slurm's srun.  A Slurm shell is no launcher."""
    for mark, names in LAUNCHERS.items():
        shell = mark.startswith("SLURM") and os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive")
        if mark in os.environ and not shell:
            rank, processes, local_rank = (
                int(os.environ.get(name, default)) for name, default in zip(names, "010", strict=True)
            )
            return Launched(rank, processes, local_rank, alone=False)
    return Launched()


def find_device(name: str | torch.device | None = None) -> torch.device:
    """The device, or the one of this name; by default a GPU if there is one.

    Raises `ZooError` if the device is not available.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        if torch.empty(0, device=name).is_meta:
            raise NotImplementedError("it holds no numbers")
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        # torch goes on with a list of what it was once written for.
        reason = str(error).splitlines()[0].partition(" Please ")[0].rstrip(".")
        if reason.startswith(("Expected one of", "Could not run")):
            reason = "there is no such device"
        elif isinstance(error, TypeError):
            reason = "it is not the name of one"
        raise ZooError(
            f"device {str(name)!r} cannot be used here ({reason}): choose cpu, cuda, cuda:1 or mps."
        ) from None
    return torch.device(name)


def find_devices(name: str | None, count: int) -> list[str]:
    """The devices for several processes: one GPU each, or the CPU for all.

    Raises `ZooError` if there are fewer GPUs or, for the CPU, fewer cores.
    """
    gpus = torch.cuda.device_count()
    if name == "cpu":
        check_cores("--devices", count)
        return ["cpu"] * count
    if name not in (None, "cuda"):
        raise ZooError(f"--devices {count} works with --device cuda or cpu, not {name}.")
    if count > gpus:
        raise ZooError(
            f"--devices {count}: there are {gpus} GPUs here; with --device cpu, {count} processes share the CPU."
        )
    return [f"cuda:{i}" for i in range(count)]


def computes_bf16(device: torch.device) -> bool | None:
    """Whether the device has instructions for bf16; others are slower with it.  ``None`` where PyTorch cannot tell."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities: dict[str, Any] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # earlier versions of PyTorch have none
    if device.type != "cpu" or "avx2" not in capabilities:
        return None
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def advice_on_precision(precision: str | int | None, device: torch.device) -> str | None:
    """What to tell who trains on this device in this precision of a Trainer, ``None`` being its default; or nothing."""
    if precision is None and computes_bf16(device):
        return (
            "This trains in 32 bit. --trainer.precision bf16-mixed rounds more coarsely and is faster, often "
            "1.5 to 2.5 times: this processor has instructions for it."
        )
    if str(precision).startswith("bf16") and device.type == "cpu" and computes_bf16(device) is False:
        return (
            "This trains in bf16, for which this processor has no instructions: give --trainer.precision 32-true, "
            "which can be ten times as fast here."
        )
    return None


def check_cores(option: str, count: int) -> None:
    """Raise `ZooError` if ``count`` processes on the CPU, asked for by this option, are more than it has cores."""
    if count > (cores := os.cpu_count() or 1):
        raise ZooError(f"{option} {count}: each process needs a core of the CPU, so give at most {cores}.")
