"""Free memory, and a clear error if there is too little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


@contextmanager
def explained_shortage(what: str, remedy: str) -> Iterator[None]:
    """Raise `ZooError` where memory could not be had for ``what``, although it seemed to be free."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch has a class of its own for GPUs only.
        words = ("can't allocate memory", "not enough memory", "out of memory")
        if isinstance(error, MemoryError) or any(word in str(error) for word in words):
            raise ZooError(f"{what} takes more memory than is free; {remedy}.") from None
        raise


def free_bytes(device: torch.device) -> int | None:
    """Free memory in bytes; None if the system does not say (CPUs without Linux, MPS)."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type != "cpu":
        return None
    try:
        facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free = min(1024 * int(facts["MemAvailable"].split()[0]), address_space())
    except (OSError, ValueError, KeyError):
        return None
    try:  # the limit of a container
        group = Path("/sys/fs/cgroup")
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())["inactive_file"]
        used = int((group / "memory.current").read_text()) - int(cached)
        return min(free, max(0, int((group / "memory.max").read_text()) - used))
    except (OSError, ValueError, KeyError):  # none, or "max"
        return free


def address_space() -> int:
    """How many bytes this process may still ask for (``ulimit -v``); a very large number without a limit."""
    limits = Path("/proc/self/limits").read_text().splitlines()
    limit = next(line.split()[3] for line in limits if line.startswith("Max address space"))
    if limit == "unlimited":
        return 2**63
    facts = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return max(0, int(limit) - 1024 * int(facts["VmSize"].split()[0]))
