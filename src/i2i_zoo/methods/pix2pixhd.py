"""pix2pixHD: high-resolution synthesis from label maps (Wang et al. 2018, arXiv:1711.11585)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from i2i_zoo.annotations import (
    Betas,
    BlocksOrNone,
    Channels,
    Count,
    Halvings,
    HalvingsOrNone,
    LearningRate,
    Positive,
    Weight,
    Width,
    WidthOrNone,
)
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.losses.feature_matching import feature_matching_loss
from i2i_zoo.losses.perceptual import PerceptualLoss
from i2i_zoo.networks.discriminators import MultiscaleDiscriminator
from i2i_zoo.networks.hd import FeatureEncoder, HDGenerator, k_means
from i2i_zoo.networks.initialization import init_normal
from i2i_zoo.pretrained.backbones import Backbone
from i2i_zoo.tasks.conditions import Condition
from i2i_zoo.tasks.kinds import PictureFile

from .base import Method, PairedMethod, SemanticMethod
from .schedules import linear_decay

STYLE = Condition(
    "style",
    PictureFile(also=(Mapping,)),
    "a photograph of the same label map, whose style to take; in Python also the cluster of each instance",
    label="Style of this photograph",
)


class HDMethod(Method):
    """What pix2pixHD does for label maps and for pictures alike."""

    generator: Any

    @property
    def condition_channels(self) -> int:
        """Channels that the discriminator sees beside the image."""
        raise NotImplementedError

    def configure_model(self) -> None:
        if not hasattr(self, "discriminator"):
            hp, image = self.hparams, self.hparams.get("out_channels", 3)
            channels = self.condition_channels + image
            self.discriminator = MultiscaleDiscriminator(channels, hp.discriminator_width, hp.scales)
            init_normal(self.discriminator, zero_bias=False)

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {"generator": self.inference_networks, "discriminator": self.discriminator_networks}

    def adversarial(self, maps: list[list[Tensor]], real: bool, generator: bool = False) -> Tensor:
        """The sum over the scales of the adversarial loss (eq. 3)."""
        kind = self.hparams.adversarial
        return torch.stack([adversarial_loss(m[-1], real, kind, generator=generator) for m in maps]).sum()

    def update_both(self, condition: Tensor, fake: Tensor, real: Tensor) -> None:
        """The generator's update, then the discriminator's, both on the same fakes (the authors' code)."""
        hp = self.hparams
        real_maps = self.discriminator(torch.cat([condition, real], 1))
        with self.update("generator") as loss:
            fake_maps = self.discriminator(torch.cat([condition, fake], 1))
            loss["adversarial"] = self.adversarial(fake_maps, True, generator=True)
            if hp.lambda_feature_matching:
                loss["feature_matching"] = hp.lambda_feature_matching * feature_matching_loss(fake_maps, real_maps)
            if hp.lambda_perceptual:
                loss["perceptual"] = hp.lambda_perceptual * PerceptualLoss(hp.perceptual)(fake, real)
        with self.update("discriminator") as loss:
            fake_maps = self.discriminator(torch.cat([condition, fake.detach()], 1))
            loss["fake"] = 0.5 * self.adversarial(fake_maps, False)
            loss["real"] = 0.5 * self.adversarial(real_maps, True)

    def freeze_coarse(self) -> None:
        """Freeze all but the last enhancer in the first epochs (sec. 3.2; the authors' ``niter_fix_global``)."""
        if self.hparams.enhancers:
            for network in (self.generator.trunk, *self.generator.enhancers[:-1]):
                network.requires_grad_(self.current_epoch >= self.hparams.frozen_epochs)

    def on_train_start(self) -> None:
        # A run that is resumed within an epoch gets no start of that epoch.
        super().on_train_start()
        self.freeze_coarse()

    def on_train_epoch_start(self) -> None:
        self.freeze_coarse()

    def lr_factor(self, player: str, progress: int) -> float:
        return linear_decay(progress, self.hparams.epochs, self.hparams.decay_epochs)

    def initial_tensors(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a stage with fewer enhancers, renamed for this one: coarse to fine (sec. 3.2).

        Parts that the coarser stage lacks keep their own tensors: the new enhancers, the last layer if its width
        changes, and the discriminator of the full resolution.
        """
        own = self.state_dict()
        missing = self.hparams.scales - len({k.split(".")[2] for k in tensors if k.startswith("discriminator.scales.")})
        moved = {}
        for name, tensor in tensors.items():
            if name.startswith("discriminator.scales."):
                _, _, scale, rest = name.split(".", 3)
                name = f"discriminator.scales.{int(scale) + missing}.{rest}"
            if not (name.startswith("generator.head.") and tensor.shape != own[name].shape):
                moved[name] = tensor
        new = [f"generator.enhancers.{n}." for n in range(self.hparams.enhancers)] + ["generator.head."]
        new += [f"discriminator.scales.{n}." for n in range(max(missing, 0))]
        return {**{k: v for k, v in own.items() if k.startswith(tuple(new))}, **moved}


class Pix2PixHD(HDMethod, SemanticMethod):
    """pix2pixHD.  The defaults are the first stage of the authors' code: the global generator, 1024x512.

    The second stage is ``enhancers=1, scales=3, frozen_epochs=10, epochs=50, decay_epochs=50``, started with
    ``--init_from`` from a checkpoint of the first.

    Args:
        labels: Number of labels.
        edges: Whether the networks see the boundaries of instances (sec. 3.3).
        width: Channels of the global generator's first layer.
        downs: How many times it halves the resolution.
        blocks: Its residual blocks.
        enhancers: Local enhancers around it (sec. 3.2); each doubles the resolution.
        enhancer_blocks: Residual blocks of each enhancer.
        features: Channels of the instance-wise features (sec. 3.4; the paper's 3); 0 for a model without them.
        encoder_width: Channels of the feature encoder's first layer.
        clusters: Styles per label, found at the end of training among the features of the training set.
        discriminator_width: Channels of the discriminators' first layer.
        scales: Number of discriminators (sec. 3.2): 2 at 1024x512, 3 at 2048x1024.
        adversarial: Adversarial loss.
        lambda_feature_matching: Weight of the feature matching loss (eq. 5).
        lambda_perceptual: Weight of the perceptual loss; 0 leaves it out.
        perceptual: Classifier of the perceptual loss.
        frozen_epochs: First epochs, in which only the last enhancer is trained (sec. 3.2).
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        epochs: Epochs at the full learning rate.
        decay_epochs: Epochs of linear decay after them.
    """

    inference_networks: tuple[str, ...] = ("generator", "encoder")
    encoder: FeatureEncoder

    def __init__(
        self,
        labels: Channels = 35,
        edges: bool = True,
        width: Width = 64,
        downs: Halvings = 4,
        blocks: BlocksOrNone = 9,
        enhancers: HalvingsOrNone = 0,
        enhancer_blocks: BlocksOrNone = 3,
        features: WidthOrNone = 0,
        encoder_width: Width = 16,
        clusters: Positive = 10,
        discriminator_width: Width = 64,
        scales: Halvings = 2,
        adversarial: Literal["lsgan", "vanilla", "hinge"] = "lsgan",
        lambda_feature_matching: Weight = 10.0,
        lambda_perceptual: Weight = 10.0,
        perceptual: Backbone = "vgg19",
        frozen_epochs: Count = 0,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 100,
        decay_epochs: Count = 100,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.generator = HDGenerator(
            self.label_channels + features, 3, width, downs, blocks, enhancers, enhancer_blocks
        )
        init_normal(self.generator, zero_bias=False)
        if features:
            self.encoder = FeatureEncoder(features, encoder_width, labels, clusters)
            init_normal(self.encoder, zero_bias=False)
        else:
            self.inference_networks = ("generator",)

    def forward(self, segmentation: Tensor, style: Tensor | None = None) -> Tensor:
        """(B, label_channels, H, W) and features (B, features, H, W), by default 0, to (B, 3, H, W) in [-1, 1]."""
        if self.hparams.features:
            if style is None:
                batch, _, height, width = segmentation.shape
                style = segmentation.new_zeros(batch, self.hparams.features, height, width)
            segmentation = torch.cat([segmentation, style.to(segmentation)], 1)
        output: Tensor = self.generator(segmentation)
        return output

    @property
    def style_condition(self) -> Condition | None:
        return STYLE if self.hparams.features else None

    @property
    def condition_channels(self) -> int:
        return self.label_channels

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        hp, real = self.hparams, batch["target"]
        label, instance = batch["label"], batch.get("instance")
        segmentation = self.segmentation(label, instance)
        style = self.encoder(real, label if instance is None else instance) if hp.features else None
        self.update_both(segmentation, self(segmentation, style), real)

    @torch.no_grad()
    def on_train_end(self) -> None:
        """Find the styles of each label among the features of the training set."""
        if self.hparams.features:
            self.find_styles(self.trainer.train_dataloader)

    @torch.no_grad()
    def find_styles(self, batches: Any) -> None:
        """Cluster the features of instances that fill at least 1/64 of a picture, label by label (sec. 3.4).

        Args:
            batches: Training batches of ``label``, ``target`` and ``instance`` (optional).
        """
        found: list[list[Tensor]] = [[] for _ in range(self.hparams.labels)]
        for batch in batches:
            label, photo = batch["label"].to(self.device), batch["target"].to(self.device)
            instance = batch["instance"].to(self.device) if "instance" in batch else label
            features = self.encoder(photo, instance)
            for i in range(len(label)):
                ids, counts = torch.unique(instance[i], return_counts=True)
                for object_id, count in zip(ids.tolist(), counts.tolist(), strict=True):
                    if 64 * count >= label[i].numel():
                        y, x = (instance[i] == object_id).nonzero()[0]
                        found[int(label[i, y, x])].append(features[i, :, y, x].float().cpu())
        for label_id, points in enumerate(found):
            if points:
                centres = k_means(torch.stack(points), self.hparams.clusters)
                self.encoder.centres[label_id, : len(centres)] = centres.to(self.encoder.centres)
                self.encoder.clusters[label_id] = len(centres)

    def choose_style(self, label: Tensor, instance: Tensor | None, style: Any, seed: int | None) -> Tensor | None:
        """Features (B, features, H, W) for label maps: those of a photograph, or for each instance a cluster.

        ``style`` is a photograph, or maps ids of instances (or of labels if there are no instances) to numbers of
        clusters of their label.  The clusters of other instances are drawn with ``seed``; without it they are 0.

        The same seed draws the same features for a label map in any batch.

        Raises `ZooError` for an id that is not in the map and for a cluster that its label does not have.
        """
        if not self.hparams.features:
            return None
        objects = label if instance is None else instance
        if style is not None and not isinstance(style, Mapping):
            photo = self.read_style(style, objects.shape[-2:])
            of_photo: Tensor = self.encoder(photo.expand(len(objects), -1, -1, -1), objects)
            return of_photo
        chosen = {int(key): int(value) for key, value in (style or {}).items()}
        if unknown := sorted(set(chosen) - set(torch.unique(objects).tolist())):
            raise ZooError(f"style names the instance {unknown[0]}, which is not in the map; name one that is.")
        features = torch.zeros(len(label), self.hparams.features, *label.shape[-2:], device=self.device)
        for i in range(len(label)):
            random = torch.Generator().manual_seed(seed or 0)
            for object_id in torch.unique(objects[i]).tolist():
                where = objects[i] == object_id
                label_id = int(label[i][where][0])
                count = int(self.encoder.clusters[label_id])
                cluster = int(torch.randint(max(count, 1), (), generator=random)) if seed is not None else 0
                cluster = chosen.get(object_id, cluster)
                if object_id in chosen and not 0 <= cluster < count:
                    raise ZooError(f"style asks for cluster {cluster} of {object_id}; its label has {count}.")
                features[i][:, where] = self.encoder.centres[label_id, cluster, :, None].to(features)
        return features


class Pix2PixHDPaired(HDMethod, PairedMethod):
    """pix2pixHD from picture to picture, without labels (the authors' ``--label_nc 0 --no_instance``).

    Args:
        in_channels: Channels of the source.
        out_channels: Channels of the target.
        width, downs, blocks, enhancers, enhancer_blocks, discriminator_width, scales, adversarial: See `Pix2PixHD`.
        lambda_feature_matching, lambda_perceptual, perceptual, frozen_epochs: See `Pix2PixHD`.
        lr, betas, epochs, decay_epochs: See `Pix2PixHD`.
    """

    def __init__(
        self,
        in_channels: Channels = 3,
        out_channels: Channels = 3,
        width: Width = 64,
        downs: Halvings = 4,
        blocks: BlocksOrNone = 9,
        enhancers: HalvingsOrNone = 0,
        enhancer_blocks: BlocksOrNone = 3,
        discriminator_width: Width = 64,
        scales: Halvings = 2,
        adversarial: Literal["lsgan", "vanilla", "hinge"] = "lsgan",
        lambda_feature_matching: Weight = 10.0,
        lambda_perceptual: Weight = 10.0,
        perceptual: Backbone = "vgg19",
        frozen_epochs: Count = 0,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 100,
        decay_epochs: Count = 100,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.generator = HDGenerator(in_channels, out_channels, width, downs, blocks, enhancers, enhancer_blocks)
        init_normal(self.generator, zero_bias=False)

    @property
    def condition_channels(self) -> int:
        channels: int = self.hparams.in_channels
        return channels

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        self.update_both(batch["source"], self.generator(batch["source"]), batch["target"])
