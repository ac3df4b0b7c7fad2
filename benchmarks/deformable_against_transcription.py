"""A training step of the Deformable GAN against a direct transcription of its authors' operations.

    python benchmarks/deformable_against_transcription.py

The authors' code needs Python 2 and TensorFlow 1.5, so their operations are written down here in PyTorch as their graph
has them: a pass of the generator for each player, real and fake pairs judged one after the other, each body part's
features warped and masked before the maximum is taken, all shifts of the real features in one tensor for the
nearest-neighbour loss.  Adam is fused in both, as TensorFlow's is one kernel.  Same weights, same batch, one process,
in turns; dropout is off, so that losses can be compared.  The features of the losses are the first four layers of a
VGG with random weights: nothing is fetched.
"""

from __future__ import annotations

from typing import Any

import torch
from race import Race, batches, compare, people_arguments, people_batch, setting, trainer
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.losses import nearest_neighbour
from i2i_zoo.media.body_parts import part_masks, part_transforms
from i2i_zoo.media.pose_drawing import gaussian_maps
from i2i_zoo.methods.deformable import Deformable
from i2i_zoo.networks.deformable import DEFORMABLE_LEVELS, DeformableGenerator, PairDiscriminator


def whole_norm(x: Tensor, norm: nn.Module) -> Tensor:
    """keras-contrib's instance norm, operation by operation."""
    mean = x.mean((1, 2, 3), keepdim=True)
    deviation = x.std((1, 2, 3), correction=0, keepdim=True) + 1e-3
    normed: Tensor = (x - mean) / deviation * norm.weight + norm.bias
    return normed


def halve(x: Tensor, layer: nn.Conv2d) -> Tensor:
    return F.conv2d(F.pad(F.leaky_relu(x, 0.2), (1, 1, 1, 1)), layer.weight, stride=2)


def encode(x: Tensor, encoder: Any) -> list[Tensor]:
    maps = [encoder.first(x)]
    for level, down in enumerate(encoder.down):
        halved = halve(maps[-1], down)
        maps.append(whole_norm(halved, encoder.norm[level]) if level < len(encoder.norm) else halved)
    return maps


def warped(maps: Tensor, transforms: Tensor, masks: Tensor, scale: int) -> Tensor:
    """Ten copies of the maps, each sampled and masked by itself, then their maximum."""
    height, width = maps.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    parts = []
    for part in range(transforms.shape[1]):
        along, across, offset = transforms[:, part, :, :, None, None].unbind(2)
        positions = along * x + across * y + offset / scale
        grid = 2 * positions / torch.tensor([width - 1, height - 1])[:, None, None] - 1
        moved = F.grid_sample(maps, grid.movedim(1, -1), "nearest", "zeros", align_corners=True)
        parts.append(moved * masks[:, part : part + 1, ::scale, ::scale])
    return torch.stack(parts, -1).amax(-1)


def generate(generator: DeformableGenerator, batch: dict[str, Tensor]) -> Tensor:
    appearance = encode(torch.cat([batch["source"], batch["source_maps"]], 1), generator.appearance)
    pose = encode(batch["target_maps"], generator.pose)
    skips = [
        torch.cat([warped(a, batch["transforms"], batch["masks"], 2**n) if n < DEFORMABLE_LEVELS else a, p], 1)
        for n, (a, p) in enumerate(zip(appearance, pose, strict=True))
    ]
    *skips, x = skips
    for block, (up, norm) in enumerate(zip(generator.up, generator.norm, strict=True)):
        x = torch.cat([x, skips[-block]], 1) if block else x
        x = F.conv_transpose2d(F.relu(x), up.weight, stride=2)[..., 1:-1, 1:-1]  # type: ignore[arg-type]  # a layer's
        x = whole_norm(x, norm)
    return torch.tanh(generator.last(F.relu(torch.cat([x, skips[0]], 1))))


def judge(discriminator: PairDiscriminator, batch: dict[str, Tensor], picture: Tensor) -> Tensor:
    x = discriminator.first(torch.cat([batch["source"], batch["source_maps"], picture, batch["target_maps"]], 1))
    for level, down in enumerate(discriminator.down):
        x = halve(x, down)  # type: ignore[arg-type]  # a layer of the list
        x = whole_norm(x, discriminator.norm[level]) if level < len(discriminator.norm) else x
    return torch.sigmoid(x)


def nearest_loss(fake: Tensor, real: Tensor, window: int) -> Tensor:
    reach, (height, width) = window // 2, real.shape[-2:]
    padded = F.pad(real, (reach,) * 4, value=-10000.0)
    shifts = [padded[..., i : i + height, j : j + width] for i in range(window) for j in range(window)]
    return (torch.stack(shifts, -1) - fake[..., None]).abs().sum(1).amin(-1).mean()


class Transcription:
    """The authors' two steps on one batch."""

    def __init__(self, model: Deformable, features: nn.Module, batch: dict[str, Tensor]) -> None:
        self.weight, self.window, self.features = model.hparams.lambda_nn, model.hparams.window, features
        self.generator = DeformableGenerator(model.hparams.width, model.hparams.downs)
        self.discriminator = PairDiscriminator(width=model.hparams.discriminator_width)
        self.generator.load_state_dict(model.generator.state_dict())
        self.discriminator.load_state_dict(model.discriminator.state_dict())
        networks = (self.discriminator, self.generator)
        self.optimizers = [torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999), fused=True) for net in networks]
        self.batch, self.losses = batch, dict[str, Tensor]()

    def __call__(self) -> None:
        source_pose, target_pose = self.batch["source_pose"], self.batch["target_pose"]
        size = self.batch["source"].shape[-2:]
        ready = self.batch | {
            "source_maps": gaussian_maps(source_pose, size),
            "target_maps": gaussian_maps(target_pose, size),
            "transforms": part_transforms(source_pose, target_pose),
            "masks": part_masks(target_pose, *size),
        }
        real = judge(self.discriminator, ready, ready["target"])
        with torch.no_grad():
            fake = generate(self.generator, ready)
        self.losses["real"] = -(real + 1e-7).log().mean()
        self.losses["fake"] = -(1 - judge(self.discriminator, ready, fake) + 1e-7).log().mean()
        self.step(0, self.losses["real"] + self.losses["fake"])
        fake = generate(self.generator, ready)
        self.losses["adversarial"] = -(judge(self.discriminator, ready, fake) + 1e-7).log().mean()
        with torch.no_grad():
            wanted = self.features((ready["target"] + 1) / 2)
        found = self.features((fake + 1) / 2)
        self.losses["nearest_neighbour"] = self.weight * nearest_loss(found, wanted, self.window)
        self.step(1, self.losses["adversarial"] + self.losses["nearest_neighbour"])

    def step(self, player: int, loss: Tensor) -> None:
        """Update one player; gradients of the other are not asked for, as in TensorFlow."""
        parameters = list((self.discriminator, self.generator)[player].parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        self.optimizers[player].step()


def main() -> None:
    about = "Deformable GAN against a transcription of its authors' operations."
    args = people_arguments(about, width=64, window=3)
    layers = (nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU())
    features = nn.Sequential(*layers).requires_grad_(False)
    nearest_neighbour.pretrained_features = lambda *_: features  # type: ignore[assignment,attr-defined]
    nearest_neighbour.normalised = lambda _, pictures: (pictures + 1) / 2  # type: ignore[attr-defined]
    batch = people_batch(args)
    ours = Deformable(
        width=args.width, discriminator_width=args.width, lambda_nn=0.01, window=args.window, dropout=False
    )
    ours.configure_model()
    theirs = Transcription(ours, features, batch)

    def losses(of: dict[str, Any]) -> list[tuple[Any, Any]]:
        return [(value, theirs.losses[name.rpartition("/")[2]]) for name, value in of.items()]

    race, steps = Race(theirs, losses, "cpu"), args.rounds + 1
    trainer(args.precision, "cpu", steps, race).fit(ours, batches(batch, steps))
    first = [float(f"{d:.1e}") for d in race.difference[:3]]
    more = {"width": args.width, "window": args.window, "losses_relative_difference": first}
    compare("training step", race.ours_ms, race.theirs_ms, **setting(args), **more)


if __name__ == "__main__":
    main()
