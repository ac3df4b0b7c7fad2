"""Memory told before it is spent."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from i2i_zoo.errors import ZooError


def need(size: int, what: str, remedy: str, device: torch.device | str = "cpu") -> None:
    """Raise `ZooError` if ``what`` takes ``size`` bytes and the device has fewer."""
    free = free_bytes(torch.device(device))
    if free is not None and size > free:
        raise ZooError(f"{what} would take {size / 1e9:.1f} GB of memory, but {free / 1e9:.1f} GB are free; {remedy}.")


def free_bytes(device: torch.device) -> int | None:
    """Memory that can still be had; None where the system does not tell (CPUs but Linux's, MPS)."""
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
    try:  # a container's own limit
        group = Path("/sys/fs/cgroup")
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())["inactive_file"]
        used = int((group / "memory.current").read_text()) - int(cached)
        return min(free, max(0, int((group / "memory.max").read_text()) - used))
    except (OSError, ValueError, KeyError):  # none, or "max"
        return free


def peak_bytes(module: nn.Module, inputs: Tensor) -> int:
    """Most bytes of tensors alive at once in the module's forward, run on the meta device: nothing is allocated.

    Parameters and the workspace of kernels are not counted.
    """
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    on_meta = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors.items()}
    with _Alive() as alive:
        torch.func.functional_call(module, on_meta, (torch.empty_like(inputs, device="meta"),))
    return alive.peak


class _Alive(TorchDispatchMode):
    """Counts the bytes of tensors from when an operation makes them until they are freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        aliases = [returned.alias_info is not None for returned in func._schema.returns]
        if not any(aliases):  # else it is a view, or written in place
            for tensor in tree_leaves(result):
                if isinstance(tensor, Tensor):
                    self.add(tensor.nbytes)
                    weakref.finalize(tensor, self.add, -tensor.nbytes)
        return result

    def add(self, size: int) -> None:
        self.now += size
        self.peak = max(self.peak, self.now)
