"""How much memory a network will take, found without running it."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_bytes(module: nn.Module, inputs: Tensor) -> int:
    """The most bytes of tensors that are alive at once in the module's forward.

    It runs on the meta device, which allocates nothing.  Parameters and the workspace of kernels are not counted.
    """
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    on_meta = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors.items()}
    alive = Alive()
    with alive:
        torch.func.functional_call(module, on_meta, (torch.empty_like(inputs, device="meta"),))
    return alive.peak


class Alive(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch declares no types here, nor below
    """Counts the bytes of tensors between their creation and their release."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        aliases = [returned.alias_info is not None for returned in func._schema.returns]
        if not any(aliases):  # else the result is a view, or was written in place
            for tensor in tree_leaves(result):
                if isinstance(tensor, Tensor):
                    self.add(tensor.nbytes)
                    weakref.finalize(tensor, self.add, -tensor.nbytes)
        return result

    def add(self, size: int) -> None:
        self.now += size
        self.peak = max(self.peak, self.now)
