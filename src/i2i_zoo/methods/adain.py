"""AdaIN: pictures in the style of any other picture (Huang, Belongie 2017, arXiv:1703.06868)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, LearningRate, Weight, Width
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.perceptual import PerceptualLoss
from i2i_zoo.losses.style import statistics_distance, statistics_loss
from i2i_zoo.networks.adain import StyleDecoder, StyleEncoder, masked_statistics
from i2i_zoo.networks.normalization import adain, channel_statistics
from i2i_zoo.pretrained.backbones import Backbone
from i2i_zoo.tasks.style import StyleTask

from .base import Method


class AdaIN(StyleTask, Method):
    """AdaIN.  The defaults are those of its PyTorch port, naoto0804/pytorch-AdaIN.

    Only the decoder is trained.  The encoder must be trained already: start from a checkpoint.

    As in the port, the style loss is a mean over channels, and variances are those of a sample.  The authors' Lua code
    sums over channels, with a weight of 0.01 or 0.1, and has the variances of a population.

    Args:
        width: Channels of the encoder's first stage: 64 is VGG-19.
        new_decoder: Take only the encoder from the checkpoint that training starts from.
        lambda_content: Weight of the content loss (eq. 12).
        lambda_style: Weight of the style loss (eq. 13).
        lambda_identity: Weight of the squared difference between contents and what the decoder makes of their own
            codes.  Raise it from the paper's 0 if ``alpha=0`` does not return the content.
        perceptual: Frozen classifier whose features the losses compare, at its first four levels; by default they
            compare those of the encoder.
        lr: Learning rate of Adam.
        lr_decay: The learning rate is divided by 1 + lr_decay * batches.
        betas: Decay rates of Adam's moments.
    """

    inference_networks: tuple[str, ...] = ("encoder", "decoder")
    discriminator_networks: tuple[str, ...] = ()
    schedule_by_batch = True

    def __init__(
        self,
        width: Width = 64,
        new_decoder: bool = False,
        lambda_content: Weight = 1.0,
        lambda_style: Weight = 10.0,
        lambda_identity: Weight = 0.0,
        perceptual: Backbone | None = None,
        lr: LearningRate = 1e-4,
        lr_decay: Weight = 5e-5,
        betas: Betas = (0.9, 0.999),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.encoder = StyleEncoder(width).requires_grad_(False)
        for parameter in self.encoder.parameters():
            nn.init.zeros_(parameter)  # `on_fit_start` recognises an encoder without a checkpoint
        self.decoder = StyleDecoder(width)

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {"decoder": ("decoder",)}

    def initial_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The checkpoint's encoder, and its decoder unless ``new_decoder`` is set."""
        if not self.hparams.new_decoder:
            return tensors
        ours = {f"decoder.{name}": tensor for name, tensor in self.decoder.state_dict().items()}
        return {**{name: tensor for name, tensor in tensors.items() if name.startswith("encoder.")}, **ours}

    def on_fit_start(self) -> None:
        if not any(parameter.any() for parameter in self.encoder.parameters()):
            raise ZooError(
                "AdaIN trains a decoder for an encoder that is trained already: start with --init_from adain or, "
                "at --model.width 32, with --init_from adain-small."
            )

    def lr_factor(self, player: str, progress: int) -> float:
        factor: float = 1 / (1 + self.hparams.lr_decay * progress)
        return factor

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The decoder's update (sec. 6.2)."""
        with torch.no_grad():
            own, style = self.encoder(batch["content"]), self.encoder.maps(batch["style"])
            code = target = adain(own, *channel_statistics(style[-1]))
            if self.hparams.perceptual is not None:
                style, target = self.targets(batch["content"], batch["style"])
            wanted = [channel_statistics(maps) for maps in style]
            del style  # tens of megabytes
        with self.update("decoder") as loss:
            found = self.maps(self.decoder(code))
            loss["content"] = self.hparams.lambda_content * F.mse_loss(found[-1], target)
            loss["style"] = self.hparams.lambda_style * statistics_distance(found, wanted)
            if self.hparams.lambda_identity:
                loss["identity"] = self.hparams.lambda_identity * F.mse_loss(self.decoder(own), batch["content"])

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """The four maps that the losses compare, of pictures (B, 3, H, W) in [-1, 1]."""
        name = self.hparams.perceptual
        if name is None:
            own: list[Tensor] = self.encoder.maps(pictures)
            return own
        with torch.inference_mode(False):  # weights that a validation loads are used in training too
            loss = PerceptualLoss(name)
            loss.features.to(pictures.device)
        return loss.maps(pictures)[:4]

    def targets(self, content: Tensor, style: Tensor) -> tuple[list[Tensor], Tensor]:
        """The `maps` of styles, and the last map that a content should have in them (eq. 8)."""
        wanted = self.maps(style)
        return wanted, adain(self.maps(content)[-1], *channel_statistics(wanted[-1]))

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """(B, 3, H, W) and (B or 1, 3, h, w) in [-1, 1] to (B, 3, 8 ceil(H/8), 8 ceil(W/8)), not bounded."""
        output: Tensor = self.decoder(adain(self.encoder(content), *channel_statistics(self.encoder(style))))
        return output

    def statistics(self, features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Means and standard deviations (B, C, 1, 1) of features (B, C, h, w), or under a mask (1, 1, h, w)."""
        return channel_statistics(features) if mask is None else masked_statistics(features, mask)

    def restyle(self, features: Tensor, own: tuple[Tensor, Tensor], style: tuple[Tensor, Tensor]) -> Tensor:
        """Features whose own `statistics` are replaced by those of a style (eq. 8)."""
        return torch.addcmul(style[0], features - own[0], style[1] / own[1])

    def style_distances(self, content: Tensor, style: Tensor, output: Tensor) -> dict[str, Tensor]:
        """``content_loss`` and ``style_loss`` without their weights; all pictures are (B, 3, H, W) in [-1, 1]."""
        style_maps, target = self.targets(content, style)
        found = self.maps(output)
        return {"content_loss": F.mse_loss(found[-1], target), "style_loss": statistics_loss(found, style_maps)}
