"""pix2pix: conditional adversarial networks for paired images (Isola, Zhu, Zhou, Efros 2017, arXiv:1611.07004)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, Channels, Count, LearningRate, PoolSize, Weight, Width
from i2i_zoo.losses.adversarial import ImagePool, adversarial_loss, gradient_penalty
from i2i_zoo.networks.discriminators import PatchDiscriminator, ReceptiveField
from i2i_zoo.networks.initialization import init_normal
from i2i_zoo.networks.resnet import ResNetGenerator
from i2i_zoo.networks.unet import UNet

from .base import PairedMethod
from .continuing import part
from .schedules import decay_to_zero

Generator = Literal["unet_256", "unet_128", "unet_64", "encoder_decoder", "resnet_9", "resnet_6"]


def build_generator(
    kind: str, in_channels: int, out_channels: int, width: int, norm: str, dropout: bool, inference_norm: str
) -> nn.Module:
    """The generator ``kind``: ``unet_N`` halves to 1/N, ``encoder_decoder`` to 1/256, ``resnet_N`` has N blocks."""
    family, _, number = kind.partition("_")
    if family == "resnet":
        return ResNetGenerator(in_channels, out_channels, width, int(number), norm, dropout, inference_norm)
    downs = int(number).bit_length() - 1 if family == "unet" else 8
    return UNet(in_channels, out_channels, width, downs, norm, dropout, family == "unet", inference_norm)


class Pix2Pix(PairedMethod):
    """pix2pix.  The defaults are those of the authors' PyTorch code, which also made their published checkpoints.

    The paper's objectives (sec. 4.2): L1+cGAN is the default; L1 ``lambda_adversarial=0``; cGAN ``lambda_l1=0``; GAN
    ``lambda_l1=0, conditional=False``; L1+GAN ``conditional=False``.

    Args:
        in_channels: Channels of the source.
        out_channels: Channels of the target.
        generator: Architecture (sec. 6.1.1): ``unet_N`` reduces N pixels to one, ``encoder_decoder`` has no skips, and
            ``resnet_N``, from the PyTorch code, has N residual blocks.
        width: Channels of the generator's first layer.
        norm: Normalisation of both networks.
        dropout: Use dropout in the generator in training (sec. 3.1).
        inference_norm: For norm=batch: ``image`` normalises each image by its own statistics, as the authors do when
            they test; ``running`` by the running statistics of training.
        inference_dropout: Use dropout at inference too, as the authors do when they test; results then differ from
            call to call.
        receptive_field: Size in pixels of the discriminator's patches: 1, 16, 34, 70, 142 or 286 (sec. 4.4).
        discriminator_width: Channels of the discriminator's first layer.
        conditional: Whether the discriminator sees the source.
        adversarial: Adversarial loss.
        lambda_adversarial: Weight of the adversarial loss; 0 leaves out the discriminator.
        lambda_l1: Weight of the L1 distance to the target (eq. 4).
        lambda_gp: Weight of the gradient penalty, for adversarial=wgangp.
        pool_size: Number of earlier generated pairs kept for the discriminator; 0 for none.
        lr: Learning rate of Adam (sec. 3.3).
        betas: Decay rates of Adam's moments (sec. 3.3).
        epochs: Epochs at the full learning rate.
        decay_epochs: Epochs of linear decay after them (PyTorch code); 0 for none (Torch code).
    """

    def __init__(
        self,
        in_channels: Channels = 3,
        out_channels: Channels = 3,
        generator: Generator = "unet_256",
        width: Width = 64,
        norm: Literal["batch", "instance", "none"] = "batch",
        dropout: bool = True,
        inference_norm: Literal["image", "running"] = "image",
        inference_dropout: bool = False,
        receptive_field: ReceptiveField = 70,
        discriminator_width: Width = 64,
        conditional: bool = True,
        adversarial: Literal["vanilla", "lsgan", "hinge", "wgangp"] = "vanilla",
        lambda_adversarial: Weight = 1.0,
        lambda_l1: Weight = 100.0,
        lambda_gp: Weight = 10.0,
        pool_size: PoolSize = 0,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 100,
        decay_epochs: Count = 100,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.generator = init_normal(
            build_generator(generator, in_channels, out_channels, width, norm, dropout, inference_norm)
        )
        self.pool = ImagePool(pool_size)

    def configure_model(self) -> None:
        hp = self.hparams
        if hp.lambda_adversarial and not hasattr(self, "discriminator"):
            channels = hp.out_channels + (hp.in_channels if hp.conditional else 0)
            self.discriminator = init_normal(
                PatchDiscriminator(channels, hp.discriminator_width, hp.receptive_field, hp.norm)
            )

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return super().players if self.hparams.lambda_adversarial else {"generator": ("generator",)}

    @property
    def uncompiled(self) -> tuple[str, ...]:
        # torch cannot compile the gradient of a gradient.
        return ("discriminator",) if self.hparams.adversarial == "wgangp" else ()

    def pair(self, source: Tensor, image: Tensor) -> Tensor:
        """The input of the discriminator: the image, and before it its source if the discriminator is conditional."""
        return torch.cat([source, image], 1) if self.hparams.conditional else image

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The discriminator's update, then the generator's against it (sec. 3.3), from one pass of the generator."""
        source, target, hp = batch["source"], batch["target"], self.hparams
        fake = self.generator(source)
        if hp.lambda_adversarial:
            real_pair = self.pair(source, target)
            fake_pair = self.pair(source, fake)
            shown = self.pool.query(fake_pair.detach())
            with self.update("discriminator") as loss:
                # Halved: the discriminator learns more slowly than the generator (sec. 3.3).
                loss["fake"] = 0.5 * adversarial_loss(self.discriminator(shown), False, hp.adversarial)
                loss["real"] = 0.5 * adversarial_loss(self.discriminator(real_pair), True, hp.adversarial)
                if hp.adversarial == "wgangp":
                    loss["penalty"] = hp.lambda_gp * gradient_penalty(self.discriminator, real_pair, shown)
        with self.update("generator") as loss:
            if hp.lambda_adversarial:
                verdict = self.discriminator(fake_pair)
                loss["adversarial"] = hp.lambda_adversarial * adversarial_loss(
                    verdict, True, hp.adversarial, generator=True
                )
            if hp.lambda_l1:
                loss["l1"] = hp.lambda_l1 * F.l1_loss(fake, target)

    def lr_factor(self, player: str, progress: int) -> float:
        """Constant, then linearly towards zero.

        The authors' code steps its schedule before an epoch, so the rate already falls in epoch ``epochs``, and it is
        zero in the last epoch.
        """
        return decay_to_zero(progress, self.hparams.epochs, self.hparams.decay_epochs, ahead=2)

    def train(self, mode: bool = True) -> Pix2Pix:
        super().train(mode)
        if self.hparams.inference_dropout:
            for layer in self.generator.modules():
                if isinstance(layer, nn.Dropout):
                    layer.train()
        return self

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["pool"] = self.pool.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.pool.load_state_dict(part(checkpoint, "pool"))
