"""How large the networks of a training are, in a line."""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only

from i2i_zoo.annotations import CheckedArguments


class NetworkSizes(L.Callback, metaclass=CheckedArguments):
    """Prints the number of parameters of each network that a training updates, in place of Lightning's table."""

    @rank_zero_only
    def on_fit_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        names = dict.fromkeys(name for networks in pl_module.players.values() for name in networks)
        sizes = {name: sum(p.numel() for p in getattr(pl_module, name).parameters()) for name in names}
        shown = ", ".join(f"{name} {size / 1e6:.3g} million" for name, size in sizes.items())
        print(f"{type(pl_module).__name__}, parameters: {shown}.")
