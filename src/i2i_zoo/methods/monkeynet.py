"""Monkey-Net: a picture moves as a clip does, by key points that nobody labelled.

Siarohin et al. 2019, arXiv:1812.08861.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.annotations import (
    AboveZero,
    Betas,
    Blocks,
    BlocksOrNone,
    Count,
    Ge,
    Halvings,
    Le,
    LearningRate,
    Weight,
    Width,
)
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.networks.keypoints import KeyPointDetector, KeyPoints, heat_maps
from i2i_zoo.networks.monkeynet import Interpolation, KeyPointDiscriminator, MotionTransferGenerator

from .monkeynet_prediction import PredictedMotion

#: How much of a picture a network sees, as every so many-th pixel.
Reduction = Literal[1, 2, 4, 8]


class MonkeyNet(PredictedMotion):
    """Monkey-Net.  The defaults are those of the authors' ``config/nemo.yaml``, their start for clips of 64x64 pixels.

    Other configurations of theirs: ``shapes`` has keypoints=4, width=16, max_width=128, scale=10, least_covariance=0,
    groups=0, epochs=8 and milestones=[4]; ``taichi`` has max_width=1024; ``bair`` has scale=sum, lambda_warped=10,
    time_flip=False, epochs=15 and milestones=[10]; ``moving-gif`` has max_width=1024, blocks=6, all reductions 2 and
    shows_displacement=True; ``vox`` has max_width=1024, blocks=7, all reductions 4, interpolation=bilinear, epochs=20
    and no milestones; ``actions`` has least_covariance=0, epochs=4500 and milestones=[3000].  ``actions`` and
    ``moving-gif`` also resize clips and turn their hues, and ``actions`` rotates them: see `ClipData`.

    An item of a batch is a clip, of which a step takes two random frames.  So an epoch is one pair of each clip.  The
    authors' clips are whole videos: for such pairs, give as many frames as a video has.

    With ``prediction_epochs`` a recurrent network learns, after all else, how the key points of a first frame go on:
    then a picture moves without a clip to move as (the authors' ``prediction.py``).  They give it 1000 epochs
    (``shapes`` 100, with predicts_covariance=False), clips of 32 frames and batches of 256.  A run of its own has
    epochs=0 and begins with ``--init_from`` from the other networks.

    Args:
        keypoints: How many key points there are.
        width: Channels of the generator's and the detector's hourglasses at full size.
        max_width: The most channels of these.
        blocks: How often the generator halves its maps.
        motion_blocks: How often the detector and the dense motion network do.
        refinements: Residual blocks at the end of the generator.
        groups: Blocks of the dense motion network in which each key point is by itself.
        temperature: Of the detector's softmax; a lower one makes smaller key points.
        least_covariance: The smallest singular value of a key point's covariance; 0 for no limit.
        scale: What maps of key points are divided by: a number, or ``sum`` for their own sum.
        detector_reduction: The detector sees every so many-th pixel.
        motion_reduction: The dense motion network does.
        map_reduction: The generator's maps of key points are so many times smaller than the picture.
        shows_displacement: Whether the dense motion network also sees how far each key point moves, as numbers.
        interpolation: How the motion gets the sizes of the generator's maps.
        align_corners: Whether the corners of a picture are at the centres of its first and last pixels when it is
            warped, as in PyTorch before 1.3, for which the authors wrote.  With false it is what their unchanged code
            does in later versions.
        discriminator_width: Half the channels of the discriminator's first block.
        discriminator_max_width: The most channels of the discriminator.
        discriminator_blocks: Blocks of the discriminator.
        time_flip: Half of the pairs go backwards in time.
        mirror: Half of the other pairs are mirrored, left to right.
        lambda_layers: Weights of the L1 distances of the pictures, in [0, 1], and of the discriminator's blocks.
        lambda_warped: Weight of the L1 distance of sources that are only warped.
        lambda_adversarial: Weight of the adversarial losses.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        epochs: Number of epochs of the schedule.
        milestones: Epochs from which on the learning rate is a tenth of what it was.
        prediction_epochs: Epochs of the prediction's stage after the others; 0 for a model that predicts no motion.
        prediction_width: Hidden numbers of the recurrent network.
        predicts_covariance: Whether the spread of the key points is predicted too, or stays that of the first frame.
        prediction_lr: Learning rate of the recurrent network's Adam; a tenth after 50 epochs without progress.

    Raises:
        ZooError: Unless ``lambda_layers`` has a weight for the picture and each block of the discriminator.
    """

    inference_networks: tuple[str, ...] = ("generator", "keypoint_detector")

    def __init__(
        self,
        keypoints: Annotated[int, Ge(1), Le(256)] = 10,
        width: Width = 32,
        max_width: Width = 512,
        blocks: Halvings = 5,
        motion_blocks: Halvings = 5,
        refinements: BlocksOrNone = 4,
        groups: BlocksOrNone = 2,
        temperature: AboveZero = 0.1,
        least_covariance: Weight = 0.001,
        scale: AboveZero | Literal["sum"] = 100.0,
        detector_reduction: Reduction = 1,
        motion_reduction: Reduction = 1,
        map_reduction: Reduction = 1,
        shows_displacement: bool = False,
        interpolation: Interpolation = "nearest",
        align_corners: bool = True,
        discriminator_width: Width = 32,
        discriminator_max_width: Width = 256,
        discriminator_blocks: Blocks = 4,
        time_flip: bool = True,
        mirror: bool = True,
        lambda_layers: Sequence[Weight] = (10.0, 10.0, 10.0, 10.0, 1.0),
        lambda_warped: Weight = 0.0,
        lambda_adversarial: Weight = 1.0,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 750,
        milestones: Sequence[Count] = (500,),
        prediction_epochs: Count = 0,
        prediction_width: Width = 1024,
        predicts_covariance: bool = True,
        prediction_lr: LearningRate = 1e-3,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        if len(lambda_layers) != discriminator_blocks + 1:
            raise ZooError(
                f"lambda_layers={list(lambda_layers)}: give {discriminator_blocks + 1} weights, of the picture and of "
                f"each of the discriminator_blocks={discriminator_blocks}."
            )
        self.keypoint_detector = KeyPointDetector(
            keypoints, width, max_width, motion_blocks, temperature, least_covariance, detector_reduction
        )
        self.generator = MotionTransferGenerator(
            *(keypoints, width, max_width, blocks, motion_blocks, refinements, groups, scale),
            *(motion_reduction, map_reduction, shows_displacement, interpolation, align_corners),
        )
        self.generator.stride = self.generator.smallest = max(self.generator.stride, self.keypoint_detector.stride)
        if prediction_epochs:
            self.build_predictor(keypoints, prediction_width)

    def configure_model(self) -> None:
        if not hasattr(self, "discriminator"):
            hp = self.hparams
            self.discriminator = KeyPointDiscriminator(
                hp.keypoints, hp.discriminator_width, hp.discriminator_max_width, hp.discriminator_blocks
            )

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        # The authors' optimisers of generator and detector are alike, and step together.
        both = {"generator": ("generator", "keypoint_detector"), "discriminator": self.discriminator_networks}
        return both | ({"motion_predictor": ("motion_predictor",)} if self.predicts else {})

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The updates of the generator with the detector, then of the discriminator (the authors' ``train.py``); or,
        once they are trained, that of the predictor (their ``prediction.py``).
        """
        if self.in_prediction:
            return self.prediction_step(batch["video"])
        hp = self.hparams
        source, target = (in_unit_range(frame) for frame in self.pairs(batch["video"]))
        # Both frames go through the detector's batch norms together.
        points = self.keypoint_detector(torch.cat([source, target]))
        source_points, driving = points.part(slice(len(source))), points.part(slice(len(source), None))
        made, warped = self.generator(source, source_points, driving)
        with self.update("generator") as loss:
            *layers, scores = self.judged(torch.cat([made, target]), driving)
            # Nothing is detached: the key points' maps are an input of both judgements.
            for number, (weight, maps) in enumerate(zip(hp.lambda_layers, layers, strict=True)):
                if weight:
                    fake, real = maps.float().chunk(2)
                    loss[f"layer_{number}"] = weight * F.l1_loss(fake, real)
            if hp.lambda_warped:
                loss["warped"] = hp.lambda_warped * F.l1_loss(warped, target)
            loss["adversarial"] = hp.lambda_adversarial * adversarial_loss(scores.chunk(2)[0], True, "lsgan")
        with self.update("discriminator") as loss:
            fake, real = self.judged(torch.cat([made.detach(), target]), driving.detach())[-1].chunk(2)
            loss["real"] = hp.lambda_adversarial * adversarial_loss(real, True, "lsgan")
            loss["fake"] = hp.lambda_adversarial * adversarial_loss(fake, False, "lsgan")

    def pairs(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """Two frames of each clip (B, T, C, H, W), the earlier one first; flipped as the authors do.

        They may be the same.  A pair is turned in time, or mirrored, or neither, never both (``RandomFlip``).
        """
        count, frames = video.shape[:2]
        chosen = torch.randint(frames, (count, 2), device=video.device).sort(1).values
        backwards = (torch.rand(count, device=video.device) < 0.5) & self.hparams.time_flip
        mirrored = (torch.rand(count, device=video.device) < 0.5) & self.hparams.mirror & ~backwards
        chosen = torch.where(backwards[:, None], chosen.flip(1), chosen)
        pair = video[torch.arange(count, device=video.device)[:, None], chosen]
        pair = torch.where(mirrored[:, None, None, None, None], pair.flip(-1), pair)
        return pair[:, 0], pair[:, 1]

    def judged(self, pictures: Tensor, driving: KeyPoints) -> list[Tensor]:
        """What the discriminator finds in two batches of pictures with the same key points, in one pass."""
        maps = heat_maps(driving, pictures.shape[-2:], self.hparams.scale)
        found: list[Tensor] = self.discriminator(pictures, maps.repeat(2, 1, 1, 1))
        return found

    def lr_factor(self, player: str, progress: int) -> float:
        """A tenth from each milestone on; the predictor's follows its loss."""
        if player == "motion_predictor":
            return self.plateau.factor
        return float(0.1 ** sum(progress >= milestone for milestone in self.hparams.milestones))

    # What the task asks.

    def detect(self, pictures: Tensor) -> KeyPoints:
        points: KeyPoints = self.keypoint_detector(in_unit_range(pictures))
        return points

    def encode(self, source: Tensor) -> list[Tensor]:
        return self.generator.encode(in_unit_range(source))

    def animate(self, maps: Sequence[Tensor], source_points: KeyPoints, driving_points: KeyPoints) -> Tensor:
        pictures, _ = self.generator.animate(maps, source_points, driving_points)
        return pictures * 2 - 1

    def remedies(self, failure: str, direction: str) -> Sequence[str]:
        if failure == "motion":
            return ("raise --model.keypoints", "raise --model.lambda_warped")
        return ("lower --model.lambda_adversarial",)


def in_unit_range(pictures: Tensor) -> Tensor:
    """Pictures in [-1, 1] as they are in [0, 1], where the networks work: what they pad with is black."""
    return (pictures + 1) / 2
