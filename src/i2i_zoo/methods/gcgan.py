"""GcGAN: one-sided unpaired translation by geometry consistency (Fu et al. 2019, arXiv:1809.05852)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, Channels, Count, LearningRate, PoolSize, Weight, Width
from i2i_zoo.losses.adversarial import ImagePool
from i2i_zoo.networks.discriminators import PatchDiscriminator, ReceptiveField
from i2i_zoo.networks.initialization import init_xavier

from .base import UnpairedMethod
from .pix2pix import Generator, build_generator
from .schedules import decay_to_zero

#: An image as it is, and transformed (turned or flipped).
VIEWS = ("", "turned_")


class GcGAN(UnpairedMethod):
    """GcGAN.  The defaults are those of the authors' code (``gc_gan_share``): one generator from A to B.

    ``lambda_cycle`` > 0 is GcGAN with the cycle loss (``gc_cycle_gan``) and translates in both directions; their code
    has 10.  It sends the turned image of B back through the wrong generator; ours uses the right one.

    Args:
        in_channels: Channels of A.
        out_channels: Channels of B.
        geometry: The transformation that commutes with the translation (sec. 3.2): ``rotation`` by 90 degrees clockwise
            or vertical ``flip``.
        generator: Architecture of the generators, see `Pix2Pix`.  The authors use ``resnet_6`` at 128x128.
        width: Channels of the generators' first layer.
        norm: Normalisation of all networks.
        dropout: Use dropout in the generators in training.
        inference_norm: For norm=batch, see `Pix2Pix`.
        receptive_field: Size in pixels of the patches that the discriminators see.
        discriminator_width: Channels of the discriminators' first layer.
        adversarial: Adversarial loss.
        lambda_adversarial: Weight of the adversarial losses.
        lambda_geometry: Weight of the geometry consistency (eq. 3; 20 in sec. 4).
        lambda_identity: Weight of the identity losses; 3 for label maps to photographs on Cityscapes.
        lambda_cycle: Weight of the cycle losses; 0 for one direction.
        pool_size: Number of earlier translations kept for each discriminator; 0 for none.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        epochs: Epochs at the full learning rate.
        decay_epochs: Epochs of linear decay after them; 0 for none.
    """

    discriminator_networks: tuple[str, ...] = (
        "discriminator_b",
        "discriminator_turned_b",
        "discriminator_a",
        "discriminator_turned_a",
    )

    def __init__(
        self,
        in_channels: Channels = 3,
        out_channels: Channels = 3,
        geometry: Literal["rotation", "flip"] = "rotation",
        generator: Generator = "resnet_9",
        width: Width = 64,
        norm: Literal["batch", "instance", "none"] = "instance",
        dropout: bool = False,
        inference_norm: Literal["image", "running"] = "image",
        receptive_field: ReceptiveField = 70,
        discriminator_width: Width = 64,
        adversarial: Literal["vanilla", "lsgan", "hinge"] = "lsgan",
        lambda_adversarial: Weight = 1.0,
        lambda_geometry: Weight = 20.0,
        lambda_identity: Weight = 5.0,
        lambda_cycle: Weight = 0.0,
        pool_size: PoolSize = 50,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 100,
        decay_epochs: Count = 100,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.check_identity(lambda_identity, in_channels, out_channels)
        if not lambda_cycle:
            self.directions, self.inference_networks = ("ab",), ("generator_ab",)
            self.discriminator_networks = ("discriminator_b", "discriminator_turned_b")
        for direction in self.directions:
            network = build_generator(generator, *self.channels(direction), width, norm, dropout, inference_norm)
            setattr(self, f"generator_{direction}", init_xavier(network, zero_bias=False))
        self.pools = {name.removeprefix("discriminator_"): ImagePool(pool_size) for name in self.discriminator_networks}

    def configure_model(self) -> None:
        hp = self.hparams
        for name in self.discriminator_networks:
            if not hasattr(self, name):
                channels = hp.in_channels if name.endswith("a") else hp.out_channels
                network = PatchDiscriminator(channels, hp.discriminator_width, hp.receptive_field, hp.norm)
                setattr(self, name, init_xavier(network, zero_bias=False))

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {"generator": self.inference_networks, "discriminator": self.discriminator_networks}

    def turn(self, image: Tensor) -> Tensor:
        """The transformation f of images (B, C, H, W)."""
        return image.flip(2) if self.hparams.geometry == "flip" else image.rot90(-1, (2, 3))

    def turn_back(self, image: Tensor) -> Tensor:
        """The inverse of `turn`."""
        return image.flip(2) if self.hparams.geometry == "flip" else image.rot90(1, (2, 3))

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The generators' update, then the discriminators' on translations made before it (authors' code)."""
        hp, real = self.hparams, {x: (batch[x], self.turn(batch[x])) for x in "ab"}
        fake: dict[str, tuple[Tensor, Tensor]] = {}
        with self.update("generator") as loss:
            for a, b in map(tuple, self.directions):
                generator = getattr(self, f"generator_{a}{b}")
                image, turned, *same = self.together(generator, *real[a], *(real[b] if hp.lambda_identity else ()))
                fake[b] = image, turned
                for view, translation in zip(VIEWS, fake[b], strict=True):
                    verdict = self.verdict(f"{view}{b}", translation, True, generator=True)
                    loss[f"adversarial_{view}{b}"] = hp.lambda_adversarial * verdict
                # Each view is compared with the other, detached: twice the value of one distance, the same gradient.
                loss[f"geometry_{b}"] = hp.lambda_geometry * (
                    F.l1_loss(image, self.turn_back(turned.detach())) + F.l1_loss(turned, self.turn(image.detach()))
                )
                for view, kept, own in zip(VIEWS, same, real[b], strict=False):
                    loss[f"identity_{view}{b}"] = hp.lambda_identity * F.l1_loss(kept, own)
            if hp.lambda_cycle:
                for a, b in map(tuple, self.directions):
                    returned = self.together(getattr(self, f"generator_{b}{a}"), *fake[b])
                    for view, image, own in zip(VIEWS, returned, real[a], strict=True):
                        loss[f"cycle_{view}{a}"] = hp.lambda_cycle * F.l1_loss(image, own)
        with self.update("discriminator") as loss:
            for _, b in map(tuple, self.directions):
                for view, translation, own in zip(VIEWS, fake[b], real[b], strict=True):
                    shown = self.pools[f"{view}{b}"].query(translation.detach())
                    loss[f"real_{view}{b}"] = 0.5 * self.verdict(f"{view}{b}", own, True)
                    loss[f"fake_{view}{b}"] = 0.5 * self.verdict(f"{view}{b}", shown, False)

    def remedies(self, failure: str, direction: str) -> Sequence[str]:
        lower = [f"lower --model.{name}" for name in ("lambda_identity", "lambda_cycle") if self.hparams[name]]
        return {
            "change": (*lower, "raise --model.lambda_adversarial"),
            "diversity": ("raise --model.lambda_cycle", "raise --model.lambda_geometry", "lower --model.lr"),
            "luminance_correlation": ("raise --model.lambda_identity",),
        }[failure]

    def lr_factor(self, player: str, progress: int) -> float:
        return decay_to_zero(progress, self.hparams.epochs, self.hparams.decay_epochs, ahead=2)
