"""What every method shares: alternating updates, optimisers, schedules, and the tasks' bases."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import lightning as L
import torch
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, nn

from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import ImagePool, adversarial_loss
from i2i_zoo.tasks import PairedTask, SemanticTask, UnpairedTask


class Method(L.LightningModule):
    """A method: networks, and a ``training_step`` that updates its players in the order of its paper.

    A subclass

    - has a constructor whose signature is the whole configuration: typed, JSON values, the paper's defaults; it calls
      ``save_hyperparameters()`` and builds the ``inference_networks``;
    - builds its ``discriminator_networks`` in ``configure_model``, once, so that loading for inference does without;
    - names in ``players`` the networks of each optimiser; the last of them is the one whose steps Lightning counts, so
      that ``max_steps`` means batches.
    """

    #: An instance may have fewer than its class names, if its hyper-parameters leave one out.
    inference_networks: tuple[str, ...] = ("generator",)
    discriminator_networks: tuple[str, ...] = ("discriminator",)

    if TYPE_CHECKING:  # its attributes are the constructor's arguments
        hparams: Any  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        #: How pictures become the tensors that this model was trained on; travels with the checkpoint (see `tasks`).
        self.preprocess: dict[str, Any] = {}
        #: The losses of the latest batch, by the names under which they are logged.
        self.losses: dict[str, Tensor] = {}

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        """Player to the names of the networks that its optimiser owns, in the order of the updates."""
        return {"discriminator": self.discriminator_networks, "generator": self.inference_networks}

    @property
    def translator(self) -> Any:
        """The network whose ``stride`` and ``smallest`` say which heights and widths ``forward`` takes."""
        return getattr(self, self.inference_networks[0])

    def configure_optimizer(self, player: str, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """Adam with the hyper-parameters ``lr`` and ``betas``, and ``weight_decay`` where a method has it.

        Fused, which is faster; not under 16-bit, where a fused step unscales its gradients too late to clip them.
        """
        fused = str(self.trainer.precision) != "16-mixed"
        hp = self.hparams
        return torch.optim.Adam(
            parameters, lr=hp["lr"], betas=tuple(hp["betas"]), weight_decay=hp.get("weight_decay", 0.0), fused=fused
        )

    def lr_factor(self, epoch: int) -> float:
        """The learning rate of the epoch (counted from 0) as a multiple of ``lr``."""
        return 1.0

    def configure_optimizers(self) -> Any:
        optimizers = []
        for player, networks in self.players.items():
            parameters = [p for name in networks for p in getattr(self, name).parameters()]
            optimizers.append(self.configure_optimizer(player, parameters))
        return optimizers, [torch.optim.lr_scheduler.LambdaLR(o, self.lr_factor) for o in optimizers]

    def compile_networks(self) -> None:
        """Compile each network that is there, in place; the names in the state dict stay."""
        names = self.inference_networks
        if self.hparams.get("adversarial") != "wgangp":  # torch cannot compile a gradient of a gradient
            names = (*names, *self.discriminator_networks)
        for name in names:
            if hasattr(self, name):
                getattr(self, name).compile()

    def initial_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """What to begin with, of a checkpoint's tensors to fine-tune: as they are, unless a method adapts them."""
        return tensors

    @contextmanager
    def update(self, player: str) -> Iterator[dict[str, Tensor]]:
        """One update of a player: fill the yielded dict with its named, already weighted losses.

        Within the block the other players' parameters are frozen.  At its end the losses are summed, differentiated,
        the player's optimiser steps, and each loss is logged as ``train/<player>/<name>``.
        """
        others = [
            parameter
            for other, networks in self.players.items()
            if other != player
            for name in networks
            for parameter in getattr(self, name).parameters()
            if parameter.requires_grad
        ]
        optimizers = self.optimizers()
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        optimizer = dict(zip(self.players, optimizers, strict=True))[player]
        losses: dict[str, Tensor] = {}
        for parameter in others:
            parameter.requires_grad_(False)
        try:
            yield losses
            optimizer.zero_grad()
            self.manual_backward(torch.stack(list(losses.values())).sum())
            if player != list(self.players)[-1]:
                # Lightning counts every optimiser's step as a training step; these two hooks are how it counts.
                optimizer._on_before_step = optimizer._on_after_step = lambda: None
            optimizer.step()
        finally:
            for parameter in others:
                parameter.requires_grad_(True)
        logged = {f"train/{player}/{name}": loss.detach() for name, loss in losses.items()}
        self.losses = {**self.losses, **logged}
        if (self.trainer.fit_loop.total_batch_idx + 1) % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self.log_dict(logged, prog_bar=True)

    def setup(self, stage: str) -> None:
        strategy = self.trainer.strategy
        plain = isinstance(strategy, DDPStrategy) and not strategy._ddp_kwargs.get("find_unused_parameters", False)
        if stage == "fit" and plain:
            raise ZooError(
                "Alternating updates leave parameters without gradient, which plain ddp refuses: "
                "use --trainer.strategy ddp_find_unused_parameters_true."
            )

    def on_train_start(self) -> None:
        # A run resumed from the last batch of an epoch begins with the next one, without the end of that epoch.
        self.step_schedules(self.current_epoch)

    def on_train_epoch_end(self) -> None:
        self.step_schedules(self.current_epoch + 1)

    def step_schedules(self, epoch: int) -> None:
        """Bring the learning rates to those of an epoch."""
        schedulers: Any = self.lr_schedulers()
        for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
            while scheduler.last_epoch < epoch:
                scheduler.step()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["preprocess"] = self.preprocess

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.preprocess = checkpoint["preprocess"]


def linear_decay(epoch: int, epochs: int, decay_epochs: int) -> float:
    """The learning rate's factor in an epoch, from 0: 1, and from the second after ``epochs`` on less by equal steps.

    The schedule of pix2pixHD's and SPADE's authors, who lower the rate behind an epoch.
    """
    return 1 - max(0, epoch - epochs) / decay_epochs if decay_epochs else 1.0


def decay_to_zero(epoch: int, epochs: int, decay_epochs: int, ahead: int) -> float:
    """The learning rate's factor in an epoch, from 0: 1, then less by equal steps of 1 / (decay_epochs + 1).

    The schedule of CycleGAN's code and of what grew from it.  The first lower rate is that of epoch
    ``epochs + 1 - ahead``: their revisions step it once or twice before that epoch begins.
    """
    return 1 - max(0, epoch + ahead - epochs) / (decay_epochs + 1) if decay_epochs else 1.0


class IterationSchedule(Method):
    """A method whose learning rate is halved after every ``halve_every`` batches (0: never), not by epochs."""

    def lr_factor(self, epoch: int) -> float:
        """Of a batch, counted from 1; the authors step their schedule before the batch."""
        every = self.hparams["halve_every"]
        return 0.5 ** (epoch // every) if every else 1.0

    def on_train_start(self) -> None:
        # The first value of the schedule is never used, of which torch would warn.
        warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")

    def on_train_epoch_end(self) -> None:
        pass

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.step_schedules(self.trainer.fit_loop.total_batch_idx + 1)  # type: ignore[attr-defined]


class PairedMethod(PairedTask, Method):
    """A method for pairs: batches of ``source`` and ``target``, a ``generator`` from one to the other."""

    generator: nn.Module

    def forward(self, source: Tensor) -> Tensor:
        """(B, in_channels, H, W) in [-1, 1] to (B, out_channels, H, W); H, W multiples of the generator's stride."""
        return self.generator(source)


class SemanticMethod(SemanticTask, Method):
    """A method for label maps: batches of ``label``, ``target`` and perhaps ``instance``.

    A subclass has ``forward(segmentation, style)`` and the hyper-parameters ``labels`` and ``edges``.
    """

    generator: nn.Module

    def choose_style(self, label: Tensor, instance: Tensor | None, style: Any, seed: int | None) -> Tensor | None:
        """What ``forward`` takes as ``style``: for label maps (B, H, W), and what the caller asked for."""
        raise NotImplementedError


class UnpairedMethod(UnpairedTask, Method):
    """A method for two domains: batches of ``a`` and ``b``, and by default a generator for each direction."""

    inference_networks: tuple[str, ...] = ("generator_ab", "generator_ba")
    discriminator_networks: tuple[str, ...] = ("discriminator_a", "discriminator_b")

    def __init__(self) -> None:
        super().__init__()
        #: Translations into each domain, remembered for its discriminator; they travel with the checkpoints of a run.
        self.pools: dict[str, ImagePool] = {}

    def forward(self, image: Tensor, way: str = "ab") -> Tensor:
        """(B, C, H, W) of one domain in [-1, 1] to the other; H, W multiples of the generator's stride."""
        return getattr(self, f"generator_{way}")(image)

    def together(self, network: nn.Module, *images: Tensor) -> list[Tensor]:
        """A network's outputs for batches of images, in one pass where their shapes and its norm permit that."""
        if self.hparams["norm"] == "batch" or len({image.shape[1:] for image in images}) > 1:
            return [network(image) for image in images]
        return list(network(torch.cat(images)).split([len(image) for image in images]))

    def verdict(self, domain: str, images: Tensor, real: bool, *, generator: bool = False) -> Tensor:
        """The adversarial loss of a domain's discriminator on images (B, C, H, W)."""
        logits = getattr(self, f"discriminator_{domain}")(images)
        return adversarial_loss(logits, real, self.hparams["adversarial"], generator=generator)

    @staticmethod
    def check_identity(weight: float, in_channels: int, out_channels: int) -> None:
        """Raise `ZooError` for an identity loss between domains of different numbers of channels."""
        if weight and in_channels != out_channels:
            raise ZooError(
                f"lambda_identity={weight} compares domains of {in_channels} and {out_channels} channels: set it to 0, "
                "or give both as many."
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["pools"] = {name: pool.state_dict() for name, pool in self.pools.items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        for name, pool in self.pools.items():
            pool.load_state_dict(checkpoint["pools"][name])
