"""The datasets of pix2pix, CycleGAN and CUT, fetched from their authors."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from i2i_zoo.errors import ZooError, choices, printable
from i2i_zoo.store.archives import extract
from i2i_zoo.store.downloads import download
from i2i_zoo.store.first_use import FirstUse

#: The authors' server.
ADDRESS = "https://efrosgans.eecs.berkeley.edu"

# Name to contents and origin.  pix2pix's files hold pairs, A left and B right; the others' are of A or of B.
_PIX2PIX = {
    "facades": "photographs (A) and label maps (B) of facades, from the CMP Facade Database",
    "maps": "aerial photographs (A) and maps (B), from Google Maps",
    "edges2shoes": "edges (A) and photographs (B) of shoes, from UT Zappos50K",
    "edges2handbags": "edges (A) and photographs (B) of handbags, from Amazon by way of the iGAN project",
    "night2day": "the same views at night (A) and by day (B), from the Transient Attributes dataset",
}
_CYCLEGAN = {
    "apple2orange": "photographs of apples (A) and navel oranges (B), from ImageNet",
    "horse2zebra": "photographs of wild horses (A) and zebras (B), from ImageNet",
    "summer2winter_yosemite": "photographs of Yosemite in summer (A) and in winter (B), from Flickr",
    "monet2photo": "paintings by Monet (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "cezanne2photo": "paintings by Cézanne (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "ukiyoe2photo": "ukiyo-e prints (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "vangogh2photo": "paintings by Van Gogh (A), from WikiArt, and photographs of landscapes (B), from Flickr",
    "ae_photos": "photographs by Alexei Efros, to translate into paintings",
    "iphone2dslr_flower": "flowers as telephones (A) and as reflex cameras (B) show them, from Flickr",
}
_CUT = {
    "grumpifycat": "faces of Russian Blue cats (A), from the Oxford-IIIT Pet Dataset, and of Grumpy Cat (B)",
}


class Archive(NamedTuple):
    """A dataset: its path below `ADDRESS`, what it holds and where that is from, and the method it was made for."""

    path: str
    contents: str
    method: str


#: What `fetch` can get.
DATASETS = {
    **{name: Archive(f"pix2pix/datasets/{name}.tar.gz", contents, "pix2pix") for name, contents in _PIX2PIX.items()},
    **{name: Archive(f"cyclegan/datasets/{name}.zip", contents, "CycleGAN") for name, contents in _CYCLEGAN.items()},
    **{name: Archive(f"cyclegan/datasets/{name}.zip", contents, "CUT") for name, contents in _CUT.items()},
}

#: The SHA-256 of the archives for which TensorFlow Datasets publishes it, by their addresses.
SHA256 = {
    f"https://efrosgans.eecs.berkeley.edu/cyclegan/datasets/{name}.zip": sha256
    for name, sha256 in {
        "apple2orange": "845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8",
        "cezanne2photo": "3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff",
        "horse2zebra": "a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1",
        "iphone2dslr_flower": "8fcb5e374d631b107e1d961b8c4cd0a186aa2a4ff3e279923f4c426128de7113",
        "monet2photo": "88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04",
        "summer2winter_yosemite": "167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9",
        "ukiyoe2photo": "02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08",
        "vangogh2photo": "362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff",
    }.items()
}

TERMS = "It comes without a licence of its own: the terms of where the pictures come from apply; cite that and {}."


def fetch(name: str, root: str | Path, *, keep_archive: bool = False) -> Path:
    """Download a dataset to ``root/name``, unless it is there.

    The terms are printed first.  The next call continues a broken download; the folder appears when it is complete.

    Args:
        name: One of `DATASETS`.
        root: Folder to put the dataset's folder in.
        keep_archive: Leave the archive beside it.

    Returns:
        The dataset's folder.

    Raises:
        ZooError: For an unknown name, a full disk, a failed transfer or a broken or unsafe archive.
    """
    if name not in DATASETS:
        raise ZooError(f"Unknown dataset {name!r}: {choices(name, DATASETS)}.")
    folder = Path(root) / name
    if folder.exists():
        print(printable(f"{folder} is there already; nothing to do."), file=sys.stderr)
        return folder
    path, contents, method = DATASETS[name]
    url, archive = f"{ADDRESS}/{path}", folder.with_name(PurePosixPath(path).name)
    print(f"{name}: {contents}. {TERMS.format(method)}", file=sys.stderr)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZooError(f"{folder.parent}: the folder cannot be made ({error.strerror}); choose another.") from None
    # Pictures are compressed already: unpacked they need about as much as their archive.
    first_use, sha256 = FirstUse(url), SHA256.get(url, "")
    download(url, archive, sha256=sha256, first_use=first_use, unpacked=1.1)
    extract(archive, folder)
    if not sha256:
        first_use.keep()
    if not keep_archive:
        archive.unlink()
    return folder
