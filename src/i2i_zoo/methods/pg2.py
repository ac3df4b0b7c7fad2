"""PG2: persons in other poses in two stages (Ma, Jia, Sun, Schiele, Tuytelaars and Van Gool 2017, arXiv:1705.09368)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from i2i_zoo import lightning_private
from i2i_zoo.annotations import Betas, Count, Ge, Le, LearningRate, Length, Side, Weight, Width
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.media.geometry import resize_batch
from i2i_zoo.media.pose_drawing import discs, limb_mask
from i2i_zoo.media.poses import resized
from i2i_zoo.networks.initialization import init_glorot, init_uniform
from i2i_zoo.networks.pg2 import (
    BatchDiscriminator,
    CoarseGenerator,
    CoordinateEmbedding,
    DifferenceGenerator,
    HeatmapEmbedding,
)
from i2i_zoo.tasks import PoseTask

from .base import Method


class PG2(PoseTask, Method):
    """PG2.  The defaults are those of the authors' code for Market-1501.

    For DeepFashion: ``size=[256, 256], blocks=6, first_skip=True, coarse_in_batch=False, lambda_l1=50``; the paper
    trains stage 1 for 30000 batches there, the code for 22000 as on Market-1501.  The paper's
    ablations: "G1-CE-L1" ``stages="one", lambda_mask=0, pose_embedding="coordinates"``; "G1-HME-L1" the same with
    ``pose_embedding="heatmaps"``; "G1-L1" ``stages="one", lambda_mask=0``; "G1-poseMaskLoss" ``stages="one"``; "G1+D"
    ``stages="one_adversarial"``; "G1+G2+D" the defaults.

    The authors draw a batch for each player's step of stage 2, and run both generators for each.  Here one batch serves
    for both, and the generators run once.

    Args:
        size: Height and width of the pictures that the networks take; others are resized.
        stages: ``two``: a coarse picture, then its refinement; ``one``: the coarse picture only; ``one_adversarial``:
            one picture, from the first generator, trained against the discriminator.
        stage1_steps: Batches that stage 1 trains for; then the first generator is frozen, and stage 2 begins.
        width: Channels of the generators' first layers.
        blocks: Blocks of the first generator: 5 for 128x64 pixels, 6 for 256x256.  The second has two fewer.
        code: Numbers that the innermost maps of the first generator become.
        pose_embedding: How the first generator sees the pose.  ``none``: as maps beside the picture.  In the ablations,
            it becomes ``code`` numbers that are joined to those of the picture: by two fully connected layers from its
            ``coordinates``, or by an encoder of its own from ``heatmaps``, the maps.
        radius: Radius in pixels of the discs that are the pose, and of the limbs of the mask.
        first_skip: Whether the second generator has a skip at full resolution.
        discriminator_width: Channels of the discriminator's first layer.
        pairs: Whether the discriminator judges pairs of source and target, as in the paper.  In the authors' code it
            judges single pictures, and the source is one more that it has to reject.
        coarse_in_batch: Whether the coarse picture is in the discriminator's batch, and so in its norms' statistics.
        lambda_adversarial: Weight of the adversarial loss.
        lambda_l1: Weight of the distance to the target beside the adversarial loss: 10 for Market-1501, 50 for
            DeepFashion.
        lambda_mask: Weight, within the distance to the target, of the part that counts the person only.
        lr: Learning rate of Adam.  The authors' schedule does not reach their optimisers, so it is constant.
        betas: Decay rates of Adam's moments.
    """

    inference_networks: tuple[str, ...] = ("generator", "refiner")
    needs_source_pose = False

    def __init__(
        self,
        size: Annotated[Sequence[Side], Length(2)] = (128, 64),
        stages: Literal["two", "one", "one_adversarial"] = "two",
        stage1_steps: Count = 22000,
        width: Width = 128,
        blocks: Annotated[int, Ge(3), Le(10)] = 5,
        code: Width = 64,
        pose_embedding: Literal["none", "coordinates", "heatmaps"] = "none",
        radius: Annotated[int, Ge(1), Le(1000)] = 4,
        first_skip: bool = False,
        discriminator_width: Width = 64,
        pairs: bool = False,
        coarse_in_batch: bool = True,
        lambda_adversarial: Weight = 1.0,
        lambda_l1: Weight = 10.0,
        lambda_mask: Weight = 1.0,
        lr: LearningRate = 2e-5,
        betas: Betas = (0.5, 0.999),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        stride = 2 ** (blocks - 1)
        if any(side % stride for side in size):
            raise ZooError(
                f"PG2 cannot have size={list(size)} with blocks={blocks}: give a height and a width that are multiples "
                f"of {stride}, or fewer blocks."
            )
        embedding: torch.nn.Module | None = None
        if pose_embedding == "coordinates":
            embedding = CoordinateEmbedding(size, code)
        elif pose_embedding == "heatmaps":
            embedding = HeatmapEmbedding(18, size, width, blocks, code)
        channels = 3 + 18 if embedding is None else 3
        self.generator = init_glorot(CoarseGenerator(channels, size, width, blocks, code, embedding))
        if stages == "two":
            self.refiner = init_glorot(DifferenceGenerator(width, blocks - 2, first_skip))
            # The authors draw it too.  At zero, there is no difference until stage 2 finds one.
            torch.nn.init.zeros_(self.refiner.last.weight)
        else:
            self.inference_networks = ("generator",)
        if stages == "one":
            self.discriminator_networks = ()

    def configure_model(self) -> None:
        hp = self.hparams
        if hp.stages != "one" and not hasattr(self, "discriminator"):
            self.discriminator = init_uniform(
                BatchDiscriminator(6 if hp.pairs else 3, hp.size, hp.discriminator_width, hp.blocks - 1)
            )

    @property
    def only_size(self) -> Sequence[int]:
        return self.hparams.size  # type: ignore[no-any-return]  # one of its arguments

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {name: (name,) for name in (*self.inference_networks, *self.discriminator_networks)}

    def seen(self, pose: Tensor) -> Tensor:
        """Poses (B, 18, 3) as the first generator takes them: as discs (B, 18, H, W), 1 inside and -1 outside, or as
        they are for coordinates.
        """
        if self.hparams.pose_embedding == "coordinates":
            return pose
        return discs(pose, self.hparams.size, self.hparams.radius) * 2 - 1

    def pictures(self, source: Tensor, target_pose: Tensor) -> list[Tensor]:
        """What each stage makes of a person (B, 3, H, W): the coarse picture and, with two stages, the refined one."""
        coarse = self.generator(source, self.seen(target_pose))
        if self.hparams.stages != "two":
            return [coarse]
        return [coarse, coarse + self.refiner(coarse, source)]

    def forward(self, source: Tensor, source_pose: Tensor, target_pose: Tensor) -> Tensor:
        """The person (B, 3, H, W) in the target pose, in [-1, 1]; H and W are those of ``size``.

        Poses are (B, 18, 3) in pixels; the source pose does not matter.
        """
        return self.pictures(source, target_pose)[-1].clamp(-1, 1)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Stage 1, or stage 2: the second generator's update, then the discriminator's (the authors' ``train``)."""
        source, target, hp = batch["source"], batch["target"], self.hparams
        pose, person = self.seen(batch["target_pose"]), limb_mask(batch["target_pose"], hp.size, hp.radius)

        def distances(picture: Tensor, weight: float = 1.0) -> dict[str, Tensor]:
            """The pose mask loss, as its part of the whole picture and that of the person."""
            off = (picture.float() - target).abs()
            return {"l1": weight * off.mean(), "mask": weight * hp.lambda_mask * (off * person).mean()}

        if hp.stages == "one" or (
            hp.stages == "two" and lightning_private.batches_done(self.trainer) < hp.stage1_steps
        ):
            with self.update("generator") as loss:
                loss |= distances(self.generator(source, pose))
            return

        others = [] if hp.pairs else [source]
        if hp.stages == "two":
            player = "refiner"
            self.generator.zero_grad()  # it is frozen, and needs no memory for the gradients of stage 1
            with torch.no_grad():
                coarse = self.generator(source, pose)
            fake = coarse + self.refiner(coarse, source)
            others += [coarse] if hp.coarse_in_batch else []
        else:
            player = "generator"
            fake = self.generator(source, pose)

        with self.update(player) as loss:
            loss["adversarial"] = hp.lambda_adversarial * adversarial_loss(
                self.verdicts(source, [target, fake, *others])[1], True
            )
            loss |= distances(fake, hp.lambda_l1)
        with self.update("discriminator") as loss:
            real_verdict, fake_verdict, *verdicts = self.verdicts(source, [target, fake.detach(), *others])
            loss["real"] = 0.5 * adversarial_loss(real_verdict, True)
            loss["fake"] = (0.5 if hp.pairs else 0.25) * adversarial_loss(fake_verdict, False)
            if not hp.pairs:
                loss["source"] = 0.25 * adversarial_loss(verdicts[0], False)

    def verdicts(self, source: Tensor, pictures: list[Tensor]) -> tuple[Tensor, ...]:
        """Logits (B, 1) for each of several pictures (B, 3, H, W), judged in one batch, whose statistics they share."""
        judged = [torch.cat([source, picture], 1) for picture in pictures] if self.hparams.pairs else pictures
        return self.discriminator(torch.cat(judged)).chunk(len(judged))  # type: ignore[no-any-return]  # a module's

    def fitted(self, source: Tensor, source_pose: Tensor, target_pose: Tensor) -> Tensor:
        """``forward`` for any height and width: the picture is resized to ``size``, and the result back."""
        return self.fitted_pictures(source, target_pose)[-1]

    def fitted_pictures(self, source: Tensor, target_pose: Tensor) -> list[Tensor]:
        """`pictures` for any height and width, in [-1, 1]."""
        old, new = source.shape[-2:], self.hparams.size
        pictures = self.pictures(resize_batch(source, new), resized(target_pose, old, new))
        return [resize_batch(picture, old).clamp(-1, 1) for picture in pictures]

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output`` and, if that is refined, the ``coarse`` picture before."""
        *coarse, output = self.fitted_pictures(batch["source"], batch["target_pose"])
        return {**batch, **({"coarse": coarse[0]} if coarse else {}), "output": output}

    test_step = validation_step

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Source, the pose to take, the coarse picture, output and target."""
        source, figure, *results = super().panels(outputs)
        return [source, figure, *([outputs["coarse"]] if "coarse" in outputs else []), *results]
