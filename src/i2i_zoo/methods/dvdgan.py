"""DVD-GAN: clips of a class, judged as frames and as small clips (Clark et al. 2019, arXiv:1907.06571)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from i2i_zoo.annotations import Betas, Channels, Ge, Le, LearningRate, Positive, Width
from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.networks.dvdgan import SHORTEST, VOLUMES, ClipDiscriminator, ClipGenerator, ClipSize, downsampled
from i2i_zoo.tasks.clips import ActionClipsTask, ClipSampler
from i2i_zoo.tasks.conditions import Condition
from i2i_zoo.tasks.kinds import Number, Whole

from .base import Method


class ClassSampler(ClipSampler):
    """Clips of one class or of random ones.  A longer clip begins as a shorter one.

    Args:
        task: The model.
        frames: How many frames a clip has.
        action: The class of all clips.
        truncation: Latents lie within -truncation and truncation.
    """

    task: DVDGAN

    def __init__(self, task: DVDGAN, frames: int, action: int | None = None, truncation: float | None = None) -> None:
        super().__init__(task)
        self.frames, self.action, self.truncation = frames, action, truncation

    def noise(self, random: torch.Generator) -> Tensor:
        """Latent and class in a row; the class is one-hot, since 16 bits do not hold every whole number."""
        hp = self.task.hparams
        latent = torch.randn(hp.latent, generator=random)
        action = torch.randint(hp.classes, (), generator=random) if self.action is None else torch.tensor(self.action)
        if self.truncation is not None:
            latent = truncated(latent, self.truncation)
        return torch.cat([latent, nn.functional.one_hot(action, hp.classes)])

    @property
    def layout(self) -> Mapping[str, Mapping[str, Any]]:
        hp, limit = self.task.hparams, self.truncation
        drawn = "normal" if limit is None else f"normal, between {-limit:g} and {limit:g}"
        chosen = "one-hot" if self.action is None else f"one-hot, the class {self.action}"
        return {
            "latent": {"length": hp.latent, "distribution": drawn},
            "action": {"length": hp.classes, "distribution": chosen},
        }

    def forward(self, noise: Tensor) -> Tensor:
        latent, action = noise.tensor_split([self.task.hparams.latent], 1)
        clips: Tensor = self.task(latent, action.argmax(1), self.frames)
        return clips


class DVDGAN(ActionClipsTask, Method):
    """DVD-GAN, by the second version of the paper; `i2i_zoo.networks.dvdgan` says where its networks come from.

    The authors published no code.  From the paper: a latent and an embedding of 120 values each, 8 frames for the
    spatial discriminator, 2x2 averages for the temporal one, the hinge loss, two updates of the discriminators for each
    of the generator, orthogonal weights, spectral norm, and (version 2) the learning rates.  It trains with batches of
    512 and samples with a moving average of the generator's weights, of decay 0.9999 from step 20,000 on: the callback
    ``EMA``.

    Open in the paper, and chosen here: the widths (BigGAN's); Adam's betas (BigGAN's and DGMR's); that each
    discriminator has a hinge loss of its own, as in DGMR; that all updates of a batch see its clips, with new latents
    and frames; and that clips are made of the classes of the batch.

    Batches have ``action`` (B,), the class of each clip, unless there is one class only.

    Args:
        channels: Channels of a frame.
        size: Height and width of a frame; 64, 128 and 256 in the paper.
        frames: Length of the training clips; 12 and 48 in the paper.  Clips of any length can be made.
        classes: How many classes there are; 600 in Kinetics-600.  One class means none.
        latent: Length of the latent.
        embedding: Length of a class's embedding.
        width: Width of the generator; the multiples of it are in `GENERATOR_WIDTHS`.
        discriminator_width: Width of the discriminators; the multiples of it are in `DISCRIMINATOR_WIDTHS`.
        judged_frames: How many frames of a clip the spatial discriminator sees, the paper's k.
        discriminator_steps: Updates of the discriminators for each of the generator.
        lr: Learning rate of the generator's Adam.
        discriminator_lr: The discriminators'.
        betas: Decay rates of Adam's moments.
    """

    any_length = True
    classes_option = "classes"
    without_actions = "classes=1"
    discriminator_networks: tuple[str, ...] = ("spatial_discriminator", "temporal_discriminator")

    def __init__(
        self,
        channels: Channels = 3,
        size: ClipSize = 64,
        frames: Annotated[int, Ge(SHORTEST), Le(1024)] = 12,
        classes: Width = 600,
        latent: Width = 120,
        embedding: Width = 120,
        width: Width = 96,
        discriminator_width: Width = 96,
        judged_frames: Positive = 8,
        discriminator_steps: Annotated[int, Ge(1), Le(100)] = 2,
        lr: LearningRate = 1e-4,
        discriminator_lr: LearningRate = 5e-4,
        betas: Betas = (0.0, 0.999),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.generator = ClipGenerator(channels, classes, latent, embedding, width, size, frames)

    def configure_model(self) -> None:
        if not hasattr(self, "temporal_discriminator"):
            hp = self.hparams
            options = hp.channels, hp.classes, hp.discriminator_width, hp.size
            self.spatial_discriminator = ClipDiscriminator(*options)
            self.temporal_discriminator = ClipDiscriminator(*options, volumes=VOLUMES)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The updates of both discriminators, then the generator's, each with new latents and frames."""
        video = batch["video"]
        action = (
            batch["action"] if self.needs_actions else torch.zeros(len(video), dtype=torch.long, device=self.device)
        )
        for _ in range(self.hparams.discriminator_steps):
            with self.update("discriminator") as loss:
                clips = torch.cat([video, self.made(action)])
                for name, scores in self.scores(clips, action.repeat(2)):
                    real, fake = scores.chunk(2)
                    loss[f"{name}_real"] = adversarial_loss(real, True, "hinge")
                    loss[f"{name}_fake"] = adversarial_loss(fake, False, "hinge")
        with self.update("generator") as loss:
            for name, scores in self.scores(self.made(action), action):
                loss[name] = adversarial_loss(scores, True, "hinge", generator=True)

    def made(self, action: Tensor) -> Tensor:
        """A clip of the training clips' length for each class (B,), from new latents."""
        latent = torch.randn(len(action), self.hparams.latent, device=self.device)
        clips: Tensor = self(latent, action)
        return clips

    def scores(self, clips: Tensor, action: Tensor) -> Iterator[tuple[str, Tensor]]:
        """What each discriminator, by its name, says of clips (B, T, C, H, W) of classes (B,): (B,)."""
        yield "spatial", self.spatial_discriminator(self.some_frames(clips), action)
        yield "temporal", self.temporal_discriminator(downsampled(clips), action)

    def some_frames(self, clips: Tensor) -> Tensor:
        """Different random frames of each clip, (B, judged_frames, C, H, W); all of them if there are no more."""
        order = torch.rand(clips.shape[:2], device=self.device).argsort(1)[:, : self.hparams.judged_frames]
        return clips[torch.arange(len(clips), device=self.device)[:, None], order]

    @property
    def needs_actions(self) -> bool:
        return bool(self.hparams.classes > 1)

    def forward(self, latent: Tensor, action: Tensor, frames: int | None = None) -> Tensor:
        """Latents (B, latent) and classes (B,) to clips (B, frames, channels, size, size) in [-1, 1].

        ``frames`` is the length of the training clips if it is None.
        """
        clips: Tensor = self.generator(latent, action, frames or self.hparams.frames)
        return clips

    @property
    def conditions(self) -> tuple[Condition, ...]:
        highest: int = self.hparams.classes - 1
        action = Condition("action", Whole(0, highest), "the class of all clips; by default a random one for each")
        return (
            *super().conditions,
            *([action] if self.needs_actions else []),
            Condition(
                "truncation", Number(0), "draw latents within this distance of 0: better clips, but fewer kinds of them"
            ),
        )

    def make_sampler(self, frames: int | None = None, **chosen: Any) -> ClassSampler:
        return ClassSampler(self, frames or self.hparams.frames, **chosen)

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output`` and, if there are classes, ``output_action`` (B,), those of the output."""
        outputs = super().validation_step(batch, batch_idx)
        if not self.needs_actions:
            return outputs
        classes = self.make_sampler().noises(self.places(batch), batch_idx)[:, self.hparams.latent :]
        return {**outputs, "output_action": classes.argmax(1).to(self.device)}

    test_step = validation_step

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        example: Mapping[str, Tensor] = super().example_batch(batch, height, width)
        return {**example, "action": torch.randint(self.hparams.classes, (batch,))}


def truncated(latent: Tensor, limit: float) -> Tensor:
    """A latent from N(0, 1) to one within [-limit, limit], distributed as if values beyond it were drawn again.

    This is BigGAN's truncation trick (Brock et al. 2019, sec. 3.1).  A value keeps its rank, so a lower limit moves a
    latent towards 0 and does not replace it.
    """
    share = torch.special.ndtr(latent.double())
    tail = torch.special.ndtr(torch.tensor(-limit, dtype=torch.float64))
    narrow: Tensor = torch.special.ndtri(tail + share * (1 - 2 * tail))
    return narrow.to(latent)
