"""MUNIT: many translations of one image (Huang, Liu, Belongie, Kautz 2018, arXiv:1804.04732)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, BlocksOrNone, Channels, Count, LearningRate, Weight, Width
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import adversarial_losses
from i2i_zoo.losses.perceptual import InvariantPerceptualLoss
from i2i_zoo.networks.autoencoders import StyleAutoencoder
from i2i_zoo.networks.discriminators import PyramidDiscriminator
from i2i_zoo.networks.initialization import init_kaiming, init_normal
from i2i_zoo.pretrained.backbones import VGG16
from i2i_zoo.tasks.conditions import SIZE, TILE, Condition
from i2i_zoo.tasks.kinds import Picture, PictureFile, Seed
from i2i_zoo.tasks.paired import PictureTranslator

from .base import UnpairedMethod
from .schedules import halved

STYLE = Condition(
    "style",
    PictureFile(),
    "a picture of the target domain whose style to take; in Python also a style code",
    label="Style of this picture",
)
SEED = Condition(
    "seed",
    Seed(),
    "draw the style at random with this seed",
    label="Or a style at random: its seed",
    excludes="style",
)


class MUNIT(UnpairedMethod):
    """MUNIT.  The defaults are those of the authors' code for edges and shoes.

    Args:
        in_channels: Channels of A.
        out_channels: Channels of B.
        width: Channels of the autoencoders' first layer.
        blocks: Residual blocks of each content encoder, and of each decoder.
        style: Length of a style code.
        hidden: Width of the perceptron that reads the style code.
        discriminator_width: Channels of the discriminators' first layer.
        adversarial: Adversarial loss.
        lambda_adversarial: Weight of the adversarial losses (eq. 4).
        lambda_reconstruction: Weight of the images' reconstruction (eq. 1).
        lambda_content: Weight of the contents' reconstruction (eq. 2).
        lambda_style: Weight of the styles' reconstruction (eq. 3).
        lambda_cycle: Weight of the style-augmented cycle (sec. 4); 10 for summer and winter, and for streets.
        lambda_perceptual: Weight of the domain-invariant perceptual loss (sec. 5.1); 1 for streets.
        perceptual: Network of the perceptual loss: VGG-16, or the one of HED up to relu4_3.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        weight_decay: L2 penalty of Adam.
        halve_every: Batches after which the learning rate is halved.
    """

    inference_networks: tuple[str, ...] = ("autoencoder_a", "autoencoder_b")
    schedule_by_batch = True

    def __init__(
        self,
        in_channels: Channels = 3,
        out_channels: Channels = 3,
        width: Width = 64,
        blocks: BlocksOrNone = 4,
        style: Width = 8,
        hidden: Width = 256,
        discriminator_width: Width = 64,
        adversarial: Literal["lsgan", "vanilla"] = "lsgan",
        lambda_adversarial: Weight = 1.0,
        lambda_reconstruction: Weight = 10.0,
        lambda_content: Weight = 1.0,
        lambda_style: Weight = 1.0,
        lambda_cycle: Weight = 0.0,
        lambda_perceptual: Weight = 0.0,
        perceptual: VGG16 = "vgg16",
        lr: LearningRate = 1e-4,
        betas: Betas = (0.5, 0.999),
        weight_decay: Weight = 1e-4,
        halve_every: Count = 100_000,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.autoencoder_a = init_kaiming(StyleAutoencoder(in_channels, width, blocks, style, hidden))
        self.autoencoder_b = init_kaiming(StyleAutoencoder(out_channels, width, blocks, style, hidden))

    def configure_model(self) -> None:
        hp = self.hparams
        if not hasattr(self, "discriminator_a"):
            self.discriminator_a = init_normal(PyramidDiscriminator(hp.in_channels, hp.discriminator_width))
            self.discriminator_b = init_normal(PyramidDiscriminator(hp.out_channels, hp.discriminator_width))

    def random_style(self, images: Tensor) -> Tensor:
        """Draw styles (B, style) from their prior for a batch of images."""
        return torch.randn(len(images), self.hparams.style, device=images.device)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The discriminators' update, then the autoencoders' with new styles (authors' code)."""
        a, b, hp = batch["a"], batch["b"], self.hparams
        # Both updates use these contents: the first one leaves the autoencoders as they are.
        content_a, content_b = self.autoencoder_a.content_encoder(a), self.autoencoder_b.content_encoder(b)
        with torch.no_grad():
            style_a, style_b = self.random_style(b), self.random_style(a)
            fake_a = self.autoencoder_a.decode(content_b, style_a)
            fake_b = self.autoencoder_b.decode(content_a, style_b)
        with self.update("discriminator") as loss:
            for domain, real, fake in (("a", a, fake_a), ("b", b, fake_b)):
                loss[f"real_{domain}"] = hp.lambda_adversarial * self.verdict(domain, real, True)
                loss[f"fake_{domain}"] = hp.lambda_adversarial * self.verdict(domain, fake, False)
        with self.update("generator") as loss:
            style_a, style_b = self.random_style(b), self.random_style(a)
            own_a, own_b = self.autoencoder_a.style_encoder(a), self.autoencoder_b.style_encoder(b)
            # The decoder of a domain makes its own image again, and the translation of the other one.
            same_a, fake_a = self.decode_both("a", (content_a, own_a), (content_b, style_a))
            same_b, fake_b = self.decode_both("b", (content_b, own_b), (content_a, style_b))
            again_b, again_a = self.autoencoder_a.content_encoder(fake_a), self.autoencoder_b.content_encoder(fake_b)
            loss["adversarial_a"] = hp.lambda_adversarial * self.verdict("a", fake_a, True, generator=True)
            loss["adversarial_b"] = hp.lambda_adversarial * self.verdict("b", fake_b, True, generator=True)
            loss["reconstruction_a"] = hp.lambda_reconstruction * F.l1_loss(same_a, a)
            loss["reconstruction_b"] = hp.lambda_reconstruction * F.l1_loss(same_b, b)
            loss["content_a"] = hp.lambda_content * F.l1_loss(again_a, content_a)
            loss["content_b"] = hp.lambda_content * F.l1_loss(again_b, content_b)
            loss["style_a"] = hp.lambda_style * F.l1_loss(self.autoencoder_a.style_encoder(fake_a), style_a)
            loss["style_b"] = hp.lambda_style * F.l1_loss(self.autoencoder_b.style_encoder(fake_b), style_b)
            if hp.lambda_cycle:
                loss["cycle_a"] = hp.lambda_cycle * F.l1_loss(self.autoencoder_a.decode(again_a, own_a), a)
                loss["cycle_b"] = hp.lambda_cycle * F.l1_loss(self.autoencoder_b.decode(again_b, own_b), b)
            if hp.lambda_perceptual:
                distance = InvariantPerceptualLoss(hp.perceptual)
                loss["perceptual_a"] = hp.lambda_perceptual * distance(fake_a, b)
                loss["perceptual_b"] = hp.lambda_perceptual * distance(fake_b, a)

    def decode_both(self, domain: str, *codes: tuple[Tensor, Tensor]) -> Sequence[Tensor]:
        """The images for pairs of content and style, in one pass."""
        contents, styles = zip(*codes, strict=True)
        decoded: Tensor = getattr(self, f"autoencoder_{domain}").decode(torch.cat(contents), torch.cat(styles))
        return torch.split(decoded, [len(content) for content in contents])

    def verdict(self, domain: str, images: Tensor, real: bool, *, generator: bool = False) -> Tensor:
        """The adversarial loss of a domain's discriminator on images (B, C, H, W), summed over its scales."""
        logits = getattr(self, f"discriminator_{domain}")(images)
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

    def forward(self, image: Tensor, direction: str = "ab", style: Tensor | None = None) -> Tensor:
        """(B, C, H, W) of one domain in [-1, 1] to the other; H, W multiples of 4.

        ``style`` is (B or 1, style); by default it is zero, the mean of the prior.
        """
        source, target = (self.autoencoder(domain) for domain in direction)
        if style is None:
            style = image.new_zeros(1, self.hparams.style)
        output: Tensor = target.decode(source.content_encoder(image), style.to(image).expand(image.shape[0], -1))
        return output

    def autoencoder(self, domain: str) -> StyleAutoencoder:
        """The autoencoder of domain ``a`` or ``b``."""
        network: StyleAutoencoder = getattr(self, f"autoencoder_{domain}")
        return network

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (self.direction_condition, STYLE, SEED, SIZE, TILE)

    @torch.inference_mode()
    def make_translator(
        self, direction: str = "ab", style: Picture | None = None, seed: int | None = None, **chosen: Any
    ) -> PictureTranslator:
        """Without style and seed, the style is zero, the mean of the prior.

        Raises `ZooError` for a style code whose length does not fit the model.
        """
        code = None
        if seed is not None:
            code = torch.randn(1, self.hparams.style, generator=torch.Generator().manual_seed(seed))
        elif isinstance(style, Tensor) and style.dim() < 3:
            code = style.reshape(1, -1)
            if code.shape[1] != self.hparams.style:
                raise ZooError(f"A style of this model has {self.hparams.style} numbers, not {code.shape[1]}.")
        elif style is not None:
            code = self.read_style(style, direction)
        return self.translator_of(direction, {"style": code}, **chosen)

    @torch.inference_mode()
    def read_style(self, picture: Picture, direction: str) -> Tensor:
        """The style code (1, style) of a picture of a direction's target domain."""
        # The picture is a source of the other direction.
        values = self.translator_of(direction[::-1], {}).prepare(picture)
        code: Tensor = self.autoencoder(direction[1]).style_encoder(values)
        return code
