"""Methods for pictures on clips of label maps: every frame by itself, measured beside methods for clips."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import i2i_zoo
import tiny
from i2i_zoo.callbacks.evaluation import Evaluation
from i2i_zoo.cli.main import main
from i2i_zoo.data.rendered.street_clips import StreetClips
from i2i_zoo.errors import ZooError
from i2i_zoo.media.labels import palette_colours
from i2i_zoo.media.pictures import to_float
from i2i_zoo.methods.cyclegan import CycleGAN
from i2i_zoo.methods.pix2pix import Pix2Pix
from i2i_zoo.methods.spade import SPADE
from i2i_zoo.methods.vid2vid import Vid2Vid
from i2i_zoo.metrics.flicker import KnownWarpingError
from i2i_zoo.tasks.frames import frames_of, with_clips
from i2i_zoo.tasks.preprocess import PairedPreprocess, SemanticPreprocess, UnpairedPreprocess

SIZE = (32, 64)
OPTIONS: dict[str, Any] = {"test": 2, "val": 1, "frames": 3, "size": list(SIZE), "num_workers": 0}


def spade() -> SPADE:
    torch.manual_seed(0)
    model = SPADE(labels=12, width=2, upsampling="normal", hidden=4)
    model.preprocess = SemanticPreprocess(None, "camvid")
    return model


def pix2pix(channels: int, labels_are: str = "source") -> Pix2Pix:
    torch.manual_seed(0)
    sides = {"in_channels": channels} if labels_are == "source" else {"out_channels": channels}
    model = Pix2Pix(generator="resnet_6", width=2, discriminator_width=2, **sides)
    model.preprocess = PairedPreprocess(None, **{f"{labels_are}_palette": "camvid"})
    return model


def cyclegan() -> CycleGAN:
    torch.manual_seed(0)
    model = CycleGAN(generator="resnet_6", width=2, discriminator_width=2, in_channels=12, lambda_identity=0)
    model.preprocess = UnpairedPreprocess(None, "camvid")
    return model


def numbers_of(model: Any, folder: Path, metrics: list[str] | None, **options: Any) -> dict[str, float]:
    trainer = tiny.trainer(folder, Evaluation(metrics))
    (found,) = trainer.test(model, datamodule=StreetClips(**{**OPTIONS, **options}), verbose=False)
    return dict(found)


def clips() -> list[dict[str, Any]]:
    data = StreetClips(**OPTIONS)
    data.setup("test")
    return list(data.test_dataloader())


@pytest.mark.parametrize(
    ("make", "direction"),
    [(spade, ""), (partial(pix2pix, 12), ""), (partial(pix2pix, 3), ""), (cyclegan, "ab_")],
    ids=["spade", "pix2pix, a channel for each label", "pix2pix, colours", "cyclegan"],
)
def test_the_numbers_are_those_of_frames_translated_one_by_one(
    make: Callable[[], Any], direction: str, tmp_path: Path
) -> None:
    model = make()
    found = numbers_of(model, tmp_path, ["l1", "warping_error"])
    model.eval()
    error, distances = KnownWarpingError(), []
    for clip in clips():
        labels = [ids.numpy().astype(np.uint8) for ids in clip["label"][0]]
        instances = [ids.numpy().astype(np.uint16) for ids in clip["instance"][0]]
        own = {"instance": instances} if isinstance(model, SPADE) else {}
        pictures = [torch.from_numpy(np.array(picture)) for picture in model.translate(labels, **own)]
        made = to_float(torch.stack(pictures).permute(0, 3, 1, 2))
        distances.append((made - clip["video"][0]).abs().mean().item() / 2)
        error.update(made[None], clip["flow"], clip["seen"])
    # Pictures of 8 bits on this side, floats on the other.
    assert found[f"test/{direction}l1"] == pytest.approx(float(np.mean(distances)), abs=2e-3)
    assert found[f"test/{direction}warping_error"] == pytest.approx(error.compute().item(), rel=0.05, abs=2e-5)
    assert found[f"test/{direction}warping_error"] > found[f"test/{direction}warping_error_real"]


def test_several_clips_in_a_batch_change_nothing(tmp_path: Path) -> None:
    one, two = (numbers_of(spade(), tmp_path, None, batch_size=size) for size in (1, 2))
    assert set(one) == {f"test/{name}" for name in ("psnr", "ssim", "l1", "warping_error", "warping_error_real")}
    assert one == pytest.approx(two, rel=1e-4)


def test_photographs_to_label_maps_are_measured_against_the_labels(tmp_path: Path) -> None:
    found = numbers_of(pix2pix(3, "target"), tmp_path, None)
    assert 0 < found["test/label_score_pixel_accuracy"] < 0.9
    frames = pix2pix(3, "target").pictures_of(frames_of(clips()[0]))
    assert torch.equal(frames["source"], clips()[0]["video"][0])
    colours = torch.from_numpy(palette_colours("camvid"))[clips()[0]["label"][0]].permute(0, 3, 1, 2)
    assert torch.equal(frames["target"], to_float(colours))


def test_frames_and_back_to_clips() -> None:
    batch = {"label": torch.arange(24).view(2, 3, 2, 2), "video": torch.rand(2, 3, 3, 2, 2), "name": ["a", "b"]}
    frames = frames_of(batch)
    assert frames["name"] == ["a_0000", "a_0001", "a_0002", "b_0000", "b_0001", "b_0002"]
    assert torch.equal(frames["label"][4], batch["label"][1, 1])
    found = with_clips({"output": frames["target"] / 2, "target": frames["target"]}, frames)
    assert torch.equal(found["clip"], batch["video"] / 2)
    assert torch.equal(found["real_clip"], batch["video"])
    assert "clip" not in with_clips({"output": frames["target"]}, {})


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    plain = pix2pix(3)
    plain.preprocess = PairedPreprocess(None)
    with pytest.raises(ZooError, match="Pix2Pix works on batches of source and target, and StreetClips gives label"):
        numbers_of(plain, tmp_path, None)
    other = spade()
    other.preprocess = SemanticPreprocess(None, "cityscapes")
    with pytest.raises(ZooError, match="SPADE knows the labels of cityscapes, and StreetClips has those of camvid: ch"):
        numbers_of(other, tmp_path, None)
    with pytest.raises(ZooError, match="SPADE works on batches of label and target, and StreetClips gives label"):
        tiny.trainer(tmp_path).fit(spade(), datamodule=StreetClips(**OPTIONS))


@pytest.fixture
def _checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of vid2vid as a recipe, whose data are clips, and checkpoints of methods for clips and for pictures."""
    monkeypatch.chdir(tmp_path)
    clip_method = Vid2Vid(
        labels=12, width=4, downs=1, blocks=2, foreground=(), lambda_perceptual=0.0, first_frame="nothing"
    )
    clip_method.preprocess = SemanticPreprocess(SIZE, "camvid")
    i2i_zoo.save(clip_method, "run/version_0/model")
    recipe = {
        "model": {"class_path": "Vid2Vid"},
        "data": {"class_path": "StreetClips", "init_args": OPTIONS},
    }
    Path("run/version_0/config.yaml").write_text(yaml.safe_dump(recipe))
    i2i_zoo.save(spade(), "pictures")


@pytest.mark.usefixtures("_checkpoints")
def test_one_table_has_both_kinds_of_methods(capsys: pytest.CaptureFixture[str]) -> None:
    args = ["run", "pictures", "pix2pix-camvid", "--data", "StreetClips", "--metrics", "l1", "warping_error"]
    assert main(["compare", *args, "-o", "out", "--pictures", "1"]) == 0, capsys.readouterr().err
    table = json.loads(Path("out/table.json").read_text())
    found = {row["name"]: row for row in table["rows"]}
    assert list(found) == ["run", "pictures", "pix2pix-camvid"]
    for row in found.values():
        assert set(row["metrics"]) == {"l1", "warping_error"}
        assert row["test_pictures"] == 2, "the options of the data are those of the run, for all"
    text = Path("out/table.md").read_text()
    assert "Measured on 2 test clips, 3 frames of each." in text
    assert text.count("| 64x32 |") == 4, "three methods and the real frames, all at the size of the clips"
    results = [json.loads(path.read_text()) for path in Path("out").glob("rows/*/result.json")]
    assert len({tuple(result["directions"][""]["names"]) for result in results}) == 1, "of the same clip"
    assert (
        main(
            [
                "test",
                "pictures",
                "--data",
                "StreetClips",
                "--data.test=1",
                "--data.frames=2",
                "--data.size=[32,64]",
                "--data.num_workers=0",
                "--trainer.accelerator=cpu",
                "--trainer.logger=false",
            ]
        )
        == 0
    )
    assert "test/warping_error" in capsys.readouterr().out
