"""FastStyle: a feed-forward network for one style (Johnson, Alahi, Fei-Fei 2016, arXiv:1603.08155)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, LearningRate, Side, Weight, Width
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.style import gram, gram_loss, loss_maps, total_variation
from i2i_zoo.networks.fast_style import FastStyleNet
from i2i_zoo.tasks import OneStyleTask
from i2i_zoo.tasks.translator import padded

from .base import Method


class FastStyle(OneStyleTask, Method):
    """FastStyle.  The defaults are those of PyTorch's example, fast_neural_style, not of Johnson et al.

    Instance norm (Ulyanov, Vedaldi, Lempitsky 2017) removes the contrast of the content.  The paper has
    ``norm="batch"``.

    Args:
        style: File of the picture whose style is learned.  Training needs it, and the metric ``style_loss``.
        style_size: Shorter side in pixels to resize the style to; by default it keeps its size.
        width: Channels of the generator's first layer.
        norm: Normalisation of the generator.
        backbone: Network whose features are compared: VGG-16, the VGG-16 of HED, or the encoder of adain-small; the
            last two need other weights of the losses.
        lambda_content: Weight of the content loss (eq. 2).
        lambda_style: Weight of the style loss (eq. 4).
        lambda_tv: Weight of the total variation (sec. 3.2); 0 leaves it out.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
    """

    discriminator_networks: tuple[str, ...] = ()

    def __init__(
        self,
        style: str | None = None,
        style_size: Side | None = None,
        width: Width = 32,
        norm: Literal["instance", "batch"] = "instance",
        backbone: Literal["vgg16", "vgg16_hed", "small"] = "vgg16",
        lambda_content: Weight = 1e5,
        lambda_style: Weight = 1e10,
        lambda_tv: Weight = 0.0,
        lr: LearningRate = 1e-3,
        betas: Betas = (0.9, 0.999),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.generator = FastStyleNet(width, norm)

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {"generator": ("generator",)}

    def forward(self, content: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] to (B, 3, H, W), not bounded; H and W multiples of 4."""
        output: Tensor = self.generator(content)
        return output

    @cached_property
    def style_grams(self) -> list[Tensor]:
        """The Gram matrices of the style, (1, C, C) for each layer."""
        with torch.inference_mode(False), torch.no_grad():
            style = self.read_style(self.hparams.style, self.hparams.style_size)
            return [gram(features) for features in loss_maps(self.hparams.backbone, style.to(self.device))]

    def on_fit_start(self) -> None:
        if self.hparams.style is None:
            raise ZooError("FastStyle learns the style of one picture: give its file, --model.style FILE.")
        _ = self.style_grams  # an unreadable file raises here, before the first step

    def style_distances(self, content: Tensor, output: Tensor) -> dict[str, Tensor]:
        """``content_loss``, and ``style_loss`` if there is a style, without their weights.

        ``content`` and ``output`` are (B, 3, H, W) in [-1, 1]; ``content`` gets no gradient.
        """
        with torch.no_grad():
            wanted = loss_maps(self.hparams.backbone, content, content=True)
        found = loss_maps(self.hparams.backbone, output)
        distances = {"content_loss": F.mse_loss(found[len(wanted) - 1].float(), wanted[-1].float())}
        if self.hparams.style is not None:
            distances["style_loss"] = gram_loss(found, [style.to(output.device) for style in self.style_grams])
        return distances

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The generator's update."""
        hp = self.hparams
        with self.update("generator") as loss:
            # Not clamped: that would stop gradients.
            output = padded(self.generator, batch["content"], self.generator.stride, self.generator.smallest)
            distances = self.style_distances(batch["content"], output)
            loss["content"] = hp.lambda_content * distances["content_loss"]
            loss["style"] = hp.lambda_style * distances["style_loss"]
            if hp.lambda_tv:
                loss["tv"] = hp.lambda_tv * total_variation(output)
