"""A run small enough for a test: pix2pix on rendered scenes of 64 pixels."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from i2i_zoo.data.rendered.street_data import SyntheticPairs
from i2i_zoo.media.labels import palette_colours
from i2i_zoo.methods.pix2pix import Pix2Pix

#: The same as arguments of the command line.
ARGS = [
    *("--model=Pix2Pix", "--model.generator=unet_64", "--model.width=4", "--model.discriminator_width=4"),
    *("--data=SyntheticPairs", "--data.train=4", "--data.val=3", "--data.test=3", "--data.size=64"),
    *("--trainer.max_epochs=1", "--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false"),
    *("--trainer.enable_model_summary=false", "--trainer.log_every_n_steps=1"),
]


def model(**hparams: Any) -> Pix2Pix:
    # Without dropout, so that a resumed run can be compared with one that was not interrupted.
    return Pix2Pix(**{"generator": "unet_64", "width": 4, "discriminator_width": 4, "dropout": False, **hparams})


def data(**options: Any) -> SyntheticPairs:
    return SyntheticPairs(**{"train": 4, "val": 3, "test": 3, "size": 64, **options})


def trainer(folder: Any, *callbacks: L.Callback, **options: Any) -> L.Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    defaults = {"accelerator": "cpu", "max_epochs": 1, "enable_model_summary": False, "log_every_n_steps": 1}
    return L.Trainer(
        **{**quiet, **defaults, "default_root_dir": folder, "use_distributed_sampler": False, **options},
        callbacks=list(callbacks),
    )


class Features(nn.Module):
    """In Inception's place: random features of pictures (B, 3, H, W) of uint8."""

    num_features = 6

    def forward(self, pictures: Tensor) -> Tensor:
        assert pictures.dtype == torch.uint8
        small = nn.functional.adaptive_avg_pool2d(pictures.float() / 255, 4).flatten(1)
        mixing = torch.randn(48, self.num_features, generator=torch.Generator().manual_seed(0))
        return torch.tanh(small @ mixing) * 3


class Segmenter(nn.Module):
    """Finds the class of CamVid whose colour is nearest."""

    def forward(self, pictures: Tensor) -> Tensor:
        colours = torch.from_numpy(palette_colours("camvid")).float() / 127.5 - 1
        return -((pictures[:, None] - colours[None, :, :, None, None]) ** 2).sum(2)
