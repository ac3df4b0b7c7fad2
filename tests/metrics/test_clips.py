"""Metrics of clips, beside the numbers in ``tests/golden/clip_metrics``, whose index says where they come from."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, cast

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

import tiny
from golden.fill import Golden
from i2i_zoo.data.rendered.people_clips import PeopleClips
from i2i_zoo.data.rendered.shapes import COLOURS, ShapesData
from i2i_zoo.errors import ZooError
from i2i_zoo.metrics.clips import (
    ACD,
    FVD,
    MCS,
    ClipIS,
    FrameFID,
    RealMCS,
    content_distance,
    mean_colour,
    motion_energy,
    shape_colour,
    track,
    trunk_colour,
)
from i2i_zoo.metrics.inception import FID
from i2i_zoo.metrics.suites import suite
from i2i_zoo.pretrained.c3d import C3D
from i2i_zoo.pretrained.i3d import resized_as_tensorflow
from i2i_zoo.pretrained.mobilenet import MobileNetFeatures

GOLDEN = Golden("video_metrics", str(Path(__file__).parents[1] / "golden" / "clip_metrics"))


def golden(name: str) -> Tensor:
    return torch.from_numpy(GOLDEN[name])


def checked(name: str, *values: float) -> None:
    ok, ratio, _ = GOLDEN.check(name, torch.tensor([values], dtype=torch.float64))
    assert ok, ratio


@pytest.fixture(scope="module")
def shapes() -> dict[str, Tensor]:
    data = ShapesData(test=48, paths=["up", "left", "down", "right"], num_workers=0, batch_size=48)
    data.setup("test")
    batch: dict[str, Tensor] = next(iter(data.test_dataloader()))
    return batch


@pytest.fixture(scope="module")
def people() -> dict[str, Tensor]:
    data = PeopleClips(test=20, frames=8, num_workers=0, batch_size=20)
    data.setup("test")
    batch: dict[str, Tensor] = next(iter(data.test_dataloader()))
    return batch


def after(metric: Any, *values: Tensor) -> float:
    """What a metric gives for batches of 7."""
    for part in zip(*(value.split(7) for value in values), strict=True):
        metric.update(*part)
    return float(metric.compute())


def test_the_content_distance_of_the_paper() -> None:
    video, mask = (golden(name).transpose(1, 2) for name in ("acd_video", "acd_mask"))
    for name, where in (("acd", mask), ("acd_whole", torch.ones_like(mask))):
        found = content_distance(mean_colour(video.double(), where)).mean().item()
        checked(name, found, found * 15 / 16)  # the second number counts pairs of a frame with itself


def test_the_colour_of_a_rendered_shape_is_exact(shapes: dict[str, Tensor]) -> None:
    assert after(ACD(shape_colour), shapes["video"]) < 1e-3
    expected = torch.tensor(list(COLOURS.values()))[shapes["colour"]].float()
    torch.testing.assert_close(shape_colour(shapes["video"]), expected[:, None].expand(-1, 16, -1), atol=1e-3, rtol=0)


def test_a_shape_that_changes_its_colour_is_found(shapes: dict[str, Tensor]) -> None:
    video = shapes["video"].clone()
    video[:, 8:] = -1 + (video[:, 8:] + 1) * torch.tensor([1.0, 0.5, 1.0])[:, None, None]
    colour = shape_colour(shapes["video"])[:, 0, 1]
    assert after(ACD(shape_colour), video) > 0.2 * colour.mean()
    dark = torch.full_like(video, -1)
    assert after(ACD(shape_colour), dark) == 0  # not undefined


def test_a_clip_of_one_frame_has_no_pairs(shapes: dict[str, Tensor]) -> None:
    with pytest.raises(ZooError, match="at least 2 frames"):
        ACD(shape_colour).update(shapes["video"][:, :1])


def test_the_content_of_people(people: dict[str, Tensor]) -> None:
    """Another person in the second half counts far more than arms that pass before the trunk."""
    video, pose = people["video"], people["pose"]
    alone = after(ACD(trunk_colour), video, pose)
    both = torch.cat([video[:, :4], video.roll(1, 0)[:, 4:]], 1)
    assert 0 < alone < after(ACD(trunk_colour), both, pose) / 3
    assert after(ACD(trunk_colour), video, pose.roll(1, 0)) == pytest.approx(alone, rel=0.3)
    assert after(ACD(trunk_colour), video, torch.zeros_like(pose)) == 0


def test_the_track_is_that_of_the_renderer(shapes: dict[str, Tensor]) -> None:
    known = shapes["position"] / 63
    known = known - known.mean(1, keepdim=True)
    # The square of its brightness moves the centre of a shape by less than half a pixel.
    assert (track(shapes["video"]).view_as(known) - known).abs().max() < 0.5 / 63


def test_the_score_of_motion_of_shapes(shapes: dict[str, Tensor]) -> None:
    video, action = shapes["video"], shapes["action"]
    assert after(RealMCS(track), video, action) == 1
    made, asked = video.flip(0), action.flip(0)
    assert after(MCS(track), made, asked, video, action) == 1
    wrong = torch.arange(len(asked)) < 12
    assert after(MCS(track), made, torch.where(wrong, (asked + 1) % 4, asked), video, action) == 0.75
    assert after(MCS(track), made.flip(1), asked, video, action) == 0


def test_the_score_of_motion_of_people(people: dict[str, Tensor]) -> None:
    video, action = people["video"], people["action"]
    assert after(RealMCS(motion_energy), video, action) >= 0.9
    assert after(MCS(motion_energy), video, action, video, action) >= 0.9
    assert after(MCS(motion_energy), video, 1 - action, video, action) <= 0.1
    still = video[:, :1].expand_as(video)
    assert torch.equal(motion_energy(still), torch.zeros(20, 64, dtype=torch.float64))


def test_one_left_out_is_what_fitting_without_it_gives(people: dict[str, Tensor]) -> None:
    """But for the penalty, which the clip left out takes part in."""
    video, action = people["video"][:8], people["action"][:8].clone()
    action[3] = 1 - action[3]  # which no other clip explains
    found = []
    for index in range(8):
        rest = torch.arange(8) != index
        metric = MCS(motion_energy)
        metric.update(video[index : index + 1], action[index : index + 1], video[rest], action[rest])
        found.append(metric.compute())
    assert after(RealMCS(motion_energy), video, action) == pytest.approx(float(torch.stack(found).mean()))


def test_clips_that_are_all_alike_show_no_motion() -> None:
    still, action = torch.zeros(6, 4, 3, 16, 16), torch.arange(6) % 2
    assert after(MCS(motion_energy), still, action, still, action) == 0.5


def test_motion_of_one_class(people: dict[str, Tensor]) -> None:
    metric = RealMCS(motion_energy)
    metric.update(people["video"], torch.zeros(20, dtype=torch.int64))
    with pytest.raises(ZooError, match="needs real clips of at least 2 classes"):
        metric.compute()


class Given(FVD):
    """Of features, in the place of clips."""

    def prepared(self, pictures: Tensor) -> Tensor:
        return pictures


def test_the_frechet_distance_of_the_reference() -> None:
    real, fake, few = (golden(f"features_{name}") for name in ("real", "fake", "few"))
    network = nn.Identity()
    network.num_features = 24  # type: ignore[assignment]  # any attribute
    found = [
        float(after_whole(Given(network), made, true))
        for made, true in ((fake, real), (real, fake), (real, real), (fake, real[:96]), (fake, few))
    ]
    checked("frechet_tfgan", *found)
    assert not GOLDEN.check("frechet_biased", torch.tensor([found]))[0]


def after_whole(metric: FID, made: Tensor, real: Tensor) -> Tensor:
    metric.update(made, real)
    return metric.compute()


def test_resizing_of_tensorflow_1() -> None:
    at = torch.arange(0, 224, 37)
    for stored, given in (("resize_legacy", "frames"), ("resize_legacy_down", "frames256")):
        resized = resized_as_tensorflow(GOLDEN.input(given) * 255, (224, 224))
        ok, ratio, _ = GOLDEN.check(stored, resized[..., at, :][..., at])
        assert ok, ratio
    other = F.interpolate(GOLDEN.input("frames") * 255, (224, 224), mode="bilinear")[..., at, :][..., at]
    assert GOLDEN.check("resize_half_pixel", other)[0]
    assert not GOLDEN.check("resize_legacy", other)[0]


class Script(nn.Module):
    """In I3D's place: the sums of the colours of each half of the clip."""

    def forward(
        self, video: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False
    ) -> Tensor:
        assert rescale
        assert resize
        assert return_features
        assert video.shape[3] == 224
        halves = torch.stack(torch.chunk(video.mean((3, 4)), 2, 2), 2).mean(3).flatten(1)
        return torch.cat([halves, torch.zeros(video.shape[0], 394)], 1)


@pytest.fixture
def torchscript(tmp_path: Path) -> Path:
    path = tmp_path / "i3d_torchscript.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(Script()).save(str(path))
    return path


def test_fvd(shapes: dict[str, Tensor], torchscript: Path, tmp_path: Path) -> None:
    video = shapes["video"]
    for resize, title in (("tensorflow", "TensorFlow"), ("pytorch", "PyTorch")):
        measures, missing = suite(tiny.model(), "", {"fvd": {"weights": torchscript, "resize": resize}})
        assert not missing
        assert measures["fvd"].title == f"FVD (I3D, Kinetics-400, {title} resize)"
        metric = measures["fvd"].metric
        assert after(metric, video, video) == pytest.approx(0, abs=1e-4)
        metric.reset()
        assert after(metric, video[..., 0:1, :, :], video) > 1  # grey clips have three equal channels
        metric.reset()
        metric.update(video[:1], video)
        with pytest.raises(ZooError, match="FVD needs at least 2 clips"):
            metric.compute()
        with pytest.raises(ZooError, match="at least 10 frames, not of 9"):
            metric.update(video[:, :9], video[:, :9])
    with pytest.raises(ZooError, match="no resize 'cubic': choose tensorflow or pytorch"):
        suite(tiny.model(), "", {"fvd": {"weights": torchscript, "resize": "cubic"}})
    (tmp_path / "bad.pt").write_bytes(b"no archive")
    for name in ("bad.pt", "none.pt"):
        with pytest.raises(ZooError, match="cannot be read as a TorchScript file"):
            suite(tiny.model(), "", {"fvd": {"weights": tmp_path / name}})


def test_fid_of_frames_is_fid_of_pictures(shapes: dict[str, Tensor]) -> None:
    made, real = shapes["video"][:10], shapes["video"][10:20]
    frames = after_whole(FID(tiny.Features()), made.flatten(0, 1), real.flatten(0, 1))
    assert frames > 1e-6
    found = FrameFID(tiny.Features())
    assert after(found, made, real) == pytest.approx(float(frames), rel=1e-4)


def test_frames_by_their_measures(shapes: dict[str, Tensor], tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "mobilenet.pt"
    torch.save(torchvision.models.mobilenet_v2(weights=None).features.state_dict(), path)
    measures, missing = suite(tiny.model(), "", {"frame_frechet_mobilenetv2": {"weights": path}})
    assert not missing
    measure = measures["frame_frechet_mobilenetv2"]
    assert measure.title == "Fréchet distance of MobileNetV2 features of frames (not FID)"
    assert measure.needs == ("output", "target")
    made, real = shapes["video"][:2, ::4], shapes["video"][2:4, ::4]
    expected = after_whole(FID(MobileNetFeatures(path)), made.flatten(0, 1), real.flatten(0, 1))
    assert after_whole(cast(FID, measure.metric), made, real) == pytest.approx(float(expected), rel=1e-3, abs=1e-6)
    with pytest.raises(ZooError, match=r"mobilenet\.pt holds no Inception network"):
        suite(tiny.model(), "", {"frame_fid": {"weights": path}})


class Stored(nn.Module):
    """In C3D's place: the row of a table (N, K) that the first pixel names."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table, self.classes = table, table.shape[1]

    def forward(self, clips: Tensor, randoms: Any) -> Tensor:
        return self.table[((clips[:, 0, 0, 0, 0] + 1) * 50).round().long()]


def test_the_inception_score_of_tgan() -> None:
    numbers = torch.arange(60)
    clips = (numbers / 50 - 1)[:, None, None, None, None].expand(60, 16, 1, 2, 2)
    found = after(ClipIS(Stored(golden("probabilities"))), clips)
    checked("score_tgan", found, found)
    certain = torch.eye(101)
    checked("score_tgan_hard", *(after(ClipIS(Stored(certain[numbers % classes])), clips) for classes in (10, 1)))


def test_dropout_is_the_same_in_every_run_and_for_any_batches(shapes: dict[str, Tensor]) -> None:
    torch.manual_seed(0)
    network = C3D(classes=6, divisor=64)
    network.fc8.weight.data *= 40  # type: ignore[operator, union-attr]  # so that the classes differ
    video = shapes["video"][:9]
    state = torch.get_rng_state()
    scores = []
    for dropout, batch in ((True, 9), (True, 2), (False, 9)):
        metric = ClipIS(network, dropout)
        for part in video.split(batch):
            metric.update(part)
        scores.append(float(metric.compute()))
    assert torch.equal(torch.get_rng_state(), state)
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)
    assert abs(scores[0] - scores[2]) > 1e-4


def test_what_is_measured_without_any_download(shapes: dict[str, Tensor], people: dict[str, Tensor]) -> None:
    task = tiny.model()
    measures, missing = suite(task, "", dict.fromkeys(["acd_shapes", "mcs_shapes", "is_c3d", "fvd"]))
    assert [sentence.split(":")[0] for sentence in missing] == ["is_c3d is not measured", "fvd is not measured"]
    assert "conv3d_deepnetA_ucf.npz and mean2.npz" in missing[0]
    assert "i3d_torchscript.pt" in missing[1]
    given = {"output": shapes["video"], "output_action": shapes["action"], "target": shapes["video"], **shapes}
    numbers = {
        name: after(measure.metric, *(given[key] for key in measure.needs)) for name, measure in measures.items()
    }
    assert numbers == {
        "acd_shapes": pytest.approx(0, abs=1e-3),
        "acd_shapes_real": pytest.approx(0, abs=1e-3),
        "mcs_shapes": 1,
        "mcs_shapes_real": 1,
    }
    measures, _ = suite(task, "", dict.fromkeys(["acd_people", "mcs_people"]))
    given = {"output": people["video"], "output_action": people["action"], "target": people["video"], **people}
    for name, measure in measures.items():
        assert after(measure.metric, *(given[key] for key in measure.needs)) > 0.5
        assert measure.title.startswith(name[:3].upper())
