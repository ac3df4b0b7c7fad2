"""MoCoGAN: clips whose content and motion are chosen apart (Tulyakov et al. 2018, arXiv:1707.04993)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.annotations import Betas, Channels, Ge, Le, LearningRate, Positive, Side, Weight, Width, WidthOrNone
from i2i_zoo.errors import ZooError
from i2i_zoo.losses.adversarial import adversarial_loss
from i2i_zoo.networks.dcgan import DCGANDiscriminator
from i2i_zoo.networks.mocogan import SHORTENED, CategoryInput, ClipGenerator, Codes, VideoDiscriminator
from i2i_zoo.tasks.clips import FRAME, ActionClipsTask
from i2i_zoo.tasks.conditions import Condition, check_conditions
from i2i_zoo.tasks.graph import Graph
from i2i_zoo.tasks.kinds import Picture, Seed, Whole
from i2i_zoo.tasks.paired import noise

from .base import Method
from .mocogan_sampling import MotionContentSampler


class MoCoGAN(ActionClipsTask, Method):
    """MoCoGAN.  The defaults are those of the authors' code, with the batch of images of their recommended command.

    Batches have ``action`` (B,), the category of each clip, if there are categories and ``labelled`` is set.

    The conditional model goes on from a picture.  The paper has such a variant, but there is no code of it, so this
    design is our own: an encoder gives the content code and the first state of the recurrent network, the first frame
    is made from that state, and an L1 loss compares it with the picture, as in VGAN's conditional model.  The motion
    stays random: a picture has many futures.

    Args:
        channels: Channels of a frame.
        size: Height and width of a frame, a multiple of 16; 64 in the authors' code, 96 for faces in the paper.
        frames: Length of the training clips.  Clips of any length can be made.
        content: Length of the content code.
        categories: How many categories of motion there are; 0 for none.
        motion: Length of the motion code.
        category_input: What gets the category: the generator of ``frames`` (the authors' code), or the recurrent
            network of the ``motion`` (the paper's default; its table 4 compares both).
        width: Channels of the generator's last hidden layer.
        discriminator_width: Channels of the discriminators' first layers.
        image_patches: The image discriminator judges patches, not whole frames.
        video_patches: The video discriminator judges patches; it then knows no categories, so there must be none.
        noise: Standard deviation of the noise in the discriminators; 0.1 in the authors' recommended command.
        image_batch: How many frames of the batch the image discriminator sees in a step.
        labelled: Whether the clips' actions teach the video discriminator the categories, as in the authors' code.
            Otherwise the made clips do, as in InfoGAN.
        lambda_info: Weight of the loss by which the video discriminator should recognise the category of a made clip.
        conditional: Whether clips begin with a given frame.
        lambda_first: Weight of the L1 distance of the first frames with ``conditional``; VGAN's value.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        weight_decay: L2 penalty of Adam.

    Raises:
        ZooError: For a size that is not a multiple of 16, and for ``video_patches`` with categories.
    """

    any_length = True
    classes_option = "categories"
    without_actions = "labelled=False"
    discriminator_networks: tuple[str, ...] = ("image_discriminator", "video_discriminator")

    def __init__(
        self,
        channels: Channels = 3,
        size: Side = 64,
        frames: Annotated[int, Ge(SHORTENED + 1), Le(1024)] = 16,
        content: Width = 50,
        categories: WidthOrNone = 6,
        motion: Width = 10,
        category_input: CategoryInput = "frames",
        width: Width = 64,
        discriminator_width: Width = 64,
        image_patches: bool = True,
        video_patches: bool = False,
        noise: Weight = 0.0,
        image_batch: Positive = 32,
        labelled: bool = True,
        lambda_info: Weight = 1.0,
        conditional: bool = False,
        lambda_first: Weight = 10.0,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        weight_decay: Weight = 1e-5,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        if video_patches and categories:
            raise ZooError(
                f"categories={categories}: a video discriminator of patches knows none; set categories=0, or "
                "video_patches=False."
            )
        self.generator = ClipGenerator(channels, content, categories, motion, width, size, category_input, conditional)

    def configure_model(self) -> None:
        if not hasattr(self, "video_discriminator"):
            hp = self.hparams
            self.image_discriminator = DCGANDiscriminator(
                hp.channels, hp.discriminator_width, hp.size, hp.image_patches, hp.noise
            )
            self.video_discriminator = VideoDiscriminator(
                hp.channels, hp.categories, hp.discriminator_width, hp.size, hp.frames, hp.video_patches, hp.noise
            )

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        discriminators = {name: (name,) for name in self.discriminator_networks}
        return {**discriminators, "generator": self.inference_networks}

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The updates of the image discriminator, the video discriminator and the generator, each with new codes."""
        video = batch["video"]
        images = self.some_frames(video, self.hparams.image_batch)
        beginnings = self.beginnings(video[:, 0])
        known = None if beginnings is None else beginnings.detach()
        with self.update("image_discriminator") as loss:
            loss["real"] = adversarial_loss(self.image_discriminator(images), True)
            loss["fake"] = adversarial_loss(self.image_discriminator(self.fake_frames(len(images), known)), False)
        with self.update("video_discriminator") as loss:
            codes = self.begun(self.draw_codes(len(video)), known)
            real, real_category = self.judged(video)
            fake, fake_category = self.judged(self.generator(codes))
            loss["real"] = adversarial_loss(real, True)
            loss["fake"] = adversarial_loss(fake, False)
            if self.needs_actions:
                loss["category"] = F.cross_entropy(real_category, batch["action"])
            elif self.hparams.categories:
                loss["category"] = self.hparams.lambda_info * F.cross_entropy(fake_category, codes.category)
        with self.update("generator") as loss:
            loss["image"] = adversarial_loss(self.image_discriminator(self.fake_frames(len(images), beginnings)), True)
            codes = self.begun(self.draw_codes(len(video)), beginnings)
            made = self.generator(codes)
            fake, fake_category = self.judged(made)
            loss["video"] = adversarial_loss(fake, True)
            if self.hparams.conditional:
                loss["first"] = self.hparams.lambda_first * F.l1_loss(made[:, 0], video[:, 0])
            if self.hparams.categories:
                loss["category"] = self.hparams.lambda_info * F.cross_entropy(fake_category, codes.category)

    @property
    def needs_actions(self) -> bool:
        return bool(self.hparams.categories and self.hparams.labelled)

    def some_frames(self, video: Tensor, count: int) -> Tensor:
        """Up to ``count`` different random frames (N, channels, H, W) of clips, in their order."""
        frames = video.flatten(0, 1)
        return frames[self.chosen(len(frames), count)]

    def chosen(self, total: int, count: int) -> Tensor:
        """Up to ``count`` different random numbers below ``total``, sorted."""
        return torch.randperm(total, device=self.device)[:count].sort().values

    def draw_codes(self, count: int) -> Codes:
        """Codes of clips with the length of the training clips."""
        hp, device = self.hparams, self.device
        return Codes(
            torch.randn(count, hp.content, device=device),
            torch.randint(max(hp.categories, 1), (count,), device=device),
            torch.randn(count, hp.motion, device=device),
            torch.randn(count, hp.frames, hp.motion, device=device),
        )

    def beginnings(self, frames: Tensor) -> Tensor | None:
        """Content and first state (B, content + motion) for first frames, if the model is conditional."""
        return None if self.generator.encoder is None else self.generator.encoder(frames)

    def begun(self, codes: Codes, beginnings: Tensor | None) -> Codes:
        """The codes with these beginnings, one for each clip."""
        if beginnings is None:
            return codes
        content, start = beginnings.to(codes.content).tensor_split([self.hparams.content], 1)
        return codes._replace(content=content, start=start)

    def fake_frames(self, count: int, beginnings: Tensor | None = None) -> Tensor:
        """Random frames (count, channels, size, size) of many clips, so that hardly any two are of the same clip.

        Beginnings are used again and again, since there are more clips than those.
        """
        clips = 2 * self.hparams.frames * count
        if beginnings is not None:
            beginnings = beginnings[torch.arange(clips, device=beginnings.device) % len(beginnings)]
        codes = self.begun(self.draw_codes(clips), beginnings)
        latents = self.generator.latents(codes).flatten(0, 1)
        frames: Tensor = self.generator.frames(latents[self.chosen(len(latents), count)])
        return frames

    def judged(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """The video discriminator's logits: real or made (B, ...), and those of the categories (B, categories)."""
        logits = self.video_discriminator(video)
        return logits[:, :1], logits[:, 1:].flatten(1).float()

    def forward(self, content: Tensor, category: Tensor, start: Tensor, motion: Tensor) -> Tensor:
        """`Codes` to clips (B, T, channels, size, size) in [-1, 1]."""
        clips: Tensor = self.generator(Codes(content, category, start, motion))
        return clips

    @property
    def conditions(self) -> tuple[Condition, ...]:
        highest: int = self.hparams.categories - 1
        category = Condition(
            "category", Whole(0, highest), "the category of the motion of all clips; by default a random one for each"
        )
        content = Condition(
            "content_seed", Seed(), "all clips have the content of this seed's first clip", label="Seed of one content"
        )
        return (
            *super().conditions,
            FRAME if self.hparams.conditional else content,
            Condition(
                "motion_seed", Seed(), "all clips have the motion of this seed's first clip", label="Seed of one motion"
            ),
            *([category] if highest >= 0 else []),
        )

    def make_sampler(
        self, frames: int | None = None, frame: Picture | None = None, **chosen: Any
    ) -> MotionContentSampler:
        """Raises `ZooError` if the frame cannot be read."""
        first = None if frame is None else self.read_frame(frame)
        return MotionContentSampler(self, frames or self.hparams.frames, frame=first, **chosen)

    def graph(self, **conditions: Any) -> Graph:
        """The sampler: noise, and the first frame of a conditional model, to clips."""
        if given := [name for name in ("frame", "content_seed", "motion_seed", "category") if name in conditions]:
            raise ZooError(f"The exported graph takes noise and frames as inputs: leave out {', '.join(given)}.")
        hp = self.hparams
        if not hp.conditional:
            return super().graph(**conditions)
        chosen = check_conditions(type(self).__name__, super().conditions, conditions)
        return self.sampler_graph(
            self.make_sampler(**chosen), lambda count: {"frame": noise(count, hp.channels, hp.size, hp.size)}
        )

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """As many clips as in the batch; those of a conditional model begin as the clips of the batch do."""
        first = batch["video"][:, 0] if self.hparams.conditional else None
        return MotionContentSampler(self, self.hparams.frames, frame=first).make(self.places(batch), batch_idx)

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """The batch with its ``output`` and, if actions are categories, ``output_action`` (B,), those of the output."""
        outputs = super().validation_step(batch, batch_idx)
        if not self.needs_actions:
            return outputs
        categories = self.make_sampler().noises(self.places(batch), batch_idx)[:, self.hparams.content]
        return {**outputs, "output_action": categories.long().to(self.device)}

    test_step = validation_step

    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        example = super().example_batch(batch, height, width)
        categories: int = self.hparams.categories
        return {**example, "action": torch.randint(categories, (batch,))} if categories else example

    def remedies(self, failure: str, direction: str) -> Sequence[str]:
        if failure == "diversity":
            return ("raise --model.noise", "lower --model.lr")
        return ("raise --model.discriminator_width",)
