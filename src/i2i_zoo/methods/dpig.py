"""Disentangled person image generation (Ma, Sun, Georgoulis, Van Gool, Schiele and Fritz 2018, arXiv:1712.02621)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo import lightning_private
from i2i_zoo.annotations import AboveZero, Betas, Count, Ge, Gt, Le, LearningRate, Length, Side, Weight, Width
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import adversarial_loss, clip_weights, gradient_penalty
from i2i_zoo.media.body_regions import REGIONS, Dataset, region_boxes
from i2i_zoo.media.geometry import resize_batch
from i2i_zoo.media.pose_drawing import discs, limb_mask
from i2i_zoo.media.poses import resized
from i2i_zoo.networks.dpig import (
    AppearanceEncoder,
    CodeCritic,
    PersonDecoder,
    PoseAutoencoder,
    ResidualMLP,
)
from i2i_zoo.networks.initialization import init_glorot, init_uniform
from i2i_zoo.networks.pg2 import BatchDiscriminator
from i2i_zoo.tasks import PoseTask
from i2i_zoo.tasks.conditions import Condition, check_conditions
from i2i_zoo.tasks.kinds import Picture

from .base import Method
from .dpig_sampling import FACTORS, INTERPOLATION, SAMPLING, FactorSampler, factor_sampler, interpolated

#: Radius in pixels of the discs along the limbs that cover a person; the authors call this mask r6.
MASK_RADIUS = 7


class DPIG(PoseTask, Method):
    """DPIG.  The defaults are those of the authors' code for Market-1501.

    For DeepFashion: ``size=[256, 256], region_side=64, region_blocks=7, background_code=0, margins="deepfashion"``.
    There the authors' discriminator gives eight logits, each of an eighth of its innermost channels; here it gives one.

    Stage I learns to take a person apart into foreground, background and pose, and to put it together again (sec. 3.1).
    Stage II learns mapping functions from noise to the codes of the three, with everything else frozen (sec. 3.2).  The
    authors train four models one after the other; their ``run_market_train.sh`` has the steps, the batches and the
    rates, and their ``trainer.py`` the losses and the order of the updates.  Here both pictures of each pair train the
    appearance and the pose together, and one batch serves for all updates of a step.

    Args:
        size: Height and width of the pictures that the networks take; others are resized.
        width: Channels of the first maps of the encoder and of the decoder.
        decoder_width: The decoder's, if another: as its first layer gives every pixel the same sums of the codes, it
            can use no more than about so many numbers of them.
        blocks: Residual blocks of the decoder and of the background's tower, which halve the maps between two blocks.
        region_blocks: Residual blocks of the tower of the body's regions; by default as many.
        region_side: The seven regions of the body are scaled to this many pixels along each side.
        margins: Whose margins, in pixels, the boxes around the regions have (`region_boxes`).
        region_code: Length of the code of a region.
        background_code: Length of the code of the background; with 0, the foreground's is the whole picture's.
        pose_code: Length of the code of a pose.
        bottleneck: Length of the vector in the middle of the decoder.
        hidden: Width of the pose auto-encoder, of the mapping functions and of their critics; the mapping function of
            the background has half of it.
        discriminator_width: Channels of the discriminator's first layer.
        lambda_adversarial: Weight of the adversarial loss in stage I.
        lambda_l1: Weight of the L1 distance to the picture itself.
        lambda_pose: Weight of the squared distance between a pose and what the pose auto-encoder makes of it.
        lambda_penalty: Weight of the gradient penalty on the critics (Gulrajani et al. 2017, who take 10); with 0 their
            weights are clipped, as in the released code.
        clip: Largest weight of a critic without gradient penalty.
        critic_steps: Updates of the critics for each of the mapping functions.
        deviation: Standard deviation of the noise.
        stage1_steps: Batches that stage I trains for; then its networks are frozen, and stage II begins.
        lr: Learning rate of Adam in stage I.
        discriminator_lr: The discriminator's.
        betas: Decay rates of Adam's moments in stage I.
        mapping_lr: Learning rate in stage II: of RMSProp, or of Adam with betas 0.5 and 0.9 if there is a gradient
            penalty.
        halve_every: Batches after which the learning rates are halved, counted from the beginning of each stage; 0 for
            never.

    Raises:
        ZooError: For sizes that cannot be halved as often as there are blocks.
    """

    inference_networks: tuple[str, ...] = ("encoder", "decoder", "pose_autoencoder", *(f"{f}_mapping" for f in FACTORS))
    discriminator_networks: tuple[str, ...] = ("discriminator", *(f"{f}_critic" for f in FACTORS))
    schedule_by_batch = True

    def __init__(
        self,
        size: Annotated[Sequence[Side], Length(2)] = (128, 64),
        width: Width = 128,
        decoder_width: Width | None = None,
        blocks: Annotated[int, Ge(1), Le(8)] = 5,
        region_blocks: Annotated[int, Ge(1), Le(8)] | None = None,
        region_side: Annotated[int, Ge(1), Le(1024)] = 48,
        margins: Dataset = "market1501",
        region_code: Width = 32,
        background_code: Annotated[int, Ge(0), Le(16384)] = 128,
        pose_code: Width = 32,
        bottleneck: Width = 64,
        hidden: Annotated[int, Ge(2), Le(16384)] = 512,
        discriminator_width: Width = 64,
        lambda_adversarial: Weight = 1.0,
        lambda_l1: Weight = 20.0,
        lambda_pose: Weight = 20.0,
        lambda_penalty: Weight = 0.0,
        clip: Annotated[float, Gt(0), Le(1e6)] = 0.01,
        critic_steps: Annotated[int, Ge(1), Le(100)] = 5,
        deviation: AboveZero = 0.2,
        stage1_steps: Count = 120_000,
        lr: LearningRate = 2e-5,
        discriminator_lr: LearningRate = 2e-5,
        betas: Betas = (0.5, 0.999),
        mapping_lr: LearningRate = 2e-5,
        halve_every: Count = 50_000,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        region_blocks = region_blocks or blocks
        scale, region_scale = max(2 ** (blocks - 1), 16), 2 ** (region_blocks - 1)  # the discriminator halves 4 times
        if size[0] % scale or size[1] % scale or region_side % region_scale:
            raise ZooError(
                f"DPIG cannot have size={list(size)} with blocks={blocks}, and region_side={region_side} with "
                f"region_blocks={region_blocks}: give multiples of {scale} and of {region_scale}, or fewer blocks."
            )
        #: The lengths of the codes, and of the noise that they are mapped from.
        self.code_lengths = dict(zip(FACTORS, (len(REGIONS) * region_code, background_code, pose_code), strict=True))
        self.factors = tuple(factor for factor, length in self.code_lengths.items() if length)  # those with a code
        self.mappings, self.critics = (tuple(f"{f}_{kind}" for f in self.factors) for kind in ("mapping", "critic"))
        self.inference_networks = "encoder", "decoder", "pose_autoencoder", *self.mappings
        self.discriminator_networks = "discriminator", *self.critics
        appearance = self.code_lengths["foreground"] + background_code
        encoder = AppearanceEncoder(width, blocks, region_side, region_code, background_code, size, region_blocks)
        self.encoder = init_glorot(encoder)
        self.decoder = init_glorot(PersonDecoder(appearance, decoder_width or width, blocks, bottleneck, size))
        self.pose_autoencoder = init_glorot(PoseAutoencoder(pose_code, hidden, size))
        for factor in self.factors:
            length, own = self.code_lengths[factor], hidden // 2 if factor == "background" else hidden
            self.add_module(f"{factor}_mapping", init_glorot(ResidualMLP(length, own, length)))

    def configure_model(self) -> None:
        hp = self.hparams
        if hasattr(self, "discriminator"):
            return
        self.discriminator = init_uniform(BatchDiscriminator(3, hp.size, hp.discriminator_width))
        for factor in self.factors:
            self.add_module(f"{factor}_critic", init_glorot(CodeCritic(self.code_lengths[factor], hp.hidden)))

    @property
    def only_size(self) -> Sequence[int]:
        return self.hparams.size  # type: ignore[no-any-return]  # one of its arguments

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {
            "appearance": ("encoder", "decoder"),
            "discriminator": ("discriminator",),
            "pose": ("pose_autoencoder",),
            "mapping": self.mappings,
            "critic": self.critics,
        }

    def encode(self, picture: Tensor, pose: Tensor) -> dict[str, Tensor]:
        """The codes of foreground and background of pictures (B, 3, H, W) with poses (B, 18, 3)."""
        size = picture.shape[-2:]
        mask, regions = limb_mask(pose, size, MASK_RADIUS), region_boxes(pose, size, self.hparams.margins)
        foreground, background = self.encoder(picture, mask.to(picture), regions[0], regions[1].to(picture))
        return {"foreground": foreground, "background": background}

    def decode(self, foreground: Tensor, background: Tensor, pose: Tensor) -> Tensor:
        """Pictures (B, 3, H, W), about in [-1, 1], from codes (B, length) and poses (B, 18, 3)."""
        maps = 2 * discs(pose, self.hparams.size) - 1
        output: Tensor = self.decoder(torch.cat([foreground, background], 1), maps.to(foreground))
        return output

    def mapped(self, factor: str, noise: Tensor) -> Tensor:
        """Noise (B, length) as codes of the foreground or the background (B, length), or as poses (B, 18, 3)."""
        if factor not in self.factors:
            return noise  # of no length
        code: Tensor = getattr(self, f"{factor}_mapping")(noise)
        return self.pose_autoencoder.decode(code) if factor == "pose" else code

    def forward(self, source: Tensor, source_pose: Tensor, target_pose: Tensor) -> Tensor:
        """The person (B, 3, H, W), in [-1, 1], in the target pose, about in [-1, 1]; H and W are ``size``.

        Poses are (B, 18, 3) in pixels.
        """
        return self.decode(**self.encode(source, source_pose), pose=target_pose)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Stage I or stage II, on both pictures of each pair."""
        picture = torch.cat([batch["source"], batch["target"]])
        pose = torch.cat([batch["source_pose"], batch["target_pose"]])
        if lightning_private.batches_done(self.trainer) < self.hparams.stage1_steps:
            self.learn_reconstruction(picture, pose)
        else:
            self.learn_mappings(picture, pose)

    def learn_reconstruction(self, picture: Tensor, pose: Tensor) -> None:
        """Stage I: the update of encoder and decoder, then the discriminator's; and that of the pose auto-encoder."""
        hp = self.hparams
        with self.update("appearance") as loss:
            same = self.decode(**self.encode(picture, pose), pose=pose)
            loss["adversarial"] = hp.lambda_adversarial * adversarial_loss(self.discriminator(same), True)
            loss["l1"] = hp.lambda_l1 * F.l1_loss(same, picture)
        with self.update("discriminator") as loss:  # the statistics of its norms are of either real or generated ones
            loss["real"] = 0.5 * adversarial_loss(self.discriminator(picture), True)
            loss["fake"] = 0.5 * adversarial_loss(self.discriminator(same.detach()), False)
        with self.update("pose") as loss:
            numbers = self.pose_autoencoder.numbers(pose)
            loss["l2"] = hp.lambda_pose * F.mse_loss(self.pose_autoencoder(pose), numbers)

    def learn_mappings(self, picture: Tensor, pose: Tensor) -> None:
        """Stage II: the update of the mapping functions, then several of their critics: Wasserstein GANs of codes."""
        hp = self.hparams
        self.zero_grad()  # what stage I trained is frozen, and needs no memory for gradients
        with torch.no_grad():
            real = self.encode(picture, pose) | {"pose": self.pose_autoencoder.encode(pose)}

        def judged(factor: str, code: Tensor, is_real: bool) -> Tensor:
            return adversarial_loss(getattr(self, f"{factor}_critic")(code), is_real, "wgangp")

        with self.update("mapping") as loss:
            for factor in self.factors:
                loss[factor] = judged(factor, self.random_code(factor, len(picture)), True)
        for _ in range(hp.critic_steps):
            with self.update("critic") as loss:
                for factor in self.factors:
                    fake = self.random_code(factor, len(picture))
                    loss[factor] = judged(factor, real[factor], True) + judged(factor, fake, False)
                    if hp.lambda_penalty:
                        critic = getattr(self, f"{factor}_critic")
                        penalty = gradient_penalty(critic, real[factor].float(), fake.detach().float())
                        loss[f"{factor}_penalty"] = hp.lambda_penalty * penalty
            if not hp.lambda_penalty:
                for name in self.critics:
                    clip_weights(getattr(self, name), hp.clip)

    def random_code(self, factor: str, count: int) -> Tensor:
        """Codes (count, length) of a factor from new noise."""
        noise = torch.randn(count, self.code_lengths[factor], device=self.device) * self.hparams.deviation
        code: Tensor = getattr(self, f"{factor}_mapping")(noise)
        return code

    def configure_optimizer(self, player: str, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """Adam, but for mapping functions and critics without gradient penalty RMSProp as TensorFlow has it."""
        hp = self.hparams
        if player not in ("mapping", "critic"):
            return super().configure_optimizer(player, parameters)
        if hp.lambda_penalty:
            return torch.optim.Adam(parameters, lr=hp.mapping_lr, betas=(0.5, 0.9))
        return torch.optim.RMSprop(parameters, lr=hp.mapping_lr, alpha=0.9, eps=1e-5)

    def lr_factor(self, player: str, progress: int) -> float:
        """Halved every ``halve_every`` batches of the player's stage."""
        hp, begin = self.hparams, self.hparams.stage1_steps if player in ("mapping", "critic") else 0
        return 0.5 ** (max(0, progress - begin) // hp.halve_every) if hp.halve_every else 1.0

    def fitted(self, source: Tensor, source_pose: Tensor, target_pose: Tensor) -> Tensor:
        """``forward`` for any height and width: the picture is resized to ``size``, and the result back."""
        old, new = source.shape[-2:], self.hparams.size
        poses = (resized(pose, old, new) for pose in (source_pose, target_pose))
        return resize_batch(self(resize_batch(source, new), *poses), old).clamp(-1, 1)

    @property
    def sampling_conditions(self) -> tuple[Condition, ...]:
        return SAMPLING

    def make_sampler(self, **chosen: Any) -> FactorSampler:
        return factor_sampler(self, **chosen)

    def interpolate(self, first: Picture, second: Picture, count: int = 8, **conditions: Any) -> list[Image.Image]:
        """Make pictures between two persons, from the first to the second, by linear interpolation of their codes.

        Args:
            first: A picture of a person, as for `translate`.
            second: A picture of the same or of another person.
            count: How many pictures, at least 2.
            **conditions: ``factors``: those of foreground, background and pose that change, by default all; the others
                are those of the first person.  ``first_pose`` and ``second_pose``: the poses in the pictures; by
                default they are found there.

        Raises:
            ZooError: If a picture or a pose cannot be read, or a value is out of range.
        """
        conditions |= {"first": first, "second": second, "count": count}
        return interpolated(self, **check_conditions(type(self).__name__, INTERPOLATION, conditions))

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Source, the pose to take, output and target; and the source with another foreground, background and pose."""
        source, pose = outputs["source"], outputs["source_pose"]
        given = self.encode(source, pose) | {"pose": pose}
        sampled = [FactorSampler(self, [factor], given).make(range(len(source)), 0) for factor in self.factors]
        return [*super().panels(outputs), *sampled]
