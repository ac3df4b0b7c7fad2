from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import i2i_zoo
import tiny
from i2i_zoo.benchmark import Setting, benchmark, measure_data, scaling, table
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.cyclegan import CycleGAN


@pytest.mark.slow
def test_one_and_two_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    i2i_zoo.save(tiny.model(), tmp_path / "model")
    options = [
        "--device=cpu",
        "--size",
        "64",
        "128",
        "--batch=2",
        "--steps=1",
        "--devices=2",
        "--channels-last",
        "--json",
    ]
    assert main(["benchmark", str(tmp_path / "model"), *options]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(r["what"], r["devices"]) for r in results] == [(w, n) for n in (1, 2) for w in ("inference", "training")]
    inference, training = results[:2]
    made = tiny.model()
    assert inference["parameters"] == sum(p.numel() for p in made.parameters())
    made.configure_model()
    assert training["parameters"] == sum(p.numel() for p in made.parameters())
    # A step has the generator's pass, its gradient, and the discriminator's.
    assert training["gflop"] > 2 * inference["gflop"] > 0
    for result in results:
        assert 0 < result["ms_p10"] <= result["ms"] <= result["ms_p90"]
        assert result["images_per_second"] == pytest.approx(1e3 * 2 * result["devices"] / result["ms"], rel=0.05)
        assert result["peak_memory_mb"] > 50
    header, *rows = table(results).splitlines()
    assert {"images/s", "memory", "efficiency"} <= set(header.split())
    assert [row.split()[:2] for row in rows] == [[r["what"], str(r["devices"])] for r in results]


@pytest.mark.slow
def test_two_domains(tmp_path: Path) -> None:
    made = CycleGAN(generator="resnet_6", width=2, discriminator_width=2)
    i2i_zoo.save(made, tmp_path / "model")
    inference, training = benchmark(Setting(str(tmp_path / "model"), height=32, width=48, steps=1))
    assert inference["parameters"] == sum(p.numel() for p in made.parameters())  # both directions
    assert training["gflop"] > 3 * inference["gflop"] > 0


def test_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
        for i in range(3):
            Image.fromarray(np.zeros((32, 64, 3), np.uint8)).save(tmp_path / split / f"{i}.png")
    assert main(["benchmark", "pix2pix", "--data", str(tmp_path), "--workers=1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["workers"] == 1
    assert result["images_per_second"] == result["images_per_second_per_worker"] > 0


def test_data_that_do_not_fit_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZooError, match=r"the data have source of 3 and target of 3: use --model\.in_channels 3"):
        measure_data(tiny.data(), tiny.model(in_channels=1))
    for folder in ("trainA", "trainB"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / folder / "0.png")
    assert main(["benchmark", "cogan", "--data", str(tmp_path), "--workers=1"]) == 1
    *_, error = capsys.readouterr().err.splitlines()
    assert "the data have a of 3 and b of 3: use --model.in_channels 3 --model.out_channels 3" in error


def test_what_cannot_be_measured() -> None:
    with pytest.raises(ZooError, match="use bf16"):
        benchmark(Setting("pix2pix", precision="16"))
    with pytest.raises(
        ZooError, match=r"^--devices 100000: each process needs a core of the CPU, so give at most \d+\.$"
    ):
        scaling(Setting("pix2pix"), 100_000)
    with pytest.raises(ZooError, match="GPUs were asked for"):
        benchmark(Setting("pix2pix", device="cuda", devices=100))
