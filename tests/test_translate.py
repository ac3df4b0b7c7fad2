"""``i2i-zoo translate`` with files and names that are out of the ordinary, and with too little memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import i2i_zoo
import tiny
from i2i_zoo.cli.main import main
from i2i_zoo.errors import ZooError
from i2i_zoo.media.clips import open_clip, save_clip
from i2i_zoo.media.memory import address_space, explained_shortage
from i2i_zoo.tasks.translator import Source
from i2i_zoo.tasks.videos import finish, kept_frames, make_frames, segments, translate_clips


@pytest.fixture(autouse=True)
def _model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    i2i_zoo.save(tiny.model(norm="instance"), "model")


def picture(path: str, seed: int = 0) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)).save(file)
    return file


def files(folder: str) -> set[str]:
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def test_two_pictures_that_differ_in_their_suffix() -> None:
    for name in ("x.jpg", "x.png", "deep/x.png", "y.png"):
        picture(f"in/{name}")
    assert main(["translate", "model", "in", "-o", "out"]) == 0
    assert files("out") == {"x.jpg.png", "x.png.png", "deep/x.png", "y.png"}
    assert main(["translate", "model", "in/x.jpg", "in/x.*", "-o", "globbed"]) == 0
    assert files("globbed") == {"x.jpg.png", "x.png.png"}


def opened(file: Path) -> Image.Image:
    with Image.open(file) as image:
        return image.convert("RGB")


def test_python_gets_a_list_of_the_frames_of_a_clip() -> None:
    frames = [opened(picture("frame.png", seed)).resize((48, 32)) for seed in range(6)]
    save_clip(frames, Path("walk.webp"), 12)
    model = i2i_zoo.load("model")
    found, still = model.translate(["walk.webp", "frame.png"])
    assert [frame.size for frame in found] == [(48, 32)] * 6
    for frame, source in zip(found, frames, strict=True):
        assert np.abs(np.asarray(frame, float) - np.asarray(model.translate(source))).max() <= 1
    assert still.size == (64, 64)
    assert len(model.translate(Path("walk.webp"))) == 6
    Path("film.mp4").write_bytes(b"film")
    with pytest.raises(ZooError, match=r"film\.mp4: "):
        model.translate("film.mp4")


def test_a_video_is_translated_frame_by_frame() -> None:
    pytest.importorskip("av")
    frames = [opened(picture("frame.png", seed)).resize((48, 32)) for seed in range(7)]
    save_clip(frames, Path("in/walk.mp4"), 12)
    assert main(["translate", "model", "in/walk.mp4", "-o", "out", "--batch", "3", "--device", "cpu"]) == 0
    assert files("out") == {"walk.mp4"}
    clip = open_clip("out/walk.mp4")
    assert (clip.count(), clip.rate) == (7, 12)
    model = i2i_zoo.load("model")
    for source, result in zip(open_clip("in/walk.mp4"), clip, strict=True):
        assert result.size == (48, 32)
        expected = np.asarray(model.translate(source), float)
        assert np.abs(np.asarray(result, float) - expected).mean() < 12  # 4:2:0 of noise
    assert main(["translate", "model", "in/*.mp4", "-o", "out", "--device", "cpu"]) == 0  # is there already


def test_animations_are_translated_frame_by_frame(capsys: pytest.CaptureFixture[str]) -> None:
    frames = [opened(picture("in/frame.png", seed)) for seed in range(3)]
    for name in ("a.gif", "a.webp"):
        save_clip([*frames, frames[-1]], Path("in", name), 20)
    assert main(["translate", "model", "in", "-o", "out", "--devices", "2", "--batch", "2", "--device", "cpu"]) == 0
    assert capsys.readouterr().out == "3 translated: out\n"
    assert files("out") == {"a.gif", "a.webp", "frame.png"}
    for name in ("a.gif", "a.webp"):
        assert (open_clip(f"out/{name}").count(), open_clip(f"out/{name}").rate) == (4, 20)
    expected = i2i_zoo.load("model").translate(frames[1])
    *_, result = open_clip("out/a.webp").frames(1, 2)
    np.testing.assert_allclose(np.asarray(result, float), np.asarray(expected, float), atol=1)


def test_an_interrupted_clip_goes_on_by_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [opened(picture("frame.png", seed)).resize((48, 32)) for seed in range(7)]
    save_clip(frames, Path("walk.webp"), 12)
    translator, batches = i2i_zoo.load("model").translator(), []
    translate_read = translator.translate_read

    def interrupted(sources: Sequence[Source]) -> list[Any]:
        batches.append(len(sources))
        if len(batches) == 3:
            raise KeyboardInterrupt
        return translate_read(sources)

    monkeypatch.setattr(translator, "translate_read", interrupted)
    jobs = {Path("out/walk.webp"): Path("walk.webp")}
    with pytest.raises(KeyboardInterrupt):
        list(translate_clips(translator, jobs, batch=2, made_from="a"))
    assert len(list(Path("out").glob(".*/*.png"))) == 4
    assert list(translate_clips(translator, jobs, batch=2, made_from="a")) == [(Path("out/walk.webp"), None)]
    assert batches == [2, 2, 2, 2, 1]
    assert files("out") == {"walk.webp"}
    whole = [np.asarray(frame) for frame in open_clip("out/walk.webp")]
    for frame, source in zip(whole, frames, strict=True):
        assert np.abs(frame - np.asarray(i2i_zoo.load("model").translate(source), float)).max() <= 1


def test_frames_of_another_model_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    save_clip([opened(picture("frame.png", seed)) for seed in range(3)], Path("walk.webp"), 12)
    kept = kept_frames(Path("out/walk.webp"), Path("walk.webp"), "a")
    kept.keep([Image.new("RGB", (64, 64))] * 2, 0)
    assert kept_frames(Path("out/walk.webp"), Path("walk.webp"), "a").missing() == 2
    assert kept_frames(Path("out/walk.webp"), Path("walk.webp"), "b").missing() == 0
    kept.keep([Image.new("RGB", (64, 64))] * 2, 0)
    os.utime("walk.webp", (0, 0))
    assert kept_frames(Path("out/walk.webp"), Path("walk.webp"), "b").missing() == 0


def test_a_clip_in_segments_is_the_same_clip() -> None:
    save_clip([opened(picture("frame.png", seed)) for seed in range(5)], Path("walk.webp"), 12)
    translator = i2i_zoo.load("model").translator()
    assert segments(Path("walk.webp"), 2) == [(0, 2), (2, 5)]
    assert segments(Path("walk.webp"), 9) == [(n, n + 1) for n in range(5)]
    kept = kept_frames(Path("out/walk.webp"), Path("walk.webp"), "")
    for segment in ((2, 5), (0, 2)):
        make_frames(translator, Path("walk.webp"), kept, 2, {}, segment=segment)
    finish(kept, Path("walk.webp"))
    expected = i2i_zoo.load("model").translate("walk.webp")
    for frame, other in zip(open_clip("out/walk.webp"), expected, strict=True):
        assert np.array_equal(np.asarray(frame), np.asarray(other))
    assert files("out") == {"walk.webp"}


@pytest.mark.parametrize("launcher", ["torchrun", "slurm"])
def test_launched_processes_share_the_files(
    launcher: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(5):
        picture(f"in/{seed}.png", seed)
    names = {
        "torchrun": ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
        "slurm": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
    }
    made: list[set[str]] = []
    for rank in (1, 0):
        for name, value in zip(names[launcher], (rank, 2, rank), strict=True):
            monkeypatch.setenv(name, str(value))
        if launcher == "torchrun":
            monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
        before = files("out") if made else set()
        assert main(["translate", "model", "in", "-o", "out", "--device", "cpu"]) == 0
        made.append(files("out") - before)
    assert made == [{"1.png", "3.png"}, {"0.png", "2.png", "4.png"}]
    capsys.readouterr()
    assert main(["translate", "model", "in", "-o", "out", "--device", "cpu", "--devices", "2"]) == 1
    assert "a launcher has started this process and 1 others already" in capsys.readouterr().err


def test_a_bad_file_of_one_process_of_torchrun_does_not_end_the_others() -> None:
    first = picture("in/000.png")
    for number in range(1, 300):
        Path(f"in/{number:03}.png").symlink_to(first.absolute())
    Path("in/001.png").unlink()
    Path("in/001.png").write_text("no picture")
    Path("out").mkdir()
    for number in range(3, 300, 2):  # so that the second process has nothing else to do
        Path(f"out/{number:03}.png").touch()
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--rdzv_backend=c10d"]
    command += ["--rdzv_endpoint=localhost:0", "-m", "i2i_zoo", "translate", "model", "in", "-o", "out", "--batch=1"]
    result = subprocess.run([*command, "--device=cpu"], capture_output=True, text=True, timeout=300)
    assert result.returncode == 1, result.stderr
    assert "i2i-zoo: in/001.png: the file is not a picture" in result.stderr
    assert "150 translated: out (process 0 of 2)" in result.stdout
    assert len(files("out")) == 299


def test_damaged_videos_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("av")
    Path("film.mp4").write_bytes(b"film")
    assert main(["translate", "model", "film.mp4", "-o", "out", "--device", "cpu"]) == 1
    error = capsys.readouterr().err
    assert "i2i-zoo: film.mp4: the video cannot be read (Invalid data found when processing input)" in error


@pytest.mark.parametrize("name", ["out.gif", "out.webp", "out.mp4"])
def test_a_clip_is_written_under_a_name_of_its_own(name: str) -> None:
    if name == "out.mp4":
        pytest.importorskip("av")
    frames = [Image.new("RGB", (32, 32), (80 * shade, 40, 90)) for shade in range(3)]
    frames[0].save("clip.gif", save_all=True, append_images=frames[1:], duration=100)
    assert main(["translate", "model", "clip.gif", "-o", name, "--device", "cpu"]) == 0
    assert len(list(open_clip(name))) == 3


def test_a_name_of_251_bytes_and_a_suffix() -> None:
    long = "a" * 251 + ".png"
    picture(f"in/{long}")
    picture("in/b.png")
    assert main(["translate", "model", "in", "-o", "out"]) == 0
    assert files("out") == {long, "b.png"}


def test_pipes_and_links_to_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe.png")
    Path("loop.png").symlink_to("loop.png")
    Path("loop").symlink_to("loop")
    picture("a.png")
    for argv, part in (
        (["pipe.png"], "pipe.png: this is a pipe or a device; give a file."),
        (["loop.png"], "loop.png: there is no such file or folder; check the path."),
        (["a.png", "-o", "loop"], "loop/a.png: the picture cannot be written"),
    ):
        assert main(["translate", "model", *argv]) == 1
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("i2i-zoo: ")]
        assert len(told) == 1
        assert part in told[0]


def test_terminal_codes_in_the_name_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").mkdir()
    Path("in/a\n\x1b[31mred.png").write_text("no picture")
    assert main(["translate", "model", "in", "-o", "out"]) == 1
    error = capsys.readouterr().err
    assert "\x1b[31m" not in error
    assert error.count(r"i2i-zoo: in/a\n\x1b[31mred.png: the file is not a picture") == 1


def test_globs_leave_out_what_computers_leave_there() -> None:
    picture("in/a.png")
    picture("in/@eaDir/a.png/THUMB.png")
    assert main(["translate", "model", "in/**/*.png", "-o", "out"]) == 0
    assert files("out") == {"a.png"}


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB."),
    ],
)
def test_the_ways_in_which_memory_runs_out(error: Exception) -> None:
    sentence = "picture: the network takes more memory than is free; work at a smaller size"
    with pytest.raises(ZooError, match=sentence), explained_shortage("picture: the network", "work at a smaller size"):
        raise error
    with pytest.raises(RuntimeError, match="another"), explained_shortage("x", "y"):
        raise RuntimeError("another")


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="this system does not say its limits")
def test_a_limit_of_the_address_space() -> None:
    assert address_space() > 2**30
    Image.new("RGB", (6000, 5000)).save("large.png")
    Image.new("RGB", (2000, 1500)).save("medium.png")
    script = """
import resource, sys
from i2i_zoo.cli.main import main
import torch, i2i_zoo.hub, i2i_zoo.media.pictures, i2i_zoo.methods.pix2pix
used = 1024 * int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1])
resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000,) * 2)
sys.exit(main(["translate", "model", "large.png", "medium.png", "--device", "cpu"]))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    told = [line for line in result.stderr.splitlines() if line.startswith("i2i-zoo: ")]
    assert len(told) == 2
    assert all("memory" in line for line in told), told
    assert "large.png: the picture of 5000x6000x3 values would take" in told[0]
