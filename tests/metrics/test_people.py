"""Metrics of persons, beside numbers of the authors' scripts on pictures that a formula makes.

They are those of pose-gan (8693ec4, ``test.py``), PG2 (c32f859, ``score.py`` and ``score_mask.py``, with the mask of
the target) and PATN (281ee2d, ``tool/calPCKH_market.py``), with scikit-image 0.13.1's ``compare_ssim``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor

import tiny
from golden.fill import Golden
from i2i_zoo.callbacks.evaluation import Evaluation
from i2i_zoo.data.rendered.people_data import PeopleData
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.pix2pix_pose import Pix2PixPose
from i2i_zoo.metrics.inception import IS
from i2i_zoo.metrics.people import PCKh, PersonIS, PersonMean, only_person
from i2i_zoo.metrics.pictures import PictureMean, ssim, ssim_deformable, truncated
from i2i_zoo.metrics.suites import METRICS, suite
from i2i_zoo.pretrained.detectors import person_score
from i2i_zoo.pretrained.pose_estimators import pose_estimator
from media.test_pose_drawing import SIZE, from_rows_and_columns

NUMBERS = {
    "ssim_deformable": 0.9158670961864216,
    "ssim_pg2": 0.9081493478883257,
    "mask_ssim_deformable": 0.9752464181464408,
    "mask_ssim_pg2": 0.9830677069644465,
}


def waves(phases: Tensor, contrast: float) -> Tensor:
    """A picture (3, 128, 64) in [-1, 1] for each phase."""
    k = phases.double()[:, None, None, None]
    y, x = torch.arange(SIZE[0], dtype=torch.float64)[:, None], torch.arange(SIZE[1], dtype=torch.float64)
    c = torch.arange(3, dtype=torch.float64)[:, None, None]
    wide = torch.sin(0.11 * y + 0.07 * k) * torch.cos(0.23 * x - 0.4 * c + k)
    return (contrast * wide + 0.1 * torch.sin(1.7 * x * (c + 1) + 0.9 * y)).float()


@pytest.fixture
def pictures() -> tuple[Tensor, Tensor]:
    """Outputs, and targets as files of 8 bits have them."""
    phases = torch.arange(8)
    return waves(phases + 0.3, 0.6), ((waves(phases, 0.8) + 1) * 127.5).round() / 127.5 - 1


def poses_of(paper: str) -> Tensor:
    """Eight poses in pictures of 128x64, of which the authors' masks are known."""
    if paper == "pg2":
        return from_rows_and_columns(Golden("pg2_masks")["keypoints"])
    golden = Golden("posegan_geometry")
    return from_rows_and_columns(golden["target_keypoints"][(golden["image_size"] == SIZE).all(1)][:8])


def measured(name: str, *values: Tensor) -> float:
    """What a metric of the suite gives for all pictures, which it gets in two batches."""
    measure = METRICS[name](tiny.model(), "")[name]
    for part in (slice(3), slice(3, None)):
        measure.metric.update(*(value[part] for value in values))
    return float(measure.metric.compute())


@pytest.mark.parametrize("paper", ["deformable", "pg2"])
def test_ssim_of_the_authors(pictures: tuple[Tensor, Tensor], paper: str) -> None:
    assert measured(f"ssim_{paper}", *pictures) == pytest.approx(NUMBERS[f"ssim_{paper}"], abs=3e-7)
    found = measured(f"mask_ssim_{paper}", *pictures, poses_of(paper))
    assert found == pytest.approx(NUMBERS[f"mask_ssim_{paper}"], abs=3e-7)


def test_the_protocol_stands_beside_its_number() -> None:
    measures, missing = suite(tiny.model(), "", dict.fromkeys(NUMBERS))
    assert missing == []
    deformable = "deformable, Gaussian window of 13 pixels, range of each output"
    pg2 = "pg2, uniform window of 7 pixels, covariances of a sample"
    assert {name: measure.title for name, measure in measures.items()} == {
        "ssim_deformable": f"SSIM ({deformable})",
        "ssim_pg2": f"SSIM ({pg2})",
        "mask_ssim_deformable": f"mask-SSIM ({deformable}, limbs of the target's pose)",
        "mask_ssim_pg2": f"mask-SSIM ({pg2}, limbs of the target's pose)",
    }


def test_the_range_is_that_of_the_output(pictures: tuple[Tensor, Tensor]) -> None:
    dark, bright = ((picture + 1) / 2 for picture in (pictures[0] * 0.3, pictures[1]))
    assert (ssim_deformable(dark, bright) - ssim_deformable(bright, dark)).abs().min() > 1e-3
    grey = torch.full_like(dark, 0.5)
    assert 0 <= ssim_deformable(grey, bright).max() < 0.1
    assert torch.equal(ssim_deformable(grey, grey), torch.ones(8))
    with pytest.raises(ZooError, match=r"at least 11x11 pixels, not \(10, 40\)"):
        ssim_deformable(torch.zeros(1, 3, 10, 40), torch.zeros(1, 3, 10, 40))


def test_outputs_are_cut_off_and_levels_stay() -> None:
    levels = torch.arange(256)
    assert torch.equal(truncated(levels.float() / 127.5 - 1), levels.byte())
    assert truncated(torch.tensor([-0.4, 0.9, 254.9, 300]) / 127.5 - 1).tolist() == [0, 0, 254, 255]


def test_only_the_person_in_the_target_counts(pictures: tuple[Tensor, Tensor]) -> None:
    output, target = pictures
    pose = poses_of("deformable")
    inside = only_person(torch.ones_like(output), pose) > 0
    assert 0.05 < inside.float().mean() < 0.6
    elsewhere = torch.where(inside, output, target.flip(-1))
    assert measured("mask_ssim", elsewhere, target, pose) == measured("mask_ssim", output, target, pose)
    assert measured("mask_ssim", torch.where(inside, target, output), target, pose) == 1
    assert measured("mask_ssim", output, target, pose) != measured("mask_ssim", output, target, pose.flip(0))
    black = ((only_person(picture, pose) + 1) / 2 for picture in (output, target))
    rounded = [(picture * 255).round() / 255 for picture in black]
    assert measured("mask_ssim", output, target, pose) == pytest.approx(ssim(*rounded).mean().item(), abs=1e-6)


def test_inception_score_of_the_person(pictures: tuple[Tensor, Tensor]) -> None:
    output, pose = pictures[0], poses_of("deformable")
    metric, expected = PersonIS(tiny.Features(), splits=2), IS(tiny.Features(), splits=2)
    metric.update(output, pose)
    expected.update(only_person(output, pose))
    found = metric.compute()
    assert found == expected.compute()
    expected.update(output)
    assert found["mean"] != expected.compute()["mean"]


def found_and_wanted() -> tuple[Tensor, Tensor]:
    """Poses that an estimator may find and those that it should find, (12, 18, 3) each."""
    k, i = torch.arange(12, dtype=torch.float64)[:, None], torch.arange(18, dtype=torch.float64)
    x, y = 32 + 20 * torch.sin(1.3 * i + k), 10 + 6 * i + 3 * torch.cos(2.1 * i + k)
    head, points = torch.tensor([0, 1, 14, 15, 16, 17]), torch.arange(6, dtype=torch.float64)
    x[:, head], y[:, head] = 32 + 7 * torch.sin(2 * points + k), 14 + 8 * torch.cos(1.7 * points + k)
    x, y = x.round(), y.round()
    seen = (i * 7 + k * 5) % 9 != 0
    seen[11, [0, 1, 14, 15, 16]] = False  # a pose whose head has no size
    found = torch.stack([(x + 6 * torch.sin(3.7 * i + 2 * k)).round(), (y + 6 * torch.cos(2.9 * i + k)).round()], -1)
    known = (i * 5 + k * 3) % 11 != 0
    return tuple(  # type: ignore[return-value]  # two of them
        torch.cat([points * shown[..., None], shown[..., None]], -1).float()
        for points, shown in ((found, known), (torch.stack([x, y], -1), seen))
    )


def test_pckh_of_the_authors() -> None:
    found, wanted = found_and_wanted()
    pictures = (torch.arange(12.0) / 127.5 - 1)[:, None, None, None].expand(12, 3, 4, 4)
    metric = PCKh(lambda picture: found[int((picture[0, 0, 0] + 1) * 127.5 + 0.5)])
    metric.update(pictures[:5], wanted[:5])
    metric.update(pictures[5:], wanted[5:])
    assert (int(metric.right), int(metric.visible)) == (120, 176)
    assert metric.compute() == pytest.approx(120 / 176)
    metric.reset()
    metric.update(pictures[11:], wanted[11:])
    assert metric.compute().isnan()  # the pose has no head


def test_a_model_of_persons_is_measured(tmp_path: Path, keypoint_rcnn: Path) -> None:
    torch.manual_seed(0)
    model = Pix2PixPose(width=4, discriminator_width=4)
    data = PeopleData(test=3, size=(128, 64), batch_size=2, num_workers=0)
    evaluation = Evaluation(test_metrics={name: None for name in (*NUMBERS, "pckh")})
    run = tiny.trainer(tmp_path, evaluation)
    run.test(model, data, verbose=False)
    values = {key.removeprefix("test/"): float(value) for key, value in run.callback_metrics.items()}
    assert set(values) == {"ssim", "mask_ssim", "l1", *NUMBERS, "pckh", "pckh_real"}
    assert all(0 <= value < 1 for value in values.values())
    assert values["mask_ssim"] > values["ssim"]  # the background is black in both
    assert evaluation.titles["pckh_real"] == "PCKh (KeypointRCNN, within half a head) of the real pictures"

    batches = list(data.test_dataloader())
    expected = PCKh(pose_estimator())
    for batch in batches:
        expected.update(batch["target"], batch["target_pose"])
    assert values["pckh_real"] == pytest.approx(float(expected.compute()))


def test_detection_score_of_outputs_and_real_pictures(tmp_path: Path, pictures: tuple[Tensor, Tensor]) -> None:
    torch.manual_seed(0)
    name, file = "ssdlite320_mobilenet_v3_large", tmp_path / "ssdlite.pth"
    network = torchvision.models.get_model(name, weights=None, weights_backbone=None)
    for head in network.head.classification_head.module_list:
        head[-1].bias.data.view(-1, 91)[:, 1] += 3  # persons
    torch.save(network.state_dict(), file)
    measures, missing = suite(tiny.model(), "", {"ds": {"detector": name, "weights": file}})
    assert missing == []
    assert measures["ds_real"].title == f"detection score ({name}, best score of a person) of the real pictures"
    score = person_score(name, file)
    for key, picture in zip(("ds", "ds_real"), pictures, strict=True):
        assert measures[key].needs == ({"ds": "output", "ds_real": "target"}[key],)
        measures[key].metric.update(picture[:1])
        measures[key].metric.update(picture[1:2])
        expected = score(((picture[:2] + 1) * 127.5).round() / 255).mean()
        assert expected > 0.1
        assert measures[key].metric.compute() == pytest.approx(float(expected), rel=1e-5)


def test_what_it_takes_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2I_ZOO_POSE", "nowhere/pose.task")
    monkeypatch.setattr("i2i_zoo.pretrained.inception._INCEPTION", "http://127.0.0.1:9/inception-6726825d.pth")
    chosen = {"mask_is": None, "ds": {"detector": "ssd300_voc"}, "pckh": None, "mask_ssim": None}
    measures, missing = suite(tiny.model(), "", chosen)
    assert list(measures) == ["mask_ssim"]
    assert [sentence.partition(":")[0] for sentence in missing] == [
        "mask_is is not measured",
        "ds is not measured",
        "pckh is not measured",
    ]
    assert "SSD300 of VOC has no weights here: get VGG_VOC0712_SSD_300x300_iter_120000.caffemodel" in missing[1]
    assert "I2I_ZOO_POSE nowhere/pose.task: there is no such file" in missing[2]


def share(rank: int, processes: int) -> dict[str, float]:
    """The metrics that one of several processes gets, of which each has counted every so manieth picture."""
    phases = torch.arange(5)
    output, target = waves(phases + 0.3, 0.6), waves(phases, 0.8)
    pose = poses_of("deformable")[:5]
    metrics: dict[str, tuple[Any, tuple[Tensor, ...]]] = {
        "mask_ssim": (PersonMean(ssim_deformable, truncate=True), (output, target, pose)),
        "ds": (PictureMean(lambda pictures: pictures.amax((1, 2, 3))), (output,)),
        "mask_is": (PersonIS(tiny.Features(), splits=2), (output, pose)),
        "pckh": (PCKh(lambda picture: pose[0]), (output, pose)),
    }
    values = {}
    for name, (metric, needs) in metrics.items():
        metric.update(*(value[rank::processes] for value in needs))
        result = metric.compute()
        values[name] = float(result["mean"] if isinstance(result, dict) else result)
    return values


@pytest.mark.slow
def test_two_processes_agree_with_one(tmp_path: Path) -> None:
    script = f"""
import json, runpy, sys
from torch import distributed
if __name__ == "__main__":
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=int(sys.argv[1]), world_size=2)
    print(json.dumps(runpy.run_path({str(Path(__file__))!r})["share"](int(sys.argv[1]), 2)))
    distributed.destroy_process_group()
"""
    (tmp_path / "script.py").write_text(script)
    environment = {"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    processes = [
        subprocess.Popen(
            [sys.executable, tmp_path / "script.py", str(rank)], stdout=subprocess.PIPE, text=True, env=environment
        )
        for rank in range(2)
    ]
    expected = share(0, 1)
    assert set(map(type, expected.values())) == {float}
    for process in processes:
        output = process.communicate()[0]
        assert process.returncode == 0
        assert json.loads(output) == pytest.approx(expected, rel=1e-6)
