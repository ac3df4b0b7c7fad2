"""Gradient clipping."""

from __future__ import annotations

import lightning as L
import torch

from i2i_zoo.annotations import AboveZero, CheckedArguments


class ClipGradients(L.Callback, metaclass=CheckedArguments):
    """Scales the gradients of each optimiser down to a norm of at most ``max_norm`` before its step.

    The trainer's own ``gradient_clip_val`` does not work with several optimisers.

    Args:
        max_norm: Largest Euclidean norm of all gradients of one player.
    """

    def __init__(self, max_norm: AboveZero) -> None:
        self.max_norm = max_norm

    # The hook runs after mixed precision has unscaled the gradients, unlike `LightningModule.clip_gradients`.
    def on_before_optimizer_step(
        self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, self.max_norm)
