"""SPADE: semantic image synthesis with spatially-adaptive normalisation (Park et al. 2019, arXiv:1903.07291)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from i2i_zoo.annotations import (
    Betas,
    Channels,
    Count,
    Ge,
    Halvings,
    Le,
    LearningRate,
    Length,
    Odd,
    Side,
    Weight,
    Width,
    WidthOrNone,
)
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.losses.feature_matching import feature_matching_loss
from i2i_zoo.losses.kl import kl_loss
from i2i_zoo.losses.perceptual import PerceptualLoss
from i2i_zoo.networks.discriminators import MultiscaleDiscriminator
from i2i_zoo.networks.initialization import init_xavier
from i2i_zoo.networks.spade import ENCODED, STRIDES, ImageEncoder, SPADEGenerator
from i2i_zoo.pretrained.backbones import Backbone
from i2i_zoo.tasks.conditions import Condition
from i2i_zoo.tasks.graph import Graph
from i2i_zoo.tasks.kinds import PictureFile

from .base import SemanticMethod
from .schedules import linear_decay

STYLE = Condition("style", PictureFile(), "a photograph whose style to take", label="Style of this photograph")


class SPADE(SemanticMethod):
    """SPADE.  The defaults are those of the authors' code for Cityscapes at 512x256 (``options``, ``data``).

    Args:
        labels: Number of labels; if there is a "don't care" label, it is the last one.
        edges: Whether the networks see the boundaries of instances.
        width: Channels of the generator's last block (sec. A); the first has 16 times as many.
        upsampling: Stride of the smallest map: ``normal`` 32, ``more`` 64, ``most`` 128 with one more block.
        hidden: Hidden channels of the SPADE layers (sec. A).
        norm: The norm that SPADE modulates: ``batch`` (synchronised as in the paper with ``--trainer.sync_batchnorm
            true``) or ``instance``.
        kernel_size: Height and width of the kernels in the SPADE layers, an odd number.
        spectral: Spectral norm in the generator (sec. 4).
        latent: Length of the style code (256 in the paper); 0 for a model without styles.
        latent_size: Height and width of the pictures of a model with styles.
        encoder_width: Channels of the image encoder's first layer.
        encoder_spectral: Spectral norm in the image encoder.
        discriminator_width: Channels of the discriminators' first layer.
        discriminator_spectral: Spectral norm in the discriminators.
        scales: Number of discriminators.
        adversarial: Adversarial loss.
        lambda_feature_matching: Weight of the feature matching loss.
        lambda_perceptual: Weight of the perceptual loss; 0 leaves it out.
        perceptual: Classifier of the perceptual loss.
        lambda_kl: Weight of the KL divergence, for models with styles.
        lr: Learning rate of Adam; with ``ttur`` the generator has half of it and the discriminator twice as much.
        ttur: Two time-scale update rule (sec. 4); without it, the authors' code has betas of 0.5 and 0.999.
        betas: Decay rates of Adam's moments (the authors' code; the paper's first version prints 0.999).
        epochs: Epochs at the full learning rate; the code's 50, the paper's 100 on Cityscapes and ADE20K.
        decay_epochs: Epochs of linear decay after them; the code's 0, the paper's 100 on Cityscapes and ADE20K.
    """

    inference_networks: tuple[str, ...] = ("generator", "encoder")

    def __init__(
        self,
        labels: Channels = 35,
        edges: bool = True,
        width: Width = 64,
        upsampling: Literal["normal", "more", "most"] = "more",
        hidden: Width = 128,
        norm: Literal["batch", "instance"] = "batch",
        kernel_size: Annotated[int, Ge(1), Le(255), Odd()] = 3,
        spectral: bool = True,
        latent: WidthOrNone = 0,
        latent_size: Annotated[Sequence[Side], Length(2)] = (256, 512),
        encoder_width: Width = 64,
        encoder_spectral: bool = True,
        discriminator_width: Width = 64,
        discriminator_spectral: bool = True,
        scales: Halvings = 2,
        adversarial: Literal["hinge", "lsgan", "vanilla"] = "hinge",
        lambda_feature_matching: Weight = 10.0,
        lambda_perceptual: Weight = 10.0,
        perceptual: Backbone = "vgg19",
        lambda_kl: Weight = 0.05,
        lr: LearningRate = 2e-4,
        ttur: bool = True,
        betas: Betas = (0.0, 0.9),
        epochs: Count = 50,
        decay_epochs: Count = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        grid = tuple(length // STRIDES[upsampling] for length in latent_size)
        self.generator = init_xavier(
            SPADEGenerator(
                self.label_channels, width, upsampling, hidden, norm, latent, grid, edges, kernel_size, spectral
            )
        )
        if latent:
            self.encoder = init_xavier(ImageEncoder(encoder_width, latent, encoder_spectral))
        else:
            self.inference_networks = ("generator",)

    def configure_model(self) -> None:
        if not hasattr(self, "discriminator"):
            hp, channels = self.hparams, self.label_channels + 3
            self.discriminator = init_xavier(
                MultiscaleDiscriminator(
                    channels, hp.discriminator_width, hp.scales, hp.discriminator_spectral, bias=False
                )
            )

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {"generator": self.inference_networks, "discriminator": self.discriminator_networks}

    def forward(self, segmentation: Tensor, style: Tensor | None = None) -> Tensor:
        """(B, label_channels, H, W) and style codes (B, latent), by default 0, to (B, 3, H, W) in [-1, 1]."""
        if self.hparams.latent and style is None:
            style = segmentation.new_zeros(segmentation.shape[0], self.hparams.latent)
        output: Tensor = self.generator(segmentation, style if style is None else style.to(segmentation))
        return output

    def sample_style(self, photo: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draw style codes for photographs; returns the codes and their means and log variances (sec. A)."""
        mean, log_variance = self.encoder(photo)
        return mean + torch.randn_like(mean) * (0.5 * log_variance).exp(), mean, log_variance

    def judge(self, segmentation: Tensor, fake: Tensor, real: Tensor) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
        """The discriminators' maps of fakes and of photographs, in one pass over both (the authors' code)."""
        both = torch.cat([torch.cat([segmentation, fake], 1), torch.cat([segmentation, real], 1)])
        maps = [[level.chunk(2) for level in scale] for scale in self.discriminator(both)]
        return [[level[0] for level in scale] for scale in maps], [[level[1] for level in scale] for scale in maps]

    def adversarial(self, maps: list[list[Tensor]], real: bool, generator: bool = False) -> Tensor:
        """The mean over the scales of the adversarial loss."""
        kind = self.hparams.adversarial
        return torch.stack([adversarial_loss(m[-1], real, kind, generator=generator) for m in maps]).mean()

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The generator's update, then the discriminator's on a fake of the new generator (the authors' code)."""
        hp, real = self.hparams, batch["target"]
        segmentation = self.segmentation(batch["label"], batch.get("instance"))
        with self.update("generator") as loss:
            style = None
            if hp.latent:
                style, mean, log_variance = self.sample_style(real)
                loss["kl"] = hp.lambda_kl * kl_loss(mean, log_variance)
            fake = self.generator(segmentation, style)
            fake_maps, real_maps = self.judge(segmentation, fake, real)
            loss["adversarial"] = self.adversarial(fake_maps, True, generator=True)
            if hp.lambda_feature_matching:
                loss["feature_matching"] = hp.lambda_feature_matching * feature_matching_loss(fake_maps, real_maps)
            if hp.lambda_perceptual:
                loss["perceptual"] = hp.lambda_perceptual * PerceptualLoss(hp.perceptual)(fake, real)
        with torch.no_grad():
            style = self.sample_style(real)[0] if hp.latent else None
            fake = self.generator(segmentation, style)
        with self.update("discriminator") as loss:
            fake_maps, real_maps = self.judge(segmentation, fake, real)
            loss["fake"] = self.adversarial(fake_maps, False)
            loss["real"] = self.adversarial(real_maps, True)

    def configure_optimizer(self, player: str, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        factor = {"generator": 0.5, "discriminator": 2.0}[player] if self.hparams.ttur else 1.0
        optimizer = super().configure_optimizer(player, parameters)
        for group in optimizer.param_groups:
            group["lr"] *= factor
        return optimizer

    def lr_factor(self, player: str, progress: int) -> float:
        return linear_decay(progress, self.hparams.epochs, self.hparams.decay_epochs)

    @property
    def style_condition(self) -> Condition | None:
        return STYLE if self.hparams.latent else None

    def choose_style(self, label: Tensor, instance: Tensor | None, style: Any, seed: int | None) -> Tensor | None:
        """The style code of a photograph, or one drawn from N(0, 1), as (B, latent); None for the mean style.

        The same seed draws the same code for every picture in any batch.
        """
        if not self.hparams.latent or (style is None and seed is None):
            return None
        code: Tensor
        if style is not None:
            code, _ = self.encoder(self.read_style(style, ENCODED))
        else:
            random = torch.Generator().manual_seed(seed or 0)
            code = torch.randn(1, self.hparams.latent, generator=random).to(self.device)
        return code.expand(len(label), -1)

    def graph(self, **conditions: Any) -> Graph:
        if self.hparams.latent:
            raise ZooError(
                "A model with a latent code of style makes pictures of one size, and cannot be exported yet."
            )
        return super().graph(**conditions)
