"""Everybody Dance Now: a person who dances like another (Chan et al. 2019, arXiv:1808.07371)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from i2i_zoo.annotations import (
    Betas,
    BlocksOrNone,
    Count,
    Halvings,
    HalvingsOrNone,
    LearningRate,
    Positive,
    Weight,
    Width,
)
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.losses.feature_matching import feature_matching_loss
from i2i_zoo.losses.perceptual import PerceptualLoss
from i2i_zoo.media.poses import face_corners
from i2i_zoo.networks.discriminators import MultiscaleDiscriminator
from i2i_zoo.networks.edn import FaceDiscriminator, added, cut
from i2i_zoo.networks.hd import HDGenerator
from i2i_zoo.networks.initialization import init_normal
from i2i_zoo.pretrained.backbones import Backbone
from i2i_zoo.tasks.dancer import DancerTask

from .pix2pixhd import HDMethod
from .schedules import linear_decay


class EDN(DancerTask, HDMethod):
    """Everybody Dance Now.  The defaults are the paper's first stage: the global generator at 512x256.

    The generator sees a pose and its own frame before it, and the discriminator two frames at once with their poses, so
    that frames fit together in time.  Then a second generator corrects the face, alone (both sec. 3.2).

    The paper's second stage is ``enhancers=1, scales=3, epochs=30``, and its third ``epochs=0, face_epochs=5`` beside
    these, each started with ``--init_from`` from the one before.  One run may hold both: the face's stage begins after
    ``epochs`` and ``decay_epochs``.

    Two things are not as in the authors' code.  It lists the generator's parameters twice in its optimiser, which then
    makes two steps in each batch of the first stages; the paper says nothing of it, and here it is one.  And the last
    layer of the face's generator begins at zero, so that a model whose face's stage has not begun has the face of its
    generator.

    The poses are stick figures of 18 points.  The authors also draw the hands and some points of the face.

    Args:
        width: Channels of the global generator's first layer.
        downs: How many times it halves the resolution.
        blocks: Its residual blocks.
        enhancers: Local enhancers around it; each doubles the resolution.
        enhancer_blocks: Residual blocks of each enhancer.
        discriminator_width: Channels of the discriminators' first layers.
        scales: Number of discriminators of whole pictures.
        face_epochs: Epochs of the face's stage after the others; 0 for a model without a generator for the face.
        face_size: Side in pixels of the square around the face; 128 at 1024x512 in the authors' code.
        face_width: Channels of the first layer of the face's generator, which halves the resolution three times.
        face_blocks: Its residual blocks.
        face_discriminator_width: Channels of the first layer of the face's discriminator.
        face_alone_epochs: First epochs of the face's stage in which the discriminator of whole pictures rests; 10 in
            the authors' command, which is more than the paper's 5 epochs.
        adversarial: Adversarial loss.
        lambda_feature_matching: Weight of the feature matching loss.
        lambda_perceptual: Weight of the perceptual loss, which is halved without enhancers and for the face; 0 leaves
            it out.
        perceptual: Classifier of the perceptual loss.
        frozen_epochs: First epochs, in which only the last enhancer is trained.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        epochs: Epochs at the full learning rate.
        decay_epochs: Epochs of linear decay after them.
    """

    discriminator_networks: tuple[str, ...] = ("discriminator", "face_discriminator")
    face_generator: HDGenerator
    face_discriminator: nn.Module

    def __init__(
        self,
        width: Width = 64,
        downs: Halvings = 4,
        blocks: BlocksOrNone = 9,
        enhancers: HalvingsOrNone = 0,
        enhancer_blocks: BlocksOrNone = 3,
        discriminator_width: Width = 64,
        scales: Halvings = 2,
        face_epochs: Count = 0,
        face_size: Positive = 128,
        face_width: Width = 64,
        face_blocks: BlocksOrNone = 5,
        face_discriminator_width: Width = 64,
        face_alone_epochs: Count = 10,
        adversarial: Literal["lsgan", "vanilla", "hinge"] = "lsgan",
        lambda_feature_matching: Weight = 10.0,
        lambda_perceptual: Weight = 10.0,
        perceptual: Backbone = "vgg19",
        frozen_epochs: Count = 0,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 5,
        decay_epochs: Count = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        if face_epochs and (face_size % 8 or face_size < 16):
            raise ZooError(f"face_size={face_size}: the face's generator takes multiples of 8, of at least 16 pixels.")
        self.generator = HDGenerator(6, 3, width, downs, blocks, enhancers, enhancer_blocks)
        init_normal(self.generator, zero_bias=False)
        if face_epochs:
            self.inference_networks = ("generator", "face_generator")
            self.face_generator = HDGenerator(6, 3, face_width, downs=3, blocks=face_blocks)
            init_normal(self.face_generator, zero_bias=False)
            for parameter in self.face_generator.head.parameters():
                nn.init.zeros_(parameter)
        else:
            self.discriminator_networks = ("discriminator",)

    def configure_model(self) -> None:
        hp = self.hparams
        if not hasattr(self, "discriminator"):
            self.discriminator = MultiscaleDiscriminator(12, hp.discriminator_width, hp.scales)
            init_normal(self.discriminator, zero_bias=False)
            if hp.face_epochs:
                self.face_discriminator = FaceDiscriminator(6, hp.face_discriminator_width)
                init_normal(self.face_discriminator, zero_bias=False)

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {name: (name,) for name in (*self.inference_networks, *self.discriminator_networks)}

    @property
    def face_epoch(self) -> int | None:
        """Which epoch of the face's stage this is, from 0; None before it."""
        epoch: int = self.current_epoch - self.hparams.epochs - self.hparams.decay_epochs
        return epoch if self.hparams.face_epochs and epoch >= 0 else None

    @property
    def schedule_epochs(self) -> int | None:
        hp = self.hparams
        return int(hp.epochs + hp.decay_epochs + hp.face_epochs)

    def lr_factor(self, player: str, progress: int) -> float:
        hp = self.hparams
        if hp.face_epochs and progress >= hp.epochs + hp.decay_epochs:
            return 1.0  # the face's stage begins anew
        return linear_decay(progress, hp.epochs, hp.decay_epochs)

    def corners(self, pose: Tensor, size: Sequence[int]) -> Tensor:
        """The top and left pixel (B, 2) of the square around the face of each pose (B, 18, 3).

        Raises `ZooError` if a picture of this size is smaller than the square.
        """
        if min(size) < self.hparams.face_size:
            raise ZooError(
                f"The pictures have {size[1]}x{size[0]} pixels, and face_size={self.hparams.face_size}: use a smaller "
                "--model.face_size, or a larger --data.size."
            )
        return face_corners(pose, size, self.hparams.face_size)

    def forward(self, pose: Tensor, previous: Tensor) -> Tensor:
        """The person in poses (B, 18, 3), after the frames before (B, 3, H, W): (B, 3, H, W) in [-1, 1], and a little
        beyond where the face is corrected.  H and W are multiples of the generator's stride.
        """
        size = previous.shape[-2:]
        corners = self.corners(pose, size) if self.hparams.face_epochs else None
        return self.frame(self.figure(pose, size).to(previous), previous, corners)

    def frame(self, figure: Tensor, previous: Tensor, corners: Tensor | None) -> Tensor:
        """The frame of a figure after the one before; the face is corrected where ``corners`` (B, 2) say it is."""
        body: Tensor = self.generator(torch.cat([figure, previous], 1))
        if corners is None:
            return body
        face = cut(torch.cat([figure, body], 1), corners, self.hparams.face_size)
        return added(body, self.face_generator(face), corners)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """All pairs of consecutive frames of the clips: the generator's or the face's update, then the discriminators',
        on the same fakes.  The face of both frames is cut out where the first has it.
        """
        hp, in_face = self.hparams, self.face_epoch
        video, pose = batch["video"], batch["pose"]
        real = [frames.flatten(0, 1) for frames in (video[:, :-1], video[:, 1:])]
        poses = [frames.flatten(0, 1) for frames in (pose[:, :-1], pose[:, 1:])]
        size = video.shape[-2:]
        figures = [self.figure(each, size).to(video) for each in poses]
        corners = None if in_face is None else self.corners(poses[0], size)
        real_faces = self.faces(figures, real, corners)
        real_maps = self.discriminator(torch.cat([*figures, *real], 1))
        with self.update("generator" if in_face is None else "face_generator") as loss:
            first = self.frame(figures[0], torch.zeros_like(real[0]), corners)
            fake = [first, self.frame(figures[1], first, corners)]
            fake_faces = self.faces(figures, fake, corners)
            fake_maps = self.discriminator(torch.cat([*figures, *fake], 1))
            loss["adversarial"] = self.adversarial(fake_maps, True, generator=True)
            if hp.lambda_feature_matching:
                loss["feature_matching"] = hp.lambda_feature_matching * feature_matching_loss(fake_maps, real_maps)
            if hp.lambda_perceptual:
                loss["perceptual"] = hp.lambda_perceptual * self.perceptual_loss(fake, real, fake_faces, real_faces)
            if in_face is not None:
                loss["face"] = self.judged_faces(fake_faces, True, generator=True)
        if in_face is None or in_face >= hp.face_alone_epochs:
            with self.update("discriminator") as loss:
                fake_maps = self.discriminator(torch.cat([*figures, *(frame.detach() for frame in fake)], 1))
                loss["fake"] = 0.5 * self.adversarial(fake_maps, False)
                loss["real"] = 0.5 * self.adversarial(real_maps, True)
        if in_face is not None:
            with self.update("face_discriminator") as loss:
                loss["fake"] = 0.5 * self.judged_faces([face.detach() for face in fake_faces], False)
                loss["real"] = 0.5 * self.judged_faces(real_faces, True)

    def faces(self, figures: Sequence[Tensor], frames: Sequence[Tensor], corners: Tensor | None) -> list[Tensor]:
        """The face in each figure (B, 3, H, W) and in its frame (B, 3, H, W) together: (B, 6, S, S).

        The corners (B, 2) say where they are; without them there are none.
        """
        if corners is None:
            return []
        return [cut(torch.cat(pair, 1), corners, self.hparams.face_size) for pair in zip(figures, frames, strict=True)]

    def judged_faces(self, faces: Sequence[Tensor], real: bool, *, generator: bool = False) -> Tensor:
        """The mean over both frames of the adversarial loss of faces (B, 6, S, S).

        The norms see one frame at a time.  The authors count the last face of a batch only; their batches have one.
        """
        kind = self.hparams.adversarial
        logits = [self.face_discriminator(face) for face in faces]
        return torch.stack([adversarial_loss(each, real, kind, generator=generator) for each in logits]).mean()

    def perceptual_loss(
        self,
        fake: Sequence[Tensor],
        real: Sequence[Tensor],
        fake_faces: Sequence[Tensor],
        real_faces: Sequence[Tensor],
    ) -> Tensor:
        """The perceptual loss of both frames and, in the face's stage, of both faces, with the authors' weights."""
        compare = PerceptualLoss(self.hparams.perceptual)
        weight = 1.0 if self.hparams.enhancers else 0.5
        losses = [weight * compare(*frames) for frames in zip(fake, real, strict=True)]
        faces = zip(fake_faces, real_faces, strict=True)
        losses += [0.5 * compare(made[:, 3:], true[:, 3:]) for made, true in faces]
        return torch.stack(losses).sum()

    def initial_tensors(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """As pix2pixHD's; the generator of the face, which a first stage lacks, begins anew."""
        face = {name: tensor for name, tensor in self.state_dict().items() if name.startswith("face_generator.")}
        return {**face, **super().initial_tensors(tensors)}
