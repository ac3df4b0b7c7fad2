"""MoCoGAN's training step and sampling against the authors' code: the same weights, the same clips, one process.

    git clone https://github.com/sergeytulyakov/mocogan authors
    sed -i 's,h.size(0) / video_len,h.size(0) // video_len,' authors/src/models.py
    python benchmarks/mocogan_against_authors.py authors --batch 4 --rounds 5

The networks and options of their recommended command: six categories, noise of 0.1, a discriminator of image patches,
frames of 64x64, clips of 16 frames.  The edit lets Python 3 read a line of theirs.  Their trainer is Python 2
throughout, so `AuthorsSteps` takes its steps in the same order.  Codes and noise are drawn by each side for itself, so
losses differ; what is compared are the frames of the same codes.  The clock is that of `pix2pix_against_authors.py`.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import torch
from race import Race, arguments, batches, compare, peak_memory, race_inference, setting, trainer
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.convert import mocogan
from i2i_zoo.methods.mocogan import MoCoGAN

CATEGORIES = 6
NOISE = 0.1


class AuthorsSteps:
    """Their networks, and the updates of their trainer: image discriminator, video discriminator, generator."""

    def __init__(self, checkout: str, batch: dict[str, Tensor]) -> None:
        sys.path.insert(0, f"{checkout}/src")
        import models  # type: ignore[import-not-found]

        noisy = {"use_noise": True, "noise_sigma": NOISE}
        self.generator = models.VideoGenerator(3, 50, CATEGORIES, 10, 16)
        self.image_discriminator = models.PatchImageDiscriminator(3, **noisy)
        self.video_discriminator = models.CategoricalVideoDiscriminator(3, CATEGORIES, **noisy)
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999), weight_decay=1e-5)
            for name, network in self.networks().items()
        }
        self.clips, self.actions = batch["video"].transpose(1, 2), batch["action"]
        self.real = torch.zeros(())

    def networks(self) -> dict[str, nn.Module]:
        names = ("generator", "image_discriminator", "video_discriminator")
        return {name: getattr(self, name) for name in names}

    def __call__(self) -> None:
        count = len(self.clips)
        frames = self.clips[:, :, torch.randint(16, ())]
        self.discriminate("image_discriminator", frames, self.generator.sample_images(count)[0])
        self.discriminate("video_discriminator", self.clips, self.generator.sample_videos(count)[0])
        self.optimizers["generator"].zero_grad()
        pictures, _ = self.generator.sample_images(count)
        clips, categories = self.generator.sample_videos(count)
        judged, _ = self.image_discriminator(pictures)
        judged_clips, judged_categories = self.video_discriminator(clips)
        loss = F.binary_cross_entropy_with_logits(judged, torch.ones_like(judged))
        loss += F.binary_cross_entropy_with_logits(judged_clips, torch.ones_like(judged_clips))
        loss += F.cross_entropy(judged_categories.squeeze(), categories)
        loss.backward()
        self.optimizers["generator"].step()

    def discriminate(self, name: str, real: Tensor, fake: Tensor) -> None:
        """The update of a discriminator, which also learns the categories of real clips."""
        self.optimizers[name].zero_grad()
        discriminator = getattr(self, name)
        judged, category = discriminator(real)
        judged_fake, _ = discriminator(fake.detach())
        of_real = F.binary_cross_entropy_with_logits(judged, torch.ones_like(judged))
        loss = of_real + F.binary_cross_entropy_with_logits(judged_fake, torch.zeros_like(judged_fake))
        if category is not None:
            self.real = of_real
            loss = loss + F.cross_entropy(category.squeeze(), self.actions)
        loss.backward()
        self.optimizers[name].step()


def our_model(theirs: AuthorsSteps, batch: int) -> MoCoGAN:
    """Our model with their weights."""
    hparams, tensors = mocogan.read({name: network.state_dict() for name, network in theirs.networks().items()})
    model = MoCoGAN(**hparams, noise=NOISE, image_batch=batch)
    model.configure_model()
    model.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()})
    return model


def clips(args: argparse.Namespace) -> dict[str, Tensor]:
    return {
        "video": torch.rand(args.batch, 16, 3, 64, 64, device=args.device) * 2 - 1,
        "action": torch.randint(CATEGORIES, (args.batch,), device=args.device),
    }


def train(which: str, args: argparse.Namespace) -> None:
    """Three steps of one of the two."""
    if which == "authors":
        step = AuthorsSteps(args.checkout, clips(args))
        for _ in range(3):
            step()
    else:
        model = MoCoGAN(categories=CATEGORIES, noise=NOISE, image_batch=args.batch)
        trainer(args.precision, args.device, 3).fit(model, batches(clips(args), 3))


def main() -> None:
    args = arguments("MoCoGAN against its authors' code.")
    peak_memory(train, args)
    batch = clips(args)
    theirs = AuthorsSteps(args.checkout, batch)
    ours = our_model(theirs, args.batch)

    def losses(of: dict[str, Any]) -> list[tuple[Any, Any]]:
        return [(of["train/video_discriminator/real"], theirs.real)]

    latents = ours.generator.latents(ours.draw_codes(args.batch)).flatten(0, 1)
    frames, their_frames = ours.generator.frames(latents), theirs.generator.main(latents[..., None, None])
    difference = float(f"{(frames - their_frames).abs().max():.1e}")

    race, steps = Race(theirs, losses, args.device), args.rounds + 1
    trainer(args.precision, args.device, steps, race).fit(ours, batches(batch, steps))
    compare("training step", race.ours_ms, race.theirs_ms, **setting(args), frames_difference=difference)

    ours.eval().to(args.device, {"32": torch.float32, "bf16": torch.bfloat16}[args.precision])
    theirs.generator.eval()
    codes = [code if code.dtype == torch.long else code.to(ours.dtype) for code in ours.draw_codes(args.batch)]
    race_inference(lambda: ours(*codes), lambda: theirs.generator.sample_videos(args.batch), args, "sampling")


if __name__ == "__main__":
    main()
