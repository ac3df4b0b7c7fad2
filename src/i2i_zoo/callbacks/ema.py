"""Exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from i2i_zoo.annotations import CheckedArguments, Count, Share
from i2i_zoo.errors import ZooError
from i2i_zoo.store.tensors import fitting, is_state, read_pickle


class EMA(L.Callback, metaclass=CheckedArguments):
    """Averages the weights of the inference networks, and validates and tests with the averages.

    Checkpoints hold the averages under the key ``ema``, a state dict for each network.  When training ends, they become
    the weights of the networks.

    Args:
        decay: Share of the old average in the new one at each training step.
        start: Training step until which the average is a copy of the weights.
    """

    def __init__(self, decay: Share = 0.999, start: Count = 0) -> None:
        self.decay, self.start = decay, start
        self.averages: dict[str, dict[str, Tensor]] = {}
        self.swapped = False

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        self.averages = averages(checkpoint, pl_module, str(trainer.ckpt_path))

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        if self.averages:
            checkpoint["ema"] = self.averages

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if stage != "fit" and trainer.ckpt_path:  # Lightning restores callbacks only for fit
            self.averages = averages(read_pickle(trainer.ckpt_path), pl_module, str(trainer.ckpt_path))

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        for name, network in networks(pl_module).items():
            # Without an average in the checkpoint, start one.
            average = self.averages.get(name, network.state_dict())
            self.averages[name] = {key: value.to(pl_module.device, copy=True) for key, value in average.items()}

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        weight = 1 - self.decay if trainer.global_step > self.start else 1.0
        for name, network in networks(pl_module).items():
            average = self.averages[name]
            parameters = dict(network.named_parameters())
            torch._foreach_lerp_([average[key] for key in parameters], list(parameters.values()), weight)
            for key, value in network.state_dict().items():
                if key not in parameters:  # running statistics and counters are averages already
                    average[key].copy_(value)

    @torch.no_grad()
    def swap(self, pl_module: L.LightningModule) -> None:
        """Exchange weights and averages in place, because optimisers refer to the parameters."""
        for name, average in self.averages.items():
            for key, value in getattr(pl_module, name).state_dict().items():
                other = average[key].to(value.device, copy=True)
                average[key].copy_(value)
                value.copy_(other)
        self.swapped = not self.swapped

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.swap(pl_module)

    on_test_start = on_predict_start = on_validation_start

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.swap(pl_module)

    on_test_end = on_predict_end = on_validation_end

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if self.swapped:
            self.swap(pl_module)

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.swap(pl_module)
        self.swapped, self.averages = False, {}


def averages(checkpoint: Mapping[str, Any], pl_module: Any, where: str) -> dict[str, dict[str, Tensor]]:
    """The averages in a checkpoint by network.

    Raises `ZooError` if the checkpoint, read from the file ``where``, has averages of something else.
    """
    found, expected = checkpoint.get("ema", {}), networks(pl_module)
    if not isinstance(found, Mapping) or not all(map(is_state, found.values())) or set(found) - set(expected):
        raise ZooError(
            f"{where}: its ema does not hold the averages of {', '.join(expected)}, one state dict for each; take the "
            "callback EMA out of the recipe, or give a checkpoint that it has written."
        )
    return {name: fitting(expected[name].state_dict(), found[name], f"{where} (ema)") for name in found}


def networks(pl_module: Any) -> dict[str, nn.Module]:
    """The inference networks by name."""
    return {name: getattr(pl_module, name) for name in pl_module.inference_networks}
