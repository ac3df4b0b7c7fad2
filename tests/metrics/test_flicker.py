"""The warping error on motion that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor

import tiny
from i2i_zoo.callbacks.evaluation import Evaluation
from i2i_zoo.data.rendered.dancer import RenderedDancer
from i2i_zoo.data.rendered.people_clips import PeopleClips
from i2i_zoo.data.rendered.street_clips import StreetClips
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.mocogan import MoCoGAN
from i2i_zoo.methods.vid2vid import Vid2Vid
from i2i_zoo.metrics.flicker import KnownWarpingError, WarpingError, visible, warping_error
from i2i_zoo.metrics.suites import suite
from i2i_zoo.networks.flow import warp


def shifted_clip(step: int = 2, frames: int = 4) -> tuple[Tensor, Tensor]:
    """A texture that moves to the right by whole pixels, and the flow."""
    texture = torch.rand(1, 3, 12, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1
    clip = torch.stack([texture[..., 20 - step * time : 36 - step * time] for time in range(frames)], 1)
    flow = torch.zeros(1, frames - 1, 2, 12, 16)
    flow[:, :, 0] = step
    return clip, flow


def test_what_moves_does_not_count_and_what_flickers_does() -> None:
    clip, flow = shifted_clip()
    seen = torch.ones(1, 3, 1, 12, 16)
    seen[..., 14:] = 0  # what leaves the picture
    assert warping_error(clip, flow, seen).item() == pytest.approx(0, abs=1e-10)
    assert warping_error(clip, torch.zeros_like(flow), seen).item() > 0.05
    lit = clip / 2
    lit[:, 1::2] += 0.2  # of 2, so a tenth in values from 0 to 1
    assert warping_error(lit, flow, seen).item() == pytest.approx(0.01, rel=1e-4)
    assert warping_error(lit, flow, torch.zeros_like(seen)).item() == 0


def test_only_visible_pixels_count() -> None:
    clip, flow = shifted_clip(frames=2)
    clip[:, 0, :, 5, 5] = -clip[:, 0, :, 5, 5]
    seen = torch.ones(1, 1, 1, 12, 16)
    seen[..., 14:] = 0
    wrong = warping_error(clip, flow, seen).item()
    assert wrong == pytest.approx(clip[0, 0, :, 5, 5].square().sum().item() / (3 * 12 * 14), rel=1e-4)
    seen[..., 5, 5] = 0
    assert warping_error(clip, flow, seen).item() == pytest.approx(0, abs=1e-10)


def test_between_pixels_and_beyond_the_border() -> None:
    picture = torch.arange(8.0).expand(1, 1, 4, 8)
    flow = torch.zeros(1, 2, 4, 8)
    flow[:, 0], flow[:, 1] = 0.25, -3
    expected = (torch.arange(8.0) + 0.25).clamp(max=7).expand(1, 1, 4, 8)
    torch.testing.assert_close(warp(picture, flow), expected)


def test_flows_that_return_are_visible() -> None:
    forward = torch.zeros(1, 2, 8, 8)
    forward[:, 0, :, :4] = 3
    backward = torch.zeros(1, 2, 8, 8)
    backward[:, 0, :, 3:7] = -3
    seen = visible(forward, backward)
    # The left half moves over the right one: behind it, and at the edge of the motion, nothing is seen in both.
    assert seen[0, 0, 3].tolist() == [1, 1, 1, 0, 0, 0, 0, 1]


def test_the_metric_takes_flows_or_finds_them() -> None:
    clip, flow = shifted_clip()
    still = clip[:, :1].expand_as(clip)
    given = WarpingError()
    seen = torch.ones(1, 3, 1, 12, 16)
    given.update(clip, flow=flow, seen=seen)
    given.update(still, flow=flow, seen=seen)
    expected = warping_error(torch.cat([clip, still]), torch.cat([flow] * 2), torch.cat([seen] * 2)).mean()
    assert given.compute().item() == pytest.approx(expected.item(), rel=1e-5)
    calls = []

    def find(first: Tensor, second: Tensor) -> Tensor:
        calls.append(first)
        sign = 1 if torch.equal(first[0], clip[0, 0]) else -1
        return sign * flow.flatten(0, 1)

    found = WarpingError(find)
    found.update(still, clip)
    assert len(calls) == 2
    assert found.compute().item() > 0.05  # it does not move as it should
    with pytest.raises(ZooError, match="at least 2 frames"):
        given.update(clip[:, :1])
    with pytest.raises(ZooError, match="give both, or neither"):
        given.update(clip, flow=flow)
    with pytest.raises(ZooError, match="needs a flow: give it"):
        given.update(clip)


def along(clip: Tensor, flow: Tensor, seen: Tensor) -> float:
    metric = KnownWarpingError()
    metric.update(clip, flow, seen)
    return metric.compute().item()


def test_a_known_flow_leads_back() -> None:
    clip, flow = shifted_clip()
    back = torch.cat([torch.full_like(flow[:, :1], 99), -flow], 1)  # the first leads out of the clip
    seen = torch.ones(1, 4, 1, 12, 16)
    seen[..., :2] = 0  # what has entered the picture
    assert along(clip, back, seen) == pytest.approx(0, abs=1e-10)
    assert along(clip, -back, seen) > 0.05
    clip[:, 2] += 0.2
    assert along(clip, back, seen) == pytest.approx(2 / 3 * 0.01, rel=0.1)  # some values are clamped


@pytest.mark.parametrize(
    "data",
    [
        StreetClips(val=1, frames=4, num_workers=0),
        PeopleClips(val=1, frames=4, batch_size=1, flow=True, background="places", num_workers=0),
        RenderedDancer(val=1, shown=4, size=(128, 64), flow=True, num_workers=0),
    ],
    ids=lambda data: type(data).__name__,
)
def test_rendered_clips_know_their_flow_and_what_is_seen(data: Any) -> None:
    data.setup("validate")
    batch = next(iter(data.val_dataloader()))
    video, flow, seen = (batch[key] for key in ("video", "flow", "seen"))
    assert flow.shape == (1, 4, 2, *video.shape[-2:])
    assert seen.shape == (1, 4, 1, *video.shape[-2:])
    assert seen[:, 1:].float().mean() > 0.9
    true = along(video, flow, seen)
    # Pixels that are hidden in the frame before differ most, and so do those that are looked for elsewhere.
    assert true < 0.8 * along(video, flow, torch.ones_like(seen))
    assert true < 0.5 * along(video, 0 * flow, seen)
    assert true < 0.2 * along(video + 0.2 * torch.randn_like(video), flow, seen)


STREETS: dict[str, Any] = {
    "labels": 12, "width": 4, "downs": 1, "blocks": 2, "foreground": (), "lambda_perceptual": 0.0
}  # fmt: skip


def test_a_model_is_tested_along_the_flow_of_the_data(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Vid2Vid(**STREETS)
    data = StreetClips(test=2, frames=4, size=[32, 64], num_workers=0)
    trainer = tiny.trainer(tmp_path, Evaluation(["warping_error"]))
    (found,) = trainer.test(model, datamodule=data, verbose=False)
    data.setup("test")
    expected, real = [], []
    with torch.inference_mode():
        for batch in data.test_dataloader():
            made = model.eval().predict_step(batch, 0)
            # Of two given frames, the second is the one before the first made one.
            chosen = [batch[key][:, 1:] for key in ("flow", "seen")]
            expected.append(along(made[:, 1:], *chosen))
            real.append(along(batch["video"][:, 1:], *chosen))
    assert found["test/warping_error"] == pytest.approx(sum(expected) / 2, rel=1e-4)
    assert found["test/warping_error_real"] == pytest.approx(sum(real) / 2, rel=1e-4)
    assert expected > real


def test_a_network_finds_the_flow_where_it_is_not_known(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(torchvision.models.get_model("raft_small", weights=None).state_dict(), tmp_path / "raft.pth")
    options = {"warping_error": {"flow": "raft_small", "weights": tmp_path / "raft.pth"}}
    measures, missing = suite(Vid2Vid(**STREETS), "", options)
    assert missing == []
    assert measures["warping_error"].needs == ("clip", "real_clip")
    metric, clip = measures["warping_error"].metric, shifted_clip()[0]
    metric.update(clip, clip.flip(1))
    assert 0 <= metric.compute() < 1
    noise = MoCoGAN(channels=1, size=16)
    measures, _ = suite(noise, "", options)
    assert measures["warping_error"].needs == ("clip",)
    measures["warping_error"].metric.update(clip[:, :, :1])  # in grey
    with pytest.raises(ZooError, match="option flow of the metric warping_error"):
        suite(noise, "", {"warping_error": None})
