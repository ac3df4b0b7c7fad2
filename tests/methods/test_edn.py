"""Everybody Dance Now against its authors' numbers, and what a dancer does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

import i2i_zoo
from golden.fill import Golden
from i2i_zoo.cli.main import main
from i2i_zoo.convert import edn as convert
from i2i_zoo.errors import ZooError
from i2i_zoo.hub import init_from
from i2i_zoo.media.clips import open_clip, save_clip
from i2i_zoo.media.pictures import read_picture, to_pil
from i2i_zoo.media.pose_files import Poses, write_poses
from i2i_zoo.media.pose_normalisation import normalised, smoothed
from i2i_zoo.media.poses import face_corners
from i2i_zoo.methods.edn import EDN
from i2i_zoo.networks import convolution
from i2i_zoo.networks.edn import added, cut
from i2i_zoo.tasks.pose import standing
from i2i_zoo.tasks.videos import translate_clips
from methods.authors import Places, Steps, authors_model, check_steps
from methods.base import InstanceNormTester, Method, fit

WIDTHS: dict[str, Any] = {"width": 4, "discriminator_width": 4, "face_width": 4, "face_discriminator_width": 4}
NARROW = WIDTHS | {"face_size": 16}  # the pictures are as small
TINY = NARROW | {"downs": 2, "blocks": 1, "lambda_perceptual": 0.0, "face_blocks": 1}


class TestEDN(InstanceNormTester):
    method = EDN
    narrow = NARROW
    tiny = TINY
    size = (64, 32)
    rendered = "RenderedDancer"
    rendered_channels = ()

    def batch(self, size: tuple[int, int], batch_size: int = 2) -> dict[str, Any]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            example = self.method(**self.tiny).example_batch(batch_size, *size)
        return {**example, "name": ["a", "b", "c", "d"][:batch_size]}

    def build(self) -> Any:
        model: Any = super().build()
        known = {"size": [64, 32], "far": 40.0, "close": 60.0, "rows": [40, 60], "heights": [20.0, 40.0]}
        model.preprocess = model.preprocess_type.from_json(known, "test")
        return model

    def test_a_translator_translates_an_example(self, model: Any) -> None:
        model.eval()
        example = model.example_batch(2, *self.size)
        assert set(example) == set(model.batch_keys)
        clips = model.translate(example["pose"])
        assert clips.shape == (2, 2, 3, *self.size)
        assert clips.abs().max() <= 1


class TestFace(TestEDN):
    """The face's stage."""

    tiny: ClassVar = TINY | {"epochs": 0, "face_epochs": 2, "face_alone_epochs": 0}
    updates = ("face_generator", "discriminator", "face_discriminator")

    def test_every_trained_parameter_moves(self, model: Method) -> None:
        before = {name: p.detach().clone() for name, p in model.named_parameters() if not name.endswith("bias")}
        fit(model, self.batch(self.size), steps=2)
        still = [name for name, p in model.named_parameters() if name in before and torch.equal(p, before[name])]
        assert still == [name for name in before if name.startswith("generator.")]


class TestEnhanced(TestEDN):
    tiny: ClassVar = TINY | {"enhancers": 1, "enhancer_blocks": 1, "scales": 3}


class Given(EDN):
    """The method on the authors' figures and faces, in place of those of a pose: which is only the frame's number."""

    figures: ClassVar[list[Tensor]]

    def figure(self, pose: Tensor, size: Any) -> Tensor:
        return self.figures[int(pose[0, 0, 0])]

    def corners(self, pose: Tensor, size: Any) -> Tensor:
        return torch.tensor([[16, 32]])


def numbered(number: int) -> Tensor:
    pose = torch.zeros(1, 1, 18, 3)
    pose[0, 0, 0] = torch.tensor([number, 0, 1])
    return pose


def test_two_steps_are_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    # Winograd's algorithm rounds more coarsely than their convolutions, and Adam makes whole steps of that.
    monkeypatch.setattr(convolution, "trains_on_cpu", lambda *_: False)
    golden = Golden("edn_train", Path(__file__).parents[1] / "golden" / "edn")
    letters = {"G": "generator", "D": "discriminator", "Gface": "face_generator", "Dface": "face_discriminator"}
    states = {network: golden.state(letter) for letter, network in letters.items()}
    options = {"epochs": 0, "face_alone_epochs": 0, "face_size": 64, "lambda_perceptual": 0.0}
    model = authors_model(Given, convert.read, states, **options)
    Given.figures = [golden.input("label"), golden.input("next_label")]
    frames = [golden.input("image"), golden.input("next_image")]
    with torch.no_grad():
        first = model(numbered(0)[0], torch.zeros_like(frames[0]))
        second = model(numbered(1)[0], first)
        after_real = model(numbered(0)[0], frames[1])
    for name, value in (("frames1", torch.cat([first, second], 3)), ("inference", after_real)):
        ok, ratio, _ = golden.check(name, value)
        assert ok, (name, ratio)
    names = ("adversarial", "feature_matching", "perceptual"), ("real", "fake"), ("face",), ("real", "fake")
    players = ("face_generator", "discriminator", "face_generator", "face_discriminator")
    losses = [f"{player}/{name}" for player, group in zip(players, names, strict=True) for name in group]
    steps = Steps(tuple(losses))
    batch = {"video": torch.stack(frames, 1), "pose": torch.cat([numbered(0), numbered(1)], 1)}
    fit(model, batch, steps=2, callbacks=[steps])
    # Theirs are logged before they are halved.
    halved = [name.split("/")[0].endswith("discriminator") for name in losses]
    steps.losses = [[2 * x if half else x for x, half in zip(row, halved, strict=True)] for row in steps.losses]
    # Nothing uses the running statistics of the face's discriminator, and we have none.
    for step in (1, 2):
        rows = golden.info["stored"][f"after{step}/Dface"]
        rows["noise_driven"] = [*rows.get("noise_driven", ()), *(row for row in rows["rows"] if "running" in row)]
    trained = {letter: network for letter, network in letters.items() if letter != "G"}
    check_steps(golden, Places(convert.read, states), steps, trained)
    assert all(torch.equal(steps.states[1][f"generator.{k}"], v) for k, v in model.generator.state_dict().items())


@pytest.mark.parametrize(
    ("hparams", "network", "parameters"),
    [
        ({}, "generator", 182_452_675),
        ({"enhancers": 1}, "generator", 182_715_939),
        ({}, "discriminator", 5_547_906),
        ({"scales": 3}, "discriminator", 8_321_859),
        ({"face_epochs": 1}, "face_generator", 26_724_291),
        ({"face_epochs": 1}, "face_discriminator", 2_769_601),
    ],
)
def test_sizes_of_the_authors_networks(hparams: dict[str, Any], network: str, parameters: int) -> None:
    with torch.device("meta"):
        model = EDN(**hparams)
        model.configure_model()
    assert sum(p.numel() for p in getattr(model, network).parameters()) == parameters


def test_the_stages_of_a_run(tmp_path: Path) -> None:
    """The body is trained first, then the face, at first with its own discriminator only."""
    model: Any = EDN(**TINY | {"epochs": 2, "decay_epochs": 2, "face_epochs": 2, "face_alone_epochs": 1})
    assert model.schedule_epochs == 6
    assert [model.lr_factor("generator", epoch) for epoch in range(6)] == [1, 1, 1, 0.5, 1, 1]
    moved = []
    for epochs in ((9, 0), (0, 0), (0, 1)):
        torch.manual_seed(0)
        model = EDN(**TINY | {"epochs": epochs[0], "face_epochs": 2, "face_alone_epochs": 1 - epochs[1]})
        model.configure_model()
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        fit(model, TestEDN().batch((64, 32)))
        after = model.state_dict()
        moved.append(sorted({name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}))
    body = ["discriminator", "generator"]
    assert moved == [
        body,
        ["face_discriminator", "face_generator"],
        sorted({*body[:1], "face_discriminator", "face_generator"}),
    ]


def test_a_face_that_has_not_been_trained_changes_nothing() -> None:
    torch.manual_seed(0)
    model = EDN(**TINY | {"face_epochs": 1})
    batch = TestEDN().batch((64, 32))
    pose, previous = batch["pose"][:, 0], batch["video"][:, 0]
    figure = model.figure(pose, (64, 32))
    with torch.no_grad():
        assert torch.equal(model(pose, previous), model.generator(torch.cat([figure, previous], 1)))
        torch.nn.init.ones_(model.face_generator.head.bias)
        changed = model(pose, previous) - model.frame(figure, previous, None)
    assert [int(each.any(0).sum()) for each in changed] == [16 * 16] * 2
    torch.testing.assert_close(changed.amax(), torch.tensor(1.0).tanh())


def test_faces_are_where_poses_have_them() -> None:
    pose = torch.zeros(5, 18, 3)
    pose[0, 0] = torch.tensor([20, 10, 1])
    pose[1, 16:] = torch.tensor([[10.0, 30, 1], [14, 32, 1]])
    pose[2, 1] = torch.tensor([2, 60, 1])
    pose[3, 0] = torch.tensor([31, 63, 1])
    corners = face_corners(pose, (64, 32), 16)
    assert corners.tolist() == [[2, 12], [23, 4], [48, 0], [48, 16], [0, 0]]
    pictures = torch.arange(5.0 * 3 * 64 * 32).view(5, 3, 64, 32)
    faces = cut(pictures, corners, 16)
    assert all(
        torch.equal(faces[i], pictures[i, :, y : y + 16, x : x + 16]) for i, (y, x) in enumerate(corners.tolist())
    )
    again = added(torch.zeros_like(pictures), faces, corners)
    assert torch.equal(cut(again, corners, 16), faces)
    assert torch.equal(again.sum(), faces.sum())


def test_stages_follow_each_other(tmp_path: Path) -> None:
    """The networks of one stage are the beginning of the next; the face's begin anew."""
    torch.manual_seed(0)
    first = EDN(**TINY)
    first.configure_model()
    i2i_zoo.save(first, tmp_path / "first")
    second: Any = EDN(**TINY | {"enhancers": 1, "enhancer_blocks": 1, "scales": 3, "face_epochs": 1, "epochs": 0})
    second.configure_model()
    init_from(second, tmp_path / "first")
    assert torch.equal(second.generator.trunk[0].weight, first.generator.trunk[0].weight)
    i2i_zoo.save(second, tmp_path / "second")
    third: Any = EDN(**dict(second.hparams))
    third.configure_model()
    init_from(third, tmp_path / "second")
    weights = second.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in third.state_dict().items())


def dancer() -> Any:
    tester = TestFace()
    model = tester.build().eval()
    torch.nn.init.normal_(model.face_generator.head.weight, 0, 0.2)
    return model


def dance(frames: int = 5) -> Tensor:
    """Somebody of another size who comes closer, in pixels of pictures of 128x96."""
    points = standing(1, 96, 128)[0]
    steps = torch.linspace(0.5, 0.8, frames)[:, None]
    return torch.stack([points[:, 0] * steps, points[:, 1] * steps, points[:, 2].expand(frames, -1)], -1)


def test_frames_follow_each_other_and_nothing_is_kept() -> None:
    model, poses = dancer(), dance()
    translator = model.translator(as_filmed=True)
    fitted = translator.read(poses).values
    latest = torch.zeros(1, 3, 64, 32)
    for pose, frame in zip(fitted, model.translate(poses, as_filmed=True), strict=True):
        with torch.inference_mode():
            latest = model(pose[None], latest)
        torch.testing.assert_close(frame, latest[0].clamp(-1, 1), rtol=0, atol=1e-5)
    stream = translator.stream(poses)
    assert stream.length == 5
    first = next(stream.frames)  # only now is it made
    assert first.size == (32, 64)
    # It goes on from a frame that was written.
    rest = list(translator.stream(poses, 1, first).frames)
    assert len(rest) == 4
    with torch.inference_mode():
        second = model(translator.read(poses).values[1][None], read_picture(first)[None])[0].clamp(-1, 1)
    assert np.array_equal(np.asarray(rest[0]), np.asarray(to_pil(second)))


def test_poses_are_moved_to_the_models_person() -> None:
    model = dancer()
    poses = Poses(dance(), ("",) * 5, ((96, 128),) * 5)
    expected = smoothed(normalised(poses.points, (96, 128), model.stance, (64, 32)))
    torch.testing.assert_close(model.translator().read(poses).values, expected)
    assert model.translator(as_filmed=True).read(poses).values[0, 1, 0] == pytest.approx(
        poses.points[0, 1, 0] / 4, abs=0.5
    )
    model.preprocess = type(model.preprocess)((64, 32))
    with pytest.raises(ZooError, match="does not know where its person stands"):
        model.translate(poses)
    model.preprocess = type(model.preprocess)()
    with pytest.raises(ZooError, match="does not know the size of its pictures"):
        model.translate(poses, as_filmed=True)


def test_a_dance_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = dancer()
    i2i_zoo.save(model, "dancer")
    write_poses(tmp_path / "dance.json", Poses(dance(), ("",) * 5, ((96, 128),) * 5))
    assert main(["translate", "dancer", "dance.json", "-o", "out", "--device", "cpu"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["dance.webp"]
    expected = model.translate("dance.json")
    for frame, other in zip(open_clip("out/dance.webp"), expected, strict=True):
        assert np.array_equal(np.asarray(frame), np.asarray(other))


def test_a_folder_of_frames_is_one_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keypoint_rcnn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of their poses too, as OpenPose writes one; and a picture is a clip of one frame."""
    monkeypatch.chdir(tmp_path)
    model = dancer()
    i2i_zoo.save(model, "dancer")
    for number, pose in enumerate(dance()):
        write_poses(Path(f"poses/dance_{number + 8}_keypoints.json"), Poses(pose[None], ("",), ((96, 128),)))
    save_clip([to_pil(frame) for frame in torch.rand(3, 3, 48, 64) * 2 - 1], Path("frames"))
    assert main(["translate", "dancer", "poses", "frames", "frames/000000.png", "-o", "out", "--device", "cpu"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["000000.webp", "frames.webp", "poses.webp"]
    for name in ("poses", "frames"):
        frames = list(open_clip(f"out/{name}.webp"))
        assert len(frames) == {"poses": 5, "frames": 3}[name]
        for frame, other in zip(frames, model.translate(name), strict=True):
            assert np.array_equal(np.asarray(frame), np.asarray(other))
    write_poses(Path("poses/dance_8_keypoints.json"), Poses(dance(), ("",) * 5, ((96, 128),) * 5))
    assert main(["translate", "dancer", "poses", "-o", "other", "--device", "cpu"]) == 1
    assert "dance_8_keypoints.json: it holds 5 poses, and there are other files in poses" in capsys.readouterr().err


def test_an_interrupted_dance_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = dancer()
    write_poses(tmp_path / "dance.json", Poses(dance(), ("",) * 5, ((96, 128),) * 5))
    translator, made = model.translator(), []
    next_frame = translator.next_frame

    def counted(*arguments: Any) -> Tensor:
        made.append(1)
        if len(made) == 3:
            raise KeyboardInterrupt
        return next_frame(*arguments)

    translator.next_frame = counted
    jobs = {Path("out/dance.webp"): Path("dance.json")}
    with pytest.raises(KeyboardInterrupt):
        list(translate_clips(translator, jobs))
    assert [failure for _, failure in translate_clips(translator, jobs)] == [None]
    assert len(made) == 3 + 3  # two frames were there
    assert open_clip("out/dance.webp").count() == 5
    assert [path.name for path in Path("out").iterdir()] == ["dance.webp"]


def test_the_authors_files(tmp_path: Path) -> None:
    golden = Golden("edn_train", Path(__file__).parents[1] / "golden" / "edn")
    files = {"generator": "G", "discriminator": "D"}
    for network, letter in files.items():
        torch.save(golden.state(letter), tmp_path / f"{network}.pth")
    model: Any = i2i_zoo.convert("edn", {network: tmp_path / f"{network}.pth" for network in files})
    assert {name: model.hparams[name] for name in ("width", "downs", "blocks", "scales", "face_epochs")} == {
        "width": 16, "downs": 3, "blocks": 4, "scales": 2, "face_epochs": 0,
    }  # fmt: skip
    with pytest.raises(ZooError, match="reads 3 channels, not the 6"):
        convert.read({"generator": golden.state("G") | {"model.1.weight": torch.zeros(16, 3, 7, 7)}})
