"""Readers of files from elsewhere, fed with damaged ones: each works or raises `ZooError`, soon and in little memory.

``python tests/test_fuzz.py 20000 [READER]`` runs longer, each reader with that many files.
"""

from __future__ import annotations

import contextlib
import io
import resource
import shutil
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
import yaml
from PIL import Image

import i2i_zoo
import tiny
from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import height_width, is_whole
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.store.archives import extract

CASES = 40  # files of each reader in the suite
SECONDS, MEGABYTES = 5.0, 500  # for one file; what it may add to the process

#: Bytes that formats give a meaning: signs of numbers, ends of lines, brackets.
TELLING = [b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"9" * 9]
TELLING += [b"{", b"}", b"[", b"]", b'"', b":", b"\n", b"- ", b"null", b"-1", b"1e999", b"../", b"\xc3\x28"]


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """One to eight damages: bits flipped, bytes replaced, cut out, doubled or inserted; more often near the start."""
    damaged = bytearray(data)
    for _ in range(random.integers(1, 9)):
        end = len(damaged) if random.random() < 0.5 else min(len(damaged), 256)
        at = int(random.integers(0, end + 1))
        length = int(random.integers(1, 17))
        piece = TELLING[random.integers(len(TELLING))]
        match random.integers(6):
            case 0 if at < len(damaged):
                damaged[at] ^= 1 << random.integers(8)
            case 1:
                damaged[at : at + len(piece)] = piece
            case 2:
                del damaged[at : at + length]
            case 3:
                damaged[at:at] = damaged[at : at + length]
            case 4:
                damaged[at:at] = piece
            case 5 if random.random() < 0.2:
                del damaged[at:]
    return bytes(damaged)


def picture_samples(folder: Path) -> dict[str, bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    colour, grey = Image.fromarray(pixels), Image.fromarray(pixels[..., 0])
    deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    colour.save(folder / "a.png")
    colour.convert("RGBA").save(folder / "alpha.png")
    colour.convert("P").save(folder / "palette.png", transparency=3)
    deep.save(folder / "deep.png")
    colour.save(folder / "a.jpg", exif=rotated)
    colour.convert("CMYK").save(folder / "cmyk.jpg")
    colour.save(folder / "a.webp", lossless=True)
    colour.save(folder / "lossy.webp")
    colour.save(folder / "a.bmp")
    colour.save(folder / "a.tif")
    colour.save(folder / "deflate.tif", compression="tiff_adobe_deflate")
    deep.save(folder / "deep.tif")
    tifffile.imwrite(folder / "colour.tif", pixels.astype(np.uint16), photometric="rgb")
    many = np.dstack([pixels, pixels])
    tifffile.imwrite(folder / "many.tif", many, photometric="minisblack", planarconfig="contig")
    colour.save(folder / "a.gif")
    grey.save(folder / "animated.gif", save_all=True, append_images=[grey.rotate(90)])
    colour.save(folder / "a.ppm")
    grey.save(folder / "a.pgm")
    np.save(folder / "a.npy", pixels)
    np.save(folder / "floats.npy", np.float32(pixels / 255))
    return read_all(folder)


def read_all(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def read_any(file: Path) -> None:
    is_whole(file)
    with contextlib.suppress(ZooError):
        height_width(file)
    read_picture(file)


def checkpoint_samples(folder: Path) -> dict[str, bytes]:
    model = tiny.model(norm="instance", width=1)
    model.preprocess = model.preprocess_type.from_json({"size": [64, 64], "source_palette": "camvid"}, "test")
    i2i_zoo.save(model, folder / "model")
    return {
        f"{n}.{file}": data
        for n in range(2)
        for file, data in read_all(folder / "model").items()
        if "README" not in file
    }


def read_checkpoint(file: Path) -> None:
    """The checkpoint of `checkpoint_samples` beside it, with this one of its files."""
    whole = file.parent / "whole"
    if not whole.exists():
        whole.mkdir()
        model = tiny.model(norm="instance", width=1)
        model.preprocess = model.preprocess_type.from_json({"size": [64, 64], "source_palette": "camvid"}, "test")
        i2i_zoo.save(model, whole)
    name = file.name.partition(".")[2]
    good = (whole / name).read_bytes()
    (whole / name).write_bytes(file.read_bytes())
    try:
        i2i_zoo.load(whole)
    finally:
        (whole / name).write_bytes(good)


def pickle_samples(folder: Path) -> dict[str, bytes]:
    whole = tiny.model(width=1)
    state = whole.generator.state_dict()
    checkpoint = {
        "pytorch-lightning_version": "2.6",
        "state_dict": whole.state_dict(),
        "hyper_parameters": dict(whole.hparams),
    }
    torch.save(checkpoint, folder / "last.ckpt")
    torch.save(state, folder / "zip.pth")
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    return read_all(folder)


def archive_samples(folder: Path) -> dict[str, bytes]:
    contents = {"facades/train/1.jpg": b"one" * 99, "facades/val/2.jpg": b"two" * 99}
    for name, mode in (("a.tar", "w"), ("a.tar.gz", "w:gz")):
        with tarfile.open(folder / name, mode) as tar:
            for path, content in contents.items():
                info = tarfile.TarInfo(path)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in contents.items():
            archive.writestr(path, content)
    return read_all(folder)


def unpack(file: Path) -> None:
    target = file.parent / "outer" / "unpacked"
    target.parent.mkdir(exist_ok=True)
    try:
        extract(file, target)
    finally:
        left = {path.name for path in file.parent.iterdir()} - {file.name, "outer", "whole"}
        inside = {path.name for path in target.parent.iterdir()}
        shutil.rmtree(target.parent)
        assert not left, f"written outside the folder: {left}"
        assert inside <= {"unpacked"}, f"left behind: {inside}"


def recipe_samples(folder: Path) -> dict[str, bytes]:
    config = {
        "seed_everything": 3,
        "trainer": {
            "max_epochs": 1,
            "accelerator": "cpu",
            "callbacks": [{"class_path": "EMA", "init_args": {"decay": 0.9}}],
        },
        "model": {"class_path": "Pix2Pix", "init_args": {"generator": "unet_64", "width": 4, "betas": [0.5, 0.9]}},
        "data": {"class_path": "SyntheticPairs", "init_args": {"train": 4, "size": 64}},
    }
    (folder / "a.yaml").write_text(yaml.safe_dump(config))
    (folder / "b.yaml").write_text(yaml.safe_dump(config, default_flow_style=True))
    return read_all(folder)


def read_recipe(file: Path) -> None:
    from i2i_zoo.cli import training

    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        training.main("fit", ["--config", str(file), "--print_config"])


READERS: dict[str, tuple[Callable[[Path], dict[str, bytes]], Callable[[Path], object]]] = {
    "pictures": (picture_samples, read_any),
    "checkpoints": (checkpoint_samples, read_checkpoint),
    "pickles": (pickle_samples, lambda file: i2i_zoo.convert("pix2pix", file)),
    "archives": (archive_samples, unpack),
    "recipes": (recipe_samples, read_recipe),
}


@contextlib.contextmanager
def pixel_limit(pixels: int) -> Iterator[None]:
    """Pictures of more than twice as many pixels are refused."""
    usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = usual


def fuzz(reader: str, cases: int, seed: int = 0) -> dict[str, int]:
    """Read that many damaged files; how many could be used, and how many were refused.

    Raises `AssertionError` that tells the case for anything else than a result or one sentence.
    """
    make, read = READERS[reader]
    told = {"used": 0, "refused": 0}
    temporary = tempfile.TemporaryDirectory
    with pixel_limit(3_000_000), temporary() as samples_in, temporary() as folder:
        samples = list(make(Path(samples_in)).items())
        for case in range(cases):
            random = np.random.default_rng([seed, case])
            name, data = samples[case % len(samples)]
            file = Path(folder, name)
            file.write_bytes(mutate(data, random))
            before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
            sentence = ""
            what = f"{reader}, seed {seed}, case {case} ({name})"
            try:
                read(file)
                told["used"] += 1
            except ZooError as error:
                told["refused"] += 1
                sentence = str(error)
            except BaseException as error:
                raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
            finally:
                file.unlink(missing_ok=True)
            assert "\n" not in sentence, f"{what}: {sentence}"
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            assert grown < MEGABYTES, f"{what}: {grown:.0f} MB"
            assert time.process_time() - begun < SECONDS, f"{what}: {time.process_time() - begun:.1f} s"
    return told


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_are_used_or_refused(reader: str) -> None:
    told = fuzz(reader, 5 if reader == "recipes" else 2 * CASES)
    assert told["refused"] > 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for which in sys.argv[2:] or READERS:
        print(which, fuzz(which, int(sys.argv[1])))
