"""Where a model runs."""

from __future__ import annotations

import os

import torch

from i2i_zoo.errors import ZooError


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


def computes_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bf16; others are slower with it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # earlier versions of PyTorch cannot tell
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    return False


def check_cores(option: str, count: int) -> None:
    """Raise `ZooError` if ``count`` processes on the CPU, asked for by this option, are more than it has cores."""
    if count > (cores := os.cpu_count() or 1):
        raise ZooError(f"{option} {count}: each process needs a core of the CPU, so give at most {cores}.")
