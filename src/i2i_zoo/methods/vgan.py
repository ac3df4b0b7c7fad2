"""VGAN: clips from noise with a background that stands still (Vondrick et al. 2016, arXiv:1609.02612)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, Channels, LearningRate, Positive, Side, Weight, Width
from i2i_zoo.errors import ZooError
from i2i_zoo.networks.vgan import Streams, Variant, VGANDiscriminator, VGANGenerator, init_vgan
from i2i_zoo.tasks.clips import FRAME, ClipSampler, ClipsTask
from i2i_zoo.tasks.conditions import Condition, check_conditions
from i2i_zoo.tasks.graph import Graph
from i2i_zoo.tasks.kinds import Choice, Picture
from i2i_zoo.tasks.paired import noise

from .base import Method

PART = Condition(
    "part", Choice(Streams._fields), "what of a clip is made: all of it or one part", label="Part", default="clip"
)


class VGANSampler(ClipSampler):
    """Clips, or a part of them, from codes (B, latent), or from first frames (B, channels, size, size).

    Args:
        task: The model.
        part: A field of `Streams`.  The background has one frame; a mask is 1 where the foreground is, -1 elsewhere.
        frame: The first frame (1, channels, size, size) of all clips, whatever their codes, for a conditional model.
    """

    task: VGAN

    def __init__(self, task: VGAN, part: str, frame: Tensor | None) -> None:
        super().__init__(task)
        self.part, self.frame = part, frame

    def noise(self, random: torch.Generator) -> Tensor:
        return self.task.draw_codes(1, random)[0]

    @property
    def layout(self) -> Mapping[str, Mapping[str, Any]]:
        return {"code": {"length": self.task.hparams.latent, "distribution": "normal"}}

    def forward(self, source: Tensor) -> Tensor:
        if self.frame is not None:
            source = self.frame.to(source).expand(source.shape[0], -1, -1, -1)
        made: Tensor = getattr(self.task.streams(source), self.part)
        return made * 2 - 1 if self.part == "mask" else made


class VGAN(ClipsTask, Method):
    """VGAN.  The defaults are those of the authors' model of two streams.

    The conditional model makes clips that begin with a given frame, without noise and without a sparsity loss; the
    authors' has ``width=128, discriminator_width=128``.

    Args:
        channels: Channels of the clips.
        size: Height and width of the clips, a multiple of 16.
        frames: Frames of the clips, a multiple of 16.
        latent: Length of the code.
        variant: ``two_stream``: a foreground moves before a background, by a mask; ``one_stream``: one network makes
            everything; ``conditional``: two streams that begin with a frame.
        width: Channels of the generator's last hidden layer.
        discriminator_width: Channels of the discriminator's first layer.
        lambda_mask: Weight of the mean of the mask with ``two_stream``, so that little is foreground.
        lambda_first: Weight of the L1 distance of the first frames with ``conditional``.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.

    Raises:
        ZooError: For a size or a number of frames that is no multiple of 16.
    """

    def __init__(
        self,
        channels: Channels = 3,
        size: Side = 64,
        frames: Positive = 32,
        latent: Width = 100,
        variant: Variant = "two_stream",
        width: Width = 64,
        discriminator_width: Width = 64,
        lambda_mask: Weight = 0.1,
        lambda_first: Weight = 10.0,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.generator = init_vgan(VGANGenerator(channels, frames, size, latent, width, variant))

    def configure_model(self) -> None:
        if not hasattr(self, "discriminator"):
            hp = self.hparams
            self.discriminator = init_vgan(VGANDiscriminator(hp.channels, hp.frames, hp.size, hp.discriminator_width))

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The discriminator's update, then the generator's for the same clips (the authors' code)."""
        video, hp = batch["video"], self.hparams
        conditional = hp.variant == "conditional"
        made = self.streams(video[:, 0] if conditional else self.draw_codes(len(video)))
        with self.update("discriminator") as loss:
            loss["real"] = self.judge(video, True)
            loss["fake"] = self.judge(made.clip.detach(), False)
        with self.update("generator") as loss:
            loss["adversarial"] = self.judge(made.clip, True)
            if conditional:
                loss["first"] = hp.lambda_first * F.l1_loss(made.clip[:, 0], video[:, 0])
            elif made.mask is not None:
                loss["mask"] = hp.lambda_mask * made.mask.mean()

    def judge(self, clips: Tensor, real: bool) -> Tensor:
        """The discriminator's cross-entropy for the verdict ``real`` on clips (B, T, C, H, W)."""
        logits = self.discriminator(clips)
        return F.cross_entropy(logits, torch.full((len(logits),), int(real), device=logits.device))

    def draw_codes(self, count: int, random: torch.Generator | None = None) -> Tensor:
        """Codes (count, latent) from N(0, 1), on the device of the model; with a generator, on the CPU."""
        device = self.device if random is None else None
        return torch.randn(count, self.hparams.latent, generator=random, device=device)

    def streams(self, source: Tensor) -> Streams:
        """Codes (B, latent), or first frames (B, channels, size, size) in [-1, 1], to clips and their parts."""
        made: Streams = self.generator(source)
        return made

    def forward(self, source: Tensor) -> Tensor:
        """Codes (B, latent), or first frames, to clips (B, frames, channels, size, size) in [-1, 1]."""
        return self.streams(source).clip

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return {"two_stream": (PART,), "one_stream": (), "conditional": (FRAME, PART)}[self.hparams.variant]

    def make_sampler(self, part: str = "clip", frame: Picture | None = None) -> VGANSampler:
        """Raises `ZooError` if the frame cannot be read."""
        return VGANSampler(self, part, None if frame is None else self.read_frame(frame))

    def graph(self, **conditions: Any) -> Graph:
        """The sampler: codes to clips; of a conditional model, the first frame to a clip."""
        if self.hparams.variant != "conditional":
            return super().graph(**conditions)
        if "frame" in conditions:
            raise ZooError("The exported graph takes the frame as an input: leave out frame.")
        hp, part = self.hparams, check_conditions(type(self).__name__, (PART,), conditions)
        facts = {"channels": hp.channels, "size": hp.size, "preprocess": self.preprocess.to_json()}

        def inputs(batch: int, height: int, width: int) -> dict[str, Tensor]:
            return {"frame": noise(batch, hp.channels, hp.size, hp.size)}

        return Graph(self.make_sampler(**part), inputs, fixed_inputs=("frame",), facts=facts)

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Clips that begin as those of the batch do, or as many from noise."""
        if self.hparams.variant == "conditional":
            return self.forward(batch["video"][:, 0])
        return super().predict_step(batch, batch_idx)

    def remedies(self, failure: str, direction: str) -> Sequence[str]:
        if failure == "diversity":
            return ("lower --model.lr",)
        masked = self.hparams.variant == "two_stream"
        return {
            "motion": ("lower --model.lambda_mask" if masked else "raise --model.discriminator_width",),
            "flicker": ("raise --model.lambda_mask" if masked else "use --model.variant two_stream",),
        }[failure]
