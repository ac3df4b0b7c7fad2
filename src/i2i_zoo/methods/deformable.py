"""Deformable GANs for persons in other poses (Siarohin, Sangineto, Lathuiliere and Sebe 2018, arXiv:1801.00055)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, Ge, Le, LearningRate, Odd, Weight, Width
from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.losses.nearest_neighbour import VGG, FeatureLoss, NearestNeighbourLoss
from i2i_zoo.media.body_parts import part_masks, part_transforms, whole_transform
from i2i_zoo.media.pose_drawing import gaussian_maps
from i2i_zoo.networks.deformable import DeformableGenerator, PairDiscriminator
from i2i_zoo.networks.initialization import init_glorot
from i2i_zoo.tasks import PoseTask

from .base import Method


class Deformable(PoseTask, Method):
    """The Deformable GAN.  The defaults are those of the full model for Market-1501.

    The paper's rows (tab. 3): the full model; "DSC" ``lambda_nn=0, lambda_l1=100``; "PercLoss" ``lambda_nn=0,
    lambda_perceptual=0.5``; "Baseline" ``warp="none", lambda_nn=0, lambda_l1=100``.  The authors' README
    has had this 100 since October 2018, and 10 before; its batches have 4 pairs, but 2 for the full model on
    DeepFashion.

    The authors draw three batches for a step: of real pairs, and for each player's generated ones.  Here one batch
    serves for all, and the generator runs once.

    Args:
        width: Channels of the generator's first layer.
        downs: How often the generator halves its maps: 5 for 128x64 pixels, 6 for 256x256.
        warp: Which features of the source move to the target pose: those of ten body ``parts`` (sec. 3.2), the
            ``whole`` picture by one transform, or ``none``, with a single encoder.
        dropout: Use dropout in the generator in training.
        sigma: Deviation in pixels of the Gaussian around each point of a pose.
        discriminator_width: Channels of the discriminator's first layer.
        lambda_adversarial: Weight of the adversarial loss.
        lambda_l1: Weight of the L1 distance to the target.
        lambda_perceptual: Weight of the distance of relu2_1.
        lambda_nn: Weight of the nearest-neighbour loss (eq. 9).  The paper's is for Caffe's VGG-19: see `FeatureLoss`.
        window: Side of the nearest-neighbour loss's window: 3 for Market-1501, 5 for DeepFashion.
        features: Classifier of the perceptual and the nearest-neighbour loss.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
    """

    def __init__(
        self,
        width: Width = 64,
        downs: Annotated[int, Ge(2), Le(10)] = 5,
        warp: Literal["parts", "whole", "none"] = "parts",
        dropout: bool = True,
        sigma: Annotated[float, Ge(0.1), Le(1e4)] = 6.0,
        discriminator_width: Width = 64,
        lambda_adversarial: Weight = 1.0,
        lambda_l1: Weight = 0.0,
        lambda_perceptual: Weight = 0.0,
        lambda_nn: Weight = 0.01,
        window: Annotated[int, Ge(1), Le(31), Odd()] = 3,
        features: VGG = "vgg19",
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.generator = init_glorot(DeformableGenerator(width, downs, warp != "none", dropout))

    def configure_model(self) -> None:
        if not hasattr(self, "discriminator"):
            self.discriminator = init_glorot(PairDiscriminator(width=self.hparams.discriminator_width))

    def maps(self, pose: Tensor, picture: Tensor) -> Tensor:
        """Poses (B, 18, 3) as maps (B, 18, H, W) of the size of a picture (B, C, H, W)."""
        return gaussian_maps(pose, picture.shape[-2:], self.hparams.sigma).to(picture)

    def motion(self, source_pose: Tensor, target_pose: Tensor, picture: Tensor) -> tuple[Tensor, ...]:
        """Transforms and masks of the parts, or what there is of them, for the generator."""
        if self.hparams.warp == "none":
            return ()
        if self.hparams.warp == "whole":
            return (whole_transform(source_pose, target_pose),)
        return part_transforms(source_pose, target_pose), part_masks(target_pose, *picture.shape[-2:])

    def forward(self, source: Tensor, source_pose: Tensor, target_pose: Tensor) -> Tensor:
        """The person (B, 3, H, W) in the target pose, in [-1, 1]; H and W are multiples of the generator's stride.

        Poses are (B, 18, 3) in pixels.
        """
        maps = (self.maps(pose, source) for pose in (source_pose, target_pose))
        output: Tensor = self.generator(source, *maps, *self.motion(source_pose, target_pose, source))
        return output

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The discriminator's update, then the generator's (sec. 3.3), from one pass of the generator."""
        source, target, hp = batch["source"], batch["target"], self.hparams
        source_maps, target_maps = (self.maps(batch[f"{which}_pose"], source) for which in ("source", "target"))
        motion = self.motion(batch["source_pose"], batch["target_pose"], source)
        fake = self.generator(source, source_maps, target_maps, *motion)

        def pair(picture: Tensor) -> Tensor:
            return torch.cat([source, source_maps, picture, target_maps], 1)

        with self.update("discriminator") as loss:
            real_verdict, fake_verdict = self.discriminator(torch.cat([pair(target), pair(fake.detach())])).chunk(2)
            loss["real"] = adversarial_loss(real_verdict, True)
            loss["fake"] = adversarial_loss(fake_verdict, False)
        with self.update("generator") as loss:
            loss["adversarial"] = hp.lambda_adversarial * adversarial_loss(self.discriminator(pair(fake)), True)
            if hp.lambda_l1:
                loss["l1"] = hp.lambda_l1 * F.l1_loss(fake, target)
            if hp.lambda_perceptual:
                loss["perceptual"] = hp.lambda_perceptual * FeatureLoss(hp.features)(fake, target)
            if hp.lambda_nn:
                loss["nearest_neighbour"] = hp.lambda_nn * NearestNeighbourLoss(hp.features, hp.window)(fake, target)
