"""VGAN: its training step, its variants, and the parts of its clips."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

import i2i_zoo
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.methods.vgan import VGAN
from methods.base import NoiseTester, fit

NARROW: dict[str, Any] = {"width": 2, "discriminator_width": 2, "latent": 5}
TINY = NARROW | {"size": 32, "frames": 16}


class TestVGAN(NoiseTester):
    method = VGAN
    narrow = NARROW
    tiny = TINY

    def test_the_parts_make_the_clip(self, model: Any) -> None:
        clip, foreground, background, mask = (
            model.eval().sampler(part=part).make([0], 3) for part in ("clip", "foreground", "background", "mask")
        )
        assert background.shape == (1, 1, 3, 32, 32)
        mask = (mask + 1) / 2
        torch.testing.assert_close(clip, mask * foreground + (1 - mask) * background)
        assert [image.mode for image in model.sample(1, part="mask")[0]] == ["L"] * 16
        with pytest.raises(ZooError, match="part='sky': give 'clip' or 'foreground' or 'background' or 'mask'"):
            model.sample(1, part="sky")

    def test_other_lengths_are_refused(self, model: Any) -> None:
        with pytest.raises(ZooError, match=r"has frames=16, and the clips have 8: use --data\.frames 16"):
            fit(model, {"video": self.batch(self.size)["video"][:, :8]})
        with pytest.raises(ZooError, match="frames=20: these networks make clips of a multiple of 16 frames"):
            VGAN(frames=20)

    def test_losses_are_those_of_the_authors(self, model: Any) -> None:
        """Each verdict is the cross-entropy of two classes, and the mask's mean counts a tenth."""
        batch, codes, before = self.batch(self.size), model.draw_codes(2), self.build().train()
        model.draw_codes = lambda count: codes
        losses = fit(model, batch).losses[0]
        made = before.streams(codes)  # type: ignore[operator]
        real, fake = (before.discriminator(clips).log_softmax(1) for clips in (batch["video"], made.clip))
        assert losses["train/discriminator/real"] == pytest.approx(-real[:, 1].mean().item(), rel=1e-4)
        assert losses["train/discriminator/fake"] == pytest.approx(-fake[:, 0].mean().item(), rel=1e-4)
        assert losses["train/generator/mask"] == pytest.approx(0.1 * made.mask.mean().item(), rel=1e-4)
        updated = model.discriminator(made.clip).log_softmax(1)
        assert losses["train/generator/adversarial"] == pytest.approx(-updated[:, 1].mean().item(), rel=1e-3)


def test_norms_of_the_conditional_model_have_the_authors_epsilon() -> None:
    """``main_conditional.lua`` gives 1e-3 to those of the encoder, and none to those after it, so Torch's 1e-5."""
    model = VGAN(**TINY | {"variant": "conditional"})
    found = {
        (name.split(".")[0], layer.eps)
        for name, layer in model.generator.named_modules()
        if isinstance(layer, (nn.BatchNorm2d, nn.BatchNorm3d))
    }
    assert found == {("encoder", 1e-3), ("trunk", 1e-5), ("background", 1e-5)}


class TestOneStream(NoiseTester):
    method = VGAN
    tiny: ClassVar = TINY | {"variant": "one_stream", "channels": 1}

    def test_it_has_no_parts(self, model: Any) -> None:
        assert "train/generator/mask" not in fit(model, self.batch(self.size)).losses[0]
        with pytest.raises(ZooError, match="This VGAN takes no part: leave it out"):
            model.sample(1, part="mask")


class TestConditional:
    @pytest.fixture
    def model(self) -> Any:
        torch.manual_seed(0)
        model: Any = VGAN(**TINY, variant="conditional")
        model.configure_model()
        return model

    def test_it_trains_to_begin_with_the_frame(self, model: Any) -> None:
        batch = TestVGAN().batch((32, 32))
        before = model.train().streams(batch["video"][:, 0]).clip[:, 0]
        losses = fit(model, batch).losses[0]
        assert losses["train/generator/first"] == pytest.approx(
            10 * F.l1_loss(before, batch["video"][:, 0]).item(), rel=1e-4
        )
        assert "train/generator/mask" not in losses
        with torch.inference_mode():
            outputs = model.eval().validation_step(batch, 0)
            assert torch.equal(outputs["output"], model(batch["video"][:, 0]))
        assert [panel.shape for panel in model.panels(outputs)] == [(2, 3, 32, 8 * 32)] * 2

    def test_a_frame_becomes_a_clip(self, model: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        frame = torch.rand(3, 32, 32) * 2 - 1
        first, second = model.eval().sampler(frame=frame).make(range(2), 0)
        torch.testing.assert_close(first, second)
        with torch.inference_mode():
            torch.testing.assert_close(first, model(frame[None])[0])
        with pytest.raises(ZooError, match=r"This VGAN needs frame \(--frame\): the first frame"):
            model.sample(1)
        monkeypatch.chdir(tmp_path)
        i2i_zoo.save(model, "vgan")
        to_pil(torch.rand(3, 40, 48) * 2 - 1).save("frame.png")
        assert main(["sample", "vgan", "-n", "1", "--frame", "frame.png", "--part", "background", "-o", "out"]) == 0
        (expected,) = model.sample(1, frame="frame.png", part="background")
        with Image.open("out/0-0000.webp") as found:
            np.testing.assert_array_equal(np.asarray(found.convert("RGB")), np.asarray(expected[0]))
