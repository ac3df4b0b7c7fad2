"""pix2pix for persons in other poses: both poses are input channels beside the source picture.

Isola et al. 2017 (arXiv:1611.07004), conditioned as the baseline of Siarohin et al. 2018 (arXiv:1801.00055).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, Count, Ge, Le, LearningRate, Weight, Width
from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.media.pose_drawing import gaussian_maps
from i2i_zoo.networks.deformable import DeformableGenerator, PairDiscriminator
from i2i_zoo.networks.discriminators import PatchDiscriminator, ReceptiveField
from i2i_zoo.networks.initialization import init_glorot, init_normal
from i2i_zoo.networks.unet import UNet
from i2i_zoo.tasks import PoseTask

from .base import Method
from .schedules import decay_to_zero

#: Channels of the source picture and of the maps of both poses.
CHANNELS = 3 + 2 * 18


class PoseUNet(nn.Module):
    """The U-Net of pix2pix with the generator's arguments of deformable GANs."""

    def __init__(self, width: int, downs: int, dropout: bool, inference_norm: str) -> None:
        super().__init__()
        self.body = UNet(CHANNELS, 3, width, downs, dropout=dropout, inference_norm=inference_norm)
        self.stride, self.smallest = self.body.stride, self.body.smallest

    def forward(self, source: Tensor, source_maps: Tensor, target_maps: Tensor) -> Tensor:
        output: Tensor = self.body(torch.cat([source, source_maps, target_maps], 1))
        return output


class Pix2PixPose(PoseTask, Method):
    """pix2pix on a source picture and two poses.  The defaults are pix2pix's for 128x64 pixels.

    Args:
        generator: ``unet_N`` is pix2pix's, which halves N pixels to one; ``baseline_5`` and ``baseline_6`` are those of
            the baseline in the Deformable GAN paper for 128x64 and 256x256 pixels.  A baseline has the discriminator,
            the initial weights and the full discriminator's loss of that paper too, and no decay: set
            ``decay_epochs=0``.
        width: Channels of the generator's first layer.
        dropout: Use dropout in the generator in training.
        inference_norm: For ``unet_N``: ``image`` normalises each image by its own statistics, as pix2pix's authors do
            when they test; ``running`` by the running statistics of training.
        sigma: Deviation in pixels of the Gaussian around each point of a pose.
        receptive_field: For ``unet_N``: size in pixels of the discriminator's patches.
        discriminator_width: Channels of the discriminator's first layer.
        lambda_adversarial: Weight of the adversarial loss.
        lambda_l1: Weight of the L1 distance to the target.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        epochs: Epochs at the full learning rate.
        decay_epochs: Epochs of linear decay after them; 0 for none.
    """

    def __init__(
        self,
        generator: Literal["unet_32", "unet_64", "unet_128", "unet_256", "baseline_5", "baseline_6"] = "unet_64",
        width: Width = 64,
        dropout: bool = True,
        inference_norm: Literal["image", "running"] = "image",
        sigma: Annotated[float, Ge(0.1), Le(1e4)] = 6.0,
        receptive_field: ReceptiveField = 70,
        discriminator_width: Width = 64,
        lambda_adversarial: Weight = 1.0,
        lambda_l1: Weight = 100.0,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 100,
        decay_epochs: Count = 100,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        family, _, number = generator.partition("_")
        self.is_baseline = family == "baseline"
        self.generator: nn.Module
        if self.is_baseline:
            self.generator = init_glorot(DeformableGenerator(width, int(number), warped=False, dropout=dropout))
        else:
            self.generator = init_normal(PoseUNet(width, int(number).bit_length() - 1, dropout, inference_norm))

    def configure_model(self) -> None:
        hp = self.hparams
        if hasattr(self, "discriminator"):
            return
        self.discriminator: nn.Module
        if self.is_baseline:
            self.discriminator = init_glorot(PairDiscriminator(CHANNELS + 3, hp.discriminator_width))
        else:
            self.discriminator = init_normal(
                PatchDiscriminator(CHANNELS + 3, hp.discriminator_width, hp.receptive_field)
            )

    def maps(self, pose: Tensor, picture: Tensor) -> Tensor:
        """Poses (B, 18, 3) as maps (B, 18, H, W) of the size of a picture (B, C, H, W)."""
        return gaussian_maps(pose, picture.shape[-2:], self.hparams.sigma).to(picture)

    def forward(self, source: Tensor, source_pose: Tensor, target_pose: Tensor) -> Tensor:
        """The person (B, 3, H, W) in the target pose, in [-1, 1]; H and W are multiples of the generator's stride.

        Poses are (B, 18, 3) in pixels.
        """
        output: Tensor = self.generator(source, *(self.maps(pose, source) for pose in (source_pose, target_pose)))
        return output

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The discriminator's update, then the generator's against it, from one pass of the generator."""
        source, target, hp = batch["source"], batch["target"], self.hparams
        source_maps, target_maps = (self.maps(batch[f"{which}_pose"], source) for which in ("source", "target"))
        fake = self.generator(source, source_maps, target_maps)

        def pair(picture: Tensor) -> Tensor:
            return torch.cat([source, source_maps, picture, target_maps], 1)

        # pix2pix halves it, so that its discriminator learns more slowly.
        weight = 1.0 if self.is_baseline else 0.5
        with self.update("discriminator") as loss:
            loss["fake"] = weight * adversarial_loss(self.discriminator(pair(fake.detach())), False)
            loss["real"] = weight * adversarial_loss(self.discriminator(pair(target)), True)
        with self.update("generator") as loss:
            loss["adversarial"] = hp.lambda_adversarial * adversarial_loss(self.discriminator(pair(fake)), True)
            loss["l1"] = hp.lambda_l1 * F.l1_loss(fake, target)

    def lr_factor(self, player: str, progress: int) -> float:
        """Constant, then linearly towards zero, as pix2pix's authors have it."""
        return decay_to_zero(progress, self.hparams.epochs, self.hparams.decay_epochs, ahead=2)
