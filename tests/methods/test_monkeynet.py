"""Monkey-Net against its authors' numbers, and what is its own: pairs of frames, key points, reductions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import i2i_zoo
from golden.fill import Golden
from i2i_zoo.cli.main import main
from i2i_zoo.convert.monkeynet import ENTRIES, read
from i2i_zoo.errors import ZooError
from i2i_zoo.hub import init_from
from i2i_zoo.media.clips import open_clip
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.methods.monkeynet import MonkeyNet
from i2i_zoo.methods.schedules import Plateau
from i2i_zoo.networks.keypoints import KeyPoints, gaussians, heat_maps, moments
from i2i_zoo.networks.monkeynet import KeyPointDiscriminator
from methods.authors import Places, Steps, authors_model, check_steps
from methods.base import AnimationTester, fit

NARROW: dict[str, Any] = {"width": 4, "max_width": 8, "discriminator_width": 2, "discriminator_max_width": 8}
TINY = NARROW | {"keypoints": 3, "blocks": 3, "motion_blocks": 3, "refinements": 1, "groups": 1}

#: What the tensors of the authors' ``shapes`` configuration do not show.
SHAPES: dict[str, Any] = {"scale": 10.0, "least_covariance": 0.0}


class TestMonkeyNet(AnimationTester):
    method = MonkeyNet
    narrow = NARROW
    tiny = TINY


class TestReductions(AnimationTester):
    """What the configurations for larger pictures use."""

    method = MonkeyNet
    tiny: ClassVar = TINY | {
        **{"detector_reduction": 2, "motion_reduction": 2, "map_reduction": 4, "shows_displacement": True},
        **{"scale": "sum", "interpolation": "bilinear", "lambda_warped": 10.0, "groups": 0, "align_corners": False},
    }


def golden(case: str) -> Golden:
    return Golden(f"monkeynet_{case}", str(Path(__file__).parents[1] / "golden" / "monkeynet"))


def states(stored: Golden) -> dict[str, dict[str, Tensor]]:
    return {ours: stored.state(theirs) for theirs, ours in ENTRIES.items()}


class OverFrames(nn.Module):
    """The authors' instance norm of clips: over all frames of each together, where ours is of each picture."""

    def __init__(self, norm: nn.InstanceNorm2d, frames: int) -> None:
        super().__init__()
        self.norm, self.frames = norm, frames

    def forward(self, x: Tensor) -> Tensor:
        clips = x.unflatten(0, (-1, self.frames)).transpose(1, 2)
        normed = F.instance_norm(clips, weight=self.norm.weight, bias=self.norm.bias)
        return normed.transpose(1, 2).flatten(0, 1)


@pytest.mark.parametrize(("align_corners", "suffix"), [(True, ""), (False, "_ac0"), (True, "_train")])
def test_pictures_are_the_authors(align_corners: bool, suffix: str) -> None:
    stored = golden("forward")
    model = authors_model(MonkeyNet, read, states(stored), align_corners=align_corners, **SHAPES)
    model.train(suffix == "_train")
    for place, norm in enumerate(model.discriminator.norms):
        if isinstance(norm, nn.InstanceNorm2d):
            model.discriminator.norms[place] = OverFrames(norm, 2)
    source, video = stored.input("source"), stored.input("video")

    def clips(pictures: Tensor) -> Tensor:
        return pictures.unflatten(0, (2, 2)).transpose(1, 2)

    with torch.no_grad():
        points = model.keypoint_detector(torch.cat([source, video], 2).transpose(1, 2).flatten(0, 1))
        mean, covariance = (part.unflatten(0, (2, 3)) for part in points)
        if suffix != "_ac0":
            assert stored.check(f"kp_mean{suffix}", mean)[0]
            assert stored.check(f"kp_var{suffix}", covariance)[0]
        own = KeyPoints(*(part[:, :1].expand_as(part[:, 1:]).flatten(0, 1) for part in (mean, covariance)))
        driving = KeyPoints(*(part[:, 1:].flatten(0, 1) for part in (mean, covariance)))
        maps = [each.repeat_interleave(2, 0) for each in model.generator.encode(source[:, :, 0])]
        if not suffix:
            drawn = gaussians(points, (64, 64)).unflatten(0, (2, 3))
            assert stored.check("gaussian", drawn[..., ::4, ::4])[0]
            places = F.pad(model.generator.motion(maps[0], own, driving), (0, 1)).unflatten(0, (2, 2))
            assert stored.check("deformation", places[:, :, ::2, ::2])[0]
        pictures, warped = model.generator.animate(maps, own, driving)
        assert stored.check(f"video_prediction{suffix}", clips(pictures)[..., ::2, ::2])[0]
        assert stored.check(f"video_deformed{suffix}", clips(warped)[..., ::2, ::2])[0]
        _, *judged = model.discriminator(pictures, heat_maps(driving, (64, 64), 10.0))
        assert stored.check_tensors(f"disc{suffix}", list(map(clips, judged)))[0]
        assert stored.check(f"score{suffix}", clips(judged[-1]))[0]


class InOrder(MonkeyNet):
    """Monkey-Net with the first two frames of each clip in place of those that it draws."""

    def pairs(self, video: Tensor) -> tuple[Tensor, Tensor]:
        return video[:, 0], video[:, 1]


def test_two_steps_are_the_authors() -> None:
    stored = golden("train")
    model = authors_model(InOrder, read, states(stored), **SHAPES)
    video = torch.cat([stored.input("source"), stored.input("video")], 2).transpose(1, 2) * 2 - 1
    layers = [f"generator/layer_{number}" for number in range(5)]
    steps = Steps((*layers, "generator/adversarial", "discriminator/real", "discriminator/fake"))
    fit(model, {"video": video}, steps=2, callbacks=[steps])
    steps.losses = [[*row[:6], row[6] + row[7]] for row in steps.losses]
    check_steps(stored, Places(read, states(stored)), steps, ENTRIES)


@pytest.mark.parametrize(
    ("hparams", "parameters"),
    [
        ({"keypoints": 4, "width": 16, "max_width": 128, "groups": 0}, (2_111_899, 1_027_072, 1_713_345)),
        ({}, (19_088_315, 9_412_600, 1_719_489)),
        ({"max_width": 1024}, (28_528_571, 14_132_728, 1_719_489)),
        ({"max_width": 1024, "blocks": 6, "shows_displacement": True}, (52_235_653, 14_132_728, 1_719_489)),
        ({"max_width": 1024, "blocks": 7}, (80_629_691, 14_132_728, 1_719_489)),
    ],
)
def test_parameters_are_those_of_the_authors(hparams: dict[str, Any], parameters: tuple[int, ...]) -> None:
    with torch.device("meta"):
        model = MonkeyNet(**hparams)
        model.configure_model()
    networks = (model.generator, model.keypoint_detector, model.discriminator)
    assert tuple(sum(p.numel() for p in network.parameters()) for network in networks) == parameters


def test_moments_are_those_of_the_definition() -> None:
    torch.manual_seed(0)
    shares = (4 * torch.randn(2, 3, 8, 12)).flatten(2).softmax(2).view(2, 3, 8, 12).double()
    points = moments(shares)
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, n, dtype=torch.float64) for n in (8, 12)), indexing="ij")
    places = torch.stack([x, y], -1).flatten(0, 1)
    weights = shares.flatten(2)
    mean = weights @ places
    offsets = places - mean[:, :, None]
    covariance = torch.einsum("bkp,bkpi,bkpj->bkij", weights, offsets, offsets)
    torch.testing.assert_close(points.mean, mean)
    torch.testing.assert_close(points.covariance, covariance)
    smallest = torch.linalg.svdvals(covariance)[..., -1]
    least = float(smallest.median())
    enlarged = moments(shares, least).covariance
    torch.testing.assert_close(enlarged, covariance * (smallest.clamp_min(least) / smallest)[..., None, None])


def test_gaussians_are_those_of_the_definition() -> None:
    points = KeyPoints(torch.tensor([[[0.2, -0.4]]]), torch.tensor([[[[0.3, 0.1], [0.1, 0.2]]]]))
    found = gaussians(points, (5, 9))[0, 0]
    offset = torch.tensor([-1 + 2 * 7 / 8 - 0.2, -1 + 2 * 1 / 4 + 0.4])
    expected = torch.exp(-0.5 * offset @ torch.linalg.inv(points.covariance[0, 0]) @ offset)
    assert float(found[1, 7]) == pytest.approx(float(expected), abs=1e-6)
    torch.testing.assert_close(heat_maps(points, (5, 9), "sum").sum((2, 3)), torch.ones(1, 1))
    torch.testing.assert_close(heat_maps(points, (5, 9), 10.0)[0, 0], found / 10)


def test_points_of_one_pixel_have_gradients() -> None:
    logits = torch.zeros(1, 2, 8, 8, requires_grad=True)
    with torch.no_grad():
        logits[0, 0, 3, 3] = 1000.0
    shares = logits.flatten(2).softmax(2).view(1, 2, 8, 8) + 1e-7
    points = moments(shares, 0.001)
    (gaussians(points, (8, 8)).sum() + points.covariance.sum()).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_before_training_the_background_stands_still() -> None:
    """A last layer of zeros gives each pixel of the mask the same, and the background most."""
    model = MonkeyNet(**TINY).eval()
    points = KeyPoints(torch.zeros(1, 3, 2), torch.eye(2).expand(1, 3, 2, 2) * 0.05)
    moved = points._replace(mean=points.mean + torch.tensor([0.3, -0.6]))
    with torch.no_grad():
        places = model.generator.motion(torch.rand(1, 3, 64, 64), points, moved)
    share = 3 / (3 + torch.exp(torch.tensor(2.0)))
    corner = torch.tensor([-1.0, -1.0]) - share * torch.tensor([0.3, -0.6])
    torch.testing.assert_close(places[0, 0, 0], corner)


def test_pairs_are_in_the_order_of_time_or_turned() -> None:
    torch.manual_seed(0)
    model = MonkeyNet(**TINY)
    ramp = torch.arange(2.0) / 10  # so that a mirrored frame can be told
    video = torch.arange(5.0)[None, :, None, None, None] + ramp.expand(4000, 1, 3, 1, 2)
    first, second = model.pairs(video)
    times = torch.stack([first, second], 1)[:, :, 0, 0].amin(2)
    mirrored = first[:, 0, 0, 0] > first[:, 0, 0, 1]
    assert torch.equal(mirrored, second[:, 0, 0, 0] > second[:, 0, 0, 1])
    backwards = times[:, 0] > times[:, 1]
    assert not (backwards & mirrored).any()
    assert float(mirrored.float().mean()) == pytest.approx(0.25, abs=0.03)
    assert float(backwards.float().mean()) == pytest.approx(0.5 * 0.8, abs=0.03)
    assert float((times[:, 0] == times[:, 1]).float().mean()) == pytest.approx(0.2, abs=0.03)
    plain = MonkeyNet(**TINY, time_flip=False, mirror=False)
    first, second = plain.pairs(video)
    assert (second >= first).all()
    assert (first[:, 0, 0, 0] < first[:, 0, 0, 1]).all()


def test_learning_rates_fall_at_milestones() -> None:
    model = MonkeyNet(**TINY, epochs=8, milestones=[4, 6])
    factors = [model.lr_factor("generator", epoch) for epoch in (0, 3, 4, 5, 6, 7)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert model.schedule_epochs == 8


def test_smallest_pictures_of_the_discriminator() -> None:
    network = KeyPointDiscriminator(2, 2, 8)
    assert network.smallest == 61
    assert network(torch.rand(1, 3, 61, 61), torch.rand(1, 2, 61, 61))[-1].shape == (1, 1, 1, 1)
    with pytest.raises(ZooError, match="The discriminator of MonkeyNet needs pictures of at least 61x61, not 32x32"):
        fit(TestMonkeyNet().build(), TestMonkeyNet().batch((32, 32)))


def test_weights_of_layers_are_as_many_as_layers() -> None:
    with pytest.raises(ZooError, match=r"lambda_layers=\[1\]: give 5 weights"):
        MonkeyNet(**TINY, lambda_layers=[1])


def predicting(**hparams: Any) -> Any:
    torch.manual_seed(0)
    return MonkeyNet(**TINY, prediction_epochs=2, prediction_width=8, **hparams)


def test_predicted_key_points() -> None:
    torch.manual_seed(1)
    model, factor = predicting().eval(), torch.randn(2, 3, 2, 2)
    first = KeyPoints(torch.rand(2, 3, 2) * 2 - 1, factor.mT @ factor)
    with torch.no_grad():
        points = model.predicted(first, 5)
        again = model.predicted(first.part(slice(1, 2)), 9)
        model.hparams.predicts_covariance = False
        kept = model.predicted(first, 5)
    assert (points.mean.shape, points.covariance.shape) == ((2, 5, 3, 2), (2, 5, 3, 2, 2))
    torch.testing.assert_close(again.mean[0, :5], points.mean[1])
    assert torch.equal(points.mean[:, 0], first.mean)
    assert torch.equal(points.covariance[:, 0], first.covariance)
    assert (torch.linalg.eigvalsh(points.covariance) >= -1e-6).all()
    assert points.mean.abs().max() <= 1
    assert points.mean[:, 1:].var(1).min() > 0
    assert torch.equal(kept.mean, points.mean)
    assert torch.equal(kept.covariance, first.covariance[:, None].expand(-1, 5, -1, -1, -1))


@pytest.mark.parametrize(("epochs", "moved"), [(1, ["generator", "keypoint_detector"]), (0, ["motion_predictor"])])
def test_the_prediction_is_learnt_after_all_else(epochs: int, moved: list[str]) -> None:
    model = predicting(epochs=epochs)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    buffers = {name: b.clone() for name, b in model.keypoint_detector.named_buffers()}
    fit(model, TestMonkeyNet().batch((64, 64)))
    after = dict(model.named_parameters())
    assert sorted({name.split(".")[0] for name in before if not torch.equal(after[name], before[name])}) == moved
    # The prediction does not change what norms know of pictures.
    same = [torch.equal(b, buffers[name]) for name, b in model.keypoint_detector.named_buffers()]
    assert all(same) is (epochs == 0)


def test_motion_is_learnt_from_the_first_frame() -> None:
    """Two clips that move in different ways: the loss falls below that of clips that stand still."""
    model = predicting(epochs=0, prediction_lr=0.01)
    video = TestMonkeyNet().batch((64, 64))["video"]
    with torch.no_grad():
        found = [model.eval().detect(frame).mean for frame in video.unbind(1)]
    still = F.l1_loss(found[0][:, None].expand(-1, len(found) - 1, -1, -1), torch.stack(found[1:], 1))
    model.train()
    fit(model, {"video": video}, steps=40)
    assert model.losses["train/motion_predictor/mean"] < 0.8 * still
    with pytest.raises(ZooError, match=r"Clips of one frame show no motion to predict: use --data.frames 32"):
        fit(model, {"video": video[:, :1]})


def test_the_predictors_rate_falls_when_its_loss_does_not() -> None:
    parameter = torch.nn.Parameter(torch.zeros(()))
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(torch.optim.SGD([parameter], lr=1.0), patience=3)
    ours = Plateau(3)
    for loss in [3, 2, 2, 2, 2, 2, 1.99999, 2, 2, 2, 2, 1.5, 1.6, 1.6, 1.6, 1.6, 1, *[1] * 10]:
        theirs.step(loss)
        ours.after(loss)
        assert ours.factor == pytest.approx(theirs.get_last_lr()[0])
    assert ours.factor < 1e-2


def test_a_picture_moves_without_a_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = predicting().eval()
    source, driving = model.example_batch(1, 50, 70)["video"][0][:2]
    clip = model.translate(source, frames=10)
    assert clip.shape == (10, 3, 50, 70)
    assert model.translate(source, driving=driving[None]).shape[0] == 1
    assert model.reconstructed(source[None, None].expand(-1, 10, -1, -1, -1), predicted=True).shape == (
        1,
        10,
        3,
        50,
        70,
    )
    for conditions, sentence in (
        ({"frames": 2, "driving": driving[None]}, "Both frames and driving were given"),
        ({"absolute": True}, "absolute goes to the places of a clip: give it"),
        ({}, r"Give a clip to move as, driving \(--driving\), or how many frames to predict, frames \(--frames\)"),
    ):
        with pytest.raises(ZooError, match=sentence):
            model.translate(source, **conditions)
    two_sizes = [to_pil(driving), to_pil(driving[:, :40])]
    with pytest.raises(ZooError, match="driving has frames of 70x50 and of 70x40 pixels: scale them to one size"):
        model.translate(source, driving=two_sizes)
    with pytest.raises(ZooError, match="needs driving"):
        MonkeyNet(**TINY).translate(source)
    i2i_zoo.save(model, tmp_path / "model")
    to_pil(source).save(tmp_path / "me.png")
    line = [
        "translate",
        str(tmp_path / "model"),
        str(tmp_path / "me.png"),
        "--frames",
        "3",
        "-o",
        str(tmp_path / "out"),
    ]
    assert main(line) == 0
    assert open_clip(tmp_path / "out" / "me.webp").count() == 3


def test_the_prediction_begins_with_the_other_networks(tmp_path: Path) -> None:
    first = MonkeyNet(**TINY)
    first.configure_model()
    i2i_zoo.save(first, tmp_path / "first")
    second = predicting(epochs=0)
    second.configure_model()
    before = second.motion_predictor.last.weight.clone()
    init_from(second, tmp_path / "first")
    assert torch.equal(second.generator.last.weight, first.generator.last.weight)
    assert torch.equal(second.motion_predictor.last.weight, before)
    second.plateau = Plateau(50, 0.1, 2.0, 3)
    checkpoint: dict[str, Any] = {}
    second.on_save_checkpoint(checkpoint)
    assert Plateau(**checkpoint["plateau"]) == second.plateau
