"""Market-1501 and DeepFashion (In-shop): their official pictures, and the poses that others published for them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from i2i_zoo.errors import ZooError, printable
from i2i_zoo.media.files import find_files, read_array
from i2i_zoo.media.pose_files import read_poses
from i2i_zoo.store.downloads import DownloadError, download
from i2i_zoo.store.first_use import zoo_cache

#: Where the annotations of both are, and lists of test pairs; it is the code of a later paper, at a fixed commit.
ADDRESS = (
    "https://raw.githubusercontent.com/CVPR19-anonymous/pose_transfer_test_code/"
    "592f23e96838ecb764688cda555c476bc85d2ba5/DATA"
)

#: The files of each dataset and their SHA-256, empty where it is not known: then the first one is trusted.
FILES = {
    "market1501": {
        "market-annotation-train.csv": "ec1e10a86589bc4debf9137d92014f07335c63d1119bcfa2fb41218ba6553f1d",
        "market-annotation-test.csv": "873b54ecd5b136c3c86a91f944a18507079ae40f0abcdc795015defa744ceb31",
        "market-pairs-test.csv": "3c5e5832a5d56e8fd30b033ec837866fbd321bcf68c5b81701f5f148e0804123",
    },
    "deepfashion": {
        "fasion-annotation-train.csv": "",
        "fasion-annotation-test.csv": "365e405fec44c94190ae8a261a0739ca180a3b645732e31b841e959e915aa45c",
        "fashion-pairs-test.csv": "3da031d5b376d544a1cc6e24f2618d9909e8d3bd4f9f44d7f355c9e02be644ba",
    },
}

TERMS = {
    "market1501": "Market-1501 (Zheng et al. 2015) is for research only, and its pictures must not be passed on; the "
    "poses come without a licence of their own.",
    "deepfashion": "DeepFashion (Liu et al. 2016) is for non-commercial research only, and its pictures must not be "
    "passed on; the poses come without a licence of their own.",
}


def market1501(source: Path) -> list[Callable[[Path], None]]:
    """What to copy of Market-1501; raises `ZooError` for what is missing."""
    pictures: dict[str, Path] = {}
    for split in ("train", "test"):
        folder = source / f"bounding_box_{split}"
        if not folder.is_dir():
            raise ZooError(
                f"{folder}: there is no such folder; unpack Market-1501-v15.09.15.zip, which its authors offer, and "
                "give the folder that is in it."
            )
        pictures |= {file.name: file for file in find_files(folder)}
    return copies("market1501", source, pictures, (128, 64))


def deepfashion(source: Path) -> list[Callable[[Path], None]]:
    """What to copy of DeepFashion; raises `ZooError` for what is missing."""
    folders = (source, source / "img", source / "Img" / "img")
    folder = next((folder for folder in folders if (folder / "WOMEN").is_dir()), None)
    if folder is None:
        raise ZooError(
            f"{source}: it has no folder WOMEN, nor one in img; unpack img.zip of the In-shop Clothes Retrieval "
            "Benchmark, for which its authors send a password, and give the folder that is in it."
        )
    pictures = {name: file for file in find_files(folder) for name in fashion_names(file.relative_to(folder))}
    return copies("deepfashion", source, pictures, (256, 256))


def fashion_names(file: Path) -> list[str]:
    """The names that annotations give ``WOMEN/Tees_Tanks/id_00007838/05_7_additional.jpg``, in both spellings.

    They are ``fasionWOMENTeesTanksid0000783805_7additional.jpg`` (the Deformable GAN's authors) and
    ``fashionWOMENTees_Tanksid0000783805_7additional.jpg`` (PATN's); none for a file that is elsewhere.
    """
    if len(file.parts) != 4:
        return []
    gender, category, number, _ = file.parts
    outfit, _, view = file.stem.partition("_")
    rest = f"{number.replace('_', '')}{outfit}_{view.replace('_', '')}{file.suffix}"
    return [f"fasion{gender}{category.replace('_', '')}{rest}", f"fashion{gender}{category}{rest}"]


def copies(
    dataset: str, source: Path, pictures: Mapping[str, Path], size: tuple[int, int]
) -> list[Callable[[Path], None]]:
    """Jobs that copy the annotations, and the pictures that they name to ``train`` and ``test``.

    Args:
        dataset: The dataset.
        source: A folder where the annotations may be; else they are fetched.
        pictures: The pictures by the names that annotations give them.
        size: Height and width of the pictures.

    Raises:
        ZooError: If pictures are missing, or the annotations cannot be fetched.
    """
    print(TERMS[dataset], file=sys.stderr)
    jobs: list[Callable[[Path], None]] = []
    for name, sha256 in FILES[dataset].items():
        file = annotation(name, sha256, source)
        jobs.append(partial(copy_list, file))
        if "-annotation-" not in name:
            continue
        split = "train" if name.endswith("-train.csv") else "test"
        names = read_poses(file).names
        if missing := [name for name in names if name not in pictures]:
            raise ZooError(
                f"{source}: {len(missing)} of the {len(names)} pictures that {file} names are missing, such as "
                f"{', '.join(missing[:3])}; unpack the whole official download."
            )
        jobs += [partial(copy_picture, pictures[name], f"{split}/{name}", size) for name in names]
    return jobs


def annotation(name: str, sha256: str, source: Path) -> Path:
    """A file of annotations or pairs, from the folder of the download if it is there; else it is fetched."""
    if (source / name).is_file():
        return source / name
    url, file = f"{ADDRESS}/{name}", zoo_cache() / "annotations" / name
    if not file.exists():
        print(printable(f"Fetching {url}"), file=sys.stderr)
    try:
        download(url, file, sha256=sha256)
    except DownloadError as error:
        raise ZooError(f"{url} cannot be fetched ({error.reason}): put that file into {source}.") from error
    return file


def copy_list(file: Path, folder: Path) -> None:
    """Copy a file of annotations or pairs."""
    shutil.copyfile(file, folder / file.name)


def copy_picture(file: Path, name: str, size: tuple[int, int], folder: Path) -> None:
    """Copy a picture, byte for byte.  Raises `ZooError` if it is broken or of another size than its annotation."""
    height, width = read_array(file).shape[:2]
    if (height, width) != size:
        raise ZooError(
            f"{file}: the picture has {width}x{height} pixels, and the annotation is for {size[1]}x{size[0]}; take the "
            "official pictures of this size."
        )
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(file, target)
