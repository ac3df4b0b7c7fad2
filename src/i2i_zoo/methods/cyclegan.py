"""CycleGAN: unpaired translation by cycle consistency (Zhu, Park, Isola, Efros 2017, arXiv:1703.10593)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, Channels, Count, LearningRate, PoolSize, Weight, Width
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import ImagePool
from i2i_zoo.networks.discriminators import PatchDiscriminator, ReceptiveField
from i2i_zoo.networks.initialization import init_normal

from .base import UnpairedMethod
from .pix2pix import Generator, build_generator
from .schedules import decay_to_zero


class CycleGAN(UnpairedMethod):
    """CycleGAN.  The defaults are those of the authors' PyTorch code.

    The paper uses the identity loss only between paintings and photographs; elsewhere it is ``lambda_identity=0``.
    The ablations (sec. 5.1.4): only cycle ``lambda_adversarial=0``; only GAN ``lambda_cycle_a=0, lambda_cycle_b=0``;
    GAN and forward cycle ``lambda_cycle_b=0``; GAN and backward cycle ``lambda_cycle_a=0``.

    Args:
        in_channels: Channels of A.
        out_channels: Channels of B.
        directions: ``ab`` has only the generator from A to B, as the authors' published models; it cannot be trained.
        generator: Architecture of both generators, see `Pix2Pix`.  The paper uses ``resnet_9``, and ``resnet_6`` at
            128x128 (sec. 7.2).
        width: Channels of the generators' first layer.
        norm: Normalisation of all networks.
        dropout: Use dropout in the generators in training.
        inference_norm: For norm=batch, see `Pix2Pix`.
        receptive_field: Size in pixels of the patches that the discriminators see: 1, 16, 34, 70, 142 or 286.
        discriminator_width: Channels of the discriminators' first layer.
        adversarial: Adversarial loss (sec. 4).
        lambda_adversarial: Weight of the adversarial losses; 0 leaves out the discriminators.
        lambda_cycle_a: Weight of the forward cycle, from A to B and back (eq. 2, 3).
        lambda_cycle_b: Weight of the backward cycle, from B to A and back.
        lambda_identity: Weight of the identity losses (sec. 5.2), as a multiple of the cycle weight of their domain.
        pool_size: Number of earlier translations kept for each discriminator (sec. 4); 0 for none.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        epochs: Epochs at the full learning rate.
        decay_epochs: Epochs of linear decay after them; 0 for none.

    Raises:
        ZooError: For an identity loss between domains with different numbers of channels.
    """

    generator_ab: nn.Module
    generator_ba: nn.Module

    def __init__(
        self,
        in_channels: Channels = 3,
        out_channels: Channels = 3,
        directions: Literal["both", "ab"] = "both",
        generator: Generator = "resnet_9",
        width: Width = 64,
        norm: Literal["batch", "instance", "none"] = "instance",
        dropout: bool = False,
        inference_norm: Literal["image", "running"] = "image",
        receptive_field: ReceptiveField = 70,
        discriminator_width: Width = 64,
        adversarial: Literal["vanilla", "lsgan", "hinge"] = "lsgan",
        lambda_adversarial: Weight = 1.0,
        lambda_cycle_a: Weight = 10.0,
        lambda_cycle_b: Weight = 10.0,
        lambda_identity: Weight = 0.5,
        pool_size: PoolSize = 50,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 100,
        decay_epochs: Count = 100,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.check_identity(lambda_identity, in_channels, out_channels)
        if directions == "ab":
            self.directions, self.inference_networks = ("ab",), ("generator_ab",)
        for direction in self.directions:
            network = build_generator(generator, *self.channels(direction), width, norm, dropout, inference_norm)
            setattr(self, f"generator_{direction}", init_normal(network))
        self.pools = {domain: ImagePool(pool_size) for domain in "ab"}

    def configure_model(self) -> None:
        hp = self.hparams
        if hp.lambda_adversarial and not hasattr(self, "discriminator_a"):
            for domain, channels in (("a", hp.in_channels), ("b", hp.out_channels)):
                network = PatchDiscriminator(channels, hp.discriminator_width, hp.receptive_field, hp.norm)
                setattr(self, f"discriminator_{domain}", init_normal(network))

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        generators = {"generator": self.inference_networks}
        if not self.hparams.lambda_adversarial:
            return generators
        return {**generators, "discriminator": self.discriminator_networks}

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if stage == "fit" and self.hparams.directions == "ab":
            raise ZooError(
                "A CycleGAN of one direction cannot be trained, since training takes both: use directions=both, whose "
                "generator from A to B can start from this one with --init_from."
            )

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The generators' update, then the discriminators' on translations made before it (authors' code)."""
        a, b, hp = batch["a"], batch["b"], self.hparams
        with self.update("generator") as loss:
            fake_b, *same_b = self.together(self.generator_ab, a, *([b] if hp.lambda_identity else []))
            fake_a, *same_a = self.together(self.generator_ba, b, *([a] if hp.lambda_identity else []))
            if hp.lambda_adversarial:
                loss["adversarial_a"] = hp.lambda_adversarial * self.verdict("a", fake_a, True, generator=True)
                loss["adversarial_b"] = hp.lambda_adversarial * self.verdict("b", fake_b, True, generator=True)
            if hp.lambda_cycle_a:
                loss["cycle_a"] = hp.lambda_cycle_a * F.l1_loss(self.generator_ba(fake_b), a)
            if hp.lambda_cycle_b:
                loss["cycle_b"] = hp.lambda_cycle_b * F.l1_loss(self.generator_ab(fake_a), b)
            if hp.lambda_identity:
                loss["identity_a"] = hp.lambda_identity * hp.lambda_cycle_a * F.l1_loss(same_a[0], a)
                loss["identity_b"] = hp.lambda_identity * hp.lambda_cycle_b * F.l1_loss(same_b[0], b)
        if hp.lambda_adversarial:
            with self.update("discriminator") as loss:
                for domain, real, fake in (("a", a, fake_a), ("b", b, fake_b)):
                    # Halved: the discriminators learn more slowly than the generators (sec. 7.1).
                    loss[f"real_{domain}"] = 0.5 * self.verdict(domain, real, True)
                    loss[f"fake_{domain}"] = 0.5 * self.verdict(domain, self.pools[domain].query(fake.detach()), False)

    def remedies(self, failure: str, direction: str) -> Sequence[str]:
        hp, cycle = self.hparams, f"lambda_cycle_{direction[0]}"
        lower = [f"lower --model.{name}" for name in ("lambda_identity", cycle) if hp[name]]
        return {
            "change": (*lower, "raise --model.lambda_adversarial"),
            "diversity": (f"raise --model.{cycle}", "lower --model.lr"),
            "luminance_correlation": ("raise --model.lambda_identity",),
        }[failure]

    def lr_factor(self, player: str, progress: int) -> float:
        return decay_to_zero(progress, self.hparams.epochs, self.hparams.decay_epochs, ahead=2)

    def initial_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A checkpoint of one direction gives only its generator; the other one starts untrained."""
        own = {k: v for k, v in self.state_dict().items() if k.startswith("generator_ba.")}
        return {**own, **tensors}
