"""pix2pix's training step and inference against the authors' code: the same weights, the same batch, one process.

    git clone https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix authors
    python benchmarks/pix2pix_against_authors.py authors --batch 1 --precision 32

Our step is Lightning's: the timer runs from the start of a batch to its end.  The authors' step runs between two of
ours, so that both meet the same machine.  On the CPU the time is that of one thread, which other programs disturb
little; the minimum is the figure to compare.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import types
from typing import Any

import torch
from race import Race, arguments, batches, compare, peak_memory, race_inference, setting, trainer

from i2i_zoo.methods.pix2pix import Pix2Pix


def authors_options(device: str, **options: Any) -> types.SimpleNamespace:
    """Their options for training by their defaults, in this process, without dropout."""
    common: dict[str, Any] = {
        "isTrain": True,
        "gpu_ids": [0] if device == "cuda" else [],
        "checkpoints_dir": "",
        "name": "",
        "preprocess": "none",
        "input_nc": 3,
        "output_nc": 3,
        "ngf": 64,
        "ndf": 64,
        "netD": "basic",
        "n_layers_D": 3,
        "no_dropout": True,
        "init_type": "normal",
        "init_gain": 0.02,
        "lr": 2e-4,
        "beta1": 0.5,
        "direction": "AtoB",
    }
    return types.SimpleNamespace(**common, **options)


def authors_model(checkout: str, device: str) -> Any:
    """Their model as their defaults for pix2pix make it, but without dropout, so that the losses can be compared."""
    sys.path.insert(0, checkout)
    from models.pix2pix_model import Pix2PixModel  # type: ignore[import-not-found]

    options = authors_options(device, netG="unet_256", norm="batch", gan_mode="vanilla", lambda_L1=100.0)
    with contextlib.redirect_stdout(io.StringIO()):
        return Pix2PixModel(options)


def our_model(theirs: Any, example: torch.Tensor) -> Pix2Pix:
    """Our model with their weights: the layers correspond in the order in which they run."""
    model = Pix2Pix(dropout=False)
    model.configure_model()
    model.to(example.device)
    pairs = ((model.generator, theirs.netG, example), (model.discriminator, theirs.netD, example.repeat(1, 2, 1, 1)))
    for ours, other, x in pairs:
        for own, reference in zip(layers(ours, x), layers(other, x), strict=True):
            own.load_state_dict(reference.state_dict())
    return model


def layers(network: torch.nn.Module, x: torch.Tensor) -> list[torch.nn.Module]:
    """The layers with weights, as they run."""
    found: list[torch.nn.Module] = []
    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.BatchNorm2d)
    hooks = [m.register_forward_hook(lambda m, *_: found.append(m)) for m in network.modules() if isinstance(m, kinds)]
    with torch.no_grad():
        network(x)
    for hook in hooks:
        hook.remove()
    for layer in found:
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.reset_running_stats()
    return found


def pictures(args: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = (torch.rand(args.batch, 3, 256, 256, device=args.device) * 2 - 1 for _ in range(2))
    return a, b


def train(which: str, args: argparse.Namespace) -> None:
    """Three steps of one of the two."""
    a, b = pictures(args)
    if which == "authors":
        theirs = authors_model(args.checkout, args.device)
        theirs.set_input({"A": a, "B": b, "A_paths": "", "B_paths": ""})
        for _ in range(3):
            theirs.optimize_parameters()
    else:
        trainer(args.precision, args.device, 3).fit(Pix2Pix(dropout=False), batches({"source": a, "target": b}, 3))


def main() -> None:
    args = arguments("pix2pix against its authors' code.")
    peak_memory(train, args)
    a, b = pictures(args)
    theirs = authors_model(args.checkout, args.device)
    ours = our_model(theirs, a)
    theirs.set_input({"A": a, "B": b, "A_paths": "", "B_paths": ""})

    def losses(of: dict[str, Any]) -> list[tuple[Any, Any]]:
        return [
            (2 * of["train/discriminator/real"], theirs.loss_D_real),
            (2 * of["train/discriminator/fake"], theirs.loss_D_fake),
            (of["train/generator/adversarial"], theirs.loss_G_GAN),
            (of["train/generator/l1"], theirs.loss_G_L1),
        ]

    race, steps = Race(theirs.optimize_parameters, losses, args.device), args.rounds + 1
    trainer(args.precision, args.device, steps, race).fit(ours, batches({"source": a, "target": b}, steps))
    first = [float(f"{d:.1e}") for d in race.difference[:3]]
    compare("training step", race.ours_ms, race.theirs_ms, **setting(args), losses_relative_difference=first)

    ours.eval()
    theirs.eval()
    dtype = {"32": torch.float32, "bf16": torch.bfloat16}[args.precision]
    ours.to(dtype)
    source = a.to(dtype)
    race_inference(lambda: ours(source), theirs.test, args)


if __name__ == "__main__":
    main()
