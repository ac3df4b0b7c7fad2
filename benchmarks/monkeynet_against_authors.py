"""Monkey-Net's training step and inference against the authors' code: the same weights, the same batch, one process.

    git clone https://github.com/AliaksandrSiarohin/monkey-net authors
    python benchmarks/monkeynet_against_authors.py authors --batch 8

The networks of their ``config/nemo.yaml``, 64x64.  Their code asks for PyTorch 0.4.1: `torch.gesv`, which is gone, is
given back as `torch.linalg.solve`, and pictures are warped as newer versions of PyTorch do by default, in both.
Synchronised batch norm is the plain one in one process.  The clock is that of `pix2pix_against_authors.py`.
"""

from __future__ import annotations

import argparse
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from race import Race, arguments, batches, compare, peak_memory, race_inference, setting, trainer
from torch import Tensor

from i2i_zoo.convert import monkeynet as convert
from i2i_zoo.methods.monkeynet import MonkeyNet

SIZE = 64


class InOrder(MonkeyNet):
    """Monkey-Net with the first two frames of each clip in place of those that it draws."""

    def pairs(self, video: Tensor) -> tuple[Tensor, Tensor]:
        return video[:, 0], video[:, 1]


class Authors:
    """Their networks and step as ``config/nemo.yaml`` makes them, on the CPU or on a GPU.

    Args:
        checkout: Folder of their code.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, checkout: str, device: str) -> None:
        torch.gesv = lambda b, a: (torch.linalg.solve(a, b), None)  # type: ignore[attr-defined]
        sys.path.insert(0, checkout)
        sys.modules["logger"] = types.SimpleNamespace(  # type: ignore[assignment]  # needs a scikit-image of 2018
            Logger=None, Visualizer=None
        )
        from modules.discriminator import Discriminator  # type: ignore[import-not-found]
        from modules.generator import MotionTransferGenerator  # type: ignore[import-not-found]
        from modules.keypoint_detector import KPDetector  # type: ignore[import-not-found]
        from train import DiscriminatorFullModel, GeneratorFullModel  # type: ignore[import-not-found]

        config = yaml.safe_load((Path(checkout) / "config" / "nemo.yaml").read_text())
        model, training = config["model_params"], config["train_params"]
        common = model["common_params"]
        self.networks = {
            "generator": MotionTransferGenerator(**model["generator_params"], **common),
            "kp_detector": KPDetector(**model["kp_detector_params"], **common),
            "discriminator": Discriminator(**model["discriminator_params"], **common),
        }
        self.optimizers = {
            name: torch.optim.Adam(network.to(device).parameters(), lr=training["lr"], betas=(0.5, 0.999))
            for name, network in self.networks.items()
        }
        networks = [self.networks[name] for name in ("kp_detector", "generator", "discriminator")]
        self.generator_step = GeneratorFullModel(*networks, training)
        self.discriminator_step = DiscriminatorFullModel(*networks, training)
        self.losses: list[Tensor] = []

    def step(self, batch: dict[str, Tensor]) -> None:
        """One round of the loop of their ``train.py``."""
        *losses, generated, points = self.generator_step(batch)
        losses = [loss.mean() for loss in losses]
        sum(losses).backward()  # type: ignore[union-attr]
        self.optimizers["generator"].step()
        self.optimizers["generator"].zero_grad()
        self.optimizers["discriminator"].zero_grad()
        self.optimizers["kp_detector"].step()
        self.optimizers["kp_detector"].zero_grad()
        judged = [loss.mean() for loss in self.discriminator_step(batch, points, generated)]
        sum(judged).backward()  # type: ignore[union-attr]
        self.optimizers["discriminator"].step()
        self.optimizers["discriminator"].zero_grad()
        self.losses = losses + judged

    def pictures(self, batch: dict[str, Tensor]) -> Tensor:
        """Sources with the key points of the other pictures, as in their ``transfer.py``."""
        detector = self.networks["kp_detector"]
        made: dict[str, Tensor] = self.networks["generator"](
            batch["source"], kp_driving=detector(batch["video"]), kp_source=detector(batch["source"])
        )
        return made["video_prediction"]


def our_model(theirs: Authors) -> MonkeyNet:
    """Our model with their weights."""
    states = {ours: theirs.networks[name].state_dict() for name, ours in convert.ENTRIES.items()}
    hparams, tensors = convert.read(states)
    model = InOrder(**hparams, align_corners=False)
    model.configure_model()
    model.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()})
    return model


def clips(args: argparse.Namespace) -> dict[str, Tensor]:
    """Noise of two frames in [-1, 1]."""
    return {"video": torch.rand(args.batch, 2, 3, SIZE, SIZE, device=args.device) * 2 - 1}


def authors_batch(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    source, driving = ((batch["video"].transpose(1, 2) + 1) / 2).split(1, 2)
    return {"source": source, "video": driving}


def train(which: str, args: argparse.Namespace) -> None:
    """Three steps of one of the two."""
    if which == "authors":
        theirs, batch = Authors(args.checkout, args.device), authors_batch(clips(args))
        for _ in range(3):
            theirs.step(batch)
    else:
        trainer(args.precision, args.device, 3).fit(MonkeyNet(), batches(clips(args), 3))


def main() -> None:
    args = arguments("Monkey-Net against its authors' code.")
    if not args.compile:  # the compiler's own memory would be counted
        peak_memory(train, args)
    batch, theirs = clips(args), Authors(args.checkout, args.device)
    given, ours = authors_batch(batch), our_model(theirs)
    if args.compile:
        ours.compile_networks()

    def losses(of: dict[str, Any]) -> list[tuple[Any, Any]]:
        *generator, discriminator = theirs.losses
        layers = [of[f"train/generator/layer_{number}"] for number in range(5)]
        judged = of["train/discriminator/real"] + of["train/discriminator/fake"]
        mine = [*layers, of["train/generator/adversarial"], judged]
        return list(zip(mine, [*generator, discriminator], strict=True))

    step: Callable[[], None] = lambda: theirs.step(given)  # noqa: E731
    race, steps = Race(step, losses, args.device), args.rounds + 1
    trainer(args.precision, args.device, steps, race).fit(ours, batches(batch, steps))
    first = [float(f"{d:.1e}") for d in race.difference[:3]]
    compare("training step", race.ours_ms, race.theirs_ms, **setting(args), losses_relative_difference=first)

    ours.eval().to(args.device)
    for network in theirs.networks.values():
        network.eval()
    source, driving = batch["video"].unbind(1)
    race_inference(lambda: ours(source, driving), lambda: theirs.pictures(given), args)


if __name__ == "__main__":
    main()
