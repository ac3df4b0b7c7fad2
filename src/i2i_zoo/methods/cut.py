"""CUT: one-sided unpaired translation by contrasting patches (Park, Efros, Zhang, Zhu 2020, arXiv:2007.15651)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from i2i_zoo.annotations import AboveZero, Betas, Channels, Count, LearningRate, Positive, Weight, Width
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.contrastive import PatchProjector, draw_places, patch_nce_loss
from i2i_zoo.networks.antialiased import AntialiasedPatchDiscriminator, AntialiasedResNet
from i2i_zoo.networks.initialization import init_xavier

from .base import UnpairedMethod
from .schedules import decay_to_zero


class CUT(UnpairedMethod):
    """CUT.  The defaults are those of the authors' code; the translation is from A to B.

    FastCUT, lighter and closer to the source, is ``lambda_nce=10, nce_identity=False, flip_equivariance=True,
    epochs=150, decay_epochs=50``.

    Args:
        in_channels: Channels of A.
        out_channels: Channels of B; equal to those of A, since one encoder sees both.
        generator: Architecture of the generator, by its number of residual blocks.
        width: Channels of the generator's first layer.
        receptive_field: Size in pixels of the patches that the discriminator sees: 16, 34, 70, 142 or 286, and a few
            more for its blurs.
        discriminator_width: Channels of the discriminator's first layer.
        adversarial: Adversarial loss (eq. 1).
        lambda_adversarial: Weight of the adversarial loss.
        lambda_nce: Weight of the contrastive loss (eq. 3).  With a larger weight, translations stay closer to sources.
        nce_identity: Also contrast images of B with their own translations (eq. 5); each of the two losses then counts
            half.
        flip_equivariance: Translate half of the batches mirrored, and mirror them back to compare.
        temperature: Divisor of the similarities (eq. 2).
        patches: How many places of each layer are compared; they are drawn anew for each contrast.
        projector_width: Length of the compared vectors.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        epochs: Epochs at the full learning rate.
        decay_epochs: Epochs of linear decay after them; 0 for none.

    Raises:
        ZooError: For domains with different numbers of channels.
    """

    directions = ("ab",)
    inference_networks: tuple[str, ...] = ("generator_ab",)
    discriminator_networks: tuple[str, ...] = ("discriminator_b", "projector")

    def __init__(
        self,
        in_channels: Channels = 3,
        out_channels: Channels = 3,
        generator: Literal["resnet_9", "resnet_6"] = "resnet_9",
        width: Width = 64,
        receptive_field: Literal[16, 34, 70, 142, 286] = 70,
        discriminator_width: Width = 64,
        adversarial: Literal["vanilla", "lsgan", "hinge"] = "lsgan",
        lambda_adversarial: Weight = 1.0,
        lambda_nce: Weight = 1.0,
        nce_identity: bool = True,
        flip_equivariance: bool = False,
        temperature: AboveZero = 0.07,
        patches: Positive = 256,
        projector_width: Width = 256,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 200,
        decay_epochs: Count = 200,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        if in_channels != out_channels:
            raise ZooError(
                f"CUT encodes translations as it encodes their sources, so in_channels={in_channels} and "
                f"out_channels={out_channels} must be equal."
            )
        blocks = int(generator.removeprefix("resnet_"))
        self.generator_ab = init_xavier(AntialiasedResNet(in_channels, out_channels, width, blocks))

    def configure_model(self) -> None:
        hp = self.hparams
        if not hasattr(self, "projector"):
            self.discriminator_b = init_xavier(
                AntialiasedPatchDiscriminator(hp.out_channels, hp.discriminator_width, hp.receptive_field)
            )
            self.projector = init_xavier(PatchProjector(self.generator_ab.feature_channels, hp.projector_width))

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {"discriminator": ("discriminator_b",), "generator": ("generator_ab", "projector")}

    def contrast(self, queries: list[Tensor], keys: list[Tensor]) -> Tensor:
        """The PatchNCE loss between the features of translations and of their sources, at random places."""
        hp = self.hparams
        places = draw_places(keys, hp.patches)
        with torch.no_grad():
            targets = self.projector(keys, places)
        return patch_nce_loss(self.projector(queries, places), targets, hp.temperature)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The discriminator's update, then that of generator and projector, both on the same translations."""
        a, b, hp, generator = batch["a"], batch["b"], self.hparams, self.generator_ab
        if hp.nce_identity and a.shape != b.shape:
            raise ZooError(
                f"nce_identity takes equal numbers of pictures of A and B, of equal size, not {tuple(a.shape)} and "
                f"{tuple(b.shape)}: set crop_size, or nce_identity=false."
            )
        sources = {"nce": a, "nce_identity": b} if hp.nce_identity else {"nce": a}
        real = torch.cat(list(sources.values()))
        mirrored = hp.flip_equivariance and float(torch.rand(())) < 0.5
        keys = generator.encoder(real.flip(3) if mirrored else real)
        fake = generator.decoder(keys[-1])
        fake_b = fake[: len(a)]
        with self.update("discriminator") as loss:
            loss["fake"] = 0.5 * self.verdict("b", fake_b.detach(), False)
            loss["real"] = 0.5 * self.verdict("b", b, True)
        with self.update("generator") as loss:
            loss["adversarial"] = hp.lambda_adversarial * self.verdict("b", fake_b, True, generator=True)
            queries = generator.encoder(fake)
            if mirrored:
                queries = [features.flip(3) for features in queries]
                with torch.no_grad():
                    keys = generator.encoder(real)
            for n, name in enumerate(sources):
                query, key = ([features.chunk(len(sources))[n] for features in maps] for maps in (queries, keys))
                loss[name] = hp.lambda_nce / len(sources) * self.contrast(query, key)

    def remedies(self, failure: str, direction: str) -> Sequence[str]:
        return {
            "change": ("raise --model.lambda_adversarial",),
            "diversity": ("raise --model.lambda_nce", "lower --model.lr"),
            "luminance_correlation": (),
        }[failure]

    def lr_factor(self, player: str, progress: int) -> float:
        return decay_to_zero(progress, self.hparams.epochs, self.hparams.decay_epochs, ahead=1)
