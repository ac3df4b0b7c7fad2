from __future__ import annotations

import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

import tiny
from i2i_zoo.callbacks.evaluation import Evaluation
from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.rendered.streets import render_scene
from i2i_zoo.errors import ZooError
from i2i_zoo.media.colours import lab_to_rgb
from i2i_zoo.media.pictures import to_pil, to_uint8
from i2i_zoo.metrics.fcn_score import FCNScore, LabelScore
from i2i_zoo.metrics.inception import FID, IS, KID
from i2i_zoo.metrics.suites import Measure
from tiny import Segmenter


def test_measures_the_pictures_that_would_be_saved(tmp_path: Path) -> None:
    model, data = tiny.model(), tiny.data(batch_size=2)
    run = tiny.trainer(tmp_path, Evaluation())
    run.test(model, data, verbose=False)
    found = {key: value.item() for key, value in run.callback_metrics.items()}
    assert set(found) == {"test/psnr", "test/ssim", "test/l1"}

    psnr, l1 = [], []
    for index in range(3):
        item = data.datasets["test"][0, index]
        output = np.asarray(to_pil(model.translate(item["source"])))
        target = np.asarray(to_pil(item["target"]))
        psnr.append(peak_signal_noise_ratio(target, output, data_range=255))
        l1.append(np.abs(output.astype(float) - target).mean() / 255)
    # Batch and single picture may differ by a rounding step in a pixel or two.
    assert found["test/psnr"] == pytest.approx(np.mean(psnr), abs=1e-3)
    assert found["test/l1"] == pytest.approx(np.mean(l1), abs=1e-5)


def test_a_lab_model_is_judged_by_its_colours(tmp_path: Path) -> None:
    model = tiny.model(in_channels=1, out_channels=2)
    model.preprocess = model.preprocess_type.from_json({"made_from": "lab"}, "test")
    run = tiny.trainer(tmp_path, Evaluation(["l1"]))
    data = tiny.data(in_channels=1, out_channels=2)
    run.validate(model, data, verbose=False)
    differences = []
    for index in range(3):
        item = data.datasets["val"][0, index]
        source = item["source"][None]
        pictures = [lab_to_rgb(torch.cat([source, ab], 1)) for ab in (model.translate(source), item["target"][None])]
        differences.append((to_uint8(pictures[0]).float() - to_uint8(pictures[1])).abs().mean() / 255)
    assert run.callback_metrics["val/l1"].item() == pytest.approx(torch.stack(differences).mean().item(), abs=1e-5)


def test_others_can_monitor_its_numbers(tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path, monitor="val/psnr", mode="max", auto_insert_metric_name=False)
    stop = EarlyStopping(monitor="val/ssim", mode="max", patience=0, min_delta=10.0)
    run = tiny.trainer(tmp_path, Evaluation(), best, stop, max_epochs=9, enable_checkpointing=True)
    run.fit(tiny.model(), tiny.data())
    assert run.current_epoch == 2
    assert Path(best.best_model_path).is_file()
    assert best.best_model_score is not None
    assert best.best_model_score > 0


def test_an_unknown_metric(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="No metric fids: choose from psnr, ssim, l1"):
        tiny.trainer(tmp_path, Evaluation(["fids"])).validate(tiny.model(), tiny.data())


@pytest.fixture
def labelled(tmp_path: Path) -> PairedData:
    """Three scenes, whose label maps are larger than the model works at and differ in size."""
    for number, size in enumerate([(80, 100), (64, 64), (96, 72)]):
        ids, photo = render_scene(number, size)
        for split, (folder, array) in product(("val", "test"), (("labels", ids), ("photos", photo))):
            file = tmp_path / "data" / split / folder / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(file)
    options = {"source_palette": "camvid", "test_size": 64, "batch_size": 2, "num_workers": 0}
    return PairedData(str(tmp_path / "data"), "labels", "photos", **options)


def test_fcn_score_at_the_size_of_the_label_files(tmp_path: Path, labelled: PairedData) -> None:
    model = tiny.model()
    model.adopt(labelled.preprocess)
    evaluation = Evaluation(["l1"], test_metrics={"fcn_score": {"segmenter": Segmenter(), "classes": 11}})
    run = tiny.trainer(tmp_path, evaluation)
    run.test(model, labelled, verbose=False)
    found = {key.removeprefix("test/"): value.item() for key, value in run.callback_metrics.items()}
    expected = {name: FCNScore(Segmenter(), 11) for name in ("fcn_score", "fcn_score_real")}
    for number in range(3):
        ids = torch.from_numpy(np.asarray(Image.open(tmp_path / f"data/test/labels/{number}.png")).astype(np.int64))
        item = labelled.datasets["test"][0, number]
        expected["fcn_score"].update(model.translate(item["source"])[None], [ids])
        expected["fcn_score_real"].update(item["target"][None], [ids])
    for name, metric in expected.items():
        for part, value in metric.compute().items():
            # Batch and single picture may differ by a rounding step in a pixel or two.
            assert found.pop(f"{name}_{part}") == pytest.approx(value.item(), abs=1e-3)
    assert list(found) == ["l1"]
    assert (
        evaluation.titles["fcn_score_real_class_iou"]
        == "FCN-score (Segmenter) of the real photographs at the same size, class IoU"
    )
    run.validate(model, labelled, verbose=False)
    assert set(run.callback_metrics) == {"val/l1"}  # the test's metrics are the test's


def test_label_maps_are_compared_with_the_labels(tmp_path: Path) -> None:
    model, data = tiny.model(), tiny.data(direction="BtoA")
    model.adopt(data.preprocess)
    model.forward = lambda source: source  # the photograph's own colours as a label map
    run = tiny.trainer(tmp_path, Evaluation())
    run.validate(model, data, verbose=False)
    score = LabelScore("camvid", 11)
    for index in range(3):
        item = data.datasets["val"][0, index]
        score.update(item["source"][None], [item["label"]])
    assert 0.03 < score.compute()["pixel_accuracy"] < 0.9
    for part, value in score.compute().items():
        assert run.callback_metrics[f"val/label_score_{part}"].item() == pytest.approx(value.item(), abs=1e-6)


def test_what_cannot_be_measured_is_told_and_the_rest_is_logged(tmp_path: Path, side_by_side: PairedData) -> None:
    model = tiny.model()
    model.preprocess = model.preprocess_type.from_json({"target_palette": "camvid"}, "test")
    chosen = {"l1": None, "fcn_score": {"segmenter": "fcn8s_cityscapes"}, "label_score": {}}
    run = tiny.trainer(tmp_path, Evaluation(chosen))
    with pytest.warns(UserWarning, match="not measured") as told:
        run.validate(model, side_by_side, verbose=False)
    sentences = [str(warning.message) for warning in told if "not measured" in str(warning.message)]
    assert set(run.callback_metrics) == {"val/l1"}
    assert len(sentences) == 2
    assert "fcn_score is not measured: FCN-8s has no weights here" in sentences[0]
    assert "label_score is not measured: the data has no label" in sentences[1]


@pytest.fixture
def side_by_side(tmp_path: Path) -> PairedData:
    """Pictures without label maps."""
    (tmp_path / "pairs/val").mkdir(parents=True)
    for number in range(2):
        _, photo = render_scene(number, (64, 128))
        Image.fromarray(photo).save(tmp_path / f"pairs/val/{number}.png")
    return PairedData(str(tmp_path / "pairs"), test_size=64, num_workers=0)


def test_too_few_pictures_for_a_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation = Evaluation(["l1"])
    run = tiny.trainer(tmp_path, evaluation)
    setup = evaluation.setup

    def with_kid(*args: object, **options: object) -> None:
        setup(*args, **options)
        evaluation.measures[""]["kid"] = Measure(KID(torch.nn.Flatten()), ("output", "target"), "KID")

    monkeypatch.setattr(evaluation, "setup", with_kid)
    with pytest.warns(UserWarning, match="kid is not measured: KID takes subsets of 1000 pictures, and there are 3"):
        run.validate(tiny.model(), tiny.data(), verbose=False)
    assert set(run.callback_metrics) == {"val/l1"}


class Everything(Evaluation):
    """Every kind of metric, with small networks in place of those that need weights."""

    def setup(self, *args: object, **options: object) -> None:
        super().setup(*args, **options)
        self.measures[""]["fid"] = Measure(FID(tiny.Features()), ("output", "target"), "")
        self.measures[""]["kid"] = Measure(KID(tiny.Features(), subsets=3, subset_size=3), ("output", "target"), "")
        self.measures[""]["is"] = Measure(IS(tiny.Features(), splits=2), ("output",), "")


def validate(folder: str, **options: object) -> dict[str, float]:
    """The numbers of one model on 5 pictures."""
    model, data = tiny.model(norm="instance"), tiny.data(val=5)
    model.load_state_dict(torch.load(f"{folder}/weights.pt"))
    chosen = {"l1": None, "ssim": None, "fcn_score": {"segmenter": Segmenter(), "classes": 11}}
    run = tiny.trainer(folder, Everything(chosen), **options)
    run.validate(model, data, verbose=False)
    return {key: value.item() for key, value in run.callback_metrics.items()}


@pytest.mark.slow
def test_two_processes_agree_with_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(tiny.model(norm="instance").state_dict(), tmp_path / "weights.pt")
    script = f"""
import os, runpy, sys
module = runpy.run_path({str(Path(__file__))!r})
values = module["validate"](sys.argv[1], devices=2, strategy="ddp")
rank = os.environ.get("LOCAL_RANK", 0)
print("".join(f"[{{rank}} {{key}} {{value:.6f}}]" for key, value in values.items()))
"""
    (tmp_path / "script.py").write_text(script)
    environment = {"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    output = subprocess.run(
        [sys.executable, tmp_path / "script.py", tmp_path], capture_output=True, text=True, env=environment, check=True
    ).stdout
    values = {(rank, key): float(value) for rank, key, value in re.findall(r"\[(\d) (\S+) (\S+)\]", output)}
    expected = validate(str(tmp_path))
    assert len(expected) == 2 + 6 + 1 + 2 + 2
    assert {key for _, key in values} == set(expected)
    assert len(values) == 2 * len(expected)  # of 5 pictures, one process had 3
    for (_, key), value in values.items():
        assert value == pytest.approx(expected[key], rel=1e-5, abs=2e-6), key
