"""Free memory, and a clear error if there is too little."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path

import torch

from i2i_zoo.errors import ZooError


def need_memory(size: int, what: str, remedy: str, device: torch.device | str = "cpu") -> None:
    """Raise `ZooError` if ``what`` takes ``size`` bytes and the device has less free memory."""
    free = free_bytes(torch.device(device))
    if free is not None and size > free:
        raise ZooError(f"{what} would take {size / 1e9:.1f} GB of memory, but {free / 1e9:.1f} GB are free; {remedy}.")


def need_picture_memory(shape: Sequence[int], itemsize: int, origin: str) -> None:
    """Raise `ZooError` if a picture of this shape does not fit into memory, decoded and as floats."""
    if prod(shape) > 2**20:  # smaller ones are not worth the check
        extent = "x".join(map(str, shape))
        need_memory(
            prod(shape) * (itemsize + 4), f"{origin}: the picture of {extent} values", "scale it down or cut it up"
        )


def free_bytes(device: torch.device) -> int | None:
    """Free memory in bytes; None if the system does not say (CPUs without Linux, MPS)."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type != "cpu":
        return None
    try:
        facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free = 1024 * int(facts["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError):
        return None
    try:  # the limit of a container
        group = Path("/sys/fs/cgroup")
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())["inactive_file"]
        used = int((group / "memory.current").read_text()) - int(cached)
        return min(free, max(0, int((group / "memory.max").read_text()) - used))
    except (OSError, ValueError, KeyError):  # none, or "max"
        return free
