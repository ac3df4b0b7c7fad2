"""DCGAN: pictures from noise (Radford et al. 2016, arXiv:1511.06434)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from i2i_zoo.annotations import Betas, Channels, LearningRate, Side, Width
from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from i2i_zoo.networks.initialization import init_normal
from i2i_zoo.tasks.clips import NoiseTask
from i2i_zoo.tasks.sampler import Sampler

from .base import Method

#: How the values of a code are drawn: evenly from [-1, 1), or from N(0, 1).
Prior = Literal["uniform", "normal"]


class PictureSampler(Sampler):
    """Pictures (B, channels, size, size) from codes."""

    task: DCGAN

    def noise(self, random: torch.Generator) -> Tensor:
        return self.task.draw_codes(1, random)[0]

    @property
    def layout(self) -> Mapping[str, Mapping[str, Any]]:
        return {"code": {"length": self.task.hparams.latent, "distribution": self.task.hparams.prior}}

    def forward(self, noise: Tensor) -> Tensor:
        pictures: Tensor = self.task(noise)
        return pictures


class DCGAN(NoiseTask, Method):
    """DCGAN.  The defaults are those of dcgan.torch, code by an author of the paper, with the prior of the paper.

    It trains on all frames of the clips in a batch, as single pictures; clips of one frame are enough.

    Args:
        channels: Channels of the pictures.
        size: Height and width of the pictures, a multiple of 16.
        latent: Length of the code.
        prior: How codes are drawn; the paper has ``uniform``, dcgan.torch ``normal``.
        width: Channels of the generator's last hidden layer; 128 in the paper.
        discriminator_width: Channels of the discriminator's first layer.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.

    Raises:
        ZooError: For a size that is not a multiple of 16.
    """

    def __init__(
        self,
        channels: Channels = 3,
        size: Side = 64,
        latent: Width = 100,
        prior: Prior = "uniform",
        width: Width = 64,
        discriminator_width: Width = 64,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.generator = init_normal(DCGANGenerator(latent, channels, width, size))

    def configure_model(self) -> None:
        if not hasattr(self, "discriminator"):
            hp = self.hparams
            self.discriminator = init_normal(DCGANDiscriminator(hp.channels, hp.discriminator_width, hp.size))

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The discriminator's update, then the generator's on the same codes."""
        pictures = batch["video"].flatten(0, 1)
        fake = self(self.draw_codes(len(pictures)))
        with self.update("discriminator") as loss:
            loss["real"] = adversarial_loss(self.discriminator(pictures), True)
            loss["fake"] = adversarial_loss(self.discriminator(fake.detach()), False)
        with self.update("generator") as loss:
            loss["adversarial"] = adversarial_loss(self.discriminator(fake), True)

    def draw_codes(self, count: int, random: torch.Generator | None = None) -> Tensor:
        """Codes (count, latent) from the prior, on the device of the model; with a generator, on the CPU."""
        device = self.device if random is None else None
        shape = (count, self.hparams.latent)
        if self.hparams.prior == "normal":
            return torch.randn(shape, generator=random, device=device)
        return torch.rand(shape, generator=random, device=device) * 2 - 1

    def forward(self, code: Tensor) -> Tensor:
        """Codes (B, latent) to pictures (B, channels, size, size) in [-1, 1]."""
        pictures: Tensor = self.generator(code)
        return pictures

    def make_sampler(self, **chosen: Any) -> PictureSampler:
        return PictureSampler(self)

    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """``output`` and ``target``, the first frame of each clip, as pictures (B, channels, size, size)."""
        return {"output": outputs["output"], "target": outputs["video"][:, 0]}

    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Made and real pictures."""
        return [outputs["output"], outputs["video"][:, 0]]

    def remedies(self, failure: str, direction: str) -> Sequence[str]:
        return ("lower --model.lr",)
