"""TGAN: clips from noise by a generator in time and one of pictures (Saito et al. 2017, arXiv:1611.06624)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo import lightning_private
from i2i_zoo.annotations import Channels, Count, Ge, Le, LearningRate, Positive, Side, Weight, Width
from i2i_zoo.losses.adversarial import adversarial_loss, clip_weights
from i2i_zoo.networks.tgan import (
    ClipDiscriminator,
    ImageGenerator,
    TemporalGenerator,
    clip_singular_values,
    init_tgan,
    resampled,
    unrecorded,
)
from i2i_zoo.tasks.clips import ClipSampler, ClipsTask

from .base import Method


class TGANSampler(ClipSampler):
    """Clips (B, frames, channels, size, size) from codes (B, latent)."""

    task: TGAN

    def __init__(self, task: TGAN, frames: int | None) -> None:
        super().__init__(task)
        self.frames = frames

    def noise(self, random: torch.Generator) -> Tensor:
        return self.task.draw_codes(1, random)[0]

    @property
    def layout(self) -> Mapping[str, Mapping[str, Any]]:
        return {"code": {"length": self.task.hparams.latent, "distribution": "uniform"}}

    def forward(self, noise: Tensor) -> Tensor:
        clips: Tensor = self.task(noise, self.frames)
        return clips


class TGAN(ClipsTask, Method):
    """TGAN.  The defaults are those of the authors' code for UCF-101 with singular value clipping.

    The authors' other losses: weight clipping ``clip_every=0, weight_limit=0.01``; vanilla ``adversarial="vanilla",
    clip_every=0, noise=0.3``.  Their LSGAN has the targets 1, -1 and, for the generators, 0; in their code the
    discriminator's step also adds the gradient of the generators' loss, which is left out here.

    Sampled clips of another length show the same motion, faster or slower: the codes of frames are interpolated.

    Args:
        channels: Channels of the clips.
        size: Height and width of the clips, a multiple of 16.
        frames: Frames of the clips, a multiple of 16.
        latent: Length of the codes of clips and frames.
        width: Channels of the image generator's last hidden layer; the temporal generator begins with 16 times as many.
        discriminator_width: Channels of the discriminator's first layer.
        shift: Whether batch norms of the temporal generator and of the discriminator add a shift.
        noise: Deviation of the noise before the discriminator's activations.
        init: Initial weights of the temporal generator and of the discriminator: ``lecun``, or ``uniform`` from
            [-0.01, 0.01] as for golf and Moving MNIST.  Those of the image generator are always uniform.
        adversarial: The adversarial loss.
        clip_every: Every so many steps, singular values of the discriminator are clipped to 1; 0 for never.
        weight_limit: After every step, the discriminator's weights are clipped to this; 0 for no limit.
        lr: Learning rate of RMSprop.

    Raises:
        ZooError: For a size or a number of frames that is no multiple of 16.
    """

    inference_networks: tuple[str, ...] = ("temporal_generator", "image_generator")
    any_length = True

    def __init__(
        self,
        channels: Channels = 3,
        size: Side = 64,
        frames: Positive = 16,
        latent: Width = 100,
        width: Width = 32,
        discriminator_width: Width = 64,
        shift: bool = False,
        noise: Weight = 0.0,
        init: Literal["lecun", "uniform"] = "lecun",
        adversarial: Literal["wgan", "vanilla", "lsgan"] = "wgan",
        clip_every: Count = 5,
        weight_limit: Annotated[float, Ge(0), Le(1e6)] = 0.0,
        lr: LearningRate = 5e-5,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.temporal_generator = TemporalGenerator(frames, latent, width, shift)
        self.image_generator = ImageGenerator(channels, latent, width, size)
        init_tgan(self.temporal_generator, uniform=init == "uniform")
        init_tgan(self.image_generator, uniform=True)

    def configure_model(self) -> None:
        if not hasattr(self, "discriminator"):
            hp = self.hparams
            self.discriminator = ClipDiscriminator(
                hp.channels, hp.frames, hp.size, hp.discriminator_width, hp.shift, hp.noise
            )
            init_tgan(self.discriminator, uniform=hp.init == "uniform")

    @property
    def main_network(self) -> Any:
        return self.image_generator

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {"generator": self.inference_networks, "discriminator": self.discriminator_networks}

    def configure_optimizer(self, player: str, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """RMSprop with the authors' values."""
        return torch.optim.RMSprop(parameters, lr=self.hparams.lr, alpha=0.99, eps=1e-8)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The generators' update, the discriminator's for the same clips, and clipping, in the authors' order."""
        video = batch["video"]
        fake = self(self.draw_codes(len(video)))
        with self.update("generator") as loss, unrecorded(self.discriminator):
            loss["adversarial"] = self.judge(fake, "fool")
        with self.update("discriminator") as loss:
            loss["fake"] = self.judge(fake.detach(), "fake")
            loss["real"] = self.judge(video, "real")
        every = self.hparams.clip_every
        if every and (lightning_private.batches_done(self.trainer) + 1) % every == 0:
            for name, statistic in self.discriminator.named_buffers():
                if name.endswith("running_var"):  # else the scales of several processes would part
                    statistic.copy_(self.trainer.strategy.reduce(statistic, reduce_op="mean"))
            clip_singular_values(self.discriminator)
        if self.hparams.weight_limit:
            clip_weights(self.discriminator, self.hparams.weight_limit)

    def draw_codes(self, count: int, random: torch.Generator | None = None) -> Tensor:
        """Codes (count, latent), even in [-1, 1), on the device of the model; with a generator, on the CPU."""
        device = self.device if random is None else None
        return torch.rand(count, self.hparams.latent, generator=random, device=device) * 2 - 1

    def judge(self, clips: Tensor, role: Literal["real", "fake", "fool"]) -> Tensor:
        """The loss for clips (B, T, C, H, W): the discriminator's, real or fake, or the generators', which fool it."""
        logits = self.discriminator(clips).float()
        if self.hparams.adversarial == "lsgan":
            target = {"real": 1.0, "fake": -1.0, "fool": 0.0}[role]
            return F.mse_loss(logits, torch.full_like(logits, target))
        kind = "vanilla" if self.hparams.adversarial == "vanilla" else "wgangp"
        return adversarial_loss(logits, role != "fake", kind)

    def forward(self, code: Tensor, frames: int | None = None) -> Tensor:
        """Codes (B, latent) to clips (B, frames, channels, size, size) in [-1, 1]; None for the trained length."""
        codes = self.temporal_generator(code)
        clips: Tensor = self.image_generator(code, codes if frames is None else resampled(codes, frames))
        return clips

    def make_sampler(self, frames: int | None = None) -> TGANSampler:
        return TGANSampler(self, frames)

    def remedies(self, failure: str, direction: str) -> Sequence[str]:
        return ("lower --model.lr",) if failure == "diversity" else ("raise --model.discriminator_width",)
