"""How vid2vid trains, whatever guides it: chunk by chunk of a clip, against discriminators of frames and of triples."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from i2i_zoo.losses.feature_matching import feature_matching_loss
from i2i_zoo.losses.flow import trusted_l1
from i2i_zoo.losses.perceptual import PerceptualLoss
from i2i_zoo.networks.discriminators import MultiscaleDiscriminator
from i2i_zoo.networks.flow import confidence, warp
from i2i_zoo.networks.initialization import init_normal
from i2i_zoo.networks.vid2vid import Frame, FrameGenerator
from i2i_zoo.pretrained.flow import FlowFinder
from i2i_zoo.tasks.in_order import InOrderTask

from .base import Method
from .schedules import linear_decay
from .vid2vid_clips import TRIPLE, Chunk, Judged, Maps, each, least_squares, narrowed, split_triples

#: The names of the temporal discriminators, from neighbouring frames to those far apart.
TEMPORAL = ("temporal_discriminator_0", "temporal_discriminator_1", "temporal_discriminator_2")


class Vid2VidMethod(InOrderTask, Method):
    """What vid2vid does for label maps and for poses alike.  `Vid2Vid` explains the hyper-parameters."""

    uses_flow = True
    discriminator_networks: tuple[str, ...] = ("image_discriminator", *TEMPORAL)

    def build(self, foreground: Sequence[int] = ()) -> None:
        """Build the generator, and say which discriminators there will be."""
        hp = self.hparams
        self.discriminator_networks = ("image_discriminator", *TEMPORAL[: hp.temporal_scales])
        self.generator = init_normal(
            FrameGenerator(
                self.guide_channels, hp.past, hp.width, hp.downs, hp.blocks, hp.scales, hp.fine_blocks, foreground
            ),
            zero_bias=False,
        )

    @property
    @abstractmethod
    def guide_channels(self) -> int:
        """Channels of a guide."""

    def configure_model(self) -> None:
        if not hasattr(self, "image_discriminator"):
            hp = self.hparams
            for name in self.discriminator_networks:
                channels = TRIPLE if name in TEMPORAL else self.guide_channels + 3
                options = channels, hp.discriminator_width, hp.discriminator_scales
                setattr(self, name, init_normal(MultiscaleDiscriminator(*options, norm="batch"), zero_bias=False))

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        return {"generator": ("generator",), **{name: (name,) for name in self.discriminator_networks}}

    def initial_tensors(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a model of fewer scales; new scales, of discriminators too, keep their own."""
        missing = self.hparams.discriminator_scales - len({k.split(".")[2] for k in tensors if k.startswith("image_")})
        moved = {}
        for name, tensor in tensors.items():
            network, _, scale, rest = name.split(".", 3)
            moved[f"{network}.scales.{int(scale) + (network != 'generator') * missing}.{rest}"] = tensor
        return {**self.state_dict(), **moved}

    def lr_factor(self, player: str, progress: int) -> float:
        """The temporal discriminators keep their rate, as in the authors' code."""
        if player in TEMPORAL:
            return 1.0
        return linear_decay(progress, self.hparams.epochs, self.hparams.decay_epochs)

    def on_train_start(self) -> None:
        # A run that is resumed within an epoch gets no start of that epoch.
        super().on_train_start()
        self.freeze_coarse()

    def on_train_epoch_start(self) -> None:
        self.freeze_coarse()
        if 0 < self.hparams.frozen_epochs == self.current_epoch:
            self.trainer.optimizers[0].state.clear()  # the authors begin with a new Adam

    def freeze_coarse(self) -> None:
        """Freeze all scales but the finest in the first epochs."""
        for scale in self.generator.scales[:-1]:
            scale.requires_grad_(self.current_epoch >= self.hparams.frozen_epochs)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The updates of each chunk of the clips: of the generator, then of each discriminator on the same frames."""
        before: Judged | None = None
        for chunk in self.chunks(batch):
            triples, before = split_triples(chunk, before, self.hparams.temporal_scales)
            self.update_all(chunk.frames(), dict(zip(TEMPORAL, triples, strict=False)))

    def chunks(self, batch: Mapping[str, Any]) -> Iterator[Chunk]:
        """Make the clips of a batch, chunk by chunk, each with the generator as it is by then."""
        hp, past, nothing, video = self.hparams, self.past, not self.needs_first, batch["video"]
        growth = 2 ** (self.current_epoch // hp.growth_epochs)
        count = min(video.shape[1] - past, hp.frames * growth)
        step = min(hp.chunk, count)
        through = step // -(-step // min(hp.gradient_frames, growth, step))  # in equal parts
        guides = torch.stack(list(islice(self.guides(batch), past + count // step * step)), 1)
        first = video[:, :past]
        memory = self.generator.start(torch.zeros_like(first) if nothing else first)
        last = first[:, -1:]
        for start in range(past, guides.shape[1], step):
            frames: list[Frame] = []
            for t in range(start, start + step):
                if (t - start) % through == 0:
                    memory = [frame.detach() for frame in memory]
                made = self.generator(guides[:, t - past : t + 1], memory, nothing and start == past)
                memory = self.generator.remember(memory, made)
                frames.append(made[-1])
            picture, raw, flow, weight = (torch.stack(parts, 1) for parts in list(zip(*frames, strict=True))[:4])
            now = slice(start, start + step)
            real, real_before = video[:, now], video[:, start - 1 : start + step - 1]
            real_flow = batch["flow"][:, now] if "flow" in batch else self.find_flow(real, real_before)
            trusted = each(confidence, real, real_before, real_flow)
            picture_before = torch.cat([last, picture[:, :-1].detach()], 1)
            yield Chunk(
                guides[:, now], real, real_before, real_flow, trusted, picture, raw, picture_before, flow, weight
            )
            last = picture[:, -1:].detach()

    def find_flow(self, later: Tensor, earlier: Tensor) -> Tensor:
        """The flow (B, n, 2, H, W) of frames (B, n, 3, H, W) to earlier ones."""
        return each(FlowFinder(self.hparams.flow), later, earlier)

    def update_all(self, c: Chunk, triples: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        """A step of each player, on frames (B, ..., H, W) and on real and made triples of temporal discriminators."""
        hp = self.hparams
        real_maps = self.judge(torch.cat([c.guide, c.real], 1))
        triple_maps = {name: self.judge(real, name) for name, (real, _) in triples.items()}
        with self.update("generator") as loss:
            maps = [self.judge(torch.cat([c.guide, picture], 1)) for picture in (c.picture, c.raw)]
            loss["adversarial"] = least_squares(maps[0], True) + least_squares(maps[1], True)
            matching = feature_matching_loss(maps[0], real_maps) + feature_matching_loss(maps[1], real_maps)
            loss["feature_matching"] = hp.lambda_feature_matching * matching
            for name, (_, made) in triples.items():
                found = self.judge(made, name)
                loss[f"adversarial_{name}"] = least_squares(found, True)
                matching = feature_matching_loss(found, triple_maps[name])
                loss[f"feature_matching_{name}"] = hp.lambda_feature_matching * matching
            if hp.lambda_perceptual:
                compare = PerceptualLoss(hp.perceptual)
                real, picture, raw = map(narrowed, (c.real, c.picture, c.raw))
                loss["perceptual"] = hp.lambda_perceptual * (compare(picture, real) + compare(raw, real))
            loss["flow"] = hp.lambda_flow / 2 ** (hp.scales - 1) * trusted_l1(c.flow, c.real_flow, c.trusted)
            loss["flow_warp"] = hp.lambda_warp * trusted_l1(warp(c.real_before, c.flow), c.real, c.trusted)
            steady = warp(c.picture_before, c.real_flow)
            loss["warp"] = hp.lambda_warp * trusted_l1(c.picture, steady, c.trusted)
            if not self.needs_first:
                loss["weight"] = hp.lambda_weight * trusted_l1(c.weight, 0.0, c.trusted)
        with self.update("image_discriminator") as loss:
            # Real frames count twice, beside the pictures and beside the raw ones, and all is halved.
            loss["real"] = least_squares(real_maps, True)
            for name, picture in (("fake", c.picture), ("raw", c.raw)):
                maps_of_fake = self.judge(torch.cat([c.guide, picture.detach()], 1))
                loss[name] = 0.5 * least_squares(maps_of_fake, False)
        for name, (_, made) in triples.items():
            with self.update(name) as loss:
                loss["real"] = 0.5 * least_squares(triple_maps[name], True)
                loss["fake"] = 0.5 * least_squares(self.judge(made.detach(), name), False)

    def judge(self, seen: Tensor, name: str = "image_discriminator") -> Maps:
        """The maps of a discriminator."""
        maps: Maps = getattr(self, name)(seen)
        return maps

    def begin(self, first: Tensor | None, guide: Tensor) -> list[Tensor]:
        """The frames before at each scale; where too few are given, the first stands for those before it."""
        if first is None:
            batch, _, height, width = guide.shape
            first = guide.new_zeros(batch, self.past, 3, height, width)
        missing = self.past - first.shape[1]
        first = torch.cat([first[:, :1].expand(-1, missing, -1, -1, -1), first], 1)
        return self.generator.start(first)

    def make(self, guides: Tensor, memory: list[Tensor], nothing_before: bool) -> tuple[Tensor, list[Tensor]]:
        frames = self.generator(guides, memory, nothing_before)
        return frames[-1].picture, self.generator.remember(memory, frames)

    def forward(self, guides: Tensor, before: Tensor | None = None) -> Tensor:
        """The next frame (B, 3, H, W) in [-1, 1].

        Args:
            guides: (B, (past + 1) guide_channels, H, W), the latest last.
            before: The frames before, (B, past, 3, H, W); by default there are none.
        """
        batch, _, height, width = guides.shape
        stacked = guides.view(batch, self.past + 1, self.guide_channels, height, width)
        memory = self.begin(before, stacked[:, -1])
        picture: Tensor = self.make(stacked, memory, before is None)[0]
        return picture
