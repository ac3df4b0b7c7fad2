"""vid2vid: the authors' numbers, its losses and updates written out, and clips that are translated with a memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

import i2i_zoo
import tiny
from golden.fill import Golden
from i2i_zoo.cli.main import main
from i2i_zoo.convert.vid2vid import read
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import save_clip
from i2i_zoo.media.labels import instance_edges
from i2i_zoo.media.palettes import PALETTES
from i2i_zoo.media.pictures import to_pil
from i2i_zoo.methods.vid2vid import Vid2Vid, Vid2VidPose
from i2i_zoo.methods.vid2vid_clips import Chunk, narrowed, split_triples, strided_flow
from i2i_zoo.metrics.suites import suite
from i2i_zoo.networks.flow import warp
from i2i_zoo.networks.normalization import BatchNorm2d
from i2i_zoo.tasks.pose import standing
from i2i_zoo.tasks.preprocess import SemanticPreprocess
from methods.base import Method, MethodTester, fit

NARROW: dict[str, Any] = {"width": 4, "blocks": 2, "discriminator_width": 2, "lambda_perceptual": 0.0}
TINY: dict[str, Any] = NARROW | {
    "labels": 5, "downs": 1, "foreground": (3,), "frames": 3, "chunk": 3, "temporal_scales": 1
}  # fmt: skip


def golden(case: str) -> Golden:
    return Golden(f"vid2vid_{case}", str(Path(__file__).parents[1] / "golden" / "vid2vid"))


def clip(labels: int, size: tuple[int, int], frames: int, batch: int = 2) -> dict[str, Any]:
    """Blocks of labels and noise that move to the right by a pixel a frame, with the flow of that."""
    random = torch.Generator().manual_seed(1)
    height, width = size
    coarse = torch.randint(labels, (batch, 1, 4, 8), generator=random).float()
    label = F.interpolate(coarse, size, mode="nearest")[:, 0].long()
    coarse = torch.rand(batch, 3, height // 8, width // 8, generator=random) * 2 - 1
    picture = F.interpolate(coarse, size, mode="bilinear")
    flow = torch.zeros(batch, frames, 2, height, width)
    flow[:, :, 0] = -1
    return {
        "label": torch.stack([label.roll(t, -1) for t in range(frames)], 1),
        "video": torch.stack([picture.roll(t, -1) for t in range(frames)], 1),
        "flow": flow,
        "name": ["a", "b", "c", "d"][:batch],
    }


class TestVid2Vid(MethodTester):
    method = Vid2Vid
    narrow = NARROW
    tiny = TINY
    size: ClassVar[tuple[int, int]] = (16, 32)
    rendered = "StreetClips"
    rendered_channels = ()
    frames = 5

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        return {"data.size": [64, 128], "data.frames": hparams["past"] + 1, "data.drives": 1, "data.num_workers": 0}

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        return clip(5, size, self.frames, batch_size)

    def required(self, model: Any) -> dict[str, Any]:
        return {"first": [frame for frame in self.batch(self.size)["video"][0, :2]]} if model.needs_first else {}

    def test_every_trained_parameter_moves(self, model: Method) -> None:
        # Biases may stay as they are: before a norm they have no gradient but rounding noise.
        before = {name: p.detach().clone() for name, p in model.named_parameters() if not name.endswith("bias")}
        fit(model, self.batch(self.size), steps=2)
        moved = dict(model.named_parameters())
        assert [name for name in before if torch.equal(moved[name], before[name])] == []

    def test_clips_do_not_mix(self, model: Any) -> None:
        model.eval()
        labels = self.batch(self.size)["label"]
        translator = model.translator(**self.required(model))
        together, alone = translator.translate(labels), translator.translate(labels[1])
        torch.testing.assert_close(together[1], alone, rtol=0, atol=1e-5)

    def test_clips_have_their_own_instances(self, model: Any) -> None:
        if not model.hparams.get("edges"):
            return
        model.eval()
        labels = self.batch(self.size)["label"]
        translator = model.translator(**self.required(model))
        instances = labels + 10 * (torch.arange(32) // 8)
        both = translator.translate(labels, instance=instances)
        alone = translator.translate(labels[1], instance=instances[1])
        torch.testing.assert_close(both[1], alone, rtol=0, atol=1e-5)
        assert not torch.equal(both[1], translator.translate(labels[1]))

    def test_a_frame_depends_on_those_before(self, model: Any) -> None:
        model.eval()
        labels = self.batch(self.size)["label"][0]
        translator = model.translator(**self.required(model))
        whole = translator.translate(labels)
        changed = labels.clone()
        changed[2] = changed[2].flip(-1)
        after = translator.translate(changed)
        assert torch.equal(whole[:2], after[:2])
        assert not torch.equal(whole[4], after[4])


class TestFromNothing(TestVid2Vid):
    """Two temporal discriminators, several chunks, and no foreground."""

    tiny: ClassVar = TINY | {
        "first_frame": "nothing", "temporal_scales": 2, "frames": 8, "chunk": 4, "past": 1, "foreground": (),
        "edges": False,
    }  # fmt: skip
    frames = 10
    updates = (
        *("generator", "image_discriminator", "temporal_discriminator_0"),
        *("generator", "image_discriminator", "temporal_discriminator_0", "temporal_discriminator_1"),
    )


class TestPose(TestVid2Vid):
    """On poses: the same in training, and another task."""

    method: ClassVar = Vid2VidPose
    narrow: ClassVar = NARROW
    tiny: ClassVar = NARROW | {"downs": 1, "frames": 3, "chunk": 3, "temporal_scales": 1}
    size: ClassVar[tuple[int, int]] = (64, 32)
    rendered: ClassVar = "RenderedDancer"

    @classmethod
    def recipe_options(cls, hparams: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        return {"data.size": [64, 32], "data.frames": hparams["past"] + 1, "data.shown": 2, "data.num_workers": 0}

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        moving = clip(5, size, self.frames, batch_size)
        pose = standing(1, *size)[0] + torch.tensor([1.0, 0, 0]) * torch.arange(self.frames)[:, None, None]
        return {**{key: moving[key] for key in ("video", "flow", "name")}, "pose": pose.repeat(batch_size, 1, 1, 1)}

    def build(self) -> Any:
        model: Any = super().build()
        known = {"size": [64, 32], "far": 40.0, "close": 60.0, "rows": [40, 60], "heights": [20.0, 40.0]}
        model.preprocess = model.preprocess_type.from_json(known, "test")
        return model

    def test_a_translator_translates_an_example(self, model: Any) -> None:
        model.eval()
        example = model.example_batch(2, *self.size)
        clips = model.translate(example["pose"])
        assert clips.shape == example["video"].shape
        assert clips.abs().max() <= 1

    def test_clips_do_not_mix(self, model: Any) -> None:
        model.eval()
        poses = self.batch(self.size)["pose"]
        poses[1, :, :, 1] += 4
        together = model.translate(poses, as_filmed=True)
        torch.testing.assert_close(together[1], model.translate(poses[1:], as_filmed=True)[0], rtol=0, atol=1e-5)
        assert not torch.equal(*together)

    def test_a_frame_depends_on_those_before(self, model: Any) -> None:
        model.eval()
        poses = self.batch(self.size)["pose"][:1]
        whole = model.translate(poses, as_filmed=True)
        changed = poses.clone()
        changed[:, 2, :, 0] -= 9
        after = model.translate(changed, as_filmed=True)
        assert torch.equal(whole[:, :2], after[:, :2])
        assert not torch.equal(whole[:, 4], after[:, 4])
        # A validation step sees them as a translation does.
        outputs = model.predict_step({"pose": poses, "video": self.batch(self.size, 1)["video"]}, 0)
        torch.testing.assert_close(outputs, whole, rtol=0, atol=1e-5)


def test_the_generator_gives_the_authors_numbers() -> None:
    stored = golden("generator")
    hparams, tensors = read({"generator": stored.state("G0")}, foreground=stored.info["options"]["fg_labels"])
    assert hparams == {
        "labels": 35, "edges": True, "past": 2, "width": 16, "downs": 3, "blocks": 9, "foreground": [26, 33],
        "scales": 1, "first_frame": "given",
    }  # fmt: skip
    model = Vid2Vid(**hparams)
    model.load_state_dict(tensors)
    assert sum(p.numel() for p in model.parameters()) == stored.info["networks"]["G0"]["parameters"]
    label, instance = stored.input("label")[0, :, 0], stored.input("instance")[0, :, 0]
    labels = model.segmentation(label, instance)[None]
    memory = model.generator.start(stored.input("prev"))
    mask = labels[:, -1, [26, 33]].sum(1, keepdim=True)
    assert stored.check("mask", mask)[0]
    for suffix in ("_eval", ""):  # train mode changes the running statistics
        model.train(not suffix)
        for layer in model.modules():
            if isinstance(layer, BatchNorm2d):
                layer.inference = "running"
        with torch.no_grad():
            (frame,) = model.generator(labels, memory)
        assert stored.check(f"fake{suffix}", frame.picture)[0]
    for name in ("raw", "flow", "weight"):
        assert stored.check(name, getattr(frame, name)[..., ::2, ::2])[0], name
    assert stored.check_tensors("features", list(frame.features))[0]


def test_in_eval_mode_a_frame_has_its_own_statistics_as_in_the_authors_test() -> None:
    stored = golden("generator")
    hparams, tensors = read({"generator": stored.state("G0")}, foreground=(26, 33))
    model = Vid2Vid(**hparams)
    model.load_state_dict(tensors)
    labels = model.segmentation(stored.input("label")[0, :, 0], stored.input("instance")[0, :, 0])
    with torch.inference_mode():
        picture = model.eval()(labels.flatten(0, 1)[None], stored.input("prev"))
    assert stored.check("fake", picture)[0]


def test_networks_have_the_published_sizes() -> None:
    def count(network: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in network.parameters())

    with torch.device("meta"):
        model = Vid2Vid()
        model.configure_model()
        finer = [count(Vid2Vid(scales=scales).generator) for scales in (2, 3)]
        others = [
            count(Vid2Vid(**options).generator)
            for options in ({"downs": 2}, {"labels": 6, "edges": False, "foreground": ()})
        ]
    assert count(model.generator) == 411_335_241
    assert finer == [411_335_241 + 2_880_489, 411_335_241 + 2_880_489 + 859_641]
    assert others == [137_792_649, 364_826_886]
    assert count(model.image_discriminator) == 5_606_786
    assert count(model.temporal_discriminator_0) == count(model.temporal_discriminator_1) == 5_553_538


def test_learning_rates_are_the_authors_and_those_of_temporal_discriminators_stay() -> None:
    model = Vid2Vid(**TINY)
    rates = golden("lr")["lr"][:, 0]
    found = [2e-4 * model.lr_factor("generator", epoch) for epoch in range(20)]
    np.testing.assert_allclose(found, rates, rtol=1e-6)
    assert [2e-4 * model.lr_factor("image_discriminator", epoch) for epoch in range(20)] == found
    assert {model.lr_factor("temporal_discriminator_0", epoch) for epoch in range(20)} == {1.0}


def test_triples_end_with_the_newest_frame_and_earlier_ones_have_no_gradient() -> None:
    def numbered(start: int, count: int, channels: int) -> Tensor:
        numbers = torch.arange(start, start + count).float()[None, :, None, None, None]
        return numbers.expand(1, count, channels, 2, 2).clone()

    before, found = None, []
    chunks = []
    for start in (0, 4, 8):
        picture = (numbered(start, 4, 3) + 100).requires_grad_()
        chunks.append(picture)
        real, flow = numbered(start, 4, 3), torch.zeros(1, 4, 2, 2, 2)
        none = torch.zeros(1, 4, 1, 2, 2)
        chunk = Chunk(none, real, real, flow, none, picture, picture, real, flow, none)
        triples, before = split_triples(chunk, before, 2)
        found.append(triples)
    places = [[real[:, 0:9:3, 0, 0].int().tolist() for real, _ in triples] for triples in found]
    assert places[0] == [[[1, 2, 3]]]
    # As in the authors' code, no more groups end in a chunk than it has frames, every third one.
    assert places[1] == [[[5, 6, 7], [2, 3, 4]], [[1, 4, 7]]]
    assert places[2] == [[[9, 10, 11], [6, 7, 8]], [[5, 8, 11], [2, 5, 8]]]
    made = found[2][1][1]
    assert made[:, 0:9:3, 0, 0].int().tolist() == [[105, 108, 111], [102, 105, 108]]
    assert made.shape == (2, 13, 2, 2)
    made.sum().backward()
    assert [picture.grad is not None for picture in chunks] == [False, False, True]


def test_flow_over_several_frames_is_composed() -> None:
    flow = torch.zeros(1, 7, 2, 4, 40)
    flow[:, :, 0] = torch.arange(7.0)[None, :, None, None]
    found = strided_flow(flow, [6, 3], 3)
    assert found[0, :, 0, 0, 0].tolist() == [6 + 5 + 4, 3 + 2 + 1]


class Seen(L.Callback):
    """The gradients of the generator's last layers before its steps, and each player's learning rate."""

    def __init__(self) -> None:
        self.gradients: list[Tensor] = []

    def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Any) -> None:
        self.gradients.append(module.generator.scales[0].motion_head.weight.grad.clone())


def test_losses_and_gradients_written_out() -> None:
    """One chunk of a clip with every loss but the perceptual one, by the formulas of the authors' code."""
    batch = clip(5, (16, 32), 5, 1)
    batch["video"][..., :8] = torch.rand(
        1, 5, 3, 16, 8, generator=torch.Generator().manual_seed(2)
    )  # not to be trusted
    models = []
    for _ in range(2):
        torch.manual_seed(0)
        model: Any = Vid2Vid(**TINY | {"first_frame": "nothing", "lr": 0.0})
        model.configure_model()
        models.append(model.train())
    seen = Seen()
    losses = fit(models[0], batch, callbacks=[seen]).losses[0]

    model, video = models[1], batch["video"]
    segmentation = torch.stack([model.segmentation(batch["label"][:, t]) for t in range(5)], 1)
    assert torch.equal(segmentation[0, 3, -1:], instance_edges(batch["label"][:, 3])[0])
    last = [torch.zeros(1, 3, 16, 32)] * 2
    made = []
    for t in (2, 3, 4):
        frame = model.generator(segmentation[:, t - 2 : t + 1], [torch.stack(last[-2:], 1).detach()], True)[0]
        made.append(frame)
        last.append(frame.picture)
    picture, raw, flow, weight = (torch.cat([frame[i] for frame in made]) for i in range(4))
    assert torch.equal(picture, raw)
    real, real_before, labels = video[0, 2:], video[0, 1:4], segmentation[0, 2:]
    real_flow = batch["flow"][0, 2:]
    trusted = ((real - warp(real_before, real_flow)) ** 2).sum(1, keepdim=True) < 0.02
    before = torch.cat([video[0, 1:2], picture[:2].detach()])
    masked = {
        "flow": 10 * ((flow - real_flow).abs() * trusted).mean(),
        "flow_warp": 10 * ((warp(real_before, flow) - real).abs() * trusted).mean(),
        "warp": 10 * ((picture - warp(before, real_flow)).abs() * trusted).mean(),
        "weight": (weight * trusted).mean(),
    }
    assert 0.5 < trusted.float().mean() < 1

    def verdicts(maps: Any, target: float) -> Tensor:
        return sum(((scale[-1] - target) ** 2).mean() for scale in maps)

    def matched(maps: Any, wanted: Any) -> Tensor:
        pairs = [(a, b) for s, w in zip(maps, wanted, strict=True) for a, b in zip(s[:-1], w[:-1], strict=True)]
        return sum((a - b.detach()).abs().mean() / len(maps) for a, b in pairs)

    judge, triple = model.image_discriminator, model.temporal_discriminator_0
    real_maps, maps = judge(torch.cat([labels, real], 1)), judge(torch.cat([labels, picture], 1))
    flows = real_flow[1:].flatten(0, 1)[None] / 20
    real_triple = triple(torch.cat([real.flatten(0, 1)[None], flows], 1))
    made_triple = triple(torch.cat([picture.flatten(0, 1)[None], flows], 1))
    name = "temporal_discriminator_0"
    expected = {
        **masked,
        "adversarial": 2 * verdicts(maps, 1),
        "feature_matching": 10 * 2 * matched(maps, real_maps),
        f"adversarial_{name}": verdicts(made_triple, 1),
        f"feature_matching_{name}": 10 * matched(made_triple, real_triple),
    }
    found = {key.removeprefix("train/generator/"): value for key, value in losses.items() if "/generator/" in key}
    assert found == pytest.approx({key: value.item() for key, value in expected.items()}, rel=1e-4)
    assert losses["train/image_discriminator/real"] == pytest.approx(verdicts(real_maps, 1).item(), rel=1e-4)
    for fake in ("fake", "raw"):
        assert losses[f"train/image_discriminator/{fake}"] == pytest.approx(verdicts(maps, 0).item() / 2, rel=1e-4)
    assert losses[f"train/{name}/real"] == pytest.approx(verdicts(real_triple, 1).item() / 2, rel=1e-4)
    assert losses[f"train/{name}/fake"] == pytest.approx(verdicts(made_triple, 0).item() / 2, rel=1e-4)
    torch.stack(list(expected.values())).sum().backward()
    gradient = model.generator.scales[0].motion_head.weight.grad
    torch.testing.assert_close(seen.gradients[0], gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("frames", "epoch", "made"), [(9, 0, 2), (9, 1, 4), (9, 2, 7), (5, 2, 3)])
def test_clips_grow(frames: int, epoch: int, made: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = Vid2Vid(**TINY | {"frames": 2, "chunk": 7, "growth_epochs": 1})
    monkeypatch.setattr(Vid2Vid, "current_epoch", epoch)
    (chunk,) = model.chunks(clip(5, (16, 32), frames))
    assert chunk.picture.shape == (2, made, 3, 16, 32)


@pytest.mark.parametrize(("epoch", "sizes"), [(0, [6]), (5, [12]), (10, [12, 12])])
def test_streets_come_in_the_authors_chunks(epoch: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """``street/train_512.sh``: six GPUs make a frame each and, once clips have grown, two at most."""
    own = {name: value for name, value in TINY.items() if name not in ("frames", "chunk")}
    model: Any = Vid2Vid(**own)
    monkeypatch.setattr(Vid2Vid, "current_epoch", epoch)
    made = [chunk.picture.shape[1] for chunk in model.chunks(clip(5, (16, 32), 26, 1))]
    assert made == sizes


def test_the_perceptual_loss_sees_wide_frames_halved() -> None:
    """The authors halve what is wider than 1024 pixels, as often as it takes."""
    frames = torch.arange(2 * 4 * 2048.0).view(2, 1, 4, 2048)
    halved = frames.unflatten(3, (1024, 2)).unflatten(2, (2, 2)).mean((3, 5))
    assert torch.equal(narrowed(frames), halved)
    assert torch.equal(narrowed(halved), halved)
    assert narrowed(torch.zeros(1, 3, 4, 4096)).shape == (1, 3, 1, 1024)


def test_state_is_carried_over_chunks() -> None:
    torch.manual_seed(0)
    model: Any = Vid2Vid(**TINY | {"frames": 4, "chunk": 2}).eval()
    batch = clip(5, (16, 32), 6)
    first, second = model.chunks(batch)
    outputs = model.predict_step(batch, 0)
    assert torch.equal(outputs[:, :2], batch["video"][:, :2])
    torch.testing.assert_close(torch.cat([first.picture, second.picture], 1), outputs[:, 2:], rtol=0, atol=1e-5)
    assert torch.equal(second.picture_before[:, 0], first.picture[:, -1])
    assert torch.equal(first.picture_before[:, 0], batch["video"][:, 1])


def test_gradients_go_through_as_many_frames_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of a second frame, whose memory is detached or not."""
    monkeypatch.setattr(Vid2Vid, "current_epoch", 1)
    batch, gradients = clip(5, (16, 32), 4, 1), []
    for through in (1, 2):
        torch.manual_seed(0)
        model: Any = Vid2Vid(**TINY | {"chunk": 2, "gradient_frames": through, "growth_epochs": 1})
        (chunk,) = model.chunks(batch)
        chunk.picture[:, 1].sum().backward()
        gradients.append(model.generator.scales[0].picture_head.weight.grad.clone())
    model.zero_grad()
    labels = torch.stack([model.segmentation(batch["label"][:, t]) for t in range(4)], 1)
    memory = [torch.stack([batch["video"][:, 1], chunk.picture[:, 0].detach()], 1)]
    model.generator(labels[:, 1:], memory)[0].picture.sum().backward()
    torch.testing.assert_close(gradients[0], model.generator.scales[0].picture_head.weight.grad)
    assert not torch.allclose(gradients[1], gradients[0], rtol=1e-3)


TWO_SCALES = TINY | {"scales": 2, "fine_blocks": 1}


def moved_parts(model: Any) -> set[str]:
    """The parts of the generator that a step on a clip moves: scale and layer."""
    before = {name: p.detach().clone() for name, p in model.generator.named_parameters()}
    fit(model, clip(5, (16, 32), 5))
    changed = [name for name, p in model.generator.named_parameters() if not torch.equal(p, before[name])]
    return {".".join(name.split(".")[1:3]) for name in changed}


def test_only_the_finest_scale_is_trained_at_first() -> None:
    model: Any = Vid2Vid(**TWO_SCALES | {"frozen_epochs": 1})
    model.configure_model()
    assert {part.partition(".")[0] for part in moved_parts(model)} == {"1"}


def test_a_coarse_scale_is_trained_through_its_features() -> None:
    """As in the authors' code, no loss sees its picture: a stage of its own has trained that."""
    model: Any = Vid2Vid(**TWO_SCALES)
    model.configure_model()
    parts = {name.partition(".")[0] for name, _ in model.generator.scales[0].named_parameters()}
    heads = {"picture_head", "motion_head", "foreground_head"}
    moved = moved_parts(model)
    assert {part.partition(".")[2] for part in moved if part.startswith("0.")} == parts - heads
    assert {part.partition(".")[2] for part in moved if part.startswith("1.")} == parts


def test_a_finer_scale_begins_with_a_coarser_model() -> None:
    torch.manual_seed(0)
    coarse, fine = Vid2Vid(**TINY), Vid2Vid(**TWO_SCALES | {"discriminator_scales": 3})
    for model in (coarse, fine):
        model.configure_model()
    own = {name: tensor.clone() for name, tensor in fine.state_dict().items()}
    initial = fine.initial_tensors(coarse.state_dict())
    assert initial.keys() == own.keys()
    for name, tensor in coarse.generator.state_dict().items():
        assert torch.equal(initial[f"generator.{name}"], tensor)
    for network in ("image_discriminator", "temporal_discriminator_0"):
        for name, tensor in getattr(coarse, network).state_dict().items():
            number, rest = name.removeprefix("scales.").split(".", 1)
            assert torch.equal(initial[f"{network}.scales.{int(number) + 1}.{rest}"], tensor)
    for new in ("generator.scales.1.", "image_discriminator.scales.0."):
        assert all(torch.equal(initial[name], tensor) for name, tensor in own.items() if name.startswith(new))
    fine.load_state_dict(initial)


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    model = Vid2Vid(**TINY | {"labels": 12, "edges": False}).eval()
    model.preprocess = SemanticPreprocess(None, "camvid")
    return model


def maps(count: int = 4) -> np.ndarray:
    return clip(12, (16, 32), count, 1)["label"][0].numpy().astype(np.uint8)


def test_a_clip_of_labels_from_any_source(model: Any, tmp_path: Path) -> None:
    labels, first = maps(), Image.new("RGB", (40, 20), (200, 30, 90))
    frames = model.translate(list(labels), first=first)
    assert [frame.size for frame in frames] == [(32, 16)] * 4
    assert np.abs(np.asarray(frames[0]).astype(int) - (200, 30, 90)).max() <= 1
    assert not np.array_equal(frames[1], frames[0])
    folder = tmp_path / "labels"
    folder.mkdir()
    for number, ids in enumerate(labels):
        Image.fromarray(ids).save(folder / f"{number:02}.png")
    coloured = [Image.fromarray(PALETTES["camvid"][ids]) for ids in labels]
    save_clip(coloured, tmp_path / "labels.webp")
    for source in (folder, tmp_path / "labels.webp"):
        for frame, expected in zip(model.translate(source, first=first), frames, strict=True):
            np.testing.assert_array_equal(np.asarray(frame), np.asarray(expected))
    both = model.translate([tmp_path / "labels.webp"] * 2, first=first)
    for again in both:  # each clip begins anew
        np.testing.assert_array_equal(np.asarray(again[3]), np.asarray(frames[3]))


def test_a_frame_that_fails_leaves_the_others_as_they_are(model: Any, tmp_path: Path) -> None:
    """Memory is short at the third frame: no frame is made twice, and the fourth follows the second."""
    labels, first = maps(), Image.new("RGB", (32, 16), (200, 30, 90))
    for number, ids in enumerate(labels):
        Image.fromarray(ids).save(tmp_path / f"{number}.png")
    jobs = {tmp_path / f"out{number}.png": tmp_path / f"{number}.png" for number in range(4)}
    made: list[int] = []

    def short_at_the_second(*_: Any) -> None:
        made.append(len(made))
        if len(made) == 2:
            raise RuntimeError("DefaultCPUAllocator: not enough memory")

    with model.generator.register_forward_pre_hook(short_at_the_second):
        found = dict(model.translator(first=first).translate_files(jobs, batch=4))
    assert len(made) == 3  # the first frame is given
    failed = [target.name for target, failure in found.items() if failure]
    assert failed == ["out2.png"]
    assert "more memory than is free" in str(found[tmp_path / "out2.png"])
    without = model.translate([ids for number, ids in enumerate(labels) if number != 2], first=first)
    for number, expected in zip((0, 1, 3), without, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"out{number}.png")), np.asarray(expected))


def test_a_clip_on_the_command_line(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    i2i_zoo.save(model, "street")
    first = Image.new("RGB", (32, 16), (200, 30, 90))
    first.save("first.png")
    for name, ids in (("a", maps()), ("b", maps()[::-1])):
        Path("labels", name).mkdir(parents=True)
        for number, single in enumerate(ids):
            Image.fromarray(single).save(f"labels/{name}/{number:02}.png")
    assert main(["translate", "street", "labels", "--first", "first.png", "--batch", "3", "-o", "out"]) == 0
    for name, ids in (("a", maps()), ("b", maps()[::-1])):
        for number, expected in enumerate(model.translate(list(ids), first=first)):
            found = np.asarray(Image.open(f"out/{name}/{number:02}.png"))
            np.testing.assert_array_equal(found, np.asarray(expected))
    for file in Path("labels", "a").iterdir():
        file.rename(file.with_name(f"{int(file.stem) + 9}.png"))
    files = sorted(map(str, Path("labels", "a").iterdir()))  # as a shell lists them: 10 before 9
    assert main(["translate", "street", *files, "--first", "first.png", "-o", "again"]) == 0
    for number in range(len(files)):
        assert Path(f"again/{number + 9}.png").read_bytes() == Path(f"out/a/{number:02}.png").read_bytes()


def test_the_labels_of_every_made_frame_are_scored(model: Any) -> None:
    """By the FCN-score; the frames that were given do not count."""
    batch = clip(12, (16, 32), 5)
    colours = model.show_labels(batch["label"].flatten(0, 1)).view(2, 5, 3, 16, 32)
    given_wrong = torch.cat([colours[:, :2].flip(-2), colours[:, 2:]], 1)
    measures, _ = suite(model, "", {"fcn_score": {"segmenter": tiny.Segmenter(), "classes": 12}})
    scores = {}
    for name, output in (("right", given_wrong), ("wrong", torch.cat([colours[:, :4], -colours[:, 4:]], 1))):
        measured = model.measured({**batch, "output": output})
        metric = measures["fcn_score"].metric
        metric.reset()
        metric.update(*(measured[key] for key in measures["fcn_score"].needs))
        scores[name] = float(metric.compute()["pixel_accuracy"])
    assert scores["right"] == 1
    assert 0.5 < scores["wrong"] < 0.9  # one of three frames


def test_what_is_refused(model: Any) -> None:
    labels = maps()
    with pytest.raises(ZooError, match=r"needs first \(--first\)"):
        model.translate(list(labels))
    picture = Image.new("RGB", (8, 8))
    with pytest.raises(ZooError, match="3 first frames were given, and the model sees 2"):
        model.translate(list(labels), first=[picture] * 3)
    with pytest.raises(ZooError, match="one size, not 32x16 and 16x8"):
        model.translate([labels[0], labels[1, :8, :16]], first=picture)
    with pytest.raises(ZooError, match="foreground=7 is no label among 0 to 4"):
        Vid2Vid(**TINY | {"foreground": (7,)})
    short = {key: value[:, :2] if isinstance(value, Tensor) else value for key, value in clip(5, (16, 32), 5).items()}
    tiny = Vid2Vid(**TINY)
    tiny.configure_model()
    with pytest.raises(ZooError, match=r"the clips have 2: use --data\.frames 3 or more"):
        fit(tiny, short)
    long = clip(5, (16, 32), 5)
    with pytest.raises(ZooError, match="not video of 5 frames and flow of 4"):
        fit(tiny, long | {"flow": long["flow"][:, 1:]})


def test_a_given_frame_is_scaled_like_the_labels(model: Any) -> None:
    first = to_pil(torch.rand(3, 32, 64) * 2 - 1)
    small = model.translate(list(maps()), first=first, size=[8, 16])
    assert {frame.size for frame in small} == {(16, 8)}
