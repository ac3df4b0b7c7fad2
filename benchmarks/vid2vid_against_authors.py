"""vid2vid's training step against the authors' code: the same weights, the same batch, one process, in turns.

    git clone https://github.com/NVIDIA/vid2vid authors
    python benchmarks/vid2vid_against_authors.py authors --size 128 --width 32

A step is the first chunk of a clip: six frames after two given ones, with labels, edges and a foreground, then the
updates of the generator, of the discriminator of frames and of that of neighbouring ones.  Everything is as the
authors' script for Cityscapes has it, but the generator is narrower, and there is no perceptual loss, whose classifier
is the same in both.

Their flow is found by FlowNet2, which needs CUDA.  Here both take the flow that is known of rendered streets, and no
time for finding it counts; whether it can be trusted is computed by each.  So that their code runs on a CPU, its calls
of ``cuda`` do nothing, and ``grid_sample`` aligns corners, as it did when it was written.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import sys
import types
from typing import Any

import torch
from race import Race, arguments, batches, compare, setting, trainer
from torch.nn import functional as F

from i2i_zoo.convert import vid2vid as convert
from i2i_zoo.data.rendered.street_clips import StreetClips
from i2i_zoo.methods.vid2vid import Vid2Vid

LABELS, CARS, FRAMES, PAST = 12, 8, 6, 2


def without_cuda() -> None:
    """Let code that was written for a GPU run on a CPU."""
    torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[method-assign,assignment]
    torch.nn.Module.cuda = lambda self, *_, **__: self  # type: ignore[method-assign,assignment]
    torch.cuda.FloatTensor, torch.cuda.ByteTensor = torch.FloatTensor, torch.ByteTensor  # type: ignore[misc,assignment]
    F.grid_sample = functools.partial(F.grid_sample, align_corners=True)
    with contextlib.suppress(ImportError):
        import cv2  # type: ignore[import-not-found]  # noqa: F401
    sys.modules.setdefault("cv2", types.ModuleType("cv2"))  # imported for what is not used here


class Authors:
    """Their models, and a step as in their ``train.py``."""

    def __init__(self, checkout: str, args: argparse.Namespace, batch: dict[str, torch.Tensor]) -> None:
        sys.path.insert(0, checkout)
        from models.vid2vid_model_D import Vid2VidModelD  # type: ignore[import-not-found]
        from models.vid2vid_model_G import Vid2VidModelG  # type: ignore[import-not-found]

        options = types.SimpleNamespace(
            **{"isTrain": True, "gpu_ids": [-1], "n_gpus_gen": 1, "batchSize": args.batch, "debug": True},
            **{"checkpoints_dir": "", "name": "", "continue_train": False, "load_pretrain": "", "fp16": False},
            **{"label_nc": LABELS, "input_nc": 3, "output_nc": 3, "use_instance": True, "dataset_mode": "temporal"},
            **{"ngf": args.width, "n_blocks": 9, "n_downsample_G": 3, "netG": "composite", "norm": "batch"},
            **{"n_scales_spatial": 1, "n_frames_G": PAST + 1, "fg": True, "fg_labels": [CARS], "no_flow": False},
            **{"openpose_only": False, "no_first_img": False, "use_single_G": False, "add_face_disc": False},
            **{"ndf": 64, "n_layers_D": 3, "num_D": 2, "n_frames_D": 3, "n_scales_temporal": 2},
            **{"no_ganFeat": False, "no_vgg": True, "gan_mode": "ls", "sparse_D": False, "TTUR": False},
            **{"lambda_feat": 10.0, "lambda_F": 10.0, "lambda_T": 10.0, "lr": 2e-4, "beta1": 0.5},
            **{"max_frames_per_gpu": FRAMES, "n_frames_total": FRAMES, "niter_fix_global": 0},
        )
        self.generator, self.discriminator = Vid2VidModelG(), Vid2VidModelD()
        with contextlib.redirect_stdout(io.StringIO()):
            self.generator.initialize(options)
            self.discriminator.initialize(options)
        self.batch, self.losses = batch, dict[str, torch.Tensor]()

    def states(self) -> dict[str, Any]:
        """Their weights, by the names of `convert`."""
        found = {"generator": self.generator.netG0, "image_discriminator": self.discriminator.netD}
        found |= {f"temporal_discriminator_{s}": getattr(self.discriminator, f"netD_T{s}") for s in range(2)}
        return {name: {key: x.clone() for key, x in net.state_dict().items()} for name, net in found.items()}

    def flow(self, real: torch.Tensor, before: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """In place of FlowNet2: the flow of the data, and where it finds pixels again."""
        flow = self.batch["flow"][:, PAST:]
        found = self.discriminator.resample(before.flatten(0, 1), flow.flatten(0, 1)).view_as(real)
        return flow, ((real - found).square().sum(2, keepdim=True) < 0.02).float()

    def __call__(self) -> None:
        judge = self.discriminator
        label, instance = (self.batch[key][:, :, None] for key in ("label", "instance"))
        fake, raw, flow, weight, guide, real_all, _ = self.generator(label, self.batch["video"], instance, None)
        before, real = real_all[:, :-1], real_all[:, 1:]
        known, trusted = self.flow(real, before)
        fake_before = self.generator.compute_fake_B_prev(before, None, fake)
        tensors = [real, fake, raw, guide, before, fake_before, flow, weight, known, trusted]
        losses = [x.mean() for x in judge(0, [x.contiguous().flatten(0, 1) for x in tensors])]
        named = dict(zip(judge.loss_names, losses, strict=True))
        nothing = None, None, None, None
        _, skipped = judge.get_all_skipped_frames(nothing, real, fake, known, trusted, 2, 3, FRAMES, 0, self.flow)
        losses = [x.mean() for x in judge(1, [part[0] for part in skipped])]
        temporal = dict(zip(judge.loss_names_T, losses, strict=True))
        self.losses = {key: x.detach().clone() for key, x in (named | temporal).items()}
        loss_g, loss_d, loss_t, _ = judge.get_losses(named, [temporal], 2)
        for loss, optimizer in (
            (loss_g, self.generator.optimizer_G),
            (loss_d, judge.optimizer_D),
            (loss_t[0], judge.optimizer_D_T0),
        ):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def our_model(theirs: Authors) -> Vid2Vid:
    """Our model with their weights."""
    hparams, tensors = convert.read(theirs.states(), labels=LABELS, edges=True, foreground=(CARS,))
    model = Vid2Vid(**hparams, lambda_perceptual=0.0, frames=FRAMES, chunk=FRAMES)
    model.configure_model()
    model.load_state_dict(tensors)
    return model


def street_batch(args: argparse.Namespace) -> dict[str, torch.Tensor]:
    """Drives along rendered streets, twice as wide as high."""
    size = [args.size // 2, args.size]
    data = StreetClips(size=size, frames=PAST + FRAMES, batch_size=args.batch, train=args.batch, num_workers=0)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    return {key: value.to(args.device) for key, value in batch.items() if isinstance(value, torch.Tensor)}


def main() -> None:
    args = arguments("vid2vid against its authors' code, on a CPU.", width=32)
    if args.device != "cpu":
        raise SystemExit("This benchmark runs on a CPU: their flow needs an extension that a GPU would compile.")
    without_cuda()
    batch = street_batch(args)
    theirs = Authors(args.checkout, args, batch)
    ours = our_model(theirs)
    temporal = "temporal_discriminator_0"
    names = {
        "G_GAN": ["generator/adversarial"],
        "G_GAN_Feat": ["generator/feature_matching"],
        "G_T_GAN": [f"generator/adversarial_{temporal}"],
        "G_T_GAN_Feat": [f"generator/feature_matching_{temporal}"],
        "F_Flow": ["generator/flow"],
        "F_Warp": ["generator/flow_warp"],
        "G_Warp": ["generator/warp"],
        "D_real": ["image_discriminator/real"],
        "D_fake": ["image_discriminator/fake", "image_discriminator/raw"],
        "D_T_real": [f"{temporal}/real"],
        "D_T_fake": [f"{temporal}/fake"],
    }

    def losses(of: dict[str, Any]) -> list[tuple[Any, Any]]:
        # Those of discriminators are halved later.
        scale = {name: 0.5 if name.startswith("D_") else 1.0 for name in names}
        return [
            (sum(of[f"train/{ours_name}"] for ours_name in parts), scale[name] * theirs.losses[name])
            for name, parts in names.items()
        ]

    steps = args.rounds + 1
    race = Race(theirs, losses, "cpu")
    trainer(args.precision, "cpu", steps, race).fit(ours, batches(batch, steps))
    first = [float(f"{d:.1e}") for d in race.difference[:3]]
    more = {"size": args.size, "width": args.width, "losses_relative_difference": first}
    compare("training step", race.ours_ms, race.theirs_ms, **setting(args), **more)


if __name__ == "__main__":
    main()
