"""Damaged files of every kind that the package reads."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import tifffile
import torch
from PIL import Image

import i2i_zoo
import tiny
from fuzzing.damage import Case, Fuzzer, damaged_files, damaged_tree, read_all
from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import height_width, is_whole
from i2i_zoo.media.pictures import read_picture
from i2i_zoo.media.pose_files import read_poses
from i2i_zoo.pretrained.pose_sources import frames


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


def read_any(file: Path) -> None:
    is_whole(file)
    with contextlib.suppress(ZooError):
        height_width(file)
    read_picture(file)


#: One person's pose in 18 points as OpenPose writes it, and in COCO's 17.
OPENPOSE = {"version": 1.3, "people": [{"pose_keypoints_2d": [9.5, 4.25, 0.5] * 18}], "canvas_height": 64}
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "height": 64, "width": 64}],
    "annotations": [{"id": 1, "image_id": 1, "keypoints": [9, 4, 2] * 17}],
}


def pose_samples(folder: Path) -> dict[str, bytes]:
    whole = OPENPOSE | {"canvas_width": 64}
    for name, content in (("one", whole), ("clip", [whole] * 3), ("coco", COCO), ("results", COCO["annotations"])):
        (folder / f"{name}.json").write_text(json.dumps(content))
    row = f"{[4] * 18}: {[-1] * 18}"
    (folder / "a.csv").write_text(f"name:keypoints_y:keypoints_x\na.jpg: {row}\nb.jpg: {row}\n")
    np.save(folder / "a.npy", np.ones((2, 18, 3), np.float32))
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))
    picture.save(folder / "a.gif", save_all=True, append_images=[picture.rotate(90), picture.rotate(180)])
    return read_all(folder)


def read_pose_source(file: Path) -> None:
    list(frames(file)) if file.suffix == ".gif" else read_poses(file)


def poses(folder: Path, random: np.random.Generator) -> Iterator[Case]:
    """Files of poses in which the bytes, or the content of the JSON, are damaged."""
    trees = [OPENPOSE | {"canvas_width": 64}, [OPENPOSE] * 2, COCO, COCO["annotations"]]
    file = folder / "a.json"
    for case in damaged_files(pose_samples, read_pose_source, folder, random):
        yield case
        content = json.dumps(damaged_tree(trees[random.integers(len(trees))], random))
        file.write_text(content)
        yield Case(content, partial(read_poses, file))


def checkpoint_samples(folder: Path) -> dict[str, bytes]:
    model = tiny.model(norm="instance", width=1)
    model.preprocess = model.preprocess_type.from_json({"size": [64, 64], "source_palette": "camvid"}, "test")
    i2i_zoo.save(model, folder / "model")
    return {name: data for name, data in read_all(folder / "model").items() if "README" not in name}


def checkpoints(folder: Path, random: np.random.Generator) -> Iterator[Case]:
    """Checkpoints in which the bytes of a file, or the content of ``config.json``, are damaged."""
    (folder / "whole").mkdir()
    samples = checkpoint_samples(folder / "whole")
    config = json.loads(samples["config.json"])

    def load(name: str, data: bytes) -> None:
        copy = folder / "copy"
        shutil.copytree(folder / "whole" / "model", copy)
        try:
            (copy / name).write_bytes(data)
            i2i_zoo.load(copy)
        finally:
            shutil.rmtree(copy)

    for case in damaged_files(lambda _: samples, lambda file: load(file.name, file.read_bytes()), folder, random):
        yield case
        content = json.dumps(damaged_tree(config, random))
        yield Case(f"config.json {content}", partial(load, "config.json", content.encode()))


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


def wrapped_weights(folder: Path, random: np.random.Generator) -> Iterator[Case]:
    """Weights in wrappings, with keys and tensors that other tools may have left."""
    state = tiny.model(width=1).generator.state_dict()
    wrappings = ("state_dict", "model", "netG", "params_ema", "module", "optimizer", "epoch", "generator", "x" * 999)
    prefixes = ("module.", "_orig_mod.", "model.", "generator.", "netG.", "module.module.", ".", "\n", "0.")
    tensors = (torch.zeros(0), torch.tensor(3), torch.full((2, 3), torch.nan), torch.zeros(1, dtype=torch.complex64))
    file = folder / "weights.pth"
    while True:
        content: object = dict(state)
        what = []
        for _ in range(random.integers(1, 4)):
            name = wrappings[random.integers(len(wrappings))]
            prefix = prefixes[random.integers(len(prefixes))]
            assert isinstance(content, dict)
            match random.integers(5):
                case 0:
                    content, step = {name: content}, f"under {name:.20}"
                case 1:
                    content, step = {f"{prefix}{key}": value for key, value in content.items()}, f"with {prefix!r}"
                case 2:
                    content, step = content | {name: random.integers(3)}, f"beside {name:.20}"
                case 3:
                    tensor = tensors[random.integers(len(tensors))]
                    content[list(content)[random.integers(len(content))]] = tensor
                    step = f"a tensor {tuple(tensor.shape)} of {tensor.dtype}"
                case _:
                    content.pop(list(content)[random.integers(len(content))])
                    step = "one missing"
                    if not content:
                        content = {"nothing": {}}
            what.append(step)
        torch.save(content, file)
        yield Case(", ".join(what), partial(i2i_zoo.convert, "pix2pix", file))


FUZZERS: dict[str, Fuzzer] = {
    "pictures": partial(damaged_files, picture_samples, read_any),
    "poses": poses,
    "checkpoints": checkpoints,
    "pickles": partial(damaged_files, pickle_samples, lambda file: i2i_zoo.convert("pix2pix", file)),
    "weights": wrapped_weights,
}
