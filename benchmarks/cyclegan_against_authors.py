"""CycleGAN's training step and inference against the authors' code: the same weights, the same batch, one process.

    git clone https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix authors
    python benchmarks/cyclegan_against_authors.py authors --precision 32

Both directions, ResNets of 9 blocks, 256x256.  The clock is that of `pix2pix_against_authors.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from typing import Any

import torch
from pix2pix_against_authors import authors_options
from race import Race, arguments, batches, compare, peak_memory, race_inference, setting, trainer

from i2i_zoo.convert import cyclegan
from i2i_zoo.methods.cyclegan import CycleGAN

#: Their networks to ours.
NETWORKS = {
    "netG_A": "generator_ab",
    "netG_B": "generator_ba",
    "netD_A": "discriminator_b",
    "netD_B": "discriminator_a",
}


def authors_model(checkout: str, device: str) -> Any:
    """Their model as their defaults for CycleGAN make it, but without an image pool, which draws at random."""
    sys.path.insert(0, checkout)
    from models.cycle_gan_model import CycleGANModel  # type: ignore[import-not-found]

    training = {"gan_mode": "lsgan", "lambda_A": 10.0, "lambda_B": 10.0, "lambda_identity": 0.5, "pool_size": 0}
    options = authors_options(device, netG="resnet_9blocks", norm="instance", **training)
    with contextlib.redirect_stdout(io.StringIO()):
        return CycleGANModel(options)


def our_model(theirs: Any) -> CycleGAN:
    """Our model with their weights."""
    hparams, tensors = cyclegan.read({ours: getattr(theirs, name).state_dict() for name, ours in NETWORKS.items()})
    model = CycleGAN(**hparams, pool_size=0)
    model.configure_model()
    model.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()})
    return model


def pictures(args: argparse.Namespace) -> dict[str, torch.Tensor]:
    return {key: torch.rand(args.batch, 3, args.size, args.size, device=args.device) * 2 - 1 for key in "ab"}


def with_pictures(theirs: Any, batch: dict[str, torch.Tensor]) -> Any:
    theirs.set_input({"A": batch["a"], "B": batch["b"], "A_paths": "", "B_paths": ""})
    return theirs


def train(which: str, args: argparse.Namespace) -> None:
    """Three steps of one of the two."""
    if which == "authors":
        theirs = with_pictures(authors_model(args.checkout, args.device), pictures(args))
        for _ in range(3):
            theirs.optimize_parameters()
    else:
        trainer(args.precision, args.device, 3).fit(CycleGAN(), batches(pictures(args), 3))


def main() -> None:
    args = arguments("CycleGAN against its authors' code.")
    if not args.compile:  # the compiler's own memory would be counted
        peak_memory(train, args)
    batch = pictures(args)
    theirs = with_pictures(authors_model(args.checkout, args.device), batch)
    ours = our_model(theirs)
    if args.compile:
        ours.compile_networks()

    def losses(of: dict[str, Any]) -> list[tuple[Any, Any]]:
        pairs = []
        for domain, letter in (("b", "A"), ("a", "B")):  # their A of networks is the domain that they start from
            found = {
                "D": of[f"train/discriminator/real_{domain}"] + of[f"train/discriminator/fake_{domain}"],
                "G": of[f"train/generator/adversarial_{domain}"],
                "cycle": of[f"train/generator/cycle_{letter.lower()}"],
                "idt": of[f"train/generator/identity_{domain}"],
            }
            pairs += [(loss, getattr(theirs, f"loss_{kind}_{letter}")) for kind, loss in found.items()]
        return pairs

    race, steps = Race(theirs.optimize_parameters, losses, args.device), args.rounds + 1
    trainer(args.precision, args.device, steps, race).fit(ours, batches(batch, steps))
    first = [float(f"{d:.1e}") for d in race.difference[:3]]
    compare("training step", race.ours_ms, race.theirs_ms, **setting(args), losses_relative_difference=first)

    dtype = {"32": torch.float32, "bf16": torch.bfloat16}[args.precision]
    ours.eval().to(args.device, dtype)
    source = batch["a"].to(dtype)
    race_inference(lambda: ours(source), lambda: theirs.netG_A(batch["a"]), args)


if __name__ == "__main__":
    main()
