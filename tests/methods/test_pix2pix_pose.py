"""pix2pix on poses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch

from i2i_zoo.methods.pix2pix_pose import Pix2PixPose
from methods.base import PoseTester

NARROW: dict[str, Any] = {"width": 4, "discriminator_width": 4}
TINY = NARROW | {"dropout": False, "receptive_field": 34}


class TestPix2PixPose(PoseTester):
    method = Pix2PixPose
    narrow = NARROW
    tiny = TINY

    @classmethod
    def recipe_options(cls, hparams: Any, folder: Path) -> dict[str, Any]:
        return {"data.size": [128, 64]}


class TestBaseline(PoseTester):
    method = Pix2PixPose
    tiny: ClassVar = TINY | {"generator": "baseline_5"}


def test_as_many_parameters_as_pix2pix_with_these_channels() -> None:
    def counts(**options: Any) -> list[int]:
        with torch.device("meta"):
            model = Pix2PixPose(**options)
            model.configure_model()
        return [sum(p.numel() for p in network.parameters()) for network in (model.generator, model.discriminator)]

    assert counts() == [29_280_899, 2_805_569]
    assert counts(generator="unet_256") == [54_450_819, 2_805_569]
    assert counts(generator="baseline_5") == [36_072_533, 2_803_782]
    assert counts(generator="baseline_6") == [48_655_449, 2_803_782]
