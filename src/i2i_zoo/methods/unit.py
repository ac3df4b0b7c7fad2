"""UNIT: unsupervised translation with a shared latent space (Liu, Breuel, Kautz 2017, arXiv:1703.00848)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, Blocks, BlocksOrNone, Channels, Count, LearningRate, Share, Weight, Width
from i2i_zoo.losses.adversarial import adversarial_losses
from i2i_zoo.losses.perceptual import InvariantPerceptualLoss
from i2i_zoo.networks.initialization import init_kaiming, init_normal
from i2i_zoo.networks.unit import (
    DomainDiscriminators,
    SeparateAutoencoders,
    SeparateDiscriminators,
    SharedLatentAutoencoder,
)
from i2i_zoo.pretrained.backbones import VGG16

from .base import UnpairedMethod
from .schedules import halved


class UNIT(UnpairedMethod):
    """UNIT.  The defaults are those of the paper's code (branch ``version_02``) for faces.

    The authors' revision of 2018, which made their public weights for streets, shares no layers and is ``version=2018,
    blocks=4, adversarial=lsgan, lambda_adversarial=1, lambda_reconstruction=10, lambda_cycle=10, lambda_kl=0.01,
    lambda_cycle_kl=0.01, halve_every=100000``.

    Args:
        in_channels: Channels of A.
        out_channels: Channels of B.
        version: In ``2017`` the domains share the layers next to the code; in ``2018`` each has its own MUNIT network.
        width: Channels of the autoencoders' first layer.
        blocks: Residual blocks of each domain's encoder, and of its decoder.
        shared_blocks: For version 2017: residual blocks that the domains share on either side of the code.
        norm: For version 2017: norm of the strided layers, ``instance`` (animals) or ``none`` (faces, streets).
        dropout: For version 2017: dropout probability in the residual blocks (0.5 for streets).
        discriminator: For version 2017: the domains share layers (``shared``: faces) or not (``separate``: animals;
            ``multiscale``, at three scales: streets).
        discriminator_width: Channels of the discriminators' first layer.
        adversarial: Adversarial loss.
        lambda_adversarial: Weight of the adversarial losses (eq. 5).
        lambda_reconstruction: Weight of the images' reconstruction (eq. 3).
        lambda_cycle: Weight of the cycle consistency (eq. 6).
        lambda_kl: Weight of the codes' divergence from N(0, 1) (eq. 3): the mean of their squares.
        lambda_cycle_kl: The same for the codes of translations (eq. 6).
        lambda_perceptual: Weight of the domain-invariant perceptual loss of version 2018; 1 for streets.
        perceptual: Network of the perceptual loss: VGG-16, or the one of HED up to relu4_3.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        weight_decay: L2 penalty of Adam.
        halve_every: Batches after which the learning rate is halved; 0 for never.
    """

    inference_networks: tuple[str, ...] = ("autoencoder",)
    discriminator_networks: tuple[str, ...] = ("discriminator",)
    schedule_by_batch = True

    def __init__(
        self,
        in_channels: Channels = 3,
        out_channels: Channels = 3,
        version: Literal[2017, 2018] = 2017,
        width: Width = 64,
        blocks: BlocksOrNone = 3,
        shared_blocks: Blocks = 1,
        norm: Literal["instance", "none"] = "none",
        dropout: Share = 0.0,
        discriminator: Literal["shared", "separate", "multiscale"] = "shared",
        discriminator_width: Width = 64,
        adversarial: Literal["vanilla", "lsgan"] = "vanilla",
        lambda_adversarial: Weight = 10.0,
        lambda_reconstruction: Weight = 100.0,
        lambda_cycle: Weight = 100.0,
        lambda_kl: Weight = 0.1,
        lambda_cycle_kl: Weight = 0.1,
        lambda_perceptual: Weight = 0.0,
        perceptual: VGG16 = "vgg16",
        lr: LearningRate = 1e-4,
        betas: Betas = (0.5, 0.999),
        weight_decay: Weight = 1e-4,
        halve_every: Count = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        channels = (in_channels, out_channels)
        if version == 2017:
            network = SharedLatentAutoencoder(channels, width, blocks, shared_blocks, norm == "instance", dropout)
            self.autoencoder: Any = init_normal(network, zero_bias=False)
        else:
            self.autoencoder = init_kaiming(SeparateAutoencoders(channels, width, blocks))

    def configure_model(self) -> None:
        hp = self.hparams
        if not hasattr(self, "discriminator"):
            channels, width = (hp.in_channels, hp.out_channels), hp.discriminator_width
            if hp.version == 2017:
                self.discriminator: Any = init_normal(
                    DomainDiscriminators(channels, width, hp.discriminator), zero_bias=False
                )
            else:
                self.discriminator = init_normal(SeparateDiscriminators(channels, width))

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The discriminators' update, then the autoencoders' with new noise (authors' code)."""
        a, b, hp, coder = batch["a"], batch["b"], self.hparams, self.autoencoder
        # Both updates use these codes: the first one leaves the autoencoders as they are.
        mean_a, mean_b = coder.encode(a, "a"), coder.encode(b, "b")
        with torch.no_grad():
            code_a, code_b = self.draw(mean_a), self.draw(mean_b)
            fake_a, fake_b = coder.decode(coder.share(code_b), "a"), coder.decode(coder.share(code_a), "b")
        with self.update("discriminator") as loss:
            for domain, real, fake in (("a", a, fake_a), ("b", b, fake_b)):
                loss[f"real_{domain}"] = hp.lambda_adversarial * self.verdict(domain, real, True)
                loss[f"fake_{domain}"] = hp.lambda_adversarial * self.verdict(domain, fake, False)
        with self.update("generator") as loss:
            code_a, code_b = self.draw(mean_a), self.draw(mean_b)
            both, counts = coder.share(torch.cat([code_a, code_b])), [len(a), len(b)]
            same_a, fake_a = coder.decode(both, "a").split(counts)
            fake_b, same_b = coder.decode(both, "b").split(counts)
            again_b, again_a = coder.encode(fake_a, "a"), coder.encode(fake_b, "b")
            recode_b, recode_a = self.draw(again_b), self.draw(again_a)
            cycle_a, cycle_b = coder.decode(coder.share(recode_a), "a"), coder.decode(coder.share(recode_b), "b")
            loss["adversarial_a"] = hp.lambda_adversarial * self.verdict("a", fake_a, True, generator=True)
            loss["adversarial_b"] = hp.lambda_adversarial * self.verdict("b", fake_b, True, generator=True)
            loss["reconstruction_a"] = hp.lambda_reconstruction * F.l1_loss(same_a, a)
            loss["reconstruction_b"] = hp.lambda_reconstruction * F.l1_loss(same_b, b)
            loss["cycle_a"] = hp.lambda_cycle * F.l1_loss(cycle_a, a)
            loss["cycle_b"] = hp.lambda_cycle * F.l1_loss(cycle_b, b)
            if hp.version == 2017:  # squares the codes with their noise: the expectation grows by the constant 1
                mean_a, mean_b, again_a, again_b = code_a, code_b, recode_a, recode_b
            loss["kl_a"] = hp.lambda_kl * mean_a.float().square().mean()
            loss["kl_b"] = hp.lambda_kl * mean_b.float().square().mean()
            loss["cycle_kl_a"] = hp.lambda_cycle_kl * again_a.float().square().mean()
            loss["cycle_kl_b"] = hp.lambda_cycle_kl * again_b.float().square().mean()
            if hp.lambda_perceptual:
                distance = InvariantPerceptualLoss(hp.perceptual)
                loss["perceptual_a"] = hp.lambda_perceptual * distance(fake_a, b)
                loss["perceptual_b"] = hp.lambda_perceptual * distance(fake_b, a)

    def draw(self, mean: Tensor) -> Tensor:
        """Draw a code from the posterior N(mean, 1)."""
        return mean + torch.randn_like(mean)

    def verdict(self, domain: str, images: Tensor, real: bool, *, generator: bool = False) -> Tensor:
        """The adversarial loss of a domain's discriminator on images (B, C, H, W), summed over its scales."""
        logits = self.discriminator(images, domain)
        return adversarial_losses(logits, real, self.hparams.adversarial, generator=generator)

    def remedies(self, failure: str, direction: str) -> Sequence[str]:
        lower = ["lower --model.lambda_cycle"] if self.hparams.lambda_cycle else []
        return {
            "change": (*lower, "raise --model.lambda_adversarial"),
            "diversity": ("raise --model.lambda_cycle", "lower --model.lr"),
            "luminance_correlation": (),
        }[failure]

    def lr_factor(self, player: str, progress: int) -> float:
        return halved(progress, self.hparams.halve_every)

    def forward(self, image: Tensor, direction: str = "ab") -> Tensor:
        """(B, C, H, W) of one domain in [-1, 1] to the other; H, W multiples of 4."""
        coder, (source, target) = self.autoencoder, tuple(direction)
        output: Tensor = coder.decode(coder.share(coder.encode(image, source)), target)
        return output
