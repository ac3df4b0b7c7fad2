"""SPADE's training step and inference against the authors' code: the same weights, the same batch, one process.

    git clone https://github.com/NVlabs/SPADE authors
    git clone https://github.com/vacancy/Synchronized-BatchNorm-PyTorch batchnorm
    mv batchnorm/sync_batchnorm authors/models/networks/
    pip install dill  # their code imports it
    python benchmarks/spade_against_authors.py authors --batch 1 --precision 32

The generator and the discriminators are the paper's for COCO-Stuff at 256x256 (97 million parameters), without the
perceptual loss, whose classifier is the same in both.  As `pix2pix_against_authors.py` otherwise.
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

from i2i_zoo.convert import spade as convert
from i2i_zoo.methods.spade import SPADE

LABELS, SIZE = 183, 256


def authors_trainer(checkout: str, device: str) -> Any:
    """Their trainer as their defaults for COCO-Stuff make it, without the perceptual loss."""
    sys.path.insert(0, checkout)
    from trainers.pix2pix_trainer import Pix2PixTrainer  # type: ignore[import-not-found]

    networks = {"netG": "spade", "netD": "multiscale", "ngf": 64, "ndf": 64, "num_upsampling_layers": "normal"}
    norms = {"norm_G": "spectralspadesyncbatch3x3", "norm_D": "spectralinstance", "norm_E": "spectralinstance"}
    labels = {"label_nc": LABELS - 1, "contain_dontcare_label": True, "no_instance": False, "semantic_nc": LABELS + 1}
    training = {"gan_mode": "hinge", "no_TTUR": False, "lr": 2e-4, "beta1": 0.0, "beta2": 0.9, "lambda_feat": 10.0}
    without = {"no_vgg_loss": True, "use_vae": False, "no_ganFeat_loss": False, "continue_train": False}
    options = types.SimpleNamespace(
        isTrain=True,
        gpu_ids=[0] if device == "cuda" else [],
        crop_size=SIZE,
        aspect_ratio=1.0,
        output_nc=3,
        z_dim=256,
        init_type="xavier",
        init_variance=0.02,
        netD_subarch="n_layer",
        num_D=2,
        n_layers_D=4,
        niter=50,
        niter_decay=0,
        **networks,
        **norms,
        **labels,
        **training,
        **without,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        return Pix2PixTrainer(options)


def our_model(theirs: Any) -> SPADE:
    """Our model with their weights."""
    networks = theirs.pix2pix_model_on_one_gpu
    hparams, tensors = convert.read(
        {"generator": networks.netG.state_dict(), "discriminator": networks.netD.state_dict()}
    )
    model = SPADE(**hparams, lambda_perceptual=0.0)
    model.configure_model()
    model.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()})
    return model


def batch_of(args: argparse.Namespace) -> dict[str, torch.Tensor]:
    """Blocks of 32 pixels of random labels, each an instance, and noise to match."""
    coarse = torch.randint(LABELS, (args.batch, SIZE // 32, SIZE // 32), device=args.device)
    label = coarse.repeat_interleave(32, 1).repeat_interleave(32, 2)
    target = torch.rand(args.batch, 3, SIZE, SIZE, device=args.device) * 2 - 1
    return {"label": label, "instance": label, "target": target}


def authors_batch(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    maps = {key: batch[key][:, None].clone() for key in ("label", "instance")}
    return {**maps, "image": batch["target"]}


def authors_step(theirs: Any, batch: dict[str, torch.Tensor]) -> None:
    theirs.run_generator_one_step(authors_batch(batch))
    theirs.run_discriminator_one_step(authors_batch(batch))


def train(which: str, args: argparse.Namespace) -> None:
    """Three steps of one of the two."""
    batch = batch_of(args)
    if which == "authors":
        theirs = authors_trainer(args.checkout, args.device)
        for _ in range(3):
            authors_step(theirs, batch)
    else:
        model = SPADE(labels=LABELS, upsampling="normal", lambda_perceptual=0.0)
        trainer(args.precision, args.device, 3).fit(model, batches(batch, 3))


def main() -> None:
    args = arguments("SPADE against its authors' code.")
    peak_memory(train, args)
    batch = batch_of(args)
    theirs = authors_trainer(args.checkout, args.device)
    ours = our_model(theirs)

    def losses(of: dict[str, Any]) -> list[tuple[Any, Any]]:
        return [
            (of["train/generator/adversarial"], theirs.g_losses["GAN"]),
            (of["train/generator/feature_matching"], theirs.g_losses["GAN_Feat"]),
            (of["train/discriminator/fake"], theirs.d_losses["D_Fake"]),
            (of["train/discriminator/real"], theirs.d_losses["D_real"]),
        ]

    race, steps = Race(lambda: authors_step(theirs, batch), losses, args.device), args.rounds + 1
    trainer(args.precision, args.device, steps, race).fit(ours, batches(batch, steps))
    first = [float(f"{d:.1e}") for d in race.difference[:3]]
    compare("training step", race.ours_ms, race.theirs_ms, **setting(args), losses_relative_difference=first)

    ours.eval()
    theirs.pix2pix_model.eval()
    dtype = {"32": torch.float32, "bf16": torch.bfloat16}[args.precision]
    ours.to(dtype)
    segmentation = ours.segmentation(batch["label"], batch["instance"]).to(dtype)

    def translate() -> None:
        ours.generator.forget()  # else the maps of the same segmentation would be kept
        ours(segmentation)

    race_inference(translate, lambda: theirs.pix2pix_model(authors_batch(batch), mode="inference"), args)


if __name__ == "__main__":
    main()
