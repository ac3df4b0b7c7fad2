"""What every method shares: alternating updates, optimisers and schedules."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from typing import Any

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn

from i2i_zoo import lightning_private
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import ImagePool, adversarial_loss
from i2i_zoo.tasks import PairedTask, SemanticTask, UnpairedTask
from i2i_zoo.tasks.checked import CheckedTask
from i2i_zoo.tasks.preprocess import Preprocess

from .continuing import PROGRESS, changed_options, check_fit, part, use_new_options


class Method(CheckedTask):
    """A method: networks, and a ``training_step`` that updates its players in the order of its paper.

    A subclass

    - has a constructor whose signature is the whole configuration: typed, JSON values, the paper's defaults.  It calls
      ``save_hyperparameters()`` and builds the ``inference_networks``;
    - builds its ``discriminator_networks`` in ``configure_model``, if they are not there yet: inference does without;
    - names in ``players`` the networks of each optimiser.

    The first update in a batch is the batch's step: ``max_steps`` counts batches, however many players step.
    """

    #: Hyper-parameters may leave some of them out: an instance can have fewer than its class.
    inference_networks: tuple[str, ...] = ("generator",)
    discriminator_networks: tuple[str, ...] = ("discriminator",)
    #: Whether learning rates follow the number of batches, and not the epochs.
    schedule_by_batch = False

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        #: The name of the zoo's checkpoint that this is, as long as it is not trained: it is saved with that card.
        self.checkpoint = ""
        #: The losses of the latest batch, by the names that are logged.
        self.losses: dict[str, Tensor] = {}
        #: The hyper-parameters in the checkpoint that a run continues from.
        self.recorded: dict[str, Any] = {}

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        """Player to the names of the networks that its optimiser owns, in the order of the updates."""
        return {"discriminator": self.discriminator_networks, "generator": self.inference_networks}

    @property
    def main_network(self) -> Any:
        return getattr(self, self.inference_networks[0])

    @property
    def uncompiled(self) -> tuple[str, ...]:
        """The names of networks that torch cannot compile."""
        return ()

    def remedies(self, failure: str, direction: str) -> Sequence[str]:
        """Options to raise or lower against a failure of training: "raise --model.lambda_identity".

        Args:
            failure: ``change`` (nothing is translated), ``diversity`` (mode collapse), ``luminance_correlation``
                (inverted colours), ``motion`` (clips stand still) or ``flicker``.
            direction: The direction in which it fails.
        """
        return ()

    def configure_optimizer(self, player: str, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """Adam with the hyper-parameters ``lr`` and ``betas``, and ``weight_decay`` if the method has it.

        The player ``discriminator`` has the rate ``discriminator_lr`` if the method has that.
        It is fused, which is faster, except under 16-bit: there a fused step unscales gradients too late to clip them.
        """
        fused = str(self.trainer.precision) != "16-mixed"
        hp = self.hparams
        lr = hp.get("discriminator_lr", hp["lr"]) if player == "discriminator" else hp["lr"]
        return torch.optim.Adam(
            parameters, lr=lr, betas=tuple(hp["betas"]), weight_decay=hp.get("weight_decay", 0.0), fused=fused
        )

    def lr_factor(self, player: str, progress: int) -> float:
        """A player's learning rate as a multiple of its first one.

        ``progress`` is the epoch, or with ``schedule_by_batch`` the number of finished batches; both start at 0.
        """
        return 1.0

    @property
    def schedule_epochs(self) -> int | None:
        """The epoch in which the schedule ends: ``epochs`` and ``decay_epochs`` together; None if it has no end."""
        hp = self.hparams
        return hp["epochs"] + hp.get("decay_epochs", 0) if "epochs" in hp else None

    def configure_optimizers(self) -> Any:
        optimizers, schedules = [], []
        if unbuilt := [name for networks in self.players.values() for name in networks if not hasattr(self, name)]:
            raise ZooError(
                f"{type(self).__name__} has no {unbuilt[0]} yet, which a Trainer builds: give the model to "
                "Trainer.fit, not a module that holds it."
            )
        for player, networks in self.players.items():
            parameters = [p for name in networks for p in getattr(self, name).parameters()]
            optimizers.append(self.configure_optimizer(player, parameters))
            schedules.append(torch.optim.lr_scheduler.LambdaLR(optimizers[-1], partial(self.lr_factor, player)))
        return optimizers, schedules

    def compile_networks(self) -> None:
        """Compile the networks in place; names in the state dict stay the same."""
        for name in (*self.inference_networks, *self.discriminator_networks):
            if hasattr(self, name) and name not in self.uncompiled:
                getattr(self, name).compile()

    def initial_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The tensors to start fine-tuning with, made from those of a checkpoint; by default the same."""
        return tensors

    @contextmanager
    def update(self, player: str) -> Iterator[dict[str, Tensor]]:
        """One update of a player: fill the yielded dict with its named, already weighted losses.

        Within the block, the parameters of the other players are frozen.  At its end the losses are summed and
        differentiated, the player's optimiser steps, and each loss is logged as ``train/<player>/<name>``.
        """
        if lightning_private.attached_trainer(self) is None or self.trainer.lightning_module is not self:
            raise ZooError(
                f"{type(self).__name__} trains as the model of a Trainer, not by itself or inside another module: "
                "give it to Trainer.fit."
            )
        others = [
            parameter
            for other, networks in self.players.items()
            if other != player
            for name in networks
            for parameter in getattr(self, name).parameters()
            if parameter.requires_grad
        ]
        optimizers: Any = self.optimizers()
        optimizers = [optimizers] if isinstance(optimizers, LightningOptimizer) else optimizers
        optimizer = dict(zip(self.players, optimizers, strict=True))[player]
        losses: dict[str, Tensor] = {}
        for parameter in others:
            parameter.requires_grad_(False)
        try:
            yield losses
            optimizer.zero_grad()
            self.manual_backward(torch.stack(list(losses.values())).sum())
            optimizer.step()
            lightning_private.count_no_more_steps(self.trainer)
        finally:
            for parameter in others:
                parameter.requires_grad_(True)
        logged = {f"train/{player}/{name}": loss.detach() for name, loss in losses.items()}
        self.losses = {**self.losses, **logged}
        trainer: Any = self.trainer  # whose class does not declare log_every_n_steps
        if (lightning_private.batches_done(trainer) + 1) % trainer.log_every_n_steps == 0:
            self.log_dict(logged)

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if stage != "fit":
            return
        self.train()  # `load` and `convert` give models in eval mode
        if lightning_private.is_plain_ddp(self.trainer):
            raise ZooError(
                "Alternating updates leave parameters without gradient, which plain ddp refuses: "
                "use --trainer.strategy ddp_find_unused_parameters_true."
            )

    def on_train_start(self) -> None:
        self.checkpoint = ""
        preprocess = getattr(self.trainer.datamodule, "preprocess", None)  # type: ignore[attr-defined]  # undeclared
        if isinstance(preprocess, Preprocess):  # a checkpoint may have brought that of earlier data
            self.adopt(preprocess)
        if changed_options(self.hparams, self.recorded):
            use_new_options(self)
        # A run that is resumed after the last batch of an epoch never reaches the end of that epoch.
        if not self.schedule_by_batch:
            self.step_schedules(self.current_epoch)

    def on_train_epoch_end(self) -> None:
        if not self.schedule_by_batch:
            self.step_schedules(self.current_epoch + 1)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        if self.schedule_by_batch:
            self.step_schedules(lightning_private.batches_done(self.trainer))

    def step_schedules(self, progress: int) -> None:
        """Set the learning rates for an epoch, or for a number of finished batches."""
        schedulers: Any = self.lr_schedulers()
        for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
            if scheduler.last_epoch == 0 < progress:
                # In a run that is resumed, or for a player that rests, the optimiser has made no step yet: torch warns
                # of that at the first step of a schedule.
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
                    scheduler.step()
            while scheduler.last_epoch < progress:
                scheduler.step()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["preprocess"] = self.preprocess.to_json()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_fit(self, checkpoint)
        trainer = lightning_private.attached_trainer(self)
        for progress in PROGRESS if trainer is not None and trainer.state.fn == "fit" else ():
            part(checkpoint, progress)
        self.preprocess = self.preprocess_type.from_json(part(checkpoint, "preprocess"), "the checkpoint")
        self.recorded = dict(checkpoint.get("hyper_parameters", {}))

    def adopt(self, preprocess: Preprocess) -> None:
        """Record how the data prepare pictures, as far as this task's record has a place for it."""
        known = {key.name: getattr(preprocess, key.name, None) for key in fields(self.preprocess_type)}
        self.preprocess = self.preprocess_type(**known)


class PairedMethod(PairedTask, Method):
    """A method for pairs: batches of ``source`` and ``target``, and a ``generator``."""

    generator: nn.Module

    def forward(self, source: Tensor) -> Tensor:
        """(B, in_channels, H, W) in [-1, 1] to (B, out_channels, H, W); H, W multiples of the generator's stride."""
        output: Tensor = self.generator(source)
        return output


class SemanticMethod(SemanticTask, Method):
    """A method for label maps: batches of ``label``, ``target`` and optionally ``instance``."""

    generator: nn.Module


class UnpairedMethod(UnpairedTask, Method):
    """A method for two domains: batches of ``a`` and ``b``, and by default a generator for each direction."""

    inference_networks: tuple[str, ...] = ("generator_ab", "generator_ba")
    discriminator_networks: tuple[str, ...] = ("discriminator_a", "discriminator_b")

    def __init__(self) -> None:
        super().__init__()
        #: Earlier translations into each domain, for its discriminator; a run's checkpoints keep them.
        self.pools: dict[str, ImagePool] = {}

    def forward(self, image: Tensor, direction: str = "ab") -> Tensor:
        """(B, C, H, W) of one domain in [-1, 1] to the other; H, W multiples of the generator's stride."""
        output: Tensor = getattr(self, f"generator_{direction}")(image)
        return output

    def together(self, network: nn.Module, *images: Tensor) -> list[Tensor]:
        """A network's outputs for batches of images, in one pass if their shapes and its norm permit it."""
        if self.hparams["norm"] == "batch" or len({image.shape[1:] for image in images}) > 1:
            return [network(image) for image in images]
        return list(network(torch.cat(images)).split([len(image) for image in images]))

    def verdict(self, domain: str, images: Tensor, real: bool, *, generator: bool = False) -> Tensor:
        """The adversarial loss of a domain's discriminator on images (B, C, H, W)."""
        logits = getattr(self, f"discriminator_{domain}")(images)
        return adversarial_loss(logits, real, self.hparams["adversarial"], generator=generator)

    @staticmethod
    def check_identity(weight: float, in_channels: int, out_channels: int) -> None:
        """Raise `ZooError` for an identity loss between domains with different numbers of channels."""
        if weight and in_channels != out_channels:
            raise ZooError(
                f"lambda_identity={weight} compares domains of {in_channels} and {out_channels} channels: set it to 0, "
                "or give both the same number."
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["pools"] = {name: pool.state_dict() for name, pool in self.pools.items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        for name, pool in self.pools.items():
            pool.load_state_dict(part(part(checkpoint, "pools"), name))
