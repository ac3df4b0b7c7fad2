"""A training step of PG2 against a direct transcription of its authors' operations.

    python benchmarks/pg2_against_transcription.py --stage 2

The authors' code needs Python 2 and TensorFlow 1.4, so their operations are written down here in PyTorch as their graph
has them: maps are enlarged before the 1x1 convolutions, and in stage 2 each player runs both generators for itself.
Same weights, same batch, one process, in turns.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from race import Race, batches, compare, people_arguments, people_batch, setting, trainer
from torch import Tensor
from torch.nn import functional as F

from i2i_zoo.media.pose_drawing import discs, limb_mask
from i2i_zoo.methods.pg2 import PG2
from i2i_zoo.networks.pg2 import BatchDiscriminator, CoarseGenerator, ConvPair, DifferenceGenerator


def pair(x: Tensor, layers: ConvPair) -> Tensor:
    for layer in (layers.first, layers.second):
        x = F.relu(F.conv2d(x, layer.weight, layer.bias, padding=1))
    return x


def coarse(generator: CoarseGenerator, source: Tensor, maps: Tensor) -> Tensor:
    x = F.relu(generator.first(torch.cat([source, maps], 1)))
    skips = []
    for block, encode in enumerate(generator.encode):
        x = x + pair(x, encode)
        skips.append(x)
        if block < len(generator.down):
            x = F.relu(generator.down[block](x))
    x = generator.expand(generator.squeeze(x.flatten(1))).unflatten(1, generator.middle)
    for block, decode in enumerate(generator.decode):
        x = torch.cat([x, skips.pop()], 1)
        x = x + pair(x, decode)
        if block < len(generator.up):
            x = F.relu(generator.up[block](F.interpolate(x, scale_factor=2)))
    picture: Tensor = generator.last(x)
    return picture


def difference(generator: DifferenceGenerator, picture: Tensor, source: Tensor) -> Tensor:
    x = F.relu(generator.first(torch.cat([picture, source], 1)))
    skips = []
    for block, encode in enumerate(generator.encode):
        x = pair(x, encode)
        skips.append(x)
        if block < len(generator.down):
            x = F.relu(generator.down[block](x))
    for decode in generator.decode:
        skip = skips.pop()
        x = pair(torch.cat([x, skip], 1) if skips else x, decode)
        x = F.interpolate(x, scale_factor=2) if skips else x
    found: Tensor = generator.last(x)
    return found


def judge(discriminator: BatchDiscriminator, pictures: list[Tensor]) -> tuple[Tensor, ...]:
    x = F.leaky_relu(discriminator.down[0](torch.cat(pictures)), 0.2)
    for down, norm in zip(discriminator.down[1:], discriminator.norm, strict=True):
        x = F.leaky_relu(norm(down(x)), 0.2)
    return discriminator.last(x.flatten(1)).chunk(len(pictures))  # type: ignore[no-any-return]  # a module's


def cross_entropy(logits: Tensor, verdict: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, verdict))


class Transcription:
    """The authors' steps, with the weights that our model has now.  A call is a step of the stage."""

    def __init__(self, ours: PG2, batch: dict[str, Tensor], stage: int) -> None:
        self.networks = [deepcopy(network) for network in (ours.generator, ours.refiner, ours.discriminator)]
        self.optimizers = [
            torch.optim.Adam(network.parameters(), 2e-5, (0.5, 0.999), fused=True) for network in self.networks
        ]
        self.batch, self.stage, self.losses = batch, stage, dict[str, Tensor]()

    def __call__(self) -> None:
        generator, refiner, discriminator = self.networks
        source, target, pose = (self.batch[key] for key in ("source", "target", "target_pose"))
        maps, mask = discs(pose, source.shape[-2:]) * 2 - 1, limb_mask(pose, source.shape[-2:])

        def distances(picture: Tensor, weight: float) -> Tensor:
            self.losses["l1"] = weight * (picture - target).abs().mean()
            self.losses["mask"] = weight * ((picture - target).abs() * mask).mean()
            return self.losses["l1"] + self.losses["mask"]

        if self.stage == 1:
            self.step(0, distances(coarse(generator, source, maps), 1.0))
            return
        for player in (1, 2):
            with torch.no_grad():
                first = coarse(generator, source, maps)
            with torch.set_grad_enabled(player == 1):
                second = first + difference(refiner, first, source)
            real, false_source, _, fake = judge(discriminator, [target, source, first, second])
            if player == 1:
                self.losses["adversarial"] = cross_entropy(fake, 1)
                self.step(1, self.losses["adversarial"] + distances(second, 10.0))
            else:
                false = cross_entropy(false_source, 0) + cross_entropy(fake, 0)
                self.step(2, 0.5 * cross_entropy(real, 1) + 0.25 * false)

    def step(self, player: int, loss: Tensor) -> None:
        """Update one player; gradients of the others are not asked for, as in TensorFlow."""
        parameters = list(self.networks[player].parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        self.optimizers[player].step()


def main() -> None:
    args = people_arguments("PG2 against a transcription of its authors' operations.", stage=2, width=128)
    if args.stage not in (1, 2):
        raise SystemExit("--stage is 1 or 2.")
    batch = people_batch(args)
    steps = args.rounds + 1
    ours = PG2(
        width=args.width, discriminator_width=max(args.width // 2, 1), stage1_steps=steps if args.stage == 1 else 0
    )
    ours.configure_model()
    theirs = Transcription(ours, batch, args.stage)

    def losses(of: dict[str, Any]) -> list[tuple[Any, Any]]:
        # The authors' discriminator sees the new refiner's pictures, so its losses cannot be compared.
        found = {name.rpartition("/")[2]: value for name, value in of.items() if "discriminator" not in name}
        return [(value, theirs.losses[name]) for name, value in found.items()]

    race = Race(theirs, losses, "cpu")
    trainer(args.precision, "cpu", steps, race).fit(ours, batches(batch, steps))
    first = [float(f"{d:.1e}") for d in race.difference[:3]]
    more = {"stage": args.stage, "width": args.width, "losses_relative_difference": first}
    compare("training step", race.ours_ms, race.theirs_ms, **setting(args), **more)


if __name__ == "__main__":
    main()
