"""What can be wrong with the input, through every door that it comes in by: one sentence, status 1, nothing lost."""

from __future__ import annotations

import io
import json
import os
import pickle
import resource
import shutil
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import i2i_zoo
import tiny
from i2i_zoo import registry
from i2i_zoo.cli.main import main
from i2i_zoo.data import files as dataset_files
from i2i_zoo.data.paired import PairedData
from i2i_zoo.data.public import fetch
from i2i_zoo.data.public.prepare import prepare
from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import height_width
from i2i_zoo.store.archives import extract
from servers import FileServer, Hub, running


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint for RGB."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    torch.manual_seed(0)
    i2i_zoo.save(tiny.model(norm="instance"), folder)
    return folder


@pytest.fixture
def model(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(saved, tmp_path / "model")
    return Path("model")


def files(folder: str | Path = ".") -> set[str]:
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def is_sentence(text: str) -> bool:
    return text.endswith(".") and "\n" not in text and "Traceback" not in text


def refused(capsys: pytest.CaptureFixture[str], argv: list[Any], *parts: str) -> None:
    """The command ends with status 1 and one sentence on stderr, which has these parts."""
    capsys.readouterr()
    assert main([str(arg) for arg in argv]) == 1
    error = capsys.readouterr().err
    told = [line for line in error.splitlines() if line.startswith("i2i-zoo: ")]
    assert len(told) == 1, error
    assert is_sentence(told[0])
    assert "Traceback" not in error
    assert [part for part in parts if part not in told[0]] == [], told[0]


def raises(call: Callable[[], Any], *parts: str) -> None:
    with pytest.raises(ZooError) as error:
        call()
    assert is_sentence(str(error.value))
    assert [part for part in parts if part not in str(error.value)] == [], str(error.value)


@contextmanager
def without_rights(*folders: str) -> Iterator[None]:
    """As a user who may neither read nor write these folders; root drops its rights for it."""
    Path().chmod(0o777)
    for folder in folders:
        Path(folder).chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for folder in folders:
            Path(folder).chmod(0o755)


@contextmanager
def full_disk(room: int = 1000) -> Iterator[None]:
    """No file can grow beyond this many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def noise(size: tuple[int, int] = (64, 64), channels: int = 3, top: int = 256, dtype: Any = np.uint8) -> np.ndarray:
    return (
        np.random.default_rng(0)
        .integers(0, top, (size[1], size[0], channels), dtype)
        .squeeze(2 if channels == 1 else ())
    )


def png_claiming(width: int, height: int) -> bytes:
    """A PNG file of a few bytes whose header speaks of many pixels."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(b"\0" * 99),
        b"IEND": b"",
    }
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks.items()]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def npy_claiming(*shape: int) -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0" * 99


def truncated(path: Path) -> None:
    Image.fromarray(noise()).save(path)
    path.write_bytes(path.read_bytes()[:5000])


def animated(path: Path) -> None:
    frames = [Image.new("L", (64, 64), level) for level in (10, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


#: File to what writes it and what is said of it.
BAD_PICTURES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "truncated.png": (truncated, "truncated"),
    "text.jpg": (lambda path: path.write_text("not a picture"), "is not a picture that can be read"),
    "program.png": (
        lambda path: path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        "is not a picture",
    ),
    "empty.png": (lambda path: path.write_bytes(b""), "is empty"),
    "huge.png": (lambda path: path.write_bytes(png_claiming(60000, 60000)), "million pixels; scale it down"),
    "huge.npy": (lambda path: path.write_bytes(npy_claiming(60000, 60000, 3)), "cannot be read"),
    "transparent.png": (
        lambda path: Image.new("RGBA", (64, 64), (1, 2, 3, 99)).save(path),
        "transparent pixels; lay it",
    ),
    "animated.gif": (animated, "holds 2 pictures; save the one"),
    "animated.webp": (animated, "holds 2 pictures"),
    "pages.tif": (animated, "holds 2 pictures"),
    "channels.npy": (lambda path: np.save(path, noise(channels=5)), "5 channels, but the model takes 3"),
    "integers.npy": (lambda path: np.save(path, noise().astype(np.int64)), "values of type int64"),
    "strings.npy": (lambda path: np.save(path, np.array([["a", "b"]])), "values of type"),
    "objects.npy": (lambda path: np.save(path, np.array([{}]), allow_pickle=True), "cannot be read"),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_a_picture_that_cannot_be_used(name: str, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write, told = BAD_PICTURES[name]
    for folder in ("in", "pairs/train/a", "pairs/train/b", "pairs/test/a", "pairs/test/b"):
        Path(folder).mkdir(parents=True)
        Image.fromarray(noise()).save(f"{folder}/good.png")
    bad = Path("in", name)
    write(bad)
    spent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if name in ("animated.gif", "animated.webp"):  # a clip is no picture, but can be translated
        assert main(["translate", str(model), "in", "-o", "out"]) == 0
        assert files("out") == {"good.png", name}
        assert len(i2i_zoo.load(model).translate(bad)) == 2
    else:
        refused(capsys, ["translate", model, "in", "-o", "out"], str(bad), told)
        assert files("out") == {"good.png"}
        raises(lambda: i2i_zoo.load(model).translate(bad), str(bad), told)
        raises(lambda: i2i_zoo.load(model).translate([noise(), bad]), str(bad), told)

    shutil.copy(bad, "pairs/train/b")
    Image.fromarray(noise()).save(f"pairs/train/a/{bad.stem}.png")
    data = PairedData("pairs", source="a", target="b", num_workers=0, load_size=None, crop_size=None, val_fraction=0)

    def read_all() -> None:
        data.setup("fit")
        list(data.train_dataloader())

    raises(read_all, f"pairs/train/b/{name}")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - spent < 300_000  # KiB


#: File to what writes it; its size is 64x48 unless it is named after it.
GOOD_PICTURES: dict[str, Callable[[Path], Any]] = {
    "1x1.png": lambda path: Image.new("RGB", (1, 1), (9, 8, 7)).save(path),
    "1x1.npy": lambda path: np.save(path, noise((1, 1))),
    "opaque.png": lambda path: Image.fromarray(noise((64, 48))).convert("RGBA").save(path),
    "cmyk.jpg": lambda path: Image.fromarray(noise((64, 48))).convert("CMYK").save(path),
    "grey16.png": lambda path: Image.fromarray(noise((64, 48), 1, 65536, np.uint16)).save(path),
    "grey16.tif": lambda path: Image.fromarray(noise((64, 48), 1, 65536, np.uint16)).save(path),
    "still.gif": lambda path: Image.fromarray(noise((64, 48))).save(path),
}


def test_unusual_pictures_that_can_be_used(model: Path) -> None:
    Path("in").mkdir()
    for name, write in GOOD_PICTURES.items():
        write(Path("in", name))
        assert main(["translate", str(model), f"in/{name}", "-o", f"{name}-out"]) == 0
        result = height_width(Path(f"{name}-out", name).with_suffix(".png"))
        assert result == ((1, 1) if name.startswith("1x1") else (48, 64))


def test_a_picture_too_large_for_the_memory(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(noise()).save("a.png")
    spent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(capsys, ["translate", model, "a.png", "--size", 400000], "a.png: ", "GB of memory, but")
    loaded = i2i_zoo.load(model)
    raises(lambda: loaded.translate("a.png", size=400000), "GB of memory, but")
    # A tensor that is one number, repeated: the pictures take no memory, the network would.
    wide = torch.zeros(1).expand(3, 200000, 200000)
    raises(
        lambda: loaded.translator().check_memory(2, wide.shape),
        "the network at 200000x200000 pixels",
        "work at a smaller size",
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - spent < 300_000
    for size in (0, -1, 2.5, "64", (1, 2, 3), (64, 0), True):
        raises(lambda size=size: loaded.translate("a.png", size=size), f"size={size!r}")


def test_arrays_and_pictures_in_memory(model: Path) -> None:
    truncated(Path("cut.png"))
    loaded = i2i_zoo.load(model)
    for wrong, told in (
        (noise(channels=4), "4 channels, but the model takes 3"),
        (noise().astype(np.float32), "give uint8, uint16, or floats in [0, 1]"),
        (noise()[None], "a picture has the shape"),
        (None, "a picture has the shape"),
        (torch.zeros(4, 64, 64), "of shape (4, 64, 64)"),
        (torch.zeros(3, 0, 64), "of shape (3, 0, 64)"),
        (Image.new("RGBA", (8, 8), (1, 2, 3, 4)), "transparent pixels"),
    ):
        raises(lambda wrong=wrong: loaded.translate(wrong), told)
    with Image.open("cut.png") as cut:
        raises(lambda: loaded.translate(cut), "truncated")


def test_folders_that_cannot_be_read_or_written(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("in", "in/secret", "locked", "data/train"):
        Path(folder).mkdir(parents=True)
        Image.fromarray(noise()).save(f"{folder}/a.png")
    Path("file").write_text("")
    with without_rights("in/secret", "locked", "data/train"):
        refused(
            capsys, ["translate", model, "in", "-o", "out"], "in/secret: the folder cannot be read", "check its rights"
        )
        refused(
            capsys, ["translate", model, "in/a.png", "-o", "locked/out"], "locked/out", "Permission denied", "check"
        )
        refused(capsys, ["translate", model, "in/a.png", "-o", "file/out"], "file/out/a.png", "Not a directory")
        refused(capsys, ["data", "fetch", "facades", "--root", "locked/data"], "locked/data", "Permission denied")
        raises(lambda: i2i_zoo.save(tiny.model(), "locked/model"), "locked/model")
        raises(lambda: PairedData("data").setup("fit"), "data/train: the folder cannot be read")
    assert files("locked") == {"a.png"}
    Path("in/a.png").chmod(0)
    with without_rights():
        refused(capsys, ["translate", model, "in/secret", "in/a.png", "-o", "out"], "both be written")
        refused(capsys, ["translate", model, "in/a.png", "-o", "out"], "in/a.png", "check its rights")


def test_a_full_disk(model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "train/1.png"):
        Path("in", name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise()).save(f"in/{name}")
    pack({"facades/train/1.jpg": noise().tobytes()}, "facades.tar.gz")
    torch.save(
        {
            "pytorch-lightning_version": "2",
            "state_dict": tiny.model().state_dict(),
            "hyper_parameters": dict(tiny.model().hparams),
        },
        "x.ckpt",
    )
    before = files()
    with full_disk():
        refused(capsys, ["translate", model, "in/a.png", "-o", "out"], "out/a.png", "File too large")
        refused(capsys, ["convert", "pix2pix", "x.ckpt", "-o", "new"], "Cannot write the checkpoint", "new")
        raises(lambda: i2i_zoo.save(tiny.model(), model), "Cannot write the checkpoint")
        raises(lambda: extract("facades.tar.gz", "facades"), "facades.tar.gz", "File too large")
        with running(FileServer()) as server:
            monkeypatch.setattr(fetch, "ADDRESS", server.url)
            server.files["pix2pix/datasets/facades.tar.gz"] = Path("facades.tar.gz").read_bytes()
            refused(capsys, ["data", "fetch", "facades"], "facades.tar.gz", "File too large")
    assert files() - before <= {"data/facades.tar.gz.part"}  # which the next call continues
    i2i_zoo.load(model)


def test_a_full_disk_while_preparing(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segnet()
    with full_disk():
        refused(capsys, ["data", "prepare", "camvid", "segnet"], "data/camvid: writing failed")
    assert not Path("data").exists() or files("data") == set()
    assert main(["data", "prepare", "camvid", "segnet"]) == 0


def segnet() -> None:
    """SegNet's copy of CamVid in small."""
    for split in ("train", "val", "test"):
        for folder, array in ((split, noise()), (f"{split}annot", noise(channels=1, top=12))):
            Path("segnet", folder).mkdir(parents=True)
            Image.fromarray(array).save(f"segnet/{folder}/0.png")


@pytest.mark.parametrize(("name", "file"), [("truncated.png", "val/0.png"), ("text.jpg", "trainannot/0.png")])
def test_a_broken_file_of_a_dataset(name: str, file: str, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segnet()
    BAD_PICTURES[name][0](Path("segnet", file))
    refused(capsys, ["data", "prepare", "camvid", "segnet"], f"segnet/{file}", "nothing was kept")
    assert not Path("data/camvid").exists()
    raises(lambda: prepare("camvid", "segnet", "new"), f"segnet/{file}")
    assert not Path("new").exists()


def test_unknown_names(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(noise()).save("a.png")
    for argv, *parts in (
        (["translate", "pix2pix-camvd", "a.png"], "'pix2pix-camvd'", "pix2pix-camvid"),
        (["info", "pix2pix-camvd"], "'pix2pix-camvd'", "pix2pix-camvid"),
        (["convert", "pix3pix", "a.pth", "-o", "new"], "'pix3pix'", "choose from adain, cogan, cut"),
        (["convert", "pix2pix", "generatr=a.pth", "-o", "new"], "'generatr'", "choose from generator"),
        (["data", "fetch", "facade"], "'facade'", "choose from facades"),
        (["data", "prepare", "camvd", "."], "'camvd'", "camvid"),
        (["push", "pix2pix-camvd", "org/name"], "'pix2pix-camvd'", "pix2pix-camvid"),
        (["fit", *tiny.ARGS, "--init_from=pix2pix-camvd"], "'pix2pix-camvd'", "pix2pix-camvid"),
        (["test", "pix2pix-camvd", *tiny.ARGS], "'pix2pix-camvd'", "pix2pix-camvid"),
        (["test", "pix2pix-camvd"], "'pix2pix-camvd'", "pix2pix-camvid"),
        (["fit", "--config", "pix2pix/camvd"], "pix2pix/camvd"),
    ):
        refused(capsys, argv, *parts)
    raises(lambda: i2i_zoo.load("pix2pix-camvd"), "'pix2pix-camvd'", "pix2pix-camvid")
    raises(lambda: i2i_zoo.list_models(tasks="pose"), "no argument 'tasks'", "the closest is task")
    raises(lambda: i2i_zoo.load(model, wdith=3), "'wdith'", "choose from", "width")
    raises(lambda: i2i_zoo.load(model, width="wide"), "width='wide'", "whole number")
    raises(lambda: i2i_zoo.load(model, width=6, lr=0.1), f"{model} was trained with another architecture than width=6:")
    raises(lambda: i2i_zoo.load(model, dropout=1), "dropout=1", "true or false")
    raises(lambda: i2i_zoo.load(model, norm="bach"), "norm='bach'", "choose from batch")
    raises(lambda: i2i_zoo.convert("pix2pix", "a.pth", betas=0.5), "betas=0.5", "a list of 2")
    assert files("model") == {"config.json", "model.safetensors", "README.md"}
    assert not Path("translated").exists()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("model: {class_path: Pix2Pix, init_args: {width: wide}}\ndata: SyntheticPairs", "wide"),
        ("model: {class_path: Pix2Pix, init_args: {wdith: 4}}\ndata: SyntheticPairs", "wdith"),
        ("model: Pix2Pix\ndata: {class_path: SyntheticPairs, init_args: {train: many}}", "many"),
        ("model: Pix2Pix\ndata: SyntheticPairs\ntrainer: {max_epochs: [1]}", "max_epochs"),
        ("model: Pix2Pix\ndata: SyntheticPairs\ntrainer: 7", "x.yaml is not a recipe"),
        ("model: {class_path: os.system, init_args: {command: echo}}\ndata: SyntheticPairs", "os.system"),
        ("model: [Pix2Pix\n", "x.yaml"),
        ("- a list", "x.yaml"),
        ("\0\x01", "x.yaml"),
    ],
)
def test_a_recipe_that_cannot_be_used(text: str, part: str, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.yaml").write_text(text)
    refused(capsys, ["fit", "--config", "x.yaml", "--trainer.fast_dev_run=1"], part)
    assert not Path("runs").exists()


class Code:
    def __reduce__(self) -> Any:
        return os.mkdir, ("hacked",)


def edit_config(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        for key, value in changes.items():
            config[key] = {**config[key], **value} if isinstance(value, dict) else value
        (folder / "config.json").write_text(json.dumps(config))

    return edit


def edit_tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return edit


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


BIAS = "generator.up.0.conv.bias"


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (edit_config(hparams={"width": "wide"}), "width='wide'"),
        (edit_config(hparams={"width": 4.0}), "width=4.0"),
        (edit_config(hparams={"generator": "unet_99999999999"}), "unet_99999999999"),
        (edit_config(hparams={"betas": [0.5, "x"]}), "betas="),
        (edit_config(hparams={"colour": 1}), "'colour'"),
        (edit_config(hparams=7), "config.json"),
        (edit_config(method="os:system"), "'os:system'"),
        (edit_config(preprocess={"size": "large"}), "size 'large'"),
        (edit_config(preprocess={"source_palette": "cam"}), "source_palette 'cam'"),
        (edit_config(preprocess={"made_from": ["lab"]}), "made_from ['lab']"),
        (lambda folder: (folder / "config.json").write_text("[" * 100_000), "config.json"),
        (lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe{"), "config.json"),
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 99), "model.safetensors is damaged"),
        (cut, "model.safetensors is damaged"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(pickle.dumps(Code())),
            "model.safetensors is damaged",
        ),
        (edit_tensors(lambda tensors: tensors.pop(BIAS)), f"missing {BIAS}"),
        (edit_tensors(lambda tensors: tensors.update(extra=torch.zeros(1))), "unknown extra"),
        (edit_tensors(lambda tensors: tensors.update({BIAS: torch.zeros(5)})), f"misshapen {BIAS} (5 in place of 3)"),
    ],
)
def test_a_checkpoint_that_cannot_be_used(
    damage: Callable[[Path], None], part: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(model)
    Image.fromarray(noise()).save("a.png")
    refused(capsys, ["translate", model, "a.png"], "model", part)
    raises(lambda: i2i_zoo.load(model), "model", part)
    assert files() - files("model") == {f"model/{name}" for name in files("model")} | {"a.png"}
    assert not Path("hacked").exists()


def test_pickles(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = tiny.model()
    checkpoint = {
        "pytorch-lightning_version": "2.6",
        "state_dict": whole.state_dict(),
        "hyper_parameters": dict(whole.hparams),
    }
    torch.save({"weight": Code()}, "code.pth")
    torch.save({**checkpoint, "callbacks": Code()}, "code.ckpt")
    torch.save(whole.state_dict(), "cut.pth")
    Path("cut.pth").write_bytes(Path("cut.pth").read_bytes()[:-1000])
    torch.save({**checkpoint, "hyper_parameters": {"width": "wide"}}, "wide.ckpt")
    torch.save({**checkpoint, "hyper_parameters": [1]}, "list.ckpt")
    torch.save({**checkpoint, "state_dict": {BIAS: torch.zeros(3)}}, "few.ckpt")
    torch.save({1: torch.zeros(1)}, "numbers.pth")
    torch.save([1, 2], "list.pth")
    Path("text.pth").write_text("text")
    Path("empty.pth").write_bytes(b"")
    for name, part in {
        **dict.fromkeys(("code.pth", "code.ckpt"), "objects that could run code; nothing of it was loaded"),
        **dict.fromkeys(("cut.pth", "text.pth", "empty.pth"), "it is damaged"),
        "wide.ckpt": "width='wide'",
        "list.ckpt": "is not a checkpoint of fit",
        "few.ckpt": "do not fit the model: missing",
        "numbers.pth": "holds no state dict",
        "list.pth": "holds no state dict",
        "none.pth": "No such file",
        "model": "Is a directory",
    }.items():
        refused(capsys, ["convert", "pix2pix", name, "-o", "new"], name, part)
        raises(lambda name=name: i2i_zoo.convert("pix2pix", name), name, part)
    for name in ("code.ckpt", "list.ckpt", "few.ckpt", "cut.pth", "list.pth"):
        refused(capsys, ["fit", *tiny.ARGS, f"--ckpt_path={name}"], name)
    refused(capsys, ["test", *tiny.ARGS, "--ckpt_path=few.ckpt"], "few.ckpt", "another model than Pix2Pix")
    assert not Path("new").exists()
    assert not Path("hacked").exists()
    assert not Path("runs").exists() or not list(Path("runs").rglob("*.ckpt"))


def pack(contents: dict[str, bytes], file: str) -> None:
    with tarfile.open(file, "w:gz") as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def test_an_archive_that_leaves_its_folder(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("../evil.txt", "facades/../../../evil.txt", "/evil.txt"):
        pack({"facades/train/1.jpg": b"good", name: b"evil"}, "bad.tar.gz")
        with running(FileServer()) as server:
            monkeypatch.setattr(fetch, "ADDRESS", server.url)
            server.files["pix2pix/datasets/facades.tar.gz"] = Path("bad.tar.gz").read_bytes()
            refused(capsys, ["data", "fetch", "facades", "--root", "data"], "facades.tar.gz", repr(name), "delete it")
        assert files("data") == {"facades.tar.gz"}
        Path("data/facades.tar.gz").unlink()
    assert not list(Path().rglob("evil.txt"))


def test_labels_out_of_range(model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    edit_config(preprocess={"source_palette": "camvid"})(model)
    for split in ("train", "test"):
        for name in ("0", "1"):
            for folder, array in (("labels", noise(channels=1, top=12)), ("photos", noise())):
                Path("data", split, folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(f"data/{split}/{folder}/{name}.png")
    wrong = Path("data/train/labels/1.png")
    Image.fromarray(np.full((64, 64), 12, np.uint8)).save(wrong)
    parts = str(wrong), "label 12 has no colour in the palette 'camvid', whose labels are 0 to 11"
    refused(capsys, ["translate", model, wrong], *parts)
    argv = [
        *("fit", *[arg for arg in tiny.ARGS if "--data" not in arg], "--data=PairedData", "--data.root=data"),
        *("--data.source=labels", "--data.target=photos", "--data.source_palette=camvid", "--data.num_workers=1"),
        *("--data.load_size=null", "--data.crop_size=null"),
    ]
    refused(capsys, argv, *parts)  # before training begins
    monkeypatch.setattr(dataset_files, "LABELS_CHECKED", 1)
    refused(capsys, argv, *parts)  # in the process that reads it


def test_no_network(
    model: Path, saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Image.fromarray(noise()).save("a.png")
    with running(FileServer()) as server:
        closed = server.url
    monkeypatch.setattr(fetch, "ADDRESS", closed)
    refused(capsys, ["data", "fetch", "facades"], f"{closed}/pix2pix/datasets/facades.tar.gz", "refused", "try again")
    entry = replace(registry.ENTRIES["pix2pix-facades"], official={"generator": f"{closed}/x.pth"})
    monkeypatch.setitem(registry.ENTRIES, "pix2pix-facades", entry)
    monkeypatch.setenv("I2I_ZOO_CACHE", str(tmp_path / "cache"))
    refused(capsys, ["translate", "pix2pix-facades", "a.png"], f"{closed}/x.pth", "refused", "check the network")
    assert files("cache") == set()
    monkeypatch.setenv("I2I_ZOO_CACHE", "a.png/cache")
    refused(capsys, ["translate", "pix2pix-facades", "a.png"], "a.png/cache", "set I2I_ZOO_CACHE")
    assert not Path("translated").exists()


def test_a_file_of_another_sha256(
    model: Path, saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(noise()).save("a.png")
    with running(Hub()) as hub:
        from servers import Repo

        hub.repos["org/sum"] = Repo()
        contents = {
            name.replace(".", "__"): (saved / name).read_bytes() for name in ("config.json", "model.safetensors")
        }
        revision = hub.repos["org/sum"].commit(**contents)
        entry = replace(
            registry.ENTRIES["pix2pix-facades"],
            name="sum",
            official={},
            repo="org/sum",
            revision=revision,
            sha256={"model.safetensors": "0" * 64},
        )
        monkeypatch.setitem(registry.ENTRIES, "sum", entry)
        refused(capsys, ["translate", "sum", "a.png"], "model.safetensors is not the file of sum", "sha256 differs")
    assert not Path("translated").exists()
