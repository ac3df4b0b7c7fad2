from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

import i2i_zoo
import tiny
from i2i_zoo import export as exporting
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.cogan import CoGAN
from i2i_zoo.methods.cyclegan import CycleGAN
from i2i_zoo.methods.dcgan import DCGAN
from i2i_zoo.methods.deformable import Deformable
from i2i_zoo.methods.mocogan import MoCoGAN
from i2i_zoo.methods.monkeynet import MonkeyNet
from i2i_zoo.methods.munit import MUNIT
from i2i_zoo.methods.pix2pix import Pix2Pix
from i2i_zoo.methods.pix2pixhd import Pix2PixHD
from i2i_zoo.methods.spade import SPADE
from i2i_zoo.methods.tgan import TGAN
from i2i_zoo.methods.unit import UNIT
from i2i_zoo.methods.vgan import VGAN
from i2i_zoo.registry import METHODS
from methods.every import by_method


def model(**hparams: object) -> Pix2Pix:
    """A generator whose outputs are not all nearly zero, as those of new weights are."""
    torch.manual_seed(0)
    made = tiny.model(norm="batch", dropout=True, **hparams).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(5)
    return made


@pytest.mark.slow
def test_onnx_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    i2i_zoo.save(model(), tmp_path / "model")
    file = tmp_path / "new" / "model.onnx"
    assert main(["export", str(tmp_path / "model"), "-o", str(file)]) == 0
    assert capsys.readouterr().out.count("differs by at most") == 3
    graph = onnx.load(file)
    facts = json.loads({entry.key: entry.value for entry in graph.metadata_props}["i2i_zoo"])
    assert (facts["stride"], facts["in_channels"], facts["range"]) == (64, 3, [-1, 1])
    assert [value.name for value in (*graph.graph.input, *graph.graph.output)] == ["source", "output"]
    assert [path.name for path in file.parent.iterdir()] == ["model.onnx"]


def test_torch_archive_in_half_precision(tmp_path: Path) -> None:
    made, file = model(), tmp_path / "model.pt2"
    differences = exporting.export(made, file, "torch", half=True)
    assert len({shape[0] for shape in differences}) == len({shape[2:] for shape in differences}) == 3
    extra = {"i2i_zoo.json": ""}
    run = torch.export.load(file, extra_files=extra).module(check_guards=False)
    assert json.loads(extra["i2i_zoo.json"])["dtype"] == "float16"
    source = torch.rand(2, 3, 128, 64) * 2 - 1
    with torch.inference_mode():
        torch.testing.assert_close(
            run(source.half()).float(), made(source), atol=exporting.TOLERANCE[torch.float16], rtol=0
        )
    assert next(made.parameters()).dtype == torch.float32


@pytest.mark.slow
def test_a_graph_that_differs_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(exporting.TOLERANCE, torch.float32, 0.0)
    file = tmp_path / "model.pt2"
    file.write_text("before")
    with pytest.raises(ZooError, match=r"model\.pt2: the graph is not what the model computes"):
        exporting.export(model(), file, "onnx")
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_random_outputs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="inference_dropout=False"):
        exporting.export(model(inference_dropout=True), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_exported_or_says_why_not(method: str, tmp_path: Path) -> None:
    made = by_method()[method]().build().eval()
    try:
        differences = exporting.export(made, tmp_path / "model.pt2", "torch")
    except ZooError:
        with pytest.raises(ZooError):
            made.graph()
    else:
        assert len(differences) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "made",
    [
        SPADE(labels=5, width=2, upsampling="normal", hidden=4, discriminator_width=4),
        Pix2PixHD(labels=5, width=8, downs=2, blocks=1, enhancers=1, enhancer_blocks=1, features=2, encoder_width=2),
    ],
    ids=["spade", "pix2pixhd"],
)
def test_models_of_label_maps(made: SPADE | Pix2PixHD, tmp_path: Path) -> None:
    with torch.no_grad():
        for _ in range(20):  # until the spectral norms know the largest singular values
            made.train()(made.graph().inputs(2, 64, 64)["segmentation"])
    for kind in ("onnx", "torch"):
        differences = exporting.export(made.eval(), tmp_path / f"model.{kind}", kind)
        assert len(differences) == 3


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "half"), [("onnx", False), ("torch", True)])
def test_models_of_poses(kind: Any, half: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = Deformable(width=4, downs=3).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2)
    file = tmp_path / "model"
    assert len(exporting.export(made, file, kind, half=half)) == 3
    if kind == "onnx":
        graph = onnx.load(file)
        facts = json.loads(graph.metadata_props[0].value)
        assert [value.name for value in graph.graph.input] == ["source", "source_pose", "target_pose"]
        assert (facts["stride"], facts["points"][16]) == (8, "right ear")
    else:
        program = torch.export.load(file).module(check_guards=False)
        batch = made.example_batch(2, 64, 40)
        batch["source_pose"][0, [3, 4]] = 0  # an arm that is not seen
        poses = [batch[key] for key in made.point_keys]
        with torch.inference_mode():
            output, expected = program(batch["source"].half(), *poses), made(batch["source"], *poses)
        torch.testing.assert_close(output.float(), expected, atol=exporting.TOLERANCE[torch.float16], rtol=0)
    with pytest.raises(ZooError, match="The exported graph takes both poses as inputs: leave out pose"):
        made.graph(pose="waving")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "half", "absolute"), [("onnx", False, False), ("torch", True, True)])
def test_pictures_that_move(kind: Any, half: bool, absolute: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    narrow = {"width": 4, "max_width": 8, "keypoints": 3, "blocks": 3, "motion_blocks": 3, "prediction_epochs": 1}
    made = MonkeyNet(**narrow, prediction_width=8).eval()
    torch.nn.init.normal_(made.generator.motion.hourglass.last.weight, 0, 0.1)
    file = tmp_path / "model"
    chosen = {"absolute": True} if absolute else {}
    assert len(exporting.export(made, file, kind, half=half, **chosen)) == 3
    source, *clip = made.example_batch(1, 64, 40)["video"][0]
    given = [source[None], clip[1][None], *([] if absolute else [clip[0][None]])]
    run = (exporting.read_onnx if kind == "onnx" else exporting.read_torch)(file)
    if kind == "onnx":
        assert [value.name for value in onnx.load(file).graph.input] == ["source", "driving", "first"]
    with torch.inference_mode():
        output = run([picture.half() if half else picture for picture in given])
    expected = made.translate(source, driving=torch.stack(clip[:2]), absolute=absolute)[1]
    tolerance = exporting.TOLERANCE[torch.float16 if half else torch.float32]
    torch.testing.assert_close(output[0].float(), expected, atol=tolerance, rtol=0)
    with pytest.raises(ZooError, match="The exported graph takes frames of clips as inputs: leave out driving"):
        made.graph(driving=clip)


NARROW: dict[str, Any] = {"width": 2, "discriminator_width": 2, "size": 32}
CLIPS: dict[str, Any] = NARROW | {"frames": 16}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "conditions", "shape", "parts"),
    [
        (DCGAN(**NARROW, latent=5), {}, (3, 32, 32), {"code": [5, "uniform"]}),
        (VGAN(**CLIPS, latent=5), {"part": "mask"}, (16, 1, 32, 32), {"code": [5, "normal"]}),
        (TGAN(**CLIPS, latent=5), {"frames": 20}, (20, 3, 32, 32), {"code": [5, "uniform"]}),
        (
            MoCoGAN(**CLIPS, content=4, categories=3, motion=2),
            {"frames": 5},
            (5, 3, 32, 32),
            {
                "content": [4, "normal"],
                "category": [1, "a whole number below 3"],
                "start": [2, "normal"],
                "motion": [10, "normal"],
            },
        ),
    ],
    ids=["dcgan", "vgan", "tgan", "mocogan"],
)
@pytest.mark.parametrize(("kind", "half"), [("onnx", False), ("torch", False), ("torch", True)])
def test_models_of_noise(
    made: Any, conditions: dict[str, Any], shape: tuple[int, ...], parts: Any, kind: Any, half: bool, tmp_path: Path
) -> None:
    file = tmp_path / "model"
    differences = exporting.export(made.eval(), file, kind, half=half, **conditions)
    assert list(differences) == [(count, *shape) for count in (1, 2, 3)]
    sampler = made.sampler(**conditions)
    noise, expected = sampler.noises(range(4), 7), sampler.make(range(4), 7)
    if kind == "onnx":
        graph = onnx.load(file)
        facts = json.loads({entry.key: entry.value for entry in graph.metadata_props}["i2i_zoo"])
        assert [value.name for value in (*graph.graph.input, *graph.graph.output)] == ["noise", "output"]
        output = exporting.read_onnx(file)([noise])
    else:
        extra = {"i2i_zoo.json": ""}
        program = torch.export.load(file, extra_files=extra).module(check_guards=False)
        facts = json.loads(extra["i2i_zoo.json"])
        output = program(noise.half() if half else noise)
    assert {name: [part["length"], part["distribution"]] for name, part in facts["noise"].items()} == parts
    assert sum(part["length"] for part in facts["noise"].values()) == noise.shape[1]
    tolerance = exporting.TOLERANCE[torch.float16 if half else torch.float32]
    torch.testing.assert_close(output.float(), expected, atol=tolerance, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "inputs"),
    [
        (VGAN(**CLIPS, variant="conditional"), ["frame"]),
        (MoCoGAN(**CLIPS, content=4, categories=3, motion=2, conditional=True), ["noise", "frame"]),
    ],
    ids=["vgan", "mocogan"],
)
def test_a_first_frame_is_an_input(made: Any, inputs: list[str], tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    exporting.export(made.eval(), file, "onnx")
    assert [value.name for value in onnx.load(file).graph.input] == inputs
    frame, noise = torch.rand(1, 3, 32, 32) * 2 - 1, made.make_sampler().noises([0], 3)
    output = exporting.read_onnx(file)([{"noise": noise, "frame": frame}[name] for name in inputs])
    torch.testing.assert_close(output, made.sampler(frame=frame[0]).make([0], 3), atol=1e-4, rtol=0)
    with pytest.raises(ZooError, match=r"as an input: leave out frame|as inputs: leave out frame"):
        exporting.export(made, file, "onnx", frame=frame[0])


def test_clips_from_noise_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    i2i_zoo.save(MoCoGAN(**CLIPS, content=4, categories=3, motion=2).eval(), tmp_path / "mocogan")
    file = tmp_path / "mocogan.pt2"
    assert main(["export", str(tmp_path / "mocogan"), "--frames", "6", "-o", str(file)]) == 0
    assert "output (3, 6, 3, 32, 32): differs by at most" in capsys.readouterr().out
    assert main(["export", str(tmp_path / "mocogan"), "--category", "1", "-o", str(file)]) == 1
    assert "takes noise and frames as inputs: leave out category" in capsys.readouterr().err


def test_a_latent_code_is_not_exported(tmp_path: Path) -> None:
    made = SPADE(labels=5, width=2, upsampling="normal", hidden=4, latent=4, latent_size=[64, 64], encoder_width=2)
    with pytest.raises(ZooError, match="latent code"):
        exporting.export(made.eval(), tmp_path / "model.onnx", "onnx")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "torch"])
@pytest.mark.parametrize(
    ("made", "way"),
    [
        (CycleGAN(out_channels=1, generator="resnet_6", width=2, lambda_identity=0), "ba"),
        (UNIT(width=2, blocks=1, norm="instance"), "ab"),
        (MUNIT(width=2, blocks=1, style=3, hidden=4), "ba"),
    ],
    ids=["cyclegan", "unit", "munit"],
)
def test_one_direction_of_two_domains(made: CycleGAN | UNIT | MUNIT, way: str, kind: Any, tmp_path: Path) -> None:
    made.eval()
    made.preprocess = made.preprocess_type.from_json({"source_palette": "camvid"}, "test")
    weights = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    file = tmp_path / "model"
    assert len(exporting.export(made, file, kind, direction=way)) == 3
    if kind == "onnx":
        facts = json.loads(onnx.load(file).metadata_props[0].value)
    else:
        extra = {"i2i_zoo.json": ""}
        program = torch.export.load(file, extra_files=extra)
        facts = json.loads(extra["i2i_zoo.json"])
        # What the direction does not need is not there.
        assert sum(t.numel() for t in program.state_dict.values()) < 0.7 * sum(t.numel() for t in weights.values())
        source = torch.rand(1, facts["in_channels"], 32, 40) * 2 - 1
        with torch.inference_mode():
            torch.testing.assert_close(program.module(check_guards=False)(source), made(source, way))
    assert (facts["method"], facts["direction"]) == (i2i_zoo.registry.method_name(type(made)), way)
    side = "source_palette" if way == "ab" else "target_palette"
    assert facts["preprocess"] == {side: "camvid"}
    assert facts["in_channels"] == made.channels(way)[0]
    assert all(torch.equal(tensor, weights[name]) for name, tensor in made.state_dict().items())


def test_directions_that_are_not_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    i2i_zoo.save(CycleGAN(generator="resnet_6", width=2, directions="ab"), tmp_path / "one-way")
    i2i_zoo.save(model(), tmp_path / "paired")
    i2i_zoo.save(CoGAN(width=2), tmp_path / "cogan")
    for name, options, sentence in (
        ("one-way", ["--direction", "ba"], "direction='ba': give 'ab'"),
        ("paired", ["--direction", "ab"], "This Pix2Pix takes no direction: leave it out; it takes size, tile."),
        ("cogan", [], "CoGAN translates by an optimisation, and cannot be exported."),
    ):
        assert main(["export", str(tmp_path / name), *options, "-o", str(tmp_path / "out")]) == 1
        assert sentence in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
